# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How a client's connection behaves.  RFC 9112 §6.3, §9; RFC 9110 §7.8, §9.3.6, §15.2."""

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
    Fields,
    FileSpan,
    Informational,
    ResponseStarted,
    Trailers,
    TunnelOpened,
)
from sws.base.errors import UsageError
from sws.proto.http1 import ClientConnection, Http1Limits
from tests.kit.http1_peer import ask, content_of, joined, make_client
from tests.kit.incremental import assert_incremental

_HOST: Fields = ((b"host", b"a"),)
_OK = b"HTTP/1.1 200 OK\r\n"


def _asked(method: bytes = b"GET", fields: Fields = _HOST, *, ended: bool = True, limits: Http1Limits | None = None) -> ClientConnection:
    engine = make_client(limits or Http1Limits())
    engine.send_request(method, b"a:443" if method == b"CONNECT" else b"/", fields, 0.0, ended=ended)
    return engine


def test_it_is_an_exchange_engine() -> None:
    engine: ExchangeEngine = make_client()
    assert engine.wants_read


# --- requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "fields", "content", "expected"),
    [
        (b"GET", (), None, b"\r\n"),
        (b"POST", (), None, b"content-length: 0\r\n\r\n"),  # RFC 9110 §8.6
        (b"POST", ((b"content-length", b"0"),), None, b"content-length: 0\r\n\r\n"),
        (b"POST", ((b"content-length", b"5"),), b"hello", b"content-length: 5\r\n\r\nhello"),
        (b"POST", (), b"hello", b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        (b"GET", (), b"", b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    ],
)
def test_request_framing(method: bytes, fields: Fields, content: bytes | None, expected: bytes) -> None:
    engine = make_client()
    assert engine.send_request(method, b"/x?y", (*_HOST, *fields), 0.0, ended=content is None) == 1
    if content is not None:
        engine.send_data(1, content, ended=True)
    assert joined(engine.data_to_send(0.0)) == method + b" /x?y HTTP/1.1\r\nhost: a\r\n" + expected
    assert engine.data_to_send(0.0) == []


def test_trailers_and_pieces() -> None:
    engine = _asked(b"POST", ended=False)
    engine.send_data(1, b"he")
    engine.send_data(1, b"")
    engine.send_data(1, b"llo")
    with pytest.raises(UsageError):
        engine.send_trailers(1, ((b"host", b"b"),))
    engine.send_trailers(1, ((b"a", b"b"),))
    assert joined(engine.data_to_send(0.0)).endswith(b"2\r\nhe\r\n3\r\nllo\r\n0\r\na: b\r\n\r\n")
    with pytest.raises(UsageError):
        engine.send_data(1, b"x")


def test_a_file_stays_a_file() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"hello")
        file.flush()
        span = FileSpan(file.fileno(), 1, 3)
        engine = _asked(b"POST", ended=False)
        engine.send_data(1, span, ended=True)
        out = engine.data_to_send(0.0)
        assert span in out
        assert joined(out).endswith(b"3\r\nell\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "target", "fields", "ended"),
    [
        (b"GE T", b"/", _HOST, True),
        (b"", b"/", _HOST, True),
        (b"GET\r\n", b"/", _HOST, True),
        (b"GET", b"/ x", _HOST, True),
        (b"GET", b"/\r\nX: y", _HOST, True),
        (b"GET", b"", _HOST, True),
        (b"GET", b"/\xe4", _HOST, True),
        (b"GET", b"/", (), True),
        (b"GET", b"/", (*_HOST, *_HOST), True),
        (b"GET", b"/", (*_HOST, (b"transfer-encoding", b"chunked")), True),
        (b"GET", b"/", (*_HOST, (b"x", b"a\r\nb: c")), True),
        (b"GET", b"/", (*_HOST, (b"X", b"a")), True),
        (b"POST", b"/", (*_HOST, (b"content-length", b"x")), False),
        (b"POST", b"/", (*_HOST, (b"content-length", b"5"), (b"content-length", b"5")), False),
        (b"POST", b"/", (*_HOST, (b"content-length", b"5")), True),
        (b"CONNECT", b"a:443", _HOST, False),
    ],
)
def test_requests_that_cannot_be_sent(method: bytes, target: bytes, fields: Fields, ended: bool) -> None:
    """Nothing is sent, and the engine is as before."""
    engine = make_client()
    with pytest.raises(UsageError):
        engine.send_request(method, target, fields, 0.0, ended=ended)
    assert engine.data_to_send(0.0) == []
    assert engine.is_idle
    assert engine.send_request(b"GET", b"/", _HOST, 0.0, ended=True) == 1


def test_misuse() -> None:
    engine = _asked(b"POST", (*_HOST, (b"content-length", b"5")), ended=False)
    for stream, data, ended in ((2, b"hello", True), (1, b"hello!", False), (1, b"hell", True)):
        with pytest.raises(UsageError):
            engine.send_data(stream, data, ended=ended)
    with pytest.raises(UsageError):
        engine.send_trailers(1, ())
    with pytest.raises(UsageError):
        engine.send_informational(1, 100, ())
    with pytest.raises(UsageError):
        engine.send_headers(1, 200, ())
    with pytest.raises(UsageError):
        engine.send_response(1, 200, (), b"")
    engine.send_data(1, b"hello", ended=True)
    engine.reset(2, "")
    engine.consumed(2, 1)
    assert not engine.wants_close


def test_credit() -> None:
    engine = _asked(b"POST", ended=False, limits=Http1Limits(queue=1000))
    engine.data_to_send(0.0)
    engine.send_data(1, b"x" * 900)
    assert 0 < engine.credit(1) <= 100
    engine.send_data(1, FileSpan(0, 0, 1000))
    assert engine.credit(1) == 0
    assert engine.credit(2) == 0
    engine.data_to_send(0.0)
    assert engine.credit(1) == 1000


# --- responses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "data", "eof", "content"),
    [
        (b"GET", _OK + b"Content-Length: 5\r\n\r\nhello", False, b"hello"),
        (b"GET", _OK + b"Content-Length: 5\r\nContent-Length: 5, 5\r\n\r\nhello", False, b"hello"),
        (b"GET", _OK + b"Transfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\n\r\n", False, b"hello"),
        (b"GET", _OK + b"\r\nhello", True, b"hello"),
        (b"GET", _OK + b"\r\n", True, b""),
        (b"GET", b"HTTP/1.0 200 OK\r\n\r\nhello", True, b"hello"),
        (b"GET", _OK + b"Content-Length: 0\r\n\r\n", False, None),
        (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n", False, None),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", False, None),
        (b"HEAD", _OK + b"Content-Length: 5\r\n\r\n", False, None),
        (b"HEAD", _OK + b"Transfer-Encoding: chunked\r\n\r\n", False, None),
        (b"GET", b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", False, None),
        (b"GET", b"HTTP/1.9 200 \xff\t\r\nContent-Length: 0\r\n\r\n", False, None),
    ],
)
def test_every_framing_however_cut(method: bytes, data: bytes, eof: bool, content: bytes | None) -> None:
    def feed(segments: Sequence[bytes]) -> list[Event]:
        return ask(segments, method=method, eof=eof)

    events = assert_incremental(feed, data)
    start = events[0]
    assert isinstance(start, ResponseStarted)
    assert start.ended == (content is None)
    assert content_of(events) == (content or b"")
    assert (events[-1] == Ended(1)) == (content is not None)


def test_informational_and_trailers() -> None:
    data = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + _OK
    events = assert_incremental(ask, data + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n")
    assert events == [
        Informational(1, 103, [(b"link", b"</a>")]),
        Informational(1, 100, []),
        ResponseStarted(1, 200, [(b"transfer-encoding", b"chunked")], False),
        Trailers(1, [(b"x-sum", b"1")]),
        Ended(1),
    ]


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        (b"X : y\r\n", [(b"x", b"y")]),
        (b"X \t: y\r\nZ: z\r\n", [(b"x", b"y"), (b"z", b"z")]),
        (b"X: y\r\n z\r\n", [(b"x", b"y z")]),
        (b"X: y \t\r\n\t \r\n z\r\n", [(b"x", b"y \t  z")]),
        (b"X:\r\n y\r\n", [(b"x", b"y")]),
    ],
)
def test_what_responses_are_forgiven(lines: bytes, fields: Fields) -> None:
    """RFC 9112 §5.1, §5.2."""
    (start,) = assert_incremental(lambda segments: ask(segments, method=b"HEAD"), _OK + lines + b"\r\n")
    assert isinstance(start, ResponseStarted)
    assert start.fields == fields


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: y\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: y\rZ: z\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 600 OK\r\n\r\n",
        b"HTTP/1.1 2000\r\n\r\n",
        b"HTTP/1.1 200OK\r\n\r\n",
        b"HTTP/1.1 200 O\x00K\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b" HTTP/1.1 200 OK\r\n\r\n",
        _OK + b" X: y\r\n\r\n",
        _OK + b"X\r\n : y\r\n\r\n",
        _OK + b"X Y: z\r\n\r\n",
        _OK + b"X: \x00\r\n\r\n",
        _OK + b"Content-Length: x\r\n\r\n",
        _OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        _OK + b"Content-Length: 5, 6\r\n\r\n",
        _OK + b"Content-Length: 5, 05\r\n\r\n",
        _OK + b"Content-Length:\r\n\r\n",
        _OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        _OK + b"Transfer-Encoding: gzip\r\n\r\n",
        _OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
        _OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        _OK + b"Transfer-Encoding: chun\r\n ked\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        _OK + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
        _OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
        _OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"y" * 3000,
        _OK + b"Content-Length: 999\r\n\r\n" + b"x" * 300,
        _OK + b"X: y\r\n" * 6 + b"\r\n",
        _OK + b"X: " + b"y" * 3000,
        b"HTTP/1.1 200 " + b"O" * 500,
        b"HTTP/1.1 200 " + b"O" * 500 + b"\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 33,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ],
)
def test_responses_that_are_given_up(data: bytes) -> None:
    limits = Http1Limits(request_line=400, head=1000, fields=5, body=200)
    events = assert_incremental(lambda segments: ask(segments, eof=True, limits=limits), data)
    assert isinstance(events[-1], Aborted)
    assert not any(isinstance(event, Ended) for event in events)


@pytest.mark.parametrize(
    "data",
    [b"", b"HTTP/1.1 200", _OK + b"Content-Length: 5\r\n\r\nhell", _OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"],
)
def test_responses_cut_off(data: bytes) -> None:
    """RFC 9112 §8."""
    assert isinstance(ask([data], eof=True)[-1], Aborted)


@pytest.mark.parametrize(
    ("request_fields", "head", "persists"),
    [
        ((), _OK, True),
        ((), b"HTTP/1.0 200 OK\r\n", False),
        ((), b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", True),
        ((), _OK + b"Connection: x, Close\r\n", False),
        (((b"connection", b"close"),), _OK, False),
    ],
)
def test_persistence(request_fields: Fields, head: bytes, persists: bool) -> None:
    engine = _asked(fields=(*_HOST, *request_fields))
    engine.receive(head + b"Content-Length: 0\r\n\r\n", 0.0)
    assert engine.is_idle == persists
    assert engine.wants_close == (not persists)
    if persists:
        assert engine.send_request(b"GET", b"/", _HOST, 0.0, ended=True) == 2


def test_octets_nobody_asked_for_end_the_connection() -> None:
    engine = _asked()
    events = engine.receive(_OK + b"Content-Length: 0\r\n\r\n" + _OK, 0.0)
    assert [type(event) for event in events] == [ResponseStarted, Aborted]
    assert engine.wants_close
    assert not engine.is_idle


def test_an_early_response_ends_the_connection() -> None:
    """RFC 9112 §9.3: the rest of the request will not be sent."""
    engine = _asked(b"POST", ended=False)
    events = engine.receive(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n", 0.0)
    assert [type(event) for event in events] == [ResponseStarted]
    assert engine.wants_close
    with pytest.raises(UsageError):
        engine.send_data(1, b"x")


def test_a_response_may_overtake_its_request() -> None:
    engine = _asked(b"POST", ended=False)
    engine.receive(_OK + b"Content-Length: 5\r\n\r\nhe", 0.0)
    engine.send_data(1, b"x", ended=True)
    assert engine.receive(b"llo", 0.0)[-1] == Ended(1)
    assert engine.is_idle


def test_continue() -> None:
    """RFC 9110 §10.1.1."""
    engine = _asked(b"POST", (*_HOST, (b"expect", b"100-continue")), ended=False)
    assert engine.expects_continue(1)
    assert not engine.expects_continue(2)
    engine.receive(b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.0)
    assert engine.expects_continue(1)
    engine.receive(b"HTTP/1.1 100 Continue\r\n\r\n", 0.0)
    assert not engine.expects_continue(1)
    other = _asked(b"POST", (*_HOST, (b"expect", b"100-continue")), ended=False)
    other.receive(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 5\r\n\r\n", 0.0)
    assert not other.expects_continue(1)


# --- tunnels ---------------------------------------------------------------------------------------------------------

_SWITCH: Fields = (*_HOST, (b"connection", b"upgrade"), (b"upgrade", b"x"))


@pytest.mark.parametrize(
    ("method", "fields", "head", "status"),
    [
        (b"CONNECT", _HOST, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\n", 200),  # RFC 9110 §9.3.6: ignored
        (b"GET", _SWITCH, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\n", 101),
    ],
)
def test_tunnels(method: bytes, fields: Fields, head: bytes, status: int) -> None:
    events = assert_incremental(lambda segments: ask(segments, method=method, fields=fields, eof=True), head + b"raw\r\n")
    assert [type(event) for event in events] == [ResponseStarted, TunnelOpened, BodyChunk, Ended]
    engine = _asked(method, fields)
    engine.data_to_send(0.0)
    start = engine.receive(head, 0.0)[0]
    assert isinstance(start, ResponseStarted)
    assert (start.status, start.ended) == (status, False)
    engine.send_data(1, b"x")
    assert engine.data_to_send(0.0) == [b"x"]
    assert engine.receive(b"y", 0.0) == [BodyChunk(1, b"y")]
    engine.send_data(1, b"", ended=True)
    assert not engine.wants_close
    assert engine.receive(b"z", 0.0) == [BodyChunk(1, b"z")]
    assert engine.receive_eof(0.0) == [Ended(1)]
    assert engine.wants_close


def test_a_tunnel_that_the_server_closes_first() -> None:
    engine = _asked(b"CONNECT")
    engine.receive(b"HTTP/1.1 200 OK\r\n\r\n", 0.0)
    assert engine.receive_eof(0.0) == [Ended(1)]
    assert not engine.wants_close
    assert not engine.wants_read
    assert engine.receive_eof(0.0) == []
    engine.send_data(1, b"last", ended=True)
    assert engine.wants_close


def test_connect_refused() -> None:
    assert ask([b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"], method=b"CONNECT")[-1] == Ended(1)


def test_no_switch_within_a_request() -> None:
    engine = _asked(b"POST", _SWITCH, ended=False)
    assert isinstance(engine.receive(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 0.0)[0], Aborted)


# --- back-pressure, time, the end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", [b"Content-Length: 10\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\na\r\n", b"\r\n"])
def test_the_window_and_the_end_behind_it(head: bytes) -> None:
    engine = _asked(limits=Http1Limits(window=4))
    tail = b"\r\n0\r\n\r\n" if b"chunked" in head else b""
    events = engine.receive(_OK + head + b"0123456789" + tail, 0.0)
    assert content_of(events) == b"0123"
    assert not engine.wants_read
    assert engine.next_timeout() is None
    assert engine.receive_eof(0.0) == []
    for _ in range(3):
        engine.consumed(1, 4)
        events += engine.receive(b"", 0.0)
    assert content_of(events) == b"0123456789"
    assert events[-1] == Ended(1)


def test_timeouts() -> None:
    limits = Http1Limits(head_timeout=10.0, body_timeout=30.0)
    engine = make_client(limits)
    assert engine.next_timeout() is None
    engine.send_request(b"GET", b"/", _HOST, 5.0, ended=True)
    assert engine.next_timeout() == 15.0
    assert engine.handle_timeout(14.0) == []
    engine.receive(_OK + b"Content-Length: 9\r\n\r\n", 14.0)
    assert engine.next_timeout() == 44.0
    engine.receive(b"x", 40.0)
    assert engine.next_timeout() == 70.0
    (event,) = engine.handle_timeout(70.0)
    assert isinstance(event, Aborted)
    assert engine.wants_close
    assert engine.next_timeout() is None


def test_a_server_is_not_waited_for_while_we_speak() -> None:
    engine = make_client(Http1Limits(head_timeout=10.0))
    engine.send_request(b"POST", b"/", _HOST, 0.0)
    assert engine.next_timeout() is None
    engine.send_data(1, b"x", ended=True)
    at_once = engine.next_timeout()
    assert at_once is not None
    assert at_once <= 0.0
    assert engine.handle_timeout(100.0) == []
    assert engine.next_timeout() == 110.0
    assert isinstance(engine.handle_timeout(110.0)[0], Aborted)


def test_a_server_is_not_charged_for_our_silence() -> None:
    engine = _asked(limits=Http1Limits(body_timeout=30.0, window=4))
    engine.receive(_OK + b"Content-Length: 9\r\n\r\n0123", 0.0)
    assert engine.handle_timeout(1000.0) == []
    engine.consumed(1, 2)
    assert engine.handle_timeout(1000.0) == []
    assert engine.next_timeout() == 1030.0


def test_shutdown_and_reset() -> None:
    idle = make_client()
    assert idle.shutdown(0.0) == []
    assert idle.wants_close
    busy = _asked()
    busy.shutdown(0.0)
    assert not busy.wants_close
    busy.receive(_OK + b"Content-Length: 0\r\n\r\n", 0.0)
    assert bool(busy.wants_close)
    gone = _asked()
    gone.reset(1, "")
    assert gone.wants_close
    assert gone.receive(_OK, 0.0) == []
    assert gone.receive_eof(0.0) == []
