"""A check for each kind of setting. Each raises `SettingError` with a sentence that names it and says what to do."""

from __future__ import annotations

import os
import re
import sqlite3
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from redis import ConnectionPool
from redis.exceptions import RedisError
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from .data_directory import RESTORE_IT, kept
from .errors import SettingError

# As many connections to Microsoft are kept open (jobs/microsoft/connections.py), and threads share one processor.
MOST_TENANTS_AT_ONCE = 64

LEAST_SQLITE = (3, 35)

# A hundred years: of many more the calendar has no beginning.
MOST_DAYS = 36_500

# In lower case.
_YES = frozenset({"true", "t", "yes", "y", "on", "1"})
_NO = frozenset({"false", "f", "no", "n", "off", "0"})

_ESCAPES = "In a user or a password, write @ as %40, / as %2F, # as %23, ? as %3F, : as %3A and % as %25."


# What SQLAlchemy and SQLite call a database that is no file.
_IN_MEMORY = frozenset({None, "", ":memory:"})


def database_url(given: str, data_dir: Path) -> str:
    """The address with the driver that is installed; a SQLite file in the data directory where none was given."""
    if not given or given.startswith("sqlite:"):
        _require_new_sqlite()
    if not given:
        # Made, not written: a % or ? of the path would else be read as one of the address.
        return URL.create("sqlite", database=str(data_dir / "seatledger.db")).render_as_string()
    if given.startswith(("postgresql://", "postgres://")):
        # What hosting providers hand out; the driver that Seatledger installs is psycopg 3.
        given = "postgresql+psycopg://" + given.split("://", 1)[1]
    if not given.startswith(("sqlite://", "postgresql+psycopg://")):
        scheme = given.split(":", 1)[0]
        raise SettingError(
            f"DATABASE_URL starts with {scheme}: which Seatledger does not know. "
            "Use postgresql+psycopg://USER:PASSWORD@HOST/NAME or sqlite:////PATH."
        )
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        # What they say may quote a part of the password.
        raise SettingError(
            f"DATABASE_URL is no address of the form postgresql+psycopg://USER:PASSWORD@HOST:5432/NAME. {_ESCAPES}"
        ) from None
    if url.get_backend_name() == "sqlite" and (url.host or url.database in _IN_MEMORY or "mode=memory" in given):
        raise SettingError(
            "DATABASE_URL names no file, and all processes need the same one, which outlives them. Name it, as in "
            "sqlite:////srv/seatledger/seatledger.db, or leave DATABASE_URL out."
        )
    return given


def _require_new_sqlite() -> None:
    """Raise where Python came with a SQLite that lacks what statements use (RETURNING), as some systems' does."""
    if sqlite3.sqlite_version_info < LEAST_SQLITE:
        raise SettingError(
            f"This Python has SQLite {sqlite3.sqlite_version}, and {'.'.join(map(str, LEAST_SQLITE))} or newer is "
            "needed. Set DATABASE_URL to a PostgreSQL database, or install with another Python: `make clean`, then "
            "`make install PYTHON=/path/to/python3`."
        )


def redis_url(given: str) -> str:
    """The address; empty where the embedded Redis is meant."""
    if given and not given.startswith(("redis://", "rediss://", "unix://")):
        raise SettingError("REDIS_URL must start with redis://, rediss:// or unix://, as in redis://127.0.0.1:6379/0.")
    if given:
        _try_redis_url(given)
        _require_number_of_redis(given)
    return given


def _try_redis_url(given: str) -> None:
    try:
        ConnectionPool.from_url(given).make_connection()  # which does not connect yet
    except TypeError as error:
        option = str(error).rpartition("argument ")[2].strip("'")
        raise SettingError(f"REDIS_URL has the option {option}, which is not known.") from None
    except (ValueError, RedisError):
        # What they say may quote a part of the password.
        raise SettingError(
            f"REDIS_URL is no address of the form rediss://USER:PASSWORD@HOST:6379/0. {_ESCAPES}"
        ) from None


def _require_number_of_redis(given: str) -> None:
    """Raise where the address ends with no number of a database: redis-py takes the first one then, maybe another's."""
    number = urlsplit(given).path.strip("/")
    if not given.startswith("unix:") and number and not number.isdecimal():
        # Which is not told: it may be a part of the password.
        raise SettingError(
            f"REDIS_URL ends with what is no number of a database, as the 0 in rediss://HOST:6379/0. {_ESCAPES}"
        )


def encryption_keys(given: str, data_dir: Path) -> tuple[str, ...]:
    """The keys of Fernet, the one that encrypts first; one that is kept in the data directory where none was given."""
    file = data_dir / "encryption_keys"
    text = given or kept(file, lambda: Fernet.generate_key().decode())
    keys = tuple(key for key in text.replace(",", " ").split() if key)
    try:
        for key in keys:
            Fernet(key)
    except ValueError as error:
        if not given:
            # A new key would not read what is stored.
            raise SettingError(f"{file} is damaged: it holds what is no key. {RESTORE_IT}") from error
        raise SettingError(
            "ENCRYPTION_KEYS holds a key that is not 32 bytes in URL-safe base64. Make one with: "
            'python3 -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'
        ) from error
    if not keys:
        raise SettingError("ENCRYPTION_KEYS is empty. Remove the setting, or give at least one key.")
    return keys


def https_url(name: str, given: str) -> str | None:
    """The address without a slash at its end."""
    if not given:
        return None
    if not given.startswith("https://"):
        raise SettingError(f"{name} must start with https:// since credentials are sent to it.")
    try:
        parts = urlsplit(given)
        is_address = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_address = False
    if not is_address or "@" in parts.netloc or parts.query or parts.fragment or any(map(str.isspace, given)):
        raise SettingError(f"{name} must be an address without anything behind it, as in https://graph.example.")
    if parts.path.rstrip("/").endswith(("/v1.0", "/beta")):
        raise SettingError(f"{name} must end before {parts.path.rstrip('/').rpartition('/')[2]}, which is added to it.")
    return given.rstrip("/")


def whole_path(name: str, given: str) -> Path:
    """The path from the root on, also where nothing is there yet."""
    try:
        return Path(given).expanduser().resolve()
    except (RuntimeError, ValueError, OSError) as error:
        # A ~ of nobody, a link that leads to itself, or a character that no path has.
        raise SettingError(
            f"{name} is {given}, which leads nowhere ({error}). Give the whole path, from / on."
        ) from error


def ca_bundle(name: str, given: str) -> str | None:
    """The whole path of a file of certificates."""
    if not given:
        return None
    path = whole_path(name, given)
    if not (path.is_file() and os.access(path, os.R_OK)):
        raise SettingError(f"{name} names {path}, which is not a file that can be read.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError as error:
        raise SettingError(
            f"{name} names {path}, which holds no certificate in PEM. One begins with -----BEGIN CERTIFICATE-----; "
            "`openssl x509 -inform der` makes it of a .cer file."
        ) from error
    return str(path)


def number(name: str, given: str, default: int) -> int:
    """The whole number; the default where nothing was given, as where a `.env` names a setting and leaves it empty."""
    given = given.strip()
    if not given:
        return default
    try:
        return int(given)
    except ValueError:
        raise SettingError(f"{name} is {given}; it must be a whole number, such as {default}.") from None


def yes_or_no(name: str, given: str, default: bool) -> bool:
    """Whether it is switched on; the default where nothing was given."""
    given = given.strip()
    if not given:
        return default
    if given.lower() not in _YES | _NO:
        raise SettingError(f"{name} is {given}; it must be true or false.")
    return given.lower() in _YES


def one_of(name: str, given: str, choices: tuple[str, ...]) -> str:
    """The choice, in lower case."""
    if given.lower() not in choices:
        raise SettingError(f"{name} is {given}; it must be one of {', '.join(choices)}.")
    return given.lower()


def metrics_token(given: str) -> str:
    """A token that nobody guesses and every HTTP client can send; empty where nobody may ask."""
    if given and not re.fullmatch(r"[!-~]{16,}", given):
        raise SettingError(
            "METRICS_TOKEN must be at least 16 characters of ASCII without spaces, since it lets people in. "
            'Make one with: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return given


def between(name: str, given: int, least: int, most: int, advice: str = "") -> int:
    """The number. `advice` is a sentence for whoever wants another one."""
    if not least <= given <= most:
        raise SettingError(f"{name} is {given}; it must be between {least} and {most}. {advice}".rstrip())
    return given


def at_least(name: str, given: int, least: int) -> int:
    """The number."""
    if given < least:
        raise SettingError(f"{name} is {given}; it must be {least} or more.")
    return given
