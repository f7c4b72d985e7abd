# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A pair of connected sockets by which a poll() is woken from another thread or from a signal handler.

Sockets and not a pipe, so that Windows' select() can take part.  The bytes mean nothing, one or a thousand are one
wake-up: a full buffer is as good as one more byte, and a closed pair has nobody left to wake.
"""

from __future__ import annotations

import socket
from typing import final

__all__ = ["WakeChannel"]


@final
class WakeChannel:
    """Two connected sockets: notify() writes into the one, the poller watches and drains the other.

    Raises: OSError if the process has no descriptors left.
    """

    __slots__ = ("_far", "_near")

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._far.setblocking(False)

    def fileno(self) -> int:
        """The descriptor that becomes readable after notify(); -1 once closed."""
        return self._near.fileno()

    def notify(self) -> None:
        """Make the near end readable; never blocks, never fails.  `send` on a closed socket object cannot hit a stranger's descriptor."""
        try:
            self._far.send(b"\0")
        except OSError:
            pass

    def drain(self) -> None:
        """Forget the notifications so far; should more than this many wait, they are one more wake-up."""
        try:
            self._near.recv(65_536)
        except OSError:
            pass

    def close(self) -> None:
        """Close both ends; again is fine."""
        self._near.close()
        self._far.close()
