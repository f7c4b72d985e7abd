# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ChaCha20 with the blocks of a whole batch side by side in big integers.  RFC 8439 §2.3.

A *lane* has a word of 32 bits and above it some that are spare.  Lane j belongs to block j, so

    add          a + b                the carry stays in the spare bits, where it adds up
    rotate by r  (t << r) & high_r | (t >> 32 − r) & low_r

where high_r and low_r repeat, in every lane, the upper 32 − r and the lower r bits of a word.  These masks drop the spare bits of t, its
own and those that a shift brings over from the neighbours: so what is rotated (rows b and d of the state) is clean, what is added to it
(rows a and c) need not be, and addition has no mask at all.  There are two forms, by how many blocks there are; `emit_chacha20_rounds`
writes their rounds out:

    words   sixteen integers of n lanes, one for each word of the state: no work but the rounds.  For many blocks.  Lanes have 36 bits:
            every third double round, before four spare bits are full, rows a and c are cut to 32.
    rows    four integers of 4·n lanes, column after column: a quarter of the operations, each four times as long, and six turns of
            segments in a double round to bring the diagonals under each other.  For few blocks, where an operation's fixed cost counts.
            Lanes have 40 bits, of which no sum needs more: at most 42 · 2^32 < 2^40 to the very end.

        row b before a diagonal round    │ b3 │ b2 │ b1 │ b0 │   ──▶   │ b0 │ b3 │ b2 │ b1 │     (segments of n lanes, lane 0 right)

In the end the spare bits must go.  A lane of 40 bits is five octets, of which a slice deletion drops the fifth of all at once; of 36 bits
two lanes are nine octets, in which a shift brings the words together, and the ninth is dropped.  Then word i of all blocks is copied to
every sixteenth place of the stream.

Timing: the same operations for every key and nonce; Python's integers of equal length take equal time but for leading zeros.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from sws.crypto.kernels.chacha20_repeats import ROW_LANE, WORD, WORD_LANE, Run, masks, ones, ramp, varying
from sws.crypto.kernels.chacha20_rounds import rows_rounds, words_rounds
from sws.crypto.selection import IS_PYPY

__all__ = ["ROWS_MAXIMUM", "crypt_many", "first_octets", "key_streams"]

_CONSTANTS: Final = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
ROWS_MAXIMUM: Final = 44
"""Blocks up to which rows are quicker."""

_LANES_MAXIMUM: Final = 1 << 12  # blocks in one pass; longer batches are cut, so that no plan is larger than a quarter of a mebibyte

_SAMPLES_MAXIMUM: Final = 64

_TURNED_MAXIMUM: Final = 0 if IS_PYPY else 3072
"""Octets up to which a memoryview turns rows into columns quicker than slices of an array do; PyPy's cannot."""

_ZEROS: Final = tuple(bytes(count) for count in range(65))


def key_streams(key: bytes, runs: Sequence[Run]) -> bytes:
    """The blocks of all runs, one run after the other; see `sws.crypto.chacha20.Kernel`."""
    count = sum([blocks for _, _, blocks in runs])
    if count <= ROWS_MAXIMUM:
        return _by_rows(key, runs, count) if count else b""
    if count <= _LANES_MAXIMUM:
        return _by_words(key, runs, count)
    return b"".join([_by_words(key, some, sum([blocks for _, _, blocks in some])) for some in _passes(runs)])


def _passes(runs: Sequence[Run]) -> list[list[Run]]:
    """The runs cut into as many parts as are needed for each to have no more than the most lanes."""
    passes: list[list[Run]] = [[]]
    room = _LANES_MAXIMUM
    for nonce, first, count in runs:
        done = 0
        while done < count:
            if not room:
                passes.append([])
                room = _LANES_MAXIMUM
            taken = min(count - done, room)
            passes[-1].append((nonce, (first + done) & WORD, taken))
            done += taken
            room -= taken
    return passes


def _by_words(key: bytes, runs: Sequence[Run], count: int) -> bytes:
    k = masks(count, WORD_LANE)
    each, even, odd = k.ones, k.even, k.odd
    state = [word * each for word in (*_CONSTANTS, *array("I", key))]
    state += varying(runs, WORD_LANE)
    pairs = count + 1 >> 1
    size = 9 * pairs
    sums = [was + now for was, now in zip(state, words_rounds(state, k), strict=True)]
    data = bytearray().join([(x & even | x >> 4 & odd).to_bytes(size, "little") for x in sums])
    del data[8::9]
    return _turned(data, 16, 2 * pairs)[: 64 * count]


def _by_rows(key: bytes, runs: Sequence[Run], count: int) -> bytes:
    a, b, c = _key_rows(key, count)
    d = _row_of_inputs(runs, count)
    rounds = rows_rounds(a, b, c, d, ROW_LANE * count, masks(4 * count, ROW_LANE))
    size = 20 * count
    data = bytearray().join([(was + now).to_bytes(size, "little") for was, now in zip((a, b, c, d), rounds, strict=True)])
    del data[4::5]
    return _turned(data, 16, count)


def _row(words: Sequence[int], each: int, segment: int) -> int:
    """Four words, each in all lanes of its segment."""
    a, b, c, d = words
    return a * each | b * each << segment | c * each << 2 * segment | d * each << 3 * segment


def _key_rows(key: bytes, count: int) -> tuple[int, int, int]:
    """The rows of the constants and of the key."""
    segment = ROW_LANE * count
    each = ones(count, ROW_LANE)
    words = array("I", key)
    return _row(_CONSTANTS, each, segment), _row(words[:4], each, segment), _row(words[4:], each, segment)


def _row_of_inputs(runs: Sequence[Run], count: int) -> int:
    """The row of counters and nonces."""
    segment = ROW_LANE * count
    nonce, first, blocks = runs[0]
    if first + blocks <= 1 << 32:
        if blocks == count:
            return ramp(count, ROW_LANE) + _row((first, *array("I", nonce)), ones(count, ROW_LANE), segment)
        if len({(first, blocks) for _, first, blocks in runs}) == 1:
            counters = ramp(blocks, ROW_LANE, len(runs)) + first * ones(count, ROW_LANE)
            return counters | _row_of_nonces([nonce for nonce, _, _ in runs], blocks) << segment
    counters, n0, n1, n2 = varying(runs, ROW_LANE)
    return counters | n0 << segment | n1 << 2 * segment | n2 << 3 * segment


def _row_of_nonces(nonces: list[bytes], blocks: int) -> int:
    """Three segments with the words of the nonces, each in as many lanes as its run has blocks: all runs have as many."""
    stride = 5 * blocks
    lanes = bytearray(3 * len(nonces) * stride)
    for octet, some in enumerate(_octets_of_words(_turned(b"".join(nonces), len(nonces), 3))):
        lanes[octet::stride] = some
    x = int.from_bytes(lanes, "little")
    done = 1
    while done < blocks:
        more = min(done, blocks - done)
        x |= x << ROW_LANE * more
        done += more
    return x


def _octets_of_words(words: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """The first octets of all words, the second ones, the third, the fourth."""
    return words[0::4], words[1::4], words[2::4], words[3::4]


def _turned(words: bytes | bytearray, rows: int, columns: int) -> bytes:
    """Row after row of words, turned into column after column."""
    if len(words) <= _TURNED_MAXIMUM:
        return memoryview(words).cast("I", [rows, columns]).tobytes("F")
    old, new = array("I", bytes(words)), array("I", bytes(len(words)))
    if rows < columns:
        for row in range(rows):
            new[row::rows] = old[row * columns : (row + 1) * columns]
    else:
        for column in range(columns):
            new[column * rows : (column + 1) * rows] = old[column::columns]
    return new.tobytes()


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
    if not count:
        return []
    lanes = bytearray(20 * count)
    for octet, some in enumerate(_octets_of_words(_turned(b"".join(samples), count, 4))):
        lanes[octet::5] = some
    constants, first, second = _key_rows(key, count)
    row = rows_rounds(constants, first, second, int.from_bytes(lanes, "little"), ROW_LANE * count, masks(4 * count, ROW_LANE))[0]
    data = (constants + row).to_bytes(20 * count, "little")
    out = bytearray(5 * count)
    for octet in range(4):
        out[octet::5] = data[octet : 5 * count : 5]
    out[4::5] = data[5 * count : 10 * count : 5]
    return [bytes(out[at : at + 5]) for at in range(0, 5 * count, 5)]
