# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server's defences: floods of all kinds, each with its budget.  RFC 9113 §10.5."""

from __future__ import annotations

import pytest

from sws.base.engine import Aborted, Refused, RequestStarted
from sws.proto.h2 import Http2Limits
from tests.kit.h2_peer import (
    CANCEL,
    DATA,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    HEADERS,
    PING,
    POST,
    PREFACE,
    PRIORITY,
    REFUSED_STREAM,
    RST_STREAM,
    SETTINGS,
    ServerPeer,
    data,
    frame,
    headers,
    rst_stream,
    settings,
    window_update,
)

DEPENDENCY = bytes(4) + b"\x0f"


def flood(peer: ServerPeer, octets: bytes, count: int = 2000, seconds: float = 0.001) -> int | None:
    """Send again and again; the code of the GOAWAY that it led to."""
    for _ in range(count):
        peer.send(octets)
        peer.now += seconds
        code = peer.goaway_code()
        if code is not None:
            return code
    return None


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        ("settings", settings((3, 1))),
        ("ping", frame(PING, 0, 0, bytes(8))),
        ("priority", frame(PRIORITY, 0, 1, DEPENDENCY)),
        ("priority", frame(16, 0, 0, b"\0\0\0\1u=1")),
        ("unknown", frame(0xFA, 0, 0, bytes(8))),
        ("window_update", window_update(0, 1)),
    ],
)
def test_floods(kind: str, octets: bytes) -> None:
    peer = ServerPeer()
    assert flood(peer, octets, 6000, 0.0002) == ENHANCE_YOUR_CALM
    assert peer.defended == [kind]


@pytest.mark.parametrize(
    ("octets", "seconds"), [(settings((3, 1)), 0.06), (frame(PING, 0, 0, bytes(8)), 0.06), (window_update(0, 1), 0.003)]
)
def test_what_comes_at_a_bearable_rate_is_borne(octets: bytes, seconds: float) -> None:
    assert flood(ServerPeer(), octets, 3000, seconds) is None


def test_rapid_reset() -> None:
    """CVE-2023-44487"""
    peer = ServerPeer()
    for number in range(1, 2001, 2):
        peer.send(headers(number), rst_stream(number))
        if peer.server.wants_close:
            break
    assert number < 500
    assert peer.defended == ["rapid_reset"]


def test_resets_that_we_are_made_to_send() -> None:
    """CVE-2025-8671, "MadeYouReset": each way to make the server reset a stream whose request is complete."""
    ways = (
        lambda number: window_update(number, 0),
        lambda number: window_update(number, (1 << 31) - 1) * 2,
        lambda number: data(number, b"x"),
        headers,
        lambda number: frame(PRIORITY, 0, number, b"x"),
        lambda number: frame(PRIORITY, 0, number, number.to_bytes(4, "big") + b"\0"),
    )
    for way in ways:
        peer = ServerPeer()
        for number in range(1, 2001, 2):
            peer.send(headers(number), way(number))
            if peer.server.wants_close:
                break
        assert number < 500
        assert peer.defended[0] in ("broken_stream", "priority")


def test_requests_beyond_the_limit_again_and_again() -> None:
    peer = ServerPeer()
    for number in range(1, 2001, 2):
        peer.send(headers(number))
    assert peer.defended == ["refused_stream"]
    assert peer.server.wants_close


def test_who_has_not_seen_our_settings_is_refused_patiently() -> None:
    peer = ServerPeer(greet=False)
    peer.send(PREFACE, settings(), *(headers(number) for number in range(1, 1001, 2)))
    assert sum(each.type == RST_STREAM and each.code == REFUSED_STREAM for each in peer.frames()) == 400
    assert peer.defended == []


def test_continuation_flood() -> None:
    """CVE-2024-27316 and its like: by count and by octets."""
    peer = ServerPeer()
    peer.send(frame(HEADERS, 1, 1, b"\x00"), *(frame(9, 0, 1, b"\x00") for _ in range(33)))
    assert peer.goaway_code() == ENHANCE_YOUR_CALM
    peer = ServerPeer()
    peer.send(frame(HEADERS, 1, 1, bytes(16384)), *(frame(9, 0, 1, bytes(16384)) for _ in range(4)))
    assert peer.goaway_code() == ENHANCE_YOUR_CALM
    assert peer.defended == ["continuation"]


def test_empty_frames() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0))
    assert flood(peer, data(1)) == ENHANCE_YOUR_CALM
    assert peer.defended == ["empty"]
    peer = ServerPeer()
    peer.send(headers(1, POST, 0))
    assert flood(peer, frame(DATA, 8, 1, b"\x04" + bytes(4))) == ENHANCE_YOUR_CALM


def test_hpack_bomb() -> None:
    """4 KiB in the table, named again and again: refused by its decoded size, and nothing was copied."""
    peer = ServerPeer()
    value = b"\x7f\xa1\x1e" + b"a" * 4000  # 127 + 3873
    entry = b"\x40\x01x" + value
    peer.send(frame(HEADERS, 5, 1, headers(1)[9:] + entry))
    assert [type(event) for event in peer.events] == [RequestStarted]
    octets = headers(3)[9:] + b"\xbe" * 16000
    [event] = peer.send(frame(HEADERS, 5, 3, octets))
    assert isinstance(event, Refused)
    assert event.status == 431


def test_a_peer_that_does_not_read_gets_no_more_answers() -> None:
    peer = ServerPeer(Http2Limits(controls=100000))
    assert peer.server.wants_read
    for _ in range(5000):
        peer.send(frame(PING, 0, 0, bytes(8)))
    assert not peer.server.wants_read
    peer.frames()
    assert peer.server.wants_read


def test_trailers_that_are_too_large() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0), headers(1, ((b"x", b"y"),) * 101))
    assert [(each.type, each.code) for each in peer.frames()] == [(RST_STREAM, ENHANCE_YOUR_CALM)]


def test_a_connection_carries_so_many_requests() -> None:
    peer = ServerPeer(Http2Limits(requests=2))
    peer.send(headers(1), headers(3), headers(5))
    assert [event.stream for event in peer.events] == [1, 3]
    assert [each.type for each in peer.frames()] == [GOAWAY]


def test_the_table_and_settings_are_changed_by_the_peer_at_any_time() -> None:
    peer = ServerPeer()
    peer.send(settings((1, 0), (6, 100), (3, 7), (0xFF, 1)), headers(1))
    peer.answer(1)
    ack, head, _ = peer.frames()
    assert (ack.type, head.payload[:1]) == (SETTINGS, b"\x20")


def test_rst_stream_with_any_code_is_told() -> None:
    peer = ServerPeer()
    peer.send(headers(1), headers(3))
    assert peer.send(rst_stream(1, CANCEL), rst_stream(3, 0xFF)) == [
        Aborted(1, "reset by the peer: CANCEL"),
        Aborted(3, "reset by the peer: INTERNAL_ERROR"),
    ]


def test_more_than_a_turn_gives_is_held_and_told() -> None:
    peer = ServerPeer(own=((4, 1 << 20),))
    peer.send(window_update(0, 1 << 20), headers(1))
    assert not peer.server.holds_output
    peer.answer(1, bytes(300_000))
    peer.server.data_to_send(peer.now)
    assert peer.server.holds_output
    peer.frames()
    assert not peer.server.holds_output
    peer = ServerPeer()
    peer.send(headers(1))
    peer.answer(1, bytes(300_000))
    peer.frames()
    assert not peer.server.holds_output  # the windows hold it, not we
