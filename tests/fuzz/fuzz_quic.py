# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fuzzes what QUIC peers send.  Run: python -m tests.fuzz.fuzz_quic --executions N --seconds S --seed K

Oracles.  Everywhere: only declared errors.
Headers:     what is decoded is encoded to a header that decodes the same; aioquic, where it takes the packet too, reads the same fields.
Frames:      what is decoded is encoded and decoded the same; aioquic reads acknowledgements alike.
Parameters:  the same both ways; aioquic reads the same values.
Connection:  frames of any kind under good keys to either end: it goes on or closes with a code, its memory stays within bounds, its timers
             make sense, and the other end, which hears of it, closes too.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

from sws.base.datagrams import DatagramIn
from sws.base.errors import DecodeError, QuicTransportError
from sws.proto.quic import frames as f
from sws.proto.quic.closing import End
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.packets import decode_long_header, decode_version_negotiation, encode_long_header, encode_version_negotiation
from sws.proto.quic.parameters import TransportParameters, decode_parameters, encode_parameters
from sws.proto.quic.varint import encode_varint
from sws.proto.quic.versions import QUIC_V1, QUIC_V2, VERSIONS, PacketType
from tests.fuzz.kit import Target, main
from tests.kit.quic import CLIENT, SERVER, Network, connect, forge, make_client

try:
    from aioquic.buffer import Buffer, BufferReadError
    from aioquic.quic import packet as theirs
except ImportError:  # PyPy has none
    theirs = None  # type: ignore[assignment]

__all__ = ["TARGETS"]

_NUMBERS: Final = (0, 1, 2, 3, 4, 8, 63, 64, 100, 16383, 16384, (1 << 30) - 1, 1 << 30, (1 << 62) - 1)


# --- headers -----------------------------------------------------------------------------------------------------------


def check_header(data: bytes, chance: random.Random) -> str:
    """One long header."""
    if not data or data[0] < 0x80:
        return "short"
    try:
        header = decode_long_header(data)
        versions = decode_version_negotiation(data, header) if header.kind is PacketType.VERSION_NEGOTIATION else ()
    except DecodeError:
        return "refused"
    if header.kind is PacketType.VERSION_NEGOTIATION:
        again = encode_version_negotiation(header.destination, header.source, versions, data[0])
        assert again[1:] == data[1:]
    elif header.kind is not PacketType.RETRY and header.end - header.number_offset >= 4:
        size = min(header.end - header.number_offset - 4, 0x3000)
        again = encode_long_header(
            VERSIONS[header.version], header.kind, header.destination, header.source, header.token, size, 0x12345678
        ) + bytes(size)
        second = decode_long_header(again)
        assert (second.kind, second.destination, second.source, second.token) == (
            header.kind, header.destination, header.source, header.token,
        )  # fmt: skip
        assert second.end == len(again)
    if theirs is not None and header.kind is not PacketType.VERSION_NEGOTIATION and data[0] & 0x40:
        _compare_header(data, header)
    return header.kind.name


def _compare_header(data: bytes, header: Any) -> None:
    try:
        other = theirs.pull_quic_header(Buffer(data=data), host_cid_length=8)
    except (ValueError, BufferReadError):
        return
    assert other.packet_type.name.replace("ZERO_RTT", "EARLY") == header.kind.name
    assert (other.version, other.destination_cid, other.source_cid, other.token) == (
        header.version, header.destination, header.source, header.token,
    )  # fmt: skip
    assert other.packet_length == header.end - header.start


def make_header(chance: random.Random) -> bytes:
    """A header that may be right."""
    version = chance.choice((QUIC_V1, QUIC_V2))
    kind = chance.choice((PacketType.INITIAL, PacketType.EARLY, PacketType.HANDSHAKE, PacketType.RETRY))
    ids = [chance.randbytes(chance.choice((0, 1, 8, 20))) for _ in range(2)]
    if kind is PacketType.RETRY:
        first = 0xC0 | VERSIONS[version].bits[kind] << 4
        return bytes((first,)) + version.to_bytes(4, "big") + b"".join([bytes((len(i),)) + i for i in ids]) + chance.randbytes(30)
    size = chance.randrange(0, 60)
    return encode_long_header(VERSIONS[version], kind, ids[0], ids[1], chance.randbytes(9), size, 7) + chance.randbytes(size)


# --- frames ------------------------------------------------------------------------------------------------------------

_FORMS: Final[dict[int, tuple[Callable[[bytes, int], Any], Callable[..., bytes]]]] = {
    0x04: (f.decode_reset_stream, f.encode_reset_stream),
    0x05: (f.decode_stop_sending, f.encode_stop_sending),
    0x06: (f.decode_crypto, f.encode_crypto),
    0x07: (f.decode_new_token, f.encode_new_token),
    0x10: (f.decode_max_data, f.encode_max_data),
    0x11: (f.decode_max_stream_data, f.encode_max_stream_data),
    0x12: (f.decode_max_streams, lambda count: f.encode_max_streams(False, count)),
    0x13: (f.decode_max_streams, lambda count: f.encode_max_streams(True, count)),
    0x14: (f.decode_data_blocked, f.encode_data_blocked),
    0x15: (f.decode_stream_data_blocked, f.encode_stream_data_blocked),
    0x16: (f.decode_streams_blocked, lambda count: f.encode_streams_blocked(False, count)),
    0x17: (f.decode_streams_blocked, lambda count: f.encode_streams_blocked(True, count)),
    0x18: (f.decode_new_connection_id, f.encode_new_connection_id),
    0x19: (f.decode_retire_connection_id, f.encode_retire_connection_id),
    0x1A: (f.decode_path_challenge, f.encode_path_challenge),
    0x1B: (f.decode_path_response, f.encode_path_response),
    0x1C: (lambda data, at: f.decode_connection_close(data, at, False), lambda *v: f.encode_connection_close(*v, False)),
    0x1D: (lambda data, at: f.decode_connection_close(data, at, True), lambda *v: f.encode_connection_close(*v, True)),
    0x31: (lambda data, at: f.decode_datagram(data, at, True), f.encode_datagram),
    0x02: (lambda data, at: f.decode_ack(data, at, False), f.encode_ack),
    0x03: (lambda data, at: f.decode_ack(data, at, True), f.encode_ack),
}


def check_frame(data: bytes, chance: random.Random) -> str:
    """One frame."""
    if not data:
        return "empty"
    kind = data[0]
    if 0x08 <= kind < 0x10:
        try:
            stream, offset, start, end = f.decode_stream(kind, data, 1)
        except DecodeError:
            return "refused"
        again = f.encode_stream(stream, offset, data[start:end], bool(kind & 1), not kind & 2)
        second = f.decode_stream(again[0], again, 1)
        assert second[:2] == (stream, offset)
        assert again[second[2] : second[3]] == data[start:end]
        return "stream"
    form = _FORMS.get(kind)
    if form is None:
        return "other"
    decode, encode = form
    try:
        *values, end = decode(data, 1)
    except DecodeError:
        return "refused"
    assert 1 < end <= len(data)
    again = encode(*values)
    assert decode(again, 1) == (*values, len(again))
    assert len(again) <= end
    if theirs is not None and kind in (2, 3):
        ranges, delay = theirs.pull_ack_frame(Buffer(data=data[1:]))
        assert [(part.start, part.stop - 1) for part in reversed(list(ranges))] == values[0]
        assert delay == values[1]
    return f"{kind:02x}"


def make_frame(chance: random.Random) -> bytes:
    """A frame that may be right."""
    kind = chance.choice((*_FORMS, *range(8, 16)))
    body = b"".join([encode_varint(chance.choice(_NUMBERS)) for _ in range(chance.randrange(1, 6))])
    return bytes((kind,)) + body + chance.randbytes(chance.choice((0, 8, 24, 40)))


# --- parameters --------------------------------------------------------------------------------------------------------


def check_parameters(data: bytes, chance: random.Random) -> str:
    """A set of transport parameters."""
    from_client = chance.random() < 0.5
    try:
        parameters = decode_parameters(data, from_client)
    except QuicTransportError:
        return "refused"
    again = encode_parameters(parameters, chance.shuffle)
    assert decode_parameters(again, from_client) == parameters
    if theirs is not None:
        other = theirs.pull_quic_transport_parameters(Buffer(data=again))
        for name in ("max_idle_timeout", "initial_max_data", "initial_max_streams_uni", "ack_delay_exponent", "max_datagram_frame_size"):
            value = getattr(other, name)
            assert (getattr(TransportParameters(), name) if value is None else value) == getattr(parameters, name)
        assert other.initial_source_connection_id == parameters.initial_source_connection_id
    return "taken" if data else "empty"


def make_parameters(chance: random.Random) -> bytes:
    """Some parameters that may be right."""
    found = []
    for _ in range(chance.randrange(0, 8)):
        number = chance.choice((*range(0x12), 0x20, 0x2AB2, 27))
        value = (
            encode_varint(chance.choice(_NUMBERS)) if chance.random() < 0.7 else chance.randbytes(chance.choice((0, 4, 8, 16, 20, 41, 61)))
        )
        found.append(encode_varint(number) + encode_varint(len(value)) + value)
    return b"".join(found)


# --- connections -------------------------------------------------------------------------------------------------------

_pair: list[Network] = []


def check_connection(data: bytes, chance: random.Random) -> str:
    """Frames under good keys, to the server or the client, at whatever state former ones left."""
    if not _pair:
        _pair.append(connect(chance.randrange(1000), QuicConfig(datagram_frame=1000)))
    network = _pair[0]
    to_server = chance.random() < 0.7
    sender, victim = (network.client, network.server) if to_server else (network.server, network.client)
    victim_ends = (SERVER, CLIENT) if to_server else (CLIENT, SERVER)
    if sender.phases is None or len(data) > 1100:
        return "too long"
    first = chance.choice((0, 0, 0, 0, 0x04, 0x08, 0x20))
    network.now += 0.001
    victim.receive([DatagramIn(forge(sender, data, first=first), *victim_ends)], network.now)
    assert victim.streams.held() < 1 << 21
    assert len(victim.control.wishes) < 1000
    assert len(victim.take_events()) < 2000
    for out in victim.datagrams_to_send(network.now, 1 << 16):
        assert len(out.data) <= 1 << 16
    due = victim.next_timeout()
    assert due is None or due > 0
    if victim.closing.state is End.ACTIVE and chance.random() < 0.98:
        return "goes on"
    _pair.clear()
    if victim.closing.state is End.CLOSING:
        return f"closed {victim.closing.code:#x}"
    if chance.random() < 0.1:
        network.run(1.0)
    return victim.closing.state.name


def _likely(chance: random.Random) -> bytes:
    """A frame that means something to a connection."""
    stream = chance.choice((0, 2, 4, 6, 8, 12, 40, 1, 3))
    offset, length = chance.choice((0, 0, 1, 5, 100, 5000)), chance.choice((0, 1, 5, 200))
    makers: tuple[Callable[[], bytes], ...] = (
        lambda: f.encode_stream(stream, offset, b"5" * length, chance.random() < 0.2),
        lambda: f.encode_stream(stream, offset, b"5" * length, False),
        lambda: f.encode_reset_stream(stream, 1, chance.choice((0, 5, 200, 5000))),
        lambda: f.encode_stop_sending(stream, 1),
        lambda: f.encode_max_data(1 << chance.randrange(30)),
        lambda: f.encode_max_stream_data(stream, 1 << chance.randrange(30)),
        lambda: f.encode_max_streams(chance.random() < 0.5, chance.randrange(200)),
        lambda: f.encode_stream_data_blocked(stream, 9),
        lambda: f.encode_new_connection_id(chance.randrange(8), chance.randrange(3), chance.randbytes(8), chance.randbytes(16)),
        lambda: f.encode_retire_connection_id(chance.randrange(5)),
        lambda: f.encode_path_challenge(chance.randbytes(8)),
        lambda: f.encode_path_response(chance.randbytes(8)),
        lambda: f.encode_ack([(0, chance.randrange(4))], 5),
        lambda: f.encode_datagram(chance.randbytes(5)),
        lambda: b"\x01",
        lambda: bytes(chance.randrange(1, 9)),
    )
    return chance.choice(makers)()


def make_frames(chance: random.Random) -> bytes:
    """Some frames, most of them right."""
    return b"".join([make_frame(chance) if chance.random() < 0.03 else _likely(chance) for _ in range(chance.randrange(1, 6))])


def check_datagram(data: bytes, chance: random.Random) -> str:
    """A datagram without keys, to an endpoint and to a client."""
    from tests.kit.quic import make_endpoint

    if not _bare:
        _bare.append(make_endpoint(random.Random(1), new_maximum=50, retry_above=40))
    endpoint = _bare[0]
    touched = endpoint.receive([DatagramIn(data, SERVER, CLIENT)], 1.0)
    replies = endpoint.replies()
    assert all(len(reply.data) <= len(data) for reply in replies)
    assert len(endpoint) <= 50
    if len(endpoint) >= 50:
        _bare.clear()
    if touched:
        return "connection"
    return "reply" if replies else "nothing"


_bare: list[Any] = []


def make_datagram(chance: random.Random) -> bytes:
    """A client's first flight, or something like a header."""
    if chance.random() < 0.3:
        data = make_client(chance, version=chance.choice((QUIC_V1, QUIC_V2))).datagrams_to_send(0.0, 1 << 16)[0].data
        return data[:1200]
    return (make_header(chance) + bytes(1200))[: chance.choice((30, 100, 1200, 1300))]


_SEEDS: Final = [make_frame(random.Random(n)) for n in range(60)]
_HEADERS: Final = [make_header(random.Random(n)) for n in range(20)]
_PAYLOADS: Final = [make_frames(random.Random(n)) for n in range(60)]
TARGETS: Final = [
    Target(
        "quic-headers", check_header, [make_header(random.Random(n)) for n in range(20)], [b"\0\0\0\1", b"\x6b\x33\x43\xcf"], make_header
    ),
    Target("quic-frames", check_frame, _SEEDS, [b"\xff" * 8, b"\x40\x00"], make_frame),
    Target("quic-parameters", check_parameters, [make_parameters(random.Random(n)) for n in range(20)], [b"\x0f\0"], make_parameters),
    Target(
        "quic-connection",
        check_connection,
        [make_frames(random.Random(n)) for n in range(60)],
        [b"\x01", b"\x0a\0\1x", b"\x1e"],
        make_frames,
    ),
    Target("quic-datagrams", check_datagram, _HEADERS, [b"\0\0\0\1"], make_datagram),
]

if __name__ == "__main__":
    main(TARGETS)
