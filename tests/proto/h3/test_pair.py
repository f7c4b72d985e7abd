# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Both ends against each other over streams that arrive in any pieces and any order, and each against aioquic's HTTP/3."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.engine import (
    Aborted,
    BodyChunk,
    Datagram,
    Ended,
    Event,
    Field,
    Informational,
    RequestStarted,
    ResponseStarted,
    Trailers,
    TunnelOpened,
)
from sws.proto.h3 import Http3Limits
from tests.kit.fake_quic import FakeQuic, linked
from tests.kit.h3_peer import make_client, make_server

aioquic = pytest.importorskip("aioquic.h3.connection")
from aioquic.h3 import events as their_events  # noqa: E402
from aioquic.quic.configuration import QuicConfiguration  # noqa: E402
from aioquic.quic.events import StreamDataReceived  # noqa: E402

_NAMES = st.from_regex(rb"\Ax-[a-z0-9!#$%&'*+.^_`|~-]{0,8}\Z")
_VALUES = st.from_regex(rb"\A([!-~\x80-\xff]([\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?)?\Z")
_FIELDS = st.lists(st.tuples(_NAMES, _VALUES), max_size=4)
_PIECES = st.lists(st.binary(max_size=120), max_size=4)


@dataclass
class _Message:
    fields: list[Field]
    pieces: list[bytes]
    trailers: list[Field]


@dataclass
class _Seen:
    """What one end was told of one exchange."""

    fields: list[Field] = field(default_factory=list)
    content: bytes = b""
    trailers: list[Field] = field(default_factory=list)
    informational: list[int] = field(default_factory=list)
    ended: bool = False
    status: int = 0


_MESSAGES = st.builds(_Message, _FIELDS, _PIECES, _FIELDS)
_EXCHANGES = st.lists(st.tuples(_MESSAGES, _MESSAGES, st.booleans()), min_size=1, max_size=6)


def _note(seen: dict[int, _Seen], events: list[Event], engine: Any) -> None:
    for event in events:
        assert not isinstance(event, Aborted), event
        one = seen.setdefault(event.stream, _Seen())
        if isinstance(event, RequestStarted):
            one.fields = list(event.request.fields)
            one.ended = event.ended
        elif isinstance(event, ResponseStarted):
            one.fields, one.status, one.ended = list(event.fields), event.status, event.ended
        elif isinstance(event, Informational):
            one.informational.append(event.status)
        elif isinstance(event, BodyChunk):
            one.content += event.data
            engine.consumed(event.stream, len(event.data))
        elif isinstance(event, Trailers):
            one.trailers = list(event.fields)
        elif isinstance(event, Ended):
            one.ended = True


def _say(engine: Any, stream: int, message: _Message) -> None:
    for piece in message.pieces:
        engine.send_data(stream, piece)
    if message.trailers:
        engine.send_trailers(stream, message.trailers)
    else:
        engine.send_data(stream, b"", True)


@pytest.mark.slow
@given(_EXCHANGES, st.integers(0, 1 << 30), st.sampled_from([0, 64, 300, 4096]), st.sampled_from([0, 1, 16]), st.sampled_from([40, 1000]))
@settings(max_examples=30, deadline=None)
def test_both_ends_agree(exchanges: list[tuple[_Message, _Message, bool]], seed: int, table: int, blocked: int, window: int) -> None:
    chance = random.Random(seed)
    ends = linked(window=window)
    limits = Http3Limits(table=table, blocked=blocked)
    client, server = make_client(ends[0], limits), make_server(ends[1], limits)
    asked: dict[int, _Seen] = {}
    answered: dict[int, _Seen] = {}
    waiting = list(exchanges)
    of: dict[int, tuple[_Message, _Message, bool]] = {}
    done: set[int] = set()
    for _ in range(100_000):
        if waiting and chance.random() < 0.3:
            exchange = waiting.pop()
            number = client.send_request(b"POST", b"/", [(b"host", b"a.example"), *exchange[0].fields], 0.0)
            of[number] = exchange
            _say(client, number, exchange[0])
        moved = [end.deliver(chance) for end in ends]
        _note(asked, server.receive(b"", 0.0), server)
        _note(answered, client.receive(b"", 0.0), client)
        for number, seen in asked.items():
            if seen.ended and number not in done:
                done.add(number)
                if of[number][2]:
                    server.send_informational(number, 103, [(b"link", b"</a>")])
                server.send_headers(number, 200, of[number][1].fields)
                _say(server, number, of[number][1])
        if not any(moved) and not waiting and len(done) == len(exchanges) and all(answered.get(number, _Seen()).ended for number in of):
            break
    else:
        raise AssertionError("it does not come to an end")
    for number, (request, response, informed) in of.items():
        got, back = asked[number], answered[number]
        assert (got.fields, got.content, got.trailers) == (request.fields, b"".join(request.pieces), request.trailers)
        assert back.fields[: len(response.fields)] == response.fields
        assert (back.content, back.trailers, back.informational) == (b"".join(response.pieces), response.trailers, [103] * informed)
    assert not client._streams
    assert not server._streams
    assert all(not left for end in ends for left in end.unconsumed.values())
    assert server._encoder._sections == client._encoder._sections == 0


def test_datagrams_between_both_ends() -> None:
    ends = linked()
    limits = Http3Limits(datagrams=True, connect_protocol=True)
    client, server = make_client(ends[0], limits), make_server(ends[1], limits)
    for _ in range(3):
        for end, engine in zip(ends, (client, server), strict=True):
            end.deliver()
            engine.receive(b"", 0.0)
    number = client.send_request(b"CONNECT", b"/", [(b"host", b"a.example")], 0.0, protocol=b"connect-udp")
    ends[0].deliver()
    assert isinstance(server.receive(b"", 0.0)[0], RequestStarted)
    assert client.send_datagram(number, b"ping")
    assert server.receive(b"", 0.0) == [Datagram(number, b"ping")]
    assert not client.send_datagram(number, bytes(1200))
    server.send_headers(number, 200, [])
    assert server.send_datagram(number, b"pong")
    ends[1].deliver()
    assert [type(event) for event in client.receive(b"", 0.0)] == [ResponseStarted, TunnelOpened]  # it came before its head: dropped
    assert server.send_datagram(number, b"pong")
    assert client.receive(b"", 0.0) == [Datagram(number, b"pong")]


# --- aioquic -------------------------------------------------------------------------------------------------------------


class _TheirQuic:
    """The part of aioquic's QuicConnection that its H3Connection uses."""

    def __init__(self, is_client: bool, end: FakeQuic) -> None:
        self.configuration = QuicConfiguration(is_client=is_client)
        self._is_client = is_client
        self._quic_logger = None
        self._remote_max_datagram_frame_size = None
        self._end = end
        self.closed: tuple[int, str] | None = None

    def get_next_available_stream_id(self, is_unidirectional: bool = False) -> int:
        return self._end.open_stream(is_unidirectional)

    def send_stream_data(self, stream_id: int, data: bytes, end_stream: bool = False) -> None:
        self._end.send_stream_data(stream_id, data, end_stream)

    def close(self, error_code: int, reason_phrase: str = "", **_: Any) -> None:
        self.closed = (error_code, reason_phrase)


def _pump(ends: tuple[FakeQuic, FakeQuic], ours: Any, theirs: Any, at: int, chance: random.Random | None) -> tuple[list[Event], list[Any]]:
    """Move everything; `at` is which of the ends is theirs."""
    events: list[Event] = []
    their: list[Any] = []
    for _ in range(10_000):
        moved = [end.deliver(chance) for end in ends]
        for event in ends[at].take_events():
            name = type(event).__name__
            if name == "StreamData":
                ends[at].consumed(event.stream, len(event.data))  # type: ignore[union-attr]
                their += theirs.handle_event(
                    StreamDataReceived(data=event.data, end_stream=event.fin, stream_id=event.stream)  # type: ignore[union-attr]
                )
        found = ours.receive(b"", 0.0)
        for event in found:
            if isinstance(event, BodyChunk):
                ours.consumed(event.stream, len(event.data))
        events += found
        if not any(moved) and not found:
            return events, their
    raise AssertionError("no end")


@pytest.mark.parametrize("seed", [None, 1, 2, 3, 4, 5])
def test_aioquics_client(seed: int | None) -> None:
    chance = None if seed is None else random.Random(seed)
    ends = linked(window=3000)
    server = make_server(ends[1])
    quic = _TheirQuic(True, ends[0])
    theirs = aioquic.H3Connection(quic)
    for round_ in range(5):
        number = ends[0].open_stream(False)
        theirs.send_headers(
            number,
            [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"a.example"), (b":path", b"/x"), (b"x-a", b"same")],
        )
        theirs.send_data(number, b"body" * 1000, False)
        theirs.send_headers(number, [(b"x-sum", b"%d" % round_)], True)
        events, _ = _pump(ends, server, theirs, 0, chance)
        assert isinstance(events[0], RequestStarted)
        assert (b"x-a", b"same") in events[0].request.fields
        assert b"".join(event.data for event in events if isinstance(event, BodyChunk)) == b"body" * 1000
        assert events[-2:] == [Trailers(number, [(b"x-sum", b"%d" % round_)]), Ended(number)]
        server.send_informational(number, 103, [(b"link", b"</a>")])
        server.send_headers(number, 200, [(b"server", b"sws"), (b"x-odd", b"value")])
        server.send_data(number, b"answer" * 1000)
        server.send_trailers(number, [(b"x-end", b"1")])
        _, their = _pump(ends, server, theirs, 0, chance)
        heads = [dict(event.headers) for event in their if isinstance(event, their_events.HeadersReceived)]
        assert [one.get(b":status") for one in heads] == [b"103", b"200", None]
        assert heads[1][b"x-odd"] == b"value"
        assert heads[2] == {b"x-end": b"1"}
        assert b"".join(event.data for event in their if isinstance(event, their_events.DataReceived)) == b"answer" * 1000
        assert quic.closed is None
        assert server.error is None


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_aioquics_server(seed: int | None) -> None:
    chance = None if seed is None else random.Random(seed)
    ends = linked(window=3000)
    client = make_client(ends[0])
    quic = _TheirQuic(False, ends[1])
    theirs = aioquic.H3Connection(quic)
    for _ in range(5):
        number = client.send_request(b"PUT", b"/y", [(b"host", b"a.example"), (b"x-b", b"again")], 0.0)
        client.send_data(number, b"up" * 2000)
        client.send_trailers(number, [(b"x-sum", b"1")])
        _, their = _pump(ends, client, theirs, 1, chance)
        heads = [list(event.headers) for event in their if isinstance(event, their_events.HeadersReceived)]
        assert (b"x-b", b"again") in heads[0]
        assert heads[1] == [(b"x-sum", b"1")]
        assert b"".join(event.data for event in their if isinstance(event, their_events.DataReceived)) == b"up" * 2000
        theirs.send_headers(number, [(b":status", b"200"), (b"server", b"aioquic")])
        theirs.send_data(number, b"down" * 2000, True)
        events, _ = _pump(ends, client, theirs, 1, chance)
        assert events[0] == ResponseStarted(number, 200, [(b"server", b"aioquic")], False)
        assert b"".join(event.data for event in events if isinstance(event, BodyChunk)) == b"down" * 2000
        assert isinstance(events[-1], Ended)
        assert quic.closed is None
        assert client.error is None
