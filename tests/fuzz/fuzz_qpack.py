# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fuzzes QPACK.  Run: python -m tests.fuzz.fuzz_qpack --executions N --seconds S --seed K

Inputs are scripts: records of a kind, a length and octets, for the encoder stream or for sections.  Oracles: only declared errors; lsqpack,
fed the same, agrees on the fields, on which streams are blocked, and on refusal (where it is laxer, the reason must be one of those named
here); however the encoder stream is cut, the table is the same.  For our encoder: its output, with acknowledgements in any order that the
decoder's octets allow, is read back the same, and foreign octets on the decoder stream raise only the declared error.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

import pylsqpack

from sws.base.errors import LimitExceeded, QpackDecoderStreamError, QpackDecompressionFailed, QpackEncoderStreamError
from sws.proto.qpack import Decoder, Encoder
from sws.proto.qpack._tables import STATIC_TABLE
from tests.fuzz.kit import Target, main
from tests.kit.incremental import cut_at_random

__all__ = ["TARGETS"]

_CAPACITY: Final = 256
_BLOCKED: Final = 2
_SET_CAPACITY: Final = bytes.fromhex("3fe101")
#: Where lsqpack takes what RFC 9204 has us refuse or lets us refuse; or keeps a string that can never fit until it is whole.
_LAXER: Final = (
    "62 bits",
    "a string larger than the table",
    "a Base below zero",
    "a reference to",
    "a Required Insert Count that cannot be",
    "padding",
    "EOS",
)


def _records(data: bytes) -> Iterator[tuple[bool, bytes]]:
    offset = 0
    while offset < len(data):
        length = data[offset] & 0x7F
        yield data[offset] >= 0x80, data[offset + 1 : offset + 1 + length]
        offset += 1 + length


def _check_decoder(data: bytes, chance: random.Random) -> str:
    ours, theirs, cut = Decoder(_CAPACITY, _BLOCKED, 1 << 20), pylsqpack.Decoder(_CAPACITY, _BLOCKED), Decoder(_CAPACITY, _BLOCKED)
    for decoder in (ours, cut):
        decoder.receive(_SET_CAPACITY)
    theirs.feed_encoder(_SET_CAPACITY)
    stream = 0
    outcome = "nothing"
    for is_section, octets in _records(data):
        try:
            if is_section:
                stream += 4
                outcome = _section(ours, theirs, stream, octets)
            else:
                freed = ours.receive(octets)
                for segment in cut_at_random(octets, chance):
                    cut.receive(segment)
                assert ours.entries == cut.entries
                assert sorted(freed) == sorted(theirs.feed_encoder(octets))
                outcome = "table"
                for one in freed:
                    outcome = "resumed"
                    assert ours.resume(one) == theirs.resume_header(one)[1]
        except (QpackDecompressionFailed, QpackEncoderStreamError) as refusal:
            return f"refused by {type(refusal).__name__}"
        except pylsqpack.EncoderStreamError:
            if ours._rest:  # it does not wait for the end of an entry that cannot fit
                return "lsqpack refuses earlier"
            raise AssertionError("only lsqpack refuses") from None
        except pylsqpack.DecompressionFailed:
            if octets[0] > 0:  # it wants the least Required Insert Count there can be (RFC 9204 §2.2.1: MAY)
                return "lsqpack refuses"
            raise AssertionError("only lsqpack refuses") from None
    return outcome


def _section(ours: Decoder, theirs: pylsqpack.Decoder, stream: int, octets: bytes) -> str:
    try:
        fields = ours.decode(stream, octets)
    except QpackDecompressionFailed as error:
        if not any(word in error.reason for word in _LAXER):
            try:
                theirs.feed_header(stream, octets)
            except (pylsqpack.DecompressionFailed, pylsqpack.StreamBlocked):
                raise error from None
            raise AssertionError(f"only we refuse: {error.reason}") from None
        raise
    if fields is not None and (not fields or any(not name for name, _ in fields)):
        return "empty"  # lsqpack refuses a section without fields, and names without octets
    if fields is None:
        try:
            theirs.feed_header(stream, octets)
        except pylsqpack.StreamBlocked:
            return "blocked"
        raise AssertionError("only we are blocked")
    assert theirs.feed_header(stream, octets)[1] == fields
    return "read"


def _field(chance: random.Random) -> tuple[bytes, bytes]:
    name, value = chance.choice(STATIC_TABLE)
    if chance.random() < 0.5:
        name = chance.choice((b"x-a", b"x-b", b"a-longer-name-of-a-field"))
    return name, value if chance.random() < 0.5 else chance.randbytes(chance.choice((0, 1, 2, 20)))


def _generate(chance: random.Random) -> bytes:
    """What an encoder would write, as a script; sections may come before the octets that they need."""
    encoder = Encoder(_CAPACITY)
    encoder.set_limits(_CAPACITY, chance.choice((0, 1, _BLOCKED)))
    encoder.data_to_send()
    script = b""
    for number in range(1, chance.randint(2, 8)):
        section = encoder.encode(4 * number, [_field(chance) for _ in range(chance.randint(1, 5))])
        pieces = [(0, encoder.data_to_send()), (0x80, section)]
        if chance.random() < 0.2:
            pieces.reverse()
        for kind, octets in pieces:
            parts = [octets[:127]] if kind else [octets[at : at + 127] for at in range(0, len(octets), 127)]
            script += b"".join(bytes((kind | len(part),)) + part for part in parts)
    return script


def _check_encoder(data: bytes, chance: random.Random) -> str:
    capacity, blocked = chance.choice((0, 64, 200, 4096)), chance.choice((0, 1, 100))
    encoder, decoder = Encoder(), Decoder(capacity, blocked)
    encoder.set_limits(capacity, blocked)
    outcome = "written"
    answers = b""
    for number, (is_foreign, octets) in enumerate(_records(data)):
        if is_foreign and chance.random() < 0.1:
            try:
                encoder.receive(octets)
            except QpackDecoderStreamError:
                return "refused"
            return "foreign octets were taken"
        fields = [(bytes((97 + octet % 5,)), octets[octet % 7 :][: octet % 30]) for octet in octets[:10]]
        section = encoder.encode(4 * number, fields)
        decoder.receive(encoder.data_to_send())
        try:
            assert decoder.decode(4 * number, section) == fields
        except LimitExceeded:
            outcome = "too much"
        assert encoder.entries == decoder.entries
        answers += decoder.data_to_send()
        count = chance.randint(0, len(answers))
        encoder.receive(answers[:count])
        answers = answers[count:]
        if section[0]:
            outcome = "written with a table"
    return outcome


_CORPUS: Final = (
    b"\x10\xc0\x0ewww.example.com\x84\x02\x80\x10\xd1",
    b"\x06\x43x-a\x011\x83\x02\x00\x80",
    b"\x83\x02\x00\x80\x06\x43x-a\x011",
    b"\x84\x00\x00\xd1\xc1",
)
_DICTIONARY: Final = (
    b"\x83\x02\x00\x80",
    b"\x06\x43x-a\x011",
    b"\x01\x00",
    b"\x02\x3f\x01",
    b"\x84\x03\x81\x10\x11",
    b"\xff\xff",
    b"\x81\xff",
)

TARGETS: Final = (
    Target("qpack decoder", _check_decoder, _CORPUS, _DICTIONARY, _generate),
    Target("qpack encoder", _check_encoder, _CORPUS, _DICTIONARY, _generate),
)

if __name__ == "__main__":
    main(TARGETS)
