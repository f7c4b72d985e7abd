# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emits `scalar_keccak.py`: Keccak-f[1600] on machine-sized integers.  FIPS 202 §3.2.

A word of 64 bits stands in two integers, upper and lower 32 bits (h and l), because a 64-bit pattern is no machine integer in Python.  One
round is written out with the 25 words as local variables; theta is merged into rho and pi, which only say where a word goes and how far it
turns.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TARGET", "source"]

TARGET: Final = "scalar_keccak.py"

_HEAD: Final = '''# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keccak on machine-sized integers, for PyPy and mypyc.  Written by `emit_keccak.py`, which explains it.

Timing: as the readable twin, `sws.crypto.ref.sha3`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sws.crypto.hash_types import Sha3
from sws.crypto.kernels.sponge import (
    SHA3_224,
    SHA3_256,
    SHA3_384,
    SHA3_512,
    SHAKE128,
    SHAKE256,
    Lanes,
    SpongeHash,
    SpongeXof,
    one_by_one,
)

if TYPE_CHECKING:
    from mypy_extensions import i64

__all__ = ["SHA3", "absorb"]

M: Final = 0xFFFFFFFF
'''

_ABSORB: Final = '''
def absorb(lanes: Lanes, blocks: bytes, rate: int) -> Lanes:
    """The state after whole blocks; after the permutation alone if there are none."""
    high, low = [x >> 32 for x in lanes], [x & M for x in lanes]
    for at in range(0, len(blocks), rate):
        for word in range(rate // 8):
            i = at + 8 * word
            low[word] ^= blocks[i] | blocks[i + 1] << 8 | blocks[i + 2] << 16 | blocks[i + 3] << 24
            high[word] ^= blocks[i + 4] | blocks[i + 5] << 8 | blocks[i + 6] << 16 | blocks[i + 7] << 24
        _permute(high, low)
    if not blocks:
        _permute(high, low)
    return tuple([h << 32 | x for h, x in zip(high, low, strict=True)])


SHA3: Final = Sha3(
    partial(SpongeHash, SHA3_224, absorb),
    partial(SpongeHash, SHA3_256, absorb),
    partial(SpongeHash, SHA3_384, absorb),
    partial(SpongeHash, SHA3_512, absorb),
    partial(SpongeXof, SHAKE128, absorb),
    partial(SpongeXof, SHAKE256, absorb),
    one_by_one(partial(SpongeXof, SHAKE128, absorb)),
    one_by_one(partial(SpongeXof, SHAKE256, absorb)),
)
'''


def _offsets() -> list[int]:
    """§3.2.2."""
    offsets = [0] * 25
    x, y = 1, 0
    for t in range(24):
        offsets[x + 5 * y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return offsets


def _constants() -> list[int]:
    """§3.2.5."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << (1 << j) - 1
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


def _turned(high: str, low: str, n: int) -> tuple[str, str]:
    """Upper and lower half of a word turned to the left."""
    if n >= 32:
        high, low, n = low, high, n - 32
    if n == 0:
        return high, low
    return f"({high} << {n} | {low} >> {32 - n}) & M", f"({low} << {n} | {high} >> {32 - n}) & M"


def _theta() -> list[str]:
    lines = []
    for x in range(5):
        lines += [f"        c{x}{half} = " + " ^ ".join(f"a{x + 5 * y}{half}" for y in range(5)) for half in "hl"]
    for x in range(5):
        high, low = _turned(f"c{(x + 1) % 5}h", f"c{(x + 1) % 5}l", 1)
        lines += [f"        d{x}h = c{(x + 4) % 5}h ^ {high}", f"        d{x}l = c{(x + 4) % 5}l ^ {low}"]
    return lines


def _round() -> list[str]:
    lines = _theta()
    offsets = _offsets()
    for y in range(5):
        for x in range(5):
            start = (x + 3 * y) % 5 + 5 * x
            column = start % 5
            high, low = _turned("hi", "lo", offsets[start])
            lines += [
                f"        hi, lo = a{start}h ^ d{column}h, a{start}l ^ d{column}l",
                f"        b{x + 5 * y}h, b{x + 5 * y}l = {high}, {low}",
            ]
    for y in range(5):
        for x in range(5):
            here, right, further = x + 5 * y, (x + 1) % 5 + 5 * y, (x + 2) % 5 + 5 * y
            lines += [f"        a{here}{half} = b{here}{half} ^ ~b{right}{half} & b{further}{half}" for half in "hl"]
    return [*lines, "        a0h ^= RC_HIGH[r]", "        a0l ^= RC_LOW[r]"]


def _permute() -> list[str]:
    lines = [
        "def _permute(high: list[int], low: list[int]) -> None:",
        '    """The permutation, in place.  §3.4."""',
    ]
    words = [
        f"{name}{place}{half}" for name, count in (("a", 25), ("b", 25), ("c", 5), ("d", 5)) for place in range(count) for half in "hl"
    ]
    lines += [f"    {word}: i64 = 0" for word in [*words, "hi", "lo"]]
    lines += [f"    {row} = {place}" for row, place in _rows()]
    lines += ["    for r in range(24):", *_round()]
    return lines + [f"    {place} = {row}" for row, place in _rows()]


def _rows() -> list[tuple[str, str]]:
    """Names of local variables, five at a time, and where they stand in the lists."""
    return [
        (", ".join(f"a{x + at}{half}" for x in range(5)), f"{name}[{at}:{at + 5}]")
        for half, name in (("h", "high"), ("l", "low"))
        for at in range(0, 25, 5)
    ]


def _table(name: str, values: list[int]) -> list[str]:
    return [f"{name}: Final = (", *(f"    0x{value:X}," for value in values), ")"]


def source() -> str:
    """The text of `scalar_keccak.py`."""
    constants = _constants()
    tables = [*_table("RC_HIGH", [c >> 32 for c in constants]), *_table("RC_LOW", [c & 0xFFFFFFFF for c in constants])]
    return "\n".join([_HEAD.rstrip("\n"), *tables, "", "", *_permute(), "", _ABSORB])
