"""The settings of Seatledger, read once from the environment and a `.env` file.

Every setting has a default that works on a laptop. Secrets that were not given are made once and kept in
`DATA_DIR` with mode 0600, so that a restart finds the sessions and the encrypted secrets as they were.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cryptography.fernet import Fernet
from environs import Env, EnvError

BASE_DIR = Path(__file__).resolve().parent

# What a server that runs gives the commands beside it to find, in its data directory.
BESIDE = "beside.env"

# A Unix socket's address holds 108 bytes at the most (unix(7)); one is its closing NUL.
_SOCKET_PATH_LIMIT = 107

# As many connections to Microsoft are kept open (jobs/microsoft/connections.py), and threads share one processor.
MOST_TENANTS_AT_ONCE = 64

_LOG_FORMATS = ("text", "json")
_LOG_LEVELS = ("debug", "info", "warning", "error")

_MAIL_PORTS = {"smtp": 587, "smtps": 465}
_MAIL_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+")


class SettingError(ValueError):
    """A setting cannot be used. The message names it and says what to do."""


@dataclass(frozen=True)
class MailServer:
    """A mail server, and who hands over mail there; without a user, anybody may."""

    host: str
    port: int
    is_encrypted_from_start: bool
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """All settings, checked. `redis_url` is the embedded Redis' socket where `REDIS_URL` was not given."""

    data_dir: Path
    database_url: str
    redis_url: str
    redis_is_embedded: bool
    host: str
    port: int
    secret_key: str
    encryption_keys: tuple[str, ...]
    microsoft_login_url: str | None
    microsoft_graph_url: str | None
    microsoft_ca_bundle: str | None
    sync_workers: int
    sync_tenants_at_once: int
    trusted_proxies: int
    run_log_days: int
    # Where mail is handed over, as the mail module reads it; empty where none is sent.
    mail_server: str = field(default="", repr=False)
    mail_from: str = ""
    # Where people reach this Seatledger, without a slash at the end; empty where that is the request's own address.
    public_url: str = ""
    log_format: str = "text"
    log_level: str = "info"
    # What who asks for /metrics has to send; empty where nobody may.
    metrics_token: str = field(default="", repr=False)

    def flask_config(self) -> dict[str, object]:
        """The settings under the names that Flask and its extensions read."""
        return {
            "SETTINGS": self,
            "SECRET_KEY": self.secret_key,
            "SQLALCHEMY_DATABASE_URI": self.database_url,
            "SESSION_COOKIE_NAME": "seatledger",
            "SESSION_COOKIE_HTTPONLY": True,
            "SESSION_COOKIE_SAMESITE": "Lax",
            "PERMANENT_SESSION_LIFETIME": 14 * 24 * 3600,
            "MAX_CONTENT_LENGTH": 1024 * 1024,
            "WTF_CSRF_TIME_LIMIT": None,
            "RATELIMIT_STORAGE_URI": _limiter_storage(self.redis_url),
            # Nobody waits long for it at sign-in: where it does not answer, failures are counted in memory.
            "RATELIMIT_STORAGE_OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
            "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
            "RATELIMIT_HEADERS_ENABLED": False,
        }


def load(environ_file: Path | None = BASE_DIR / ".env") -> Settings:
    """Read the settings; raise `SettingError` with a sentence where one is wrong.

    The data directory is made (mode 0700) where it is missing.
    """
    env = _environment(environ_file)
    try:
        data_dir = _chosen_data_dir(env)
        _make_private_directory(data_dir)
        _read_if_there(env, data_dir / BESIDE)
        redis_url = _redis_url(env.str("REDIS_URL", ""))
        return Settings(
            data_dir=data_dir,
            database_url=_database_url(env.str("DATABASE_URL", ""), data_dir),
            redis_url=redis_url or f"unix://{embedded_redis_socket(data_dir)}",
            redis_is_embedded=not redis_url,
            host=env.str("HOST", "127.0.0.1"),
            port=_port(env.int("PORT", 8000)),
            secret_key=env.str("SECRET_KEY", "") or _kept(data_dir / "secret_key", lambda: secrets.token_urlsafe(48)),
            encryption_keys=_encryption_keys(env.str("ENCRYPTION_KEYS", ""), data_dir),
            microsoft_login_url=_https_url("MICROSOFT_LOGIN_URL", env.str("MICROSOFT_LOGIN_URL", "")),
            microsoft_graph_url=_https_url("MICROSOFT_GRAPH_URL", env.str("MICROSOFT_GRAPH_URL", "")),
            microsoft_ca_bundle=_readable_file("MICROSOFT_CA_BUNDLE", env.str("MICROSOFT_CA_BUNDLE", "")),
            sync_workers=_at_least("SYNC_WORKERS", env.int("SYNC_WORKERS", 2), 1),
            sync_tenants_at_once=_tenants_at_once(env.int("SYNC_TENANTS_AT_ONCE", 16)),
            trusted_proxies=_at_least("TRUSTED_PROXIES", env.int("TRUSTED_PROXIES", 0), 0),
            run_log_days=_at_least("RUN_LOG_DAYS", env.int("RUN_LOG_DAYS", 90), 1),
            log_format=_one_of("LOG_FORMAT", env.str("LOG_FORMAT", "") or "text", _LOG_FORMATS),
            log_level=_one_of("LOG_LEVEL", env.str("LOG_LEVEL", "") or "info", _LOG_LEVELS),
            metrics_token=_metrics_token(env.str("METRICS_TOKEN", "")),
            **_mail(env.str("MAIL_SERVER", ""), env.str("MAIL_FROM", ""), env.str("PUBLIC_URL", "")),
        )
    except EnvError as error:
        raise SettingError(f"A setting cannot be read: {error}") from error


def chosen_data_dir(environ_file: Path | None = BASE_DIR / ".env") -> Path:
    """Where `load` keeps its data; nothing is made."""
    return _chosen_data_dir(_environment(environ_file))


def embedded_redis_socket(data_dir: Path) -> Path:
    """Where the embedded Redis of a data directory listens.

    It is `redis.sock` in the directory; where that address is too long for the system, a private directory
    under the system's temporary one, named after the data directory so that all processes find the same.
    """
    socket = data_dir / "redis.sock"
    if len(os.fsencode(socket)) <= _SOCKET_PATH_LIMIT:
        return socket
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    directory = Path(tempfile.gettempdir()) / f"seatledger-{os.getuid()}-{name}"
    _make_private_directory(directory)
    # Everybody may make a directory there, and whoever answers at the socket chooses what the workers do.
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise SettingError(
            f"{directory}, where the embedded Redis would listen, belongs to somebody else. Remove it, set DATA_DIR to "
            "a directory with a shorter path, or set REDIS_URL."
        )
    return directory / "redis.sock"


def _environment(environ_file: Path | None) -> Env:
    env = Env()
    _read_if_there(env, environ_file)
    return env


def _read_if_there(env: Env, file: Path | None) -> None:
    """Add what the file sets and the environment does not."""
    if file is not None and file.is_file():
        env.read_env(str(file), recurse=False)


def _chosen_data_dir(env: Env) -> Path:
    return Path(env.str("DATA_DIR", "") or BASE_DIR / "instance").expanduser().resolve()


def _make_private_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory_stat = directory.stat()
    except OSError as error:
        raise SettingError(
            f"The data directory {directory} cannot be made ({error.strerror}). "
            "Set DATA_DIR to a directory that you may write to."
        ) from error
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise SettingError(
            f"The data directory {directory} cannot be read and written by this user. "
            "Change its owner or its permissions, or set DATA_DIR to another directory."
        )
    if directory_stat.st_uid == os.getuid() and directory_stat.st_mode & 0o022:
        directory.chmod(directory_stat.st_mode & ~0o022)


def _database_url(given: str, data_dir: Path) -> str:
    if not given:
        return f"sqlite:///{data_dir / 'seatledger.db'}"
    if given.startswith(("postgresql://", "postgres://")):
        # What hosting providers hand out; the driver that Seatledger installs is psycopg 3.
        return "postgresql+psycopg://" + given.split("://", 1)[1]
    if not given.startswith(("sqlite:///", "postgresql+psycopg://")):
        scheme = given.split(":", 1)[0]
        raise SettingError(
            f"DATABASE_URL starts with {scheme}: which Seatledger does not know. "
            "Use postgresql+psycopg://USER:PASSWORD@HOST/NAME or sqlite:////PATH."
        )
    return given


def _redis_url(given: str) -> str:
    if given and not given.startswith(("redis://", "rediss://", "unix://")):
        raise SettingError("REDIS_URL must start with redis://, rediss:// or unix://, as in redis://127.0.0.1:6379/0.")
    return given


def _encryption_keys(given: str, data_dir: Path) -> tuple[str, ...]:
    text = given or _kept(data_dir / "encryption_keys", lambda: Fernet.generate_key().decode())
    keys = tuple(key for key in text.replace(",", " ").split() if key)
    try:
        for key in keys:
            Fernet(key)
    except ValueError as error:
        raise SettingError(
            "ENCRYPTION_KEYS holds a key that is not 32 bytes in URL-safe base64. Make one with: "
            'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
        ) from error
    if not keys:
        raise SettingError("ENCRYPTION_KEYS is empty. Remove the setting, or give at least one key.")
    return keys


def _kept(path: Path, make: Callable[[], str]) -> str:
    """The text kept in `path`; made on first use, by exactly one of the processes that start together."""
    try:
        if not path.exists():
            descriptor, draft = tempfile.mkstemp(dir=path.parent)  # mkstemp makes it with mode 0600
            with os.fdopen(descriptor, "w") as file:
                file.write(make())
            try:
                path.hardlink_to(draft)
            except FileExistsError:
                pass  # another process was first: its text is the one to use
            finally:
                Path(draft).unlink()
        text = path.read_text().strip()
    except OSError as error:
        raise SettingError(f"{path} cannot be read or written ({error.strerror}). Check its owner.") from error
    if not text:
        raise SettingError(f"{path} is empty. Restore it from a backup: what it encrypted is lost without it.")
    return text


def _https_url(name: str, given: str) -> str | None:
    if not given:
        return None
    if not given.startswith("https://"):
        raise SettingError(f"{name} must start with https:// since credentials are sent to it.")
    return given.rstrip("/")


def _readable_file(name: str, given: str) -> str | None:
    if not given:
        return None
    path = Path(given).expanduser().resolve()
    if not (path.is_file() and os.access(path, os.R_OK)):
        raise SettingError(f"{name} names {path}, which is not a file that can be read.")
    return str(path)


def _mail(server: str, sender: str, public_url: str) -> dict[str, str]:
    """The three settings of mail. A link in a mail must not follow from the request, which can name any host."""
    public_url = _public_url(public_url)
    if server:
        read_mail_server(server)
        if not public_url:
            raise SettingError(
                "MAIL_SERVER needs PUBLIC_URL beside it: the address at which people open Seatledger, as in "
                "https://licenses.msp.example. The links in mails begin with it."
            )
        if not _MAIL_ADDRESS.fullmatch(sender):
            raise SettingError(
                "MAIL_SERVER needs MAIL_FROM beside it: the e-mail address that mails come from, as in "
                f"seatledger@msp.example. {'It is missing' if not sender else 'What it holds is none'}."
            )
    return {"mail_server": server, "mail_from": sender, "public_url": public_url}


def read_mail_server(url: str) -> MailServer:
    """The parts of `MAIL_SERVER`. Raises `SettingError`, which never tells the password."""
    wanted = "smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingError(f"MAIL_SERVER cannot be read. Give it as {wanted}.") from error
    if parts.scheme not in _MAIL_PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingError(
            f"MAIL_SERVER is not an address of a mail server. Give it as {wanted}; characters such as @, / and # in "
            "the password are written as %40, %2F and %23."
        )
    return MailServer(
        host=parts.hostname,
        port=port or _MAIL_PORTS[parts.scheme],
        is_encrypted_from_start=parts.scheme == "smtps",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _public_url(given: str) -> str:
    if not given:
        return ""
    try:
        parts = urlsplit(given)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_address = False
    if not is_address or parts.username or parts.query or parts.fragment or any(map(str.isspace, given)):
        raise SettingError("PUBLIC_URL must be the address that people open, as in https://licenses.msp.example.")
    return given.rstrip("/")


def _port(given: int) -> int:
    if not 1 <= given <= 65535:
        raise SettingError(f"PORT is {given}; it must be between 1 and 65535.")
    return given


def _tenants_at_once(given: int) -> int:
    if not 1 <= given <= MOST_TENANTS_AT_ONCE:
        raise SettingError(
            f"SYNC_TENANTS_AT_ONCE is {given}; it must be between 1 and {MOST_TENANTS_AT_ONCE}. Where that is not "
            "enough, start more workers."
        )
    return given


def _one_of(name: str, given: str, choices: tuple[str, ...]) -> str:
    if given.lower() not in choices:
        raise SettingError(f"{name} is {given}; it must be one of {', '.join(choices)}.")
    return given.lower()


def _metrics_token(given: str) -> str:
    if given and not re.fullmatch(r"[!-~]{16,}", given):
        raise SettingError(
            "METRICS_TOKEN must be at least 16 characters of ASCII without spaces, since it lets people in. "
            'Make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return given


def _at_least(name: str, given: int, least: int) -> int:
    if given < least:
        raise SettingError(f"{name} is {given}; it must be {least} or more.")
    return given


def _limiter_storage(redis_url: str) -> str:
    return redis_url.replace("unix://", "redis+unix://", 1) if redis_url.startswith("unix://") else redis_url
