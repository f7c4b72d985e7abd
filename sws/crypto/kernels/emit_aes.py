# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emits `scalar_aes.py`: AES on 32-bit words with tables that join SubBytes and MixColumns.  FIPS 197 §5.1.

A column after SubBytes, ShiftRows and MixColumns is the sum of four table entries, one for each octet that reaches it; the tables are
rotations of each other, and all four are kept.  All rounds are written out, for each length of a key apart: PyPy compiles a loop best
when it has one way through.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TARGET", "source"]

TARGET: Final = "scalar_aes.py"

_HEAD: Final = '''# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emitted by `emit_aes.py`; do not edit.  AES on 32-bit words.  FIPS 197 §5.1; SP 800-38D §6.5 for the counter.

A word is a column, its row 0 the lowest octet.  In all functions: `keys` are the round keys, four words each; `t0` .. `t3`
say for an octet at rows 0 .. 3 what it adds to its column after SubBytes and MixColumns; `box` is the S-box.

Timing: looks up tables at places that depend on key and data.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from mypy_extensions import i64

__all__ = ["count_10", "count_12", "count_14", "encrypt_10", "encrypt_12", "encrypt_14"]

Words: TypeAlias = MutableSequence[int]
'''

_TABLES: Final = "keys: list[int], t0: list[int], t1: list[int], t2: list[int], t3: list[int], box: list[int]"

_ENCRYPT: Final = f'''

def encrypt_ROUNDS({_TABLES}, words: Words) -> None:
    """Encrypts blocks of four words where they stand."""
    at: i64 = 0
    end: i64 = len(words)
    while at < end:'''

_COUNT: Final = '''

def count_ROUNDS(
    TABLES,
    first: Sequence[int],
    words: Words,
    place: int,
    stop: int,
) -> None:
    """Adds encrypted counter blocks to words, in ROUNDS rounds.

    Args:
      first:  three words of the counter blocks, and the first counter, which counts modulo 2^32.
      words:  whole blocks from `place` to `stop`.
    """
    at: i64 = place
    end: i64 = stop
    w0: i64 = first[0] ^ keys[0]
    w1: i64 = first[1] ^ keys[1]
    w2: i64 = first[2] ^ keys[2]
    count: i64 = first[3]
    while at < end:'''


def _octet(word: str, row: int) -> str:
    shift = 8 * row
    return f"{word} >> 24" if shift == 24 else f"{word} >> {shift} & 255" if shift else f"{word} & 255"


def _round(inputs: str, outputs: str, key: int) -> list[str]:
    lines = []
    for column in range(4):
        terms = [f"t{row}[{_octet(inputs[(column + row) % 4], row)}]" for row in range(4)]
        lines.append(f"{outputs[column]} = {' ^ '.join(terms)} ^ keys[{key + column}]")
    return lines


def _last(inputs: str, operator: str, key: int) -> list[str]:
    lines = []
    for column in range(4):
        octets = [f"box[{_octet(inputs[(column + row) % 4], row)}]" for row in range(4)]
        value = f"{octets[3]} << 24 | {octets[2]} << 16 | {octets[1]} << 8 | {octets[0]}"
        lines.append(f"words[{f'at + {column}' if column else 'at'}] {operator} ({value}) ^ keys[{key + column}]")
    return lines


def _body(rounds: int, start: list[str], operator: str, end: list[str]) -> list[str]:
    lines = [*start, *(line.replace(" =", ": i64 =", 1) for line in _round("abcd", "efgh", 4))]
    for first in range(2, rounds, 2):
        lines += _round("efgh", "abcd", 4 * first) + _round("abcd", "efgh", 4 * first + 4)
    lines += [*_last("efgh", operator, 4 * rounds), *end]
    return [f"        {line}" for line in lines]


def source() -> str:
    """The module's text."""
    block = [f"{name}: i64 = words[{f'at + {i}' if i else 'at'}] ^ keys[{i}]" for i, name in enumerate("abcd")]
    counter = [f"{name}: i64 = w{i}" for i, name in enumerate("abc")] + [
        "d: i64 = ((count & 255) << 24 | (count & 0xFF00) << 8 | count >> 8 & 0xFF00 | count >> 24) ^ keys[3]"
    ]
    lines = [_HEAD[:-1]]
    for rounds in (10, 12, 14):
        lines += [_ENCRYPT.replace("ROUNDS", str(rounds)), *_body(rounds, block, "=", ["at += 4"])]
        lines += [
            _COUNT.replace("TABLES", _TABLES.replace(", ", ",\n    ")).replace("ROUNDS", str(rounds)),
            *_body(rounds, counter, "^=", ["at += 4", "count = (count + 1) & 0xFFFFFFFF"]),
        ]
    return "\n".join(lines) + "\n"
