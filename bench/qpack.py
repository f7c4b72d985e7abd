# SPDX-License-Identifier: Apache-2.0 OR MIT
"""QPACK beside our HPACK and pylsqpack, which is C: `python -m bench.qpack [ROUNDS]`  (needs SWS_EXTRA_VECTORS)

The field lists of the third-party HPACK stories, a fresh codec for each story; table of 4,096 octets, 100 blocked streams, everything
acknowledged at once.  CPU in interleaved rounds; a figure is the median of the ratios within the rounds, with the spread.

    encode   fields -> section and encoder stream; nothing is known from earlier stories (module caches emptied before each)
    decode   the same octets back, those that our encoders wrote
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import sys
import time
from collections.abc import Callable

import pylsqpack

from sws.proto import hpack, qpack
from sws.proto.hpack import encoder as hpack_encoder
from sws.proto.qpack import encoder as qpack_encoder
from sws.proto.qpack import literals as qpack_literals

Fields = list[tuple[bytes, bytes]]
CAPACITY = 4096
BLOCKED = 100
ACKNOWLEDGEMENTS = [qpack_encoder.encode_integer(number * 4, 7, 0x80) for number in range(1000)]


def stories() -> list[list[Fields]]:
    """Each story's field lists."""
    return [
        [[(n.encode(), v.encode()) for f in case["headers"] for n, v in f.items()] for case in json.loads(path.read_text())["cases"]]
        for path in sorted(pathlib.Path(os.environ["SWS_EXTRA_VECTORS"], "http2", "hpack").rglob("*.json"))
    ]


def encode_ours(story: list[Fields]) -> int:
    """One story; octets."""
    encoder = qpack.Encoder()
    encoder.set_limits(CAPACITY, BLOCKED)
    octets = 0
    for number, fields in enumerate(story):
        section = encoder.encode(number * 4, fields)
        octets += len(section) + len(encoder.data_to_send())
        if section[0]:
            encoder.receive(ACKNOWLEDGEMENTS[number])
        if encoder.inserted > encoder.known:
            encoder.receive(qpack_encoder.encode_integer(encoder.inserted - encoder.known, 6, 0))
    return octets


def encode_hpack(story: list[Fields]) -> int:
    """The same by HPACK."""
    encoder = hpack.Encoder()
    return sum(len(encoder.encode(fields)) for fields in story)


def encode_theirs(story: list[Fields]) -> int:
    """The same by lsqpack."""
    encoder = pylsqpack.Encoder()
    encoder.apply_settings(CAPACITY, BLOCKED)
    decoder = pylsqpack.Decoder(CAPACITY, BLOCKED)
    octets = 0
    for number, fields in enumerate(story):
        stream, section = encoder.encode(number * 4, fields)
        octets += len(stream) + len(section)
        decoder.feed_encoder(stream)
        answer, _ = decoder.feed_header(number * 4, section)
        encoder.feed_decoder(answer)
    return octets


def wires(story: list[Fields]) -> list[tuple[bytes, bytes]]:
    """(encoder stream, section)."""
    encoder, decoder = qpack.Encoder(), qpack.Decoder(CAPACITY, BLOCKED)
    encoder.set_limits(CAPACITY, BLOCKED)
    out = []
    for number, fields in enumerate(story):
        section = encoder.encode(number * 4, fields)
        out.append((encoder.data_to_send(), section))
        decoder.receive(out[-1][0])
        decoder.decode(number * 4, section)
        encoder.receive(decoder.data_to_send())
    return out


def decode_ours(wire: list[tuple[bytes, bytes]]) -> None:
    """One story."""
    decoder = qpack.Decoder(CAPACITY, BLOCKED)
    for number, (stream, section) in enumerate(wire):
        if stream:
            decoder.receive(stream)
        decoder.decode(number * 4, section)
        decoder.data_to_send()


def decode_theirs(wire: list[tuple[bytes, bytes]]) -> None:
    """One story."""
    decoder = pylsqpack.Decoder(CAPACITY, BLOCKED)
    for number, (stream, section) in enumerate(wire):
        if stream:
            decoder.feed_encoder(stream)
        decoder.feed_header(number * 4, section)


def decode_hpack(blocks: list[bytes]) -> None:
    """The same lists as HPACK blocks."""
    decoder = hpack.Decoder()
    for block in blocks:
        decoder.decode(block)


def timed(function: Callable[..., object], inputs: list[object]) -> float:
    """CPU seconds over all stories, with empty module caches for each."""
    total = 0.0
    for given in inputs:
        hpack_encoder._names.clear()
        qpack_literals._names.clear()
        begin = time.process_time()
        function(given)
        total += time.process_time() - begin
    return total


def hpack_blocks(story: list[Fields]) -> list[bytes]:
    """What our HPACK makes of a story."""
    encoder = hpack.Encoder()
    return [encoder.encode(fields) for fields in story]


def ratio(ratios: list[float]) -> str:
    """Median and spread."""
    return f"{statistics.median(ratios):.2f}x ({min(ratios):.2f}..{max(ratios):.2f})"


def main() -> None:
    """Measure and print."""
    every = stories()
    count = sum(len(fields) for story in every for fields in story)
    wire = [wires(story) for story in every]
    blocks = [hpack_blocks(story) for story in every]
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    rows: dict[str, list[tuple[float, float, float]]] = {"encode": [], "decode": []}
    for number in range(rounds + 1):
        encoded = timed(encode_ours, every), timed(encode_hpack, every), timed(encode_theirs, every)
        decoded = timed(decode_ours, wire), timed(decode_hpack, blocks), timed(decode_theirs, wire)
        if number:  # the first is a warming up
            rows["encode"].append(encoded)
            rows["decode"].append(decoded)
    print(f"{sys.implementation.name} {sys.version.split()[0]}, pylsqpack {pylsqpack.__version__}: {len(every)} stories, {count} fields")
    octets = [sum(function(story) for story in every) for function in (encode_ours, encode_hpack, encode_theirs)]
    for name, times in rows.items():
        ours, ours_hpack, theirs = (statistics.median(column) / count * 1e6 for column in zip(*times, strict=True))
        beside_hpack, beside_lsqpack = ratio([row[1] / row[0] for row in times]), ratio([row[2] / row[0] for row in times])
        print(f"{name} {ours:5.2f} us/field; HPACK {ours_hpack:5.2f}: {beside_hpack}; lsqpack {theirs:5.2f}: {beside_lsqpack}")
    print(f"octets: QPACK {octets[0]}, HPACK {octets[1]}, lsqpack {octets[2]}")


if __name__ == "__main__":
    main()
