# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Messages: octets known from RFC 1035 and 6891, bounds, and what is written is read."""

from __future__ import annotations

import struct
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.errors import DecodeError, LimitExceeded, UsageError
from sws.proto.dns import (
    EDNS_PAYLOAD,
    Edns,
    Message,
    Question,
    Record,
    RecordType,
    decode_message,
    encode_message,
    make_query,
    name_from_text,
)
from tests.kit.dns_server import record, response, soa, wire_name
from tests.kit.vectors import load_vectors

EXAMPLE = name_from_text("a.example")
QUERY = make_query(0x1234, EXAMPLE, RecordType.A)
RAW = encode_message(QUERY)


def test_a_query_octet_by_octet() -> None:
    assert (
        bytes.fromhex(
            "1234 0100 0001 0000 0000 0001"  # id; RD; one question; one additional
            "01 61 07 6578616d706c65 00 0001 0001"  # a.example. A IN
            "00 0029 04d0 00 00 0000 0000"  # OPT: root, 1232 octets, RCODE, version, flags, no options
        )
        == RAW
    )
    assert encode_message(make_query(1, EXAMPLE, RecordType.AAAA, edns=False)) == bytes.fromhex(
        "0001 0100 0001 0000 0000 0000 01 61 07 6578616d706c65 00 001c 0001"
    )
    assert EDNS_PAYLOAD == 1232


@pytest.mark.parametrize("case", load_vectors("dns", "edns", keys=("message",)), ids=lambda case: case["id"])
def test_edns_vectors(case: dict[str, Any]) -> None:
    octets = bytes.fromhex(case["message"])
    if case["result"] is None:
        with pytest.raises(DecodeError):
            decode_message(octets)
        return
    message = decode_message(octets)
    rcode, edns = case["result"]
    assert message.rcode == rcode
    assert message.edns == (None if edns is None else Edns(**{**edns, "options": bytes.fromhex(edns["options"])}))
    assert RecordType.OPT not in [found.type for found in message.additional]


@pytest.mark.parametrize(
    ("flags", "field"),
    [
        (0x8000, "is_response"),
        (0x0400, "authoritative"),
        (0x0200, "truncated"),
        (0x0100, "recursion_desired"),
        (0x0080, "recursion_available"),
        (0x0020, "authentic_data"),
        (0x0010, "checking_disabled"),
    ],
)
def test_header_bits(flags: int, field: str) -> None:
    message = decode_message(struct.pack("!6H", 7, flags, 0, 0, 0, 0))
    assert message == replace(Message(7), **{field: True})
    assert encode_message(message) == struct.pack("!6H", 7, flags, 0, 0, 0, 0)


def test_opcode_and_rcode() -> None:
    message = decode_message(struct.pack("!6H", 7, 0x2805, 0, 0, 0, 0))
    assert (message.opcode, message.rcode) == (5, 5)


def test_records_by_type() -> None:
    pointer = b"\xc0\x0c"  # the question's name
    answers = [
        record("a.example", "A", "192.0.2.1", 5),
        record("a.example", "AAAA", "2001:db8::1"),
        record("a.example", "CNAME", b"\x01b" + pointer),
        record("example", "NS", pointer),
        record("example", "SOA", pointer + b"\x04root" + pointer + struct.pack("!5I", 1, 2, 3, 4, 5)),
        record("a.example", "HTTPS", b"\x00\x01\x00\x00\x01\x00\x03\x02h2"),
        record("a.example", 65280, b"\xc0\xffanything"),
        record("a.example", 65281, b""),
        record("a.example", "A", b"another class", klass=3),
    ]
    found = [answer.data for answer in decode_message(response(RAW, *answers)).answers]
    assert found == [
        bytes((192, 0, 2, 1)),
        bytes.fromhex("20010db8000000000000000000000001"),
        b"\x01b\x01a\x07example\x00",
        b"\x01a\x07example\x00",
        b"\x01a\x07example\x00\x04root\x01a\x07example\x00" + struct.pack("!5I", 1, 2, 3, 4, 5),
        b"\x00\x01\x00\x00\x01\x00\x03\x02h2",
        b"\xc0\xffanything",
        b"",
        b"another class",
    ]
    assert decode_message(response(RAW, answers[0])).answers[0] == Record(EXAMPLE, 1, 1, 5, bytes((192, 0, 2, 1)))


@pytest.mark.parametrize(
    "answer",
    [
        record("a", "A", b"123"),
        record("a", "A", b"12345"),
        record("a", "AAAA", b"1234"),
        record("a", "CNAME", b""),
        record("a", "CNAME", b"\x01a\x00\x00"),
        record("a", "NS", b"\x01a"),
        record("a", "SOA", b"\x00\x00" + bytes(19)),
        record("a", "SOA", b"\x00\x00" + bytes(21)),
        record("a", "A", b"1234")[:-1],
        record("a", "A", b"1234")[:8],
        b"\x01a\x00\x00",
        b"",
    ],
)
def test_records_that_are_none(answer: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_message(response(RAW, answer))


def test_nothing_may_follow() -> None:
    with pytest.raises(DecodeError, match="too many"):
        decode_message(response(RAW) + b"\x00")


@pytest.mark.parametrize("length", range(12))
def test_a_header_has_twelve_octets(length: int) -> None:
    with pytest.raises(DecodeError):
        decode_message(bytes(length))


def test_every_cut_is_refused() -> None:
    whole = response(RAW, record("a.example", "A", "192.0.2.1"), authority=(soa("example"),))
    for length in range(len(whole)):
        with pytest.raises(DecodeError):
            decode_message(whole[:length])


def test_a_truncated_message_is_read_up_to_its_questions() -> None:
    whole = response(RAW, record("a.example", "A", "192.0.2.1"), flags=0x8380)
    for length in range(12 + 15, len(whole)):
        message = decode_message(whole[:length])
        assert (message.truncated, message.questions, message.answers) == (True, QUERY.questions, ())
    with pytest.raises(DecodeError):
        decode_message(whole[:26])


def test_bounds() -> None:
    with pytest.raises(LimitExceeded, match="octets of a DNS message"):
        decode_message(bytes(65536))
    with pytest.raises(LimitExceeded, match="records"):
        decode_message(struct.pack("!6H", 0, 0x8000, 1, 4000, 90, 6))


def test_the_largest_answers_cost_little() -> None:
    """4095 names that all lead through 120 labels, and the worst that pointers can do, are read in linear time."""
    deep = b"\x01a" * 120 + b"\x00"
    records = [b"\xc0" + bytes((12,)) + struct.pack("!HHIH", 65280, 1, 0, 0)] * 4095
    data = struct.pack("!6H", 1, 0x8000, 1, 4095, 0, 0) + deep + struct.pack("!HH", 1, 1) + b"".join(records)
    started = time.process_time()
    assert len(decode_message(data).answers) == 4095
    assert time.process_time() - started < 2.0


@pytest.mark.parametrize(
    "message",
    [
        Message(65536),
        Message(-1),
        Message(1, rcode=16),
        Message(1, questions=(Question(b"\x00", 65536),)),
        Message(1, answers=(Record(b"\x00", 1, 1, 1 << 32, b""),)),
        Message(1, edns=Edns(payload=65536)),
    ],
)
def test_numbers_out_of_range(message: Message) -> None:
    with pytest.raises(UsageError):
        encode_message(message)


def test_a_message_too_large_is_not_written() -> None:
    with pytest.raises(LimitExceeded):
        encode_message(Message(1, answers=(Record(b"\x00", 65280, 1, 0, bytes(65535)),)))


def test_owner_names_are_compressed_with_their_case() -> None:
    names = ("a.example", "b.A.example", "a.Example", "example")
    message = Message(1, answers=tuple(Record(name_from_text(name), 65280, 1, 0, b"") for name in names))
    octets = encode_message(message)
    assert decode_message(octets) == message
    assert octets[12:].startswith(b"\x01a\x07example\x00")
    assert octets.count(b"example") == 1
    assert octets.count(b"Example") == 1
    assert octets.endswith(b"\xc0\x0e" + struct.pack("!HHIH", 65280, 1, 0, 0))


def test_no_pointer_is_longer_than_its_fourteen_bits() -> None:
    filler = Record(b"\x00", 65280, 1, 0, bytes(20000))
    late = Record(EXAMPLE, 65280, 1, 0, b"")
    message = Message(1, answers=(filler, late, late))
    assert decode_message(encode_message(message)) == message


LABELS = st.binary(min_size=1, max_size=12).map(lambda label: bytes((len(label),)) + label)
NAMES = st.lists(LABELS, max_size=5).map(lambda labels: b"".join(labels) + b"\x00")
U16 = st.integers(0, 65535)
U32 = st.integers(0, (1 << 32) - 1)


def _records() -> st.SearchStrategy[Record]:
    opaque = st.builds(Record, NAMES, st.sampled_from((16, 64, 65, 999)), U16, U32, st.binary(max_size=40))
    v4 = st.builds(Record, NAMES, st.just(1), st.just(1), U32, st.binary(min_size=4, max_size=4))
    v6 = st.builds(Record, NAMES, st.just(28), st.just(1), U32, st.binary(min_size=16, max_size=16))
    named = st.builds(Record, NAMES, st.sampled_from((2, 5, 12)), U16, U32, NAMES)
    soas = st.builds(
        Record, NAMES, st.just(6), U16, U32, st.builds(lambda a, b, c: a + b + c, NAMES, NAMES, st.binary(min_size=20, max_size=20))
    )
    return st.one_of(opaque, v4, v6, named, soas)


SECTION = st.lists(_records(), max_size=4).map(tuple)
OPTIONS = st.lists(st.tuples(U16, st.binary(max_size=9)), max_size=3).map(
    lambda options: b"".join(struct.pack("!HH", code, len(data)) + data for code, data in options)
)
MESSAGES = st.builds(
    Message,
    U16,
    is_response=st.booleans(),
    opcode=st.integers(0, 15),
    authoritative=st.booleans(),
    recursion_desired=st.booleans(),
    recursion_available=st.booleans(),
    authentic_data=st.booleans(),
    checking_disabled=st.booleans(),
    rcode=st.integers(0, 4095),
    questions=st.lists(st.builds(Question, NAMES, U16, U16), max_size=2).map(tuple),
    answers=SECTION,
    authority=SECTION,
    additional=SECTION,
    edns=st.builds(Edns, U16, st.integers(0, 255), st.booleans(), OPTIONS),
)


@given(MESSAGES)
@settings(max_examples=60)
def test_what_is_written_is_read(message: Message) -> None:
    assert decode_message(encode_message(message)) == message


@given(st.binary(max_size=80), st.integers(0, 3))
def test_only_declared_errors(data: bytes, records: int) -> None:
    for octets in (data, struct.pack("!6H", 1, 0x8180, 1, records, 0, 1) + data, response(RAW, data)):
        try:
            message = decode_message(octets)
        except (DecodeError, LimitExceeded):
            continue
        if not message.truncated:
            assert decode_message(encode_message(message)) == message


def test_kit_and_product_agree() -> None:
    assert wire_name("a.example") == EXAMPLE
    assert decode_message(response(RAW, flags=0x8580)).questions == QUERY.questions
