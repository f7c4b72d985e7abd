# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Messages between the processes of one server: each has an inbox, whose other end all of them may have.

An inbox is a pair of connected AF_UNIX datagram sockets: messages keep their bounds and their order, nobody outside can write into it, and
it has no name in the file system.  The end that is written to is inherited by processes forked later, and handed to those forked earlier
inside a message (SCM_RIGHTS).

The queue is the kernel's and bounded: by the writing end's buffer, of which all who share it have a part.  `post` never waits: a message
that does not fit is not sent.  When the last process that could read is gone, `post` says so, which is how deaths are found out.
"""

from __future__ import annotations

import errno
import socket
import sys
from typing import Final, final

from sws.base.errors import SwsError

__all__ = ["MESSAGE_OCTETS", "InboxGone", "make_inbox", "post", "take"]

MESSAGE_OCTETS: Final = 60000 if sys.platform.startswith("linux") else 2000
"""What a message should not exceed."""

_LARGEST: Final = 1 << 17
_BUFFER: Final = 1 << 20
_FULL: Final = frozenset((errno.EAGAIN, errno.ENOBUFS, errno.EMSGSIZE, errno.ENOMEM, errno.ETOOMANYREFS))


@final
class InboxGone(SwsError):
    """Nobody will read the message."""


def make_inbox() -> tuple[socket.socket, socket.socket]:
    """The reading and the writing end.  Raises: OSError."""
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for sock, option in ((writer, socket.SO_SNDBUF), (reader, socket.SO_RCVBUF)):
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
    return reader, writer


def post(writer: socket.socket, message: bytes, enclosed: socket.socket | None = None) -> bool:
    """Send, with a socket for the reader to have too.

    Returns: False if there is no room.
    Raises: InboxGone.
    """
    try:
        if enclosed is None:
            writer.send(message)
        else:
            socket.send_fds(writer, [message], [enclosed.fileno()])
    except OSError as error:
        if error.errno in _FULL:
            return False
        raise InboxGone(error.strerror or "the inbox is closed") from None
    return True


def take(reader: socket.socket, maximum: int = 64) -> list[tuple[bytes, socket.socket | None]]:
    """What has come, with the sockets that were enclosed."""
    found: list[tuple[bytes, socket.socket | None]] = []
    while len(found) < maximum:
        try:
            message, descriptors, _flags, _address = socket.recv_fds(reader, _LARGEST, 1)
        except OSError:
            break
        found.append((message, _enclosed(descriptors[0]) if descriptors else None))
    return found


def _enclosed(descriptor: int) -> socket.socket:
    sock = socket.socket(fileno=descriptor)
    sock.set_inheritable(False)
    sock.setblocking(False)
    return sock
