# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Traffic secrets after the handshake, and KeyUpdate both ways.  RFC 9846 §4.6.3, §7.2.

    ours, theirs     the application traffic secrets in force; SECRET
    _awaiting        we asked for an update and have seen none since: we must not ask again
    _owed            they asked once or more often: one answer goes out before the next data

An answer that is owed is sent at once, but many requests that come in one flight are answered together (`settle`).
"""

from __future__ import annotations

from typing import Final, final

from sws.base.errors import LimitExceeded
from sws.base.handshake import Direction
from sws.proto.tls.constants import Level
from sws.proto.tls.core import Core
from sws.proto.tls.messages import decode_key_update, encode_key_update
from sws.proto.tls.schedule import next_secret

__all__ = ["TrafficSecrets"]

#: Updates that a peer may make on one connection without our having sent it anything between them: nobody needs as many.
_IDLE_UPDATES: Final = 32
_EPOCHS: Final = (1 << 48) - 1


@final
class TrafficSecrets:
    """Made when the handshake ends.

    Args:
      ours, theirs:  the first application traffic secrets.
    """

    __slots__ = ("_awaiting", "_core", "_epoch", "_owed", "_since_progress", "ours", "theirs")

    def __init__(self, core: Core, ours: bytes, theirs: bytes) -> None:
        self._core = core
        self.ours = ours
        self.theirs = theirs
        self._awaiting = False
        self._owed = False
        self._epoch = 0
        self._since_progress = 0

    def receive(self, message: bytes) -> None:
        """A KeyUpdate of the peer's.

        Raises: TlsAlert, DecodeError; LimitExceeded for updates without end.
        """
        requested = decode_key_update(message)
        self._since_progress += 1
        if self._since_progress > _IDLE_UPDATES:
            raise LimitExceeded("KeyUpdate messages", self._since_progress, _IDLE_UPDATES)
        self.theirs = next_secret(self._core.suite.hash_name, self.theirs)
        self._core.install(Level.APPLICATION, Direction.READ, self.theirs)
        self._awaiting = False
        self._owed = self._owed or requested

    def settle(self) -> None:
        """Answer what is owed.  Call it when a batch of messages was taken, before the next data is sent."""
        if self._owed:
            self._owed = False
            self._update(False)

    def progress(self) -> None:
        """Data came from the peer: its updates serve something."""
        self._since_progress = 0

    def update(self) -> None:
        """Change our keys, and ask the peer to change its own."""
        request = not self._awaiting
        self._awaiting = True
        self._owed = False
        self._update(request)

    def _update(self, request: bool) -> None:
        if self._epoch >= _EPOCHS:
            return
        self._epoch += 1
        self._core.send_after(encode_key_update(request))
        self.ours = next_secret(self._core.suite.hash_name, self.ours)
        self._core.install(Level.APPLICATION, Direction.WRITE, self.ours)
