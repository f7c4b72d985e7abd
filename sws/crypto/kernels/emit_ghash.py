# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emits `scalar_ghash.py`: GHASH by a table for each octet of a block.  SP 800-38D §6.3, §6.4.

An entry is the product of H with a block that has one octet only.  It is kept in three pieces of 43, 43 and 42 bits, which fit the
machine's word with no sign in the way; sixteen entries are added for a block.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TARGET", "source"]

TARGET: Final = "scalar_ghash.py"

_HEAD: Final = '''# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emitted by `emit_ghash.py`; do not edit.  GHASH by tables for octets.  SP 800-38D §6.3, §6.4.

Timing: looks up tables at places that depend on key and data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import i64

__all__ = ["hash_words"]


def hash_words(high: list[int], middle: list[int], low: list[int], words: Sequence[int]) -> tuple[int, int, int]:
    """The hash of blocks of four words, in its pieces of 43, 43 and 42 bits, from the last octet to the first.

    Args:
      high, middle, low:  the pieces of the entry for octet i of value v at 256 * i + v; SECRET.
      words:  four octets each, the first one lowest.
    """
    a: i64 = 0
    b: i64 = 0
    c: i64 = 0
    i: i64 = 0
    at: i64 = 0
    end: i64 = len(words)
    while at < end:
        w0: i64 = (c & 0xFFFFFFFF) ^ words[at]
        w1: i64 = ((b & 0x3FFFFF) << 10 | c >> 32) ^ words[at + 1]
        w2: i64 = ((a & 0x7FF) << 21 | b >> 22) ^ words[at + 2]
        w3: i64 = a >> 11 ^ words[at + 3]
        at += 4'''


def source() -> str:
    """The module's text."""
    lines = [_HEAD]
    for octet in range(16):
        shift = 8 * (octet % 4)
        word = f"w{octet // 4}"
        value = f"{word} >> 24" if shift == 24 else f"({word} >> {shift} & 255)" if shift else f"({word} & 255)"
        if octet:
            value = f"({value})" if shift == 24 else value
            lines.append(f"        i = {256 * octet} + {value}")
        else:
            lines.append(f"        i = {value[1:-1]}")
        for piece, table in (("a", "high"), ("b", "middle"), ("c", "low")):
            lines.append(f"        {piece} {'^' if octet else ''}= {table}[i]")
    lines.append("    return a, b, c")
    return "\n".join(lines) + "\n"
