# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SHA-2, every kernel: the standard's examples, NIST's vectors with the Monte Carlo runs, and hashlib."""

from __future__ import annotations

import hashlib
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.crypto import sha2
from sws.crypto.kernels import _generate_tables_sha2, _tables_sha2
from sws.crypto.selection import is_compiled
from tests.crypto.hash_kernels import SHA2_KERNELS, SHA2_NAMES
from tests.kit.vectors import extra_json, load_vectors

KERNELS = pytest.mark.parametrize("kernel", SHA2_KERNELS)
NAMES = pytest.mark.parametrize("name", SHA2_NAMES)

#: Where padding takes another block, and where a kernel changes its way of working.
LENGTHS = (0, 1, 3, 55, 56, 63, 64, 65, 111, 112, 119, 120, 127, 128, 129, 191, 192, 200, 239, 240, 255, 256, 257, 383, 384, 385, 1000)


#: The kernels that are taken here for long work; the others are shown by shorter messages.
SERVING = ("stdlib", "scalar" if sys.implementation.name == "pypy" else "lanes")

EXAMPLES = load_vectors("crypto", "sha2", keys=("hash", "message", "repeat"))


@KERNELS
@pytest.mark.parametrize("test", [test for test in EXAMPLES if test["repeat"] < 1000], ids=lambda test: test["id"])
def test_examples_of_the_standard(kernel: str, test: dict[str, Any]) -> None:
    message = bytes.fromhex(test["message"]) * test["repeat"]
    assert getattr(SHA2_KERNELS[kernel], test["hash"])(message).hexdigest() == test["result"]


@pytest.mark.slow
@pytest.mark.parametrize("test", [test for test in EXAMPLES if test["repeat"] >= 1000], ids=lambda test: test["id"])
def test_a_million_octets(test: dict[str, Any]) -> None:
    message = bytes.fromhex(test["message"]) * test["repeat"]
    for kernel in SERVING if test["hash"] in ("sha256", "sha512") else SERVING[:1]:
        assert getattr(SHA2_KERNELS[kernel], test["hash"])(message).hexdigest() == test["result"]


@NAMES
@KERNELS
def test_nist_messages(kernel: str, name: str) -> None:
    new = getattr(SHA2_KERNELS[kernel], name)
    for test in extra_json("crypto", "nist-cavp", f"{name}.json")["tests"]:
        message = bytes.fromhex(test["Msg"])[: int(test["Len"]) // 8]
        if kernel == "ref" and len(message) > 1500:
            continue
        assert new(message).hexdigest() == test["MD"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("kernel", SERVING)
def test_nist_monte_carlo(kernel: str, name: str) -> None:
    document = extra_json("crypto", "nist-cavp", f"{name}_monte.json")
    new = getattr(SHA2_KERNELS[kernel], name)
    seed = bytes.fromhex(document["seed"])
    for checkpoint in document["checkpoints"]:
        a = b = c = seed
        for _ in range(1000):
            a, b, c = b, c, new(a + b + c).digest()
        seed = c
        assert seed.hex() == checkpoint["MD"]


@KERNELS
@NAMES
def test_lengths_around_the_blocks(kernel: str, name: str) -> None:
    new = getattr(SHA2_KERNELS[kernel], name)
    message = bytes(range(256)) * 4
    for length in LENGTHS:
        part = message[:length]
        assert new(part).digest() == hashlib.new(name, part).digest(), length


@NAMES
def test_many_blocks_at_once(name: str) -> None:
    message = hashlib.shake_128(name.encode()).digest(20_000)
    for length in (32 * 64, 32 * 128, 33 * 128, 20_000):
        assert getattr(SHA2_KERNELS["lanes"], name)(message[:length]).digest() == hashlib.new(name, message[:length]).digest()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SHA2_NAMES), st.sampled_from(sorted(SHA2_KERNELS)), st.lists(st.binary(max_size=300), max_size=5))
def test_parts_make_the_whole(name: str, kernel: str, parts: list[bytes]) -> None:
    ours = getattr(SHA2_KERNELS[kernel], name)()
    for number, part in enumerate(parts):
        before = ours.copy()
        ours.update((part, bytearray(part), memoryview(part))[number % 3])
        assert before.digest() == hashlib.new(name, b"".join(parts[:number])).digest()
    theirs = hashlib.new(name, b"".join(parts))
    assert ours.digest() == ours.digest() == theirs.digest()
    assert (ours.hexdigest(), ours.name, ours.digest_size, ours.block_size) == (
        theirs.hexdigest(),
        theirs.name,
        theirs.digest_size,
        theirs.block_size,
    )


def test_public_names() -> None:
    for name in SHA2_NAMES:
        expected = hashlib.new(name, b"abc").digest()
        assert getattr(sha2, name)(b"abc") == getattr(sha2, name.upper())(b"abc").digest() == expected
        assert getattr(sha2, name.upper())().digest() == hashlib.new(name).digest()


def test_constants_are_what_the_rules_say() -> None:
    assert Path(_tables_sha2.__file__).read_text(encoding="utf-8") == _generate_tables_sha2.source()


def test_the_generator_writes_beside_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    written: dict[str, str] = {}
    monkeypatch.setattr(Path, "write_text", lambda path, text, encoding: written.update({path.name: text}))
    runpy.run_path(_generate_tables_sha2.__file__, run_name="__main__")
    assert written == {"_tables_sha2.py": _generate_tables_sha2.source()}


@pytest.mark.parametrize(("mode", "kind"), [("auto", "stdlib"), ("ct", None), ("ref", "ref")])
def test_the_operator_chooses(mode: str, kind: str | None) -> None:
    code = "from sws.crypto import sha2, selection; print(selection.kernels_in_use()['sha2'], sha2.sha256(b'abc').hex()[:8])"
    environment = {"SWS_KERNELS": mode, "PYTHONPATH": ":".join(sys.path)}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment).stdout.split()
    compiled = is_compiled("sws.crypto.kernels.scalar_sha2")
    expected = kind or ("compiled" if compiled else "scalar" if sys.implementation.name == "pypy" else "lanes")
    assert out == [expected, "ba7816bf"]


def test_every_kernel_can_be_loaded() -> None:
    loaded = [load() for load in (sha2._stdlib, sha2._lanes, sha2._scalar, sha2._ref)]
    assert loaded == list(SHA2_KERNELS.values())
