# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emits `scalar_ghash.py`: GHASH by a table for each octet of a block.  SP 800-38D §6.3, §6.4.

An entry is the product of H with a block that has one octet only.  It is kept as two signed numbers of 64 bits, which fit the machine's
word; sixteen entries are added for a block.
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


def hash_words(
    high: list[int], low: list[int], words: Sequence[int], start: int, pause: int, resume: int, stop: int
) -> tuple[int, int, int, int]:
    """The hash of blocks of four words that stand in two parts of an array: four words.

    Args:
      high, low:      the last and the first eight octets of the entry for octet i of value v at 256 * i + v; SECRET.
      words:          four octets each, the first one lowest.
      start, pause:   where the first part begins, and where it is over; it may be empty.
      resume, stop:   of the second part, which is not empty.
    """
    a: i64 = 0
    b: i64 = 0
    i: i64 = 0
    at: i64 = start
    over: i64 = pause
    again: i64 = resume
    end: i64 = stop
    while at < end:
        if at == over:
            at = again
        w0: i64 = (b & 0xFFFFFFFF) ^ words[at]
        w1: i64 = (b >> 32 & 0xFFFFFFFF) ^ words[at + 1]
        w2: i64 = (a & 0xFFFFFFFF) ^ words[at + 2]
        w3: i64 = (a >> 32 & 0xFFFFFFFF) ^ words[at + 3]
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
        for piece, table in (("a", "high"), ("b", "low")):
            lines.append(f"        {piece} {'^' if octet else ''}= {table}[i]")
    lines.append("    return b & 0xFFFFFFFF, b >> 32 & 0xFFFFFFFF, a & 0xFFFFFFFF, a >> 32 & 0xFFFFFFFF")
    return "\n".join(lines) + "\n"
