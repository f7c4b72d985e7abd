# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ChaCha20 with the blocks of a whole batch side by side in big integers.  RFC 8439 §2.3.

A *lane* has 40 bits: a word of 32, and above it eight that are spare.  Lane j belongs to block j, so

    add          a + b                the carry stays in the spare bits, where it adds up: at most 42 · 2^32 < 2^40 to the very end
    rotate by r  (t << r) & high_r | (t >> 32 − r) & low_r

where high_r and low_r repeat, in every lane, the upper 32 − r and the lower r bits of a word.  These masks drop the spare bits of t, its
own and those that a shift brings over from the neighbours: so what is rotated (rows b and d of the state) is clean, what is added to it
(rows a and c) need not be, and addition has no mask at all.  There are two forms, by how many blocks there are; `emit_chacha20_rounds`
writes their rounds out:

    words   sixteen integers of n lanes, one for each word of the state: no work but the rounds.  For many blocks.
    rows    four integers of 4·n lanes, column after column: a quarter of the operations, each four times as long, and six turns of
            segments in a double round to bring the diagonals under each other.  For few blocks, where an operation's fixed cost counts.

        row b before a diagonal round    │ b3 │ b2 │ b1 │ b0 │   ──▶   │ b0 │ b3 │ b2 │ b1 │     (segments of n lanes, lane 0 right)

A lane is five octets, so a slice deletion drops the spare bits of all lanes in the end.  Then word i of all blocks is copied to every
sixteenth place of the stream.

Timing: the same operations for every key and nonce; Python's integers of equal length take equal time but for leading zeros.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

from sws.crypto.kernels.chacha20_rounds import rows_rounds, words_rounds

__all__ = ["ROWS_MAXIMUM", "crypt_many", "first_octets", "key_streams"]

_CONSTANTS: Final = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
_LANE: Final = 40
_WORD: Final = 0xFFFFFFFF
ROWS_MAXIMUM: Final = 40
"""Blocks up to which rows are quicker."""

_CACHE_OCTETS: Final = 1 << 20
_LANES_MAXIMUM: Final = 1 << 12  # blocks in one pass; longer batches are cut, so that no plan is larger than a quarter of a mebibyte

_SAMPLES_MAXIMUM: Final = 64

_ZEROS: Final = tuple(bytes(count) for count in range(65))

Run = tuple[bytes, int, int]


class _Masks(NamedTuple):
    """The repeated constants of n lanes."""

    ones: int
    h16: int
    l16: int
    h12: int
    l12: int
    h8: int
    l8: int
    h7: int
    l7: int


def _repeat(lanes: int) -> int:
    """1 in each lane."""
    return ((1 << _LANE * lanes) - 1) // ((1 << _LANE) - 1)


def _make_masks(lanes: int) -> _Masks:
    ones = _repeat(lanes)
    h16, h12, h8, h7 = [ones * (_WORD ^ (1 << count) - 1) for count in (16, 12, 8, 7)]
    l16, l12, l8, l7 = [ones * ((1 << count) - 1) for count in (16, 12, 8, 7)]
    return _Masks(ones, h16, l16, h12, l12, h8, l8, h7, l7)


_plans: OrderedDict[int, _Masks] = OrderedDict()
_planned_octets = 0


def _masks(lanes: int) -> _Masks:
    """The masks of a number of lanes, remembered within a bound in octets: the least used go first."""
    global _planned_octets
    plan = _plans.get(lanes)
    if plan is None:
        plan = _plans[lanes] = _make_masks(lanes)
        _planned_octets += _size(lanes)
        while _planned_octets > _CACHE_OCTETS:
            _planned_octets -= _size(_plans.popitem(last=False)[0])
    else:
        _plans.move_to_end(lanes)
    return plan


def _size(lanes: int) -> int:
    return 9 * (lanes * _LANE // 7 + 40)


def _dense(x: int, lanes: int) -> array[int]:
    """The words of the lanes, without their spare bits."""
    data = bytearray(x.to_bytes(5 * lanes, "little"))
    del data[4::5]
    return array("I", bytes(data))


def _input_lanes(runs: Sequence[Run]) -> tuple[int, tuple[int, int, int, int]]:
    """How many blocks there are, and words 12 to 15 of all of them in lanes."""
    if len(runs) == 1 and runs[0][1] + runs[0][2] <= 1 << 32:
        nonce, first, count = runs[0]
        ones = _ones(count)
        word = int.from_bytes(nonce, "little")
        return count, (_ramp(count) + first * ones, (word & _WORD) * ones, (word >> 32 & _WORD) * ones, (word >> 64) * ones)
    total = 0
    counters = n0 = n1 = n2 = 0
    for nonce, first, count in runs:
        shift = _LANE * total
        ones = _ones(count)
        word = int.from_bytes(nonce, "little")
        if first + count <= 1 << 32:
            counters |= (_ramp(count) + first * ones) << shift
        else:
            counters |= sum(((first + index) & _WORD) << _LANE * index for index in range(count)) << shift
        n0 |= (word & _WORD) * ones << shift
        n1 |= (word >> 32 & _WORD) * ones << shift
        n2 |= (word >> 64) * ones << shift
        total += count
    return total, (counters, n0, n1, n2)


_ones_of: dict[int, int] = {}
_ramp_of: dict[int, int] = {}
_SMALL_MAXIMUM: Final = 256


def _ones(count: int) -> int:
    """1 in each of `count` lanes."""
    found = _ones_of.get(count)
    if found is None:
        found = _repeat(count)
        if len(_ones_of) >= _SMALL_MAXIMUM:
            _ones_of.clear()
        _ones_of[count] = found
    return found


def _ramp(count: int) -> int:
    """j in lane j: the sum of ones from each lane on, less the first."""
    found = _ramp_of.get(count)
    if found is None:
        found = sum(index << _LANE * index for index in range(count))
        if len(_ramp_of) >= _SMALL_MAXIMUM:
            _ramp_of.clear()
        _ramp_of[count] = found
    return found


def key_streams(key: bytes, runs: Sequence[Run]) -> bytes:
    """The blocks of all runs, one run after the other; see `sws.crypto.chacha20.Kernel`."""
    parts = []
    some: list[Run] = []
    room = _LANES_MAXIMUM
    for nonce, first, count in runs:
        done = 0
        while done < count:
            taken = min(count - done, room)
            some.append((nonce, (first + done) & _WORD, taken))
            done += taken
            room -= taken
            if not room:
                parts.append(_pass(key, some))
                some, room = [], _LANES_MAXIMUM
    if some:
        parts.append(_pass(key, some))
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _pass(key: bytes, runs: Sequence[Run]) -> bytes:
    count, varying = _input_lanes(runs)
    return _by_rows(key, count, varying) if count <= ROWS_MAXIMUM else _by_words(key, count, varying)


def _by_words(key: bytes, count: int, varying: tuple[int, int, int, int]) -> bytes:
    k = _masks(count)
    state = [word * k.ones for word in (*_CONSTANTS, *array("I", key))]
    state += varying
    out = array("I", bytes(64 * count))
    for index, (was, now) in enumerate(zip(state, words_rounds(state, k), strict=True)):
        out[index::16] = _dense(was + now, count)
    return out.tobytes()


def _rows_key(key: bytes, count: int) -> tuple[int, int, int, int]:
    """The rows of the constants and of the key, and the bits of a column."""
    segment = _LANE * count
    two, three = 2 * segment, 3 * segment
    ones = _ones(count)
    words = array("I", key)
    rows = [a * ones | b * ones << segment | c * ones << two | d * ones << three for a, b, c, d in (_CONSTANTS, words[:4], words[4:])]
    return rows[0], rows[1], rows[2], segment


def _by_rows(key: bytes, count: int, varying: tuple[int, int, int, int]) -> bytes:
    constants, first, second, segment = _rows_key(key, count)
    last = varying[0] | varying[1] << segment | varying[2] << 2 * segment | varying[3] << 3 * segment
    state = constants, first, second, last
    k = _masks(4 * count)
    out = array("I", bytes(64 * count))
    size = 20 * count
    mixed = rows_rounds(*state, segment, k)
    data = bytearray(b"".join([(was + now).to_bytes(size, "little") for was, now in zip(state, mixed, strict=True)]))
    del data[4::5]
    if count == 1:
        return bytes(data)
    words = array("I", bytes(data))
    for word in range(16):
        out[word::16] = words[word * count : (word + 1) * count]
    return out.tobytes()


def crypt_many(key: bytes, runs: Sequence[Run], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The first 32 octets of each run, and each text XOR the run's blocks after the first: one XOR over all."""
    stream = key_streams(key, runs)
    if len(runs) == 1:
        size = len(texts[0])
        output = int.from_bytes(texts[0], "little") ^ int.from_bytes(stream[64 : 64 + size], "little")
        return [stream[:32]], [output.to_bytes(size, "little")]
    parts: list[bytes] = []
    for text in texts:
        parts += (_ZEROS[64], text, _ZEROS[-len(text) & 63])
    mixed = (int.from_bytes(b"".join(parts), "little") ^ int.from_bytes(stream, "little")).to_bytes(len(stream), "little")
    keys, outputs = [], []
    at = 0
    for (_, _, count), text in zip(runs, texts, strict=True):
        keys.append(mixed[at : at + 32])
        outputs.append(mixed[at + 64 : at + 64 + len(text)])
        at += 64 * count
    return keys, outputs


def first_octets(key: bytes, samples: Sequence[bytes]) -> list[bytes]:
    """The first five octets of the block of each sample, a counter and a nonce: a quarter of the output is computed to the end."""
    if len(samples) > _SAMPLES_MAXIMUM:
        return [mask for at in range(0, len(samples), _SAMPLES_MAXIMUM) for mask in first_octets(key, samples[at : at + _SAMPLES_MAXIMUM])]
    count = len(samples)
    data = b"".join(samples)
    lanes = bytearray(20 * count)
    for word in range(4):
        start, end = 5 * count * word, 5 * count * (word + 1)
        for octet in range(4):
            lanes[start + octet : end : 5] = data[4 * word + octet :: 16]
    constants, first, second, segment = _rows_key(key, count)
    row = rows_rounds(constants, first, second, int.from_bytes(lanes, "little"), segment, _masks(4 * count))[0]
    data = (constants + row).to_bytes(20 * count, "little")
    out = bytearray(5 * count)
    for octet in range(4):
        out[octet::5] = data[octet : 5 * count : 5]
    out[4::5] = data[5 * count : 10 * count : 5]
    return [bytes(out[at : at + 5]) for at in range(0, 5 * count, 5)]
