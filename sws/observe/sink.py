# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where log lines go: a file, or standard error, whatever that is.

A pipe or a socket whose reader does not read must not stop a server.  It is not ours alone, so its own mode is left as it is:

    pipe      opened once more by its name in /proc, for writing without waiting
    socket    each send says that it will not wait
    others    are written to as usual
"""

from __future__ import annotations

import os
import socket
import stat
from typing import Final, final

__all__ = ["Sink"]

_STDERR: Final = 2
_NO_WAITING: Final = getattr(os, "O_NONBLOCK", 0)
_AT_ONCE: Final = getattr(socket, "MSG_DONTWAIT", 0)


@final
class Sink:
    """An open log.

    Args:
      path:  a file, which is made with mode 0640 and appended to; None for standard error.
    Raises: OSError if it cannot be opened.
    """

    __slots__ = ("_fd", "_socket")

    def __init__(self, path: str | None) -> None:
        self._socket: socket.socket | None = None
        if path is not None:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NO_WAITING, 0o640)
            return
        self._fd = _STDERR
        try:
            mode = os.fstat(_STDERR).st_mode
            if stat.S_ISFIFO(mode):
                self._fd = os.open(f"/proc/self/fd/{_STDERR}", os.O_WRONLY | _NO_WAITING)
            elif stat.S_ISSOCK(mode):
                self._socket = socket.socket(fileno=os.dup(_STDERR))
        except OSError:
            pass  # closed, or a system without /proc: as usual

    def write(self, data: bytes) -> int:
        """How many octets were taken.  Raises: BlockingIOError if none can be now, OSError."""
        return os.write(self._fd, data) if self._socket is None else self._socket.send(data, _AT_ONCE)

    def close(self) -> None:
        """Standard error itself stays open."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._fd != _STDERR:
            os.close(self._fd)
            self._fd = _STDERR
