"""Copies the front-end files that the pages use out of the installed npm packages, and compresses them.

`python -m launcher.frontend` is the last step of `make install`.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from whitenoise.compress import Compressor

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "node_modules"
STATIC = ROOT / "webapp" / "static"

FILES = {
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "tabler-vendors.min.css": "@tabler/core/dist/css/tabler-vendors.min.css",
    "tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
    "tabler-theme.min.js": "@tabler/core/dist/js/tabler-theme.min.js",
    "tom-select.min.css": "@tabler/core/dist/libs/tom-select/dist/css/tom-select.bootstrap5.min.css",
    "tom-select.base.min.js": "@tabler/core/dist/libs/tom-select/dist/js/tom-select.base.min.js",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
}


def copy_files() -> None:
    """Lay out `webapp/static/vendor` anew."""
    draft = STATIC / "vendor.new"
    shutil.rmtree(draft, ignore_errors=True)
    (draft / "icons").mkdir(parents=True)
    for name, source in FILES.items():
        shutil.copyfile(PACKAGES / source, draft / name)
    for name in (ROOT / "webapp" / "icons.txt").read_text().split():
        shutil.copyfile(PACKAGES / "@tabler/icons/icons/outline" / f"{name}.svg", draft / "icons" / f"{name}.svg")
    shutil.rmtree(STATIC / "vendor", ignore_errors=True)
    draft.rename(STATIC / "vendor")


def compress_files() -> None:
    """Put a .gz beside each text file, which WhiteNoise sends to browsers that take it."""
    compressor = Compressor(quiet=True)
    for path in (STATIC / "vendor").glob("*.*"):
        if compressor.should_compress(path.name):
            list(compressor.compress(str(path)))


def main() -> int:
    try:
        copy_files()
    except FileNotFoundError as error:
        print(f"{error.filename} is missing: run `npm ci` first, or `make install`.", file=sys.stderr)  # noqa: T201
        return 1
    compress_files()
    return 0


if __name__ == "__main__":
    sys.exit(main())
