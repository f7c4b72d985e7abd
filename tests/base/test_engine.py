# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Protocols of `sws.base.engine`, proved by a fake multiplexed engine: what a driver relies on holds for it, and it fits the types."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

import pytest

from sws.base.engine import (
    Aborted,
    BodyChunk,
    Ended,
    Event,
    ExchangeEngine,
    FileSpan,
    Informational,
    Refused,
    RequestStarted,
    ResponseStarted,
    Trailers,
    TunnelOpened,
    index_fields,
)
from sws.base.errors import UsageError
from tests.kit.fake_engine import FakeEngine
from tests.kit.http1_peer import joined, make_client, make_server
from tests.kit.incremental import assert_incremental

_FIELDS = ((b"host", b"a"), (b"x", b"y"))


def _pair() -> tuple[FakeEngine, FakeEngine]:
    return FakeEngine(0.0, client=True), FakeEngine(0.0, client=False)


def _carry(source: ExchangeEngine, sink: ExchangeEngine) -> list[Event]:
    return sink.receive(joined(source.data_to_send(0.0)), 0.0)


def test_the_engines_fit_the_protocol() -> None:
    """mypy holds these assignments; here they hold at run time as far as names go."""
    client, server = _pair()
    engines: list[ExchangeEngine] = [client, server, make_server(), make_client()]
    names = [name for name in dir(ExchangeEngine) if not name.startswith("_")]
    for engine in engines:
        assert all(hasattr(engine, name) for name in names)


def test_the_index_combines_fields() -> None:
    """RFC 9110 §5.3; cookies by RFC 9113 §8.2.3."""
    fields = [(b"a", b"1"), (b"cookie", b"c=d"), (b"a", b""), (b"cookie", b"e=f"), (b"b", b"x")]
    assert index_fields(fields) == {b"a": b"1, ", b"cookie": b"c=d; e=f", b"b": b"x"}
    assert index_fields(()) == {}


def test_two_exchanges_interleaved() -> None:
    client, server = _pair()
    first = client.send_request(b"POST", b"/1", _FIELDS, 0.0)
    second = client.send_request(b"GET", b"/2", _FIELDS, 0.0, ended=True)
    client.send_data(first, b"ab")
    one, two, data = _carry(client, server)
    assert isinstance(one, RequestStarted)
    assert isinstance(two, RequestStarted)
    assert (one.stream, one.ended, two.stream, two.ended) == (first, False, second, True)
    assert data == BodyChunk(first, b"ab")
    server.send_informational(second, 103, ())
    server.send_headers(second, 200, ((b"n", b"2"),))
    server.send_headers(first, 200, ((b"n", b"1"),))
    server.send_data(second, b"second", ended=True)
    server.send_data(first, b"fir")
    assert _carry(server, client) == [
        Informational(second, 103, []),
        ResponseStarted(second, 200, [(b"n", b"2")], False),
        ResponseStarted(first, 200, [(b"n", b"1")], False),
        BodyChunk(second, b"second"),
        Ended(second),
        BodyChunk(first, b"fir"),
    ]
    client.send_data(first, b"cd", ended=True)
    assert _carry(client, server) == [BodyChunk(first, b"cd"), Ended(first)]
    server.send_trailers(first, ((b"t", b"u"),))
    assert _carry(server, client) == [Trailers(first, [(b"t", b"u")]), Ended(first)]
    assert client.credit(first) == server.credit(first) == 0  # forgotten on both sides
    with pytest.raises(UsageError):
        server.send_data(first, b"x")


def test_credit_and_consumed() -> None:
    """A sender that obeys `credit` keeps memory flat; a stream that is not read holds up no other."""
    client, server = _pair()
    slow = client.send_request(b"POST", b"/", _FIELDS, 0.0)
    quick = client.send_request(b"POST", b"/", _FIELDS, 0.0)
    assert client.credit(slow) == 50
    client.send_data(slow, b"x" * 45)
    assert client.credit(slow) == 5
    client.send_data(quick, b"y" * 5)
    events = _carry(client, server)
    assert [event for event in events if isinstance(event, BodyChunk)] == [BodyChunk(slow, b"x" * 20), BodyChunk(quick, b"y" * 5)]
    assert server.wants_read
    server.consumed(slow, 15)
    assert _carry(server, client) == []
    assert client.credit(slow) == 20
    assert _carry(client, server) == [BodyChunk(slow, b"x" * 15)]
    server.consumed(slow, 20)
    _carry(server, client)
    client.send_data(slow, b"z", ended=True)
    assert _carry(client, server) == [BodyChunk(slow, b"x" * 10), BodyChunk(slow, b"z"), Ended(slow)]
    server.consumed(99, 1)


def test_more_than_the_credit_is_the_peers_fault() -> None:
    client, server = FakeEngine(0.0, client=True, window=100), FakeEngine(0.0, client=False)
    stream = client.send_request(b"POST", b"/", _FIELDS, 0.0)
    client.send_data(stream, b"x" * 30)
    assert _carry(client, server)[1:] == [Aborted(stream, "more content than its credit")]
    assert server.wants_close


def test_a_file_stays_a_file() -> None:
    client, server = _pair()
    stream = client.send_request(b"GET", b"/", _FIELDS, 0.0, ended=True)
    _carry(client, server)
    with tempfile.TemporaryFile() as file:
        file.write(bytes(range(100)))
        file.flush()
        server.send_headers(stream, 200, ())
        server.send_data(stream, FileSpan(file.fileno(), 10, 30), ended=True)
        out = server.data_to_send(0.0)
        assert [part for part in out if isinstance(part, FileSpan)] == [FileSpan(file.fileno(), 10, 20)]
        assert BodyChunk(stream, bytes(range(10, 30))) in client.receive(joined(out), 0.0)
        client.consumed(stream, 20)
        _carry(client, server)
        assert _carry(server, client) == [BodyChunk(stream, bytes(range(30, 40))), Ended(stream)]


@pytest.mark.parametrize("method", [b"CONNECT", b"GET"])
def test_tunnels(method: bytes) -> None:
    client, server = _pair()
    stream = client.send_request(method, b"a:1", _FIELDS, 0.0, ended=True)
    _carry(client, server)
    if method == b"CONNECT":
        server.send_headers(stream, 200, ())
    else:
        server.send_informational(stream, 101, ())
    assert _carry(server, client)[-1] == TunnelOpened(stream)
    client.send_data(stream, b"to")
    server.send_data(stream, b"fro")
    assert _carry(client, server) == [BodyChunk(stream, b"to")]
    assert _carry(server, client) == [BodyChunk(stream, b"fro")]
    client.send_data(stream, b"", ended=True)
    assert _carry(client, server) == [Ended(stream)]
    server.send_data(stream, b"last", ended=True)
    assert _carry(server, client) == [BodyChunk(stream, b"last"), Ended(stream)]


def test_reset_ends_one_exchange() -> None:
    client, server = _pair()
    first, second = (client.send_request(b"GET", b"/", _FIELDS, 0.0, ended=True) for _ in range(2))
    _carry(client, server)
    server.reset(first, "enough")
    server.reset(first, "again")
    assert _carry(server, client) == [Aborted(first, "enough")]
    server.send_headers(second, 204, (), ended=True)
    assert _carry(server, client) == [ResponseStarted(second, 204, [], True)]
    assert not client.wants_close


def test_refusals() -> None:
    client, server = _pair()
    stream = client.send_request(b"GET", b"/", (), 0.0, ended=True)
    assert _carry(client, server) == [Refused(stream, 400, "not taken")]
    server.send_response(stream, 400, (), b"")
    assert _carry(server, client) == [ResponseStarted(stream, 400, [], True)]


def test_a_whole_response_at_once() -> None:
    client, server = _pair()
    stream = client.send_request(b"GET", b"/", _FIELDS, 0.0, ended=True)
    _carry(client, server)
    server.send_response(stream, 200, (), b"hello")
    assert _carry(server, client) == [ResponseStarted(stream, 200, [], False), BodyChunk(stream, b"hello"), Ended(stream)]


def test_shutdown_finishes_what_is_under_way() -> None:
    client, server = _pair()
    stream = client.send_request(b"GET", b"/", _FIELDS, 0.0, ended=True)
    _carry(client, server)
    assert server.shutdown(0.0) == []
    late = client.send_request(b"GET", b"/", _FIELDS, 0.0, ended=True)
    assert _carry(client, server) == [Refused(late, 503, "not taken")]
    _carry(server, client)
    with pytest.raises(UsageError):
        client.send_request(b"GET", b"/", _FIELDS, 0.0, ended=True)
    for number in (stream, late):
        assert not server.wants_close
        server.send_headers(number, 503, (), ended=True)
    assert server.wants_close
    _carry(server, client)
    assert client.wants_close


def test_misuse() -> None:
    client, server = _pair()
    stream = client.send_request(b"POST", b"/", _FIELDS, 0.0)
    for verb in (client.send_headers, client.send_informational):
        with pytest.raises(UsageError):
            verb(stream, 200, ())
    with pytest.raises(UsageError):
        server.send_request(b"GET", b"/", _FIELDS, 0.0)
    _carry(client, server)
    with pytest.raises(UsageError):
        server.send_data(stream, b"x")  # before its head
    with pytest.raises(UsageError):
        client.send_data(99, b"x")
    server.send_headers(stream, 200, ())
    with pytest.raises(UsageError):
        server.send_headers(stream, 200, ())
    server.send_data(stream, b"x" * 21)
    with pytest.raises(UsageError):
        server.send_trailers(stream, ())  # content waits
    assert not server.expects_continue(stream)


def test_frames_in_any_pieces() -> None:
    client, _ = _pair()
    for number in (1, 2):
        stream = client.send_request(b"POST", b"/%d" % number, _FIELDS, 0.0)
        client.send_data(stream, b"content")
        client.send_trailers(stream, _FIELDS)
    data = joined(client.data_to_send(0.0))

    def feed(segments: Sequence[bytes]) -> list[Event]:
        engine = FakeEngine(0.0, client=False)
        return [event for segment in segments for event in engine.receive(segment, 0.0)]

    assert len(assert_incremental(feed, data, trailing=(b"\x07",))) == 8


def test_time_and_the_end_of_the_connection() -> None:
    client, server = _pair()
    stream = client.send_request(b"GET", b"/", _FIELDS, 0.0, ended=True)
    server.receive(joined(client.data_to_send(0.0)), 5.0)
    assert server.next_timeout() == 65.0
    assert server.handle_timeout(64.0) == []
    assert server.handle_timeout(65.0) == [Aborted(stream, "idle")]
    assert server.wants_close
    assert server.next_timeout() is None
    assert client.receive_eof(0.0) == [Aborted(stream, "the connection closed")]
    lost = FakeEngine(0.0, client=False)
    assert lost.receive(b"\xff\x00\x01\x00\x00", 0.0) == []
    assert lost.wants_close
    assert not lost.wants_read
