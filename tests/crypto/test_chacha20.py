# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ChaCha20 over all kernels, by RFC 8439 and beside each other."""

from __future__ import annotations

import random
from collections import OrderedDict
from typing import Any, Final

import pytest

from sws.base.errors import UsageError
from sws.crypto import chacha20
from sws.crypto.kernels import chacha20_lanes, chacha20_repeats
from sws.crypto.ref import chacha20 as ref
from tests.crypto.chacha_kernels import CHACHA, NAMES
from tests.kit.vectors import extra_json, load_vectors

_CASES: Final = load_vectors("crypto", "chacha20", keys=("key", "nonce", "counter", "data"))
_KEYS: Final = load_vectors("crypto", "poly1305_keys", keys=("key", "nonce"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["id"])
def test_the_rfcs_cases(name: str, case: dict[str, Any]) -> None:
    key, nonce, data = (bytes.fromhex(case[field]) for field in ("key", "nonce", "data"))
    stream = CHACHA[name].key_streams(key, [(nonce, case["counter"], (len(data) + 63) // 64)])
    assert bytes(a ^ b for a, b in zip(data, stream, strict=False)).hex() == case["result"]
    assert chacha20.crypt(key, case["counter"], nonce, data).hex() == case["result"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", _KEYS, ids=lambda case: case["id"])
def test_one_time_keys(name: str, case: dict[str, Any]) -> None:
    run = (bytes.fromhex(case["nonce"]), 0, 1)
    assert CHACHA[name].crypt_many(bytes.fromhex(case["key"]), [run], [b""]) == ([bytes.fromhex(case["result"])], [b""])


def test_the_block_function() -> None:
    case = _CASES[0]
    assert chacha20.block(bytes.fromhex(case["key"]), case["counter"], bytes.fromhex(case["nonce"])).hex() == case["result"]


@pytest.mark.parametrize("name", ["lanes", "words"])
@pytest.mark.parametrize(
    "counts",
    [[1], [2], [23], [63, 1], [64], [65], [0, 3, 1], [5] * 16, [1] * 70, [130, 7], [255], []],
    ids=str,
)
def test_batches_are_what_the_twin_says(name: str, counts: list[int]) -> None:
    chance = random.Random(len(counts))
    key = chance.randbytes(32)
    runs = [(chance.randbytes(12), chance.choice((0, 1, chance.getrandbits(31))), count) for count in counts]
    if not runs:
        assert CHACHA[name].first_octets(key, []) == []
        return
    assert CHACHA[name].key_streams(key, runs) == ref.key_streams(key, runs)


@pytest.mark.parametrize("name", ["lanes", "words"])
@pytest.mark.parametrize("count", [5, 80])
def test_the_counter_wraps(name: str, count: int) -> None:
    run = (bytes(range(12)), 0xFFFFFFFE, count)
    assert CHACHA[name].key_streams(bytes(32), [run]) == ref.key_streams(bytes(32), [run])


def test_long_batches_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chacha20_lanes, "_LANES_MAXIMUM", 7)
    runs = [(bytes([index] * 12), index, count) for index, count in enumerate((3, 20, 1, 4, 7))]
    assert chacha20_lanes.key_streams(bytes(32), runs) == ref.key_streams(bytes(32), runs)


def test_plans_are_bounded_in_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chacha20_repeats, "_CACHE_OCTETS", 60_000)
    monkeypatch.setattr(chacha20_repeats, "_plans", OrderedDict())
    monkeypatch.setattr(chacha20_repeats, "_planned_octets", 0)
    monkeypatch.setattr(chacha20_repeats, "_SMALL_ENTRIES", 8)
    monkeypatch.setattr(chacha20_repeats, "_SMALL_LANES", 50)
    monkeypatch.setattr(chacha20_repeats, "_ones_of", {})
    monkeypatch.setattr(chacha20_repeats, "_ramp_of", {})
    for count in range(1, 60):
        chacha20_lanes.key_streams(bytes(32), [(bytes(12), 0, count)])
        assert chacha20_repeats._planned_octets <= 60_000
        assert chacha20_repeats._planned_octets == sum([chacha20_repeats._size(place) for place in chacha20_repeats._plans])
        for place, plan in chacha20_repeats._plans.items():
            assert sum([28 + mask.bit_length() // 30 * 4 + 4 for mask in plan]) <= chacha20_repeats._size(place)
        assert len(chacha20_repeats._ramp_of) <= 8
        assert len(chacha20_repeats._ones_of) <= 8
        assert max(chacha20_repeats._ramp_of) <= 50


def test_ramps_count_the_lanes() -> None:
    for count in (0, 1, 2, 41, 600):
        assert chacha20_repeats.ramp(count) == sum(index << 36 * index for index in range(count))


@pytest.mark.parametrize("name", NAMES)
def test_masks(name: str) -> None:
    chance = random.Random(5)
    key = chance.randbytes(32)
    samples = [chance.randbytes(16) for _ in range(70)]
    expected = [ref.block(key, int.from_bytes(sample[:4], "little"), sample[4:])[:5] for sample in samples]
    assert CHACHA[name].first_octets(key, samples) == expected
    assert CHACHA[name].first_octets(key, samples[:1]) == expected[:1]


def test_the_mask_of_quic() -> None:
    """RFC 9001 A.5."""
    case = extra_json("rfc", "rfc9001_appendix_a.json")["A.5_chacha20_short_header"]
    assert chacha20.mask_many(bytes.fromhex(case["hp"]), [bytes.fromhex(case["sample"])])[0].hex() == case["mask"]


@pytest.mark.parametrize(
    "call",
    [
        lambda: chacha20.block(bytes(31), 0, bytes(12)),
        lambda: chacha20.block(bytes(32), 0, bytes(8)),
        lambda: chacha20.block(bytes(32), 1 << 32, bytes(12)),
        lambda: chacha20.block(bytes(32), -1, bytes(12)),
        lambda: chacha20.crypt(bytes(32), (1 << 32) - 1, bytes(12), bytes(65)),
        lambda: chacha20.mask_many(bytes(16), [bytes(16)]),
        lambda: chacha20.mask_many(bytes(32), [bytes(15)]),
    ],
)
def test_misuse(call: Any) -> None:
    with pytest.raises(UsageError):
        call()


def test_the_last_block_there_is() -> None:
    assert len(chacha20.crypt(bytes(32), (1 << 32) - 1, bytes(12), bytes(64))) == 64
    assert chacha20.crypt(bytes(32), 0, bytes(12), b"") == b""
    assert chacha20.mask_many(bytes(32), []) == []
