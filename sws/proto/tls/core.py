# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What both ends of a handshake share: messages out of octets, events, secrets, and life after the handshake.

A handshake is a chain of *states*, one class each: a state says which messages it takes (`expected`), at which level they come, and
`receive(message)` gives the next state.  `MessageFeed` cuts the octets of a level into messages and drives the chain.  Whatever goes wrong
is a TlsAlert; `Handshake.receive` turns it into the Alert event, once, and takes nothing more.

    state.receive(message) ─▶ core.send(level, message)      HandshakeBytes, and the transcript
                           ─▶ core.install(level, direction)  SecretReady, and the key log
                           ─▶ next state

Messages must not span a change of keys (RFC 9846 §5.1): if a state installed keys for reading and octets are left over, that is
unexpected_message.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Protocol, final

from sws.base.errors import AuthenticationError, DecodeError, LimitExceeded, TlsAlert
from sws.base.handshake import Alert, Direction, HandshakeBytes, HandshakeEvent, SecretReady
from sws.proto.tls.config import KeyLog, Negotiated
from sws.proto.tls.constants import AlertDescription, HandshakeType, Level
from sws.proto.tls.messages import CERTIFICATE_MAXIMUM
from sws.proto.tls.schedule import Transcript
from sws.proto.tls.suites import SUITES, Suite

__all__ = ["Core", "EarlyData", "Failed", "MessageFeed", "State", "unexpected"]

_HELLO_MAXIMUM: Final = (1 << 17) + 1024  # two vectors of 2**16 and what stands between them
_OTHER_MAXIMUM: Final = 1 << 16
_MAXIMUM: Final = {
    HandshakeType.CLIENT_HELLO: _HELLO_MAXIMUM,
    HandshakeType.CERTIFICATE: CERTIFICATE_MAXIMUM,
    HandshakeType.COMPRESSED_CERTIFICATE: CERTIFICATE_MAXIMUM,
    HandshakeType.NEW_SESSION_TICKET: 1 << 17,
}


def unexpected(why: str) -> TlsAlert:
    """unexpected_message."""
    return TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, why)


class EarlyData(IntEnum):
    """What became of the client's 0-RTT data; tells a record layer what to do with records that it cannot open.  §4.2.10"""

    NONE = 0
    ACCEPTED = 1
    REJECTED = 2  # skip what cannot be opened under the handshake keys
    RETRIED = 3  # skip everything encrypted until the second ClientHello


class State(Protocol):
    """One step of a handshake."""

    @property
    def level(self) -> int:
        """Where its messages come."""

    @property
    def expected(self) -> frozenset[int]:
        """The types of messages that it takes."""

    def receive(self, message: bytes) -> State:
        """The state after a message, which comes whole with its header.  Raises: TlsAlert, DecodeError."""


@final
class Failed:
    """After an alert: nothing is expected any more."""

    level: int = Level.APPLICATION
    expected: frozenset[int] = frozenset()

    def receive(self, message: bytes) -> State:
        """Not called, since nothing is expected."""
        raise unexpected("the connection has failed")


@final
class Core:
    """The tools of the states: events, transcript, facts.  One per connection.

    Attributes:
      facts:       what is known of the connection.
      transcript:  of all messages.
      events:      of the call under way.
      read_keys_changed:  since the last message began.
      now:         monotonic time of the call under way.
    """

    __slots__ = ("client_random", "events", "facts", "keylog", "now", "read_keys_changed", "suite", "transcript")

    def __init__(self, keylog: KeyLog | None) -> None:
        self.facts = Negotiated()
        self.transcript = Transcript()
        self.events: list[HandshakeEvent] = []
        self.read_keys_changed = False
        self.keylog = keylog
        self.client_random = b""
        self.suite: Suite = next(iter(SUITES.values()))
        self.now = 0.0

    def choose_suite(self, number: int) -> None:
        """The cipher suite, and with it the hash."""
        self.suite = SUITES[number]
        self.facts.suite = number
        self.transcript.choose(self.suite.hash_name)

    def send(self, level: int, message: bytes) -> None:
        """A message of the handshake proper."""
        self.transcript.add(message)
        self.events.append(HandshakeBytes(level, message))

    def send_after(self, message: bytes) -> None:
        """A message after the handshake, which is in no transcript."""
        self.events.append(HandshakeBytes(Level.APPLICATION, message))

    def install(self, level: int, direction: Direction, secret: bytes) -> None:
        """New keys."""
        if direction is Direction.READ:
            self.read_keys_changed = True
        self.events.append(SecretReady(level, direction, self.facts.suite, secret))

    def log(self, label: str, secret: bytes) -> None:
        """For the key log.  RFC 9850."""
        if self.keylog is not None:
            self.keylog(label, self.client_random, secret)


@final
class MessageFeed:
    """Cuts octets into messages and drives the states.

    Args:
      core:   of the connection.
      state:  the first one.
    """

    __slots__ = ("_buffer", "_level", "core", "state")

    def __init__(self, core: Core, state: State) -> None:
        self.core = core
        self.state = state
        self._buffer = bytearray()
        self._level: int = state.level

    @property
    def inside_message(self) -> bool:
        """Whether a message has begun and not ended: no other type of record may come then.  §5.1"""
        return bool(self._buffer)

    def receive(self, level: int, data: bytes, now: float) -> list[HandshakeEvent]:
        """Octets of a level, in order."""
        core = self.core
        events: list[HandshakeEvent] = []
        core.now = now
        core.events = events
        if isinstance(self.state, Failed):
            return events
        try:
            self._take(level, data)
        except TlsAlert as alert:
            self.fail(alert)
        except DecodeError as error:
            self.fail(TlsAlert(AlertDescription.DECODE_ERROR, error.what))
        except LimitExceeded as error:
            self.fail(TlsAlert(AlertDescription.INTERNAL_ERROR, error.limit))
        except AuthenticationError:
            self.fail(TlsAlert(AlertDescription.DECRYPT_ERROR, "authentication failed"))
        return events

    def release(self) -> None:
        """Let go of the state, which refers to the handshake, which refers to this."""
        self.state = Failed()

    def fail(self, alert: TlsAlert) -> None:
        """The end of the handshake."""
        self.state = Failed()
        self._buffer.clear()
        self.core.events.append(Alert(alert.description, alert.reason, alert.against_quic))

    def _take(self, level: int, data: bytes) -> None:
        buffer = self._buffer
        if level != self.state.level:
            raise unexpected("handshake octets under other keys than these")
        buffer += data
        while buffer:
            kind = buffer[0]
            if kind not in self.state.expected:
                raise unexpected(f"a handshake message of type {kind} out of order")
            if len(buffer) < 4:
                return
            length = int.from_bytes(buffer[1:4], "big")
            if length > _MAXIMUM.get(kind, _OTHER_MAXIMUM):  # type: ignore[call-overload]
                compressed = kind == HandshakeType.COMPRESSED_CERTIFICATE  # RFC 8879 §4: whatever is wrong with one is bad_certificate
                description = AlertDescription.BAD_CERTIFICATE if compressed else AlertDescription.DECODE_ERROR
                raise TlsAlert(description, "a handshake message that is too long")
            if len(buffer) < 4 + length:
                return
            message = bytes(buffer[: 4 + length])
            del buffer[: 4 + length]
            self.core.read_keys_changed = False
            self.state = self.state.receive(message)
            if buffer and (self.core.read_keys_changed or self.state.level != level):
                against_quic = buffer[0] != HandshakeType.KEY_UPDATE  # that one is unexpected_message wherever it comes: RFC 9001 §6
                raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "a message spans a change of keys", against_quic)
