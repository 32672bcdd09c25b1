"""What `make` does where a start was cut short before, or where the environment was made for other programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

from config import BASE_DIR

# Debian's Python without python3-venv: what it makes has a Python, and no pip.
LACKS_VENV = """\
#!/bin/sh
case "$*" in
    *"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python; exit 1 ;;
    *"-m pip"*) echo "No module named pip" >&2; exit 1 ;;
esac
"""
# One that is newer than the packages: the system's was upgraded.
HAS_NO_PACKAGES = """\
#!/bin/sh
case "$*" in
    *find_spec*) exit 1 ;;
    *"-m pip install"*) echo "pip install" ;;
esac
"""
TELLS_OF_ITS_ENVIRONMENT = """\
#!/bin/sh
echo "${PYTHONPATH-none} ${PYTHONHOME-none} ${PYTHONSAFEPATH-none} $PORT"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of which nothing is installed yet."""
    shutil.copy(BASE_DIR / "Makefile", tmp_path)
    for name in ("requirements.txt", "package-lock.json", "webapp/icons.txt", "launcher/frontend.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def _script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def _stamp(folder: Path, *names: str) -> None:
    """Let all be installed, or what is named."""
    for name in names or ("python", "flask", "frontend"):
        (folder / ".stamps").mkdir(exist_ok=True)
        (folder / ".stamps" / name).touch()


def _make(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    # Without what `make test` tells a make within itself.
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    environment = {**own, **variables}
    return subprocess.run(["make", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_what_python_lacks_is_told_each_time_until_it_is_there(folder: Path) -> None:
    python = _script(folder / "python3", LACKS_VENV)
    for _ in range(2):
        ended = _make(folder, "install", f"PYTHON={python}")
        assert ended.returncode == 2
        assert "install python3-venv" in ended.stderr
        assert "No module named" not in ended.stderr


def test_what_was_set_for_other_programs_does_not_reach_ours(folder: Path) -> None:
    _script(folder / ".venv" / "bin" / "python", TELLS_OF_ITS_ENVIRONMENT)
    _stamp(folder)
    ended = _make(folder, "run", PYTHONPATH="/opt/ros", PYTHONHOME="/nowhere", PYTHONSAFEPATH="1", PORT="8001")
    assert ended.stdout == "none none none 8001\n"


def test_what_another_version_of_python_lacks_is_installed_for_it(folder: Path) -> None:
    python = _script(folder / ".venv" / "bin" / "python", HAS_NO_PACKAGES)
    _stamp(folder)
    ended = _make(folder, ".stamps/python")
    assert "pip install" in ended.stdout
    python.write_text(TELLS_OF_ITS_ENVIRONMENT)
    assert "pip install" not in _make(folder, ".stamps/python").stdout


@pytest.mark.slow
def test_flask_leaves_a_damaged_env_file_and_that_of_a_folder_above_alone(folder: Path) -> None:
    venv.create(folder / ".venv", symlinks=True)
    [packages] = (folder / ".venv" / "lib").glob("python*/site-packages")
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib"))
    _stamp(folder, "python")
    assert _make(folder, ".stamps/flask").returncode == 0
    (folder / ".env").write_text("SERVER=elsewhere")
    within = folder / "project"
    within.mkdir()
    (within / "wsgi.py").write_text(
        "import os\nprint(os.environ.get('SERVER'))\nfrom flask import Flask\napp = Flask('app')"
    )
    for ours in ("", "# caf\u00e9"):
        if ours:
            (within / ".env").write_text(ours, encoding="latin-1")
        words = [str(folder / ".venv" / "bin" / "python"), "-m", "flask", "routes"]
        ended = subprocess.run(words, cwd=within, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.startswith("None\n")
