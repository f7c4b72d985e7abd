# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emitted by `emit_aes_circuit.py`; do not edit.  SubBytes and MixColumns on bit-planes.  FIPS 197 §5.1.1, §5.1.3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

__all__ = ["PLACE_MASKS", "Planes", "mix_0", "mix_1", "mix_2", "mix_3", "sub_bytes"]

Planes: TypeAlias = tuple[int, int, int, int, int, int, int, int]

PLACE_MASKS: Final = (
    (15, 255),
    (1, 14, 2184, 1911, 51, 204, 204, 51),
    (3, 12, 3276, 819, 255),
    (7, 8, 3822, 273, 51, 204, 204, 51),
)
"""The places that the masks of `mix_0` .. `mix_3` keep, a bit each."""


def sub_bytes(a0: int, a1: int, a2: int, a3: int, a4: int, a5: int, a6: int, a7: int) -> Planes:
    """SubBytes of every octet, least significant plane first, without the constant 0x63."""
    v8 = a4 ^ a2
    v9 = a7 ^ a1
    v10 = a7 ^ a4
    v11 = a7 ^ a2
    a5 = a6 ^ a5
    v13 = a5 ^ a0
    a4 = v13 ^ a4
    v15 = v9 ^ v8
    v16 = v13 ^ a7
    a1 = v13 ^ a1
    v18 = a1 ^ v11
    a3 = a3 ^ v15
    a2 = a3 ^ a2
    a6 = a3 ^ a6
    a3 = a2 ^ a0
    v23 = a2 ^ a5
    v24 = a6 ^ v10
    v25 = a0 ^ v24
    v26 = v23 ^ v24
    a5 = a5 ^ v24
    v28 = v15 & a2
    v29 = v9 & a5
    v30 = v10 & v24
    v31 = (v8 & v26) ^ v30
    v30 = (v11 & v23) ^ v30
    a6 = (((v18 & a3) ^ v28) ^ v31) ^ a6
    v28 = (((a4 & a0) ^ v28) ^ v30) ^ (v23 ^ v11)
    v31 = (((a1 & v13) ^ v29) ^ v31) ^ (v9 ^ a5)
    a7 = (((v16 & v25) ^ v29) ^ v30) ^ (a7 ^ a5)
    v30 = a6 ^ v28
    a6 = a6 & v31
    v29 = a7 ^ a6
    v40 = (v30 & v29) ^ v28
    a6 = ((v28 ^ a6) & (v31 ^ a7)) ^ a7
    a7 = a7 & (v29 ^ a6)
    v31 = a7 ^ (v31 ^ a6)
    a7 = v30 ^ (v40 & (v29 ^ a7))
    v29 = a7 ^ v31
    v30 = v40 ^ a6
    v28 = v40 ^ a7
    v48 = a6 ^ v31
    v49 = v30 ^ v29
    a0 = a6 & a0
    a5 = v28 & a5
    v13 = a7 & v13
    v25 = v40 & v25
    v26 = v49 & v26
    v18 = v31 & v18
    v9 = v28 & v9
    v8 = v49 & v8
    v10 = (v30 & v10) ^ v8
    a1 = v25 ^ (a7 & a1)
    a2 = (v48 & a2) ^ a5
    a7 = (a0 ^ v9) ^ a2
    v49 = v13 ^ v10
    v24 = a5 ^ ((v30 & v24) ^ v26)
    v23 = (v26 ^ (v29 & v23)) ^ v49
    v49 = ((v48 & v15) ^ v18) ^ v49
    v13 = v13 ^ v24
    v16 = ((v40 & v16) ^ a7) ^ v23
    a3 = (v31 & a3) ^ v49
    v49 = v24 ^ v49
    v23 = (v9 ^ a1) ^ v23
    a7 = a1 ^ (v10 ^ a7)
    a2 = a2 ^ a3
    a3 = (a0 ^ v25) ^ a3
    a4 = (v18 ^ (a6 & a4)) ^ v16
    a6 = v13 ^ a2
    v16 = (v8 ^ (v29 & v11)) ^ (v13 ^ v16)
    return a7, v23, a4, a3, a2, v16, a6, v49


def mix_0(planes: Planes, key: Sequence[int], shifts: Sequence[int], masks: Sequence[int]) -> Planes:
    """MixColumns and AddRoundKey after 0 rounds (modulo 4) whose ShiftRows was left out."""
    s0, s1, s2, s3, s4, s5, s6, s7 = planes
    k0, k1, k2, k3, k4, k5, k6, k7 = key
    n4, n8, n12 = shifts[4], shifts[8], shifts[12]
    p0, q0 = masks
    t0 = ((s0 & p0) << n12) | (s0 >> n4)
    s0 ^= t0
    t1 = ((s1 & p0) << n12) | (s1 >> n4)
    s1 ^= t1
    t2 = ((s2 & p0) << n12) | (s2 >> n4)
    s2 ^= t2
    t3 = ((s3 & p0) << n12) | (s3 >> n4)
    s3 ^= t3
    t4 = ((s4 & p0) << n12) | (s4 >> n4)
    s4 ^= t4
    t5 = ((s5 & p0) << n12) | (s5 >> n4)
    s5 ^= t5
    t6 = ((s6 & p0) << n12) | (s6 >> n4)
    s6 ^= t6
    t7 = ((s7 & p0) << n12) | (s7 >> n4)
    s7 ^= t7
    t0 = k0 ^ t0 ^ (((s0 & q0) << n8) | (s0 >> n8)) ^ s7
    t1 = k1 ^ t1 ^ (((s1 & q0) << n8) | (s1 >> n8)) ^ s0 ^ s7
    t2 = k2 ^ t2 ^ (((s2 & q0) << n8) | (s2 >> n8)) ^ s1
    t3 = k3 ^ t3 ^ (((s3 & q0) << n8) | (s3 >> n8)) ^ s2 ^ s7
    t4 = k4 ^ t4 ^ (((s4 & q0) << n8) | (s4 >> n8)) ^ s3 ^ s7
    t5 = k5 ^ t5 ^ (((s5 & q0) << n8) | (s5 >> n8)) ^ s4
    t6 = k6 ^ t6 ^ (((s6 & q0) << n8) | (s6 >> n8)) ^ s5
    t7 = k7 ^ t7 ^ (((s7 & q0) << n8) | (s7 >> n8)) ^ s6
    return t0, t1, t2, t3, t4, t5, t6, t7


def mix_1(planes: Planes, key: Sequence[int], shifts: Sequence[int], masks: Sequence[int]) -> Planes:
    """MixColumns and AddRoundKey after 1 rounds (modulo 4) whose ShiftRows was left out."""
    s0, s1, s2, s3, s4, s5, s6, s7 = planes
    k0, k1, k2, k3, k4, k5, k6, k7 = key
    n1, n5, n6, n10, n11, n15 = shifts[1], shifts[5], shifts[6], shifts[10], shifts[11], shifts[15]
    p0, p1, p2, p3, q0, q1, q2, q3 = masks
    t0 = ((s0 & p0) << n15) | ((s0 & p1) << n11) | (s0 >> n1 & p2) | (s0 >> n5 & p3)
    s0 ^= t0
    t1 = ((s1 & p0) << n15) | ((s1 & p1) << n11) | (s1 >> n1 & p2) | (s1 >> n5 & p3)
    s1 ^= t1
    t2 = ((s2 & p0) << n15) | ((s2 & p1) << n11) | (s2 >> n1 & p2) | (s2 >> n5 & p3)
    s2 ^= t2
    t3 = ((s3 & p0) << n15) | ((s3 & p1) << n11) | (s3 >> n1 & p2) | (s3 >> n5 & p3)
    s3 ^= t3
    t4 = ((s4 & p0) << n15) | ((s4 & p1) << n11) | (s4 >> n1 & p2) | (s4 >> n5 & p3)
    s4 ^= t4
    t5 = ((s5 & p0) << n15) | ((s5 & p1) << n11) | (s5 >> n1 & p2) | (s5 >> n5 & p3)
    s5 ^= t5
    t6 = ((s6 & p0) << n15) | ((s6 & p1) << n11) | (s6 >> n1 & p2) | (s6 >> n5 & p3)
    s6 ^= t6
    t7 = ((s7 & p0) << n15) | ((s7 & p1) << n11) | (s7 >> n1 & p2) | (s7 >> n5 & p3)
    s7 ^= t7
    t0 = k0 ^ t0 ^ (((s0 & q0) << n10) | ((s0 & q1) << n6) | (s0 >> n6 & q2) | (s0 >> n10 & q3)) ^ s7
    t1 = k1 ^ t1 ^ (((s1 & q0) << n10) | ((s1 & q1) << n6) | (s1 >> n6 & q2) | (s1 >> n10 & q3)) ^ s0 ^ s7
    t2 = k2 ^ t2 ^ (((s2 & q0) << n10) | ((s2 & q1) << n6) | (s2 >> n6 & q2) | (s2 >> n10 & q3)) ^ s1
    t3 = k3 ^ t3 ^ (((s3 & q0) << n10) | ((s3 & q1) << n6) | (s3 >> n6 & q2) | (s3 >> n10 & q3)) ^ s2 ^ s7
    t4 = k4 ^ t4 ^ (((s4 & q0) << n10) | ((s4 & q1) << n6) | (s4 >> n6 & q2) | (s4 >> n10 & q3)) ^ s3 ^ s7
    t5 = k5 ^ t5 ^ (((s5 & q0) << n10) | ((s5 & q1) << n6) | (s5 >> n6 & q2) | (s5 >> n10 & q3)) ^ s4
    t6 = k6 ^ t6 ^ (((s6 & q0) << n10) | ((s6 & q1) << n6) | (s6 >> n6 & q2) | (s6 >> n10 & q3)) ^ s5
    t7 = k7 ^ t7 ^ (((s7 & q0) << n10) | ((s7 & q1) << n6) | (s7 >> n6 & q2) | (s7 >> n10 & q3)) ^ s6
    return t0, t1, t2, t3, t4, t5, t6, t7


def mix_2(planes: Planes, key: Sequence[int], shifts: Sequence[int], masks: Sequence[int]) -> Planes:
    """MixColumns and AddRoundKey after 2 rounds (modulo 4) whose ShiftRows was left out."""
    s0, s1, s2, s3, s4, s5, s6, s7 = planes
    k0, k1, k2, k3, k4, k5, k6, k7 = key
    n2, n6, n8, n10, n14 = shifts[2], shifts[6], shifts[8], shifts[10], shifts[14]
    p0, p1, p2, p3, q0 = masks
    t0 = ((s0 & p0) << n14) | ((s0 & p1) << n10) | (s0 >> n2 & p2) | (s0 >> n6 & p3)
    s0 ^= t0
    t1 = ((s1 & p0) << n14) | ((s1 & p1) << n10) | (s1 >> n2 & p2) | (s1 >> n6 & p3)
    s1 ^= t1
    t2 = ((s2 & p0) << n14) | ((s2 & p1) << n10) | (s2 >> n2 & p2) | (s2 >> n6 & p3)
    s2 ^= t2
    t3 = ((s3 & p0) << n14) | ((s3 & p1) << n10) | (s3 >> n2 & p2) | (s3 >> n6 & p3)
    s3 ^= t3
    t4 = ((s4 & p0) << n14) | ((s4 & p1) << n10) | (s4 >> n2 & p2) | (s4 >> n6 & p3)
    s4 ^= t4
    t5 = ((s5 & p0) << n14) | ((s5 & p1) << n10) | (s5 >> n2 & p2) | (s5 >> n6 & p3)
    s5 ^= t5
    t6 = ((s6 & p0) << n14) | ((s6 & p1) << n10) | (s6 >> n2 & p2) | (s6 >> n6 & p3)
    s6 ^= t6
    t7 = ((s7 & p0) << n14) | ((s7 & p1) << n10) | (s7 >> n2 & p2) | (s7 >> n6 & p3)
    s7 ^= t7
    t0 = k0 ^ t0 ^ (((s0 & q0) << n8) | (s0 >> n8)) ^ s7
    t1 = k1 ^ t1 ^ (((s1 & q0) << n8) | (s1 >> n8)) ^ s0 ^ s7
    t2 = k2 ^ t2 ^ (((s2 & q0) << n8) | (s2 >> n8)) ^ s1
    t3 = k3 ^ t3 ^ (((s3 & q0) << n8) | (s3 >> n8)) ^ s2 ^ s7
    t4 = k4 ^ t4 ^ (((s4 & q0) << n8) | (s4 >> n8)) ^ s3 ^ s7
    t5 = k5 ^ t5 ^ (((s5 & q0) << n8) | (s5 >> n8)) ^ s4
    t6 = k6 ^ t6 ^ (((s6 & q0) << n8) | (s6 >> n8)) ^ s5
    t7 = k7 ^ t7 ^ (((s7 & q0) << n8) | (s7 >> n8)) ^ s6
    return t0, t1, t2, t3, t4, t5, t6, t7


def mix_3(planes: Planes, key: Sequence[int], shifts: Sequence[int], masks: Sequence[int]) -> Planes:
    """MixColumns and AddRoundKey after 3 rounds (modulo 4) whose ShiftRows was left out."""
    s0, s1, s2, s3, s4, s5, s6, s7 = planes
    k0, k1, k2, k3, k4, k5, k6, k7 = key
    n3, n6, n7, n9, n10, n13 = shifts[3], shifts[6], shifts[7], shifts[9], shifts[10], shifts[13]
    p0, p1, p2, p3, q0, q1, q2, q3 = masks
    t0 = ((s0 & p0) << n13) | ((s0 & p1) << n9) | (s0 >> n3 & p2) | (s0 >> n7 & p3)
    s0 ^= t0
    t1 = ((s1 & p0) << n13) | ((s1 & p1) << n9) | (s1 >> n3 & p2) | (s1 >> n7 & p3)
    s1 ^= t1
    t2 = ((s2 & p0) << n13) | ((s2 & p1) << n9) | (s2 >> n3 & p2) | (s2 >> n7 & p3)
    s2 ^= t2
    t3 = ((s3 & p0) << n13) | ((s3 & p1) << n9) | (s3 >> n3 & p2) | (s3 >> n7 & p3)
    s3 ^= t3
    t4 = ((s4 & p0) << n13) | ((s4 & p1) << n9) | (s4 >> n3 & p2) | (s4 >> n7 & p3)
    s4 ^= t4
    t5 = ((s5 & p0) << n13) | ((s5 & p1) << n9) | (s5 >> n3 & p2) | (s5 >> n7 & p3)
    s5 ^= t5
    t6 = ((s6 & p0) << n13) | ((s6 & p1) << n9) | (s6 >> n3 & p2) | (s6 >> n7 & p3)
    s6 ^= t6
    t7 = ((s7 & p0) << n13) | ((s7 & p1) << n9) | (s7 >> n3 & p2) | (s7 >> n7 & p3)
    s7 ^= t7
    t0 = k0 ^ t0 ^ (((s0 & q0) << n10) | ((s0 & q1) << n6) | (s0 >> n6 & q2) | (s0 >> n10 & q3)) ^ s7
    t1 = k1 ^ t1 ^ (((s1 & q0) << n10) | ((s1 & q1) << n6) | (s1 >> n6 & q2) | (s1 >> n10 & q3)) ^ s0 ^ s7
    t2 = k2 ^ t2 ^ (((s2 & q0) << n10) | ((s2 & q1) << n6) | (s2 >> n6 & q2) | (s2 >> n10 & q3)) ^ s1
    t3 = k3 ^ t3 ^ (((s3 & q0) << n10) | ((s3 & q1) << n6) | (s3 >> n6 & q2) | (s3 >> n10 & q3)) ^ s2 ^ s7
    t4 = k4 ^ t4 ^ (((s4 & q0) << n10) | ((s4 & q1) << n6) | (s4 >> n6 & q2) | (s4 >> n10 & q3)) ^ s3 ^ s7
    t5 = k5 ^ t5 ^ (((s5 & q0) << n10) | ((s5 & q1) << n6) | (s5 >> n6 & q2) | (s5 >> n10 & q3)) ^ s4
    t6 = k6 ^ t6 ^ (((s6 & q0) << n10) | ((s6 & q1) << n6) | (s6 >> n6 & q2) | (s6 >> n10 & q3)) ^ s5
    t7 = k7 ^ t7 ^ (((s7 & q0) << n10) | ((s7 & q1) << n6) | (s7 >> n6 & q2) | (s7 >> n10 & q3)) ^ s6
    return t0, t1, t2, t3, t4, t5, t6, t7
