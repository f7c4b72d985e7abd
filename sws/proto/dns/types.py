# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Numbers of DNS with their IANA names, and the bounds of messages.  RFC 1035 §2.3.4, §3.2, §4.1.1; RFC 6891 §6.2.5, §9."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

__all__ = [
    "EDNS_PAYLOAD",
    "HEADER_OCTETS",
    "MAX_LABEL",
    "MAX_MESSAGE",
    "MAX_NAME",
    "MAX_RECORDS",
    "Opcode",
    "RecordClass",
    "RecordType",
    "ResponseCode",
]

HEADER_OCTETS: Final = 12
MAX_LABEL: Final = 63
MAX_NAME: Final = 255
"""Octets of a name in wire form, length octets and the root's zero included."""

MAX_MESSAGE: Final = 65535
MAX_RECORDS: Final = 4096
"""Questions and records in one message: what a 64 KiB answer of A records can hold, and no more."""

EDNS_PAYLOAD: Final = 1232
"""Octets of UDP that we are ready to take: what passes IPv6's least MTU of 1280 unfragmented."""


class RecordType(IntEnum):
    """TYPE and QTYPE; others are plain integers.  RFC 3597 §2."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    OPT = 41
    SVCB = 64
    HTTPS = 65
    ANY = 255


class RecordClass(IntEnum):
    """CLASS and QCLASS."""

    IN = 1
    CH = 3
    ANY = 255


class Opcode(IntEnum):
    """OPCODE: only queries are ours."""

    QUERY = 0


class ResponseCode(IntEnum):
    """RCODE, with the extended ones of EDNS; others are plain integers."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16
