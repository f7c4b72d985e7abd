# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A QUIC connection: the parts of either role, put together.  RFC 9000; `StreamTransport` upwards, `DatagramEngine` downwards.

    datagrams ─▶ Receiver ─▶ frames ─▶ Streams · CryptoStream · LocalIds · RemoteIds · Paths · LossDetection · Closing
    datagrams ◀─ Sender   ◀─ frames ◀─ the same, and ReceivedSpace (acknowledgements)

Every part has its own state and a file of its own; this one holds what they share: keys, time, events, and the facts of the handshake.
`Handshake` turns what TLS says into keys and facts.  What differs between roles is in `server` and `client`.

Errors: whatever a peer does wrong is a QuicTransportError inside, and CONNECTION_CLOSE and ConnectionClosed outside.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from sws.base.datagrams import Address, DatagramIn, DatagramOut
from sws.base.errors import QuicTransportError
from sws.crypto.system import Entropy
from sws.proto.quic.api import ConnectionClosed, QuicEvent, SendData
from sws.proto.quic.closing import Closing, End, EndInput
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.control import ControlFrames
from sws.proto.quic.crypto import CryptoStream
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.handshake import Handshake
from sws.proto.quic.ids import LocalIds, RemoteIds
from sws.proto.quic.keyphase import KeyPhases
from sws.proto.quic.parameters import TransportParameters
from sws.proto.quic.paths import Path, Paths
from sws.proto.quic.protection import PacketKeys, initial_secrets
from sws.proto.quic.received import MAX_ACK_DELAY, ReceivedSpace
from sws.proto.quic.receiver import Receiver
from sws.proto.quic.recovery.congestion import CongestionController
from sws.proto.quic.recovery.ecn import EcnValidator
from sws.proto.quic.recovery.loss import LossDetection
from sws.proto.quic.recovery.mtu import BASE, MtuSearch
from sws.proto.quic.recovery.pacer import Pacer
from sws.proto.quic.recovery.rtt import RttEstimate
from sws.proto.quic.sender import Sender
from sws.proto.quic.streams.manager import Streams
from sws.proto.quic.versions import PacketType, Version
from sws.proto.tls.constants import CipherSuite

__all__ = ["Connection", "MakeId"]

MakeId = Callable[[], tuple[bytes, bytes]]
"""Gives a new connection ID with its stateless reset token, routed to the connection."""

_DATAGRAMS_MAXIMUM: Final = 64
_HANDSHAKE_IDLE: Final = 10.0
_INITIAL, _EARLY, _HANDSHAKE, _ONE_RTT = PacketType.INITIAL, PacketType.EARLY, PacketType.HANDSHAKE, PacketType.ONE_RTT


class Connection(ABC):
    """What both roles are.

    Args:
      version:     of the first packet.
      local, remote: addresses.
      first_id:    our first connection ID.
      make_id, retire_id:  give and take back others.

    Attributes:
      read, write: keys of Initial, 0-RTT and Handshake packets by PacketType; `phases` has those of 1-RTT.
      origin:      version of the client's first packet; `version` is the negotiated one.
      peer:        the peer's transport parameters, None until they are authenticated.
      token:       goes into a client's Initial packets.
    """

    is_client: bool = False

    def __init__(
        self,
        config: QuicConfig,
        version: Version,
        local: Address,
        remote: Address,
        first_id: bytes,
        make_id: MakeId,
        retire_id: Callable[[bytes], None],
        entropy: Entropy,
        now: float,
    ) -> None:
        self.config = config
        self.entropy = entropy
        self.now = now
        self.origin = self.version = version
        self.events: list[QuicEvent] = []
        self.control = ControlFrames()
        self.streams = Streams(self.is_client, config.limits, self.control, self.events.append, config.read_file)
        self.crypto = (CryptoStream(), CryptoStream(), CryptoStream())
        self.received = (ReceivedSpace(0.0), ReceivedSpace(0.0), ReceivedSpace(MAX_ACK_DELAY))
        self.read: list[PacketKeys | None] = [None, None, None]
        self.write: list[PacketKeys | None] = [None, None, None]
        self.phases: KeyPhases | None = None
        self.paths = Paths(local, remote, entropy)
        self.loss = LossDetection(self.is_client, *self.new_path_state())
        self.local_ids = LocalIds(first_id, make_id, retire_id, self.control)
        self.first_id = first_id
        self.remote_ids = RemoteIds(self.control)
        self.closing = Closing()
        self.peer: TransportParameters | None = None
        self.alpn = b""
        self.is_handshake_complete = False
        self.is_confirmed = False
        self.token = b""
        self.outgoing_datagrams: deque[bytes] = deque()
        self.trace = None if config.qlog is None else config.qlog(first_id, self.is_client)
        self.handshake: Handshake = self.make_handshake()
        self.receiver = Receiver(self)
        self.sender = Sender(self)
        self._settles_at = inf
        self._idle_since = now
        self._sent_since_receive = False

    # --- what the roles fill in --------------------------------------------------------------------------------------

    @abstractmethod
    def make_handshake(self) -> Handshake:
        """TLS of the role."""

    def on_path_validated(self, path: Path) -> None:  # noqa: B027  a role may leave it
        """A PATH_RESPONSE came for a path that was a candidate."""

    # --- DatagramEngine ----------------------------------------------------------------------------------------------

    def receive(self, datagrams: Sequence[DatagramIn], now: float) -> None:
        """Datagrams that arrived in one batch."""
        self._set_time(now)
        if self.closing.state >= End.DRAINING:
            return
        try:
            self.receiver.receive(datagrams, now)
        except QuicTransportError as error:
            self.fail(error)
        if now >= self._settles_at and self.closing.state is End.ACTIVE:
            self._settle()

    def datagrams_to_send(self, now: float, budget: int) -> list[DatagramOut]:
        """At most `budget` octets that may leave now."""
        if self.closing.state is End.CLOSED:
            return []
        self._set_time(now)
        try:
            return self.sender.datagrams(now, budget)
        except QuicTransportError as error:
            self.fail(error)
            if error.code == ErrorCode.AEAD_LIMIT_REACHED:  # nothing may be sealed any more, CONNECTION_CLOSE included: RFC 9001 §6.6
                self.closing.wants_to_send = False
            return self.sender.datagrams(now, budget)

    def release(self) -> None:
        """The connection is over, and nothing goes through it any more: parts that refer to one another would wait for the collector."""
        self.control.release()
        self.streams.release()
        del self.receiver, self.sender, self.handshake, self.local_ids, self.remote_ids

    def next_timeout(self) -> float | None:
        """When `handle_timeout` must be called."""
        closing = self.closing
        if closing.state is not End.ACTIVE:
            return closing.until if closing.state is not End.CLOSED else None
        times = [self._idle_deadline(), self.sender.ready_at]
        if not self.loss.is_blocked:
            times += [space.ack_at for space in self.received]
        times += [self.loss.next_timeout(self.now), None if self.sender.is_held else self.paths.next_timeout()]
        known = [time for time in times if time is not None]
        soonest = min(known) if known else inf
        return None if soonest == inf else soonest

    def handle_timeout(self, now: float) -> None:
        """Loss detection, idle time-out, path validation; acknowledgements and paced packets are for `datagrams_to_send`."""
        self._set_time(now)
        closing = self.closing
        if closing.state is not End.ACTIVE:
            if closing.until is not None and now >= closing.until:
                closing.step(EndInput.TIMEOUT)
            return
        if now >= self._idle_deadline():
            self.vanish(ErrorCode.NO_ERROR, "idle timeout")
            return
        due = self.loss.next_timeout(now)
        if due is not None and due <= now:
            probe = self.loss.on_timeout(now)
            if probe is not None:
                self.sender.probes[probe] = 2
        for path in self.paths.expired(now):
            if path.challenge_at is not None:  # it may have become the one in use for lack of another
                self._give_up(path)

    # --- StreamTransport ---------------------------------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        """Verbs do nothing any more."""
        return self.closing.state is not End.ACTIVE

    @property
    def is_over(self) -> bool:
        """Nothing is to be sent or received any more: routes to us can go."""
        return self.closing.state is End.CLOSED

    def take_events(self) -> list[QuicEvent]:
        """What happened since the last call, in order."""
        events = self.events[:]
        self.events.clear()
        return events

    def open_stream(self, unidirectional: bool) -> int:
        """The identifier of a new stream of ours.  Raises: LimitExceeded while the peer allows no more."""
        return self.streams.open(unidirectional)

    def send_stream_data(self, stream: int, data: SendData, fin: bool = False) -> None:
        """Queue octets; `fin` ends our part."""
        if not self.is_closed:
            self.streams.write(stream, data, fin)

    def stream_credit(self, stream: int) -> int:
        """Octets that may be queued now without passing the bound."""
        return 0 if self.is_closed else self.streams.credit(stream)

    def reset_stream(self, stream: int, code: int) -> None:
        """Give up our sending part at once."""
        if not self.is_closed:
            self.streams.reset(stream, code)

    def stop_sending(self, stream: int, code: int) -> None:
        """Ask the peer to stop."""
        if not self.is_closed:
            self.streams.stop(stream, code)

    def consumed(self, stream: int, octets: int) -> None:
        """Octets of StreamData were used."""
        self.streams.consumed(stream, octets)

    def set_priority(self, stream: int, urgency: int, incremental: bool) -> None:
        """Order among our streams."""
        self.streams.prioritise(stream, urgency, incremental)

    def datagram_limit(self) -> int:
        """The largest datagram that can be sent now; 0 if the peer takes none."""
        peer = self.peer_or_remembered()
        if peer is None or not peer.max_datagram_frame_size:
            return 0
        return max(0, min(peer.max_datagram_frame_size - 3, self.loss.mtu.size - 1 - 20 - 4 - 16 - 3))

    def send_datagram(self, data: bytes) -> bool:
        """Queue an unreliable datagram; False if it is too large or the queue is full."""
        if self.is_closed or len(data) > self.datagram_limit() or len(self.outgoing_datagrams) >= _DATAGRAMS_MAXIMUM:
            return False
        self.outgoing_datagrams.append(data)
        return True

    def close(self, code: int, reason: str = "", application: bool = True) -> None:
        """End the connection."""
        if self.closing.close(code, 0, reason, application, self.now + 3 * self.pto()):
            self.events.append(ConnectionClosed(code, reason, False, application))

    @property
    def held(self) -> int:
        """Octets of content in memory, both ways: what a peer or an application can make grow.  Bounded by windows and credit."""
        waiting = sum(map(len, self.outgoing_datagrams))
        return self.streams.held() + sum(stream.held for stream in self.crypto) + waiting

    # --- for the parts -----------------------------------------------------------------------------------------------

    def peer_or_remembered(self) -> TransportParameters | None:
        """The peer's parameters; a client that sends 0-RTT has those of an earlier connection meanwhile."""
        return self.peer

    def pto(self) -> float:
        """The probe time-out, with the peer's acknowledgement delay."""
        rtt = self.loss.rtt
        return rtt.probe_timeout() + rtt.max_ack_delay

    def fail(self, error: QuicTransportError) -> None:
        """A fault of the peer, or a limit of ours."""
        if self.closing.close(error.code, error.frame_type, error.reason, False, self.now + 3 * self.pto()):
            self.events.append(ConnectionClosed(error.code, error.reason, False))

    def vanish(self, code: int, reason: str) -> None:
        """The end without a word to the peer."""
        self.closing.step(EndInput.TIMEOUT)
        self.events.append(ConnectionClosed(code, reason, False))

    def drain(self, code: int, reason: str, application: bool, by_peer: bool = True) -> None:
        """The peer closed, or knows nothing of us any more."""
        was_active = self.closing.state is End.ACTIVE
        self.closing.drain(self.now + 3 * self.pto())
        if was_active:
            self.events.append(ConnectionClosed(code, reason, by_peer, application))

    def install_initial(self, version: Version, destination: bytes) -> None:
        """Keys of Initial packets."""
        client, server = initial_secrets(version, destination)
        suite = int(CipherSuite.TLS_AES_128_GCM_SHA256)
        self.read[_INITIAL] = PacketKeys(version, suite, server if self.is_client else client)
        self.write[_INITIAL] = PacketKeys(version, suite, client if self.is_client else server)

    def discard(self, level: PacketType) -> None:
        """Keys of Initial or Handshake packets are not needed any more.  RFC 9001 §4.9"""
        if self.read[level] is None and self.write[level] is None:
            return
        self.read[level] = self.write[level] = None
        index = 0 if level is _INITIAL else 1
        self.loss.discard(index)
        self.received[index].ack_at = None
        self.crypto[index].drop()
        self.sender.probes[index] = 0

    def confirm(self) -> None:
        """The handshake is confirmed.  RFC 9001 §4.1.2"""
        if self.is_confirmed:
            return
        self.is_confirmed = True
        self.loss.is_confirmed = True
        self.loss.peer_validated = True
        self.discard(_INITIAL)
        self.discard(_HANDSHAKE)
        self.paths.active.is_validated = True
        if self.peer is not None and self.first_id:  # who has chosen to have no ID gives no others: §19.15
            self.local_ids.issue(self.peer.active_connection_id_limit)
        self._settles_at = self.now + self.pto()

    def _settle(self) -> None:
        """A probe time-out after it was confirmed there is still something to hear: what most connections never need is made ready.

        RFC 9001 §6.3 lets the next read key wait for as long; an ID to move with was given at once.
        """
        self._settles_at = inf
        if self.phases is not None:
            self.phases.prepare()
        self.local_ids.issue_all()

    def new_path_state(self) -> tuple[RttEstimate, CongestionController, Pacer, EcnValidator, MtuSearch]:
        """What recovery knows of a path at first."""
        config = self.config
        mtu = MtuSearch(config.datagram_payload, config.probe_mtu)
        return RttEstimate(config.initial_rtt), config.congestion(BASE), Pacer(10 * BASE), EcnValidator(config.ecn), mtu

    def migrate(self, path: Path) -> None:
        """Another path is the one in use: RFC 9000 §9.3, §9.4.  If that is not sure, the old one has to answer too: §9.3.3."""
        old = self.paths.active
        if path is old:
            return
        if path in self.paths.candidates:
            self.paths.candidates.remove(path)
        if path is self.paths.previous:
            self.paths.previous = None
        self.paths.active = path
        self.remote_ids.use(path.sequence)
        if old.is_validated:
            self.paths.previous = old
        else:
            self.remote_ids.retire(old.sequence)
        if path.remote[0] != old.remote[0] or path.local[0] != old.local[0]:
            delay = self.loss.rtt.max_ack_delay
            self.loss.change_path(*self.new_path_state())
            self.loss.rtt.max_ack_delay = delay
            if self.peer is not None:
                self.loss.mtu.limit(self.peer.max_udp_payload_size)
        if path.is_validated:
            self.paths.settle(path)
            return
        self.paths.challenge(path, self.now)
        if old.is_validated and self.paths.add(old):
            self.paths.challenge(old, self.now)

    def on_activity(self, now: float) -> None:
        """A packet was received and processed."""
        self._idle_since = now
        self._sent_since_receive = False

    def on_eliciting_sent(self, now: float) -> None:
        """A packet that asks for acknowledgement left."""
        if not self._sent_since_receive:
            self._sent_since_receive = True
            self._idle_since = now

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _set_time(self, now: float) -> None:
        self.now = now
        self.streams.now = now
        self.streams.rtt = self.loss.rtt.smoothed

    def _idle_deadline(self) -> float:
        """§10.1"""
        timeout = self.config.idle_timeout
        if self.peer is not None and self.peer.max_idle_timeout:
            theirs = self.peer.max_idle_timeout / 1000
            timeout = min(timeout, theirs) if timeout else theirs
        if not self.is_handshake_complete:
            timeout = min(timeout or _HANDSHAKE_IDLE, _HANDSHAKE_IDLE)
        return self._idle_since + max(timeout, 3 * self.pto()) if timeout else inf

    def _give_up(self, path: Path) -> None:
        """A path could not be validated.  §8.2.4"""
        self.paths.settle(path)
        if path is not self.paths.active:
            self.paths.candidates.remove(path)
            if path is not self.paths.previous:
                self.remote_ids.retire(path.sequence)
            return
        previous = self.paths.previous
        if previous is None:  # in silence: §9.3.2
            self.vanish(ErrorCode.NO_VIABLE_PATH, "the path could not be validated")
            return
        path.is_validated = False
        self.migrate(previous)
