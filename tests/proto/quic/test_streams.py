# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Streams: their tables against RFC 9000's figures, their two buffers against models, their verbs over a connection."""

from __future__ import annotations

import random

import pytest

from sws.base.engine import FileSpan
from sws.base.errors import LimitExceeded, QuicTransportError, UsageError
from sws.proto.quic import frames as f
from sws.proto.quic.api import StopSending, StreamData, StreamReset, StreamsAvailable, StreamWritable
from sws.proto.quic.closing import CLOSING, Closing, End, EndInput
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.streams.manager import StreamLimits
from sws.proto.quic.streams.outflow import SEND_BOUND
from sws.proto.quic.streams.receive import Reassembly
from sws.proto.quic.streams.send import SendBuffer
from sws.proto.quic.streams.states import RECEIVING, SENDING, Receive, ReceiveInput, Send, SendInput
from sws.proto.quic.streams.window import ReceiveWindow
from tests.kit.quic import Idle, Network, connect, forge, pattern

#: RFC 9000 §3.1, figure 2, read off by hand; pairs that change nothing are frames sent again.
FIGURE_2 = """
READY STREAM SEND / READY FIN DATA_SENT / READY RESET RESET_SENT
SEND STREAM SEND / SEND FIN DATA_SENT / SEND RESET RESET_SENT
DATA_SENT STREAM DATA_SENT / DATA_SENT FIN DATA_SENT / DATA_SENT ALL_ACKED DATA_RECVD / DATA_SENT RESET RESET_SENT
RESET_SENT RESET_ACKED RESET_RECVD
"""
#: §3.2, figure 3.
FIGURE_3 = """
RECV STREAM RECV / RECV FIN SIZE_KNOWN / RECV RESET RESET_RECVD
SIZE_KNOWN STREAM SIZE_KNOWN / SIZE_KNOWN FIN SIZE_KNOWN / SIZE_KNOWN ALL_DATA DATA_RECVD / SIZE_KNOWN RESET RESET_RECVD
DATA_RECVD READ DATA_READ
RESET_RECVD READ RESET_READ
"""
#: §10.
ENDS = """
ACTIVE CLOSE CLOSING / ACTIVE PEER_CLOSE DRAINING / ACTIVE TIMEOUT CLOSED
CLOSING PEER_CLOSE DRAINING / CLOSING TIMEOUT CLOSED
DRAINING TIMEOUT CLOSED
"""


def triples(text: str) -> set[tuple[str, ...]]:
    return {tuple(part.split()) for line in text.strip().splitlines() for part in line.split("/")}


def test_tables_are_the_figures() -> None:
    for table, text in ((SENDING, FIGURE_2), (RECEIVING, FIGURE_3), (CLOSING, ENDS)):
        assert {(source.name, given.name, target.name) for (source, given), target in table.rows.items()} == triples(text)
    assert SENDING.reachable() == set(Send)
    assert RECEIVING.reachable() == set(Receive)
    assert "READY -> SEND" in SENDING.to_dot()


def test_inputs_that_a_state_does_not_take() -> None:
    network = connect()
    stream = network.client.open_stream(False)
    part = network.client.streams._streams[stream].send
    assert part is not None
    with pytest.raises(UsageError):
        part.step(SendInput.RESET_ACKED)
    other = network.client.streams._streams[stream].receive
    assert other is not None
    assert not other.step(ReceiveInput.READ)
    closing = Closing()
    assert closing.drain(1.0)
    assert not closing.drain(2.0)
    assert not closing.close(0, 0, "", False, 1.0)
    assert (closing.state, closing.until) == (End.DRAINING, 1.0)
    assert closing.step(EndInput.TIMEOUT)


@pytest.mark.parametrize("seed", range(30))
def test_reassembly_against_a_model(seed: int) -> None:
    chance = random.Random(seed)
    data = chance.randbytes(2000)
    reassembly = Reassembly()
    got = b""
    while len(got) < len(data):
        start = chance.randrange(len(data)) if chance.random() < 0.7 else max(0, len(got) - 5)
        stop = min(len(data), start + chance.randrange(0, 200))
        got += reassembly.receive(start, data[start:stop])
        assert got == data[: len(got)]
        assert reassembly.delivered == len(got)
        assert reassembly.held <= 2000
    assert got == data
    reassembly.end_at(2000)
    assert reassembly.is_complete
    with pytest.raises(QuicTransportError):
        reassembly.receive(2000, b"x")
    with pytest.raises(QuicTransportError):
        reassembly.end_at(1999)


@pytest.mark.parametrize("seed", range(30))
def test_a_send_buffer_over_a_lossy_wire(seed: int) -> None:
    chance = random.Random(seed)
    source = chance.randbytes(5000)
    buffer = SendBuffer()
    arrived = bytearray(5000)
    covered: set[int] = set()
    flying: list[tuple[int, bytes, bool]] = []
    written = 0
    ended = False
    while not buffer.is_acked:
        if written < 5000 and chance.random() < 0.3:
            step = chance.randrange(1, 700)
            buffer.write(source[written : written + step])
            written = min(5000, written + step)
            buffer.fin = written == 5000
        piece = buffer.piece(chance.randrange(1, 300), chance.randrange(0, 300))
        if piece is not None:
            flying.append(piece)
        while flying and chance.random() < 0.5:
            offset, data, fin = flying.pop(chance.randrange(len(flying)))
            if chance.random() < 0.4:
                buffer.on_lost(offset, offset + len(data), fin)
                continue
            arrived[offset : offset + len(data)] = data
            covered.update(range(offset, offset + len(data)))
            ended |= fin
            buffer.on_acked(offset, offset + len(data), fin)
            if chance.random() < 0.1:
                buffer.on_lost(offset, offset + len(data), fin)  # a probe had it too
        assert buffer.held <= 5000
    assert ended
    assert bytes(arrived) == source
    assert len(covered) == 5000
    assert not buffer.is_pending
    assert buffer.held == 0


def test_spans_of_files_are_read_when_they_leave() -> None:
    content = pattern(200_000)
    reads: list[tuple[int, int, int]] = []

    def read(fd: int, offset: int, length: int) -> bytes:
        reads.append((fd, offset, length))
        return content[offset : offset + length]

    buffer = SendBuffer(read)
    buffer.write(b"head")
    buffer.write(FileSpan(9, 10, 150_000))
    buffer.write(memoryview(b"tail"))
    buffer.write(FileSpan(9, 0, 0))
    buffer.fin = True
    assert (buffer.unsent, reads) == (150_008, [])
    got = b""
    while (piece := buffer.piece(1000, 1 << 20)) is not None:
        got += piece[1]
        buffer.on_acked(piece[0], piece[0] + len(piece[1]), piece[2])
        assert buffer.held <= 4 << 16
    assert got == b"head" + content[10:150_010] + b"tail"
    assert buffer.is_acked


def test_a_file_that_ends_early_resets_its_stream() -> None:
    network = connect(config=QuicConfig(read_file=lambda fd, offset, length: b""))
    stream = network.client.open_stream(False)
    network.client.send_stream_data(stream, FileSpan(3, 0, 100), True)
    network.run(1.0)
    assert isinstance(network.app, Idle)
    assert StopSending(stream, 0) in network.app.events
    assert network.client.stream_credit(stream) == 0


def test_windows_grow_with_a_quick_reader() -> None:
    window = ReceiveWindow(1000, 4000)
    assert not window.consume(499, 1.0, 0.1)
    assert window.consume(1, 1.0, 0.1)
    assert (window.limit, window.size) == (1500, 1000)
    assert window.consume(600, 5.0, 0.1)
    assert (window.limit, window.size) == (2100, 1000)
    assert window.consume(600, 5.1, 0.1)
    assert (window.limit, window.size) == (3700, 2000)
    window.consume(2000, 5.2, 0.1)
    window.consume(4000, 5.3, 0.1)
    assert window.size == 4000


def both(network: Network) -> tuple[Idle, Idle]:
    """The events of both ends."""
    server = Idle()
    network.server_app = server
    assert isinstance(network.app, Idle)
    return network.app, server


def test_resetting_and_stopping() -> None:
    network = connect()
    ours, theirs = both(network)
    client, server = network.client, network.server
    first, second = client.open_stream(False), client.open_stream(False)
    client.send_stream_data(first, b"abc")
    client.send_stream_data(second, b"abc")
    network.run(1.0)
    client.reset_stream(first, 7)
    client.reset_stream(first, 8)
    client.send_stream_data(first, b"too late")
    server.stop_sending(second, 9)
    server.stop_sending(second, 10)
    network.run(1.0)
    assert [event for event in theirs.events if isinstance(event, StreamReset)] == [StreamReset(first, 7)]
    assert StopSending(second, 9) in ours.events
    for stream in (first, second):
        server.reset_stream(stream, 1)
    network.run(1.0)
    assert {event.stream for event in ours.events if isinstance(event, StreamReset)} == {first, second}
    assert (len(client.streams), len(server.streams)) == (0, 0)
    for verb in (client.reset_stream, client.stop_sending, client.consumed):
        verb(first, 0)
    client.set_priority(first, 0, True)
    assert client.streams.window.consumed == 0
    assert server.streams.window.consumed == 6


@pytest.mark.parametrize("when", ["before", "gap", "after"])
def test_stopping_a_stream_whose_end_is_known(when: str) -> None:
    network = connect()
    server = network.server
    if when == "before":
        network.inject(True, forge(network.client, f.encode_stream(0, 0, b"a", False)))
        server.stop_sending(0, 1)
        network.inject(True, forge(network.client, f.encode_stream(0, 1, b"bc", True)))
    elif when == "gap":
        network.inject(True, forge(network.client, f.encode_stream(0, 1, b"bc", True)))
        server.stop_sending(0, 1)
        network.inject(True, forge(network.client, f.encode_stream(0, 0, b"a", False)))
    else:
        network.inject(True, forge(network.client, f.encode_stream(0, 0, b"abc", True)))
        server.stop_sending(0, 1)
    stream = server.streams._streams[0]
    assert stream.receive is not None
    assert stream.receive.is_terminal
    assert server.streams.window.consumed == 3


def test_what_is_unread_cannot_break_the_limits() -> None:
    network = connect()
    network.inject(True, forge(network.client, f.encode_stream(0, 0, b"a", True)))
    network.server.consumed(0, 100)
    assert network.server.streams.window.consumed == 1
    network.inject(True, forge(network.client, f.encode_stream(0, 0, b"a", True) + f.encode_reset_stream(0, 1, 1)))
    assert not network.server.is_closed


def test_limits_of_streams_come_back() -> None:
    network = connect(config=QuicConfig(limits=StreamLimits(bidirectional=1, unidirectional=1)))
    ours, _ = both(network)
    client, server = network.client, network.server
    stream = client.open_stream(False)
    for unidirectional in (False, True):
        if unidirectional:
            client.send_stream_data(client.open_stream(True), b"x", True)
        with pytest.raises(LimitExceeded):
            client.open_stream(unidirectional)
    client.send_stream_data(stream, b"x", True)
    network.run(1.0)
    assert not any(isinstance(event, StreamsAvailable) for event in ours.events)
    server.consumed(stream, 1)
    server.consumed(2, 1)
    server.send_stream_data(stream, b"", True)
    network.run(1.0)
    assert {event.unidirectional for event in ours.events if isinstance(event, StreamsAvailable)} == {False, True}
    assert (client.open_stream(False), client.open_stream(True)) == (4, 6)


def test_flow_control_holds_a_sender_until_its_reader_reads() -> None:
    limits = StreamLimits(stream_window=20_000, stream_maximum=20_000, connection_window=30_000, connection_maximum=30_000)
    network = connect(config=QuicConfig(limits=limits))
    ours, theirs = both(network)
    client, server = network.client, network.server
    streams = [client.open_stream(False) for _ in range(2)]
    for stream in streams:
        assert client.stream_credit(stream) == SEND_BOUND
        client.send_stream_data(stream, pattern(SEND_BOUND), True)
        assert client.stream_credit(stream) == 0
    third = client.open_stream(True)
    client.send_stream_data(third, bytes(SEND_BOUND))
    assert client.stream_credit(third) == 0
    network.run(2.0)
    came = {stream: b"".join([e.data for e in theirs.events if isinstance(e, StreamData) and e.stream == stream]) for stream in streams}
    assert sum(map(len, came.values())) == 30_000
    assert max(map(len, came.values())) == 20_000
    given = 0
    for _ in range(200):
        for event in theirs.events[given:]:
            if isinstance(event, StreamData):
                server.consumed(event.stream, len(event.data))
        given = len(theirs.events)
        network.run(0.2)
    for stream in streams:
        assert b"".join([e.data for e in theirs.events if isinstance(e, StreamData) and e.stream == stream]) == pattern(SEND_BOUND)
    assert StreamWritable(third) in ours.events


def test_priorities() -> None:
    network = connect()
    _, theirs = both(network)
    client = network.client
    streams = [client.open_stream(True) for _ in range(6)]
    wanted = [(5, False), (3, True), (3, True), (9, False), (0, False), (-1, False)]
    for stream, (urgency, incremental) in zip(streams, wanted, strict=True):
        client.set_priority(stream, urgency, incremental)
        client.send_stream_data(stream, bytes(6000), True)
        client.set_priority(stream, urgency, incremental)
    network.run(3.0)
    ends = [event.stream for event in theirs.events if isinstance(event, StreamData) and event.fin]
    assert ends[:2] == [streams[5], streams[4]]
    assert set(ends[2:4]) == set(streams[1:3])
    assert ends[4:] == [streams[0], streams[3]]
    order = [event.stream for event in theirs.events if isinstance(event, StreamData) and event.stream in streams[1:3]]
    assert order != sorted(order)


def test_frames_about_streams_that_are_over_or_need_no_answer() -> None:
    network = connect()
    both(network)
    client, server = network.client, network.server
    stream = client.open_stream(False)
    client.send_stream_data(stream, b"x", True)
    network.run(1.0)
    server.consumed(stream, 1)
    server.send_stream_data(stream, b"y", True)
    network.run(1.0)
    client.consumed(stream, 1)
    network.run(1.0)
    assert len(client.streams) == len(server.streams) == 0
    harmless = [
        f.encode_stream(stream, 0, b"x", True),
        f.encode_reset_stream(stream, 0, 1),
        f.encode_stop_sending(stream, 0),
        f.encode_max_stream_data(stream, 9),
        f.encode_stream_data_blocked(stream, 9),
        f.encode_data_blocked(9),
        f.encode_streams_blocked(True, 9),
        f.encode_max_data(0),
        f.encode_max_streams(False, 0),
    ]
    network.inject(True, forge(client, b"".join(harmless)))
    assert not server.is_closed
    assert len(server.streams) == 0
