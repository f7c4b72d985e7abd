# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The speed of our cryptography beside pure-Python peers and OpenSSL: `python -m bench.crypto`

Each row is a race in this process: in every round ours, the peer's and OpenSSL's run in turn for a slice of CPU time, so that a noisy
moment hits all; a figure is the median over rounds of the ratio within the round, with its spread.  Before the first round both run for
themselves, on PyPy until what they do is compiled.  `--docs` writes docs/crypto/speed.rst
from the results of this interpreter and of those files that `--json` wrote under others.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pathlib
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.crypto_rows import Row
from sws.crypto.selection import IS_PYPY, kernels_in_use

MODULES = ("aead", "aead_aes", "public_key", "kem", "hashes")
_DOCS = pathlib.Path(__file__).parent.parent / "docs" / "crypto" / "speed.rst"


def rate(call: Callable[[], object], seconds: float) -> float:
    """Calls a second of CPU time."""
    count = 0
    start = time.process_time()
    while (spent := time.process_time() - start) < seconds:
        call()
        count += 1
    return count / spent


def race(row: Row, rounds: int, seconds: float) -> dict[str, Any]:
    """All rounds of a row."""
    warm = 6 * seconds if IS_PYPY else seconds
    rate(row.ours, warm)
    if row.peer is not None:
        rate(row.peer, warm)
    ours, ratios, fractions = [], [], []
    for _ in range(rounds):
        own = rate(row.ours, seconds)
        ours.append(own)
        if row.peer is not None:
            ratios.append(own / rate(row.peer, seconds))
        if row.openssl is not None:
            fractions.append(rate(row.openssl, seconds / 4) / own)
    speed = statistics.median(ours)
    return {
        "name": row.name,
        "speed": f"{speed * row.octets / 1e6:.1f} MB/s" if row.octets else f"{speed:.0f}/s",
        "ratio": statistics.median(ratios) if ratios else None,
        "low": min(ratios, default=None),
        "high": max(ratios, default=None),
        "gate": row.gate,
        "aim": row.aim,
        "openssl": statistics.median(fractions) if fractions else None,
    }


def shown(result: dict[str, Any]) -> list[str]:
    """The cells of a result."""
    ratio = "" if result["ratio"] is None else f"{result['ratio']:.2f}x"
    spread = "" if result["ratio"] is None else f"{result['low']:.2f}..{result['high']:.2f}"
    bar = "" if result["gate"] is None else f"{result['gate']:.3g} / {result['aim']:.3g}"
    return [result["name"], result["speed"], ratio, spread, bar, "" if result["openssl"] is None else f"1/{result['openssl']:.0f}"]


def document(reports: list[dict[str, Any]]) -> str:
    """The page of the documentation."""
    text = "Speed\n=====\n\n.. Written by ``python -m bench.crypto --docs``; do not edit.\n\n"
    text += (
        'Ratios are over pure-Python peers in the same run (tlslite-ng, python-ecdsa, kyber-py, purepycrypto; rows "beside" name their\n'
    )
    text += "own denominator): the median of interleaved rounds, on PyPy after its compiler has done its work. The last column is\n"
    text += "the fraction of OpenSSL's speed.\n"
    for report in reports:
        title = f"{report['python']}, kernels {report['kernels']}"
        text += f"\n{title}\n{'-' * len(title)}\n\n.. list-table::\n   :header-rows: 1\n\n"
        for cells in [["", "speed", "ratio", "spread", "bar / aim", "OpenSSL"], *map(shown, report["rows"])]:
            text += "".join(f"   {'* -' if index == 0 else '  -'} {cell}\n" for index, cell in enumerate(cells))
    return text


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.1, help="of each slice")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--docs", nargs="*", metavar="FILE", help="write the documentation's page, with these other results")
    arguments = parser.parse_args()
    results = []
    for name in MODULES:
        try:
            rows = importlib.import_module(f"bench.crypto_rows.{name}").rows()
        except ImportError as error:
            print(f"{name}: not raced, {error}")
            continue
        for row in rows:
            if arguments.only in row.name:
                results.append(race(row, arguments.rounds, arguments.seconds))
                cells = shown(results[-1])
                missed = row.gate is not None and results[-1]["ratio"] < row.gate
                print(
                    f"{cells[0]:<62}{cells[1]:>12}{cells[2]:>9}{cells[3]:>16}{cells[4]:>14}{cells[5]:>8}{'  MISSED' if missed else ''}",
                    flush=True,
                )
    kinds = sorted(set(kernels_in_use().values()))
    report = {"python": f"{platform.python_implementation()} {platform.python_version()}", "kernels": ", ".join(kinds), "rows": results}
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(report, indent=1) + "\n")
    if arguments.docs is not None:
        others = [json.loads(pathlib.Path(path).read_text()) for path in arguments.docs]
        _DOCS.write_text(document([report, *others]))


if __name__ == "__main__":
    sys.exit(main())
