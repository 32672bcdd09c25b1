"""The file that settings may stand in, looked at before it is read: what it means must not be left out in silence."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream
from dotenv.variables import Atom, Variable, parse_variables

from .errors import SettingError


def require_legible(file: Path) -> None:
    """Raise where it cannot be read, is no text, or has a line that is no setting, or names a variable that is not set.

    Such a line would be skipped otherwise: where it names the data directory, an empty one would be begun elsewhere.
    Such a variable, as the middle of a password may look like one, would be left out.
    """
    known = set(os.environ)
    for binding in parse_stream(StringIO(_text(file))):
        lacks_value = binding.key is not None and binding.value is None
        if binding.error or lacks_value:
            raise SettingError(
                f"Line {binding.original.line} of {file} is no setting. Write NAME=value there, close every quotation "
                "mark, and begin a remark with #."
            )
        if any(_is_missing(atom, known) for atom in parse_variables(binding.value or "")):
            # Which is not told: it may be a part of a password.
            raise SettingError(
                f"Line {binding.original.line} of {file} has a ${{...}}, which stands for a variable, and that is not "
                "set. In the user or password of an address, write $ as %24; elsewhere, set what begins so in the "
                "environment instead."
            )
        known.add(binding.key or "")


def _is_missing(atom: Atom, known: set[str]) -> bool:
    return isinstance(atom, Variable) and atom.default is None and atom.name not in known


def _text(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingError(f"{file} cannot be read ({error.strerror}). Check its owner and its permissions.") from error
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise SettingError(f"{file} is not in UTF-8. Save it in that encoding, which editors may call Unicode (UTF-8).")
    return text
