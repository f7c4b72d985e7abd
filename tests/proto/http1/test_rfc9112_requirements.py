# SPDX-License-Identifier: Apache-2.0 OR MIT
"""RFC 9112, and what RFC 9110 asks of an HTTP/1.1 connection, sentence by sentence: see docs/requirements/.

Each test stands for the one or two requirements that it names; how the engines behave in full is in the files beside this one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from sws.base.engine import Aborted, BodyChunk, Ended, Event, Fields, Informational, Refused, ResponseStarted, Trailers, TunnelOpened
from sws.base.errors import UsageError
from sws.proto.http1 import ClientConnection, Http1Limits, ServerConnection
from tests.kit.http1_peer import DATE, ask, content_of, joined, make_client, make_server, requests_of, serve

_GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
_POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
_CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
_HOST: Fields = ((b"host", b"a"),)
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def _head(*lines: bytes, start: bytes = b"GET / HTTP/1.1") -> bytes:
    return b"\r\n".join((start, *lines, b"", b""))


def _status(data: bytes, limits: Http1Limits | None = None, scheme: bytes = b"http") -> int | None:
    """The status a request is refused with; None if it is taken."""
    events = serve([data], limits=limits or Http1Limits(), scheme=scheme)
    refused = [event.status for event in events if isinstance(event, Refused)]
    return refused[0] if refused else None


def _answered(data: bytes, status: int = 200, fields: Fields = (), content: bytes = b"hello") -> tuple[bytes, ServerConnection]:
    """The octets of a response with content that was not announced."""
    engine = make_server()
    engine.receive(data, 0.0)
    engine.send_headers(1, status, fields)
    if not engine.wants_close and status not in (204, 304) and not data.startswith(b"HEAD"):
        engine.send_data(1, content, True)
    return joined(engine.data_to_send(0.0)), engine


def _refusal(data: bytes, content: bytes | None = None) -> bytes:
    """The octets of the response to a request that is refused; the connection must end with it."""
    engine = make_server()
    (event,) = engine.receive(data, 0.0)
    assert isinstance(event, Refused)
    engine.send_headers(1, event.status, (), ended=content is None)
    if content is not None:
        engine.send_data(1, content, True)
    assert engine.wants_close
    return joined(engine.data_to_send(0.0))


def _asked(method: bytes = b"GET", fields: Fields = _HOST) -> ClientConnection:
    engine = make_client()
    engine.send_request(method, b"a:443" if method == b"CONNECT" else b"/", fields, 0.0, ended=True)
    engine.data_to_send(0.0)
    return engine


def _fields_of(head: bytes) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for line in head.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        found.setdefault(name.lower(), []).append(value.strip())
    return found


def _aborts(events: Sequence[Event]) -> bool:
    return any(isinstance(event, Aborted) for event in events)


# --- §2 Message ------------------------------------------------------------------------------------------------------


def test_2_2_a_message_is_octets() -> None:
    """No octet above 0x7F takes part in framing, whatever a character set would make of it: U+010A is no LF, U+560A no CRLF."""
    value = "x\u560d\u560a\u010ay".encode()
    (event,) = requests_of(serve([_head(b"Host: a", b"X: " + value)]))
    assert event.request.index[b"x"] == value


@pytest.mark.parametrize(
    "data", [_head(b"Host: a", b"X: b\rc"), _head(b"Host: a", b"X\r: b"), _GET.replace(b" /", b" /\r"), _head(b"\rHost: a")]
)
def test_2_2_a_bare_cr_is_refused(data: bytes) -> None:
    assert _status(data) == 400


@pytest.mark.parametrize("octets", [b"\r", b"\n", b"\r\n", b"\r\n "])
def test_2_2_no_line_end_is_sent_within_an_element(octets: bytes) -> None:
    """Bare CR, obs-fold (§5.2), and white space before the first field."""
    server = make_server()
    server.receive(_GET, 0.0)
    for fields in (((b"x", b"a" + octets + b"b"),), ((b"x" + octets, b"a"),), ((octets + b"x", b"a"),)):
        with pytest.raises(UsageError):
            server.send_headers(1, 200, fields)
        with pytest.raises(UsageError):
            make_client().send_request(b"GET", b"/", (*_HOST, *fields), 0.0, ended=True)
    for method, target in ((b"GET" + octets, b"/"), (b"GET", b"/" + octets)):
        with pytest.raises(UsageError):
            make_client().send_request(method, target, _HOST, 0.0, ended=True)


def test_2_2_requests_stand_without_a_crlf_before_or_after() -> None:
    """Nor is there one behind content, which a length would not cover."""
    engine = make_client()
    for _ in range(2):
        stream = engine.send_request(b"POST", b"/", (*_HOST, (b"content-length", b"5")), 0.0)
        engine.send_data(stream, b"hello", True)
        assert joined(engine.data_to_send(0.0)) == b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"
        engine.receive(_OK, 0.0)


@pytest.mark.parametrize("space", [b" ", b"\t", b" \r\n", b"\t\r\n"])
def test_2_2_white_space_before_the_first_field_is_refused(space: bytes) -> None:
    assert _status(b"GET / HTTP/1.1\r\n" + space + b"Host: a\r\n\r\n") == 400
    assert _aborts(ask([b"HTTP/1.1 200 OK\r\n" + space + b"X: y\r\nContent-Length: 0\r\n\r\n"]))


# --- §3 Request line -------------------------------------------------------------------------------------------------


def test_3_a_target_that_is_too_long_gets_414() -> None:
    assert _status(_head(b"Host: a", start=b"GET /" + b"a" * 8000 + b" HTTP/1.1")) is None
    assert _status(_head(b"Host: a", start=b"GET /" + b"a" * 10000 + b" HTTP/1.1")) == 414


@pytest.mark.parametrize("fields", [(), (*_HOST, *_HOST)])
def test_3_2_a_request_is_sent_with_one_host(fields: Fields) -> None:
    """Whatever the form of its target: §3.2.2."""
    for target in (b"/", b"http://a/"):
        with pytest.raises(UsageError):
            make_client().send_request(b"GET", target, fields, 0.0, ended=True)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((b"Host: a",), None),
        ((), 400),
        ((b"Host: a", b"Host: a"), 400),
        ((b"Host: a", b"X: y", b"host: b"), 400),
        ((b"Host: a b",), 400),
        ((b"Host: u@a",), 400),
        ((b"Host: a:x",), 400),
        ((b"Host: a/b",), 400),
    ],
)
def test_3_2_no_host_many_hosts_and_no_valid_host(lines: Sequence[bytes], status: int | None) -> None:
    assert _status(_head(*lines)) == status
    assert _status(_head(*lines, start=b"GET / HTTP/1.0")) == (None if not lines else status)


def test_3_2_2_the_absolute_form_is_taken_and_wins_over_host() -> None:
    (event,) = requests_of(serve([_head(b"Host: b:81", start=b"GET http://A.example:80/x?y HTTP/1.1")]))
    request = event.request
    assert (request.scheme, request.authority, request.target) == (b"http", b"a.example:80", b"/x?y")


# --- §4 Status line, §5 Field syntax ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 299, 418, 599])
def test_4_a_space_stands_before_a_reason_that_is_missing(status: int) -> None:
    assert re.match(rb"HTTP/1\.1 %d [^\r\n]*\r\n" % status, _answered(_GET, status)[0])


@pytest.mark.parametrize("space", [b" ", b"\t", b" \t "])
def test_5_1_white_space_before_a_colon_is_refused(space: bytes) -> None:
    assert _status(_head(b"Host: a", b"X" + space + b": y")) == 400


def test_5_2_folds_are_refused_in_requests_and_spaces_in_responses() -> None:
    assert _status(_head(b"Host: a", b"X: y", b" z")) == 400
    (event,) = ask([b"HTTP/1.1 200 OK\r\nX: y \r\n \t\r\n\tz\r\nContent-Length: 0\r\n\r\n"])
    assert isinstance(event, ResponseStarted)
    value = dict(event.fields)[b"x"]
    assert re.fullmatch(rb"y +z", value)


# --- §6 Body ---------------------------------------------------------------------------------------------------------


def test_6_1_the_chunked_coding_is_read_by_both() -> None:
    """And in §7.1."""
    coded = b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
    assert content_of(serve([_CHUNKED + coded])) == b"hello"
    events = ask([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded])
    assert content_of(events) == b"hello"
    assert events[-1] == Ended(1)


def test_6_1_the_coding_is_the_engines_and_applied_once() -> None:
    """A handler or caller cannot add a second; the one there is is chunked, and so the last."""
    server = make_server()
    server.receive(_GET, 0.0)
    for coding in (b"chunked", b"gzip"):
        with pytest.raises(UsageError):
            server.send_headers(1, 200, ((b"transfer-encoding", coding),))
        with pytest.raises(UsageError):
            make_client().send_request(b"POST", b"/", (*_HOST, (b"transfer-encoding", coding)), 0.0)
    client = make_client()
    client.send_request(b"POST", b"/", _HOST, 0.0)
    for head in (_answered(_GET)[0], joined(client.data_to_send(0.0))):
        assert _fields_of(head)[b"transfer-encoding"] == [b"chunked"]


@pytest.mark.parametrize("status", [204, 304])
def test_6_1_no_transfer_encoding_without_content(status: int) -> None:
    assert b"transfer-encoding" not in _fields_of(_answered(_GET, status)[0])


def test_6_1_no_transfer_encoding_in_1xx_and_tunnels() -> None:
    server = make_server()
    server.receive(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 0.0)
    server.send_informational(1, 103, ((b"link", b"<x>"),))
    with pytest.raises(UsageError):
        server.send_headers(1, 200, ((b"content-length", b"5"),))
    server.send_headers(1, 200, ())
    out = joined(server.data_to_send(0.0)).lower()
    assert b"transfer-encoding" not in out
    assert b"content-length" not in out


def test_6_1_no_transfer_encoding_to_http_1_0() -> None:
    out, engine = _answered(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert b"transfer-encoding" not in _fields_of(out)
    assert out.endswith(b"\r\n\r\nhello")
    assert engine.wants_close


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_6_1_both_length_and_coding_end_the_connection(order: tuple[int, int]) -> None:
    lines = (b"Content-Length: 5", b"Transfer-Encoding: chunked")
    data = _head(b"Host: a", *(lines[at] for at in order), start=b"POST / HTTP/1.1")
    assert b"connection: close" in _refusal(data + b"0\r\n\r\n" + _GET)


def test_6_1_a_coding_in_http_1_0_is_faulty_framing() -> None:
    for lines in ((b"Transfer-Encoding: chunked",), (b"Transfer-Encoding: chunked", b"Content-Length: 5")):
        assert _refusal(_head(b"Connection: keep-alive", *lines, start=b"POST / HTTP/1.0")).startswith(b"HTTP/1.1 400 ")
        engine = _asked()
        head = _head(b"Connection: keep-alive", *lines, start=b"HTTP/1.0 200 OK")
        assert _aborts(engine.receive(head + b"0\r\n\r\n", 0.0))
        assert engine.wants_close


@pytest.mark.parametrize("length", [None, b"5"])
def test_6_2_one_of_length_and_coding_is_sent(length: bytes | None) -> None:
    fields: Fields = () if length is None else ((b"content-length", length),)
    client = make_client()
    client.send_request(b"POST", b"/", (*_HOST, *fields), 0.0)
    for head in (_answered(_GET, fields=fields)[0], joined(client.data_to_send(0.0))):
        sent = _fields_of(head)
        assert (b"content-length" in sent) is (length is not None)
        assert (b"transfer-encoding" in sent) is (length is None)


@pytest.mark.parametrize(
    "line", [b"Content-Length: 5", b"Content-Length: x", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked, x"]
)
def test_6_3_a_tunnel_has_no_framing(line: bytes) -> None:
    events = _asked(b"CONNECT").receive(_head(line, start=b"HTTP/1.1 200 OK") + b"raw", 0.0)
    assert TunnelOpened(1) in events
    assert content_of(events) == b"raw"


@pytest.mark.parametrize("coding", [b"chunked, gzip", b"chunked, chunked", b"chunked;q=1", b"gzip", b"identity", b"xchunked"])
def test_6_3_a_request_whose_last_coding_is_not_chunked(coding: bytes) -> None:
    out = _refusal(_head(b"Host: a", b"Transfer-Encoding: " + coding, start=b"POST / HTTP/1.1") + b"0\r\n\r\n")
    assert out.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("value", [b"", b"x", b"+5", b"-5", b"5 5", b"0x5", b"5, 6", b"5.0", b"\xd9\xa5"])
def test_6_3_an_invalid_length_ends_the_connection(value: bytes) -> None:
    out = _refusal(_head(b"Host: a", b"Content-Length: " + value, start=b"POST / HTTP/1.1") + b"hello" + _GET)
    assert out.startswith(b"HTTP/1.1 400 ")
    engine = _asked()
    (event,) = engine.receive(_head(b"Content-Length: " + value, start=b"HTTP/1.1 200 OK") + b"hello", 0.0)
    assert isinstance(event, Aborted)
    assert engine.wants_close


def test_6_3_a_length_that_is_repeated_alike_counts_once() -> None:
    for lines in ((b"Content-Length: 5, 5",), (b"Content-Length: 5", b"Content-Length: 5")):
        assert content_of(ask([_head(*lines, start=b"HTTP/1.1 200 OK") + b"hello"])) == b"hello"


def test_6_3_an_incomplete_message_is_no_message() -> None:
    """Nor in §8: neither by length nor by chunks."""
    for head, content in ((_POST, b"hell"), (_CHUNKED, b"5\r\nhello\r\n"), (_CHUNKED, b"5\r\nhello\r\n0\r\n")):
        server = make_server()
        server.receive(head + content, 0.0)
        events = server.receive_eof(0.0)
        assert [type(event) for event in events] == [Aborted]
        assert server.wants_close
    for line, content in ((b"Content-Length: 5", b"hell"), (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n")):
        client = _asked()
        client.receive(_head(line, start=b"HTTP/1.1 200 OK") + content, 0.0)
        assert [type(event) for event in client.receive_eof(0.0)] == [Aborted]
        assert client.wants_close


def test_6_3_a_message_whose_rest_does_not_come_in_time_is_incomplete() -> None:
    client = _asked()
    client.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", 0.0)
    deadline = client.next_timeout()
    assert deadline is not None
    assert [type(event) for event in client.handle_timeout(deadline)] == [Aborted]
    assert client.wants_close
    server = make_server()
    server.receive(_POST + b"hell", 0.0)
    deadline = server.next_timeout()
    assert deadline is not None
    assert [type(event) for event in server.handle_timeout(deadline)] == [Refused]


@pytest.mark.parametrize("fields", [(), ((b"content-length", b"5"),)])
def test_6_3_a_request_with_content_says_how_long_it_is(fields: Fields) -> None:
    client = make_client()
    stream = client.send_request(b"POST", b"/", (*_HOST, *fields), 0.0)
    client.send_data(stream, b"hello", True)
    assert content_of(serve([joined(client.data_to_send(0.0))])) == b"hello"
    with pytest.raises(UsageError):
        make_client().send_request(b"POST", b"/", (*_HOST, (b"content-length", b"five")), 0.0)


def test_6_3_octets_behind_a_response_are_no_response() -> None:
    """And in §9.2."""
    engine = _asked()
    events = engine.receive(_OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", 0.0)
    assert sum(isinstance(event, ResponseStarted) for event in events) == 1
    assert engine.wants_close
    idle = make_client()
    assert not any(isinstance(event, ResponseStarted) for event in idle.receive(_OK, 0.0))
    assert idle.wants_close


# --- §7 Transfer codings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [b"10000000000000005", b"ffffffffffffffffb", b"100000005" + b"0" * 40])
def test_7_1_a_size_is_never_cut_short(size: bytes) -> None:
    assert _status(_CHUNKED + size + b"\r\nhello\r\n0\r\n\r\n") == 400
    assert _aborts(ask([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\nhello\r\n0\r\n\r\n"]))


def test_7_1_a_size_past_32_bits_is_what_it_says() -> None:
    engine = make_server(Http1Limits(body=None))
    engine.receive(_CHUNKED + b"100000005\r\nhello", 0.0)
    assert engine.receive(b"\r\n0\r\n\r\n", 0.0) == [BodyChunk(1, b"\r\n0\r\n\r\n")]  # content still


def test_7_1_1_unknown_extensions_are_ignored() -> None:
    """White space around their parts (BWS, RFC 9110 §5.6.3) too."""
    coded = b'3;a=b\r\nhel\r\n2 ; x = "y;\\"z" ;\tw\r\nlo\r\n0;last\r\n\r\n'
    assert content_of(serve([_CHUNKED + coded])) == b"hello"
    assert content_of(ask([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded])) == b"hello"


def test_7_1_2_trailers_stay_apart_from_the_head() -> None:
    coded = b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Head: late\r\n\r\n"
    events = serve([_CHUNKED.replace(b"Host", b"X-Head: early\r\nHost") + coded])
    (start,) = requests_of(events)
    assert start.request.index.get(b"x-head") == b"early"
    assert b"x-sum" not in start.request.index
    late = [(b"x-sum", b"1"), (b"x-head", b"late")]
    assert [list(event.fields) for event in events if isinstance(event, Trailers)] == [late]
    events = ask([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded])
    assert [list(event.fields) for event in events if isinstance(event, Trailers)] == [late]


# --- §9 Connection management ----------------------------------------------------------------------------------------


def test_9_2_a_response_belongs_to_the_one_request_that_is_out() -> None:
    engine = make_client()
    for number in (1, 2, 3):
        assert engine.send_request(b"HEAD" if number == 2 else b"GET", b"/", _HOST, 0.0, ended=True) == number
        with pytest.raises(UsageError):
            engine.send_request(b"GET", b"/", _HOST, 0.0, ended=True)
        content = b"" if number == 2 else b"hello"
        data = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + content
        events = engine.receive(data, 0.0)
        engine.consumed(number, len(content))
        assert {event.stream for event in events} == {number}
        assert content_of(events) == content


def test_9_3_content_is_read_to_its_end_before_the_next_request() -> None:
    """Content that looks like a request, of a request that was answered early, is not one; past `drain` the connection closes."""
    engine = make_server(Http1Limits(drain=100))
    engine.receive(_POST.replace(b"5", b"%d" % len(_GET)) + _GET[:9], 0.0)
    engine.send_headers(1, 403, (), ended=True)
    assert requests_of(engine.receive(_GET[9:], 0.0)) == []
    (event,) = requests_of(engine.receive(_GET, 0.0))
    assert event.stream == 2
    closing = make_server(Http1Limits(drain=100))
    closing.receive(_POST.replace(b"5", b"101"), 0.0)
    closing.send_headers(1, 403, (), ended=True)
    assert closing.wants_close
    assert b"connection: close" in joined(closing.data_to_send(0.0))


def test_9_3_a_client_reads_a_response_to_its_end_before_the_next_request() -> None:
    engine = _asked()
    engine.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", 0.0)
    assert not engine.is_idle
    with pytest.raises(UsageError):
        engine.send_request(b"GET", b"/", _HOST, 0.0, ended=True)
    engine.receive(b"o", 0.0)
    assert engine.is_idle


def test_9_6_close_from_the_client_is_kept() -> None:
    """By the server, which closes behind the response and reads no further request, and by the client, which sends none."""
    server = make_server()
    assert len(requests_of(server.receive(_head(b"Host: a", b"Connection: close") + _GET, 0.0))) == 1
    server.send_headers(1, 200, (), ended=True)
    assert server.wants_close
    assert server.receive(_GET, 0.0) == []
    client = _asked(fields=(*_HOST, (b"connection", b"close")))
    client.receive(_OK, 0.0)
    assert client.wants_close
    with pytest.raises(UsageError):
        client.send_request(b"GET", b"/", _HOST, 0.0, ended=True)


def test_9_6_close_from_the_server_is_kept() -> None:
    server = make_server()
    server.receive(_GET + _GET, 0.0)
    server.send_headers(1, 200, ((b"connection", b"close"),), ended=True)
    assert server.wants_close
    assert server.receive(_GET, 0.0) == []
    client = _asked()
    client.receive(b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 5\r\n\r\nhello", 0.0)
    assert client.wants_close
    assert not client.is_idle


# --- RFC 9110 --------------------------------------------------------------------------------------------------------


def test_rfc9110_2_2_nobody_speaks_the_others_part() -> None:
    engine = _asked()
    with pytest.raises(UsageError):
        engine.send_headers(1, 200, ())
    with pytest.raises(UsageError):
        engine.send_informational(1, 100, ())
    server = make_server()
    assert not hasattr(server, "send_request")
    with pytest.raises(UsageError):
        server.send_headers(1, 200, ())


def test_rfc9110_5_3_nothing_is_done_before_the_head_is_complete() -> None:
    engine = make_server()
    for octet in _GET[:-1]:
        assert engine.receive(bytes((octet,)), 0.0) == []
    assert len(engine.receive(_GET[-1:], 0.0)) == 1


def test_rfc9110_5_4_fields_past_the_limits_get_a_4xx() -> None:
    limits = Http1Limits(head=200, fields=3)
    assert _status(_head(b"Host: a", b"X: " + b"y" * 150), limits) is None
    assert _status(_head(b"Host: a", b"X: " + b"y" * 300), limits) == 431
    assert _status(_head(b"Host: a", b"Y: " + b"y" * 90, b"Z: " + b"y" * 110), limits) == 431
    assert _status(_head(b"Host: a", b"X: y", b"X: y", b"X: y"), limits) == 431


def test_rfc9110_5_5_white_space_around_a_value_is_not_of_it() -> None:
    (event,) = requests_of(serve([_head(b"Host:a", b"X: \t y z\t ", b"Y:", b"Z: \t")]))
    assert [event.request.index[name] for name in (b"host", b"x", b"y", b"z")] == [b"a", b"y z", b"", b""]
    (response,) = ask([b"HTTP/1.1 200 OK\r\nX: \t y \t\r\nContent-Length:\t0 \r\n\r\n"])
    assert isinstance(response, ResponseStarted)
    assert dict(response.fields)[b"x"] == b"y"


@pytest.mark.parametrize("octet", [b"\r", b"\n", b"\x00"])
def test_rfc9110_5_5_no_cr_lf_or_nul_in_a_value(octet: bytes) -> None:
    assert _status(_head(b"Host: a", b"X: y" + octet + b"z")) == 400
    (event,) = ask([_head(b"X: y" + octet + b"z", b"Content-Length: 0", start=b"HTTP/1.1 200 OK")])
    assert isinstance(event, Aborted)


def test_rfc9110_6_the_request_decides_how_a_response_is_read() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    assert [type(event) for event in _asked(b"HEAD").receive(data, 0.0)] == [ResponseStarted]
    assert _asked(b"CONNECT").receive(data, 0.0)[-1] == TunnelOpened(1)
    engine = _asked(b"GET")
    engine.receive(data, 0.0)
    assert engine.receive(b"hello", 0.0) == [BodyChunk(1, b"hello"), Ended(1)]


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1", b"HTTP/1.2", b"HTTP/1.9"])
def test_rfc9110_6_2_messages_say_1_1(version: bytes) -> None:
    out, _ = _answered(b"GET / " + version + b"\r\nHost: a\r\n\r\n")
    assert out.startswith(b"HTTP/1.1 200 ")
    client = make_client()
    client.send_request(b"GET", b"/", _HOST, 0.0, ended=True)
    assert joined(client.data_to_send(0.0)).startswith(b"GET / HTTP/1.1\r\n")
    assert _refusal(_GET.replace(b"1.1", b"2.0")).startswith(b"HTTP/1.1 505 ")


@pytest.mark.parametrize("name", [b"transfer-encoding", b"content-length", b"host", b"trailer", b"connection"])
def test_rfc9110_6_5_1_what_frames_or_routes_is_no_trailer(name: bytes) -> None:
    server = make_server()
    server.receive(_GET, 0.0)
    server.send_headers(1, 200, ())
    with pytest.raises(UsageError):
        server.send_trailers(1, ((name, b"x"),))
    client = make_client()
    client.send_request(b"POST", b"/", _HOST, 0.0)
    with pytest.raises(UsageError):
        client.send_trailers(1, ((name, b"x"),))
    assert _status(_CHUNKED + b"0\r\n" + name + b": 5\r\n\r\n") == 400


@pytest.mark.parametrize("status", [200, 204, 206, 299, 301, 304, 308, 400, 404, 405, 416, 499, 500])
def test_rfc9110_6_6_1_final_responses_are_dated(status: int) -> None:
    assert _fields_of(_answered(_GET, status)[0])[b"date"] == [DATE]
    assert b"date: " + DATE in _refusal(b"G@T / HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST", b"TRACE"])
def test_rfc9110_7_1_two_forms_are_for_two_methods(method: bytes) -> None:
    assert _status(_head(b"Host: a", start=b"OPTIONS * HTTP/1.1")) is None
    assert _status(_head(b"Host: a:443", start=b"CONNECT a:443 HTTP/1.1")) is None
    for target in (b"*", b"a:443"):
        assert _status(_head(b"Host: a", start=method + b" " + target + b" HTTP/1.1")) == 400
    for target in (b"*", b"/", b"http://a:443/"):
        assert _status(_head(b"Host: a", start=b"CONNECT " + target + b" HTTP/1.1")) == 400


def test_rfc9110_7_4_https_over_an_unsecured_connection_is_refused() -> None:
    data = _head(b"Host: a", start=b"GET https://a/ HTTP/1.1")
    assert _status(data) == 421
    assert _status(data, scheme=b"https") is None


@pytest.mark.parametrize("authority", [b"", b":80", b"u@"])
def test_rfc9110_4_2_a_uri_without_host_is_refused(authority: bytes) -> None:
    for scheme in (b"http", b"https"):
        assert _status(_head(b"Host: a", start=b"GET " + scheme + b"://" + authority + b"/x HTTP/1.1"), scheme=scheme) == 400


def test_rfc9110_7_6_1_control_fields_are_named_in_connection() -> None:
    """Upgrade is; the engine adds no other, and refuses those of a handler, so that no end-to-end field can be named either."""
    out, _ = _answered(_GET, 426, ((b"upgrade", b"x"),))
    assert b"upgrade" in _fields_of(out)[b"connection"]
    server = make_server()
    server.receive(_GET, 0.0)
    for field in ((b"connection", b"cache-control"), (b"keep-alive", b"timeout=5"), (b"proxy-connection", b"close")):
        with pytest.raises(UsageError):
            server.send_headers(1, 200, (field,))


_EXPECT_UPGRADE = _head(
    b"Host: a", b"Connection: upgrade", b"Upgrade: x", b"Expect: 100-continue", b"Content-Length: 5", start=b"POST / HTTP/1.1"
)


def test_rfc9110_7_8_100_comes_before_101() -> None:
    engine = make_server()
    engine.receive(_EXPECT_UPGRADE, 0.0)
    with pytest.raises(UsageError):
        engine.send_informational(1, 101, ((b"upgrade", b"x"),))
    engine.send_informational(1, 100, ())
    engine.receive(b"hello", 0.0)
    engine.send_informational(1, 101, ((b"upgrade", b"x"),))
    assert re.fullmatch(rb"HTTP/1\.1 100 .*HTTP/1\.1 101 .*", joined(engine.data_to_send(0.0)), re.DOTALL)


def test_rfc9110_7_8_upgrade_in_http_1_0_is_ignored() -> None:
    engine = make_server()
    engine.receive(_head(b"Connection: upgrade", b"Upgrade: x", start=b"GET / HTTP/1.0"), 0.0)
    with pytest.raises(UsageError):
        engine.send_informational(1, 101, ((b"upgrade", b"x"),))


def test_rfc9110_7_8_101_names_its_protocol() -> None:
    """And in §15.2.2."""
    engine = make_server()
    engine.receive(_head(b"Host: a", b"Connection: upgrade", b"Upgrade: x"), 0.0)
    with pytest.raises(UsageError):
        engine.send_informational(1, 101, ())
    engine.send_informational(1, 101, ((b"upgrade", b"x"),))
    assert _fields_of(joined(engine.data_to_send(0.0)))[b"upgrade"] == [b"x"]


def test_rfc9110_8_6_no_length_in_1xx_and_204() -> None:
    server = make_server()
    server.receive(_GET, 0.0)
    with pytest.raises(UsageError):
        server.send_informational(1, 103, ((b"content-length", b"0"),))
    with pytest.raises(UsageError):
        server.send_headers(1, 204, ((b"content-length", b"0"),))
    server.send_headers(1, 204, (), ended=True)
    assert b"content-length" not in joined(server.data_to_send(0.0))


@pytest.mark.parametrize("value", [b"18446744073709551621", b"1" + b"0" * 5000])
def test_rfc9110_8_6_a_length_is_never_cut_short(value: bytes) -> None:
    """2**64 + 5 is not 5."""
    limits = Http1Limits(body=None)
    status = _status(_head(b"Host: a", b"Content-Length: " + value, start=b"POST / HTTP/1.1") + b"hello", limits)
    assert status in (400, 413)
    assert _aborts(ask([_head(b"Content-Length: " + value, start=b"HTTP/1.1 200 OK") + b"hello"]))


def test_rfc9110_9_3_2_a_response_to_head_has_no_content() -> None:
    out, engine = _answered(b"HEAD" + _GET[3:], fields=((b"content-length", b"5"),))
    assert out.endswith(b"\r\n\r\n")
    with pytest.raises(UsageError):
        engine.send_data(1, b"hello", True)


@pytest.mark.parametrize("target", [b"a", b"a:", b"a:0", b"a:65536", b"a:x", b"a:-1", b":443"])
def test_rfc9110_9_3_6_connect_names_a_port(target: bytes) -> None:
    assert _status(_head(b"Host: a", start=b"CONNECT " + target + b" HTTP/1.1")) == 400


def test_rfc9110_10_1_1_an_expectation_in_http_1_0_is_ignored() -> None:
    engine = make_server()
    engine.receive(_head(b"Expect: 100-continue", b"Content-Length: 5", start=b"POST / HTTP/1.0"), 0.0)
    assert not engine.expects_continue(1)
    engine.send_informational(1, 100, ())
    assert engine.data_to_send(0.0) == []
    assert engine.receive(b"hello", 0.0)[-1] == Ended(1)


@pytest.mark.parametrize(("status", "kind"), [(199, Informational), (299, ResponseStarted), (499, ResponseStarted), (599, ResponseStarted)])
def test_rfc9110_15_an_unknown_status_is_of_its_class(status: int, kind: type[Event]) -> None:
    events = ask([b"HTTP/1.1 %d What\r\nContent-Length: 0\r\n\r\n" % status])
    assert [type(event) for event in events] == [kind]


def test_rfc9110_15_2_no_1xx_to_http_1_0() -> None:
    engine = make_server()
    engine.receive(b"GET / HTTP/1.0\r\n\r\n", 0.0)
    for status in (100, 102, 103):
        engine.send_informational(1, status, ())
    assert engine.data_to_send(0.0) == []


def test_rfc9110_15_2_any_number_of_1xx_before_the_final_response() -> None:
    events = ask([b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 199 \r\n\r\n" + _OK])
    assert [event.status for event in events if isinstance(event, Informational)] == [100, 103, 199]
    assert isinstance(events[-1], ResponseStarted)


@pytest.mark.parametrize(
    "data",
    [
        b"HEAD / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",  # refused when it was whole
        b"HEAD / HTTP/1.1\nHost: a\n\n",  # refused before it was whole
        b"HEAD / HTTP/1.1\r\nHost: a\r\n",  # refused because the rest did not come
    ],
)
@pytest.mark.parametrize("pieces", [1, 1000])
def test_a_refused_head_gets_no_content(data: bytes, pieces: int) -> None:
    """RFC 9110 §9.3.2, whenever the fault showed."""
    engine = make_server()
    step = max(1, len(data) // pieces)
    events = [event for start in range(0, len(data), step) for event in engine.receive(data[start : start + step], 0.0)]
    events = events or engine.handle_timeout(1000.0)
    (event,) = events
    assert isinstance(event, Refused)
    engine.send_response(1, event.status, ((b"content-length", b"4"),), b"page")
    out = joined(engine.data_to_send(0.0))
    assert b"content-length: 4\r\n" in out
    assert out.endswith(b"\r\n\r\n")
    assert engine.wants_close
