"""Settings that were left empty mean their defaults, and wrong ones are told in a sentence."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import make_url

from config import load
from settings.errors import SettingError

PLAIN = (
    "HOST",
    "PORT",
    "SYNC_WORKERS",
    "SYNC_TENANTS_AT_ONCE",
    "TRUSTED_PROXIES",
    "RUN_LOG_DAYS",
    "DATABASE_PREPARED_STATEMENTS",
    "LOG_FORMAT",
    "LOG_LEVEL",
)


@pytest.fixture(autouse=True)
def nothing_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    for name in PLAIN:
        # Set first, so that what a file sets in this process is taken back, too.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.parametrize("name", PLAIN)
def test_an_empty_setting_means_its_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    default = load(None)
    monkeypatch.setenv(name, "")
    assert load(None) == default


def test_a_file_that_leaves_all_of_them_empty_means_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "empty.env"
    default = load(None)
    file.write_text("".join(f"{name}=\n" for name in PLAIN))
    assert load(file) == default
    assert (default.host, default.port, default.sync_workers) == ("127.0.0.1", 8000, 2)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("2001:db8::1", "http://[2001:db8::1]:8000"),
        ("licenses.example", "http://licenses.example:8000"),
    ],
)
def test_the_address_to_open_on_this_machine_is_one_that_a_browser_takes(
    host: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST", host)
    assert load(None).local_address == address


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("PORT", "abc", "PORT is abc; it must be a whole number, such as 8000."),
        ("PORT", "80.5", "PORT is 80.5; it must be a whole number, such as 8000."),
        ("PORT", "70000", "PORT is 70000; it must be between 1 and 65535."),
        ("SYNC_WORKERS", "two", "SYNC_WORKERS is two; it must be a whole number, such as 2."),
        ("SYNC_WORKERS", "0", "SYNC_WORKERS is 0; it must be 1 or more."),
        ("SYNC_TENANTS_AT_ONCE", "x", "SYNC_TENANTS_AT_ONCE is x; it must be a whole number, such as 16."),
        ("TRUSTED_PROXIES", "one", "TRUSTED_PROXIES is one; it must be a whole number, such as 0."),
        ("RUN_LOG_DAYS", "9 days", "RUN_LOG_DAYS is 9 days; it must be a whole number, such as 90."),
        # So many days ago there was no calendar: nothing would ever be deleted, nor done after that.
        ("RUN_LOG_DAYS", "999999", "RUN_LOG_DAYS is 999999; it must be between 1 and 36500."),
        ("DATABASE_PREPARED_STATEMENTS", "maybe", "DATABASE_PREPARED_STATEMENTS is maybe; it must be true or false."),
    ],
)
def test_a_wrong_setting_is_told_with_what_to_write(
    name: str, given: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, given)
    with pytest.raises(SettingError) as refused:
        load(None)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("name", ["MICROSOFT_LOGIN_URL", "MICROSOFT_GRAPH_URL"])
@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("http://graph.example", "must start with https://"),
        ("https://", "must be an address"),
        ("https://graph.example:port", "must be an address"),
        ("https://graph.example /", "must be an address"),
        ("https://me:s3cret@graph.example", "must be an address"),
        ("https://graph.example?x=1", "must be an address"),
        ("https://graph.example/v1.0/", r"must end before v1\.0"),
    ],
)
def test_an_address_that_nothing_can_be_asked_at_is_refused(
    name: str, given: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, given)
    with pytest.raises(SettingError, match=f"{name} {sentence}") as refused:
        load(None)
    assert "s3cret" not in str(refused.value)


def test_a_database_of_redis_that_is_no_number_is_refused_and_not_taken_for_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for address in ("redis://:s3cret@redis.example:6379/seatledger", "redis://:1234/s3cret@redis.example/0"):
        monkeypatch.setenv("REDIS_URL", address)
        with pytest.raises(SettingError, match="REDIS_URL ends with what is no number of a database") as refused:
            load(None)
        assert "s3cret" not in str(refused.value)
    for address in ("redis://redis.example:6379/3", "redis://redis.example", "unix:///run/redis/redis.sock?db=3"):
        monkeypatch.setenv("REDIS_URL", address)
        assert load(None).redis_url == address


def test_an_address_may_have_a_path_before_what_is_added_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICROSOFT_GRAPH_URL", "https://gateway.example:8443/graph/")
    assert load(None).microsoft_graph_url == "https://gateway.example:8443/graph"


@pytest.mark.parametrize(
    ("given", "means"), [("true", True), ("ON", True), (" 1 ", True), ("False", False), ("no", False), ("0", False)]
)
def test_what_is_switched_is_understood_in_the_usual_words(
    given: str, means: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PREPARED_STATEMENTS", given)
    assert load(None).database_prepared_statements is means


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("PORT=9001\n".encode("utf-16"), "is not in UTF-8. Save it"),
        ("MAIL_FROM=Müller <m@msp.example>\n".encode("latin-1"), "is not in UTF-8. Save it"),
        ("PORT=9001\n".encode("utf-16-le"), "is not in UTF-8. Save it"),
        (b'PORT=9001\nDATA_DIR="/srv/seatledger\n', "Line 2 of .* is no setting. Write NAME=value"),
        (b"DATA_DIR:/srv/seatledger\n", "Line 1 of .* is no setting. Write NAME=value"),
        (b"PORT=9001\nexport DATA_DIR\n", "Line 2 of .* is no setting. Write NAME=value"),
        (b"MAIL_FROM=a@b.example\nMAIL_SERVER='smtp://me:s3${cr}et@mx.example'\n", r"Line 2 .* write \$ as %24"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused_and_not_passed_over(
    written: bytes, sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "some.env"
    file.write_bytes(written)
    with pytest.raises(SettingError, match=sentence):
        load(file)


def test_a_variable_that_is_set_stands_for_its_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "some.env"
    file.write_text("LOG_LEVEL=${SEATLEDGER_LEVEL}\nLOG_FORMAT=${NOWHERE:-json}\nHOST=10.$0.0.1\n")
    monkeypatch.setenv("SEATLEDGER_LEVEL", "error")
    assert (load(file).log_level, load(file).log_format, load(file).host) == ("error", "json", "10.$0.0.1")


@pytest.mark.parametrize("written", [b"\xef\xbb\xbfPORT=9001\n", b"# a remark\r\nexport PORT = '9001' # here\r\n\r\n"])
def test_a_file_as_editors_write_it_is_read(written: bytes, tmp_path: Path) -> None:
    file = tmp_path / "some.env"
    file.write_bytes(written)
    assert load(file).port == 9001


@pytest.mark.parametrize("name", ["DATA_DIR", "MICROSOFT_CA_BUNDLE"])
def test_a_path_that_leads_nowhere_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "~nobody-of-that-name/data")
    with pytest.raises(SettingError, match=f"{name} is ~nobody-of-that-name/data, which leads nowhere"):
        load(None)
    # Some versions of Python find that it leads nowhere, and others that it cannot be made.
    (tmp_path / "circle").symlink_to("circle")
    monkeypatch.setenv(name, str(tmp_path / "circle" / "data"))
    with pytest.raises(SettingError, match="circle"):
        load(None)


@pytest.mark.parametrize("written", [b"", b"\x30\x82\x03\x0c", b"-----BEGIN CERTIFICATE-----\nMII\n"])
def test_a_bundle_that_holds_no_certificate_is_refused(
    written: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "authority.cer"
    file.write_bytes(written)
    monkeypatch.setenv("MICROSOFT_CA_BUNDLE", str(file))
    with pytest.raises(SettingError, match=r"authority\.cer, which holds no certificate in PEM"):
        load(None)


@pytest.mark.parametrize(
    "given",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file:seatledger?mode=memory&uri=true",
        "sqlite://srv/seatledger.db",
    ],
)
def test_a_database_that_no_two_processes_would_share_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", given)
    with pytest.raises(SettingError, match="DATABASE_URL names no file"):
        load(None)


@pytest.mark.parametrize("given", ["", "sqlite:////srv/seatledger.db"])
def test_a_python_whose_sqlite_is_too_old_is_told_and_what_to_do(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.34.1")
    monkeypatch.setenv("DATABASE_URL", given)
    with pytest.raises(SettingError, match=r"SQLite 3\.34\.1, and 3\.35 or newer is needed\. Set DATABASE_URL"):
        load(None)
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/seatledger")
    assert load(None).database_url == "postgresql+psycopg://db.example/seatledger"


def test_the_database_is_in_the_data_directory_whatever_that_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "what? My%20Projects 100 % #1"
    monkeypatch.setenv("DATA_DIR", str(directory))
    assert make_url(load(None).database_url).database == str(directory / "seatledger.db")


@pytest.mark.parametrize("name", ["secret_key", "encryption_keys"])
def test_a_kept_secret_that_is_damaged_is_not_to_be_replaced(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingError, match=f"{name} is damaged.* Restore it from a backup"):
        load(None)


def test_where_a_kept_key_is_none_no_new_one_is_advised(tmp_path: Path) -> None:
    (tmp_path / "encryption_keys").write_text("half of a k")
    with pytest.raises(SettingError, match="encryption_keys is damaged: it holds what is no key"):
        load(None)


def test_settings_that_are_printed_tell_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    key = Fernet.generate_key().decode()
    secrets = {
        "SECRET_KEY": "signs-what-browsers-keep",
        "ENCRYPTION_KEYS": key,
        "METRICS_TOKEN": "lets-a-program-read-the-metrics",
        "DATABASE_URL": "postgresql://seatledger:of-the-database@db.example/seatledger",
        "REDIS_URL": "redis://seatledger:of-redis@redis.example/0",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    shown = repr(load(None))
    told = (*secrets.values(), "of-the-database", "of-redis")
    assert [secret for secret in told if secret in shown] == []
