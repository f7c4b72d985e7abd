# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The sending part of a stream, also of CRYPTO octets: keeps octets until they are acknowledged.  RFC 9000 §2.2, §13.3.

    base ── acknowledged up to here, forgotten
    next ── sent up to here, at least once
    end  ── written up to here; spans of files behind it are read when they are about to leave

What is below `base` is cut off the buffer in large pieces, since that moves the rest.
Octets that were lost stand in `lost`, and leave before new ones.  Acknowledgements out of order stand in `acked`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias, final

from sws.base.engine import FileSpan
from sws.base.rangeset import RangeSet

__all__ = ["ReadFile", "SendBuffer"]

ReadFile: TypeAlias = Callable[[int, int, int], bytes]
"""Descriptor, offset, length → octets; fewer at the end of the file."""

_READ: Final = 1 << 16
_CUT: Final = 1 << 16


@final
class SendBuffer:
    """Octets in, pieces out, and back again if they get lost.

    Attributes:
      base, next:  see above.
      fin:         the end was written.
    """

    __slots__ = (
        "_acked",
        "_buffer",
        "_end",
        "_lost",
        "_origin",
        "_queue",
        "_read",
        "_waiting",
        "base",
        "fin",
        "fin_acked",
        "fin_lost",
        "fin_sent",
        "next",
    )

    def __init__(self, read_file: ReadFile | None = None) -> None:
        self._buffer = bytearray()
        self._queue: deque[FileSpan | bytes] | None = None
        self._waiting = 0
        self._read = read_file
        self._lost: RangeSet | None = None
        self._acked: RangeSet | None = None
        self._origin = 0
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
        return len(self._buffer)

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
            self._buffer += data
            self._end += len(data)

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
            self._buffer += data
            self._end += len(data)
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
            origin = self._origin
            return start, bytes(self._buffer[start - origin : stop - origin]), fin
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
        origin = self._origin
        return start, bytes(self._buffer[start - origin : stop - origin]), fin

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
        settled = stop - self._origin
        if stop == self._end or (settled >= _CUT and 2 * settled >= len(self._buffer)):
            del self._buffer[:settled]
            self._origin = stop

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
        self._buffer = bytearray()
        self._queue = None
        self._waiting = 0
        self._lost = self._acked = None
        self._end = self.base = self._origin = self.next
        self.fin_lost = False
        self.fin = self.fin_sent = True
