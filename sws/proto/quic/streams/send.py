# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The sending part of a stream, also of CRYPTO octets: keeps octets until they are acknowledged.  RFC 9000 §2.2, §13.3.

    base ── acknowledged up to here, forgotten
    next ── sent up to here, at least once
    end  ── written up to here; spans of files behind it are read when they are about to leave

What is held stands in chunks as it was written, so that nothing is moved when the oldest go; small ones are joined.
Octets that were lost stand in `lost`, and leave before new ones.  Acknowledgements out of order stand in `acked`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias, final

from sws.base.engine import FileSpan
from sws.base.rangeset import RangeSet

__all__ = ["ReadFile", "SendBuffer"]

ReadFile: TypeAlias = Callable[[int, int, int], bytes]
"""Descriptor, offset, length → octets; fewer at the end of the file."""

_READ: Final = 1 << 16
_SMALL: Final = 2048


@final
class SendBuffer:
    """Octets in, pieces out, and back again if they get lost.

    Attributes:
      base, next:  see above.
      fin:         the end was written.
    """

    __slots__ = (
        "_acked",
        "_chunks",
        "_end",
        "_lost",
        "_queue",
        "_read",
        "_starts",
        "_waiting",
        "base",
        "fin",
        "fin_acked",
        "fin_lost",
        "fin_sent",
        "next",
    )

    def __init__(self, read_file: ReadFile | None = None) -> None:
        self._chunks: list[bytes] = []
        self._starts: list[int] = []
        self._queue: deque[FileSpan | bytes] | None = None
        self._waiting = 0
        self._read = read_file
        self._lost: RangeSet | None = None
        self._acked: RangeSet | None = None
        self.base = 0
        self.next = 0
        self._end = 0
        self.fin = False
        self.fin_sent = False
        self.fin_lost = False
        self.fin_acked = False

    @property
    def unsent(self) -> int:
        """Octets written that were not sent yet."""
        return self._end - self.next + self._waiting

    @property
    def held(self) -> int:
        """Octets in memory."""
        return self._end - self._starts[0] if self._starts else 0

    @property
    def has_lost(self) -> bool:
        """Something is to be sent again."""
        return bool(self._lost) or self.fin_lost

    @property
    def is_pending(self) -> bool:
        """Something is to be sent, flow control aside."""
        return bool(self._end > self.next or self._waiting or self._lost or self.fin_lost or (self.fin and not self.fin_sent))

    @property
    def is_acked(self) -> bool:
        """All octets and the end were acknowledged."""
        return self.fin_acked and self.base == self._end and not self._waiting

    def write(self, data: bytes | bytearray | memoryview | FileSpan) -> None:
        """Octets to send."""
        if isinstance(data, FileSpan):
            if self._queue is None:
                self._queue = deque()
            self._queue.append(FileSpan(data.fd, data.offset, data.length))
            self._waiting += data.length
        elif self._queue:
            self._queue.append(bytes(data))
            self._waiting += len(data)
        else:
            self._append(bytes(data))

    def _append(self, data: bytes) -> None:
        chunks = self._chunks
        if chunks and len(chunks[-1]) + len(data) <= _SMALL:
            chunks[-1] += data
        elif data:
            chunks.append(data)
            self._starts.append(self._end)
        self._end += len(data)

    def _slice(self, start: int, stop: int) -> bytes:
        """Octets that are held."""
        if start == stop:
            return b""
        starts, chunks = self._starts, self._chunks
        index = bisect_right(starts, start) - 1
        at, end = start - starts[index], stop - starts[index]
        chunk = chunks[index]
        if end <= len(chunk):
            return chunk[at:end]
        parts = [chunk[at:]]
        while (end := end - len(chunk)) > 0:
            index += 1
            chunk = chunks[index]
            parts.append(chunk[:end])
        return b"".join(parts)

    def _fill(self) -> bool:
        """Reads on in the files.  False: a file ended early."""
        queue = self._queue
        while queue and self._end - self.next < _READ:
            part = queue[0]
            if isinstance(part, FileSpan):
                wanted = min(_READ, part.length)
                data = self._read(part.fd, part.offset, wanted) if self._read is not None else b""
                if wanted and not data:
                    return False
                part.offset += len(data)
                part.length -= len(data)
                if not part.length:
                    queue.popleft()
            else:
                data = part
                queue.popleft()
            self._append(data)
            self._waiting -= len(data)
        return True

    def piece(self, room: int, credit: int) -> tuple[int, bytes, bool] | None:
        """The next octets to send: offset, octets, whether the stream ends with them; None if there are none.

        Args:
          room:    octets at most.
          credit:  octets at most of those that were never sent: flow control.
        Raises: EOFError if a file ended early.
        """
        if self._lost:
            start, stop = next(iter(self._lost))
            stop = min(stop, start + room)
            self._lost.remove(start, stop)
            fin = self.fin_lost and stop == self._end and not self._waiting
            if fin:
                self.fin_lost = False
            return start, self._slice(start, stop), fin
        if self._queue and not self._fill():
            raise EOFError
        start = self.next
        stop = start + min(room, credit)
        if stop > self._end:
            stop = self._end
        fin = self.fin and stop == self._end and not self._waiting and (not self.fin_sent or self.fin_lost)
        if stop == start and not fin:
            return None
        if fin:
            self.fin_sent = True
            self.fin_lost = False
        self.next = stop
        return start, self._slice(start, stop), fin

    def on_acked(self, start: int, stop: int, fin: bool) -> None:
        """Octets, and the end perhaps, arrived."""
        if fin:
            self.fin_acked = True
            self.fin_lost = False
        if self._lost:
            self._lost.remove(start, stop)
        if start > self.base:
            if self._acked is None:
                self._acked = RangeSet()
            self._acked.add(start, stop)
            return
        if stop <= self.base:
            return
        if self._acked:
            self._acked.add(start, stop)
            low, stop = next(iter(self._acked))
            self._acked.remove(low, stop)
        self.base = stop
        starts = self._starts
        settled = len(starts) if stop == self._end else bisect_right(starts, stop) - 1
        if settled:
            del starts[:settled], self._chunks[:settled]

    def on_lost(self, start: int, stop: int, fin: bool) -> None:
        """Octets, and the end perhaps, have to be sent again, as far as they were not acknowledged since."""
        if fin and not self.fin_acked:
            self.fin_lost = True
        start = max(start, self.base)
        if start >= stop:
            return
        if self._lost is None:
            self._lost = RangeSet()
        self._lost.add(start, stop)
        if self._acked:
            for low, high in list(self._acked):
                self._lost.remove(low, high)

    def drop(self) -> None:
        """The stream was reset: nothing is sent or kept any more."""
        self._chunks.clear()
        self._starts.clear()
        self._queue = None
        self._waiting = 0
        self._lost = self._acked = None
        self._end = self.base = self.next
        self.fin_lost = False
        self.fin = self.fin_sent = True
