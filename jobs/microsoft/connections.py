"""Connections to Microsoft: verified by the right authorities, and made in bounded time."""

from __future__ import annotations

import math
import socket
import ssl
import time
from http import HTTPStatus
from typing import Any

import truststore
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

CONNECT_SECONDS = 10
# How long an answer may take in all.
ANSWER_SECONDS = 45
# As many connections to a host are kept open: as many threads of a process may ask at once.
POOL_SIZE = 64
# What an address gets at least, where a name has many.
_LEAST_SECONDS = 1.0


class _Connection(HTTPSConnection):
    """Tries the addresses of a name one after another, all of them within `CONNECT_SECONDS`.

    urllib3 would give that time to each. Microsoft's names have a dozen addresses, and behind a firewall that drops
    packets it would be minutes before anybody heard that nothing can be reached.

    A whole answer, with its head, has `ANSWER_SECONDS`.
    """

    deadline = math.inf

    def connect(self) -> None:
        super().connect()
        receive = self.sock.recv_into

        def recv_into(*args: Any) -> int:
            if time.monotonic() > self.deadline:
                raise TimeoutError("the answer dripped in for too long")
            return receive(*args)

        # For each piece of an answer there is the socket's time, and heads may drip as bodies do.
        self.sock.recv_into = recv_into  # type: ignore[method-assign]

    def request(self, *args: Any, **kwargs: Any) -> None:
        self.deadline = time.monotonic() + ANSWER_SECONDS
        super().request(*args, **kwargs)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 itself does
        response = super().getresponse()
        if response.status < HTTPStatus.OK:
            # The answer itself comes after this one, and would be taken for that to the next request.
            self.close()
        return response

    def _new_conn(self) -> socket.socket:
        deadline = time.monotonic() + CONNECT_SECONDS
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        refused: OSError | None = None
        for number, (*_, address) in enumerate(found):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            share = min(max(left / (len(found) - number), _LEAST_SECONDS), left)
            try:
                return create_connection((str(address[0]), self.port), share, socket_options=self.socket_options)
            except TimeoutError:
                continue
            except OSError as error:
                refused = error
        if refused is not None:
            raise NewConnectionError(self, f"no address accepts a connection: {refused}") from refused
        raise ConnectTimeoutError(self, f"no address answers within {CONNECT_SECONDS} seconds")


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


class Adapter(HTTPAdapter):
    """What `requests` sends through; without a `ca_bundle` the operating system's authorities are trusted."""

    def __init__(self, ca_bundle: str | None) -> None:
        self._context = None if ca_bundle else truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        super().__init__(pool_maxsize=POOL_SIZE)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        if self._context is not None:
            kwargs["ssl_context"] = self._context
        super().init_poolmanager(*args, **kwargs)
        _use_own_connections(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        _use_own_connections(manager)
        return manager


def _use_own_connections(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "https": _Pool}
