"""The settings of mail: checked at the start, with a sentence that never tells the password."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import load
from settings.errors import SettingError
from settings.mail import read_mail_server

MAIL = {
    "MAIL_SERVER": "smtp://me%40msp.example:p%2Fw@mail.example",
    "MAIL_FROM": "seatledger@msp.example",
    "PUBLIC_URL": "https://licenses.example/",
}


def test_mail_is_off_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    settings = load(None)
    assert (settings.mail_server, settings.public_url) == ("", "")


def test_a_mail_server_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    for name, value in MAIL.items():
        monkeypatch.setenv(name, value)
    settings = load(None)
    assert settings.public_url == "https://licenses.example"
    server = read_mail_server(settings.mail_server)
    assert (server.host, server.port, server.user, server.password) == ("mail.example", 587, "me@msp.example", "p/w")
    assert not server.is_encrypted_from_start
    assert "p%2Fw" not in repr(settings)
    assert "p/w" not in repr(server)
    encrypted = read_mail_server("smtps://mail.example")
    assert (encrypted.port, encrypted.is_encrypted_from_start, encrypted.user) == (465, True, "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_SERVER", "mail.example"),
        ("MAIL_SERVER", "http://me:s3cret@mail.example"),
        ("MAIL_SERVER", "smtp://me:s3cret@"),
        ("MAIL_SERVER", "smtp://me:s3cret@mail.example:port"),
        ("MAIL_SERVER", "smtp://me:s3/cret@mail.example"),
        ("MAIL_SERVER", "smtp://[mail.example"),
        ("MAIL_FROM", ""),
        ("MAIL_FROM", "Seatledger"),
        ("MAIL_FROM", "a@msp.example\nBcc: eve@evil.example"),
        ("PUBLIC_URL", ""),
        ("PUBLIC_URL", "licenses.example"),
        ("PUBLIC_URL", "ftp://licenses.example"),
        ("PUBLIC_URL", "https://licenses.example/?x=1"),
        ("PUBLIC_URL", "https://me:s3cret@licenses.example"),
    ],
)
def test_what_cannot_be_is_told_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    for setting, given in {**MAIL, name: value}.items():
        monkeypatch.setenv(setting, given)
    with pytest.raises(SettingError, match=name) as raised:
        load(None)
    assert "s3" not in str(raised.value)
