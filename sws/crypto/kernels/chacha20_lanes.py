# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ChaCha20 with the blocks of a whole batch side by side in big integers.  RFC 8439 §2.3.

A *lane* has 36 bits: a word of 32, and above it four that are spare.  Lane j belongs to block j, so

    add          a + b                the carry stays in the spare bits, where it adds up
    rotate by r  (t << r) & high_r | (t >> 32 − r) & low_r

where high_r and low_r repeat, in every lane, the upper 32 − r and the lower r bits of a word.  These masks drop the spare bits of t, its
own and those that a shift brings over from the neighbours: so what is rotated (rows b and d of the state) is clean.  What is added to it
(rows a and c) need not be: three double rounds add twelve times to a word, and only then, below 2^36, it is cut to 32 bits.  So addition
hardly has masks at all.  There are two forms, by how many blocks there are; `emit_chacha20_rounds` writes their rounds out:

    words   sixteen integers of n lanes, one for each word of the state: no work but the rounds.  For many blocks.
    rows    four integers of 4·n lanes, column after column: a quarter of the operations, each four times as long, and six turns of
            segments in a double round to bring the diagonals under each other.  For few blocks, where an operation's fixed cost counts.

        row b before a diagonal round    │ b3 │ b2 │ b1 │ b0 │   ──▶   │ b0 │ b3 │ b2 │ b1 │     (segments of n lanes, lane 0 right)

Two lanes are nine octets.  In the end a shift brings the upper lane's word down to the lower one's, and one slice deletion drops every
ninth octet:

        │    │ word 1 │    │ word 0 │   ──▶   │         │ word 1 │ word 0 │

Then word i of all blocks is copied to every sixteenth place of the stream.

Timing: the same operations for every key and nonce; Python's integers of equal length take equal time but for leading zeros.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from sws.crypto.kernels.chacha20_repeats import LANE, WORD, Masks, Run, masks, ones, ramp, varying
from sws.crypto.kernels.chacha20_rounds import rows_rounds, words_rounds
from sws.crypto.selection import IS_PYPY

__all__ = ["ROWS_MAXIMUM", "crypt_many", "crypt_under", "first_octets", "first_octets_under", "key_streams"]

_CONSTANTS: Final = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
_ROW_OF_CONSTANTS: Final = sum(word << LANE * column for column, word in enumerate(_CONSTANTS))
ROWS_MAXIMUM: Final = 56
"""Blocks up to which rows are quicker."""

_LANES_MAXIMUM: Final = 1 << 12  # blocks in one pass; longer batches are cut, so that no plan is larger than a quarter of a mebibyte

_SAMPLES_MAXIMUM: Final = 64

_TURNED_MAXIMUM: Final = 0 if IS_PYPY else 3072
"""Octets up to which a memoryview turns rows into columns quicker than slices of an array do; PyPy's cannot."""

_constants_of: Final[dict[int, int]] = {}  # for as many blocks as may be in rows, or samples: 40 KB

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
    k = masks(count)
    each = k.ones
    state = [word * each for word in (*_CONSTANTS, *array("I", key))]
    state += varying(runs)
    data = _dense([was + now for was, now in zip(state, words_rounds(state, k), strict=True)], count, k)
    return _turned(data, 16, count + (count & 1))[: 64 * count]


def _by_rows(key: bytes, runs: Sequence[Run], count: int) -> bytes:
    return _rows_of(_key_rows(key, count), runs, count)


def _rows_of(rows: tuple[int, int, int], runs: Sequence[Run], count: int) -> bytes:
    """The blocks of all runs, whose rows of constants and keys are there."""
    k = masks(4 * count)
    a, b, c = rows
    d = _row_of_inputs(runs, count)
    w, x, y, z = rows_rounds(a, b, c, d, LANE * count, k)
    return _turned(_dense((a + w, b + x, c + y, d + z), 4 * count, k), 16, count)


def _dense(values: Sequence[int], lanes: int, k: Masks) -> bytearray:
    """The words of the lanes of each value, one after the other; and one more where their number is odd."""
    even, odd = k.even, k.odd
    size = 9 * (lanes + 1 >> 1)
    data = bytearray().join([(x & even | x >> 4 & odd).to_bytes(size, "little") for x in values])
    del data[8::9]
    return data


def _spread(words: bytes) -> int:
    """Words in lanes: eight hexadecimal digits each, and one of zero between them."""
    return int(words[::-1].hex("0", 4), 16)


def _row(words: Sequence[int], each: int, segment: int) -> int:
    """Four words, each in all lanes of its segment."""
    a, b, c, d = words
    return a * each | b * each << segment | c * each << 2 * segment | d * each << 3 * segment


def _key_rows(key: bytes, count: int) -> tuple[int, int, int]:
    """The rows of the constants and of the key."""
    segment = LANE * count
    each = ones(count)
    words = array("I", key)
    return _row_of_constants(count), _row(words[:4], each, segment), _row(words[4:], each, segment)


def _rows_of_keys(keys: Sequence[bytes], count: int) -> tuple[int, int, int]:
    """The rows of the constants and of the keys, of which each lane has one of its own."""
    words = _turned(b"".join(keys), count, 8)
    half = 16 * count
    return _row_of_constants(count), _spread(words[:half]), _spread(words[half:])


def _row_of_constants(count: int) -> int:
    constants = _constants_of.get(count)
    if constants is None:
        constants = _constants_of[count] = _row(_CONSTANTS, ones(count), LANE * count)
    return constants


def _row_of_inputs(runs: Sequence[Run], count: int) -> int:
    """The row of counters and nonces."""
    nonce, first, blocks = runs[0]
    if blocks == count and first + count <= 1 << 32:
        return ramp(count) + _row((first, *array("I", nonce)), ones(count), LANE * count)
    counters: list[int] = []
    for _, first, blocks in runs:
        counters += range(first, first + blocks) if first + blocks <= 1 << 32 else [first + index & WORD for index in range(blocks)]
    nonces = b"".join([nonce * blocks for nonce, _, blocks in runs])
    return _spread(array("I", counters).tobytes() + _turned(nonces, count, 3))


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
    return _mixed(stream, runs, texts)


def crypt_under(keys: Sequence[bytes], runs: Sequence[Run], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """`crypt_many` with a key for each run, of no more blocks in all than rows are made for."""
    count = sum([blocks for _, _, blocks in runs])
    if count > ROWS_MAXIMUM:
        pairs = [crypt_many(key, (run,), (text,)) for key, run, text in zip(keys, runs, texts, strict=True)]
        return [firsts[0] for firsts, _ in pairs], [outputs[0] for _, outputs in pairs]
    rows = _rows_of_keys([key * run[2] for key, run in zip(keys, runs, strict=True)], count)
    return _mixed(_rows_of(rows, runs, count), runs, texts)


def _mixed(stream: bytes, runs: Sequence[Run], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The first 32 octets of each run, and each text XOR the rest of the run."""
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
    if count == 1:
        return [_first_octets_of_one(key, samples[0])]
    return _first_octets_of_rows(_key_rows(key, count), samples) if count else []


def first_octets_under(keys: Sequence[bytes], samples: Sequence[bytes]) -> list[bytes]:
    """`first_octets` with a key for each sample."""
    count = len(samples)
    if count > _SAMPLES_MAXIMUM:
        return [_first_octets_of_one(key, sample) for key, sample in zip(keys, samples, strict=True)]
    return _first_octets_of_rows(_rows_of_keys(keys, count), samples) if count else []


def _first_octets_of_rows(rows: tuple[int, int, int], samples: Sequence[bytes]) -> list[bytes]:
    count = len(samples)
    k = masks(4 * count)
    a, b, c = rows
    d = _spread(_turned(b"".join(samples), count, 4))
    data = _dense((a + rows_rounds(a, b, c, d, LANE * count, k)[0],), 4 * count, k)
    out = bytearray(5 * count)
    for octet in range(4):
        out[octet::5] = data[octet : 4 * count : 4]
    out[4::5] = data[4 * count : 8 * count : 4]
    return [bytes(out[at : at + 5]) for at in range(0, 5 * count, 5)]


def _first_octets_of_one(key: bytes, sample: bytes) -> bytes:
    """The same for one sample: an acknowledgement alone pays for little else."""
    k0, k1, k2, k3, k4, k5, k6, k7 = array("I", key)
    s0, s1, s2, s3 = array("I", sample)
    b = k0 | k1 << LANE | k2 << 2 * LANE | k3 << 3 * LANE
    c = k4 | k5 << LANE | k6 << 2 * LANE | k7 << 3 * LANE
    d = s0 | s1 << LANE | s2 << 2 * LANE | s3 << 3 * LANE
    row = _ROW_OF_CONSTANTS + rows_rounds(_ROW_OF_CONSTANTS, b, c, d, LANE, masks(4))[0]
    return (row & WORD | (row >> LANE & 0xFF) << 32).to_bytes(5, "little")
