# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A few thousand executions of every fuzz target, and the fuzzer's own proof that it finds something."""

from __future__ import annotations

import importlib.util
import random

import pytest

from tests.fuzz import fuzz_aesgcm, fuzz_chacha, fuzz_h2, fuzz_h3, fuzz_hashes, fuzz_http1, fuzz_mlkem, fuzz_quic, fuzz_tls
from tests.fuzz.kit import FuzzFailure, Target, fuzz

#: Its oracle is compiled, and not to be had on PyPy.
_QPACK = importlib.import_module("tests.fuzz.fuzz_qpack").TARGETS if importlib.util.find_spec("pylsqpack") else ()


@pytest.mark.parametrize("target", fuzz_http1.TARGETS, ids=lambda target: target.name)
def test_smoke(target: Target) -> None:
    report = fuzz(target, executions=1500, seconds=30.0, seed=1)
    assert report.executions == 1500
    assert len(report.outcomes) >= 3, "it does not get anywhere"


def test_the_loop_finds_a_planted_fault() -> None:
    def check(data: bytes, chance: random.Random) -> str:
        if b"\x00" in data:
            raise ValueError("NUL")
        return "taken"

    target = Target("planted", check, [b"a", b"bc"], [b"d"], lambda chance: b"e")
    with pytest.raises(FuzzFailure, match=r"seed 3, execution \d+: ValueError: NUL"):
        fuzz(target, executions=100_000, seconds=30.0, seed=3)


@pytest.mark.parametrize("target", fuzz_h2.TARGETS, ids=lambda target: target.name)
def test_smoke_of_http2(target: Target) -> None:
    report = fuzz(target, executions=400, seconds=30.0, seed=1)
    assert report.executions == 400
    assert len(report.outcomes) >= 3, "it does not get anywhere"


@pytest.mark.parametrize("target", [*_QPACK, *fuzz_h3.TARGETS], ids=lambda target: target.name)
def test_smoke_of_http3(target: Target) -> None:
    report = fuzz(target, executions=600, seconds=30.0, seed=1)
    assert report.executions == 600
    assert len(report.outcomes) >= 3, "it does not get anywhere"


_CRYPTOGRAPHY = [*fuzz_hashes.TARGETS, *fuzz_mlkem.TARGETS, *fuzz_chacha.TARGETS, *fuzz_aesgcm.TARGETS, *fuzz_tls.TARGETS]


@pytest.mark.parametrize("target", _CRYPTOGRAPHY, ids=lambda target: target.name)
def test_smoke_of_cryptography(target: Target) -> None:
    report = fuzz(target, executions=150, seconds=30.0, seed=1)
    assert report.executions == 150
    assert len(report.outcomes) >= 3, "it does not get anywhere"


@pytest.mark.parametrize("target", fuzz_quic.TARGETS, ids=lambda target: target.name)
def test_smoke_of_quic(target: Target) -> None:
    executions = 50 if target.name == "quic-connection" else 300
    report = fuzz(target, executions=executions, seconds=30.0, seed=1)
    assert report.executions == executions
    assert len(report.outcomes) >= 3, "it does not get anywhere"
