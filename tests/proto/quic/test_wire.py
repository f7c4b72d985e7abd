# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Headers, packet numbers, protection, Retry and tokens, against the RFCs' appendices."""

from __future__ import annotations

import random

import pytest

from sws.base.errors import DecodeError
from sws.proto.quic.packet_number import decode_packet_number, octets_needed
from sws.proto.quic.packets import (
    decode_long_header,
    decode_version_negotiation,
    encode_long_header,
    encode_version_negotiation,
    invariant_ids,
)
from sws.proto.quic.protection import TAG, PacketKeys, initial_secrets, next_secret, seal_levels, seal_packets
from sws.proto.quic.retry import encode_retry, is_genuine_retry
from sws.proto.quic.tokens import NEW_TOKEN_LIFETIME, RETRY_LIFETIME, TokenBox, TokenFacts, TokenKind
from sws.proto.quic.varint import encode_varint, read_varint, varint_size
from sws.proto.quic.versions import QUIC_V1, QUIC_V2, VERSIONS, PacketType, is_reserved
from tests.kit.vectors import load_vectors

PACKETS = load_vectors("quic", "packets", ("version", "suite", "secret", "number", "largest", "header", "payload"))
DCID = bytes.fromhex("8394c8f03e515708")


@pytest.mark.parametrize("test", PACKETS, ids=lambda test: test["id"])
def test_packets_of_the_appendices(test: dict[str, str | int]) -> None:
    version = VERSIONS[int(str(test["version"]), 16)]
    keys = PacketKeys(version, int(str(test["suite"]), 16), bytes.fromhex(str(test["secret"])))
    packet, header, payload = (bytes.fromhex(str(test[name])) for name in ("result", "header", "payload"))
    octets = (header[0] & 3) + 1
    offset = len(header) - octets
    ((first, length, truncated),) = keys.header.unmask([(packet, 0, offset)])
    assert (first, length) == (header[0], octets)
    number = decode_packet_number(int(test["largest"]), truncated, length)
    assert number == test["number"]
    assert bytes((first,)) + packet[1:offset] + truncated.to_bytes(octets, "big") == header
    assert keys.packet.open_many([(header, number, packet[len(header) :])]) == [payload]
    if octets == 4:
        assert seal_packets(keys, [(header, number, payload)]) == [packet]


@pytest.mark.parametrize(
    ("version", "client", "server"),
    [
        (
            QUIC_V1,
            "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea",
            "3c199828fd139efd216c155ad844cc81fb82fa8d7446fa7d78be803acdda951b",
        ),
        (
            QUIC_V2,
            "14ec9d6eb9fd7af83bf5a668bc17a7e283766aade7ecd0891f70f9ff7f4bf47b",
            "0263db1782731bf4588e7e4d93b7463907cb8cd8200b5da55a8bd488eafc37c1",
        ),
    ],
)
def test_initial_secrets(version: int, client: str, server: str) -> None:
    assert initial_secrets(VERSIONS[version], DCID) == (bytes.fromhex(client), bytes.fromhex(server))


@pytest.mark.parametrize(
    ("version", "updated"),
    [
        (QUIC_V1, "1223504755036d556342ee9361d253421a826c9ecdf3c7148684b36b714881f9"),
        (QUIC_V2, "c69374c49e3d2a9466fa689e49d476db5d0dfbc87d32ceeaa6343fd0ae4c7d88"),
    ],
)
def test_the_secret_after_a_key_update(version: int, updated: str) -> None:
    secret = bytes.fromhex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b")
    assert next_secret(VERSIONS[version], 0x1303, secret).hex() == updated


@pytest.mark.parametrize("suite", [0x1301, 0x1302, 0x1303])
@pytest.mark.parametrize("version", [QUIC_V1, QUIC_V2])
def test_a_batch_is_sealed_and_opened_and_forgeries_cost_nobody_else(suite: int, version: int) -> None:
    keys = PacketKeys(VERSIONS[version], suite, bytes(range(48))[: 48 if suite == 0x1302 else 32])
    items = [(b"\x43" + DCID + number.to_bytes(4, "big"), number, bytes([number]) * (number * 37 + 4)) for number in range(9)]
    packets = seal_packets(keys, items)
    packets[3] = packets[3][:-1] + bytes([packets[3][-1] ^ 1])
    unmasked = keys.header.unmask([(packet, 0, 9) for packet in packets])
    assert unmasked == [(0x43, 4, number) for number in range(9)]
    opened = keys.packet.open_many([(items[n][0], n, packets[n][13:]) for n in range(9)])
    assert opened == [None if n == 3 else items[n][2] for n in range(9)]


@pytest.mark.parametrize("suites", [(0x1303,), (0x1303, 0x1303), (0x1301, 0x1303, 0x1303), (0x1301, 0x1301, 0x1302)])
def test_levels_are_sealed_together_as_each_alone(suites: tuple[int, ...]) -> None:
    levels = []
    for place, suite in enumerate(suites):
        keys = PacketKeys(VERSIONS[QUIC_V1], suite, bytes(range(place, place + 48))[: 48 if suite == 0x1302 else 32])
        items = [(b"\x43" + DCID + number.to_bytes(4, "big"), number, bytes([number]) * (40 * place + 4)) for number in range(3 - place)]
        levels.append((keys, items))
    assert seal_levels(levels) == [seal_packets(keys, items) for keys, items in levels]


@pytest.mark.parametrize("test", load_vectors("quic", "retry", ("original",)), ids=lambda test: test["id"])
def test_retry_of_the_appendices(test: dict[str, str]) -> None:
    packet, original = bytes.fromhex(test["result"]), bytes.fromhex(test["original"])
    header = decode_long_header(packet)
    assert header.kind is PacketType.RETRY
    assert (header.destination, header.source, header.token) == (b"", bytes.fromhex("f067a5502a4262b5"), b"token")
    assert is_genuine_retry(packet, header.version, original)
    assert not is_genuine_retry(packet, header.version, original[:-1])
    assert not is_genuine_retry(packet[:-1] + b"\0", header.version, original)
    assert encode_retry(VERSIONS[header.version], b"", header.source, original, b"token", 0x0F) == packet


@pytest.mark.parametrize(
    ("octets", "value"), [("c2197c5eff14e88c", 151288809941952652), ("9d7f3e7d", 494878333), ("7bbd", 15293), ("25", 37), ("4025", 37)]
)
def test_variable_length_integers(octets: str, value: int) -> None:
    data = bytes.fromhex(octets)
    assert read_varint(b"x" + data + b"y", 1) == (value, 1 + len(data))
    assert varint_size(value) == len(encode_varint(value))
    for cut in range(len(data)):
        with pytest.raises(DecodeError):
            read_varint(data[:cut], 0)


def test_packet_numbers() -> None:
    assert octets_needed(0xAC5C02, 0xABE8B3) == 2
    assert octets_needed(0xACE8FE, 0xABE8B3) == 3
    assert octets_needed(0, -1) == 1
    assert decode_packet_number(0xA82F30EA, 0x9B32, 2) == 0xA82F9B32
    chance = random.Random(1)
    for _ in range(500):
        largest = chance.randrange(-1, 1 << chance.randrange(1, 61))
        octets = chance.randrange(1, 5)
        half = 1 << 8 * octets - 1
        number = max(0, largest + 1 + chance.randrange(-half + 1, half))
        assert decode_packet_number(largest, number & (1 << 8 * octets) - 1, octets) == number


@pytest.mark.parametrize("version", [QUIC_V1, QUIC_V2])
@pytest.mark.parametrize("kind", [PacketType.INITIAL, PacketType.EARLY, PacketType.HANDSHAKE])
def test_long_headers(version: int, kind: PacketType) -> None:
    token = b"token" if kind is PacketType.INITIAL else b""
    header = encode_long_header(VERSIONS[version], kind, DCID, b"source", token, 100, 0x12345678)
    packet = header + bytes(100)
    found = decode_long_header(b"before" + packet + b"after", 6)
    assert (found.kind, found.version, found.destination, found.source, found.token) == (kind, version, DCID, b"source", token)
    assert (found.start, found.number_offset, found.end) == (6, 6 + len(header) - 4, 6 + len(packet))
    for cut in range(len(packet)):
        with pytest.raises(DecodeError):
            decode_long_header(packet[:cut])


def test_headers_that_are_refused() -> None:
    with pytest.raises(DecodeError, match="not known"):
        decode_long_header(b"\xc0" + b"\x12\x34\x56\x78" + bytes(40))
    with pytest.raises(DecodeError, match="20 octets"):
        decode_long_header(b"\xc0" + bytes((0, 0, 0, 1, 21)) + bytes(60))
    assert invariant_ids(b"\xc0\xff\0\0\x22\x15" + bytes(21) + b"\x01a" + b"rest", 0) == (0xFF000022, bytes(21), b"a", 29)


def test_version_negotiation() -> None:
    packet = encode_version_negotiation(b"to", b"from", (QUIC_V1, QUIC_V2, 0x1A2A3A4A), 0xFF)
    header = decode_long_header(packet)
    assert (header.kind, header.destination, header.source) == (PacketType.VERSION_NEGOTIATION, b"to", b"from")
    assert decode_version_negotiation(packet, header) == (QUIC_V1, QUIC_V2, 0x1A2A3A4A)
    for broken in (packet[:-1], packet[:-12]):
        with pytest.raises(DecodeError):
            decode_version_negotiation(broken, decode_long_header(broken))
    assert is_reserved(0x1A2A3A4A)
    assert not is_reserved(QUIC_V2)


class Wall:
    """A date that tests set."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def box(wall: Wall, keys: tuple[bytes, ...] = (bytes(range(32)),)) -> TokenBox:
    return TokenBox(lambda: keys, wall, random.Random(7).randbytes)


def test_retry_tokens_hold_for_their_address_and_a_few_seconds() -> None:
    wall = Wall()
    tokens = box(wall)
    remote = ("192.0.2.1", 4433)
    token = tokens.seal_retry(remote, 1, DCID, b"retried")
    assert tokens.open(token, remote, 1) == TokenFacts(TokenKind.RETRY, DCID, b"retried")
    assert tokens.open(token, ("192.0.2.1", 4434), 1) is None
    assert tokens.open(token, remote, 0x6B3343CF) is None  # RFC 9369 §5
    assert tokens.open(token, ("192.0.2.2", 4433), 1) is None
    wall.now += RETRY_LIFETIME + 0.01
    assert tokens.open(token, remote, 1) is None
    wall.now -= RETRY_LIFETIME + 5
    assert tokens.open(token, remote, 1) is None


def test_tokens_for_later_hold_for_the_address_a_day_and_one_use() -> None:
    wall = Wall()
    tokens = box(wall)
    token = tokens.seal_new_token(("192.0.2.1", 1), 1)
    second = tokens.seal_new_token(("192.0.2.1", 1), 1)
    assert tokens.open(token, ("192.0.2.2", 1), 1) is None
    assert tokens.open(token, ("192.0.2.1", 9), 1) == TokenFacts(TokenKind.NEW_TOKEN, b"", b"")
    assert tokens.open(token, ("192.0.2.1", 9), 1) is None
    wall.now += NEW_TOKEN_LIFETIME + 1
    assert tokens.open(second, ("192.0.2.1", 1), 1) is None


def test_memory_of_used_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sws.proto.quic.tokens._SEEN_MAXIMUM", 4)
    tokens = box(Wall())
    made = [tokens.seal_new_token(("h", 1), 1) for _ in range(5)]
    assert all(tokens.open(token, ("h", 1), 1) for token in made)
    assert [tokens.open(token, ("h", 1), 1) is not None for token in made[::-1]] == [False, False, False, True, True]


def test_forged_tokens_and_rotated_keys() -> None:
    wall = Wall()
    old, new = bytes(range(32)), bytes(range(100, 132))
    token = box(wall, (old,)).seal_retry(("h", 1), 1, DCID, b"")
    assert box(wall, (new, old)).open(token, ("h", 1), 1) == TokenFacts(TokenKind.RETRY, DCID, b"")
    assert box(wall, (new,)).open(token, ("h", 1), 1) is None
    tokens = box(wall, (old,))
    for at in range(len(token)):
        assert tokens.open(token[:at] + bytes([token[at] ^ 1]) + token[at + 1 :], ("h", 1), 1) is None
        assert tokens.open(token[:at], ("h", 1), 1) is None
    assert tokens.open(token + bytes(200), ("h", 1), 1) is None
    assert TAG == 16
