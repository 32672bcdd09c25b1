"""The settings of Seatledger, read once from the environment and a `.env` file.

Every setting has a default that works on a laptop. Secrets that were not given are made once and kept in
`DATA_DIR` with mode 0600, so that a restart finds the sessions and the encrypted secrets as they were.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from environs import Env

from settings import checks, mail
from settings.data_directory import embedded_redis_socket, kept, make_private_directory
from settings.environ_file import require_legible
from settings.errors import SettingError

BASE_DIR = Path(__file__).resolve().parent

# What a server that runs gives the commands beside it to find, in its data directory.
BESIDE = "beside.env"

_LOG_FORMATS = ("text", "json")
_LOG_LEVELS = ("debug", "info", "warning", "error")
# A host that stands for every address of the machine is none to open: what a browser on the machine opens instead.
_OPENED_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@dataclass(frozen=True)
class Settings:
    """All settings, checked; printed without those that hold, or may hold, a secret.

    `redis_url` is the embedded Redis' socket where `REDIS_URL` was not given.
    """

    data_dir: Path
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    redis_is_embedded: bool
    host: str
    port: int
    secret_key: str = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)
    microsoft_login_url: str | None
    microsoft_graph_url: str | None
    microsoft_ca_bundle: str | None
    sync_workers: int
    sync_tenants_at_once: int
    trusted_proxies: int
    run_log_days: int
    # Whether statements stay prepared from one transaction to the next, which not every pooler knows of.
    database_prepared_statements: bool = True
    # Where mail is handed over, as the mail module reads it; empty where none is sent.
    mail_server: str = field(default="", repr=False)
    mail_from: str = ""
    # Where people reach this Seatledger, without a slash at the end; empty where that is the request's own address.
    public_url: str = ""
    log_format: str = "text"
    log_level: str = "info"
    # What who asks for /metrics has to send; empty where nobody may.
    metrics_token: str = field(default="", repr=False)

    @property
    def sync_hands(self) -> int:
        """How many tenants a worker has in hand to ask for as many at once: some are looked up, or written."""
        return self.sync_tenants_at_once + self.sync_tenants_at_once // 4

    @property
    def local_address(self) -> str:
        """What a browser on this machine opens, without a slash at the end."""
        host = _OPENED_HERE.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

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
    data_dir = _chosen_data_dir(env)
    make_private_directory(data_dir)
    _read_if_there(env, data_dir / BESIDE)
    redis_url = checks.redis_url(env.str("REDIS_URL", ""))
    return Settings(
        data_dir=data_dir,
        database_url=checks.database_url(env.str("DATABASE_URL", ""), data_dir),
        redis_url=redis_url or f"unix://{embedded_redis_socket(data_dir)}",
        redis_is_embedded=not redis_url,
        host=env.str("HOST", "").strip() or "127.0.0.1",
        port=checks.between("PORT", _number(env, "PORT", 8000), 1, 65535),
        secret_key=env.str("SECRET_KEY", "") or kept(data_dir / "secret_key", lambda: secrets.token_urlsafe(48)),
        encryption_keys=checks.encryption_keys(env.str("ENCRYPTION_KEYS", ""), data_dir),
        microsoft_login_url=checks.https_url("MICROSOFT_LOGIN_URL", env.str("MICROSOFT_LOGIN_URL", "")),
        microsoft_graph_url=checks.https_url("MICROSOFT_GRAPH_URL", env.str("MICROSOFT_GRAPH_URL", "")),
        microsoft_ca_bundle=checks.ca_bundle("MICROSOFT_CA_BUNDLE", env.str("MICROSOFT_CA_BUNDLE", "")),
        sync_workers=checks.at_least("SYNC_WORKERS", _number(env, "SYNC_WORKERS", 2), 1),
        sync_tenants_at_once=checks.between(
            "SYNC_TENANTS_AT_ONCE",
            _number(env, "SYNC_TENANTS_AT_ONCE", 16),
            1,
            checks.MOST_TENANTS_AT_ONCE,
            "Where that is not enough, start more workers.",
        ),
        trusted_proxies=checks.at_least("TRUSTED_PROXIES", _number(env, "TRUSTED_PROXIES", 0), 0),
        run_log_days=checks.between("RUN_LOG_DAYS", _number(env, "RUN_LOG_DAYS", 90), 1, checks.MOST_DAYS),
        database_prepared_statements=checks.yes_or_no(
            "DATABASE_PREPARED_STATEMENTS", env.str("DATABASE_PREPARED_STATEMENTS", ""), True
        ),
        log_format=checks.one_of("LOG_FORMAT", env.str("LOG_FORMAT", "") or "text", _LOG_FORMATS),
        log_level=checks.one_of("LOG_LEVEL", env.str("LOG_LEVEL", "") or "info", _LOG_LEVELS),
        metrics_token=checks.metrics_token(env.str("METRICS_TOKEN", "")),
        **mail.checked(env.str("MAIL_SERVER", ""), env.str("MAIL_FROM", ""), env.str("PUBLIC_URL", "")),
    )


def load_or_end() -> Settings:
    """The settings of the environment. Where one is wrong, the process ends with a sentence."""
    try:
        return load()
    except SettingError as error:
        raise SystemExit(f"Seatledger cannot start: {error}") from error


def chosen_data_dir(environ_file: Path | None = BASE_DIR / ".env") -> Path:
    """Where `load` keeps its data; nothing is made."""
    return _chosen_data_dir(_environment(environ_file))


def _environment(environ_file: Path | None) -> Env:
    env = Env()
    _read_if_there(env, environ_file)
    return env


def _read_if_there(env: Env, file: Path | None) -> None:
    """Add what the file sets and the environment does not."""
    if file is not None and file.is_file():
        require_legible(file)
        env.read_env(str(file), recurse=False)


def _chosen_data_dir(env: Env) -> Path:
    return checks.whole_path("DATA_DIR", env.str("DATA_DIR", "") or str(BASE_DIR / "instance"))


def _number(env: Env, name: str, default: int) -> int:
    return checks.number(name, env.str(name, ""), default)


def _limiter_storage(redis_url: str) -> str:
    return redis_url.replace("unix://", "redis+unix://", 1) if redis_url.startswith("unix://") else redis_url
