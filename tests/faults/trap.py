"""A server to which nobody has any business to connect: it counts those who do."""

from __future__ import annotations

import socketserver
import threading
from types import TracebackType


class _Visit(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.server.visits.append(self.request.recv(10))  # type: ignore[attr-defined]


class Trap:
    """Where answers point that point to another host. `visits` has the first bytes that each who came sent."""

    def __enter__(self) -> Trap:
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Visit)
        self._server.daemon_threads = True
        self.visits: list[bytes] = []
        self._server.visits = self.visits  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"
