# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fuzzes what servers send.  Run: python -m tests.fuzz.fuzz_dns --executions N --seconds S --seed K

Oracles for a message: only declared errors; what is read is written and read the same; a naive reader of names, straight from RFC 1035
§4.1.4 and without memory, agrees on every owner name; an answer's data stand in the answer section, and its TTL is within its cap.
For a stream: only declared errors, and the same messages however it is cut.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from typing import Final

from sws.base.errors import DecodeError, LimitExceeded
from sws.proto.dns import (
    MAX_TTL,
    FrameDecoder,
    Message,
    Record,
    Verdict,
    decode_message,
    encode_message,
    frame,
    make_query,
    name_from_text,
    read_answer,
    validate_response,
)
from tests.fuzz.kit import Target, main
from tests.kit.dns_server import record, response, soa, wire_name
from tests.kit.incremental import cut_at_random
from tests.kit.vectors import load_vectors

__all__ = ["TARGETS"]

_QUERY: Final = make_query(0x1234, name_from_text("a.example"), 1)
_RAW: Final = encode_message(_QUERY)
_HEADER: Final = 12


def _naive_name(data: bytes, at: int) -> tuple[bytes, int]:
    """A name and where it ends, with a bound on steps against loops."""
    name, end = b"", 0
    for _ in range(1000):
        octet = data[at]
        if octet == 0:
            return name + b"\0", end or at + 1
        if octet < 64:
            name += data[at : at + 1 + octet]
            at += 1 + octet
        else:
            end = end or at + 2
            at = (octet & 0x3F) << 8 | data[at + 1]
    raise AssertionError("a name without end was taken")


def _naive_owners(data: bytes) -> list[bytes]:
    """All names of questions and owners, in order."""
    _, _, questions, *counts = struct.unpack_from("!6H", data)
    names: list[bytes] = []
    at = _HEADER
    for _ in range(questions):
        name, at = _naive_name(data, at)
        names.append(name)
        at += 4
    for _ in range(sum(counts)):
        name, at = _naive_name(data, at)
        names.append(name)
        at += 10 + struct.unpack_from("!H", data, at + 8)[0]
    return names


def _records(message: Message) -> list[Record]:
    return [*message.answers, *message.authority, *message.additional]


def _check_message(data: bytes, chance: random.Random) -> str:
    try:
        message = decode_message(data)
    except DecodeError:
        return "refused"
    except LimitExceeded:
        return "too much"
    if message.truncated:
        assert not _records(message)
        outcome = "truncated"
    else:
        assert decode_message(encode_message(message)) == message, "written and read it differs"
        owners = [question.name for question in message.questions] + [found.name for found in _records(message)]
        naive = _naive_owners(data)
        if message.edns is not None:
            naive.remove(b"\0")
            owners, naive = sorted(owners), sorted(naive)
        assert owners == naive, "the naive reader sees other names"
        outcome = "read"
    try:
        validate_response(_QUERY, message)
    except DecodeError:
        return f"{outcome}, not ours"
    try:
        answer = read_answer(_QUERY.questions[0], message)
    except (DecodeError, LimitExceeded):
        return f"{outcome}, bad chain"
    assert 0 <= answer.ttl <= MAX_TTL
    assert set(answer.data) <= {found.data for found in message.answers if found.name.lower() == answer.owner.lower()}
    assert all(len(found) == 4 for found in answer.data)
    assert bool(answer.data) == (answer.verdict is Verdict.FOUND)
    return f"{outcome}, {answer.verdict.value}"


def _feed(segments: Sequence[bytes]) -> tuple[list[bytes], str]:
    decoder = FrameDecoder()
    found: list[bytes] = []
    try:
        for segment in segments:
            found += decoder.receive(segment)
    except DecodeError:
        return found, "refused"
    return found, "messages"


def _check_stream(data: bytes, chance: random.Random) -> str:
    whole, outcome = _feed([data])
    cut, same = _feed(cut_at_random(data, chance))
    assert outcome == same
    if outcome == "messages":
        assert whole == cut, "cut otherwise it reads otherwise"
        assert data.startswith(b"".join(map(frame, whole)))
        return f"{min(len(whole), 3)} messages"
    return outcome


# --- corpus, dictionary, grammar -----------------------------------------------------------------------------------------

_NAMES: Final = ("a.example", "b.example", "c.example", "A.EXAMPLE", "example", "", "x.a.example")


def _one_record(chance: random.Random) -> bytes:
    kind = chance.choice(("A", "A", "AAAA", "CNAME", "CNAME", "NS", "SOA", "TXT", "HTTPS"))
    name = chance.choice(_NAMES)
    if chance.random() < 0.05:
        kind_number = chance.randrange(65536)
        return record(name, kind_number, chance.randbytes(chance.choice((0, 4, 16, 30))))
    if kind == "SOA":
        return soa(name, chance.choice((0, 5, 1 << 31)), chance.choice((0, 7, 1 << 31)))
    value = {"A": chance.randbytes(4), "AAAA": chance.randbytes(16), "TXT": b"\x01x", "HTTPS": b"\x00\x01\x00"}.get(kind)
    data = wire_name(chance.choice(_NAMES)) if value is None else value
    octets = record(name, kind, data, chance.choice((0, 1, 300, 1 << 31)))
    if name == "a.example" and chance.random() < 0.7:
        octets = b"\xc0\x0c" + octets[11:]
    return octets


def _messages(chance: random.Random) -> bytes:
    def some(*sizes: int) -> list[bytes]:
        return [_one_record(chance) for _ in range(chance.choice(sizes))]

    additional = some(0, 0, 1)
    if chance.random() < 0.6:
        additional.append(b"\0" + struct.pack("!HHIH", 41, 1232, chance.choice((0, 0x8000, 0x01000000)), 0))
    return response(
        _RAW,
        *some(0, 1, 1, 2, 3, 5),
        authority=tuple(some(0, 0, 1, 2)),
        additional=tuple(additional),
        rcode=chance.choice((0, 0, 0, 0, 3, 3, 2, 1)),
        flags=chance.choice((0x8180, 0x8180, 0x8180, 0x8580, 0x8380, 0x0100)),
    )


def _streams(chance: random.Random) -> bytes:
    return b"".join(frame(chance.randbytes(chance.choice((12, 13, 40, 300)))) for _ in range(chance.choice((1, 2, 3))))


_CORPUS: Final = [
    *(bytes.fromhex(case["message"]) for case in load_vectors("dns", "edns", keys=("message",))),
    *(bytes.fromhex(case["message"]) for case in load_vectors("dns", "negative", keys=("message",))),
    _RAW,
    response(_RAW, record("a.example", "CNAME", b"\x01b\xc0\x0e"), record("b.example", "A", "192.0.2.1")),
]

_DICTIONARY: Final = [b"\xc0\x0c", b"\xc0\x0e", b"\xc0\x00", b"\xff\xff", b"\x00\x01\x00\x01", b"\x00\x05\x00\x01", b"\x3f" + b"a" * 63]

TARGETS: Final = (
    Target("dns-message", _check_message, _CORPUS, _DICTIONARY, _messages),
    Target("dns-stream", _check_stream, [frame(message) for message in _CORPUS], [b"\x00\x0c", b"\x00\x0b", b"\xff\xff"], _streams),
)

if __name__ == "__main__":
    main(TARGETS)
