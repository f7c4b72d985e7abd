# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ECDH against Wycheproof and another implementation."""

from __future__ import annotations

import pytest

from sws.base.errors import DecodeError
from sws.crypto import ecdh
from sws.crypto.curves import curve_named
from tests.crypto.other import ec, needs_other
from tests.crypto.wycheproof import cases

OTHER = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
NAMES = {"secp256r1": "P-256", "secp384r1": "P-384"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ecdh_secp256r1_ecpoint_test", "ecdh_secp384r1_ecpoint_test"])
def test_wycheproof(name: str) -> None:
    outcomes = {"valid": 0, "invalid": 0, "acceptable": 0}
    for group, test in cases(name):
        curve = NAMES[group["curve"]]
        scalar = int(test["private"], 16).to_bytes(curve_named(curve).octets, "big")
        private = ecdh.EcPrivateKey(curve, scalar)
        try:
            shared = ecdh.exchange(private, bytes.fromhex(test["public"])).hex()
        except DecodeError:
            assert test["result"] != "valid", test["tcId"]
            assert "CompressedPublic" not in test["flags"] or test["result"] == "acceptable"
        else:
            assert test["result"] != "invalid", test["tcId"]
            assert shared == test["shared"], test["tcId"]
        outcomes[test["result"]] += 1
    assert outcomes["valid"] > 100
    assert outcomes["invalid"] > 10


@needs_other
@pytest.mark.parametrize("curve", ["P-256", "P-384"])
def test_both_sides_and_another_implementation_agree(curve: str) -> None:
    one, two = ecdh.generate(curve), ecdh.generate(curve)
    shared = ecdh.exchange(one, ecdh.public(two))
    assert shared == ecdh.exchange(two, ecdh.public(one))
    peer = ec.EllipticCurvePublicKey.from_encoded_point(OTHER[curve], ecdh.public(two))
    assert ec.derive_private_key(int.from_bytes(one.scalar, "big"), OTHER[curve]).exchange(ec.ECDH(), peer) == shared
    assert len(shared) == curve_named(curve).octets


def test_a_point_of_the_other_curve_is_refused() -> None:
    with pytest.raises(DecodeError, match="P-384 public key: P-256 wanted"):
        ecdh.exchange(ecdh.generate("P-256"), ecdh.public(ecdh.generate("P-384")))
