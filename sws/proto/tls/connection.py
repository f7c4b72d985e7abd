# SPDX-License-Identifier: Apache-2.0 OR MIT
"""TLS over a stream, both roles: a handshake and records around it.  RFC 9846 §5, §6; a `ByteFilter`.

    ciphertext ─▶ RecordBuffer ─▶ [open in batches] ─▶ by type:  handshake ─▶ HandshakeCore ─▶ events: octets to send, keys to install
                                                               application ─▶ plaintext
                                                                     alert ─▶ the end of the peer's half, or of all
    plaintext ─▶ _plain ─▶ [seal in batches, when `data_to_send` asks] ─▶ _out ─▶ ciphertext

- Handshake messages and alerts are sealed at once, application data when it leaves: so a KeyUpdate stands where it was made.
- `_read_level`, `_write_level` are the levels whose keys are installed.
- While a batch is opened under one key, a KeyUpdate inside it makes the rest of the batch unreadable: that rest is opened again.
- Records are small at first and after a pause, so that the first can be used when one segment has come; then as large as they may be.
- Data that does not fit the state, and everything after the end, is answered with the alert that the RFC names and never delivered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, final

from sws.base.errors import TlsAlert, UsageError
from sws.base.handshake import Alert, Direction, HandshakeBytes, HandshakeComplete, HandshakeEvent, SecretReady
from sws.proto.tls.client import ClientHandshake
from sws.proto.tls.config import ClientConfig, Negotiated, ServerConfig
from sws.proto.tls.constants import AlertDescription, ContentType, Level
from sws.proto.tls.core import EarlyData
from sws.proto.tls.records import INNER_MAXIMUM, Protection, RecordBuffer, plain_records, split_inner
from sws.proto.tls.server import ServerHandshake
from sws.proto.tls.suites import SUITES

__all__ = ["ClientConnection", "ServerConnection", "TlsConnection"]

_CCS: Final = b"\x14\x03\x03\x00\x01\x01"
_SMALL: Final = 1369  # with header, type and tag, what one segment of 1,400 octets carries
_SMALL_UNTIL: Final = 16384
_PAUSE: Final = 1.0
_SKIP_MINIMUM: Final = 1 << 14
_RECORD_OVERHEAD: Final = 17  # type and tag
#: How many records that carry nothing a peer may send in a row: empty ones and change_cipher_spec; warnings are fewer yet.
_EMPTY_MAXIMUM: Final = 32
_WARNINGS_MAXIMUM: Final = 4
_ERROR_CLOSURES: Final = (AlertDescription.CLOSE_NOTIFY, AlertDescription.USER_CANCELED)


@final
class TlsConnection:
    """One connection.  Made by `ServerConnection` or `ClientConnection`.

    Args:
      handshake:  of either role.
      now:        when it began.
      padding:    application records are padded to a multiple of this many octets; 0 for none.
      key_records:  how many records one key protects before it is updated; None is what the cipher suite allows.
    Attributes:
      peer_closed:  close_notify has come, or the transport's end.
      early_octets: how much of the plaintext that was delivered came as 0-RTT data.
      truncated:    the transport ended before close_notify did: what came may not be all.
      alert_sent, alert_received:  the alert that ended the connection, and why.
    """

    def __init__(
        self,
        handshake: ServerHandshake | ClientHandshake,
        now: float,
        *,
        padding: int = 0,
        key_records: int | None = None,
    ) -> None:
        self.handshake = handshake
        self._is_server = isinstance(handshake, ServerHandshake)
        self._buffer = RecordBuffer()
        self._read: Protection | None = None
        self._write: Protection | None = None
        self._read_level: int = Level.INITIAL
        self._write_level: int = Level.INITIAL
        self._out: list[bytes] = []
        self._plain: deque[bytes] = deque()
        self._plain_octets = 0
        self._padding = padding
        self._key_records = key_records
        self._ccs_sent = False
        self._hello_seen = not self._is_server
        self._skipped = 0
        self._may_skip = True
        self._empty_records = 0
        self._warnings = 0
        self.early_octets = 0
        self._burst = 0
        self._last_sent = now
        self._closing = False
        self._close_sent = False
        self.now = now
        self.complete = False
        self.peer_closed = False
        self.truncated = False
        self.alert_sent: TlsAlert | None = None
        self.alert_received: TlsAlert | None = None
        if isinstance(handshake, ClientHandshake):
            self._perform(handshake.start(now))

    def __del__(self) -> None:
        """Cut the circle of the handshake and its state: both are freed at once then, not when the collector comes by."""
        self.handshake.feed.release()

    # --- facts ---------------------------------------------------------------------------------------------------

    @property
    def facts(self) -> Negotiated:
        """What was negotiated so far."""
        return self.handshake.core.facts

    @property
    def failed(self) -> bool:
        """Whether an alert ended it."""
        return self.alert_sent is not None or self.alert_received is not None

    @property
    def wants_close(self) -> bool:
        """Close the transport once what `data_to_send` gives has left: it failed, or our half was closed."""
        return self.failed or self._close_sent

    @property
    def can_send_data(self) -> bool:
        """Whether plaintext could leave: after the handshake; a server may send once its flight is out, a client 0-RTT data before."""
        return self._write_level in (Level.APPLICATION, Level.EARLY) and not self.failed and not self._close_sent

    @property
    def pending(self) -> int:
        """Octets of plaintext that wait to be sealed."""
        return self._plain_octets

    def export(self, label: bytes, context: bytes, length: int) -> bytes:
        """Keying material of the connection; SECRET.  §7.5"""
        return self.handshake.export(label, context, length)

    # --- receiving -----------------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> list[bytes]:
        """Ciphertext from the peer; returns plaintext in order."""
        self.now = now
        plain: list[bytes] = []
        if self.failed or self.peer_closed:
            return plain
        try:
            self._take(self._buffer.take(data), plain)
        except TlsAlert as alert:
            self._fail(alert)
        return plain

    def receive_eof(self, now: float) -> None:
        """The transport was closed."""
        if not self.peer_closed:
            self.truncated = True
            self.peer_closed = True

    def _take(self, records: list[tuple[int, bytes, bytes]], plain: list[bytes]) -> None:
        position = 0
        while position < len(records) and not self.failed and not self.peer_closed:
            kind, header, fragment = records[position]
            if not header:
                raise TlsAlert(-kind, "a record that cannot be one")
            if self._read is None or kind != ContentType.APPLICATION_DATA:
                self._plain_record(kind, fragment)
                position += 1
            else:
                end = position + 1
                if self.complete:
                    while end < len(records) and records[end][0] == ContentType.APPLICATION_DATA:
                        end += 1
                position += self._protected_records(self._read, records[position:end], plain)

    def _plain_record(self, kind: int, fragment: bytes) -> None:
        """A record without protection, or one that can have none: change_cipher_spec (§5, appendix D.4)."""
        if kind == ContentType.CHANGE_CIPHER_SPEC:
            if fragment != b"\1" or not self._hello_seen or self._peer_finished or self.handshake.feed.inside_message:
                raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "change_cipher_spec out of place")
            self._count_empty()
        elif self._read is not None:
            closes = len(fragment) == 2 and fragment[1] in _ERROR_CLOSURES
            if kind != ContentType.ALERT or not self._is_server or not self._may_skip or closes:
                raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "a record without protection")
            self._alert(fragment)  # OpenSSL's clients begin to protect with their Finished: what they say against our flight comes so
        elif kind == ContentType.APPLICATION_DATA:
            if self.handshake.early_data is not EarlyData.RETRIED:
                raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "application data before the handshake")
            self._skip(fragment)
        elif kind == ContentType.HANDSHAKE:
            self._handshake(Level.INITIAL, fragment)
            self._hello_seen = True
        else:
            self._alert(fragment)

    @property
    def _peer_finished(self) -> bool:
        return self._read_level == Level.APPLICATION

    def _skip(self, fragment: bytes) -> None:
        """0-RTT data that was not accepted.  §4.2.10"""
        self._skipped += len(fragment)
        limit = max(_SKIP_MINIMUM, self.handshake.host.early_data if isinstance(self.handshake, ServerHandshake) else 0)
        if self._skipped > limit + 256:
            raise TlsAlert(AlertDescription.BAD_RECORD_MAC, "more early data than could be skipped")

    def _protected_records(self, protection: Protection, records: list[tuple[int, bytes, bytes]], plain: list[bytes]) -> int:
        """Open a batch; how many records of it are dealt with: fewer than all if the keys changed inside it."""
        for index, inner in enumerate(protection.open(records)):
            if inner is None:
                if self.handshake.early_data is EarlyData.REJECTED and self._may_skip and self._read_level == Level.HANDSHAKE:
                    self._skip(records[index][2])
                    continue
                raise TlsAlert(AlertDescription.BAD_RECORD_MAC, "a record that does not open")
            protection.sequence += 1
            self._may_skip = False
            kind, content = split_inner(inner, self._inner_limit)
            if kind == ContentType.APPLICATION_DATA:
                self._application(content, plain)
            elif kind == ContentType.HANDSHAKE:
                self._handshake(self._read_level, content)
            elif kind == ContentType.ALERT:
                self._alert(content)
            else:
                raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "a protected record of a type that has none")
            if self._read is not protection or self.failed or self.peer_closed:
                return index + 1
        return len(records)

    @property
    def _inner_limit(self) -> int:
        """RFC 8449 §4: what we announced holds for everything protected."""
        return min(INNER_MAXIMUM, self.handshake.config.record_limit + 1)

    def _application(self, content: bytes, plain: list[bytes]) -> None:
        if self.handshake.feed.inside_message:
            raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "application data inside a handshake message")
        if self._read_level == Level.EARLY:
            self.early_octets += len(content)
            if isinstance(self.handshake, ServerHandshake) and self.early_octets > self.handshake.host.early_data:
                raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "more early data than allowed")
        elif self._read_level != Level.APPLICATION:
            raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "application data before the handshake is over")
        if content:
            self._empty_records = 0
            plain.append(content)
            if self.handshake.traffic is not None:
                self.handshake.traffic.progress()
        else:
            self._count_empty()

    def _count_empty(self) -> None:
        self._empty_records += 1
        if self._empty_records > _EMPTY_MAXIMUM:
            raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "empty records without end")

    def _alert(self, content: bytes) -> None:
        """§6: a closure, or the end of everything, whatever its level says."""
        if not content:
            raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "an empty alert")
        if len(content) != 2:
            raise TlsAlert(AlertDescription.DECODE_ERROR, "an alert has two octets")
        if self.handshake.feed.inside_message:
            raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "an alert inside a handshake message")
        description = content[1]
        if description == AlertDescription.CLOSE_NOTIFY:
            self.peer_closed = True
            self._buffer.clear()
        elif description == AlertDescription.USER_CANCELED:
            self._warnings += 1
            if self._warnings > _WARNINGS_MAXIMUM:
                raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "alerts without end")
        else:
            self.alert_received = TlsAlert(description, "from the peer")
            self._forget()

    # --- the handshake -------------------------------------------------------------------------------------------

    def _handshake(self, level: int, content: bytes) -> None:
        if not content:
            raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "a handshake record without content")
        self._perform(self.handshake.receive(level, content, self.now))

    def _perform(self, events: list[HandshakeEvent]) -> None:
        """Do what the handshake says, in its order."""
        messages: list[bytes] = []
        for event in events:
            if isinstance(event, HandshakeBytes):
                messages.append(event.data)
                continue
            self._send_handshake(messages)
            if isinstance(event, SecretReady):
                self._install(event)
            elif isinstance(event, HandshakeComplete):
                self.complete = True
            elif isinstance(event, Alert):
                self._fail(TlsAlert(event.description, event.reason))
        self._send_handshake(messages)

    def _send_handshake(self, messages: list[bytes]) -> None:
        """Messages under the same keys share records."""
        if not messages:
            return
        data = b"".join(messages)
        messages.clear()
        if self.facts.retried and self._read is None:  # the keys of 0-RTT data are of no more use
            self._write = None
            self._write_level = Level.INITIAL
        if self._write is not None:
            size = min(self.facts.record_size, INNER_MAXIMUM - 1)
            parts = [data[start : start + size] for start in range(0, len(data), size)]
            self._out.append(self._write.seal(ContentType.HANDSHAKE, parts))
        elif self._is_server:
            self._out += plain_records(ContentType.HANDSHAKE, data)
            self._compatibility()
        elif self.facts.retried:
            self._compatibility()
            self._out += plain_records(ContentType.HANDSHAKE, data)
        else:
            self._out += plain_records(ContentType.HANDSHAKE, data, b"\x03\x01")

    def _compatibility(self) -> None:
        """One change_cipher_spec before what follows the first hello, if the client is in that mode.  Appendix D.4"""
        if not self._ccs_sent and self.handshake.uses_compatibility_mode:
            self._ccs_sent = True
            self._out.append(_CCS)

    def _install(self, event: SecretReady) -> None:
        if event.level == Level.EARLY and event.direction is Direction.READ and not self._is_server:
            return
        protection = Protection(event.suite, event.secret)
        if event.direction is Direction.READ:
            self._read = protection
            self._read_level = event.level
        else:
            if not self._is_server:
                self._compatibility()
            self._write = protection
            self._write_level = event.level

    def _fail(self, alert: TlsAlert) -> None:
        """Tell the peer, once, and forget the keys."""
        if self.failed:
            return
        self.alert_sent = alert
        self.handshake.fail(alert)
        content = bytes((2, alert.description))
        if self._write is None:
            self._out += plain_records(ContentType.ALERT, content)
        else:
            self._out.append(self._write.seal(ContentType.ALERT, (content,)))
        self._forget()

    def _forget(self) -> None:
        """§6: keys of failed connections are forgotten, what waited is not sent."""
        self._read = self._write = None
        self._plain.clear()
        self._plain_octets = 0
        self._buffer.clear()

    def update_keys(self) -> None:
        """Change our keys and ask the peer to do so.  §4.6.3"""
        self._perform(self.handshake.update_keys())

    def request_certificate(self) -> None:
        """Ask the client for a certificate after the handshake.  §4.6.2"""
        if not isinstance(self.handshake, ServerHandshake):
            raise UsageError("a server asks")
        self._perform(self.handshake.request_certificate())

    def end_early_data(self) -> None:
        """The client's 0-RTT data is all sent: seal what waits, then go on with the handshake."""
        if not isinstance(self.handshake, ClientHandshake):
            raise UsageError("a client sends early data")
        if self._write_level == Level.EARLY:
            self._seal(self._plain_octets)
        self._perform(self.handshake.end_early_data())

    # --- sending -------------------------------------------------------------------------------------------------

    def send(self, data: Sequence[bytes]) -> None:
        """Plaintext for the peer; it waits here until `data_to_send` has budget for it."""
        if self._closing:
            raise UsageError("our half is closed")
        if self.failed:
            return
        for part in data:
            if part:
                self._plain.append(part)
                self._plain_octets += len(part)

    def close(self) -> None:
        """Half-close: close_notify follows what waits."""
        self._closing = True

    def abandon(self) -> None:
        """Give up in the middle: no close_notify, so that the peer takes nothing for whole."""
        self._forget()
        self._closing = self._close_sent = True

    def data_to_send(self, budget: int) -> list[bytes]:
        """Ciphertext to leave now; at most about `budget` octets of plaintext are sealed in one call."""
        if self._plain and self.can_send_data:
            self._seal(budget)
        if self._closing and not self._plain and not self._close_sent and not self.failed:
            self._close_sent = True
            content = bytes((1, AlertDescription.CLOSE_NOTIFY))
            if self._write is None:
                self._out += plain_records(ContentType.ALERT, content)
            else:
                self._out.append(self._write.seal(ContentType.ALERT, (content,)))
        out, self._out = self._out, []
        return out

    def _seal(self, budget: int) -> None:
        if self.now - self._last_sent > _PAUSE:
            self._burst = 0
        self._last_sent = self.now
        records = self._cut(budget)
        if records and self._write is not None:
            self._before_limit(len(records))
            self._out.append(self._write.seal(ContentType.APPLICATION_DATA, records, self._padding))

    def _before_limit(self, records: int) -> None:
        """§5.5: update the keys before they have protected as much as they may."""
        limit = SUITES[self.facts.suite].records if self._key_records is None else self._key_records
        if self._write is not None and self._write.sequence + records >= limit and self.complete:
            self.update_keys()

    def _cut(self, budget: int) -> list[bytes]:
        """The contents of the next records, out of what waits."""
        take = 0
        parts: list[bytes] = []
        plain = self._plain
        while plain and take < budget:
            part = plain.popleft()
            if take + len(part) > budget:
                plain.appendleft(part[budget - take :])
                part = part[: budget - take]
            parts.append(part)
            take += len(part)
        self._plain_octets -= take
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        largest = min(self.facts.record_size, INNER_MAXIMUM - 1)
        if len(data) <= largest and (self._burst >= _SMALL_UNTIL or len(data) <= _SMALL):
            self._burst += len(data)
            return [data] if data else []
        records = []
        position = 0
        while position < len(data):
            size = min(_SMALL, largest) if self._burst < _SMALL_UNTIL else largest
            records.append(data[position : position + size])
            position += size
            self._burst += size
        return records


def ServerConnection(config: ServerConfig, now: float, *, padding: int = 0, key_records: int | None = None) -> TlsConnection:  # noqa: N802
    """The server's end of a connection that was just accepted."""
    return TlsConnection(ServerHandshake(config), now, padding=padding, key_records=key_records)


def ClientConnection(config: ClientConfig, now: float, *, padding: int = 0, key_records: int | None = None) -> TlsConnection:  # noqa: N802
    """The client's end of a connection that was just opened; its ClientHello is ready to be sent."""
    return TlsConnection(ClientHandshake(config), now, padding=padding, key_records=key_records)
