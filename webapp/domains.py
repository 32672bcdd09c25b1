"""Domain names that people type or paste, as they are stored; what is none is refused in a sentence."""

from __future__ import annotations

import re

import idna

from .text import clipped, first_of, one_line

MOST_DOMAINS = 100
# As DNS has it, in the letters that it knows.
LONGEST_DOMAIN = 253

_SEPARATORS = re.compile(r"[\s,;]+")


def domain(text: str) -> str:
    """The domain in lower case, in the letters that it was typed in. Raises `ValueError` where it is none."""
    try:
        name = idna.uts46_remap(one_line(text), std3_rules=True, transitional=False).rstrip(".")
        ascii_name = idna.encode(name).decode()
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError(f"{_told(text)} is not a domain name.") from error
    labels = ascii_name.split(".")
    if len(labels) < 2 or labels[-1].isdecimal() or len(ascii_name) > LONGEST_DOMAIN:
        raise ValueError(f"{_told(text)} is not a domain name.")
    return name


def domains(text: str) -> list[str]:
    """The domains in the text, each once, set apart by lines, commas or spaces. Raises `ValueError` as above."""
    typed = [part for part in _SEPARATORS.split(text) if part]
    if len(typed) > MOST_DOMAINS:
        raise ValueError(f"These are {len(typed):,} domains; an organization may have {MOST_DOMAINS}.")
    found: list[str] = []
    wrong: list[str] = []
    for part in typed:
        try:
            found.append(domain(part))
        except ValueError:
            wrong.append(part)
    if wrong:
        raise ValueError(_refusal(wrong))
    return list(dict.fromkeys(found))


def _refusal(wrong: list[str]) -> str:
    what = "is not a domain name" if len(wrong) == 1 else "are not domain names"
    those = first_of([_told(part) for part in wrong])
    return f"{those} {what}. A domain looks like contoso.com: without https://, a path or an @."


def _told(text: str) -> str:
    return clipped(one_line(text) or "(nothing visible)")
