# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Host and port: the authority of an HTTP URI without user information.  RFC 3986 §3.2, RFC 9110 §4.2, §7.2.

    uri-host = IP-literal / IPv4address / reg-name         authority = uri-host [ ":" port ]

A host is kept in one spelling, so that two equal hosts are equal octets: names in lower case, IPv6 addresses as in RFC 5952 §4
inside their brackets.  IPv4 addresses, and names as they usually are (letters, digits, "-", "_", "."; the last label does not start
with a digit), cost one match.

Invariants: `parse_authority(bytes(a)) == a`.
Known limits: names are not resolved, their labels are not measured, and no IDNA mapping is done; percent signs stay encoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, final

from sws.base.errors import DecodeError

__all__ = ["Authority", "canonical_ipv6", "parse_authority"]

_OCTET: Final = rb"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_USUAL_RE: Final = re.compile(
    rb"((?:[a-z0-9_-]+\.)*[a-z][a-z0-9_-]*|(?:" + _OCTET + rb"\.){3}" + _OCTET + rb")(?::([0-9]{0,5}))?"  # a name, or IPv4
)
_NAME_OCTETS: Final = rb"[a-z0-9\-._~!$&'()*+,;=]"
_GENERAL_RE: Final = re.compile(
    rb"(?:\[([0-9a-f:.]{2,45})\]|((?=[^:])" + _NAME_OCTETS + rb"*(?:%[0-9a-f]{2}" + _NAME_OCTETS + rb"*)*))(?::([0-9]{0,5}))?"
)
_NUMERIC_END_RE: Final = re.compile(rb"(?:[^.]*\.)*(?:[0-9]+|0x[0-9a-f]*)\.?")


@final
@dataclass(frozen=True, slots=True)
class Authority:
    """Where a request is meant to go.  RFC 9110 §4.2, §7.2.

    Args:
      host:  in lower case; an IPv6 address in RFC 5952 form inside brackets.
      port:  0..65535, or None if absent or empty.
    """

    host: bytes
    port: int | None = None

    def __bytes__(self) -> bytes:
        return self.host if self.port is None else b"%b:%d" % (self.host, self.port)


def parse_authority(value: bytes) -> Authority:
    """Reads `uri-host [ ":" port ]`: a Host field, an :authority, the authority of an absolute-form.  RFC 9110 §7.2.

    Args:
      value:  without white space around it.
    Raises:  DecodeError for user information, an empty host, a port past 65535, or anything else that is not an authority.
    """
    value = value.lower()
    match = _USUAL_RE.fullmatch(value)
    if match is not None:
        host, port = match.groups()
        return Authority(host, _port(port) if port else None)
    match = _GENERAL_RE.fullmatch(value)
    if match is None:
        raise DecodeError("authority: malformed")
    literal, host, port = match.groups()
    if literal is not None:
        host = b"[" + canonical_ipv6(literal) + b"]"
    elif _NUMERIC_END_RE.fullmatch(host) is not None:
        # DEVIATES RFC 3986 §3.2.2: "127.1" and "0x7f.1" are names by its grammar, but resolvers read them as addresses, which
        # would slip past rules written for names; refused, as the WHATWG URL standard refuses what it cannot convert.
        raise DecodeError("authority: numeric host is not an IPv4 address")
    return Authority(host, _port(port) if port else None)


def canonical_ipv6(text: bytes) -> bytes:
    """The RFC 5952 §4 form of an IPv6 address, without brackets; the last 32 bits are written as two hexadecimal groups.

    Raises:  DecodeError if `text` is not an IPv6 address; zone identifiers are refused.
    """
    from ipaddress import IPv6Address  # here, as few requests need it: start-up time

    try:
        number = int(IPv6Address(text.decode("ascii")))
    except ValueError:  # AddressValueError and UnicodeDecodeError
        raise DecodeError("authority: malformed IPv6 address") from None
    groups = [number >> shift & 0xFFFF for shift in range(112, -16, -16)]
    start, length = _longest_zero_run(groups)
    if length < 2:
        return b":".join(b"%x" % group for group in groups)
    return b":".join(b"%x" % group for group in groups[:start]) + b"::" + b":".join(b"%x" % group for group in groups[start + length :])


def _longest_zero_run(groups: list[int]) -> tuple[int, int]:
    """Start and length of the first longest run of zeros."""
    best_start = best_length = length = 0
    for index, group in enumerate(groups):
        length = 0 if group else length + 1
        if length > best_length:
            best_start, best_length = index - length + 1, length
    return best_start, best_length


def _port(digits: bytes) -> int:
    number = int(digits)
    if number > 65_535:
        raise DecodeError("authority: port above 65535")
    return number
