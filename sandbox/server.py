"""The HTTPS server: HTTP/1.1 with keep-alive, a thread for each connection."""

from __future__ import annotations

import socket
import ssl
import sys
from http.server import ThreadingHTTPServer
from typing import Any

from sandbox.application import Application
from sandbox.reception import Reception

_HANDSHAKE_SECONDS = 10.0


class Server(ThreadingHTTPServer):
    """Serves an Application on 127.0.0.1. Raises OSError where the port cannot be had."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, port: int, context: ssl.SSLContext, application: Application, *, verbose: bool = False) -> None:
        self.application = application
        self.verbose = verbose
        self._context = context
        super().__init__(("127.0.0.1", port), Reception)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_port}"

    def server_bind(self) -> None:
        # HTTPServer.server_bind would look the host's name up, which can take seconds and is not needed.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        # Several processes may see one connection come; those that are too late must not wait for the next one.
        self.socket.setblocking(False)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Runs in the connection's own thread, so a client that stalls in the handshake holds up nobody else."""
        request.settimeout(_HANDSHAKE_SECONDS)
        with self._context.wrap_socket(request, server_side=True) as secured:
            Reception(secured, client_address, self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away or does not trust us is nothing to report; anything else is a fault of ours."""
        if self.verbose or not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)
