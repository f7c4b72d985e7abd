# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server's verbs: responses, whose turn it is, files."""

from __future__ import annotations

import os
import pathlib

import pytest

from sws.base.engine import NO_FILE, FileSpan
from sws.base.errors import UsageError
from sws.proto.h2 import Http2Limits
from tests.kit.h2_peer import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GET,
    HEADERS,
    INTERNAL_ERROR,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    ServerPeer,
    frame,
    headers,
    parse,
    rst_stream,
    settings,
    window_update,
)

DEPENDENCY = bytes(4) + b"\x0f"


def test_a_batch_of_responses_is_one_piece_of_octets() -> None:
    peer = ServerPeer()
    peer.send(*(headers(number) for number in range(1, 21, 2)))
    for number in range(1, 21, 2):
        peer.answer(number)
    [octets] = peer.server.data_to_send(peer.now)
    assert isinstance(octets, bytes)
    assert [(each.type, each.stream) for each in parse(octets)] == [
        (kind, number) for number in range(1, 21, 2) for kind in (HEADERS, DATA)
    ]


def test_interim_responses() -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    peer.server.send_informational(1, 103, ((b"link", b"</a>"),))
    peer.answer(1)
    assert [(each.type, each.flags) for each in peer.frames()] == [(HEADERS, 4), (HEADERS, 4), (DATA, 1)]


@pytest.mark.parametrize("status", [101, 200, 99])
def test_what_is_no_interim_response(status: int) -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    with pytest.raises(UsageError):
        peer.server.send_informational(1, status, ())


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304)])
def test_responses_that_have_no_content(method: bytes, status: int) -> None:
    peer = ServerPeer()
    peer.send(headers(1, ((b":method", method), *GET[1:])))
    fields = () if status == 204 else ((b"content-length", b"5"),)
    peer.server.send_response(1, status, fields, b"hello")
    assert [(each.type, each.flags) for each in peer.frames()] == [(HEADERS, END_HEADERS | END_STREAM)]
    with pytest.raises(UsageError):
        peer.server.send_data(1, b"x")


def test_trailers_leave_behind_the_content() -> None:
    peer = ServerPeer(own=((4, 2),))
    peer.send(headers(1))
    peer.server.send_headers(1, 200, ())
    peer.server.send_data(1, b"hello")
    peer.server.send_trailers(1, ((b"grpc-status", b"0"),))
    assert [each.type for each in peer.frames()] == [HEADERS, DATA]
    peer.send(window_update(1, 100))
    assert [(each.type, each.flags) for each in peer.frames()] == [(DATA, 0), (HEADERS, END_HEADERS | END_STREAM)]


def test_trailers_at_once_and_none_at_all() -> None:
    peer = ServerPeer()
    peer.send(headers(1), headers(3))
    for number, fields in ((1, ((b"a", b"b"),)), (3, ())):
        peer.server.send_headers(number, 200, ())
        peer.server.send_trailers(number, fields)
    assert [(each.type, each.flags, each.stream) for each in peer.frames()] == [(1, 4, 1), (1, 5, 1), (1, 4, 3), (0, 1, 3)]


def test_no_trailers_while_content_is_owed() -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    peer.server.send_headers(1, 200, ((b"content-length", b"5"),))
    with pytest.raises(UsageError):
        peer.server.send_trailers(1, ())


@pytest.mark.parametrize(("content", "ended"), [(b"hello!", False), (b"hell", True)])
def test_content_and_declared_length_must_agree(content: bytes, ended: bool) -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    peer.server.send_headers(1, 200, ((b"content-length", b"5"),))
    with pytest.raises(UsageError):
        peer.server.send_data(1, content, ended)


def test_a_declared_length_without_content() -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    with pytest.raises(UsageError):
        peer.server.send_headers(1, 200, ((b"content-length", b"5"),), ended=True)
    peer.answer(1)


@pytest.mark.parametrize("fields", [((b"transfer-encoding", b"chunked"),), ((b"a b", b"x"),), ((b"x", b"a\nb"),), ((b":status", b"1"),)])
def test_fields_that_cannot_be_sent(fields: tuple[tuple[bytes, bytes], ...]) -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    with pytest.raises(UsageError):
        peer.server.send_headers(1, 200, fields)


def test_fields_of_one_connection_are_dropped() -> None:
    peer = ServerPeer()
    peer.send(headers(1), headers(3))
    peer.server.send_headers(1, 200, ((b"connection", b"close"), (b"date", b"x")), ended=True)
    peer.server.send_headers(3, 200, ((b"date", b"x"),), ended=True)
    first, second = peer.frames()
    assert first.payload == second.payload == b"\x88\x0f\x12\x01x"


def test_no_stream_no_verb() -> None:
    peer = ServerPeer()
    for verb in (
        lambda: peer.server.send_headers(1, 200, ()),
        lambda: peer.server.send_data(1, b""),
        lambda: peer.server.send_trailers(1, ()),
        lambda: peer.server.send_response(1, 200, ((b"content-length", b"1"),), b"x"),
    ):
        with pytest.raises(UsageError):
            verb()
    assert peer.server.credit(1) == 0
    assert not peer.server.expects_continue(1)
    peer.server.consumed(1, 5)
    peer.server.reset(1, "")
    assert peer.frames() == []


def test_reset_says_internal_error() -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    peer.server.reset(1, "a fault")
    assert [(each.type, each.code) for each in peer.frames()] == [(RST_STREAM, INTERNAL_ERROR)]


def test_credit_is_bounded_for_a_stream_and_for_all() -> None:
    peer = ServerPeer(Http2Limits(queue=1000, connection_queue=1500), own=((4, 0),))
    peer.send(headers(1), headers(3))
    for number in (1, 3):
        peer.server.send_headers(number, 200, ())
    assert peer.server.credit(1) == 1000
    peer.server.send_data(1, bytes(800))
    assert (peer.server.credit(1), peer.server.credit(3)) == (200, 700)


def test_what_is_ready_counts_until_it_has_left() -> None:
    peer = ServerPeer(Http2Limits(queue=20000), own=((4, 1 << 20),))
    peer.send(headers(1))
    peer.server.send_headers(1, 200, ())
    peer.server.send_data(1, bytes(16000))
    assert peer.server.credit(1) == 4000
    peer.frames()
    assert peer.server.credit(1) == 20000


def test_turns_are_fair() -> None:
    """Responses of one urgency share frame by frame, however long one of them is."""
    peer = ServerPeer(own=((4, 1 << 20),))
    peer.send(window_update(0, 1 << 20), headers(1), headers(3))
    peer.server.send_headers(1, 200, ())
    peer.server.send_data(1, bytes(160000), True)
    peer.server.send_headers(3, 200, ())
    peer.server.send_data(3, bytes(30000), True)
    order = [each.stream for each in peer.frames() if each.type == DATA]
    assert order[:4] in ([1, 3, 1, 3], [3, 1, 3, 1])
    assert order.count(3) == 2


@pytest.mark.parametrize("how", ["field", "update", "early update"])
def test_urgency(how: str) -> None:
    """RFC 9218: what is urgent goes first; PRIORITY_UPDATE counts more than the field."""
    peer = ServerPeer(own=((4, 1 << 20),))
    update = frame(16, 0, 0, (3).to_bytes(4, "big") + b"u=0")
    extra = ((b"priority", b"u=0"),) if how == "field" else ((b"priority", b"u=7"),) if how == "early update" else ()
    peer.send(window_update(0, 1 << 20), update if how == "early update" else b"", headers(1), headers(3, extra=extra))
    for number in (1, 3):
        peer.server.send_headers(number, 200, ())
        peer.server.send_data(number, bytes(60000), True)
    if how == "update":
        peer.send(update)
    order = [each.stream for each in peer.frames() if each.type == DATA]
    assert order == [3, 3, 3, 3, 1, 1, 1, 1]


def test_the_dependency_tree_by_configuration() -> None:
    """RFC 7540 §5.3; announced by SETTINGS_NO_RFC7540_PRIORITIES = 0, and urgencies mean nothing then."""
    peer = ServerPeer(Http2Limits(priority_tree=True), greet=False)
    greeting = peer.frames()[0]
    assert b"\0\x09\0\0\0\0" in greeting.payload
    peer.send(PREFACE, settings((4, 1 << 20)), window_update(0, 1 << 20))
    parent = frame(HEADERS, 0x25, 3, bytes(4) + b"\xff" + headers(3)[9:])
    child = frame(HEADERS, 0x25, 5, (3).to_bytes(4, "big") + b"\xff" + headers(5, extra=((b"priority", b"u=0"),))[9:])
    peer.send(parent, child, frame(16, 0, 0, b"\0\0\0\5u=0"), frame(PRIORITY, 0, 7, DEPENDENCY))
    for number in (5, 3):
        peer.server.send_headers(number, 200, ())
        peer.server.send_data(number, bytes(40000), True)
    assert [each.stream for each in peer.frames() if each.type == DATA] == [3, 3, 3, 5, 5, 5]


# --- files --------------------------------------------------------------------------------------------------------------


def test_a_file_span_is_cut_into_frames_and_shortened(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 200)
    fd = os.open(path, os.O_RDONLY)
    peer = ServerPeer(own=((4, 20000),))
    peer.send(headers(1))
    peer.server.send_headers(1, 200, ())
    span = FileSpan(fd, 256, 40000)
    peer.server.send_data(1, span, True)
    first = b"".join(each.payload for each in peer.frames() if each.type == DATA)
    assert (len(first), span.length, span.offset) == (20000, 20000, 20256)
    peer.send(window_update(1, 30000))
    found = peer.frames()
    assert first + b"".join(each.payload for each in found) == path.read_bytes()[256:40256]
    assert (found[-1].flags, span.length) == (END_STREAM, 0)
    os.close(fd)


def test_what_was_announced_of_a_file_is_filled_up_when_its_stream_is_over() -> None:
    peer = ServerPeer()
    peer.send(headers(1), headers(3))
    peer.server.send_headers(1, 200, ())
    peer.server.send_data(1, FileSpan(99, 0, 5000))
    out = peer.server.data_to_send(peer.now)
    [span] = [each for each in out if isinstance(each, FileSpan)]
    peer.send(rst_stream(1))
    assert (span.fd, span.length) == (NO_FILE, 5000)
    peer.server.send_headers(3, 200, ())
    peer.server.send_data(3, FileSpan(98, 0, 5000), True)  # complete, and not touched by what comes late
    [span] = [each for each in peer.server.data_to_send(peer.now) if isinstance(each, FileSpan)]
    peer.send(rst_stream(3))
    assert span.fd == 98
