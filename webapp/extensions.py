"""The Flask extensions, made once and bound to the app in `create_app`."""

from __future__ import annotations

import os
from typing import Any

from alembic.config import Config
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from htmx_flask import Htmx
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Names every constraint, so that a migration can name what it changes on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UnreadableSecret(Exception):
    """A stored secret was encrypted with a key that is no longer among `ENCRYPTION_KEYS`."""


_TOO_EARLY = "the vault is used before create_app()"


class Vault:
    """Encrypts what must not be read from the database, with the first of `ENCRYPTION_KEYS`; any of them decrypts."""

    def __init__(self) -> None:
        self._fernet: MultiFernet | None = None
        self._first: Fernet | None = None

    def init_app(self, app: Flask) -> None:
        keys = [Fernet(key) for key in app.config["SETTINGS"].encryption_keys]
        self._fernet, self._first = MultiFernet(keys), keys[0]

    def encrypt(self, secret: str) -> str:
        return self._keys.encrypt(secret.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Raise `UnreadableSecret` where no key fits."""
        try:
            return self._keys.decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise UnreadableSecret from error

    def renewed(self, token: str) -> str:
        """The same secret encrypted with the first key; the token itself where it is so already.

        Raises `UnreadableSecret` where no key fits.
        """
        secret = self.decrypt(token)
        return token if self._is_of_first_key(token) else self.encrypt(secret)

    def _is_of_first_key(self, token: str) -> bool:
        if self._first is None:
            raise RuntimeError(_TOO_EARLY)
        try:
            self._first.decrypt(token.encode())
        except InvalidToken:
            return False
        return True

    @property
    def _keys(self) -> MultiFernet:
        if self._fernet is None:
            raise RuntimeError(_TOO_EARLY)
        return self._fernet


class _Migrate(Migrate):
    """Flask-Migrate, also where the project's folder has a % in its name: Alembic would take that for a variable's.

    Commands, and what starts the server, run in that folder, from where the way to the migrations is without one.
    """

    def get_config(self, directory: str | None = None, *others: Any, **named: Any) -> Config:
        config: Config = super().get_config(os.path.relpath(directory or self.directory), *others, **named)
        return config


db = SQLAlchemy(model_class=Base)
migrate = _Migrate()
login_manager = LoginManager()
csrf = CSRFProtect()
htmx = Htmx()
limiter = Limiter(key_func=get_remote_address)
vault = Vault()
