# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every kernel of the hash functions, for tests that run over all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sws.crypto.hash_types import Sha2, Sha3
from sws.crypto.kernels import hashes_stdlib, keccak_lanes, scalar_keccak, scalar_sha2, sha2_lanes
from sws.crypto.ref import sha2 as ref_sha2
from sws.crypto.ref import sha3 as ref_sha3
from tests.kit.vectors import extra_json

__all__ = ["SHA2_KERNELS", "SHA2_NAMES", "SHA3_KERNELS", "SHA3_NAMES", "wycheproof"]

SHA2_KERNELS: Final[dict[str, Sha2]] = {
    "stdlib": hashes_stdlib.SHA2,
    "lanes": sha2_lanes.SHA2,
    "scalar": scalar_sha2.SHA2,
    "ref": ref_sha2.SHA2,
}
SHA3_KERNELS: Final[dict[str, Sha3]] = {
    "stdlib": hashes_stdlib.SHA3,
    "lanes": keccak_lanes.SHA3,
    "scalar": scalar_keccak.SHA3,
    "ref": ref_sha3.SHA3,
}
SHA2_NAMES: Final = Sha2._fields
SHA3_NAMES: Final = Sha3._fields[:4]


def wycheproof(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(group, test) of a Wycheproof file."""
    for group in extra_json("crypto", "wycheproof", f"{name}.json")["testGroups"]:
        for test in group["tests"]:
            yield group, test
