# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Both ends against each other, and each against h11: whatever is said in whatever pieces, both sides agree on it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.engine import BodyChunk, Ended, Event, Field, Informational, RequestStarted, ResponseStarted, Trailers
from sws.proto.http1 import ClientConnection, Http1Limits, ServerConnection
from tests.kit.http1_peer import joined, make_client, make_server
from tests.kit.incremental import cut_at_random

_LIMITS = Http1Limits(window=50, queue=100)
_NAMES = st.from_regex(rb"\Ax-[a-z0-9!#$%&'*+.^_`|~-]{0,8}\Z")
_VALUES = st.from_regex(rb"\A([!-~\x80-\xff]([\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?)?\Z")
_FIELDS = st.lists(st.tuples(_NAMES, _VALUES), max_size=4)
_PIECES = st.lists(st.binary(max_size=120), max_size=4)


@dataclass
class _Message:
    fields: list[Field]
    pieces: list[bytes]
    declared: bool
    trailers: list[Field]

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)


@dataclass
class _Exchange:
    method: bytes
    target: bytes
    status: int
    request: _Message
    response: _Message
    informational: list[int]
    expect: bool


_MESSAGES = st.builds(_Message, _FIELDS, _PIECES, st.booleans(), st.lists(st.tuples(_NAMES, _VALUES), max_size=2))
_EXCHANGES = st.builds(
    _Exchange,
    st.sampled_from((b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"X-Y")),
    st.from_regex(rb"\A/[a-z0-9/._~!$&'()*+,;=:@-]{0,20}(\?[a-z0-9/?]{0,9})?\Z"),
    st.sampled_from((200, 201, 204, 304, 404, 500)),
    _MESSAGES,
    _MESSAGES,
    st.lists(st.sampled_from((102, 103)), max_size=2),
    st.booleans(),
)


@dataclass
class _Seen:
    """What one side was told."""

    start: tuple[object, ...] = ()
    fields: list[Field] = field(default_factory=list)
    content: bytes = b""
    trailers: list[Field] = field(default_factory=list)
    informational: list[int] = field(default_factory=list)
    ended: bool = False

    def take(self, events: list[Event], engine: ClientConnection | ServerConnection) -> None:
        for event in events:
            assert not self.ended, f"after the end: {event}"
            if isinstance(event, RequestStarted):
                self.start = (event.request.method, event.request.target, event.request.authority)
                self.fields, self.ended = list(event.request.fields), event.ended
            elif isinstance(event, ResponseStarted):
                self.start = (event.status,)
                self.fields, self.ended = list(event.fields), event.ended
            elif isinstance(event, Informational):
                self.informational.append(event.status)
            elif isinstance(event, BodyChunk):
                self.content += event.data
                engine.consumed(event.stream, len(event.data))
            elif isinstance(event, Trailers):
                self.trailers = list(event.fields)
            else:
                assert isinstance(event, Ended), event
                self.ended = True


class _Wire:
    """Carries octets from one engine to the other in random pieces; looks again as long as that brings something."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def carry(self, source: ClientConnection | ServerConnection, sink: ClientConnection | ServerConnection, seen: _Seen) -> None:
        data = joined(source.data_to_send(0.0))
        for segment in cut_at_random(data, self._chance) if data else [b""]:
            events = sink.receive(segment, 0.0)
            while events:
                seen.take(events, sink)
                events = sink.receive(b"", 0.0) if any(isinstance(event, BodyChunk) for event in events) else []


def _declare(message: _Message) -> list[Field]:
    return [*message.fields, (b"content-length", b"%d" % len(message.content))] if message.declared else message.fields


def _send(engine: ClientConnection | ServerConnection, stream: int, message: _Message) -> None:
    for piece in message.pieces:
        engine.send_data(stream, piece)
    if message.trailers and not message.declared:
        engine.send_trailers(stream, message.trailers)
    else:
        engine.send_data(stream, b"", ended=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(_EXCHANGES, min_size=1, max_size=3), st.integers(0, 1 << 30))
def test_our_client_and_our_server(exchanges: list[_Exchange], seed: int) -> None:
    client, server = make_client(_LIMITS), make_server(_LIMITS)
    wire = _Wire(random.Random(seed))
    for number, exchange in enumerate(exchanges, 1):
        assert client.is_idle
        ended = not exchange.request.pieces and not exchange.request.trailers
        expect: list[Field] = [(b"expect", b"100-continue")] if exchange.expect and not ended and exchange.request.content else []
        fields: list[Field] = [(b"host", b"a:80"), *exchange.request.fields, *expect]
        if exchange.request.declared:
            fields.append((b"content-length", b"%d" % len(exchange.request.content)))
        stream = client.send_request(exchange.method, exchange.target, fields, 0.0, ended=ended)
        asked, answered = _Seen(), _Seen()
        wire.carry(client, server, asked)
        assert asked.start == (exchange.method, exchange.target, b"a:80")
        if expect:
            assert client.expects_continue(stream)
            assert server.expects_continue(number)
            server.send_informational(number, 100, ())
            wire.carry(server, client, answered)
            assert not client.expects_continue(stream)
        if not ended:
            _send(client, stream, exchange.request)
            wire.carry(client, server, asked)
        assert asked.ended
        assert asked.content == exchange.request.content
        assert asked.trailers == ([] if exchange.request.declared or ended else exchange.request.trailers)
        assert asked.fields[: len(fields)] == fields

        for status in exchange.informational:
            server.send_informational(number, status, ())
        bare = exchange.method == b"HEAD" or exchange.status in (204, 304)
        sent = exchange.response.fields if exchange.status == 204 else _declare(exchange.response)
        server.send_headers(number, exchange.status, sent)
        if not bare:
            _send(server, number, exchange.response)
        wire.carry(server, client, answered)
        assert answered.ended
        assert answered.start == (exchange.status,)
        assert answered.informational == ([100] if expect else []) + exchange.informational
        assert answered.content == (b"" if bare else exchange.response.content)
        assert answered.trailers == ([] if bare or exchange.response.declared else exchange.response.trailers)
        assert answered.fields[: len(sent)] == sent
        assert server.receive(b"", 0.0) == []
        assert not server.wants_close


@settings(max_examples=60, deadline=None)
@given(_EXCHANGES, st.integers(0, 1 << 30))
def test_our_client_and_h11(exchange: _Exchange, seed: int) -> None:
    client = make_client(_LIMITS)
    peer = h11.Connection(h11.SERVER)
    fields: list[Field] = [(b"host", b"a"), *exchange.request.fields]
    if exchange.request.declared:
        fields.append((b"content-length", b"%d" % len(exchange.request.content)))
    stream = client.send_request(exchange.method, exchange.target, fields, 0.0)
    _send(client, stream, exchange.request)
    peer.receive_data(joined(client.data_to_send(0.0)))
    content = b""
    while not isinstance(event := peer.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Request):
            assert (event.method, event.target) == (exchange.method, exchange.target)
            assert [tuple(pair) for pair in event.headers][: len(fields)] == fields
        else:
            assert isinstance(event, h11.Data)
            content += bytes(event.data)
    assert content == exchange.request.content
    assert list(event.headers) == ([] if exchange.request.declared else exchange.request.trailers)

    bare = exchange.method == b"HEAD" or exchange.status in (204, 304)
    sent = exchange.response.fields if exchange.status == 204 else _declare(exchange.response)
    data = b"".join(peer.send(h11.InformationalResponse(status_code=status, headers=[])) or b"" for status in exchange.informational)
    data += peer.send(h11.Response(status_code=exchange.status, headers=sent)) or b""
    for piece in [] if bare else exchange.response.pieces:
        data += peer.send(h11.Data(data=piece)) or b""
    trailers = [] if bare or exchange.response.declared else exchange.response.trailers
    data += peer.send(h11.EndOfMessage(headers=trailers)) or b""
    seen = _Seen()
    for segment in cut_at_random(data, random.Random(seed)):
        events = client.receive(segment, 0.0)
        while events:
            seen.take(events, client)
            events = client.receive(b"", 0.0) if any(isinstance(event, BodyChunk) for event in events) else []
    assert seen.ended
    assert seen.start == (exchange.status,)
    assert seen.content == (b"" if bare else exchange.response.content)
    assert seen.trailers == trailers
    assert seen.informational == exchange.informational
    assert seen.fields[: len(sent)] == sent


@settings(max_examples=60, deadline=None)
@given(_EXCHANGES, st.integers(0, 1 << 30), st.sampled_from((b"1.1", b"1.0")))
def test_h11_and_our_server(exchange: _Exchange, seed: int, version: bytes) -> None:
    peer = h11.Connection(h11.CLIENT)
    server = make_server(_LIMITS)
    fields = [(b"host", b"a"), *exchange.request.fields]
    fields.append(
        (b"content-length", b"%d" % len(exchange.request.content)) if exchange.request.declared else (b"transfer-encoding", b"chunked")
    )
    data = peer.send(h11.Request(method=exchange.method, target=exchange.target, headers=fields)) or b""
    for piece in exchange.request.pieces:
        data += peer.send(h11.Data(data=piece)) or b""
    trailers = [] if exchange.request.declared else exchange.request.trailers
    data += peer.send(h11.EndOfMessage(headers=trailers)) or b""
    if version == b"1.0" and exchange.request.declared:  # h11 sends 1.1 only
        data = data.replace(b"HTTP/1.1\r\n", b"HTTP/1.0\r\n", 1)
    seen = _Seen()
    for segment in cut_at_random(data, random.Random(seed)):
        events = server.receive(segment, 0.0)
        while events:
            seen.take(events, server)
            events = server.receive(b"", 0.0) if any(isinstance(event, BodyChunk) for event in events) else []
    assert seen.ended
    assert seen.start == (exchange.method, exchange.target, b"a")
    assert seen.fields == fields
    assert seen.content == exchange.request.content
    assert seen.trailers == trailers

    bare = exchange.method == b"HEAD" or exchange.status in (204, 304)
    sent = exchange.response.fields if exchange.status == 204 else _declare(exchange.response)
    server.send_headers(1, exchange.status, sent)
    if not bare:
        _send(server, 1, exchange.response)
    peer.receive_data(joined(server.data_to_send(0.0)))
    if server.wants_close:
        peer.receive_data(b"")
    content = b""
    while not isinstance(event := peer.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            assert event.status_code == exchange.status
            assert [tuple(pair) for pair in event.headers][: len(sent)] == sent
        else:
            assert isinstance(event, h11.Data)
            content += bytes(event.data)
    assert content == (b"" if bare else exchange.response.content)
    old = data.partition(b"\r\n")[0].endswith(b"1.0")
    assert list(event.headers) == ([] if bare or exchange.response.declared or old else exchange.response.trailers)
    assert server.wants_close == old
