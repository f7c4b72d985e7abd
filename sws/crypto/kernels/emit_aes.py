# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emits `scalar_aes.py`: AES on 32-bit words with tables that join SubBytes and MixColumns.  FIPS 197 §5.1.

A column after SubBytes, ShiftRows and MixColumns is the sum of four table entries, one for each octet that reaches it; the tables are
rotations of each other, and all four are kept.  Rounds are written out in pairs, so that the four words only change names.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TARGET", "source"]

TARGET: Final = "scalar_aes.py"

_HEAD: Final = '''# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emitted by `emit_aes.py`; do not edit.  AES on 32-bit words.  FIPS 197 §5.1; SP 800-38D §6.5 for the counter.

Timing: looks up tables at places that depend on key and data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import i64

__all__ = ["encrypt_words"]


def encrypt_words(
    keys: list[int],
    t0: list[int],
    t1: list[int],
    t2: list[int],
    t3: list[int],
    box: list[int],
    words: list[int],
    counts: bool,
    blocks: int,
) -> list[int]:
    """Encrypts blocks of four words.

    Args:
      keys:    the round keys, four words each; SECRET.
      t0..t3:  for a value of an octet at rows 0 .. 3, what it adds to the column after SubBytes and MixColumns.
      box:     the S-box.
      words:   the blocks; if `counts`, the first counter block, whose last word then counts modulo 2^32.
      blocks:  how many.
    """
    out: list[int] = []
    last: i64 = len(keys) - 4
    at: i64 = 0
    done: i64 = 0
    left: i64 = blocks
    while done < left:
        k: i64 = 4'''


def _octet(word: str, row: int) -> str:
    shift = 24 - 8 * row
    return f"{word} >> 24" if shift == 24 else f"{word} >> {shift} & 255" if shift else f"{word} & 255"


def _round(inputs: str, outputs: str, key: str, offset: int) -> list[str]:
    lines = []
    for column in range(4):
        terms = [f"t{row}[{_octet(inputs[(column + row) % 4], row)}]" for row in range(4)]
        place = f"{key} + {offset + column}" if offset + column else key
        lines.append(f"{outputs[column]} = {' ^ '.join(terms)} ^ keys[{place}]")
    return lines


def _last(inputs: str) -> list[str]:
    lines = []
    for column in range(4):
        octets = [f"box[{_octet(inputs[(column + row) % 4], row)}]" for row in range(4)]
        value = f"({octets[0]} << 24 | {octets[1]} << 16 | {octets[2]} << 8 | {octets[3]})"
        lines.append(f"out.append({value} ^ keys[{f'last + {column}' if column else 'last'}])")
    return lines


def source() -> str:
    """The module's text."""
    lines = [_HEAD]
    lines += [f"        {name}: i64 = words[{f'at + {i}' if i else 'at'}] ^ keys[{i}]" for i, name in enumerate("abcd")]
    lines += [f"        {line}".replace(" =", ": i64 =", 1) for line in _round("abcd", "efgh", "k", 0)]
    lines.append("        k = 8")
    lines.append("        while k < last:")
    lines += [f"            {line}" for line in _round("efgh", "abcd", "k", 0) + _round("abcd", "efgh", "k", 4)]
    lines.append("            k += 8")
    lines += [f"        {line}" for line in _last("efgh")]
    lines.append("        if counts:")
    lines.append("            words[3] = (words[3] + 1) & 0xFFFFFFFF")
    lines.append("        else:")
    lines.append("            at += 4")
    lines.append("        done += 1")
    lines.append("    return out")
    return "\n".join(lines) + "\n"
