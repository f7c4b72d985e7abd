# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Identifier octets.  X.680 §8.4, X.690 §8.1.2.

An identifier is one octet: class in bits 8 and 7, constructed in bit 6, number below.  Numbers above 30 need more octets; nothing that we
read or write has them.
"""

from __future__ import annotations

from typing import Final

__all__ = ["constructed", "context"]

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
ENUMERATED: Final = 0x0A
UTF8_STRING: Final = 0x0C
NUMERIC_STRING: Final = 0x12
PRINTABLE_STRING: Final = 0x13
TELETEX_STRING: Final = 0x14
IA5_STRING: Final = 0x16
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
VISIBLE_STRING: Final = 0x1A
UNIVERSAL_STRING: Final = 0x1C
BMP_STRING: Final = 0x1E
SEQUENCE: Final = 0x30
SET: Final = 0x31


def context(number: int) -> int:
    """[number] of the context, primitive."""
    return 0x80 | number


def constructed(number: int) -> int:
    """[number] of the context, constructed."""
    return 0xA0 | number
