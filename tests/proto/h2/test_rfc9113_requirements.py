# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What docs/requirements/rfc9113.yaml asks for and no other file shows: mostly what we send, and what comes when it cannot be of use."""

from __future__ import annotations

import hpack
import pytest

from sws.base.engine import Aborted, BodyChunk, Refused, RequestStarted, ResponseStarted, Trailers, TunnelOpened
from sws.base.errors import UsageError
from sws.proto.h2 import Http2Limits
from tests.kit.h2_cases import BLOCK, verdict
from tests.kit.h2_peer import (
    ACK,
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    GOAWAY,
    HEADERS,
    PING,
    POST,
    PREFACE,
    PRIORITY_UPDATE,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    SETTINGS_ACK,
    WINDOW_UPDATE,
    ClientPeer,
    Field,
    Frame,
    ServerPeer,
    data,
    frame,
    goaway,
    headers,
    parse,
    respond,
    rst_stream,
    settings,
    window_update,
)

KNOWN_FLAGS = {
    DATA: END_STREAM,
    HEADERS: END_STREAM | END_HEADERS,
    CONTINUATION: END_HEADERS,
    SETTINGS: ACK,
    PING: ACK,
}
"""Of all that we send: neither padding nor priority."""


def settings_of(payload: bytes) -> dict[int, int]:
    return {
        int.from_bytes(payload[at : at + 2], "big"): int.from_bytes(payload[at + 2 : at + 6], "big") for at in range(0, len(payload), 6)
    }


# --- §3.4, §4.1, §6.5.2: what leaves ------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [Http2Limits(), Http2Limits(connect_protocol=True, frame=1 << 20, priority_tree=True)])
def test_what_our_settings_say(limits: Http2Limits) -> None:
    of_server = settings_of(ServerPeer(limits, greet=False).frames()[0].payload)
    of_client = settings_of(ClientPeer(limits).greeting[0].payload)
    assert of_server.get(2, 0) == of_client[2] == 0
    for values in (of_server, of_client):
        assert 1 << 14 <= values[5] < 1 << 24
        assert values[4] < 1 << 31
    assert of_server.get(8, 0) == limits.connect_protocol
    assert of_server[9] == (not limits.priority_tree)


def test_nothing_undefined_is_sent() -> None:
    """§4.1, §6.1, §6.2, §6.6: known types and flags, the reserved bit unset, no padding, no push."""
    server = ServerPeer(own=((5, 16384),))
    server.send(*(headers(number) for number in (1, 3, 5)), headers(7, POST, 0), frame(PING, 0, 0, bytes(8)), data(7, bytes(9000)))
    server.server.send_informational(1, 103, ((b"link", b"</a>"),))
    server.server.send_headers(1, 200, ())
    server.server.send_data(1, bytes(20000))
    server.server.send_trailers(1, ((b"x", b"y"),))
    server.server.send_headers(3, 200, ((b"x-large", b"\0\xff".replace(b"\0", b"z") * 20000),), True)
    server.server.reset(5, "given up")
    server.server.consumed(7, 9000)
    server.send(window_update(0, 1 << 20), window_update(1, 1 << 20), frame(PING, 0, 1))
    client = ClientPeer()
    client.ask(b"POST", ended=False)
    client.client.send_data(1, b"x")
    client.client.send_trailers(1, ((b"x", b"y"),))
    client.ask()
    client.client.prioritise(3, b"u=1")
    client.client.reset(3, "not wanted")
    client.send(settings(), window_update(0, 0))
    sent = [*server.frames(), *client.frames()]
    assert {each.type for each in sent} == {DATA, HEADERS, CONTINUATION, RST_STREAM, SETTINGS, PING, GOAWAY, PRIORITY_UPDATE}
    for each in sent:
        assert each.flags & ~KNOWN_FLAGS.get(each.type, 0) == 0
        assert each.stream < 1 << 31
        assert len(each.payload) <= 16384
        assert each.type != PUSH_PROMISE
        if each.type == PRIORITY_UPDATE:
            assert each.payload[0] < 0x80


def test_a_block_is_one_run_of_frames() -> None:
    """§4.3, §6.10: what else leaves comes before or behind it."""
    peer = ServerPeer()
    peer.send(headers(1), headers(3))
    peer.server.send_headers(1, 200, ((b"x-large", b"\xff" * 20000),))
    peer.answer(3)
    peer.server.send_data(1, b"x", True)
    sent = peer.frames()
    first = next(at for at, each in enumerate(sent) if each.type == HEADERS and not each.flags & END_HEADERS)
    last = next(at for at, each in enumerate(sent) if each.type == CONTINUATION and each.flags & END_HEADERS)
    assert {(each.type, each.stream) for each in sent[first + 1 : last + 1]} == {(CONTINUATION, 1)}
    assert all(each.type != CONTINUATION for each in sent[:first] + sent[last + 1 :])


def test_what_a_request_says() -> None:
    """§8.3.1, §8.5: pseudo-fields in front, :authority in place of host."""
    peer = ClientPeer()
    decoder = hpack.Decoder()

    def said(method: bytes, target: bytes, host: bytes, ended: bool = True) -> list[Field]:
        peer.client.send_request(method, target, ((b"host", host), (b"x-a", b"1")), peer.now, ended)
        return [(bytes(name), bytes(value)) for name, value in decoder.decode(peer.frames()[0].payload, raw=True)]

    get = said(b"GET", b"/a?b", b"a.example:8080")
    assert sorted(get[:4]) == [(b":authority", b"a.example:8080"), (b":method", b"GET"), (b":path", b"/a?b"), (b":scheme", b"http")]
    assert get[4:] == [(b"x-a", b"1")]
    assert (b":path", b"*") in said(b"OPTIONS", b"*", b"a.example")
    assert sorted(said(b"CONNECT", b"b.example:1", b"b.example:1", False)) == [
        (b":authority", b"b.example:1"),
        (b":method", b"CONNECT"),
        (b"x-a", b"1"),
    ]


@pytest.mark.parametrize("host", [b"u@a.example", b"u:p@a.example", b"a b", b"a\r\nx: y", b""])
def test_what_is_no_authority(host: bytes) -> None:
    peer = ClientPeer()
    with pytest.raises(UsageError):
        peer.client.send_request(b"GET", b"/", ((b"host", host),), peer.now, True)
    assert peer.frames() == []


# --- §4.3.1, §6.5.3: settings are taken ---------------------------------------------------------------------------------


def test_values_are_taken_in_order() -> None:
    peer = ServerPeer()
    peer.send(headers(1), settings((4, 100), (4, 2), (0xFF00, 7)))
    assert peer.frames() == [Frame(SETTINGS, ACK, 0, b"")]
    peer.answer(1)
    assert [each.payload for each in peer.frames() if each.type == DATA] == [b"he"]


def test_a_smaller_window_of_ours_holds_once_it_is_acknowledged() -> None:
    """§6.9.3: what the client sent before it knew is taken."""
    peer = ServerPeer(Http2Limits(window=1000), greet=False)
    peer.send(PREFACE, settings(), headers(1, POST, 0), data(1, bytes(9000)), headers(3, POST, 0), data(3, bytes(900)))
    assert [type(event) for event in peer.events] == [RequestStarted, BodyChunk] * 2
    peer.send(SETTINGS_ACK, data(3, bytes(100)))
    assert verdict(peer.frames()) is None
    peer.send(data(1, b"x"))
    assert verdict(peer.frames()) == ("stream", FLOW_CONTROL_ERROR)


def test_a_smaller_table_of_ours_must_be_taken_notice_of() -> None:
    for first, expected in ((b"", ("connection", COMPRESSION_ERROR)), (b"\x3f\x45", None)):  # nothing; a table of 100
        peer = ServerPeer(Http2Limits(table=100))
        peer.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, first + BLOCK))
        assert verdict(peer.frames()) == expected


def test_a_smaller_table_of_the_peer_is_said_first() -> None:
    peer = ServerPeer()
    peer.send(headers(1), headers(3))
    peer.answer(1)
    peer.frames()
    peer.send(settings((1, 0)), settings((1, 50)))
    peer.answer(3)
    head = next(each for each in peer.frames() if each.type == HEADERS)
    assert head.payload.startswith(b"\x20\x3f\x13")  # the smallest since the last block, then what it is


# --- §5.1, §6.4, §6.8: what comes or is asked too late ------------------------------------------------------------------


def test_nothing_leaves_behind_a_reset() -> None:
    peer = ServerPeer(own=((4, 2),))
    peer.send(headers(1), headers(3))
    peer.answer(1)
    assert len(peer.frames()) == 2
    assert peer.send(rst_stream(1)) == [Aborted(1, "reset by the peer: CANCEL")]
    peer.send(window_update(0, 100), window_update(1, 100))
    peer.answer(3, b"x")
    assert {each.stream for each in peer.frames()} == {3}
    with pytest.raises(UsageError):
        peer.server.send_data(1, b"more")


def test_what_comes_beyond_the_last_stream_still_counts() -> None:
    """§6.8: no request, but the table and the connection's window go on."""
    peer = ServerPeer(Http2Limits(connection_window=65535))
    peer.send(headers(1, POST, 0))
    peer.server.shutdown(peer.now)
    assert [int.from_bytes(each.payload[:4], "big") for each in peer.frames() if each.type == GOAWAY] == [1]
    assert peer.send(frame(HEADERS, END_HEADERS, 3, BLOCK + b"\x40\x03x-a\x011")) == []
    peer.send(*[data(3, bytes(16384))] * 3)
    assert [(each.type, each.stream) for each in peer.frames()] == [(WINDOW_UPDATE, 0)]
    [trailers, _] = peer.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\xbe"))
    assert trailers == Trailers(1, [(b"x-a", b"1")])
    peer.answer(1)
    assert peer.server.wants_close


def test_a_client_opens_nothing_behind_goaway() -> None:
    peer = ClientPeer()
    peer.ask()
    peer.send(goaway(1))
    with pytest.raises(UsageError):
        peer.ask()
    assert [type(event) for event in peer.send(respond(1, 200, END_STREAM))] == [ResponseStarted]


def test_the_last_stream_never_rises() -> None:
    peer = ServerPeer()
    peer.send(headers(1), headers(3))
    peer.server.shutdown(peer.now, 5.0)
    peer.send(headers(5), frame(PING, ACK, 0, b"goingout"), headers(7))
    peer.send(headers(0))
    numbers = [int.from_bytes(each.payload[:4], "big") for each in peer.frames() if each.type == GOAWAY]
    assert numbers == [(1 << 31) - 1, 5, 5]


def test_a_reset_of_a_reset() -> None:
    """§5.4.2: none is answered by another."""
    peer = ServerPeer()
    peer.send(headers(1, POST, 0), rst_stream(1), rst_stream(1), headers(3, ((b"x", b"y"),)), rst_stream(3))
    assert [(each.type, each.stream) for each in peer.frames()] == [(RST_STREAM, 3)]


# --- §8 -----------------------------------------------------------------------------------------------------------------

OK = ((b":status", b"200"),)


@pytest.mark.parametrize(
    "fields",
    [
        (*OK, (b"X-A", b"1")),
        (*OK, (b"x a", b"1")),
        (*OK, (b"x:a", b"1")),
        (*OK, (b"x-a", b"\0")),
        (*OK, (b"x-a", b"1 ")),
        ((b"x-a", b"1"), *OK),
        (*OK, (b":path", b"/")),
        (*OK, (b":other", b"x")),
        OK * 2,
        (*OK, (b"transfer-encoding", b"chunked")),
        (*OK, (b"upgrade", b"x")),
        (*OK, (b"keep-alive", b"1")),
        (*OK, (b"proxy-connection", b"1")),
    ],
)
def test_malformed_responses(fields: tuple[Field, ...]) -> None:
    peer = ClientPeer()
    peer.ask()
    peer.frames()
    [event] = peer.send(headers(1, fields, 0))
    assert isinstance(event, Aborted)
    assert verdict(peer.frames()) == ("stream", PROTOCOL_ERROR)


@pytest.mark.parametrize("trailers", [OK, ((b":path", b"/"),), ((b"X", b"y"),), ((b"connection", b"close"),)])
def test_malformed_trailers_of_a_response(trailers: tuple[Field, ...]) -> None:
    peer = ClientPeer()
    peer.ask()
    peer.frames()
    peer.send(respond(1), headers(1, trailers))
    assert verdict(peer.frames()) == ("stream", PROTOCOL_ERROR)
    assert isinstance(peer.events[-1], Aborted)


def test_a_tunnel_carries_data_only() -> None:
    """§8.5, seen from the client; from the server it is in test_conformance."""
    peer = ClientPeer()
    peer.client.send_request(b"CONNECT", b"b.example:1", ((b"host", b"b.example:1"),), peer.now)
    peer.frames()
    assert peer.send(respond(1)) == [ResponseStarted(1, 200, [], False), TunnelOpened(1)]
    peer.send(headers(1, ((b"x", b"y"),)))
    assert verdict(peer.frames()) == ("stream", PROTOCOL_ERROR)


def test_an_early_answer_counts_though_the_rest_is_not_wanted() -> None:
    """§8.1: what a server that needs no more says comes before its RST_STREAM."""
    peer = ServerPeer(Http2Limits(drain=10))
    peer.send(headers(1, POST, 0, extra=((b"content-length", b"100000"),)))
    peer.answer(1, b"no", 413)
    sent = peer.frames() + peer.frames_after(2.0)
    assert [(each.type, each.stream) for each in sent] == [(HEADERS, 1), (DATA, 1), (RST_STREAM, 1)]
    assert sent[-1].code == 0


def test_a_section_that_is_too_large_leaves_the_table_in_step() -> None:
    """§10.5.1."""
    peer = ServerPeer(Http2Limits(head=250))
    [refused] = peer.send(frame(HEADERS, 5, 1, BLOCK + b"\x40\x03x-a\x011" + b"\xbe" * 10))
    assert isinstance(refused, Refused)
    [event] = peer.send(frame(HEADERS, 5, 3, b"\x82\x86\x84\x41\x01a\xbf"))  # :authority went in before x-a
    assert isinstance(event, RequestStarted)
    assert event.request.fields == [(b"x-a", b"1")]


def test_the_window_of_the_connection_is_one_for_all() -> None:
    """§6.9, §6.9.1: what nobody reads keeps it shut, and more is an error of the connection."""
    peer = ServerPeer(Http2Limits(connection_window=65535, window=1 << 20))
    peer.send(headers(1, POST, 0), headers(3, POST, 0))
    for number in (1, 3, 1, 3, 1):
        peer.send(data(number, bytes(16384)))
    assert verdict(peer.frames()) is None
    peer.send(data(1, bytes(16384)), data(3, bytes(16384)))
    assert verdict(peer.frames()) == ("connection", FLOW_CONTROL_ERROR)


def test_both_prefaces() -> None:
    """§3.4: SETTINGS come first from both, and each is acknowledged."""
    server = ServerPeer(greet=False)
    assert server.frames()[0][:3] == (SETTINGS, 0, 0)
    server.send(PREFACE, settings((1, 4096)))
    assert Frame(SETTINGS, ACK, 0, b"") in server.frames()
    client = ClientPeer()
    assert client.greeting[0][:3] == (SETTINGS, 0, 0)
    client.send(settings())
    assert client.frames() == parse(SETTINGS_ACK)
