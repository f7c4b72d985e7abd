# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Does time depend on secrets?  Welch's t-test between two classes of inputs: `python -m bench.timing [--only NAME] [--docs]`

In the manner of dudect (Reparaz, Balasch, Verbauwhede: Dude, is my code constant time?, 2017).  A target has two makers of inputs; the
classes come in random order, so that whatever else the machine does hits both alike.  The slowest tenth of all times is dropped, and

    t = (mean of A − mean of B) / sqrt(variance of A / number of A + variance of B / number of B)

beyond ±4.5 says that the means differ, and beyond ±10 that they do for all practical purposes.  A small t does not say that there is no
leak: only that this test with so many measurements does not see one.

The control is a comparison that stops at the first difference.  It must leak: if it does not, the measurement is worth nothing, and the
program ends with an error.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import math
import os
import pathlib
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sws.crypto import constant_time, ecdsa, mlkem, rsa, x25519
from sws.crypto.aesgcm import AESGCM
from sws.crypto.kernels.aes_lanes import AesKey, ConstantAesKey

__all__ = ["CONTROL", "LEAKS", "Result", "Target", "measure", "targets", "welch"]

CONTROL = "control: a comparison that stops early"
SUSPECT = 4.5
LEAKS = 10.0
_DOCS = pathlib.Path(__file__).parent.parent / "docs" / "crypto" / "timing.rst"


@dataclass(frozen=True, slots=True)
class Target:
    """What is timed.

    Attributes:
      call:     takes an input.
      classes:  what the two classes are, in words.
      a, b:     make an input of each.
    """

    name: str
    call: Callable[[Any], object]
    classes: str
    a: Callable[[], Any]
    b: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Result:
    """t, and from how many measurements; the means in nanoseconds."""

    t: float
    count: int
    mean_a: float
    mean_b: float


def welch(a: list[int], b: list[int]) -> float:
    """Welch's t."""
    spread = statistics.variance(a) / len(a) + statistics.variance(b) / len(b)
    return (statistics.fmean(a) - statistics.fmean(b)) / math.sqrt(spread) if spread else 0.0


def measure(target: Target, seconds: float) -> Result:
    """Times a target for so long."""
    times: tuple[list[int], list[int]] = ([], [])
    chance = random.Random(os.urandom(16))
    clock, call = time.perf_counter_ns, target.call
    for make in (target.a, target.b) * 20:
        call(make())
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        batch = [(kind, (target.b if kind else target.a)()) for kind in chance.choices((0, 1), k=50)]
        gc.disable()
        for kind, value in batch:
            start = clock()
            call(value)
            times[kind].append(clock() - start)
        gc.enable()
    limit = sorted(times[0] + times[1])[(len(times[0]) + len(times[1])) * 9 // 10]
    a, b = ([spent for spent in some if spent <= limit] for some in times)
    return Result(welch(a, b), len(a) + len(b), statistics.fmean(a), statistics.fmean(b))


def _stops_early(pair: tuple[bytes, bytes]) -> bool:
    return all(left == right for left, right in zip(*pair, strict=True))


def _differing(at: int) -> Callable[[], tuple[bytes, bytes]]:
    """Two strings of 32 octets that differ in one."""

    def make() -> tuple[bytes, bytes]:
        """A fresh pair."""
        octets = os.urandom(32)
        other = bytearray(octets)
        other[at] ^= 0x40
        return octets, bytes(other)

    return make


def _forged(cipher: AESGCM, at: int) -> Callable[[], tuple[bytes, bytes]]:
    """Nonces and messages that do not verify: one bit of each is wrong."""

    def make() -> tuple[bytes, bytes]:
        """A fresh one."""
        nonce = os.urandom(12)
        sealed = bytearray(cipher.seal(nonce, bytes(64)))
        sealed[at] ^= 0x40
        return nonce, bytes(sealed)

    return make


def _cycle(values: list[Any]) -> Callable[[], Any]:
    source = itertools.cycle(values)
    return lambda: next(source)


def _random() -> bytes:
    return os.urandom(32)


def _aes(name: str, kernel: Callable[[bytes], Any]) -> Target:
    cipher = kernel(bytes(range(16)))
    fixed = os.urandom(256)

    def again() -> bytes:
        """As fresh in memory as random octets are: otherwise the test sees the processor's cache."""
        return (fixed + os.urandom(1))[:-1]

    return Target(name, cipher.encrypt_blocks, "16 fixed blocks / random ones", again, lambda: os.urandom(256))


def targets() -> list[Target]:
    """All of them, the control first."""
    cipher = AESGCM(os.urandom(16))
    small = ecdsa.EcPrivateKey("P-256", (1).to_bytes(32, "big"))
    keys = [ecdsa.generate("P-256") for _ in range(32)]
    peer = x25519.public(x25519.generate())
    public, private = mlkem.generate()
    key = rsa.generate(2048)
    return [
        Target(CONTROL, _stops_early, "differ in octet 0 / in octet 31", _differing(0), _differing(31)),
        Target("constant_time.equal", lambda pair: constant_time.equal(*pair), "the same", _differing(0), _differing(31)),
        Target(
            "AES-GCM, refusing a tag",
            lambda item: cipher.open_many([(*item, b"")]),
            "tag wrong in its octet 0 / 15",
            _forged(cipher, 64),
            _forged(cipher, 79),
        ),
        _aes("AES, kernel of auto", AesKey),
        _aes("AES, kernel of ct", ConstantAesKey),
        Target(
            "AES, kernel of ct, blocks all alike",
            ConstantAesKey(bytes(range(16))).encrypt_blocks,
            "16 blocks of zeros / random ones",
            lambda: bytes(256),
            lambda: os.urandom(256),
        ),
        Target("ECDSA P-256 sign", lambda one: ecdsa.sign(one, b"message", "sha256"), "key 1 / random keys", lambda: small, _cycle(keys)),
        Target(
            "X25519 exchange",
            lambda one: x25519.exchange(one, peer),
            "key of zeros / random keys",
            lambda: bytes(32),
            lambda: os.urandom(32),
        ),
        Target(
            "ML-KEM-768 decapsulation",
            lambda one: mlkem.decapsulate(private, one),
            "good ciphertexts / random ones",
            _cycle([mlkem.encapsulate(public)[1] for _ in range(32)]),
            _cycle([os.urandom(1088) for _ in range(32)]),
        ),
        Target(
            "RSA-2048 PSS sign",
            lambda one: rsa.sign_pss(key, one, "sha256"),
            "one message / random messages",
            lambda: bytes(32),
            lambda: os.urandom(32),
        ),
    ]


def _reading(t: float) -> str:
    return "differs" if abs(t) > LEAKS else "suspect" if abs(t) > SUSPECT else "nothing seen"


def document(results: list[tuple[Target, Result]]) -> str:
    """The page of the documentation."""
    text = (_DOCS.parent / "_timing.txt").read_text()
    text += f"\n{platform.python_implementation()} {platform.python_version()}:\n\n.. list-table::\n   :header-rows: 1\n\n"
    rows = [["", "classes", "means", "measurements", "t", "reading"]]
    for target, result in results:
        means = f"{result.mean_a / 1000:.2f} / {result.mean_b / 1000:.2f} µs"
        rows.append([target.name, target.classes, means, str(result.count), f"{result.t:.1f}", _reading(result.t)])
    for cells in rows:
        text += "".join(f"   {'* -' if index == 0 else '  -'} {cell}\n" for index, cell in enumerate(cells))
    return text


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="targets whose name contains this, and the control")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each target")
    parser.add_argument("--docs", action="store_true", help="write the documentation's page")
    arguments = parser.parse_args()
    results = []
    for target in targets():
        if target.name == CONTROL or arguments.only in target.name:
            result = measure(target, arguments.seconds)
            results.append((target, result))
            print(f"{target.name:<42}{target.classes:<36}{result.count:>9}{result.t:>10.1f}  {_reading(result.t)}", flush=True)
    if abs(results[0][1].t) < LEAKS:
        print("the control does not leak: these figures are worth nothing", file=sys.stderr)
        return 1
    if arguments.docs:
        _DOCS.write_text(document(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
