# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Our connections against aioquic's, in memory, both roles: another implementation agrees with ours on every octet."""

from __future__ import annotations

import heapq
import random
import ssl
from typing import Any

import pytest

from sws.base.datagrams import DatagramIn
from sws.proto.quic.api import ConnectionClosed, DatagramReceived, EarlyDataRejected, HandshakeDone, QuicEvent, StreamData
from sws.proto.quic.client import ClientConnection
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.connection import Connection
from sws.proto.quic.endpoint import Endpoint
from sws.proto.quic.server import ServerConnection
from sws.proto.quic.versions import QUIC_V1, QUIC_V2
from tests.kit.quic import ALPN, CLIENT, SERVER, WALL, credential, make_client, make_endpoint, pattern, private_key, server_tls

aioquic = pytest.importorskip("aioquic.quic.connection")
from aioquic.quic import events as theirs  # noqa: E402 - behind importorskip
from aioquic.quic.configuration import QuicConfiguration  # noqa: E402
from aioquic.tls import CipherSuite, SessionTicket  # noqa: E402

DELAY = 0.01


@pytest.fixture(autouse=True)
def _date(monkeypatch: pytest.MonkeyPatch) -> None:
    """aioquic checks certificates and tickets against the date of our test certificate."""
    import datetime

    import aioquic.tls as tls

    at = datetime.datetime.fromtimestamp(WALL, datetime.UTC)
    monkeypatch.setattr(tls, "utcnow", lambda: at)


def aioquic_configuration(**others: Any) -> QuicConfiguration:
    """A client's, or a server's with our test certificate."""
    configuration = QuicConfiguration(alpn_protocols=[ALPN.decode()], server_name="example.org", verify_mode=ssl.CERT_NONE, **others)
    if not configuration.is_client:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509 import load_der_x509_certificate

        chain, _ = credential()
        configuration.certificate = load_der_x509_certificate(chain.chain[0])
        configuration.private_key = load_pem_private_key(private_key().to_pem().encode(), None)
    return configuration


class Link:
    """aioquic at one end, ours at the other."""

    def __init__(self, peer: Any, ours: ClientConnection | Endpoint, seed: int = 1, loss: float = 0.0) -> None:
        self.peer = peer
        self.ours = ours
        self.now = 0.0
        self.events: list[QuicEvent] = []
        self.their_events: list[Any] = []
        self.chance = random.Random(seed)
        self.loss = loss
        self._heap: list[tuple[float, int, bool, bytes]] = []
        self._serial = 0
        self.bodies: dict[int, bytes] = {}

    @property
    def connections(self) -> list[Connection]:
        """Ours."""
        return [self.ours] if isinstance(self.ours, ClientConnection) else list(self.ours.connections)

    def _send(self, to_ours: bool, data: bytes) -> None:
        if self.chance.random() >= self.loss:
            self._serial += 1
            heapq.heappush(self._heap, (self.now + DELAY, self._serial, to_ours, data))

    def _serve(self, connection: Connection, event: QuicEvent) -> None:
        """Our side echoes as a server."""
        if isinstance(event, StreamData):
            connection.consumed(event.stream, len(event.data))
            if isinstance(connection, ServerConnection) and not event.stream & 2:
                connection.send_stream_data(event.stream, event.data, event.fin)
            else:
                self.bodies[event.stream] = self.bodies.get(event.stream, b"") + event.data
        elif isinstance(event, DatagramReceived) and isinstance(connection, ServerConnection):
            connection.send_datagram(event.data)

    def _serve_theirs(self, event: Any) -> None:
        if isinstance(event, theirs.StreamDataReceived):
            if self.peer._is_client:
                self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
            elif not event.stream_id & 2:
                self.peer.send_stream_data(event.stream_id, event.data, event.end_stream)

    def flush(self) -> None:
        """Everything there is to say."""
        for connection in self.connections:
            for event in connection.take_events():
                self.events.append(event)
                self._serve(connection, event)
            for out in connection.datagrams_to_send(self.now, 1 << 17):
                for at in range(0, len(out.data), out.segment):
                    self._send(False, out.data[at : at + out.segment])
            if connection.is_over and isinstance(self.ours, Endpoint) and isinstance(connection, ServerConnection):
                self.ours.forget(connection)
        if isinstance(self.ours, Endpoint):
            for out in self.ours.replies():
                self._send(False, out.data)
        while (event := self.peer.next_event()) is not None:
            self.their_events.append(event)
            self._serve_theirs(event)
        for data, _ in self.peer.datagrams_to_send(self.now):
            self._send(True, data)

    def run(self, seconds: float = 10.0) -> None:
        """For a while, or until nothing happens any more."""
        end = self.now + seconds
        self.flush()
        for _ in range(20_000):
            times = [self._heap[0][0]] if self._heap else []
            times += [due for connection in self.connections if (due := connection.next_timeout()) is not None]
            timer = self.peer.get_timer()
            times += [] if timer is None else [timer]
            if not times or min(times) > end:
                break
            self.now = max(self.now, min(times))
            batch = []
            while self._heap and self._heap[0][0] <= self.now:
                _, _, to_ours, data = heapq.heappop(self._heap)
                if to_ours:
                    ends = (CLIENT, SERVER) if isinstance(self.ours, ClientConnection) else (SERVER, CLIENT)
                    batch.append(DatagramIn(data, ends[0], ends[1]))
                else:
                    self.peer.receive_datagram(data, SERVER if self.peer._is_client else CLIENT, self.now)
            if batch:
                self.ours.receive(batch, self.now)
            if timer is not None and timer <= self.now:
                self.peer.handle_timer(self.now)
            for connection in self.connections:
                if (due := connection.next_timeout()) is not None and due <= self.now:
                    connection.handle_timeout(self.now)
            self.flush()
        self.now = end

    def happened(self, kind: type) -> list[Any]:
        """Events of ours of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


def client_link(ours: Endpoint, loss: float = 0.0, tickets: list[SessionTicket] | None = None, **others: Any) -> Link:
    """aioquic as the client of our endpoint."""
    peer = aioquic.QuicConnection(
        configuration=aioquic_configuration(**others), session_ticket_handler=None if tickets is None else tickets.append
    )
    peer.connect(SERVER, now=0.0)
    return Link(peer, ours, loss=loss)


SUITES = {0x1301: CipherSuite.AES_128_GCM_SHA256, 0x1302: CipherSuite.AES_256_GCM_SHA384, 0x1303: CipherSuite.CHACHA20_POLY1305_SHA256}


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("versions", [[QUIC_V1], [QUIC_V2], [QUIC_V1, QUIC_V2]], ids=["v1", "v2", "compatible"])
def test_aioquic_client(suite: int, versions: list[int]) -> None:
    endpoint = make_endpoint(random.Random(1), config=QuicConfig(datagram_frame=1200))
    link = client_link(
        endpoint, cipher_suites=[SUITES[suite]], supported_versions=versions, original_version=versions[0], max_datagram_frame_size=1200
    )
    link.run(0.5)
    (connection,) = endpoint.connections
    assert connection.version.number == (QUIC_V2 if QUIC_V2 in versions else QUIC_V1)
    link.peer.send_stream_data(0, pattern(50_000), end_stream=True)
    link.peer.send_datagram_frame(b"datagram")
    link.run(2.0)
    assert link.bodies == {0: pattern(50_000)}
    assert [event.data for event in link.their_events if isinstance(event, theirs.DatagramFrameReceived)] == [b"datagram"]
    link.peer.close(error_code=77, reason_phrase="bye")
    link.run(5.0)
    assert link.happened(ConnectionClosed) == [ConnectionClosed(77, "bye", True, True)]


def test_aioquic_client_after_retry() -> None:
    endpoint = make_endpoint(random.Random(1), retry_above=0)
    link = client_link(endpoint)
    link.run(1.0)
    assert [event.alpn for event in link.happened(HandshakeDone)] == [ALPN]


def test_aioquic_client_of_another_version() -> None:
    endpoint = make_endpoint(random.Random(1), config=QuicConfig(versions=(QUIC_V1,)))
    link = client_link(endpoint, supported_versions=[0xFF00001D, QUIC_V1], original_version=0xFF00001D)
    link.run(1.0)
    assert [event.alpn for event in link.happened(HandshakeDone)] == [ALPN]


def test_aioquic_client_with_losses_updates_keys() -> None:
    endpoint = make_endpoint(random.Random(1))
    link = client_link(endpoint, loss=0.05)
    link.run(2.0)
    for round_number in range(3):
        link.peer.send_stream_data(4 * round_number, pattern(100_000), end_stream=True)
        link.run(5.0)
        link.peer.request_key_update()
    link.run(5.0)
    assert link.bodies == {0: pattern(100_000), 4: pattern(100_000), 8: pattern(100_000)}
    (connection,) = endpoint.connections
    assert connection.phases is not None
    assert connection.phases.updates >= 2


def test_our_key_updates_are_followed() -> None:
    endpoint = make_endpoint(random.Random(1), config=QuicConfig(key_update_after=20))
    link = client_link(endpoint)
    link.run(0.5)
    for stream in range(0, 24, 4):
        link.peer.send_stream_data(stream, pattern(60_000), end_stream=True)
        link.run(1.0)
    assert link.bodies == {stream: pattern(60_000) for stream in range(0, 24, 4)}
    (connection,) = endpoint.connections
    assert connection.phases is not None
    assert connection.phases.updates >= 3


def test_aioquic_client_resumes_with_early_data() -> None:
    chance = random.Random(1)
    endpoint = make_endpoint(chance, tls=server_tls(chance, early=True))
    tickets: list[SessionTicket] = []
    first = client_link(endpoint, tickets=tickets)
    first.run(1.0)
    first.peer.close()
    first.run(5.0)
    assert tickets
    second = client_link(endpoint, session_ticket=tickets[0])
    second.peer.send_stream_data(0, b"early", end_stream=True)
    second.run(1.0)
    assert second.bodies == {0: b"early"}
    (done,) = second.happened(HandshakeDone)
    assert done.early
    assert second.events.index(next(event for event in second.events if isinstance(event, StreamData))) < second.events.index(done)


def server_link(ours: ClientConnection, loss: float = 0.0, **others: Any) -> Link:
    """aioquic as our server; it makes its connection from our first datagram."""
    data = b"".join(out.data for out in ours.datagrams_to_send(0.0, 1 << 17))
    peer = aioquic.QuicConnection(
        configuration=aioquic_configuration(is_client=False, **others), original_destination_connection_id=ours.original
    )
    peer.receive_datagram(data[:1200], CLIENT, 0.0)
    for at in range(1200, len(data), 1200):
        peer.receive_datagram(data[at : at + 1200], CLIENT, 0.0)
    return Link(peer, ours, loss=loss)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(("version", "loss"), [(QUIC_V1, 0.0), (QUIC_V2, 0.0), (QUIC_V1, 0.05)])
def test_aioquic_server(suite: int, version: int, loss: float) -> None:
    chance = random.Random(2)
    client = make_client(chance, QuicConfig(versions=(version,)), version=version)
    link = server_link(client, loss, cipher_suites=[SUITES[suite]], supported_versions=[version])
    link.run(2.0)
    assert [event.alpn for event in link.happened(HandshakeDone)] == [ALPN]
    stream = client.open_stream(False)
    client.send_stream_data(stream, pattern(50_000), True)
    link.run(5.0)
    assert link.bodies == {stream: pattern(50_000)}
    client.close(5, "enough")
    link.run(2.0)
    (closed,) = [event for event in link.their_events if isinstance(event, theirs.ConnectionTerminated)]
    assert (closed.error_code, closed.reason_phrase) == (5, "enough")


def test_nothing_early_is_rejected_without_a_ticket() -> None:
    client = make_client(random.Random(3))
    link = server_link(client)
    link.run(1.0)
    assert not link.happened(EarlyDataRejected)
