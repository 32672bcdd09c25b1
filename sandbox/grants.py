"""Authorization codes and refresh tokens: what users who signed in have granted to an app."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field

CODE_SECONDS = 600


@dataclass(frozen=True)
class Code:
    """What an authorization code was issued for."""

    tenant_id: str
    client_id: str
    redirect_uri: str
    user: str
    nonce: str
    # PKCE's challenge and its method; empty where none was sent.
    challenge: str
    challenge_method: str
    issued_at: float = field(default_factory=time.time)

    @property
    def is_expired(self) -> bool:
        return time.time() > self.issued_at + CODE_SECONDS


@dataclass(frozen=True)
class RefreshToken:
    """What a refresh token was issued for: by the tenant of the user, for one app, which uses it in any tenant."""

    tenant_id: str
    client_id: str
    user: str
    issued_at: float = field(default_factory=time.time)


class Grants:
    """All codes and refresh tokens of this process. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._codes: dict[str, Code] = {}
        self._refresh_tokens: dict[str, RefreshToken] = {}
        self._used: set[str] = set()

    def add_code(self, code: Code) -> str:
        name = f"0.A{secrets.token_urlsafe(48)}"
        with self._lock:
            self._codes[name] = code
        return name

    def code(self, name: str) -> Code | None:
        with self._lock:
            return self._codes.get(name)

    def add_refresh_token(self, token: RefreshToken) -> str:
        name = f"1.A{secrets.token_urlsafe(96)}"
        with self._lock:
            self._refresh_tokens[name] = token
        return name

    def refresh_token(self, name: str) -> RefreshToken | None:
        with self._lock:
            return self._refresh_tokens.get(name)

    def use(self, name: str) -> bool:
        """Note that a code or token was used; whether this is the first time."""
        with self._lock:
            is_first = name not in self._used
            self._used.add(name)
            return is_first
