# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Connection IDs, ours and the peer's.  RFC 9000 §5.1, §9.5, §10.3, §19.15, §19.16.

    local    sequence number → ID that the peer may send to; a few at a time, one given for each retired
    remote   sequence number → ID to send to, with its stateless reset token; one in use, one more for each other path

Whoever makes IDs (an endpoint that routes by them) is told of those that are issued and retired.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from sws.base.errors import QuicTransportError
from sws.proto.quic.control import ControlFrames
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.frames import encode_new_connection_id, encode_retire_connection_id
from sws.proto.quic.frames.types import FrameType

__all__ = ["ACTIVE_LIMIT", "LocalIds", "RemoteIds"]

ACTIVE_LIMIT: Final = 4
"""How many of the peer's we keep, and how many of ours we give."""
_AT_FIRST: Final = 2
"""How many of ours a young connection has: one in use, one to move with."""
_RETIRING_MAXIMUM: Final = 4 * ACTIVE_LIMIT


@final
class LocalIds:
    """IDs that the peer sends to.

    Attributes:
      known:   all that are in use.

    Args:
      first:   in use from the handshake on.
      make:    gives a new ID and its stateless reset token, and routes to us from then on.
      retire:  routes no more.
    """

    __slots__ = ("_by_sequence", "_control", "_limit", "_make", "_next", "_retire", "_tokens", "known")

    def __init__(
        self, first: bytes, make: Callable[[], tuple[bytes, bytes]], retire: Callable[[bytes], None], control: ControlFrames
    ) -> None:
        self._by_sequence: dict[int, bytes] = {0: first}
        self.known = {first}
        self._tokens: dict[int, bytes] = {}
        self._make = make
        self._retire = retire
        self._next = 1
        self._limit = 1
        self._control = control
        control.register(FrameType.NEW_CONNECTION_ID, self._frame)

    def all(self) -> list[bytes]:
        """IDs in use."""
        return list(self._by_sequence.values())

    def add_preferred(self) -> tuple[bytes, bytes]:
        """The ID of a preferred address, which has sequence number 1.  §5.1.1"""
        connection_id, token = self._make()
        self._by_sequence[1] = connection_id
        self.known.add(connection_id)
        self._next = 2
        return connection_id, token

    def issue(self, limit: int) -> None:
        """The handshake is over, and the peer keeps so many."""
        self._limit = min(limit, ACTIVE_LIMIT)
        self._fill(min(limit, _AT_FIRST))

    def issue_all(self) -> None:
        """As many as the peer keeps."""
        self._fill(self._limit)

    def _fill(self, wanted: int) -> None:
        while len(self._by_sequence) < wanted:
            connection_id, token = self._make()
            self._by_sequence[self._next] = connection_id
            self.known.add(connection_id)
            self._tokens[self._next] = token
            self._control.want(FrameType.NEW_CONNECTION_ID, self._next)
            self._next += 1

    def on_retire(self, sequence: int, destination: bytes) -> None:
        """RETIRE_CONNECTION_ID, in a packet to `destination`.

        Raises: QuicTransportError PROTOCOL_VIOLATION for an ID not issued, or the one that the packet came to.
        """
        if sequence >= self._next:
            raise QuicTransportError(
                ErrorCode.PROTOCOL_VIOLATION, "a connection ID retired that was not issued", FrameType.RETIRE_CONNECTION_ID
            )
        connection_id = self._by_sequence.get(sequence)
        if connection_id is None:
            return
        if connection_id == destination:
            raise QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "a connection ID retired that is in use", FrameType.RETIRE_CONNECTION_ID)
        del self._by_sequence[sequence]
        self.known.discard(connection_id)
        self._tokens.pop(sequence, None)
        self._retire(connection_id)
        self.issue_all()

    def _frame(self, sequence: int) -> bytes | None:
        connection_id = self._by_sequence.get(sequence)
        token = self._tokens.get(sequence)
        return None if connection_id is None or token is None else encode_new_connection_id(sequence, 0, connection_id, token)


@final
class RemoteIds:
    """IDs that we send to.

    Attributes:
      current:  of the path in use.
      on_used:  called when another ID, with a stateless reset token of its own, is used.
    """

    __slots__ = ("_control", "_ids", "_in_use", "_retire_prior", "_retired", "_retiring", "_sequence", "current", "on_used")

    def __init__(self, control: ControlFrames) -> None:
        self.current = b""
        self._sequence = 0
        self._ids: dict[int, tuple[bytes, bytes]] = {}
        self._in_use: set[int] = {0}
        self._retire_prior = 0
        self._retired: dict[int, None] = {}
        self._retiring: set[int] = set()
        self._control = control
        self.on_used: Callable[[], None] | None = None
        control.register(FrameType.RETIRE_CONNECTION_ID, encode_retire_connection_id, self._retiring.discard)

    def set_first(self, connection_id: bytes) -> None:
        """The peer's first ID, or the one that a client makes up, or a Retry gives."""
        self.current = connection_id
        self._ids[0] = (connection_id, b"")

    def set_first_token(self, token: bytes) -> None:
        """The stateless reset token of the first ID: a server's transport parameter."""
        self._ids[0] = (self._ids[0][0], token)

    def tokens(self) -> list[bytes]:
        """Stateless reset tokens of the IDs that we have sent to.  §10.3.1"""
        return [token for sequence, (_, token) in self._ids.items() if token and sequence in self._in_use]

    def on_new(self, sequence: int, retire_prior: int, connection_id: bytes, token: bytes) -> None:
        """NEW_CONNECTION_ID, or a preferred address.

        Raises: QuicTransportError PROTOCOL_VIOLATION, CONNECTION_ID_LIMIT_ERROR.
        """
        if not self.current:
            raise QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "a new ID for a peer without ID", FrameType.NEW_CONNECTION_ID)
        known = self._ids.get(sequence)
        if known is not None:
            if known != (connection_id, token):
                raise QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "a sequence number for two IDs", FrameType.NEW_CONNECTION_ID)
        elif any(connection_id == other for other, _ in self._ids.values()):
            raise QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "an ID under two sequence numbers", FrameType.NEW_CONNECTION_ID)
        elif sequence < self._retire_prior:
            self._give_up(sequence)
        elif sequence not in self._retired:
            self._ids[sequence] = (connection_id, token)
        if retire_prior > self._retire_prior:
            self._retire_prior = retire_prior
            for old in [number for number in self._ids if number < retire_prior]:
                self._give_up(old)
            if self._sequence < retire_prior:
                self._switch()
        if len(self._ids) > ACTIVE_LIMIT:
            raise QuicTransportError(ErrorCode.CONNECTION_ID_LIMIT_ERROR, "more connection IDs than allowed", FrameType.NEW_CONNECTION_ID)

    def _give_up(self, sequence: int) -> None:
        self._ids.pop(sequence, None)
        self._in_use.discard(sequence)
        if sequence in self._retired:
            return
        self._retired[sequence] = None
        if len(self._retired) > 256:
            del self._retired[next(iter(self._retired))]
        self._retiring.add(sequence)
        if len(self._retiring) > _RETIRING_MAXIMUM:
            raise QuicTransportError(
                ErrorCode.CONNECTION_ID_LIMIT_ERROR, "connection IDs replaced without end", FrameType.NEW_CONNECTION_ID
            )
        self._control.want(FrameType.RETIRE_CONNECTION_ID, sequence)

    def _switch(self) -> None:
        """Another ID for the path in use."""
        free = [sequence for sequence in self._ids if sequence not in self._in_use]
        if not free:
            raise QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "no connection ID left to use", FrameType.NEW_CONNECTION_ID)
        self._sequence = min(free)
        self._use(self._sequence)
        self.current = self._ids[self._sequence][0]

    def reserve(self) -> int | None:
        """A fresh ID for another path: its sequence number; None if there is none."""
        if not self.current:
            return 0
        free = [sequence for sequence in self._ids if sequence not in self._in_use]
        if not free:
            return None
        self._use(min(free))
        return min(free)

    def _use(self, sequence: int) -> None:
        self._in_use.add(sequence)
        if self.on_used is not None:
            self.on_used()

    def get(self, sequence: int) -> bytes | None:
        """The ID of a sequence number."""
        if sequence == self._sequence:
            return self.current
        known = self._ids.get(sequence)
        return None if known is None else known[0]

    @property
    def sequence(self) -> int:
        """Of the ID in use."""
        return self._sequence

    def use(self, sequence: int) -> None:
        """Another path is the one in use now."""
        known = self._ids.get(sequence)
        if known is not None:
            self._sequence = sequence
            self.current = known[0]

    def retire(self, sequence: int) -> None:
        """A path is given up, and its ID with it."""
        if self.current and sequence != self._sequence and sequence in self._ids:
            self._give_up(sequence)
