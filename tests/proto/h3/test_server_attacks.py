# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Attacks on the server's end, each bounded; blocked and slow streams."""

from __future__ import annotations

import pytest

from sws.base.engine import Aborted, BodyChunk, Ended, FileSpan, Refused, RequestStarted, Trailers
from sws.proto.h3 import ErrorCode, Http3Limits
from sws.proto.h3.frames import encode_frame, grease
from sws.proto.qpack import Encoder
from sws.proto.quic.api import DatagramReceived
from tests.kit.h3_peer import (
    DECODER,
    ENCODER,
    GET,
    POST,
    data,
    head,
    raw_client,
)


def test_rapid_reset() -> None:
    """CVE-2023-44487, over QUIC."""
    seen: list[str] = []
    peer = raw_client(observe=seen.append)
    for number in range(0, 4000, 4):
        peer.feed(number, head(GET), True)
        peer.stop(number)
        if peer.closed is not None:
            break
    assert peer.closed == ErrorCode.H3_EXCESSIVE_LOAD
    assert (number, seen) == (800, ["reset"])
    slow = raw_client()
    for number in range(0, 2000, 4):
        slow.feed(number, head(POST), now=float(number))
        slow.reset(number, now=float(number))
    assert slow.closed is None


def test_broken_requests_count_as_resets() -> None:
    peer = raw_client()
    for number in range(0, 4000, 4):
        peer.feed(number, head(GET[1:]), True)
    assert peer.closed == ErrorCode.H3_EXCESSIVE_LOAD


@pytest.mark.parametrize(
    ("stream", "octets"),
    [
        (0, data(b"")),
        (0, encode_frame(grease(1), b"")),
        (2, encode_frame(grease(1), b"x")),
        (2, b"\x0d\x01\x05"),
        (2, b"\x07\x01\x00"),
        (2, encode_frame(0xF0700, b"\0u=1") * 20),
    ],
)
def test_floods(stream: int, octets: bytes) -> None:
    peer = raw_client()
    peer.feed(0, head(POST))
    for _ in range(250):
        peer.feed(stream, octets)
    assert peer.closed == ErrorCode.H3_EXCESSIVE_LOAD


def test_a_flood_of_unknown_streams_and_datagrams() -> None:
    peer = raw_client()
    for index in range(3, 250):
        peer.feed(2 + 4 * index, b"\x40\x40")
    assert peer.closed == ErrorCode.H3_EXCESSIVE_LOAD
    other = raw_client(Http3Limits(datagrams=True))
    for _ in range(250):
        other.transport.events.append(DatagramReceived(b"\0x"))
        other.engine.receive(b"", 0.0)
    assert other.closed == ErrorCode.H3_EXCESSIVE_LOAD
    settings = raw_client(settings=False)
    settings.feed(2, b"\0" + encode_frame(4, b"".join(bytes((0x40 | n >> 8, n & 255, 0)) for n in range(100, 200))))
    assert settings.closed == ErrorCode.H3_EXCESSIVE_LOAD


def test_a_bomb_of_fields() -> None:
    """One octet of a section stands for 4 KiB: it is measured before anything is made of it."""
    peer = raw_client()
    encoder = Encoder()
    encoder.set_limits(4096, 32)
    section = encoder.encode(0, [(b"x", b"y" * 4000)] * 1)
    peer.feed(peer.uni(ENCODER), b"\x02" + encoder.data_to_send())
    bomb = encoder.encode(0, [*GET, *[(b"x", b"y" * 4000)] * 90])
    peer.feed(peer.uni(ENCODER), encoder.data_to_send())
    (event,) = peer.feed(0, encode_frame(1, bomb), True)
    assert len(bomb) < 300
    assert section
    assert isinstance(event, Refused)
    assert event.status == 431
    assert peer.transport.sent(11)[1:]  # acknowledged in spite of it


def test_streams_blocked_for_ever() -> None:
    """Streams that wait for QPACK's encoder stream: so many, what they send meanwhile stays in their windows, and not for ever."""
    peer = raw_client(Http3Limits(blocked=3))
    blocked = encode_frame(1, b"\x02\x00\x80")
    for number in (0, 4, 8):
        assert peer.feed(number, blocked + data(b"x" * 100)) == []
        assert peer.feed(number, data(b"y" * 50)) == []
        assert peer.transport.unconsumed[number] == 152 + 3  # credit is withheld
    assert peer.engine.next_timeout() == 10.0
    assert peer.engine.handle_timeout(10.0) == []
    assert peer.transport.was_reset == dict.fromkeys((0, 4, 8), ErrorCode.H3_REQUEST_CANCELLED)
    assert [peer.transport.unconsumed[number] for number in (0, 4, 8)] == [0, 0, 0]
    for number in (12, 16, 20, 24):
        peer.feed(number, blocked)
    assert peer.closed == 0x200


def test_blocked_streams_go_on() -> None:
    peer = raw_client()
    encoder = Encoder()
    encoder.set_limits(4096, 32)
    sections = [encoder.encode(0, POST), encoder.encode(0, [(b"x-sum", b"7")]), encoder.encode(4, [*GET, (b"x-sum", b"7")])]
    assert peer.feed(0, encode_frame(1, sections[0]) + data(b"abc") + encode_frame(1, sections[1]), True) == []
    assert peer.feed(4, encode_frame(1, sections[2]), True) == []
    events = peer.feed(peer.uni(ENCODER), b"\x02" + encoder.data_to_send())
    assert [type(event) for event in events] == [RequestStarted, BodyChunk, Trailers, Ended, RequestStarted]
    assert events[2] == Trailers(0, [(b"x-sum", b"7")])
    assert peer.transport.unconsumed[0] == 3
    peer.engine.data_to_send(0.0)
    encoder.receive(peer.transport.sent(11)[1:])
    assert encoder.known == encoder.inserted == 2
    assert encoder.at_risk == 0


def test_a_reset_stream_is_blocked_no_longer() -> None:
    peer = raw_client(Http3Limits(blocked=1))
    for number in (0, 4, 8):
        peer.feed(number, encode_frame(1, b"\x02\x00\x80"))
        peer.reset(number)
    assert peer.closed is None


def test_heads_that_come_too_slowly() -> None:
    seen: list[str] = []
    peer = raw_client(observe=seen.append)
    peer.feed(0, head(GET)[:-1], now=1.0)
    peer.feed(4, head(GET)[:-1], now=2.0)
    assert peer.engine.next_timeout() == 11.0
    assert peer.engine.handle_timeout(11.0) == []
    assert peer.transport.was_reset == {0: ErrorCode.H3_REQUEST_CANCELLED}
    assert peer.engine.next_timeout() == 12.0
    assert seen == ["slow_head"]


def test_content_that_comes_too_slowly() -> None:
    peer = raw_client()
    peer.feed(0, head(POST), now=0.0)
    peer.feed(4, head(POST), now=1.0)
    peer.feed(0, data(b"a"), now=20.0)
    assert peer.engine.next_timeout() == 31.0
    (event,) = peer.engine.handle_timeout(31.0)
    assert event == Refused(4, 408, "the content came too slowly")
    assert peer.engine.next_timeout() == 50.0
    assert peer.engine.handle_timeout(50.0) == []  # nobody has taken what came
    peer.engine.consumed(0, 1)
    peer.engine.send_headers(0, 200, [])
    (event,) = peer.engine.handle_timeout(80.0)
    assert isinstance(event, Aborted)


def test_the_response_uses_the_table_once_it_is_acknowledged() -> None:
    peer = raw_client(settings=False)
    peer.settings([(1, 4096), (7, 10)])
    fields = ((b"server", b"sws"), (b"content-type", b"text/x-odd"))
    sizes = []
    for number in range(0, 16, 4):
        peer.feed(number, head(GET), True)
        peer.engine.send_response(number, 200, fields, b"")
        instructions = peer.transport.sent(7)[1:]
        peer._decoder = peer._decoder if number else type(peer._decoder)(4096, 10)
        peer._decoder.receive(instructions[peer._read.get(7, 0) :])
        peer._read[7] = len(instructions)
        sections, _ = peer.message(number)
        assert set(fields) < set(sections[0])
        sizes.append(len(peer.transport.sent(number)))
        answer = peer._decoder.data_to_send()
        peer.feed(peer.uni(DECODER), (b"" if number else b"\x03") + answer)
    assert len(set(sizes[1:])) == 1
    assert peer.closed is None


def test_spans_can_be_read_at_once() -> None:
    peer = raw_client()
    peer.engine.read_span = lambda span: b"0123456789"[span.offset : span.offset + span.length]
    peer.feed(0, head(GET), True)
    peer.engine.send_headers(0, 200, [(b"content-length", b"4")])
    peer.engine.send_data(0, FileSpan(-1, 3, 4), True)
    assert peer.message(0)[1] == b"3456"
    assert 0 in peer.transport.finished


def test_data_of_streams_that_are_nobodys() -> None:
    peer = raw_client()
    assert peer.feed(1, b"x") == []  # ours, which we never opened
    assert peer.transport.unconsumed[1] == 0
    peer.feed(0, head(GET), True)
    peer.engine.send_response(0, 200, [], b"")
    assert peer.stop(0) == []
    assert peer.closed is None
