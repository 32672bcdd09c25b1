"""Connections to Microsoft: verified by the right authorities, and made in bounded time."""

from __future__ import annotations

import math
import os
import socket
import ssl
import time
from functools import lru_cache
from http import HTTPStatus
from threading import Lock
from typing import Any

import truststore
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidProxyURL
from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy
from urllib3 import HTTPResponse, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import parse_url
from urllib3.util.connection import create_connection

CONNECT_SECONDS = 10
# How long an answer may take in all.
ANSWER_SECONDS = 45
# As many connections to a host are kept open: as many threads of a process may ask at once.
POOL_SIZE = 64
# What an address gets at least, where a name has many.
_LEAST_SECONDS = 1.0
# From one sync to the next a connection is idle, and a firewall that forgets it meanwhile says so to nobody: the next
# request would wait in vain. So TCP asks now and then whether the other end is there, as far as the system has a word
# for it, and a request that nobody acknowledges is given up before an answer that is slow.
_KEPT_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 15_000}
_TCP = [(getattr(socket, name), value) for name, value in _KEPT_ALIVE.items() if hasattr(socket, name)]
_SOCKET_OPTIONS = [
    *HTTPSConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *((socket.IPPROTO_TCP, option, value) for option, value in _TCP),
]


class _Connection(HTTPSConnection):
    """Tries the addresses of a name one after another, all of them within `CONNECT_SECONDS`.

    urllib3 would give that time to each. Microsoft's names have a dozen addresses, and behind a firewall that drops
    packets it would be minutes before anybody heard that nothing can be reached.

    A whole answer, with its head, has `ANSWER_SECONDS`.
    """

    deadline = math.inf

    @property
    def is_connected(self) -> bool:
        """False also where something came after the last answer: it would be taken for the next one."""
        # What TLS has read already is not there for those who look at the socket.
        return super().is_connected and not getattr(self.sock, "pending", lambda: 0)()

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
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, error) from error  # type: ignore[arg-type]
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


class _Managers(HTTPAdapter):
    """The connections of a process, directly and through proxies, as `requests` would make them."""

    def __init__(self, ca_bundle: str | None) -> None:
        self._options = {**_trust(ca_bundle), "socket_options": _SOCKET_OPTIONS}
        super().__init__(pool_maxsize=POOL_SIZE)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **(kwargs | self._options))
        _use_own_connections(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **(kwargs | self._options))
        _use_own_connections(manager)
        return manager


def _trust(ca_bundle: str | None) -> dict[str, Any]:
    """Whose certificates count: those of the bundle's authorities, else of the operating system's.

    Beside the latter, the environment may name some more, as it does for `requests`.
    """
    if ca_bundle:
        return {"ca_certs": ca_bundle}
    more = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    # Not by pathlib, which raises where a folder may not be looked into.
    named = {"ca_cert_dir" if os.path.isdir(more) else "ca_certs": more} if more else {}  # noqa: PTH112
    return {"ssl_context": truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT), **named}


def _use_own_connections(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "https": _Pool}


_making = Lock()


def manager_for(server: str, ca_bundle: str | None) -> PoolManager:
    """What sends to this server, `https://` and its name, for all threads of the process: by a proxy where the
    environment says so. One tenant's work uses the connections that the work before it made.

    Without a `ca_bundle` the operating system's authorities are trusted. Raises errors of urllib3, or of `requests`,
    where the proxy is none.
    """
    with _making:  # else two threads that begin together make one each
        return _made(server, ca_bundle)


# The environment of a process stays as it is, and requests goes through all of it.
@lru_cache
def _made(server: str, ca_bundle: str | None) -> PoolManager:
    managers = _managers(ca_bundle)
    proxy = select_proxy(server, get_environ_proxies(server))
    if proxy is not None:
        return _through(prepend_scheme_if_needed(proxy, "http"), managers)  # type: ignore[no-untyped-call]
    direct: PoolManager = managers.poolmanager
    return direct


def _through(proxy: str, managers: _Managers) -> ProxyManager:
    try:
        if parse_url(proxy).host:
            return managers.proxy_manager_for(proxy)
    except UnicodeError as error:
        raise InvalidProxyURL("the proxy's address has characters that none has") from error
    # Else urllib3 would look for the server itself in its place.
    raise InvalidProxyURL("the proxy's address names no host")


@lru_cache
def _managers(ca_bundle: str | None) -> _Managers:
    return _Managers(ca_bundle)
