# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PEM: DER between lines of text.  RFC 7468.

    -----BEGIN CERTIFICATE-----
    MIIB…            base64, 64 characters a line
    -----END CERTIFICATE-----

Text around the blocks is allowed and skipped (§2); within a block is base64 alone, in the lax form of §3: lines of any length, white
space anywhere.  Wanted of the base64 itself: the alphabet, whole quanta, padding only at the end and unused bits zero.  Headers within a
block (RFC 1421, "Proc-Type: 4,ENCRYPTED") are refused.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, b2a_base64
from typing import Final, NamedTuple

from sws.base.errors import DecodeError, LimitExceeded, UsageError
from sws.crypto.octets import octets

__all__ = ["MAX_OCTETS", "PemBlock", "decode_pem", "encode_pem", "is_pem"]

MAX_OCTETS: Final = 16 << 20
"""Of a whole file."""
_LABEL: Final = rb"[!-,.-~](?:[- ]?[!-,.-~])*"
_BEGIN: Final = re.compile(rb"^-----BEGIN (" + _LABEL + rb")-----[ \t]*\r?$", re.MULTILINE)
_SPACE: Final = b" \t\r\n\x0b\x0c"


class PemBlock(NamedTuple):
    """One block.

    Attributes:
      label:   "CERTIFICATE", "PRIVATE KEY" …
      der:     what the base64 stands for; of a private key SECRET.
      offset:  where in the text the block begins.
    """

    label: str
    der: bytes
    offset: int


def is_pem(data: bytes) -> bool:
    """Whether there is a block; DER begins with 0x30 and has none by any likely accident."""
    return data[:1] != b"\x30" and _BEGIN.search(data) is not None


def decode_pem(text: bytes | str) -> list[PemBlock]:
    """All blocks, in order.

    Raises: DecodeError for a block without its end, under another label at its end, with headers, or with base64 that is none;
            LimitExceeded for more than MAX_OCTETS.
    """
    data = text.encode() if isinstance(text, str) else octets(text)
    if len(data) > MAX_OCTETS:
        raise LimitExceeded("octets of PEM", len(data), MAX_OCTETS)
    blocks: list[PemBlock] = []
    at = 0
    while begin := _BEGIN.search(data, at):
        label = begin[1]
        end = data.find(b"\n-----END ", begin.end())
        tail = b"\n-----END " + label + b"-----"
        if end < 0 or not data.startswith(tail, end):
            raise DecodeError(f"PEM {label.decode()}: no END line of the same label", begin.start())
        at = end + len(tail)
        blocks.append(PemBlock(label.decode(), _base64(data[begin.end() : end], label.decode(), begin.end()), begin.start()))
    return blocks


def _base64(lines: bytes, label: str, offset: int) -> bytes:
    if b":" in lines:
        raise DecodeError(f"PEM {label}: headers, as of the old encryption, are not supported; use PKCS #8", offset)
    packed = lines.translate(None, _SPACE)
    try:
        octets = a2b_base64(packed, strict_mode=True)
    except Error:
        raise DecodeError(f"PEM {label}: not base64", offset) from None
    if b2a_base64(octets, newline=False) != packed:
        raise DecodeError(f"PEM {label}: base64 with padding or unused bits that are not as they must be", offset)
    return octets


def encode_pem(label: str, der: bytes) -> str:
    """A block, with its line end.  RFC 7468 §3, the strict form.

    Raises: UsageError for a label that the grammar does not allow.
    """
    if not label.isascii() or re.fullmatch(_LABEL, label.encode()) is None:
        raise UsageError(f"PEM label {label!r}")
    text = b2a_base64(der, newline=False).decode()
    lines = "".join(f"{text[at : at + 64]}\n" for at in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}-----END {label}-----\n"
