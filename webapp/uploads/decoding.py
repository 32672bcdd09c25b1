"""A file that somebody uploaded turned into lines of text, or refused in a sentence; in bounded memory."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

_CHUNK = 64 * 1024

_OTHER_FORMATS = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook or another Office document"),
    (b"\x1f\x8b", "a compressed file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


class NotReadable(ValueError):
    """The file cannot be used at all. The message says why, and what to do."""


@dataclass(frozen=True)
class Limits:
    """What a kind of file may have, so that reading one costs little; and what to do about one that cannot be used."""

    advice: str
    largest_file: int
    most_lines: int
    longest_line: int = 1_000_000

    def refusal(self, why: str) -> NotReadable:
        return NotReadable(f"{why} {self.advice}")


class Lines:
    """The lines of a text with their ends, numbered from 1, for a `csv.reader`, which asks for what a record takes.

    A record that goes on for too long, such as one whose quote is never closed, ends with `csv.Error`.
    """

    def __init__(self, text: io.TextIOBase, limits: Limits) -> None:
        self._text = text
        self._limits = limits
        self._length = 0
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        limits = self._limits
        line = self._text.readline(limits.longest_line)
        if not line:
            raise StopIteration
        self.number += 1
        self._length += len(line)
        if len(line) == limits.longest_line:
            raise limits.refusal(f"Line {self.number:,} has more than {limits.longest_line:,} characters.")
        if self.number > limits.most_lines:
            raise limits.refusal(f"The file has more than {limits.most_lines:,} lines.")
        if self._length > limits.longest_line:
            raise csv.Error("unexpected end of data")
        return line

    def begin_record(self) -> None:
        self._length = 0


@contextmanager
def text_of(file: BinaryIO, limits: Limits) -> Iterator[tuple[Lines, str]]:
    """The lines of the file, and its encoding's name. Raises `NotReadable` where it is not text."""
    start = file.read(_CHUNK)
    _refuse_other_formats(start, limits)
    encoding, name = _encoding(file, start, limits)
    file.seek(0)
    # What is damaged is marked, so that the line can be told; line ends stay as they are: quoted fields hold some.
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
    try:
        yield Lines(text, limits), name
    finally:
        text.detach()


def _refuse_other_formats(start: bytes, limits: Limits) -> None:
    if not start.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0"):
        raise limits.refusal("The file is empty.")
    for signature, what in _OTHER_FORMATS:
        if start.startswith(signature):
            raise limits.refusal(f"This is {what}, not a CSV file.")
    # Without its marks of encoding, a page is a page in any of them.
    if start.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n").startswith(b"<"):
        raise limits.refusal("This is a web page (HTML or XML), not a CSV file.")
    # A single one may have come into a text by accident.
    is_full_of_nul = start.count(b"\0") * 10 > len(start)
    if is_full_of_nul and not start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise limits.refusal("This is not a text file, or it is in an encoding without its mark.")


def _encoding(file: BinaryIO, start: bytes, limits: Limits) -> tuple[str, str]:
    """The encoding by its mark; without one UTF-8, or Windows-1252 where the whole file is not UTF-8.

    A file of which most that is not ASCII is UTF-8 was damaged on its way. Raises `NotReadable` where it is too large.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    size = damaged = beyond_ascii = 0
    chunk = start
    while chunk:
        size += len(chunk)
        if size > limits.largest_file:
            raise limits.refusal(f"The file is larger than {limits.largest_file // 1024 // 1024} MB.")
        text = decoder.decode(chunk)
        if not text.isascii():
            damaged += text.count("\ufffd")
            beyond_ascii += len(text) - len(text.encode("ascii", "ignore"))
        chunk = file.read(_CHUNK)
    for mark, encoding, name in _MARKS:
        if start.startswith(mark):
            return encoding, name
    if damaged and damaged * 2 >= beyond_ascii:
        return "cp1252", "Windows-1252"
    return "utf-8", "UTF-8"
