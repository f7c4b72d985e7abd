# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Frames: their octets as RFC 9000 §19 has them, both ways, and every cut refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sws.base.errors import DecodeError
from sws.proto.quic import frames as f
from sws.proto.quic.frames.names import frame_names
from sws.proto.quic.frames.types import ALLOWED, FrameType
from sws.proto.quic.versions import PacketType

#: octets, what decodes them (type left out), values, what encodes them.
FORMS: list[tuple[str, Callable[[bytes, int], Any], tuple[Any, ...], Callable[[], bytes]]] = [
    ("04 08 4064 09", f.decode_reset_stream, (8, 100, 9), lambda: f.encode_reset_stream(8, 100, 9)),
    ("05 08 4064", f.decode_stop_sending, (8, 100), lambda: f.encode_stop_sending(8, 100)),
    ("06 05 03 616263", f.decode_crypto, (5, b"abc"), lambda: f.encode_crypto(5, b"abc")),
    ("07 03 746f6b", f.decode_new_token, (b"tok",), lambda: f.encode_new_token(b"tok")),
    ("10 80010000", f.decode_max_data, (65536,), lambda: f.encode_max_data(65536)),
    ("11 04 4100", f.decode_max_stream_data, (4, 256), lambda: f.encode_max_stream_data(4, 256)),
    ("12 4064", f.decode_max_streams, (100,), lambda: f.encode_max_streams(False, 100)),
    ("13 03", f.decode_max_streams, (3,), lambda: f.encode_max_streams(True, 3)),
    ("14 4100", f.decode_data_blocked, (256,), lambda: f.encode_data_blocked(256)),
    ("15 04 4100", f.decode_stream_data_blocked, (4, 256), lambda: f.encode_stream_data_blocked(4, 256)),
    ("16 05", f.decode_streams_blocked, (5,), lambda: f.encode_streams_blocked(False, 5)),
    ("17 05", f.decode_streams_blocked, (5,), lambda: f.encode_streams_blocked(True, 5)),
    (
        "18 02 01 04 01020304" + "aa" * 16,
        f.decode_new_connection_id,
        (2, 1, b"\1\2\3\4", b"\xaa" * 16),
        lambda: f.encode_new_connection_id(2, 1, b"\1\2\3\4", b"\xaa" * 16),
    ),
    ("19 02", f.decode_retire_connection_id, (2,), lambda: f.encode_retire_connection_id(2)),
    ("1a 0102030405060708", f.decode_path_challenge, (bytes(range(1, 9)),), lambda: f.encode_path_challenge(bytes(range(1, 9)))),
    ("1b 0102030405060708", f.decode_path_response, (bytes(range(1, 9)),), lambda: f.encode_path_response(bytes(range(1, 9)))),
    (
        "1c 0a 06 02 6e6f",
        lambda data, at: f.decode_connection_close(data, at, False),
        (10, 6, b"no"),
        lambda: f.encode_connection_close(10, 6, b"no", False),
    ),
    (
        "1d 4100 00",
        lambda data, at: f.decode_connection_close(data, at, True),
        (256, 0, b""),
        lambda: f.encode_connection_close(256, 0, b"", True),
    ),
    ("31 02 6869", lambda data, at: f.decode_datagram(data, at, True), (b"hi",), lambda: f.encode_datagram(b"hi")),
    ("02 0a 05 00 03", lambda data, at: f.decode_ack(data, at, False), ([(7, 10)], 5, None), lambda: f.encode_ack([(7, 10)], 5)),
    (
        "03 0a 05 01 03 01 02 01 02 03",
        lambda data, at: f.decode_ack(data, at, True),
        ([(7, 10), (2, 4)], 5, (1, 2, 3)),
        lambda: f.encode_ack([(7, 10), (2, 4)], 5, (1, 2, 3)),
    ),
]


@pytest.mark.parametrize(("octets", "decode", "values", "encode"), FORMS, ids=lambda value: value if isinstance(value, str) else "")
def test_forms(octets: str, decode: Callable[[bytes, int], Any], values: tuple[Any, ...], encode: Callable[[], bytes]) -> None:
    data = bytes.fromhex(octets)
    assert encode() == data
    assert decode(b"x" + data + b"y", 2) == (*values, 1 + len(data))
    for cut in range(1, len(data)):
        with pytest.raises(DecodeError):
            decode(data[:cut], 1)


@pytest.mark.parametrize(
    ("stream", "offset", "data", "fin", "last", "octets"),
    [
        (4, 0, b"ab", False, False, "0a 04 02 6162"),
        (4, 9, b"ab", True, False, "0f 04 09 02 6162"),
        (4, 9, b"ab", False, True, "0c 04 09 6162"),
        (4, 0, b"", True, True, "09 04"),
    ],
)
def test_stream(stream: int, offset: int, data: bytes, fin: bool, last: bool, octets: str) -> None:
    frame = bytes.fromhex(octets)
    assert f.encode_stream(stream, offset, data, fin, last) == frame
    found = f.decode_stream(frame[0], frame, 1)
    assert found[:2] == (stream, offset)
    assert frame[found[2] : found[3]] == data
    assert found[3] == len(frame)


def test_a_stream_frame_cut_short_or_beyond_all_offsets() -> None:
    frame = f.encode_stream(4, 300, b"abc", False)
    for cut in range(1, len(frame)):
        with pytest.raises(DecodeError):
            f.decode_stream(frame[0], frame[:cut], 1)
    edge = bytes.fromhex("0e04 fffffffffffffffe 01 61")
    assert f.decode_stream(edge[0], edge, 1)[1] == (1 << 62) - 2
    with pytest.raises(DecodeError):
        f.decode_stream(0x0E, bytes.fromhex("0e04 fffffffffffffffe 02 6162"), 1)


def test_a_datagram_without_length_takes_the_rest() -> None:
    assert f.decode_datagram(b"\x30rest", 1, False) == (b"rest", 5)


def test_names_of_all_frames_of_a_payload() -> None:
    payload = b"".join([encode() for _, _, _, encode in FORMS]) + b"\0\0\0\x01\x1e" + f.encode_stream(4, 9, b"x", False) + b"\x30rest"
    names = frame_names(payload)
    kinds = [bytes.fromhex(octets)[0] for octets, _, _, _ in FORMS]
    assert names == [FrameType(kind).name.lower() for kind in kinds] + ["padding", "ping", "handshake_done", "stream", "datagram"]


def test_padding_is_skipped_at_once() -> None:
    assert f.skip_padding(b"\1\0\0\0\2\0", 1) == 4
    assert f.skip_padding(b"\0" * 1000, 1) == 1000


@pytest.mark.parametrize(
    ("octets", "decode"),
    [
        ("02 03 00 00 04", lambda data: f.decode_ack(data, 1, False)),
        ("02 05 00 01 01 02 01", lambda data: f.decode_ack(data, 1, False)),
        ("02 ffffffffffffffff 00 ffffffffffffffff 00" + "0000" * 20, lambda data: f.decode_ack(data, 1, False)),
        ("06 ffffffffffffffff 01 00", lambda data: f.decode_crypto(data, 1)),
        ("07 00", lambda data: f.decode_new_token(data, 1)),
        ("12 d000000000000001", lambda data: f.decode_max_streams(data, 1)),
        ("16 d000000000000001", lambda data: f.decode_streams_blocked(data, 1)),
        ("18 01 02 01 00" + "aa" * 16, lambda data: f.decode_new_connection_id(data, 1)),
        ("18 01 01 00" + "aa" * 16, lambda data: f.decode_new_connection_id(data, 1)),
        ("18 01 01 15" + "aa" * 40, lambda data: f.decode_new_connection_id(data, 1)),
    ],
)
def test_frames_that_are_wrong_in_themselves(octets: str, decode: Callable[[bytes], Any]) -> None:
    with pytest.raises(DecodeError):
        decode(bytes.fromhex(octets))


#: RFC 9000 §12.4, table 3, as printed: the letters of I(nitial) H(andshake) 0(-RTT) 1(-RTT).
TABLE_3 = {
    0x00: "IH01", 0x01: "IH01", 0x02: "IH_1", 0x03: "IH_1", 0x04: "__01", 0x05: "__01", 0x06: "IH_1", 0x07: "___1",
    **dict.fromkeys(range(0x08, 0x10), "__01"),
    0x10: "__01", 0x11: "__01", 0x12: "__01", 0x13: "__01", 0x14: "__01", 0x15: "__01", 0x16: "__01", 0x17: "__01",
    0x18: "__01", 0x19: "__01", 0x1A: "__01", 0x1B: "___1", 0x1C: "ih01", 0x1D: "__01", 0x1E: "___1",
    0x30: "__01", 0x31: "__01",
}  # fmt: skip


def test_which_packets_hold_which_frames() -> None:
    for kind, letters in TABLE_3.items():
        for packet, letter in ((PacketType.INITIAL, "i"), (PacketType.HANDSHAKE, "h"), (PacketType.EARLY, "0"), (PacketType.ONE_RTT, "1")):
            # §12.4 lets a server treat RETIRE_CONNECTION_ID in 0-RTT as an error: a client cannot have one to retire yet.
            allowed = letter in letters.lower() and (packet, kind) != (PacketType.EARLY, FrameType.RETIRE_CONNECTION_ID)
            assert (kind in ALLOWED[packet]) is allowed, (kind, packet)
