# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Poly1305 in the order of RFC 8439 §2.5: the readable twin."""

from __future__ import annotations

from typing import Final

__all__ = ["mac"]

_P: Final = (1 << 130) - 5
_CLAMP: Final = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


def mac(key: bytes, message: bytes) -> bytes:
    """The tag of a message.  §2.5.1

    Args:
      key:  32 octets, for one message; SECRET.
    Returns: 16 octets.
    Timing:  depends on the message's length, down to the Python-integer caveat.
    """
    r = int.from_bytes(key[:16], "little") & _CLAMP
    s = int.from_bytes(key[16:], "little")
    accumulator = 0
    for start in range(0, len(message), 16):
        number = int.from_bytes(message[start : start + 16] + b"\1", "little")
        accumulator = (accumulator + number) * r % _P
    return ((accumulator + s) & ((1 << 128) - 1)).to_bytes(16, "little")
