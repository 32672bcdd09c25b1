"""Text that came from outside, made fit to be a name and to be searched by; and whether there is anything to see."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

# So much of what somebody typed, and what is refused, is told them.
LONGEST_TOLD = 60
_LONGEST_LABEL = 100
NO_VISIBLE_NAME = "(no visible name)"

# Zero width non-joiner and joiner: Persian and the scripts of India spell words with them, emoji are put together.
_JOINERS = frozenset("\u200c\u200d")
# Of what is called format characters, those that are written: signs that stand around Arabic and other numbers.
_WRITTEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
# What counts as a letter or a symbol and shows nothing: fillers of Hangul syllables, and Braille without dots.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# Nothing by itself: control, format and half characters, white space, and marks, which are set on others.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs", "Mn", "Mc", "Me"})


def one_line(text: str) -> str:
    """The text on one line with single spaces, without control and format characters; empty where nothing is visible.

    Format characters turn the direction of what follows, or are not seen at all, so that two names look like one.
    Joiners stay between letters and between emoji.
    """
    text = " ".join("".join(_kept(text)).split())
    return text if is_visible(text) else ""


def name(text: str, longest: int) -> str:
    """The text as a name on one line; empty where nothing is visible. Raises `ValueError` where it is too long."""
    text = one_line(text)
    if len(text) > longest:
        raise ValueError(f"The name has {len(text):,} characters; it may have {longest}.")
    return text


def several_lines(text: str) -> str:
    """The text line by line as `one_line` makes each, with at most one empty line between two others."""
    lines: list[str] = []
    for line in map(one_line, text.splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip("\n")


def count_of(number: int, noun: str) -> str:
    """A number with its noun, of which there may be one or several: "1 tenant", "1,214 tenants"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def first_of(names: Sequence[str], most: int = 5) -> str:
    """These in a sentence, or the first of them and how many more there are: "one, two and 3 more"."""
    *told, last = [*names[:most], f"{len(names) - most:,} more"] if len(names) > most else names
    return f"{', '.join(told)} and {last}" if told else last


def clipped(text: str, longest: int = LONGEST_TOLD) -> str:
    """The text where it has no more than so many characters, else its beginning and that there is more."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def label(text: str) -> str:
    """The text as an entry of a list to choose from: on one line, and no longer than a list is wide."""
    return clipped(" ".join(text.split()), _LONGEST_LABEL)


def at_the_end(name: str) -> str:
    """A name, or others' words, with which a sentence ends: the stop of an "Inc." is the sentence's, too."""
    return f"{name.removesuffix('.')}."


def is_visible(text: str) -> bool:
    """Whether there is anything to see, and so to click."""
    return any(
        character in _WRITTEN or (unicodedata.category(character) not in _UNSEEN and character not in _BLANK)
        for character in text
    )


def visible_name(text: str) -> str:
    """A name as it is shown where it is a link: Microsoft's names are kept as they came, also those of nothing."""
    return text if is_visible(text) else NO_VISIBLE_NAME


def _kept(text: str) -> Iterator[str]:
    for before, character, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if character in _JOINERS:
            is_kept = _is_joined(before) and _is_joined(after)
        else:
            is_kept = (
                character.isspace()
                or character in _WRITTEN
                or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
            )
        if is_kept:
            yield character


def _is_joined(character: str) -> bool:
    """A letter, a mark on one, or a picture."""
    return unicodedata.category(character)[0] in "LMS"
