# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The life of a stream: the pairs as figure 2 and the text of RFC 9113 §5.1 have them, typed here by hand, and every pair that a peer can
get wrong driven by octets on the wire."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from itertools import product

import pytest

from sws.base.errors import UsageError
from sws.base.fsm import TransitionTable
from sws.proto.h2.states import (
    CONNECTION,
    INTAKE,
    MESSAGE,
    STREAM,
    ConnectionInput,
    ConnectionState,
    Intake,
    IntakeInput,
    Message,
    MessageInput,
    StreamInput,
    StreamState,
)
from tests.kit.h2_peer import END_STREAM, GOAWAY, POST, RST_STREAM, ServerPeer, data, headers, rst_stream, window_update

# One line for each arrow of the figure, and for each sentence about what may be received besides.
_STREAM = """
IDLE SEND_HEADERS OPEN                                   send H
IDLE RECV_HEADERS OPEN                                   recv H
OPEN SEND_HEADERS OPEN                                   1xx, the response, trailers
OPEN RECV_HEADERS OPEN                                   trailers
OPEN SEND_DATA OPEN
OPEN RECV_DATA OPEN
OPEN RECV_WINDOW_UPDATE OPEN
OPEN RECV_END_STREAM HALF_CLOSED_REMOTE                  recv ES
OPEN SEND_END_STREAM HALF_CLOSED_LOCAL                   send ES
OPEN SEND_RST_STREAM CLOSED                              send R
OPEN RECV_RST_STREAM CLOSED                              recv R
HALF_CLOSED_REMOTE SEND_HEADERS HALF_CLOSED_REMOTE       "can be used by the endpoint to send frames of any type"
HALF_CLOSED_REMOTE SEND_DATA HALF_CLOSED_REMOTE
HALF_CLOSED_REMOTE SEND_END_STREAM CLOSED                send ES
HALF_CLOSED_REMOTE SEND_RST_STREAM CLOSED                send R
HALF_CLOSED_REMOTE RECV_RST_STREAM CLOSED                recv R
HALF_CLOSED_REMOTE RECV_WINDOW_UPDATE HALF_CLOSED_REMOTE "frames other than WINDOW_UPDATE, PRIORITY, or RST_STREAM" are errors
HALF_CLOSED_LOCAL RECV_HEADERS HALF_CLOSED_LOCAL         "can receive any type of frame"
HALF_CLOSED_LOCAL RECV_DATA HALF_CLOSED_LOCAL
HALF_CLOSED_LOCAL RECV_END_STREAM CLOSED                 recv ES
HALF_CLOSED_LOCAL RECV_RST_STREAM CLOSED                 recv R
HALF_CLOSED_LOCAL RECV_WINDOW_UPDATE HALF_CLOSED_LOCAL
HALF_CLOSED_LOCAL SEND_RST_STREAM CLOSED                 send R
CLOSED RECV_WINDOW_UPDATE CLOSED                         may arrive for a short period after END_STREAM
CLOSED RECV_RST_STREAM CLOSED
"""

_MESSAGE = """
AWAITED INFORM AWAITED   §8.1 zero or more interim responses
AWAITED HEAD CONTENT     §8.1 one final head
AWAITED TUNNEL TUNNEL    §8.5 a 2xx to CONNECT
CONTENT DATA CONTENT
CONTENT END ENDED        §8.1 END_STREAM, with DATA, trailers or the head
TUNNEL DATA TUNNEL
TUNNEL END ENDED         §8.5 END_STREAM is a TCP FIN
"""

_INTAKE = """
WANTED ARRIVED WANTED
WANTED HOLD HELD         RFC 9110 §10.1.1 Expect: 100-continue
WANTED CONTINUE WANTED
WANTED REFUSE REFUSED
WANTED ANSWERED UNWANTED §8.1 a response may be complete before its request
HELD ARRIVED WANTED      RFC 9110 §10.1.1 the client need not wait for ever
HELD CONTINUE WANTED
HELD REFUSE REFUSED
HELD ANSWERED REFUSED    the content is not asked for any more
UNWANTED ARRIVED UNWANTED
UNWANTED REFUSE REFUSED
REFUSED ARRIVED REFUSED
REFUSED REFUSE REFUSED
REFUSED ANSWERED REFUSED §8.1 then RST_STREAM with NO_ERROR
"""

_CONNECTION = """
PREFACE SETTINGS OPEN            §3.4
PREFACE GO LAST
PREFACE FAIL CLOSED
OPEN PEER_GOAWAY PEER_GOING      §6.8
OPEN GO_SLOWLY GOING             §6.8 GOAWAY with 2^31-1
OPEN GO LAST                     §6.8 GOAWAY with the last stream
OPEN FAIL CLOSED                 §5.4.1
PEER_GOING PEER_GOAWAY PEER_GOING §6.8 may send multiple GOAWAY
PEER_GOING GO_SLOWLY GOING
PEER_GOING GO LAST
PEER_GOING NO_STREAMS CLOSED
PEER_GOING FAIL CLOSED
GOING PEER_GOAWAY GOING
GOING GO LAST                    §6.8 after at least one round-trip time
GOING FAIL CLOSED
LAST SETTINGS LAST
LAST PEER_GOAWAY LAST
LAST NO_STREAMS CLOSED
LAST FAIL CLOSED
"""


def _typed(text: str, states: type[IntEnum], inputs: type[IntEnum]) -> dict[tuple[IntEnum, IntEnum], IntEnum]:
    rows = [line.split() for line in text.strip().splitlines()]
    return {(states[row[0]], inputs[row[1]]): states[row[2]] for row in rows}


@pytest.mark.parametrize(
    ("table", "text", "states", "inputs"),
    [
        (STREAM, _STREAM, StreamState, StreamInput),
        (MESSAGE, _MESSAGE, Message, MessageInput),
        (INTAKE, _INTAKE, Intake, IntakeInput),
        (CONNECTION, _CONNECTION, ConnectionState, ConnectionInput),
    ],
    ids=["stream", "message", "intake", "connection"],
)
def test_the_tables_are_as_typed(table: TransitionTable[IntEnum, IntEnum], text: str, states: type[IntEnum], inputs: type[IntEnum]) -> None:
    typed = _typed(text, states, inputs)
    assert dict(table.rows) == typed
    for pair in product(states, inputs):
        assert table.step(pair) == typed.get(pair)


# --- what a peer may not send, by octets --------------------------------------------------------------------------------


def _stream_in(state: StreamState) -> ServerPeer:
    """Stream 1 of a server in a state."""
    peer = ServerPeer()
    if state is StreamState.OPEN:
        peer.send(headers(1, POST, 0))
    elif state is StreamState.HALF_CLOSED_LOCAL:
        peer.send(headers(1, POST, 0))
        peer.answer(1)
    elif state is StreamState.HALF_CLOSED_REMOTE:
        peer.send(headers(1))
    elif state is StreamState.CLOSED:
        peer.send(headers(1))
        peer.answer(1)
    peer.frames()
    return peer


_OCTETS: dict[StreamInput, bytes] = {
    StreamInput.RECV_HEADERS: headers(1, ((b"x", b"y"),)),
    StreamInput.RECV_DATA: data(1, b"x"),
    StreamInput.RECV_END_STREAM: data(1, b"", END_STREAM),
    StreamInput.RECV_RST_STREAM: rst_stream(1),
    StreamInput.RECV_WINDOW_UPDATE: window_update(1, 1),
}


@pytest.mark.parametrize(("state", "given"), list(product(StreamState, _OCTETS)), ids=lambda value: value.name)
def test_what_a_peer_sends(state: StreamState, given: StreamInput) -> None:
    """A pair of the table is taken; any other ends the stream or the connection."""
    peer = _stream_in(state)
    octets = _OCTETS[given]
    if state is StreamState.IDLE and given is StreamInput.RECV_HEADERS:
        octets = headers(1)
    peer.send(octets)
    faults = [each for each in peer.frames() if each.type in (RST_STREAM, GOAWAY)]
    assert bool(faults) is ((state, given) not in _typed(_STREAM, StreamState, StreamInput))
    if faults and state is StreamState.IDLE:
        assert peer.server.wants_close


_VERBS: dict[MessageInput, Callable[[ServerPeer], None]] = {
    MessageInput.INFORM: lambda peer: peer.server.send_informational(1, 103, ()),
    MessageInput.HEAD: lambda peer: peer.server.send_headers(1, 200, ()),
    MessageInput.DATA: lambda peer: peer.server.send_data(1, b"hello"),
    MessageInput.END: lambda peer: peer.server.send_data(1, b"", ended=True),
}


@pytest.mark.parametrize(("state", "given"), list(product(Message, _VERBS)), ids=lambda value: value.name)
def test_what_our_verbs_may_say(state: Message, given: MessageInput) -> None:
    peer = ServerPeer()
    fields = ((b":method", b"CONNECT"), (b":authority", b"a.example:1")) if state is Message.TUNNEL else POST
    peer.send(headers(1, fields, 0))
    if state is not Message.AWAITED:
        peer.server.send_headers(1, 200, (), ended=state is Message.ENDED)
    verb = _VERBS[given]
    if (state, given) in _typed(_MESSAGE, Message, MessageInput):
        verb(peer)
    else:
        with pytest.raises(UsageError):
            verb(peer)
