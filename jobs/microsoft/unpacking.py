"""Bodies that were packed on their way, unpacked a little after the other, to their very end.

urllib3 would unpack them, too, but takes one that was cut off for a whole one: nobody could tell it from an answer that
is no good.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from urllib3.exceptions import DecodeError

# What is asked for, and what else it is called (RFC 9110, 8.4.1.3).
PACKING = "gzip"
NAMES = frozenset({PACKING, "x-gzip"})

_FORMAT = zlib.MAX_WBITS | 16
# How each begins (RFC 1952, 2.3.1).
_MAGIC = b"\x1f\x8b"


def unpacked(packed: Iterable[bytes], most: int) -> Iterator[bytes]:
    """The body, so many bytes at once at the most. Where nothing comes, nothing was packed.

    Raises urllib3's `DecodeError` where it is not packed as it says, and where it was cut off.
    """
    stream, is_begun = zlib.decompressobj(_FORMAT), False
    try:
        for some in packed:
            left = some
            while left:
                if stream.eof:
                    # Another may follow. Anything else is padding.
                    if not left.startswith(_MAGIC):
                        return
                    stream = zlib.decompressobj(_FORMAT)
                is_begun = True
                yield stream.decompress(left, most)
                left = stream.unused_data if stream.eof else stream.unconsumed_tail
        yield stream.flush()
    except zlib.error as error:
        raise DecodeError("the answer is not packed as it says") from error
    if is_begun and not stream.eof:
        raise DecodeError("the answer was cut off")
