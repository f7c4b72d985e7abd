# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a response says: RFC 2308's examples, RFC 5452's rules, chains of aliases, and nothing from outside the chain."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from sws.base.errors import DecodeError, LimitExceeded
from sws.proto.dns import (
    MAX_CHAIN,
    MAX_NEGATIVE_TTL,
    MAX_TTL,
    Answer,
    Question,
    RecordType,
    ResponseCode,
    Verdict,
    decode_message,
    encode_message,
    make_query,
    name_from_text,
    name_to_text,
    read_answer,
    validate_response,
)
from tests.kit.dns_server import record, response, soa, wire_name
from tests.kit.vectors import load_vectors

NAME = name_from_text("a.example")
QUERY = make_query(0x1234, NAME, RecordType.A)
RAW = encode_message(QUERY)
A1 = record("a.example", "A", "192.0.2.1", 100)


def answer(*answers: bytes, **rest: Any) -> Answer:
    return read_answer(QUERY.questions[0], decode_message(response(RAW, *answers, **rest)))


@pytest.mark.parametrize("case", load_vectors("dns", "negative", keys=("message",)), ids=lambda case: case["id"])
def test_the_examples_of_rfc2308(case: dict[str, Any]) -> None:
    message = decode_message(bytes.fromhex(case["message"]))
    found = read_answer(message.questions[0], message)
    assert [found.verdict.value, name_to_text(found.owner), found.ttl] == case["result"]
    assert found.data == ()


def test_addresses() -> None:
    found = answer(A1, record("A.EXAMPLE", "A", "192.0.2.2", 50), A1, record("a.example", "TXT", b"\x01x", 1))
    assert found == Answer(Verdict.FOUND, NAME, (bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))), 50)


def test_ttls_are_capped() -> None:
    """RFC 8767 §4: with the highest bit set they are large, not 0."""
    assert answer(record("a.example", "A", "192.0.2.1", 0xFFFFFFFF)).ttl == MAX_TTL
    assert answer(record("a.example", "A", "192.0.2.1", 0)).ttl == 0
    assert answer(rcode=3, authority=(soa("example", 90000, 90000),)).ttl == MAX_NEGATIVE_TTL
    assert answer(rcode=3, authority=(soa("example", 7, 90000),)).ttl == 7
    assert answer(rcode=3, authority=(soa("example", 90000, 9),)).ttl == 9


def test_a_chain_in_any_order_with_its_least_ttl() -> None:
    chain = (
        record("c.other", "A", "192.0.2.9", 70),
        record("b.example", "CNAME", "C.other", 60),
        record("A.example", "CNAME", "b.example", 80),
    )
    assert answer(*chain) == Answer(Verdict.FOUND, name_from_text("C.other"), (bytes((192, 0, 2, 9)),), 60)


def test_records_beside_the_chain_are_not_used() -> None:
    poison = record("b.example", "A", "203.0.113.66")
    assert answer(A1, poison).data == (bytes((192, 0, 2, 1)),)
    assert answer(poison).verdict is Verdict.NO_DATA
    assert answer(authority=(A1,), additional=(A1,)).verdict is Verdict.NO_DATA
    assert answer(record("a.example", "A", "192.0.2.1", klass=3)).verdict is Verdict.NO_DATA
    assert answer(record("a.example", "CNAME", "b.example"), authority=(poison,), additional=(poison,)).verdict is Verdict.ALIAS


def test_an_address_is_better_than_an_alias_beside_it() -> None:
    assert answer(record("a.example", "CNAME", "b.example"), A1).data == (bytes((192, 0, 2, 1)),)


def test_the_first_of_two_aliases_counts() -> None:
    found = answer(record("a.example", "CNAME", "b.example"), record("a.example", "CNAME", "c.example"))
    assert found.owner == name_from_text("b.example")


def test_a_wanted_alias_is_not_followed() -> None:
    message = decode_message(response(RAW, record("a.example", "CNAME", "b.example")))
    assert read_answer(Question(NAME, RecordType.CNAME), message).data == (wire_name("b.example"),)


@pytest.mark.parametrize("names", [("a.example", "A.EXAMPLE"), ("a.example", "b.example", "c.example", "b.example")])
def test_circles(names: tuple[str, ...]) -> None:
    with pytest.raises(DecodeError, match="circle"):
        answer(*(record(owner, "CNAME", target) for owner, target in pairwise(names)))


def test_a_chain_has_an_end() -> None:
    names = ["a.example", *(f"n{number}.example" for number in range(MAX_CHAIN))]
    links = [record(owner, "CNAME", target) for owner, target in pairwise(names)]
    assert answer(*links[: MAX_CHAIN - 1]).owner == name_from_text(names[MAX_CHAIN - 1])
    with pytest.raises(LimitExceeded, match="aliases"):
        answer(*links)


@pytest.mark.parametrize("rcode", [1, 2, 4, 5, 9])
def test_other_codes_are_failures(rcode: int) -> None:
    found = answer(A1, rcode=rcode)
    assert (found.verdict, found.rcode, found.data) == (Verdict.FAILED, rcode, ())


def test_no_name_is_no_name_whatever_stands_there() -> None:
    assert answer(A1, rcode=3).verdict is Verdict.NO_NAME


def test_a_true_response_is_taken() -> None:
    validate_response(QUERY, decode_message(response(RAW, A1)))
    validate_response(QUERY, decode_message(response(RAW, question=wire_name("A.eXaMpLe") + RAW[23:27])))


@pytest.mark.parametrize("rcode", [ResponseCode.FORMERR, ResponseCode.NOTIMP])
def test_who_does_not_understand_need_not_repeat(rcode: int) -> None:
    validate_response(QUERY, decode_message(response(RAW, question=b"", rcode=rcode)))


@pytest.mark.parametrize(
    "octets",
    [
        response(RAW, query_id=0x1235),
        RAW,
        response(RAW, flags=0x8980),
        response(RAW, flags=0xF980),
        response(RAW, question=b""),
        response(RAW, question=b"", rcode=2),
        response(RAW, question=wire_name("b.example") + RAW[23:27]),
        response(RAW, question=wire_name("a.example") + b"\x00\x1c\x00\x01"),
        response(RAW, question=wire_name("a.example") + b"\x00\x01\x00\x03"),
        response(RAW, question=wire_name("b.example") + RAW[23:27], rcode=1),
    ],
)
def test_what_is_no_response_to_this_query(octets: bytes) -> None:
    with pytest.raises(DecodeError, match="response"):
        validate_response(QUERY, decode_message(octets))


def test_two_questions_are_not_ours() -> None:
    message = decode_message(response(RAW))
    with pytest.raises(DecodeError, match="question"):
        validate_response(QUERY, replace(message, questions=message.questions * 2))
