# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who may say what when: the pairs as RFC 9112 §9 and RFC 9110 §7.8, §9.3.6, §15.2 have them, typed here by hand, and every pair that is
not among them driven through the engines."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from sws.base.engine import Aborted, BodyChunk, Ended, Event, Refused, RequestStarted
from sws.base.errors import UsageError
from sws.proto.http1 import ClientConnection, ServerConnection
from sws.proto.http1.states import REQUESTER, RESPONDER, Said, State
from tests.kit.http1_peer import make_client, make_server

# One line for each sentence of the RFC; "a client may close at any time" is one line for each state that is not closed.
_REQUESTER = """
IDLE HEAD BODY           a request head that announces content
IDLE HEAD_ENDED DONE     a request without content is complete with its head
IDLE CLOSE CLOSED        §9.5 close while idle
IDLE FAULT ERROR         §2.2 what is no request
BODY END DONE            §6.3 the content is complete
BODY CLOSE CLOSED        §8 an incomplete request
BODY FAULT ERROR         §6.3, §7.1 framing that cannot be understood
DONE NEXT IDLE           §9.3 the connection persists
DONE SWITCH TUNNEL       RFC 9110 §7.8, §9.3.6 after a 101, or a 2xx to CONNECT
DONE CLOSE CLOSED        §9.6 nothing will follow
TUNNEL CLOSE CLOSED      RFC 9110 §9.3.6 a tunnel ends by closing
ERROR CLOSE CLOSED       §9.6 after an error the connection closes
"""

_RESPONDER = """
IDLE REQUEST OWED        a request arrived: one final response is owed
IDLE CLOSE CLOSED        §9.5
IDLE FAULT ERROR         §9.2 octets before any request
OWED INFORMATIONAL OWED  RFC 9110 §15.2 any number of interim responses
OWED HEAD BODY           the final response, with content
OWED HEAD_ENDED DONE     the final response, without
OWED SWITCH TUNNEL       RFC 9110 §15.2.2, §9.3.6
OWED CLOSE CLOSED        §9.6
OWED FAULT ERROR
BODY END DONE
BODY CLOSE CLOSED        §8 an incomplete response
BODY FAULT ERROR
DONE NEXT IDLE           §9.3
DONE CLOSE CLOSED        §9.6
TUNNEL CLOSE CLOSED
ERROR CLOSE CLOSED
"""


def _typed(text: str) -> dict[tuple[State, Said], State]:
    rows = [line.split() for line in text.strip().splitlines()]
    return {(State[row[0]], Said[row[1]]): State[row[2]] for row in rows}


def test_the_tables_are_as_typed() -> None:
    assert dict(REQUESTER.rows) == _typed(_REQUESTER)
    assert dict(RESPONDER.rows) == _typed(_RESPONDER)


def test_everything_else_is_refused() -> None:
    for table, text in ((REQUESTER, _REQUESTER), (RESPONDER, _RESPONDER)):
        typed = _typed(text)
        for pair in product(State, Said):
            assert table.step(pair) == typed.get(pair)


def test_a_closed_speaker_says_nothing() -> None:
    assert all(table.step((State.CLOSED, said)) is None for table in (REQUESTER, RESPONDER) for said in Said)
    assert State.OWED not in REQUESTER.reachable()


# --- the server's verbs in each of the responder's states -------------------------------------------------------------

_GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
_POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
_UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"


def _server_in(state: State) -> ServerConnection:
    """A server on stream 1 (0 before the first request)."""
    engine = make_server()
    if state is State.IDLE:
        return engine
    engine.receive(_UPGRADE if state is State.TUNNEL else _POST if state is State.DONE else _GET, 0.0)
    if state is State.TUNNEL:
        engine.send_informational(1, 101, ((b"upgrade", b"x"),))
    elif state is State.BODY:
        engine.send_headers(1, 200, ((b"content-length", b"5"),))
    elif state is State.DONE:  # the response is complete, the request is not
        engine.send_headers(1, 200, (), ended=True)
    elif state is State.CLOSED:
        engine.reset(1, "")
    return engine


_VERBS: dict[Said, Callable[[ServerConnection, int], None]] = {
    Said.INFORMATIONAL: lambda engine, stream: engine.send_informational(stream, 103, ()),
    Said.HEAD: lambda engine, stream: engine.send_headers(stream, 200, ()),
    Said.HEAD_ENDED: lambda engine, stream: engine.send_headers(stream, 200, (), ended=True),
    Said.END: lambda engine, stream: engine.send_data(stream, b"hello", ended=True),
    Said.SWITCH: lambda engine, stream: engine.send_informational(stream, 101, ((b"upgrade", b"x"),)),
}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        pair
        for pair in product((State.IDLE, State.OWED, State.BODY, State.DONE, State.TUNNEL, State.CLOSED), _VERBS)
        if pair not in _typed(_RESPONDER) and pair != (State.TUNNEL, Said.END)  # in a tunnel send_data is raw octets
    ],
    ids=lambda value: value.name,
)
def test_the_server_refuses_to_say(state: State, said: Said) -> None:
    engine = _server_in(state)
    engine.data_to_send(0.0)
    with pytest.raises(UsageError):
        _VERBS[said](engine, 1)
    assert engine.data_to_send(0.0) == []


@pytest.mark.parametrize("said", _VERBS, ids=lambda said: said.name)
def test_another_stream_is_refused(said: Said) -> None:
    engine = _server_in(State.BODY if said is Said.END else State.OWED)
    engine.data_to_send(0.0)
    for stream in (0, 2):
        with pytest.raises(UsageError):
            _VERBS[said](engine, stream)
        with pytest.raises(UsageError):
            engine.send_trailers(stream, ())
        engine.reset(stream, "")
        engine.consumed(stream, 1)
        assert engine.credit(stream) == 0
    assert engine.data_to_send(0.0) == []
    assert not engine.wants_close


@pytest.mark.parametrize("state", [State.IDLE, State.OWED, State.DONE, State.TUNNEL, State.CLOSED], ids=lambda state: state.name)
def test_trailers_end_content_only(state: State) -> None:
    with pytest.raises(UsageError):
        _server_in(state).send_trailers(1, ())


# --- the requester's machine, by octets -------------------------------------------------------------------------------


def test_a_second_head_waits_for_the_response() -> None:
    """(DONE, HEAD) is not in the table: a pipelined request is held back, not read."""
    engine = _server_in(State.OWED)
    assert engine.receive(_GET, 0.0) == []
    engine.send_headers(1, 200, (), ended=True)
    (event,) = engine.receive(b"", 0.0)
    assert isinstance(event, RequestStarted)
    assert event.stream == 2


def test_a_head_within_content_is_content() -> None:
    """(BODY, HEAD)."""
    engine = make_server()
    _, chunk, ended = engine.receive(_POST + _GET[:5], 0.0)
    assert chunk == BodyChunk(1, _GET[:5])
    assert ended == Ended(1)


@pytest.mark.parametrize("more", [_GET, b"\x00", b"5\r\n"])
def test_nothing_is_read_after_a_fault(more: bytes) -> None:
    """(ERROR, anything): neither in the same segment nor in a later one."""
    engine = make_server()
    (event,) = engine.receive(b"G@T / HTTP/1.1\r\n\r\n" + more, 0.0)
    assert isinstance(event, Refused)
    assert engine.receive(more, 0.0) == []
    engine.send_headers(1, event.status, (), ended=True)
    assert engine.wants_close
    assert engine.receive(more, 0.0) == []


def test_nothing_is_read_after_close() -> None:
    """(CLOSED, anything)."""
    for reset in (True, False):
        engine = _server_in(State.OWED)
        if reset:
            engine.reset(1, "")
        else:
            engine.send_headers(1, 200, ((b"connection", b"close"),), ended=True)
        assert engine.wants_close
        assert not engine.wants_read
        assert engine.receive(_GET, 0.0) == []
        assert engine.receive_eof(0.0) == []
        assert engine.handle_timeout(1e9) == []


def test_a_head_in_a_tunnel_is_octets() -> None:
    """(TUNNEL, HEAD)."""
    assert _server_in(State.TUNNEL).receive(_GET, 0.0) == [BodyChunk(1, _GET)]


def test_a_switch_waits_for_the_end_of_the_request() -> None:
    """(BODY, SWITCH): the octets that follow would be content and tunnel at once."""
    engine = make_server()
    engine.receive(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\n", 0.0)
    with pytest.raises(UsageError):
        engine.send_informational(1, 101, ((b"upgrade", b"x"),))
    engine.receive(b"hello", 0.0)
    engine.send_informational(1, 101, ((b"upgrade", b"x"),))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", []),  # (IDLE, CLOSE)
        (_GET[:9], [Aborted]),  # within a head
        (_POST, [RequestStarted, Aborted]),  # (BODY, CLOSE)
        (_POST + b"hell", [RequestStarted, BodyChunk, Aborted]),
        (_POST + b"hello", [RequestStarted, BodyChunk, Ended]),  # (DONE, CLOSE): the response is still owed
    ],
)
def test_the_client_closes(sent: bytes, expected: list[type[Event]]) -> None:
    engine = make_server()
    events = [*(engine.receive(sent, 0.0) if sent else []), *engine.receive_eof(0.0)]
    assert [type(event) for event in events] == expected
    assert not engine.wants_read
    assert engine.wants_close == (Ended not in expected)


# --- the client's verbs ----------------------------------------------------------------------------------------------


def _client_in(state: State) -> ClientConnection:
    engine = make_client()
    host = ((b"host", b"a"),)
    if state is State.TUNNEL:
        engine.send_request(b"CONNECT", b"a:1", host, 0.0, ended=True)
        engine.receive(b"HTTP/1.1 200 OK\r\n\r\n", 0.0)
    elif state is not State.IDLE:
        engine.send_request(b"POST", b"/", host, 0.0, ended=state is not State.BODY)
    if state is State.CLOSED:
        engine.reset(1, "")
    return engine


@pytest.mark.parametrize("state", [State.BODY, State.DONE, State.TUNNEL, State.CLOSED], ids=lambda state: state.name)
def test_the_client_asks_only_when_idle(state: State) -> None:
    engine = _client_in(state)
    engine.data_to_send(0.0)
    assert not engine.is_idle
    with pytest.raises(UsageError):
        engine.send_request(b"GET", b"/", ((b"host", b"a"),), 0.0, ended=True)
    assert engine.data_to_send(0.0) == []


@pytest.mark.parametrize("state", [State.IDLE, State.DONE, State.CLOSED], ids=lambda state: state.name)
def test_the_client_sends_content_only_within_a_request(state: State) -> None:
    with pytest.raises(UsageError):
        _client_in(state).send_data(1, b"x")
    with pytest.raises(UsageError):
        _client_in(state).send_trailers(1, ())


@pytest.mark.parametrize(
    ("state", "octets", "gives_up"),
    [
        (State.IDLE, b"H", True),  # (IDLE, HEAD): nobody asked
        (State.DONE, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", True),  # nobody asked to switch
        (State.BODY, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", False),  # early, RFC 9112 §9.3
        (State.CLOSED, b"HTTP/1.1 200 OK\r\n", False),
    ],
)
def test_what_the_server_says_when(state: State, octets: bytes, gives_up: bool) -> None:
    engine = _client_in(state)
    events = engine.receive(octets, 0.0)
    assert any(isinstance(event, Aborted) for event in events) == gives_up
    assert engine.wants_close


@pytest.mark.parametrize("state", [State.IDLE, State.BODY, State.DONE, State.CLOSED], ids=lambda state: state.name)
def test_the_server_closes(state: State) -> None:
    engine = _client_in(state)
    events = engine.receive_eof(0.0)
    assert [type(event) for event in events] == ([Aborted] if state in (State.BODY, State.DONE) else [])
    assert engine.wants_close
