# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a response says about the question that was asked.  RFC 5452 §9.1, RFC 1034 §3.6.2, RFC 2308 §2, §5, RFC 8767 §4, RFC 2181 §5.4.1.

A response answers a query if it has its id, its question and nothing more in that section; that it came from the queried address
and to the port of the query is what a connected socket sees to.  Then the chain is walked:

    owner    the name that is looked for: first the question's, then each CNAME's target
    FOUND    the owner has records of the wanted type in the answer section
    ALIAS    the chain leaves the message without an answer: ask again, for the owner
    NO_DATA  the owner exists, without such records; NO_NAME: it does not exist.  The SOA of a zone that the owner lies in tells how
             long that may be believed
    FAILED   every other RCODE; and a referral to other servers, as who refers us does not resolve for us

Whatever else a response carries is not looked at, so it can poison nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, final

from sws.base.errors import DecodeError, LimitExceeded
from sws.proto.dns.message import Message, Question, Record
from sws.proto.dns.name import fold, is_within
from sws.proto.dns.types import Opcode, RecordClass, RecordType, ResponseCode

__all__ = ["MAX_CHAIN", "MAX_NEGATIVE_TTL", "MAX_TTL", "Answer", "Verdict", "read_answer", "validate_response"]

MAX_CHAIN: Final = 16
"""CNAMEs in one message."""

MAX_TTL: Final = 604_800
"""Seven days.  RFC 8767 §4."""

MAX_NEGATIVE_TTL: Final = 10_800
"""Three hours.  RFC 2308 §5."""

_REFUSED_EDNS: Final = frozenset((ResponseCode.FORMERR, ResponseCode.NOTIMP))


class Verdict(Enum):
    """What became of the question."""

    FOUND = "found"
    ALIAS = "alias"
    NO_DATA = "no data"
    NO_NAME = "no name"
    FAILED = "failed"


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """What a response says.

    Attributes:
      owner:  where the chain ended, in wire form.
      data:   RDATA of the records found, in the response's order and each once.
      ttl:    seconds, the least of all records that led here; 0 must not be kept.
      rcode:  of the response.
    """

    verdict: Verdict
    owner: bytes
    data: tuple[bytes, ...] = ()
    ttl: int = 0
    rcode: int = 0


def validate_response(query: Message, response: Message) -> None:
    """Whether this is a response to this query, as far as its octets tell.

    A response without a question is taken if it says that the query was not understood: so old servers refuse EDNS (RFC 6891 §7), and
    nothing but a repetition follows from it.

    Raises: DecodeError if it is not; it is to be ignored then, and the true one waited for.
    """
    if response.id != query.id:
        raise DecodeError("response: another id")
    if not response.is_response or response.opcode != Opcode.QUERY:
        raise DecodeError("response: not a response to a query", 2)
    if not response.questions and response.rcode in _REFUSED_EDNS:
        return
    if [_folded(question) for question in response.questions] != [_folded(question) for question in query.questions]:
        raise DecodeError("response: another question", 12)


def _folded(question: Question) -> tuple[bytes, int, int]:
    return fold(question.name), question.type, question.klass


def read_answer(question: Question, response: Message) -> Answer:
    """What a validated, whole response says about its question.

    Raises: DecodeError for aliases that lead in a circle, LimitExceeded for more than `MAX_CHAIN` of them.
    """
    owner = question.name
    if response.rcode not in (ResponseCode.NOERROR, ResponseCode.NXDOMAIN):
        return Answer(Verdict.FAILED, owner, rcode=response.rcode)
    found, aliases = _sort(question.type, response.answers)
    ttl = MAX_TTL
    seen = {fold(owner)}
    while fold(owner) not in found and fold(owner) in aliases:
        alias = aliases[fold(owner)]
        owner = alias.data
        ttl = min(ttl, alias.ttl)
        if fold(owner) in seen:
            raise DecodeError("response: aliases lead in a circle")
        seen.add(fold(owner))
        if len(seen) > MAX_CHAIN:
            raise LimitExceeded("aliases of a domain name", len(seen), MAX_CHAIN)
    if response.rcode == ResponseCode.NXDOMAIN:
        return Answer(Verdict.NO_NAME, owner, ttl=min(ttl, _negative_ttl(owner, response)), rcode=response.rcode)
    records = found.get(fold(owner))
    if records:
        ttl = min(ttl, *(record.ttl for record in records))
        return Answer(Verdict.FOUND, owner, tuple(dict.fromkeys(record.data for record in records)), ttl)
    if _zone(owner, response) is None:
        if len(seen) > 1:
            return Answer(Verdict.ALIAS, owner, ttl=ttl)
        if any(record.type == RecordType.NS for record in response.authority):
            return Answer(Verdict.FAILED, owner)
    return Answer(Verdict.NO_DATA, owner, ttl=min(ttl, _negative_ttl(owner, response)))


def _sort(wanted: int, records: tuple[Record, ...]) -> tuple[dict[bytes, list[Record]], dict[bytes, Record]]:
    """Records of the wanted type, and aliases, by owner; of two aliases of one owner, which must not be, the first."""
    found: dict[bytes, list[Record]] = {}
    aliases: dict[bytes, Record] = {}
    for record in records:
        if record.klass == RecordClass.IN:
            if record.type == wanted:
                found.setdefault(fold(record.name), []).append(record)
            elif record.type == RecordType.CNAME:
                aliases.setdefault(fold(record.name), record)
    return found, aliases


def _zone(owner: bytes, response: Message) -> Record | None:
    """The SOA of a zone that the owner lies in."""
    for record in response.authority:
        if record.type == RecordType.SOA and record.klass == RecordClass.IN and is_within(owner, record.name):
            return record
    return None


def _negative_ttl(owner: bytes, response: Message) -> int:
    """The lesser of the SOA's TTL and MINIMUM; 0 without a SOA: that is not to be kept.  RFC 2308 §5."""
    soa = _zone(owner, response)
    return 0 if soa is None else min(soa.ttl, int.from_bytes(soa.data[-4:], "big"), MAX_NEGATIVE_TTL)
