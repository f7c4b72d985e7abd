# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Writes `_tables_sha2.py` from the rules of FIPS 180-4 §4.2.2, §4.2.3 and §5.3: `python -m sws.crypto.kernels._generate_tables_sha2`.

K, 32 bits:  the first 32 bits of the fractional parts of the cube roots of the first 64 primes
K, 64 bits:  the first 64 bits of those of the first 80 primes
H of SHA-256, SHA-512:  of the square roots of the first 8 primes;  of SHA-384: of the 9th to 16th
H of SHA-224:  the second 32 bits of those of SHA-384
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from pathlib import Path

__all__ = ["source"]


def _primes(count: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


def _cube_root(value: int) -> int:
    low, high = 0, 1 << (value.bit_length() // 3 + 1)
    while low < high:
        middle = (low + high + 1) // 2
        if middle**3 <= value:
            low = middle
        else:
            high = middle - 1
    return low


def _cube_fractions(bits: int, count: int) -> list[int]:
    return [_cube_root(prime << 3 * bits) % (1 << bits) for prime in _primes(count)]


def _square_fractions(bits: int, first: int) -> list[int]:
    return [isqrt(prime << 2 * bits) % (1 << bits) for prime in _primes(first + 8)[first:]]


def _rows(name: str, bits: int, words: Sequence[int]) -> list[str]:
    digits = bits // 4
    lines = [", ".join(f"0x{word:0{digits}X}" for word in words[at : at + 4]) for at in range(0, len(words), 4)]
    return [f"{name}: Final[tuple[int, ...]] = (", *(f"    {line}," for line in lines), ")"]


def source() -> str:
    """The text of `_tables_sha2.py`."""
    of_384 = _square_fractions(64, 8)
    lines = [
        "# SPDX-License-Identifier: Apache-2.0 OR MIT",
        '"""Constants and initial hash values of FIPS 180-4 §4.2.2, §4.2.3, §5.3; written by `_generate_tables_sha2.py`."""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Final",
        "",
        '__all__ = ["H224", "H256", "H384", "H512", "K256", "K512"]',
        "",
        "# fmt: off",
        *_rows("K256", 32, _cube_fractions(32, 64)),
        *_rows("K512", 64, _cube_fractions(64, 80)),
        *_rows("H224", 32, [word & 0xFFFFFFFF for word in of_384]),
        *_rows("H256", 32, _square_fractions(32, 0)),
        *_rows("H384", 64, of_384),
        *_rows("H512", 64, _square_fractions(64, 0)),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("_tables_sha2.py").write_text(source(), encoding="utf-8")
