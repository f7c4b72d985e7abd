# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The second step of closing a stream: what still arrives is thrown away until the peer closes too.  RFC 9112 §9.6

A socket that is closed while octets of the peer's are unread answers with a reset, and a reset takes from the peer what it has received
but not yet looked at: our last answer.  So our half is closed first.  A peer that goes on sending has not looked yet, and is waited for;
one that is silent for `LINGER_SECONDS` is not, nor is any beyond `LINGER_LONGEST` or `LINGER_OCTETS`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final, final

from sws.os.loop import Loop

__all__ = ["Linger"]

LINGER_SECONDS: Final = 2.0
LINGER_LONGEST: Final = 20.0
LINGER_OCTETS: Final = 1 << 25
_READ_SIZE: Final = 1 << 16


@final
class Linger:
    """The wait for one peer.

    Args:
      sock:  our half is closed; somebody else watches it for us, and calls `read`.
      over:  called once, when the socket is to be closed; not after `stop`.
    """

    __slots__ = ("_heard", "_loop", "_octets", "_over", "_sock", "_timer", "_until")

    def __init__(self, loop: Loop, sock: socket.socket, over: Callable[[], None]) -> None:
        self._loop = loop
        self._sock = sock
        self._over = over
        self._octets = 0
        self._heard = False
        self._until = loop.now + LINGER_LONGEST
        self._timer = loop.call_later(LINGER_SECONDS, self._on_timer)

    def read(self) -> None:
        """The socket is readable."""
        try:
            data = self._sock.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._octets += len(data)
        self._heard = True
        if not data or self._octets > LINGER_OCTETS:
            self._over()

    def stop(self) -> None:
        """Wait no longer."""
        self._timer.cancel()

    def _on_timer(self) -> None:
        if not self._heard or self._loop.now >= self._until:
            self._over()
            return
        self._heard = False
        self._timer = self._loop.call_later(LINGER_SECONDS, self._on_timer)
