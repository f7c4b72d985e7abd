# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emits `scalar_sha2.py`: SHA-2 on machine-sized integers.  FIPS 180-4 §6.2.2, §6.4.2.

32-bit words   stand in one integer each; for rotations by up to n, the lowest n bits are put above the word once: then each of them
               is a shift, and what is above a word is cut off the sum at last; all rounds are written out with their schedule, for
               at the end of a loop PyPy moves all words back to where they began; in a sum the rotations, which wait for the round
               before, come last
64-bit words   stand in two integers, upper and lower 32 bits, because Python's sum of two 64-bit words would be no machine integer;
               a rotation by n takes both halves crosswise, a sum carries the lower half's excess into the upper;
               eight rounds are written out, so that no value moves from one name to the next
"""

from __future__ import annotations

from typing import Final

from sws.crypto.kernels._tables_sha2 import K256

__all__ = ["TARGET", "source"]

TARGET: Final = "scalar_sha2.py"

_HEAD: Final = '''# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SHA-2 on machine-sized integers, for PyPy and mypyc.  Written by `emit_sha2.py`, which explains it.

Timing: as the readable twin, `sws.crypto.ref.sha2`.
"""

from __future__ import annotations

from functools import partial
from struct import unpack_from
from typing import TYPE_CHECKING, Final

from sws.crypto.hash_types import Octets, Sha2
from sws.crypto.kernels._tables_sha2 import K512
from sws.crypto.kernels.block_hash import SHA224, SHA256, SHA384, SHA512, BlockHash, State

if TYPE_CHECKING:
    from mypy_extensions import i64

__all__ = ["SHA2", "compress_32", "compress_64"]

M: Final = 0xFFFFFFFF
'''

_TAIL: Final = """
SHA2: Final = Sha2(
    partial(BlockHash, SHA224, compress_32),
    partial(BlockHash, SHA256, compress_32),
    partial(BlockHash, SHA384, compress_64),
    partial(BlockHash, SHA512, compress_64),
)
"""

_NAMES: Final = "abcdefgh"


def _halves(x: str, *turns: int) -> tuple[str, str]:
    """XOR of rotations of a 64-bit word, upper and lower half; up to 63 bits long."""
    upper, lower = [], []
    for n in turns:
        high, low = (f"{x}h", f"{x}l") if n < 32 else (f"{x}l", f"{x}h")
        upper.append(f"({high} >> {n % 32} | {low} << {32 - n % 32})")
        lower.append(f"({low} >> {n % 32} | {high} << {32 - n % 32})")
    return " ^ ".join(upper), " ^ ".join(lower)


def _round_32(names: list[str], word: str, constant: str) -> list[str]:
    a, b, c, d, e, f, g, h = names
    return [
        f"x = {e} | ({e} & 0x1FFFFFF) << 32",
        f"{h} = {h} + {constant} + {word} + ({g} ^ {e} & ({f} ^ {g})) + (x >> 6 ^ x >> 11 ^ x >> 25)",
        f"{d} = {d} + {h} & M",
        f"x = {a} | ({a} & 0x3FFFFF) << 32",
        f"{h} = {h} + ({a} & {b} | {c} & ({a} | {b})) + (x >> 2 ^ x >> 13 ^ x >> 22) & M",
    ]


def _rounds_32() -> list[str]:
    """All rounds; from the seventeenth on each makes its word of the schedule in the place of the one sixteen before."""
    lines = []
    names = list(_NAMES)
    for number in range(64):
        word = f"w{number % 16}"
        if number >= 16:
            x, y = f"w{(number + 1) % 16}", f"w{(number + 14) % 16}"
            lines += [
                f"x = {x} | ({x} & 0x3FFFF) << 32",
                f"y = {y} | ({y} & 0x7FFFF) << 32",
                f"{word} = {word} + w{(number + 9) % 16} + (x >> 7 ^ x >> 18 ^ {x} >> 3) + (y >> 17 ^ y >> 19 ^ {y} >> 10) & M",
            ]
        lines += _round_32(names, word, f"0x{K256[number]:X}")
        names = [names[7], *names[:7]]
    return [f"        {line}" for line in lines]


def _declared(names: list[str]) -> list[str]:
    """What makes machine integers of the names where mypyc compiles this."""
    return [f"    {name}: i64 = 0" for name in names]


def _compress_32() -> list[str]:
    return [
        "def compress_32(state: State, data: Octets) -> State:",
        '    """The state after whole 64-octet blocks, of SHA-224 and SHA-256."""',
        *_declared([*_NAMES, "x", "y", "at", "end", *(f"w{i}" for i in range(16)), *(f"p{i}" for i in range(8))]),
        "    octets = bytes(data)",
        "    end = len(octets)",
        "    p0, p1, p2, p3, p4, p5, p6, p7 = state",
        "    while at < end:",
        '        w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15 = unpack_from(">16I", octets, at)',
        "        a, b, c, d, e, f, g, h = p0, p1, p2, p3, p4, p5, p6, p7",
        *_rounds_32(),
        *[f"        p{i} = p{i} + {name} & M" for i, name in enumerate(_NAMES)],
        "        at += 64",
        "    return (p0, p1, p2, p3, p4, p5, p6, p7)",
    ]


def _schedule_64() -> list[str]:
    lines = []
    for name, x, turns, shift in (("s0", "x", (1, 8), 7), ("s1", "y", (19, 61), 6)):
        upper, lower = _halves(x, *turns)
        lines += [
            f"            {name}h = ({upper} ^ {x}h >> {shift}) & M",
            f"            {name}l = ({lower} ^ ({x}l >> {shift} | {x}h << {32 - shift})) & M",
        ]
    return lines


def _compress_64() -> list[str]:
    lines = [
        "def compress_64(state: State, data: Octets) -> State:",
        '    """The state after whole 128-octet blocks, of SHA-384 and SHA-512."""',
        *_declared([f"{name}{half}" for name in (*_NAMES, "x", "y", "s0", "s1") for half in "hl"] + ["low"]),
        "    octets = bytes(data)",
        "    wh, wl = [0] * 80, [0] * 80",
        "    kh, kl = [x >> 32 for x in K512], [x & M for x in K512]",
        "    ph, pl = [x >> 32 for x in state], [x & M for x in state]",
        "    for at in range(0, len(octets), 128):",
        "        for t in range(16):",
        "            i = at + 8 * t",
        "            wh[t] = octets[i] << 24 | octets[i + 1] << 16 | octets[i + 2] << 8 | octets[i + 3]",
        "            wl[t] = octets[i + 4] << 24 | octets[i + 5] << 16 | octets[i + 6] << 8 | octets[i + 7]",
        "        for t in range(16, 80):",
        "            xh, xl, yh, yl = wh[t - 15], wl[t - 15], wh[t - 2], wl[t - 2]",
        *_schedule_64(),
        "            low = wl[t - 16] + s0l + wl[t - 7] + s1l",
        "            wl[t] = low & M",
        "            wh[t] = wh[t - 16] + s0h + wh[t - 7] + s1h + (low >> 32) & M",
        "        ah, bh, ch, dh, eh, fh, gh, hh = ph",
        "        al, bl, cl, dl, el, fl, gl, hl = pl",
        "        for t in range(0, 80, 8):",
    ]
    names = list(_NAMES)
    for number in range(8):
        lines += _round_64(names, number)
        names = [names[7], *names[:7]]
    for i, name in enumerate(_NAMES):
        lines += [
            f"        low = pl[{i}] + {name}l",
            f"        pl[{i}] = low & M",
            f"        ph[{i}] = ph[{i}] + {name}h + (low >> 32) & M",
        ]
    return [*lines, "    return tuple([high << 32 | low for high, low in zip(ph, pl, strict=True)])"]


def _round_64(names: list[str], number: int) -> list[str]:
    a, b, c, d, e, f, g, h = names
    s1h, s1l = _halves(e, 14, 18, 41)
    s0h, s0l = _halves(a, 28, 34, 39)
    return [
        f"            s1h = ({s1h}) & M",
        f"            s1l = ({s1l}) & M",
        f"            low = {h}l + s1l + ({g}l ^ {e}l & ({f}l ^ {g}l)) + kl[t + {number}] + wl[t + {number}]",
        f"            {h}h += s1h + ({g}h ^ {e}h & ({f}h ^ {g}h)) + kh[t + {number}] + wh[t + {number}] + (low >> 32)",
        f"            {h}l = low & M",
        f"            low = {d}l + {h}l",
        f"            {d}h = {d}h + {h}h + (low >> 32) & M",
        f"            {d}l = low & M",
        f"            s0h = ({s0h}) & M",
        f"            s0l = ({s0l}) & M",
        f"            low = {h}l + s0l + ({a}l & {b}l | {c}l & ({a}l | {b}l))",
        f"            {h}h = {h}h + s0h + ({a}h & {b}h | {c}h & ({a}h | {b}h)) + (low >> 32) & M",
        f"            {h}l = low & M",
    ]


def source() -> str:
    """The text of `scalar_sha2.py`."""
    return "\n".join([_HEAD, "", *_compress_32(), "", "", *_compress_64(), "", "", _TAIL.lstrip("\n")]).replace("\n\n\n\n", "\n\n\n")
