# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Frames cut anywhere, their bounds, grease; settings; capsules and datagrams; the table of messages; error codes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError, H3ConnectionError, LimitExceeded
from sws.proto.h3.capsules import CapsuleDecoder, decode_datagram, encode_capsule, encode_datagram
from sws.proto.h3.errors import ErrorCode
from sws.proto.h3.frames import FrameReader, FrameType, decode_id, decode_priority_update, encode_frame, grease, read_varint
from sws.proto.h3.settings import PeerSettings, decode_settings, encode_settings
from sws.proto.h3.states import MESSAGE, Message, MessageInput
from tests.kit.incremental import assert_incremental

KINDS = st.sampled_from([0, 1, 4, 7, 0x21, 0x40, 0xF0700, 1 << 60])


def read_all(segments: Sequence[bytes]) -> tuple[list[tuple[int, bytes]], bool]:
    """Whole frames; the pieces of DATA and of unknown frames put together."""
    reader = FrameReader(1000)
    found: list[tuple[int, bytes]] = []
    begun = False
    for segment in segments:
        reader.feed(segment)
        while (piece := reader.read()) is not None:
            kind, payload = piece
            if kind in (1, 4, 7, 0xF0700):
                found.append((kind, payload or b""))
                begun = False
                continue
            if not begun:
                found.append((kind, b""))
            if kind == 0:
                found[-1] = (0, found[-1][1] + (payload or b""))
            begun = reader.is_inside
    return found, reader.is_between


@given(st.lists(st.tuples(KINDS, st.binary(max_size=80)), max_size=6))
def test_frames_cut_anywhere(frames: list[tuple[int, bytes]]) -> None:
    found, is_between = assert_incremental(read_all, b"".join(encode_frame(kind, payload) for kind, payload in frames))
    assert is_between
    assert found == [(kind, payload if kind in (0, 1, 4, 7, 0xF0700) else b"") for kind, payload in frames]


def test_large_frames() -> None:
    reader = FrameReader(100)
    reader.feed(encode_frame(0, bytes(5000)) + encode_frame(0x21, bytes(5000)) + encode_frame(1, bytes(100)))
    assert reader.read() == (0, bytes(5000))
    assert reader.read() == (0x21, None)
    assert reader.read() == (1, bytes(100))
    reader.feed(b"\x01\x40\x65")
    with pytest.raises(H3ConnectionError) as caught:
        reader.read()
    assert caught.value.code == ErrorCode.H3_EXCESSIVE_LOAD


def test_unknown_frames_are_reported_once() -> None:
    reader = FrameReader(100)
    reader.feed(b"\x21\x05a")
    assert reader.read() == (0x21, None)
    assert reader.read() is None
    assert reader.is_inside
    reader.feed(b"bcde\x00\x00")
    assert reader.read() == (0x21, b"")
    assert reader.read() == (0, b"")
    assert not reader.is_inside
    assert reader.is_between


@pytest.mark.parametrize(
    ("octets", "value"), [("c2197c5eff14e88c", 151288809941952652), ("9d7f3e7d", 494878333), ("7bbd", 15293), ("25", 37)]
)
def test_integers(octets: str, value: int) -> None:
    """RFC 9000 §A.1."""
    data = bytes.fromhex(octets)
    assert read_varint(b"x" + data, 1) == (value, 1 + len(data))
    for end in range(len(data)):
        with pytest.raises(IndexError):
            read_varint(data[:end], 0)


def test_grease_is_what_the_rfc_says() -> None:
    """RFC 9114 §7.2.8: 0x1f * N + 0x21."""
    assert [grease(number) for number in range(3)] == [0x21, 0x40, 0x5F]
    assert grease(1 << 70) < 1 << 62


def test_payloads_of_one_integer() -> None:
    assert decode_id(b"\x40\x25") == 37
    for wrong in (b"", b"\x40", b"\x00\x00"):
        with pytest.raises(H3ConnectionError) as caught:
            decode_id(wrong)
        assert caught.value.code == ErrorCode.H3_FRAME_ERROR
    assert decode_priority_update(b"\x04u=1") == (4, b"u=1")


def test_settings() -> None:
    assert decode_settings(b"") == PeerSettings(0, 0, (1 << 62) - 1, False, False)
    values = [(1, 4096), (6, 1000), (7, 16), (8, 1), (0x33, 1), (grease(9), 5)]
    assert decode_settings(encode_settings(values)) == PeerSettings(4096, 16, 1000, True, True)
    assert decode_settings(encode_settings([(8, 0), (0x33, 0)])) == PeerSettings()


@given(st.lists(st.tuples(st.sampled_from([0, 1, 0x2575, 1 << 40]), st.binary(max_size=50)), max_size=5))
def test_capsules(capsules: list[tuple[int, bytes]]) -> None:
    """RFC 9297 §3.2: those that are not known are skipped."""

    def feed(segments: Sequence[bytes]) -> list[tuple[int, bytes]]:
        decoder = CapsuleDecoder(50, frozenset((0, 1)))
        found = [capsule for segment in segments for capsule in decoder.receive(segment)]
        decoder.finish()
        return found

    octets = b"".join(encode_capsule(kind, value) for kind, value in capsules)
    assert assert_incremental(feed, octets) == [(kind, value) for kind, value in capsules if kind < 2]


def test_capsules_have_bounds() -> None:
    with pytest.raises(LimitExceeded):
        CapsuleDecoder(10).receive(b"\x00\x0b")
    for cut in (b"\x00", b"\x00\x05abc", b"\x40\x40\x05ab"):
        decoder = CapsuleDecoder()
        assert decoder.receive(cut) == []
        with pytest.raises(DecodeError):
            decoder.finish()


def test_datagrams() -> None:
    assert encode_datagram(8, b"x") == b"\x02x"
    assert decode_datagram(b"\x40\x02x") == (8, b"x")
    assert decode_datagram(b"\xcf" + b"\xff" * 7) == (((1 << 60) - 1) * 4, b"")
    for wrong in (b"", b"\x40", b"\xd0" + b"\x00" * 7):
        with pytest.raises(H3ConnectionError) as caught:
            decode_datagram(wrong)
        assert caught.value.code == ErrorCode.H3_DATAGRAM_ERROR


def test_the_table_of_messages() -> None:
    """RFC 9114 §4.1, §4.4, typed from the text."""
    a, c, t, u, e = Message.AWAITED, Message.CONTENT, Message.TRAILED, Message.TUNNEL, Message.ENDED
    says = MessageInput
    assert MESSAGE.rows == {
        (a, says.INFORM): a,
        (a, says.HEAD): c,
        (a, says.TUNNEL): u,
        (c, says.DATA): c,
        (c, says.TRAILERS): t,
        (c, says.END): e,
        (t, says.END): e,
        (u, says.DATA): u,
        (u, says.END): e,
    }


def test_names_of_codes() -> None:
    assert ErrorCode.name_of(0x10C) == "H3_REQUEST_CANCELLED"
    assert ErrorCode.name_of(0x12345) == "H3_NO_ERROR"  # RFC 9114 §9
    assert FrameType.MAX_PUSH_ID == 13
