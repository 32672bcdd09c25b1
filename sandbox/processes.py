"""Several processes that serve on one socket, forked from one that has everything, its signing key above all."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Sequence

from sandbox.server import Server

# How long ending may take: the server looks for it this often.
_POLL_SECONDS = 0.05
_STOP_SECONDS = 5.0


def serve(server: Server, stop: threading.Event) -> None:
    """Serves in this process until told to stop."""
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
    thread.start()
    stop.wait()
    server.shutdown()


def fork(server: Server, count: int, stop: threading.Event) -> list[int]:
    """So many processes that serve until they are told to stop, or this one is gone; their ids.

    No thread may have been started before.
    """
    # What the collector moves in a child would be copied from the parent's memory.
    gc.freeze()
    alive, held_open = os.pipe()
    children = []
    for number in range(count):
        child = os.fork()
        if child == 0:
            os.close(held_open)
            _serve_as_child(server, number, alive, stop)
        children.append(child)
    os.close(alive)
    return children


def _serve_as_child(server: Server, number: int, alive: int, stop: threading.Event) -> None:
    """Never returns."""
    status = 1
    try:
        server.application.become_process(number)
        threading.Thread(target=_stop_with_parent, args=(alive, stop), daemon=True).start()
        serve(server, stop)
        status = 0
    finally:
        # What the parent has to put right when it ends is not for its children to do.
        os._exit(status)


def _stop_with_parent(alive: int, stop: threading.Event) -> None:
    # Nothing is ever written: reading ends when the parent's end of the pipe is closed, however it ended.
    os.read(alive, 1)
    stop.set()


def wait(children: Sequence[int], stop: threading.Event) -> bool:
    """Waits until told to stop, then ends all children; False where one of them ended by itself before."""
    ended: set[int] = set()
    while not stop.wait(_POLL_SECONDS) and not ended:
        ended = _ended(children)
    is_well = not ended
    for child in set(children) - ended:
        os.kill(child, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while ended != set(children) and time.monotonic() < deadline:
        ended |= _ended([child for child in children if child not in ended])
        time.sleep(_POLL_SECONDS)
    for child in set(children) - ended:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return is_well


def _ended(children: Sequence[int]) -> set[int]:
    return {child for child in children if os.waitpid(child, os.WNOHANG)[0]}
