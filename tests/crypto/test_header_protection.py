# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Masks of all suites.  RFC 9001 §5.4, appendix A."""

from __future__ import annotations

from types import ModuleType

import pytest

from sws.base.errors import UsageError
from sws.crypto import aes, chacha20
from sws.crypto.header_protection import mask_groups, masks
from sws.crypto.kernels import chacha20_lanes
from tests.kit.vectors import extra_json


def test_the_rfcs_masks() -> None:
    rfc = extra_json("rfc", "rfc9001_appendix_a.json")
    for case, role in ((rfc["A.2_client_initial"], "client"), (rfc["A.3_server_initial"], "server")):
        key = bytes.fromhex(rfc["A.1_keys"][role]["hp"])
        assert masks("aes-128-gcm", key, [bytes.fromhex(case["sample"])])[0].hex() == case["mask"]
    case = rfc["A.5_chacha20_short_header"]
    assert masks("chacha20-poly1305", bytes.fromhex(case["hp"]), [bytes.fromhex(case["sample"])])[0].hex() == case["mask"]


def test_a_batch_is_its_members() -> None:
    samples = [bytes([index] * 16) for index in range(20)]
    for suite, size in (("aes-128-gcm", 16), ("aes-256-gcm", 32), ("chacha20-poly1305", 32)):
        key = bytes(range(size))
        assert masks(suite, key, samples) == [masks(suite, key, [sample])[0] for sample in samples]
    assert masks("aes-256-gcm", bytes(32), samples) == aes.mask_many(bytes(32), samples)
    assert masks("chacha20-poly1305", bytes(32), samples) == chacha20.mask_many(bytes(32), samples)


@pytest.mark.parametrize("counts", [(), (3,), (1, 1), (2, 0, 5), (60, 60)])
@pytest.mark.parametrize("others", [(), ("aes-128-gcm",)])
def test_groups_are_batches_under_several_keys(counts: tuple[int, ...], others: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    groups = [
        ("chacha20-poly1305", bytes(range(place, place + 32)), [bytes([place, index] * 8) for index in range(count)])
        for place, count in enumerate(counts)
    ]
    groups += [(suite, bytes(16), [bytes(16), bytes(range(16))]) for suite in others]
    expected = [masks(*group) for group in groups]
    assert mask_groups(groups) == expected
    monkeypatch.setattr(chacha20, "_many_keys", chacha20_lanes)
    assert mask_groups(groups) == expected
    monkeypatch.setattr(chacha20, "_many_keys", None)
    assert mask_groups(groups) == expected


@pytest.mark.parametrize("many", [None, chacha20_lanes])
@pytest.mark.parametrize(("key", "sample"), [(31, 16), (32, 15)])
def test_misuse_of_groups(key: int, sample: int, many: ModuleType | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chacha20, "_many_keys", many)
    with pytest.raises(UsageError):
        mask_groups([("chacha20-poly1305", bytes(32), [bytes(16)]), ("chacha20-poly1305", bytes(key), [bytes(sample)])])


@pytest.mark.parametrize(("suite", "size"), [("aes-128-gcm", 32), ("aes-256-gcm", 16), ("chacha20-poly1305", 16), ("rot13", 16)])
def test_misuse(suite: str, size: int) -> None:
    with pytest.raises(UsageError):
        masks(suite, bytes(size), [bytes(16)])
