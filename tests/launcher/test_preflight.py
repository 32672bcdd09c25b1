"""What a machine lacks is said in a sentence before anything is started."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import socket
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import pytest

from launcher.preflight import LEAST_FILES, check_files, check_port, check_room, check_temporary_files, held_port
from launcher.saying import CannotStart
from settings.data_directory import LEAST_ROOM
from tests.support.running import free_port
from tests.support.settings import make_settings


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make_settings(tmp_path)
    room = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: room._replace(free=LEAST_ROOM))
    check_room(settings)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: room._replace(free=0))
    with pytest.raises(CannotStart, match=r"is full \(0\.0 MB are free\)\. Make room"):
        check_room(settings)


def test_a_disk_that_takes_no_further_file_is_named_where_it_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(tmp_path)
    found = list(os.statvfs(tmp_path))
    for files, free, is_told in ((1000, 100, False), (0, 0, False), (1000, 3, True)):
        found[5], found[7] = files, free
        monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(found))
        with pytest.raises(CannotStart, match="has room for 3 further files") if is_told else nullcontext():
            check_room(settings)


@pytest.mark.parametrize("most", [resource.RLIM_INFINITY, LEAST_FILES, 10**6])
def test_where_enough_files_may_be_opened_nothing_is_said(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda what: (64, most))
    check_files()


def test_where_too_few_files_may_be_opened_the_number_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda what: (64, 256))
    with pytest.raises(CannotStart, match=r"No more than 256 files.*1,024 are needed.*ulimit -n 1024"):
        check_files()


def test_where_nothing_temporary_can_be_written_it_is_said_how_to_name_a_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_temporary_files()
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere/at/all"])
    with pytest.raises(CannotStart, match="set TMPDIR"):
        check_temporary_files()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the moment is not guarded")
def test_of_two_that_start_at_the_same_moment_with_one_address_the_second_is_told(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, port=free_port())
    with held_port(settings), pytest.raises(CannotStart, match=f"Port {settings.port} on .* in use"):
        held_port(settings).__enter__()
    with held_port(settings):
        pass


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_an_address_of_another_machine_is_not_told_as_a_port_in_use(tmp_path: Path, host: str) -> None:
    with pytest.raises(CannotStart, match=f"HOST names {host}, which is not an address of this machine"):
        check_port(make_settings(tmp_path, host=host))


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EAFNOSUPPORT, "HOST names ::1, which is not an address"),
        (errno.EACCES, r"may not listen on port 80 .*PORT=8000 make run"),
    ],
)
def test_what_the_system_refuses_is_told_by_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, sentence: str
) -> None:
    def refuse(*words: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(CannotStart, match=sentence):
        check_port(make_settings(tmp_path, host="::1", port=80))
