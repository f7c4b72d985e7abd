# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How a server's connection behaves.  RFC 9112; RFC 9110 §7.8, §9.3.6, §10.1.1, §15."""

from __future__ import annotations

import tempfile
from dataclasses import replace

import pytest

from sws.base.engine import Aborted, BodyChunk, Ended, Event, ExchangeEngine, Fields, FileSpan, Refused, RequestStarted, Trailers
from sws.base.errors import UsageError
from sws.proto.http1 import Http1Limits, IdlePolicy, ServerConnection
from tests.kit.http1_peer import DATE, LIMITS, content_of, in_normal_form, joined, make_server, requests_of, serve
from tests.kit.incremental import assert_incremental, begins_with

_GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
_GET10 = b"GET / HTTP/1.0\r\n\r\n"
_POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
_CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
_EXPECT = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
_UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: x\r\n\r\n"
_304 = b'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\netag: "a"\r\n'
_426 = b"HTTP/1.1 426 Upgrade Required\r\nupgrade: x\r\nconnection: upgrade\r\n"
_CONNECT = b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"
_D = b"date: " + DATE + b"\r\n"


def _with(data: bytes, limits: Http1Limits = LIMITS, now: float = 0.0) -> ServerConnection:
    engine = make_server(limits)
    engine.receive(data, now)
    return engine


def _answer(data: bytes, status: int = 200, fields: Fields = (), content: bytes | None = None) -> tuple[bytes, ServerConnection]:
    """One request answered, in one piece; None: without content."""
    engine = _with(data)
    engine.send_headers(1, status, fields, ended=content is None)
    if content is not None:
        engine.send_data(1, content, ended=True)
    return joined(engine.data_to_send(0.0)), engine


def test_it_is_an_exchange_engine() -> None:
    engine: ExchangeEngine = make_server()
    assert engine.wants_read
    assert not engine.wants_close


# --- requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (_GET, b""),
        (_POST + b"hello", b"hello"),
        (_CHUNKED + b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", b"hello"),
        (_CHUNKED + b"5;a=b\r\nhello\r\n0;c\r\nX-Sum: 1\r\n\r\n", b"hello"),
    ],
)
def test_every_framing_however_cut(data: bytes, content: bytes) -> None:
    events = assert_incremental(serve, data, trailing=(_GET, b"\r\n" + _GET, b"G@T", b"\x00"), extends=begins_with)
    assert content_of(events) == content
    (start,) = requests_of(events)
    assert start.ended == (not content)
    assert [event for event in events if isinstance(event, Ended)] == ([] if start.ended else [Ended(1)])
    assert [event.fields for event in events if isinstance(event, Trailers)] == ([[(b"x-sum", b"1")]] if b"X-Sum" in data else [])


def test_pipelined_requests_come_one_by_one_in_order() -> None:
    engine = make_server()
    events = engine.receive(_POST + b"hello" + _GET + _CHUNKED + b"0\r\n\r\n", 0.0)
    assert [event.stream for event in requests_of(events)] == [1]
    engine.send_headers(1, 200, ())
    assert engine.receive(b"", 0.0) == []
    engine.send_data(1, b"", ended=True)
    (second,) = requests_of(engine.receive(b"", 0.0))
    assert (second.stream, second.request.method) == (2, b"GET")
    engine.send_headers(2, 204, ())
    third, ended = engine.receive(b"", 0.0)
    assert isinstance(third, RequestStarted)
    assert ended == Ended(3)


def test_what_is_held_back_is_bounded() -> None:
    engine = make_server(Http1Limits(head=200))
    engine.receive(_GET + b"G" * 200, 0.0)
    assert bool(engine.wants_read)
    engine.receive(b"G", 0.0)
    assert not engine.wants_read
    engine.send_headers(1, 200, (), ended=True)
    engine.receive(b"", 0.0)
    assert engine.wants_read


@pytest.mark.parametrize(
    ("data", "persists"),
    [
        (_GET, True),
        (_GET10, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n", False),
    ],
)
def test_persistence(data: bytes, persists: bool) -> None:
    """RFC 9112 §9.3."""
    out, engine = _answer(data, 200, ((b"content-length", b"0"),), b"")
    assert engine.wants_close == (not persists)
    connection = b"" if persists and b"1.1\r\n" in data else b"connection: keep-alive\r\n" if persists else b"connection: close\r\n"
    assert out == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n" + _D + connection + b"\r\n"
    assert len(engine.receive(_GET, 0.0)) == persists


# --- responses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "status", "fields", "content", "expected"),
    [
        (_GET, 200, (), None, b"HTTP/1.1 200 OK\r\n" + _D + b"content-length: 0\r\n\r\n"),
        (_GET, 200, ((b"content-length", b"5"),), b"hello", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n" + _D + b"\r\nhello"),
        (_GET, 200, (), b"hello", b"HTTP/1.1 200 OK\r\n" + _D + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        (_GET, 200, (), b"", b"HTTP/1.1 200 OK\r\n" + _D + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        (_GET10, 200, (), b"hello", b"HTTP/1.1 200 OK\r\n" + _D + b"connection: close\r\n\r\nhello"),
        (_GET10, 200, (), b"", b"HTTP/1.1 200 OK\r\n" + _D + b"connection: close\r\n\r\n"),
        (_GET, 204, (), None, b"HTTP/1.1 204 No Content\r\n" + _D + b"\r\n"),
        (_GET, 304, ((b"content-length", b"5"), (b"etag", b'"a"')), None, _304 + _D + b"\r\n"),
        (b"HEAD" + _GET[3:], 200, ((b"content-length", b"5"),), None, b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n" + _D + b"\r\n"),
        (b"HEAD" + _GET[3:], 200, (), None, b"HTTP/1.1 200 OK\r\n" + _D + b"\r\n"),
        (_GET, 200, ((b"date", b"x"),), None, b"HTTP/1.1 200 OK\r\ndate: x\r\ncontent-length: 0\r\n\r\n"),
        (_GET, 299, (), None, b"HTTP/1.1 299 \r\n" + _D + b"content-length: 0\r\n\r\n"),
        (
            _GET,
            426,
            ((b"upgrade", b"x"), (b"connection", b"close")),
            None,
            _426 + _D + b"content-length: 0\r\nconnection: close\r\n\r\n",
        ),
    ],
)  # fmt: skip
def test_response_framing(data: bytes, status: int, fields: Fields, content: bytes | None, expected: bytes) -> None:
    out, engine = _answer(data, status, fields, content)
    assert out == expected
    assert engine.wants_close == (b"connection: close" in expected)


def test_a_response_in_pieces() -> None:
    engine = _with(_GET)
    engine.send_headers(1, 200, [(b"content-length", b"5")])
    engine.send_data(1, b"he")
    engine.send_data(1, b"")
    engine.send_data(1, b"llo")
    engine.send_data(1, b"", ended=True)
    assert joined(engine.data_to_send(0.0)).endswith(b"\r\n\r\nhello")
    assert engine.data_to_send(0.0) == []


@pytest.mark.parametrize("data", [_GET, _GET10])
def test_trailers(data: bytes) -> None:
    """RFC 9112 §7.1.2; without the chunked coding there is no place for them (RFC 9110 §6.5.1)."""
    engine = _with(data)
    engine.send_headers(1, 200, ())
    engine.send_data(1, b"hello")
    with pytest.raises(UsageError):
        engine.send_trailers(1, ((b"content-length", b"5"),))
    with pytest.raises(UsageError):
        engine.send_trailers(1, ((b"a", b"b\r\nc: d"),))
    engine.send_trailers(1, ((b"a", b"b"),))
    assert joined(engine.data_to_send(0.0)).endswith(b"hello\r\n0\r\na: b\r\n\r\n" if data is _GET else b"\r\n\r\nhello")
    assert engine.wants_close == (data is _GET10)


def test_trailers_behind_a_declared_length() -> None:
    engine = _with(_GET)
    engine.send_headers(1, 200, ((b"content-length", b"5"),))
    with pytest.raises(UsageError):
        engine.send_trailers(1, ())
    engine.send_data(1, b"hello")
    engine.send_trailers(1, ((b"a", b"b"),))
    assert joined(engine.data_to_send(0.0)).endswith(b"\r\n\r\nhello")


@pytest.mark.parametrize("data", [_GET, _GET10])
@pytest.mark.parametrize("length", [None, b"5"])
@pytest.mark.parametrize("ended", [True, False])
def test_a_file_stays_a_file(data: bytes, length: bytes | None, ended: bool) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"xxhelloxx")
        file.flush()
        span = FileSpan(file.fileno(), 2, 5)
        engine = _with(data)
        engine.send_headers(1, 200, () if length is None else ((b"content-length", length),))
        engine.send_data(1, span, ended=ended)
        if not ended:
            engine.send_data(1, b"", ended=True)
        out = engine.data_to_send(0.0)
        assert [part for part in out if isinstance(part, FileSpan)] == [span]
        head, _, content = joined(out).partition(b"\r\n\r\n")
        assert content == (b"5\r\nhello\r\n0\r\n\r\n" if b"chunked" in head else b"hello")


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (200, ((b"x", b"a\r\nb: c"),)),
        (200, ((b"x", b"a\nb"),)),
        (200, ((b"x", b"a\rb"),)),
        (200, ((b"x", b"a\x00b"),)),
        (200, ((b"x", b"a "),)),
        (200, ((b"x", b" a"),)),
        (200, ((b"x: y\r\nz", b"a"),)),
        (200, ((b"X", b"a"),)),
        (200, ((b"", b"a"),)),
        (200, ((b"x ", b"a"),)),
        (200, ((b"content-length", b"+5"),)),
        (200, ((b"content-length", b"5"), (b"content-length", b"5"))),
        (200, ((b"transfer-encoding", b"chunked"),)),
        (200, ((b"connection", b"keep-alive"),)),
        (200, ((b"keep-alive", b"timeout=5"),)),
        (200, ((b"proxy-connection", b"x"),)),
        (204, ((b"content-length", b"0"),)),
        (99, ()),
        (100, ()),
        (600, ()),
    ],
)
def test_heads_that_cannot_be_sent(status: int, fields: Fields) -> None:
    """Response splitting and framing that is not the handler's: the response is still owed after the error."""
    engine = _with(_GET)
    with pytest.raises(UsageError):
        engine.send_headers(1, status, fields)
    assert engine.data_to_send(0.0) == []
    engine.send_headers(1, 500, (), ended=True)
    assert joined(engine.data_to_send(0.0)).startswith(b"HTTP/1.1 500 ")


def test_lengths_that_differ() -> None:
    engine = _with(_GET)
    with pytest.raises(UsageError):
        engine.send_headers(1, 200, ((b"content-length", b"5"),), ended=True)
    engine.send_headers(1, 200, ((b"content-length", b"5"),))
    for data, ended in ((b"hello!", False), (b"hell", True), (b"", True)):
        with pytest.raises(UsageError):
            engine.send_data(1, data, ended=ended)
    engine.send_data(1, b"hello", ended=True)
    with pytest.raises(UsageError):
        engine.send_data(1, b"", ended=True)


def test_the_head_memo_is_bounded_and_harmless() -> None:
    for number in range(1100):
        out, _ = _answer(_GET, 200, ((b"x", b"%d" % number),))
        assert b"x: %d\r\n" % number in out
    assert b"x: 0\r\n" in _answer(_GET, 200, [(b"x", b"0")])[0]


@pytest.mark.parametrize(
    "data", [_GET, _GET10, b"HEAD" + _GET[3:], _POST + b"hello", _POST, _EXPECT, _GET.replace(b"Host: a", b"Host: a\r\nConnection: close")]
)
@pytest.mark.parametrize("status", [200, 204, 304, 404])
@pytest.mark.parametrize("content", [b"", b"hello"])
@pytest.mark.parametrize("fields", [(), ((b"content-length", b"5"),), ((b"x", b"y"), (b"date", b"z")), ((b"connection", b"close"),)])
def test_a_whole_response_is_its_head_and_its_content(data: bytes, status: int, content: bytes, fields: Fields) -> None:
    def said(whole: bool) -> tuple[bytes, bool, int] | None:
        engine = _with(data + (_GET if data is not _POST and data is not _EXPECT else b""))
        try:
            if whole:
                engine.send_response(1, status, fields, content)
            else:
                engine.send_headers(1, status, fields, ended=not content)
                if content and data[:4] != b"HEAD" and status not in (204, 304):
                    engine.send_data(1, content, ended=True)
        except UsageError:
            return None
        return joined(engine.data_to_send(0.0)), engine.wants_close, len(engine.receive(b"", 0.0))

    assert said(whole=True) == said(whole=False)


def test_a_whole_response_is_owed_once() -> None:
    engine = _with(_GET)
    with pytest.raises(UsageError):
        engine.send_response(2, 200, ((b"content-length", b"5"),), b"hello")
    engine.send_response(1, 200, ((b"content-length", b"5"),), b"hello")
    assert engine.credit(1) < LIMITS.queue
    with pytest.raises(UsageError):
        engine.send_response(1, 200, ((b"content-length", b"5"),), b"hello")


# --- 1xx -------------------------------------------------------------------------------------------------------------


def test_continue_is_sent_when_asked_for() -> None:
    """RFC 9110 §10.1.1."""
    engine = _with(_EXPECT)
    assert engine.expects_continue(1)
    assert not engine.expects_continue(2)
    assert engine.data_to_send(0.0) == []
    engine.send_informational(1, 100, ())
    assert not engine.expects_continue(1)
    assert engine.data_to_send(0.0) == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    assert engine.receive(b"hello", 0.0) == [BodyChunk(1, b"hello"), Ended(1)]
    engine.send_headers(1, 200, (), ended=True)
    assert not engine.wants_close


def test_a_final_response_without_continue_closes() -> None:
    """Whether the content comes cannot be known: RFC 9110 §10.1.1."""
    out, engine = _answer(_EXPECT, 401)
    assert b"connection: close\r\n" in out
    assert engine.wants_close


def test_content_that_comes_unasked_is_read() -> None:
    engine = _with(_EXPECT)
    assert engine.receive(b"hello", 0.0) == [BodyChunk(1, b"hello"), Ended(1)]
    assert not engine.expects_continue(1)
    engine.send_headers(1, 200, (), ended=True)
    assert not engine.wants_close


def test_expect_in_other_cases() -> None:
    assert not _with(_EXPECT.replace(b"1.1", b"1.0")).expects_continue(1)
    assert not _with(_EXPECT.replace(b"Length: 5", b"Length: 0")).expects_continue(1)
    assert _with(_EXPECT.replace(b"100-continue", b"100-Continue")).expects_continue(1)
    assert serve([_EXPECT.replace(b"100-c", b"101-c")]) == [Refused(1, 417, "")]
    assert serve([_EXPECT.replace(b"1.1", b"1.0").replace(b"100-c", b"101-c") + b"hello"])[-1] == Ended(1)


def test_informational_responses() -> None:
    engine = _with(_GET)
    engine.send_informational(1, 103, ((b"link", b"</a>"),))
    engine.send_informational(1, 102, ())
    assert joined(engine.data_to_send(0.0)) == b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
    with pytest.raises(UsageError):
        engine.send_informational(1, 200, ())
    with pytest.raises(UsageError):
        engine.send_informational(1, 101, ((b"upgrade", b"x"),))  # nobody asked
    old = _with(_GET10)
    old.send_informational(1, 103, ())
    assert old.data_to_send(0.0) == []  # RFC 9110 §15.2


# --- tunnels ---------------------------------------------------------------------------------------------------------


def test_upgrade() -> None:
    """RFC 9110 §7.8."""
    engine = _with(_UPGRADE + b"raw")
    with pytest.raises(UsageError):
        engine.send_informational(1, 101, ())
    engine.send_informational(1, 101, ((b"upgrade", b"x"),))
    assert joined(engine.data_to_send(0.0)) == b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    assert engine.receive(b"", 0.0) == [BodyChunk(1, b"raw")]
    assert engine.receive(b"\r\n\r\n", 0.0) == [BodyChunk(1, b"\r\n\r\n")]
    engine.send_data(1, b"back")
    assert engine.data_to_send(0.0) == [b"back"]


@pytest.mark.parametrize("data", [_GET, _UPGRADE.replace(b"1.1", b"1.0"), _UPGRADE.replace(b"Connection", b"X")])
def test_no_upgrade(data: bytes) -> None:
    with pytest.raises(UsageError):
        _with(data).send_informational(1, 101, ((b"upgrade", b"x"),))


def test_repeated_list_fields_are_one_list() -> None:
    """RFC 9110 §5.3: Upgrade is a list."""
    (event,) = serve([_UPGRADE.replace(b"Upgrade: x", b"Upgrade: x\r\nUpgrade: y")])
    assert isinstance(event, RequestStarted)
    assert event.request.index[b"upgrade"] == b"x, y"


def test_connect() -> None:
    """RFC 9110 §9.3.6."""
    engine = make_server()
    (start,) = requests_of(engine.receive(_CONNECT, 0.0))
    assert (start.request.authority, start.request.target) == (b"a:443", b"")
    with pytest.raises(UsageError):
        engine.send_headers(1, 200, ((b"content-length", b"0"),))
    engine.send_headers(1, 200, ())
    assert joined(engine.data_to_send(0.0)) == b"HTTP/1.1 200 OK\r\n" + _D + b"\r\n"
    assert engine.receive(b"x", 0.0) == [BodyChunk(1, b"x")]


def test_connect_refused_goes_on() -> None:
    out, engine = _answer(_CONNECT, 405)
    assert b"content-length: 0" in out
    assert len(engine.receive(_GET, 0.0)) == 1


@pytest.mark.parametrize("client_first", [True, False])
def test_a_tunnel_closes_by_halves(client_first: bool) -> None:
    engine = _with(_CONNECT)
    engine.send_headers(1, 200, ())
    if client_first:
        assert engine.receive_eof(0.0) == [Ended(1)]
        assert not engine.wants_close
        assert not engine.wants_read
        engine.send_data(1, b"last", ended=True)
    else:
        engine.send_data(1, b"last", ended=True)
        assert not engine.wants_close
        assert engine.receive(b"x", 0.0) == [BodyChunk(1, b"x")]
        with pytest.raises(UsageError):
            engine.send_data(1, b"more")
        assert engine.receive_eof(0.0) == [Ended(1)]
    assert bool(engine.wants_close)
    assert joined(engine.data_to_send(0.0)).endswith(b"last")


def test_what_came_before_the_end_of_a_tunnel_is_delivered() -> None:
    engine = _with(_CONNECT + b"early")
    engine.send_headers(1, 200, ())
    assert engine.receive_eof(0.0) == [BodyChunk(1, b"early"), Ended(1)]


def test_back_pressure_in_a_tunnel() -> None:
    engine = _with(_CONNECT, Http1Limits(window=10))
    engine.send_headers(1, 200, ())
    engine.receive(b"x" * 10, 0.0)
    assert not engine.wants_read
    engine.consumed(1, 1)
    assert engine.wants_read


# --- half-close ------------------------------------------------------------------------------------------------------


def test_requests_sent_before_the_half_close_are_answered() -> None:
    """RFC 9112 §9.6."""
    engine = _with(_GET + _POST + b"hello")
    assert engine.receive_eof(0.0) == []
    engine.send_headers(1, 200, (), ended=True)
    assert [type(event) for event in engine.receive(b"", 0.0)] == [RequestStarted, BodyChunk, Ended]
    engine.send_headers(2, 200, (), ended=True)
    assert engine.receive(b"", 0.0) == []
    assert engine.wants_close
    assert joined(engine.data_to_send(0.0)).count(b"200 OK") == 2


@pytest.mark.parametrize("tail", [_POST + b"hell", _CHUNKED + b"5\r\nhello\r\n", _GET[:9], _CHUNKED + b"0\r\nx"])
def test_a_pipelined_request_cut_by_the_half_close(tail: bytes) -> None:
    engine = _with(_GET + tail)
    engine.receive_eof(0.0)
    engine.send_headers(1, 200, (), ended=True)
    events = engine.receive(b"", 0.0)
    assert isinstance(events[-1], Aborted)
    assert events[-1].stream == 2
    assert engine.wants_close


def test_a_refusal_behind_a_half_close_is_still_answered() -> None:
    engine = _with(_GET + b"G@T / HTTP/1.1\r\n\r\n")
    engine.receive_eof(0.0)
    engine.send_headers(1, 200, (), ended=True)
    assert in_normal_form(engine.receive(b"", 0.0)) == [Refused(2, 400, "")]
    assert not engine.wants_close
    engine.send_headers(2, 400, (), ended=True)
    assert bool(engine.wants_close)
    assert b"HTTP/1.1 400 " in joined(engine.data_to_send(0.0))


def test_content_held_back_survives_the_half_close() -> None:
    engine = make_server(Http1Limits(window=3))
    assert content_of(engine.receive(_POST + b"hello", 0.0)) == b"hel"
    assert engine.receive_eof(0.0) == []
    engine.consumed(1, 3)
    assert engine.receive(b"", 0.0) == [BodyChunk(1, b"lo"), Ended(1)]


# --- limits ----------------------------------------------------------------------------------------------------------

_SMALL = Http1Limits(request_line=40, head=60, fields=4, body=10, chunk_extensions=20, requests=2, drain=8)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"a" * 26 + b" HTTP/1.1\r\nHost: a\r\n\r\n", None),  # 40 octets
        (b"GET /" + b"a" * 27 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /" + b"a" * 100, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 46 + b"\r\n\r\n", None),  # 60 octets of field lines
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 47 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 3 + b"\r\n", None),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 4 + b"\r\n", 431),
        (_POST.replace(b"5", b"10") + b"a" * 10, None),
        (_POST.replace(b"5", b"11"), 413),
        (_CHUNKED + b"a\r\n" + b"a" * 10 + b"\r\n0\r\n\r\n", None),
        (_CHUNKED + b"b\r\n" + b"a" * 11 + b"\r\n0\r\n\r\n", 413),
        (_CHUNKED + b"1\r\na\r\n" * 11, 413),
        (_CHUNKED + b"b\r\n" + b"a" * 11 + b"XX", 413),
        (_CHUNKED + b"1;aaaa\r\na\r\n" * 4 + b"0\r\n\r\n", None),
        (_CHUNKED + b"1;aaaa\r\na\r\n" * 5 + b"0\r\n\r\n", 400),
        (_CHUNKED + b"1;" + b"a" * 100, 400),
        (_CHUNKED + b"0\r\nX: " + b"a" * 55 + b"\r\n\r\n", None),  # 60 octets
        (_CHUNKED + b"0\r\nX: " + b"a" * 56 + b"\r\n\r\n", 431),
        (_CHUNKED + b"0\r\nX: " + b"a" * 100, 431),
        (_CHUNKED + b"0\r\n" + b"a: b\r\n" * 5 + b"\r\n", 431),
        (b"G" * 100, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 20 + b"\x00: a\nX\r\n\r\n", 431),
        (b"GET /" + b"a" * 50 + b"\n HTTP/1.1\r\n\r\n", 414),
        (b"GET /\n" + b"a" * 50 + b" HTTP/1.1\r\n\r\n", 400),
    ],
)
def test_limits(data: bytes, status: int | None) -> None:
    """RFC 9110 §15.5.14, §15.5.15, RFC 6585 §5; the same status however the octets were cut."""
    events = assert_incremental(lambda segments: serve(segments, limits=_SMALL), data)
    refused = [event.status for event in events if isinstance(event, Refused)]
    assert refused == ([] if status is None else [status])


def test_a_length_may_be_required() -> None:
    limits = Http1Limits(require_length=True)
    assert in_normal_form(serve([_CHUNKED], limits=limits)) == [Refused(1, 411, "")]
    assert serve([_POST + b"hello"], limits=limits)[-1] == Ended(1)


def test_no_bound_on_content() -> None:
    events = serve([_CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"], limits=Http1Limits(body=None))
    assert events[-1] == Ended(1)
    assert isinstance(serve([_POST.replace(b"5", b"999999999999999999")], limits=Http1Limits(body=None))[0], RequestStarted)


def test_a_head_may_be_as_long_as_line_and_fields_together() -> None:
    line = b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\n"
    head = line + b"Host: a\r\n" + b"".join(b"X%d: %b\r\n" % (index, b"b" * 1000) for index in range(32))
    engine = make_server()
    for start in range(0, len(head), 1000):
        assert engine.wants_read
        assert engine.receive(head[start : start + 1000], 0.0) == []
    assert engine.wants_read
    assert len(engine.receive(b"\r\n", 0.0)) == 1


def test_the_last_request_of_a_connection_says_so() -> None:
    engine = make_server(_SMALL)
    for stream, closes in ((1, False), (2, True)):
        engine.receive(_GET, 0.0)
        engine.send_headers(stream, 200, (), ended=True)
        assert (b"connection: close" in joined(engine.data_to_send(0.0))) == closes
    assert engine.wants_close


# --- back-pressure ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", [_POST.replace(b"5", b"20"), _CHUNKED])
def test_the_window(head: bytes) -> None:
    content = b"0123456789" * 2
    data = content if head is not _CHUNKED else b"14\r\n" + content + b"\r\n0\r\n\r\n"
    engine = make_server(Http1Limits(window=8))
    got: list[Event] = engine.receive(head + data, 0.0)
    assert content_of(got) == content[:8]
    assert not engine.wants_read
    assert engine.receive(b"", 0.0) == []
    engine.consumed(1, 3)
    assert bool(engine.wants_read)
    more = engine.receive(b"", 0.0)
    assert content_of(more) == content[8:11]
    engine.consumed(1, 100)
    got += more + engine.receive(b"", 0.0)
    engine.consumed(1, 8)
    got += engine.receive(b"", 0.0)
    assert content_of(got) == content
    assert got[-1] == Ended(1)


def test_credit() -> None:
    engine = _with(_GET, Http1Limits(queue=100))
    assert engine.credit(1) == 100
    assert engine.credit(2) == 0
    engine.send_headers(1, 200, ())
    engine.data_to_send(0.0)
    engine.send_data(1, b"x" * 60)
    assert 0 < engine.credit(1) < 40
    engine.send_data(1, FileSpan(0, 0, 1000))
    assert engine.credit(1) == 0
    engine.data_to_send(0.0)
    assert engine.credit(1) == 100


# --- early responses -------------------------------------------------------------------------------------------------


def _early(data: bytes, limits: Http1Limits = LIMITS) -> ServerConnection:
    engine = _with(data, limits)
    engine.send_headers(1, 403, (), ended=True)
    return engine


@pytest.mark.parametrize("head", [_POST.replace(b"5", b"9"), _CHUNKED])
def test_unread_content_is_drained(head: bytes) -> None:
    rest = b"x" * 9 if head is not _CHUNKED else b"9;a\r\nxxxxxxxxx\r\n0\r\nX: y\r\n\r\n"
    engine = _early(head)
    for index in range(len(rest)):
        assert engine.receive(rest[index : index + 1], 0.0) == []
        assert engine.wants_read
    assert b"connection: close" not in joined(engine.data_to_send(0.0))
    assert [event.stream for event in requests_of(engine.receive(_GET, 0.0))] == [2]


def test_a_full_window_does_not_stop_the_draining() -> None:
    engine = _early(_POST.replace(b"5", b"9") + b"x" * 9 + _GET, Http1Limits(window=4))
    assert [event.stream for event in requests_of(engine.receive(b"", 0.0))] == [2]


def test_too_much_to_drain_closes() -> None:
    limits = Http1Limits(drain=8)
    declared = _early(_POST.replace(b"5", b"9"), limits)
    assert declared.wants_close
    assert b"connection: close" in joined(declared.data_to_send(0.0))
    chunked = _early(_CHUNKED, limits)
    assert not chunked.wants_close
    chunked.receive(b"8\r\nxxxxxxxx\r\n", 0.0)
    assert not chunked.wants_close
    assert chunked.receive(b"1\r\nx\r\n" + _GET, 0.0) == []
    assert bool(chunked.wants_close)
    assert joined(chunked.data_to_send(0.0)).count(b"HTTP/1.1") == 1


def test_malformed_content_while_draining_closes_in_silence() -> None:
    engine = _early(_CHUNKED)
    assert engine.receive(b"zz\r\n" + _GET, 0.0) == []
    assert engine.wants_close


def test_malformed_content_within_a_response_aborts() -> None:
    engine = _with(_CHUNKED)
    engine.send_headers(1, 200, ())
    (event,) = engine.receive(b"zz\r\n", 0.0)
    assert isinstance(event, Aborted)
    assert engine.wants_close


def test_malformed_content_before_the_response_is_refused() -> None:
    engine = _with(_CHUNKED)
    assert in_normal_form(engine.receive(b"zz\r\n", 0.0)) == [Refused(1, 400, "")]
    engine.send_headers(1, 400, ())
    engine.send_data(1, b"no", ended=True)
    assert engine.wants_close
    assert b"connection: close" in joined(engine.data_to_send(0.0))


# --- time ------------------------------------------------------------------------------------------------------------

_TIMED = Http1Limits(head_timeout=10.0, body_timeout=30.0, body_rate=100, body_grace=20.0, window=1000)


def _timed(data: bytes, now: float = 0.0) -> ServerConnection:
    engine = ServerConnection(0.0, limits=_TIMED, idle=IdlePolicy(60.0), date=lambda: DATE)
    if data:
        engine.receive(data, now)
    return engine


def test_a_silent_connection_closes_in_silence() -> None:
    engine = _timed(b"")
    assert engine.next_timeout() == 10.0
    assert engine.handle_timeout(9.9) == []
    assert not engine.wants_close
    assert engine.handle_timeout(10.0) == []
    assert bool(engine.wants_close)
    assert engine.data_to_send(0.0) == []
    assert engine.next_timeout() is None


def test_a_slow_head_gets_408() -> None:
    engine = _timed(_GET[:5], 9.0)
    assert engine.next_timeout() == 10.0  # from the opening, not from the last octet
    assert in_normal_form(engine.handle_timeout(10.0)) == [Refused(1, 408, "")]
    engine.send_headers(1, 408, (), ended=True)
    assert b"connection: close" in joined(engine.data_to_send(0.0))
    assert engine.wants_close


def test_idle_between_requests() -> None:
    engine = _timed(_GET, 1.0)
    assert engine.next_timeout() is None  # ours to answer
    engine.send_headers(1, 200, (), ended=True)
    engine.receive(b"", 5.0)
    assert engine.next_timeout() == 65.0
    engine.receive(_GET[:5], 60.0)
    assert engine.next_timeout() == 70.0
    engine.receive(_GET[5:6], 69.0)
    assert engine.next_timeout() == 70.0
    assert in_normal_form(engine.handle_timeout(70.0)) == [Refused(2, 408, "")]


def test_slow_content() -> None:
    engine = _timed(_POST.replace(b"5", b"50000"), 1.0)
    assert engine.next_timeout() == 21.0  # the grace is shorter than the silence allowed
    engine.receive(b"x" * 500, 15.0)
    engine.consumed(1, 500)
    assert engine.next_timeout() == 26.0  # 20 s and 500 octets at 100 a second
    assert in_normal_form(engine.handle_timeout(26.0)) == [Refused(1, 408, "")]


def test_silent_content() -> None:
    limits = replace(_TIMED, body_grace=1000.0)
    engine = make_server(limits)
    engine.receive(_POST.replace(b"5", b"50000"), 1.0)
    assert engine.next_timeout() == 31.0
    engine.receive(b"x", 20.0)
    assert engine.next_timeout() == 50.0
    engine.send_headers(1, 200, ())
    (event,) = engine.handle_timeout(50.0)  # within a response there is nothing left to say
    assert isinstance(event, Aborted)


def test_slow_content_while_draining_closes_in_silence() -> None:
    engine = _timed(_POST.replace(b"5", b"5000"), 0.0)
    engine.send_headers(1, 403, (), ended=True)
    assert engine.handle_timeout(20.0) == []
    assert engine.wants_close


def test_the_clock_stands_still_while_the_silence_is_ours() -> None:
    """A full window: the client may not send.  It is not charged for that time, and not free for ever after it."""
    engine = _timed(_POST.replace(b"5", b"5000") + b"x" * 1000, 0.0)
    assert engine.next_timeout() is None
    engine.consumed(1, 1000)
    at_once = engine.next_timeout()
    assert at_once is not None
    assert at_once <= 0.0
    assert engine.handle_timeout(500.0) == []
    assert engine.next_timeout() == 530.0  # silence; the average counts from 500
    assert in_normal_form(engine.handle_timeout(530.0)) == [Refused(1, 408, "")]


def test_the_clock_starts_again_with_the_next_look() -> None:
    engine = _timed(_POST.replace(b"5", b"5000") + b"x" * 1000, 0.0)
    engine.consumed(1, 1000)
    assert engine.receive(b"", 500.0) == []
    assert engine.next_timeout() == 530.0
    engine.receive(b"x", 510.0)
    assert engine.next_timeout() == pytest.approx(min(510.0 + 30.0, 500.0 + 20.0 + 10.01))


def test_the_clock_waits_for_continue() -> None:
    engine = _timed(_EXPECT, 0.0)
    assert engine.next_timeout() is None
    assert engine.handle_timeout(1e6) == []
    engine.send_informational(1, 100, ())
    assert engine.handle_timeout(100.0) == []
    assert engine.next_timeout() == 120.0
    assert in_normal_form(engine.handle_timeout(120.0)) == [Refused(1, 408, "")]


def test_the_clock_runs_while_draining_after_a_full_window() -> None:
    engine = _timed(_POST.replace(b"5", b"5000") + b"x" * 1000, 0.0)
    engine.send_headers(1, 403, (), ended=True)
    assert engine.handle_timeout(100.0) == []
    assert engine.next_timeout() == 130.0


# --- the end ---------------------------------------------------------------------------------------------------------


def test_shutdown_when_idle() -> None:
    engine = make_server()
    assert engine.shutdown(0.0) == []
    assert engine.wants_close


def test_shutdown_with_patience() -> None:
    """A request may be on its way to an idle connection: it is answered, and the response says that it was the last."""
    engine = _with(_GET)
    engine.send_headers(1, 200, (), ended=True)
    engine.receive(b"", 0.0)
    engine.shutdown(0.0, patience=5.0)
    assert not engine.wants_close
    assert engine.next_timeout() == 5.0
    quiet = make_server()
    quiet.shutdown(0.0, patience=5.0)
    assert quiet.handle_timeout(5.0) == []
    assert quiet.wants_close
    engine.data_to_send(0.0)
    engine.receive(_GET, 1.0)
    engine.send_headers(2, 200, (), ended=True)
    assert b"connection: close" in joined(engine.data_to_send(0.0))
    assert engine.wants_close


def test_shutdown_within_a_head_answers_it() -> None:
    engine = _with(_GET[:5])
    engine.shutdown(0.0)
    assert not engine.wants_close
    engine.receive(_GET[5:], 0.0)
    engine.send_headers(1, 200, (), ended=True)
    assert b"connection: close" in joined(engine.data_to_send(0.0))
    assert engine.wants_close


def test_shutdown_within_an_exchange() -> None:
    engine = _with(_GET + _GET)
    engine.shutdown(0.0)
    engine.send_headers(1, 200, (), ended=True)
    assert engine.wants_close
    assert engine.receive(b"", 0.0) == []
    between = _with(_GET)
    between.send_headers(1, 200, (), ended=True)
    between.shutdown(0.0)
    between.receive(b"", 0.0)
    assert between.wants_close
    late = _with(_GET + _GET)
    late.send_headers(1, 200, ())
    late.shutdown(0.0)
    late.send_data(1, b"x", ended=True)
    assert late.wants_close


def test_reset() -> None:
    engine = _with(_GET + _GET)
    engine.send_headers(1, 200, ())
    engine.reset(1, "gone")
    assert engine.wants_close
    assert not engine.wants_read
    assert engine.receive(_GET, 0.0) == []
    with pytest.raises(UsageError):
        engine.send_data(1, b"x")
