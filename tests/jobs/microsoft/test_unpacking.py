"""Answers that come packed: unpacked to their end, in bounded memory, and broken off where that is missing."""

from __future__ import annotations

import gzip
import socket
import tracemalloc
from pathlib import Path

import pytest

from jobs.microsoft import transport
from jobs.microsoft.errors import BadAnswer, BrokenOff
from jobs.microsoft.transport import Transport
from tests.jobs.raw_server import answer, raw_server

PACKED = gzip.compress(b'{"value": []}')
PACKED_HEADER = "Content-Encoding: gzip\r\n"


@pytest.mark.parametrize("missing", [1, 8, 12, len(PACKED) - 10, len(PACKED) - 1])
@pytest.mark.parametrize("closes", [False, True], ids=["length", "closed"])
def test_a_packed_answer_that_was_cut_off_broke_off(closes: bool, missing: int, tmp_path: Path) -> None:
    def cut_off(connection: socket.socket) -> None:
        if not closes:
            connection.sendall(answer(PACKED[:-missing], PACKED_HEADER))
            return
        connection.sendall(f"HTTP/1.1 200 OK\r\n{PACKED_HEADER}\r\n".encode() + PACKED[:-missing])
        connection.shutdown(socket.SHUT_RDWR)

    with raw_server(tmp_path, cut_off) as server, pytest.raises(BrokenOff):
        Transport(server.ca_bundle).send("GET", server.url)


@pytest.mark.parametrize(
    ("sent", "header", "content"),
    [
        (PACKED + PACKED, PACKED_HEADER, b'{"value": []}' * 2),
        (PACKED + bytes(7), PACKED_HEADER, b'{"value": []}'),
        (PACKED + b"\n", PACKED_HEADER, b'{"value": []}'),
        (PACKED, "content-encoding: X-GZIP\r\n", b'{"value": []}'),
        (b"", PACKED_HEADER, b""),
        (gzip.compress(b""), PACKED_HEADER, b""),
        (gzip.compress(bytes(300_000)), PACKED_HEADER, bytes(300_000)),
        (b"{}", "Content-Encoding: identity\r\n", b"{}"),
    ],
    ids=["two", "zeros after it", "a line after it", "its other name", "nothing", "empty", "large", "not packed"],
)
def test_what_comes_packed_is_unpacked_to_its_end(sent: bytes, header: str, content: bytes, tmp_path: Path) -> None:
    with raw_server(tmp_path, lambda connection: connection.sendall(answer(sent, header))) as server:
        assert Transport(server.ca_bundle).send("GET", server.url).content == content
        assert "accept-encoding: gzip\r\n" in server.heads[0].lower()


@pytest.mark.parametrize(
    "sent",
    [b'{"value": []}', PACKED[:15] + b"\xff\xff\xff" + PACKED[18:], PACKED[:-8] + bytes(8)],
    ids=["not packed", "changed", "of another sum"],
)
def test_what_is_not_packed_as_it_says_is_no_answer(sent: bytes, tmp_path: Path) -> None:
    whole = answer(sent, PACKED_HEADER)
    with raw_server(tmp_path, lambda connection: connection.sendall(whole)) as server, pytest.raises(BrokenOff):
        Transport(server.ca_bundle).send("GET", server.url)


def test_a_small_answer_that_unpacks_to_a_huge_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 1024 * 1024
    monkeypatch.setattr(transport, "ANSWER_BYTES", limit)
    bomb = answer(gzip.compress(bytes(64 * limit)), "Content-Encoding: gzip\r\n")
    with raw_server(tmp_path, lambda connection: connection.sendall(bomb)) as server:
        tracemalloc.start()
        try:
            with pytest.raises(BadAnswer, match="larger than 1 MB"):
                Transport(server.ca_bundle).send("GET", server.url)
            assert tracemalloc.get_traced_memory()[1] < 6 * limit
        finally:
            tracemalloc.stop()
