"""What is kept in Redis, to look for what must not be there."""

from __future__ import annotations

import zlib
from typing import Any

from jobs import queue


def everything_in_redis() -> bytes:
    """All that Redis holds, what RQ packs unpacked."""
    connection: Any = queue.connection()
    found = b""
    for key in connection.scan_iter():
        kind = connection.type(key)
        if kind == b"hash":
            for name, value in connection.hgetall(key).items():
                found += name + value
                if value.startswith(b"\x78"):
                    found += zlib.decompress(value)
        elif kind == b"stream":
            found += repr(connection.xrange(key)).encode()
        elif kind == b"list":
            found += b"".join(connection.lrange(key, 0, -1))
        elif kind == b"string":
            found += connection.get(key)
        found += key
    return found
