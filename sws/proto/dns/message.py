# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Messages of DNS.  RFC 1035 §4.1, §3.2, §3.3; RFC 3596 §2.2; RFC 6891 §6; RFC 3597 §3, §4; RFC 8767 §4 (TTL).

    header | questions | answers | authority | additional, in which at most one OPT

The OPT record is no record but an extension of the header, so it becomes `edns`, and its eight bits become the upper part of `rcode`.
A record's `data` is its RDATA with names uncompressed where a type of RFC 1035 that we know has them (CNAME, NS, PTR, SOA); for every
other type it is the octets as they came.  So `decode_message(encode_message(m)) == m`.

Invariants: an A record has 4 octets and an AAAA record 16; data of the types above was checked to its end; nothing follows a message.
A truncated message is read up to its questions: RFC 2181 §9 has us ignore the rest, which may end anywhere.

Known limitations: names in RDATA of other types of RFC 1035 (MX, MINFO …) may hold pointers that mean nothing outside their message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from sws.base.errors import DecodeError, LimitExceeded, UsageError
from sws.base.reader import Reader
from sws.base.writer import Writer
from sws.proto.dns.name import ROOT, NameDecoder
from sws.proto.dns.types import EDNS_PAYLOAD, HEADER_OCTETS, MAX_MESSAGE, MAX_RECORDS, RecordClass, RecordType

__all__ = ["Edns", "Message", "Question", "Record", "decode_message", "encode_message", "make_query"]

_QR: Final = 0x8000
_AA: Final = 0x0400
_TC: Final = 0x0200
_RD: Final = 0x0100
_RA: Final = 0x0080
_AD: Final = 0x0020
_CD: Final = 0x0010
_DO: Final = 0x8000
_POINTER: Final = 0xC000
_ADDRESS_OCTETS: Final = {int(RecordType.A): 4, int(RecordType.AAAA): 16}
_ONE_NAME: Final = frozenset((RecordType.CNAME, RecordType.NS, RecordType.PTR))
_SOA_NUMBERS: Final = 20


@final
@dataclass(frozen=True, slots=True)
class Question:
    """QNAME in wire form, QTYPE and QCLASS.  RFC 1035 §4.1.2."""

    name: bytes
    type: int
    klass: int = RecordClass.IN


@final
@dataclass(frozen=True, slots=True)
class Record:
    """A resource record.  RFC 1035 §4.1.3."""

    name: bytes
    type: int
    klass: int
    ttl: int
    data: bytes


@final
@dataclass(frozen=True, slots=True)
class Edns:
    """What an OPT record says.  RFC 6891 §6.1.

    Attributes:
      payload:    octets of UDP that its sender takes.
      version:    0 is the only one there is.
      dnssec_ok:  the DO bit.
      options:    as they came: code, length, data, again and again.
    """

    payload: int = EDNS_PAYLOAD
    version: int = 0
    dnssec_ok: bool = False
    options: bytes = b""


@final
@dataclass(frozen=True, slots=True)
class Message:
    """A query or response.  `rcode` has twelve bits, of which all but four need `edns`."""

    id: int
    is_response: bool = False
    opcode: int = 0
    authoritative: bool = False
    truncated: bool = False
    recursion_desired: bool = False
    recursion_available: bool = False
    authentic_data: bool = False
    checking_disabled: bool = False
    rcode: int = 0
    questions: tuple[Question, ...] = ()
    answers: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    edns: Edns | None = None


def make_query(query_id: int, name: bytes, type_: int, *, edns: bool = True) -> Message:
    """A query for one kind of record, recursion desired.

    Args:
      query_id:  0..65535, unpredictable (RFC 5452 §4.3).
      name:      in wire form.
      edns:      whether to offer EDNS(0) with `EDNS_PAYLOAD` octets.
    """
    return Message(query_id, recursion_desired=True, questions=(Question(name, type_),), edns=Edns() if edns else None)


# --- decoding ------------------------------------------------------------------------------------------------------------


def decode_message(data: bytes) -> Message:
    """A whole message.  Raises: DecodeError, LimitExceeded."""
    if len(data) > MAX_MESSAGE:
        raise LimitExceeded("octets of a DNS message", len(data), MAX_MESSAGE)
    reader = Reader(data)
    query_id, flags = reader.u16("header"), reader.u16("header")
    counts = [reader.u16("header") for _ in range(4)]
    if sum(counts) > MAX_RECORDS:
        raise LimitExceeded("records in a DNS message", sum(counts), MAX_RECORDS)
    names = NameDecoder(data)
    questions = tuple(Question(names.read(reader), reader.u16("question"), reader.u16("question")) for _ in range(counts[0]))
    sections: list[tuple[Record, ...]] = [(), (), ()]
    edns: Edns | None = None
    extended = 0
    if not flags & _TC:
        sections = [tuple(_decode_record(reader, names) for _ in range(count)) for count in counts[1:]]
        reader.finish("DNS message")
        edns, extended = _take_edns(sections)
    return Message(
        query_id,
        is_response=bool(flags & _QR),
        opcode=flags >> 11 & 0xF,
        authoritative=bool(flags & _AA),
        truncated=bool(flags & _TC),
        recursion_desired=bool(flags & _RD),
        recursion_available=bool(flags & _RA),
        authentic_data=bool(flags & _AD),
        checking_disabled=bool(flags & _CD),
        rcode=extended << 4 | flags & 0xF,
        questions=questions,
        answers=sections[0],
        authority=sections[1],
        additional=sections[2],
        edns=edns,
    )


def _decode_record(reader: Reader, names: NameDecoder) -> Record:
    name = names.read(reader)
    type_, klass, ttl = reader.u16("record"), reader.u16("record"), reader.u32("record")
    start = reader.offset
    data = reader.sub(reader.u16("record"), "RDATA")
    if type_ in _ADDRESS_OCTETS and klass == RecordClass.IN:
        if data.remaining != _ADDRESS_OCTETS[type_]:
            raise DecodeError(f"an address of {data.remaining} octets", start)
        plain = data.rest()
    elif type_ in _ONE_NAME:
        plain = names.read(data)
    elif type_ == RecordType.SOA:
        plain = names.read(data) + names.read(data) + data.take(_SOA_NUMBERS, "SOA")
    else:
        plain = data.rest()
    data.finish("RDATA")
    return Record(name, type_, klass, ttl, plain)


def _take_edns(sections: list[tuple[Record, ...]]) -> tuple[Edns | None, int]:
    """The one OPT, taken out of the additional section, with its part of the RCODE.  RFC 6891 §6.1.1."""
    found = [record for section in sections for record in section if record.type == RecordType.OPT]
    if not found:
        return None, 0
    kept = tuple(record for record in sections[2] if record.type != RecordType.OPT)
    if len(found) > 1 or len(kept) == len(sections[2]) or found[0].name != ROOT:
        raise DecodeError("OPT: twice, out of its section, or with a name")
    sections[2] = kept
    opt = found[0]
    options = Reader(opt.data)
    while options.remaining:
        options.u16("EDNS option")
        options.vector(2, "EDNS option")
    return Edns(opt.klass, opt.ttl >> 16 & 0xFF, bool(opt.ttl & _DO), opt.data), opt.ttl >> 24


# --- encoding ------------------------------------------------------------------------------------------------------------


def encode_message(message: Message) -> bytes:
    """The octets; owner names are compressed, RDATA is written as it is.

    Raises: UsageError for numbers out of range, LimitExceeded past 65535 octets.
    """
    if message.rcode >> 4 and message.edns is None:
        raise UsageError("an extended RCODE needs EDNS")
    writer = Writer(MAX_MESSAGE)
    additional = message.additional
    edns = message.edns
    if edns is not None:
        ttl = (message.rcode >> 4) << 24 | edns.version << 16 | (_DO if edns.dnssec_ok else 0)
        additional = (*additional, Record(ROOT, RecordType.OPT, edns.payload, ttl, edns.options))
    sections = (message.answers, message.authority, additional)
    for number in (message.id, _flags(message), len(message.questions), *map(len, sections)):
        writer.uint(number, 2)
    places: dict[bytes, int] = {}
    for question in message.questions:
        _write_name(writer, question.name, places)
        writer.uint(question.type, 2)
        writer.uint(question.klass, 2)
    for section in sections:
        for record in section:
            _write_name(writer, record.name, places)
            writer.uint(record.type, 2)
            writer.uint(record.klass, 2)
            writer.uint(record.ttl, 4)
            writer.vector(record.data, 2)
    return writer.finish()


def _flags(message: Message) -> int:
    bits = (
        (message.is_response, _QR),
        (message.authoritative, _AA),
        (message.truncated, _TC),
        (message.recursion_desired, _RD),
        (message.recursion_available, _RA),
        (message.authentic_data, _AD),
        (message.checking_disabled, _CD),
    )
    return sum(bit for is_set, bit in bits if is_set) | (message.opcode & 0xF) << 11 | message.rcode & 0xF


def _write_name(writer: Writer, name: bytes, places: dict[bytes, int]) -> None:
    """Labels up to where a suffix already stands; the case is kept, so only equal octets are shared."""
    at = 0
    while name[at]:
        known = places.get(name[at:])
        if known is not None:
            writer.uint(_POINTER | known, 2)
            return
        if HEADER_OCTETS <= len(writer) < 0x4000:
            places[name[at:]] = len(writer)
        end = at + 1 + name[at]
        writer.write(name[at:end])
        at = end
    writer.write(ROOT)
