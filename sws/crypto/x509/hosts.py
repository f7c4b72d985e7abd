# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whether a certificate is for the host one meant to reach.  RFC 9525 §6, RFC 5280 §4.2.1.6.

A reference identifier is what the caller wants: the name of a host in A-labels, or an address.  Presented identifiers are the names of
subjectAltName, of the same kind, and nothing else: a common name is never looked at (§2, §6.3).

- Names are compared label by label without regard to the case of ASCII letters (§6.3).
- A wildcard is the whole of the first label, `*.example.com`, and stands for exactly one label (§6.3); two labels at least must follow it,
  so that nobody holds a certificate for everything in a top-level domain.
- Addresses are compared by octets (§6.4); there are no wildcards, and text that looks like an address is never compared as a name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from sws.base.errors import UsageError
from sws.crypto.x509.general_names import GeneralName, Kind

__all__ = ["address_octets", "is_address", "is_presentable", "is_reference", "matches", "matches_dns"]

_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PATTERN: Final = re.compile(rf"(?:\*\.(?={_LABEL}\.))?{_LABEL}(?:\.{_LABEL})*")
_MAXIMUM: Final = 253
_NUMERIC: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)")


def is_address(text: str) -> bool:
    """Whether it is an IP address in text."""
    return address_octets(text) is not None


def address_octets(text: str) -> bytes | None:
    """4 or 16 octets of an IP address in text; None for anything else."""
    if not text or not (text[0].isdigit() or ":" in text):
        return None
    import ipaddress

    try:
        return ipaddress.ip_address(text).packed
    except ValueError:
        return None


def is_reference(name: str) -> bool:
    """Whether it is the name of a host that can be looked for: ASCII labels, the last not a number, and no dot at the end."""
    return len(name) <= _MAXIMUM and _NAME.fullmatch(name) is not None and _NUMERIC.fullmatch(name) is None


def is_presentable(name: str) -> bool:
    """Whether a certificate can present it: such a name, or a wildcard with two labels behind it."""
    return len(name) <= _MAXIMUM and _PATTERN.fullmatch(name) is not None and _NUMERIC.fullmatch(name) is None


def matches_dns(reference: str, presented: str) -> bool:
    """Whether a presented name covers a reference; the reference is one that `is_reference`."""
    if not is_presentable(presented):
        return False
    reference, presented = reference.lower(), presented.lower()
    if not presented.startswith("*."):
        return reference == presented
    first, dot, rest = reference.partition(".")
    return bool(first and dot) and rest == presented[2:]


def matches(reference: str, names: Sequence[GeneralName]) -> bool:
    """Whether one of the presented names covers the reference.

    Args:
      reference:  an address in text, with or without brackets; or the name of a host in A-labels, a dot at its end allowed.
    Raises: UsageError for what is neither.
    """
    bare = reference[1:-1] if reference[:1] == "[" and reference[-1:] == "]" else reference
    address = address_octets(bare)
    if address is not None:
        return any(kind is Kind.IP_ADDRESS and value == address for kind, value in names)
    host = reference[:-1] if reference.endswith(".") else reference
    if not is_reference(host):
        raise UsageError(f"{reference!r} is neither the name of a host in A-labels nor an address")
    return any(kind is Kind.DNS_NAME and isinstance(value, str) and matches_dns(host, value) for kind, value in names)
