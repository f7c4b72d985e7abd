# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HPACK beside PyPI `hpack`: `python -m bench.hpack`  (needs SWS_EXTRA_VECTORS)

All stories of the third-party set, a fresh codec for each story.  Decoding and encoding are timed by CPU in interleaved rounds; a figure
is the median of the ratios within the rounds, with the spread.

    decode        wire -> fields
    encode cold   fields -> wire; nothing is known from earlier stories (module caches emptied before each)
    encode warm   each story once more by the encoders that have just encoded it, as on a connection that lives on
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import hpack

from sws.proto.hpack import Decoder, Encoder
from sws.proto.hpack import encoder as encoder_module

Block = tuple[bytes, list[tuple[bytes, bytes]], int | None]


def stories() -> list[list[Block]]:
    """Each story's blocks: wire, fields, table size announced before."""
    found = []
    for path in sorted(pathlib.Path(os.environ["SWS_EXTRA_VECTORS"], "http2", "hpack").rglob("*.json")):
        cases = json.loads(path.read_text())["cases"]
        found.append(
            [
                (
                    bytes.fromhex(case["wire"]),
                    [(n.encode(), v.encode()) for f in case["headers"] for n, v in f.items()],
                    case.get("header_table_size"),
                )
                for case in cases
            ]
        )
    return found


def decode_ours(story: list[Block]) -> None:
    """One story."""
    decoder = Decoder()
    for wire, _, size in story:
        if size is not None:
            decoder.set_limit(size)
        decoder.decode(wire)


def decode_theirs(story: list[Block]) -> None:
    """One story."""
    decoder = hpack.Decoder()
    for wire, _, size in story:
        if size is not None:
            decoder.max_allowed_table_size = size
        decoder.decode(wire, raw=True)


def encoding(make: Callable[[], Any], story: list[Block], warm: bool) -> tuple[float, int]:
    """CPU seconds and octets of encoding one story, the first or the second time."""
    encoder = make()
    encode = encoder.encode
    if warm:
        for _, fields, _ in story:
            encode(fields)
    octets = 0
    begin = time.process_time()
    for _, fields, _ in story:
        octets += len(encode(fields))
    return time.process_time() - begin, octets


def timed(function: Callable[[list[Block]], None], all_stories: list[list[Block]]) -> float:
    """CPU seconds over all stories."""
    begin = time.process_time()
    for story in all_stories:
        function(story)
    return time.process_time() - begin


def encoded(make: Callable[[], Any], all_stories: list[list[Block]], warm: bool) -> tuple[float, int]:
    """CPU seconds and octets over all stories."""
    seconds = octets = 0
    for story in all_stories:
        encoder_module._names.clear()
        took, count = encoding(make, story, warm)
        seconds += took  # type: ignore[assignment]
        octets += count
    return seconds, octets


def main() -> None:
    """Measure and print."""
    every = stories()
    fields = sum(len(block[1]) for story in every for block in story)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    rows: dict[str, list[tuple[float, float]]] = {"decode": [], "encode cold": [], "encode warm": []}
    octets = {}
    for number in range(rounds + 1):
        pair = timed(decode_ours, every), timed(decode_theirs, every)
        cold = encoded(Encoder, every, False), encoded(hpack.Encoder, every, False)
        warm = encoded(Encoder, every, True), encoded(hpack.Encoder, every, True)
        octets = {"encode cold": (cold[0][1], cold[1][1]), "encode warm": (warm[0][1], warm[1][1])}
        if number:  # the first is a warming up
            rows["decode"].append(pair)
            rows["encode cold"].append((cold[0][0], cold[1][0]))
            rows["encode warm"].append((warm[0][0], warm[1][0]))
    print(f"{sys.implementation.name} {sys.version.split()[0]}, hpack {hpack.__version__}: {len(every)} stories, {fields} fields")
    for name, times in rows.items():
        ratios = [theirs / ours for ours, theirs in times]
        ours, theirs = (statistics.median(column) / fields * 1e6 for column in zip(*times, strict=True))
        size = f"   octets {octets[name][0]} / {octets[name][1]}" if name in octets else ""
        ratio = f"{statistics.median(ratios):5.2f}x ({min(ratios):.2f}..{max(ratios):.2f})"
        print(f"{name:<12} {ours:6.2f} us/field, hpack {theirs:6.2f}: {ratio}{size}")


if __name__ == "__main__":
    main()
