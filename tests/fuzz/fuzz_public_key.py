# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fuzzes what a peer sends to public-key code.  Run: python -m tests.fuzz.fuzz_public_key --executions N --seconds S --seed K

Oracles.  ECDSA signatures: what is read is written the same, and another implementation reads the same numbers, or refuses too.  EC
points: another implementation takes and refuses the same octets.  Ed25519 points: the kernel and the readable twin agree, and what is
read is written the same.  Signatures as a whole: only True, False or DecodeError, and True for what was signed alone.
"""

from __future__ import annotations

import random
from typing import Final

from sws.base.errors import DecodeError
from sws.crypto import ecdsa, ed25519, rsa
from sws.crypto.curves import P256, P384
from sws.crypto.kernels import edwards25519_comb
from sws.crypto.ref import ed25519 as edwards
from sws.crypto.weierstrass import decode_point, encode_point
from tests.crypto.other import decode_dss_signature, ec
from tests.fuzz.kit import Target, main

__all__ = ["TARGETS"]

_CURVES: Final = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
_KEY: Final = ecdsa.EcPrivateKey("P-256", bytes(range(1, 33)))
_PUBLIC: Final = ecdsa.public(_KEY)
_EDWARDS: Final = ed25519.expand(bytes(32))
_SIGNED: Final = {ecdsa.sign(_KEY, b"m", "sha256", None), ed25519.sign(_EDWARDS, b"m")}
_RSA: Final = rsa.RsaPublicKey((1 << 1023) + 0x123457, 3)


def _check_der(data: bytes, chance: random.Random) -> str:
    try:
        r, s = ecdsa.decode_signature(data)
    except DecodeError:
        try:
            other = decode_dss_signature(data)
        except ValueError:
            return "refused"
        assert min(other) < 0 or len(data) > 129, "the other implementation reads it"
        return "refused, not the form of a signature"
    assert ecdsa.encode_signature(r, s) == data
    assert decode_dss_signature(data) == (r, s)
    return "read"


def _check_point(data: bytes, chance: random.Random) -> str:
    try:
        curve, point = decode_point(data)
    except DecodeError:
        name = {65: "P-256", 97: "P-384"}.get(len(data))
        if name is None or data[0] != 4:
            return "refused by its form"
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[name], data)
        except ValueError:
            return "refused"
        raise AssertionError("the other implementation takes it") from None
    numbers = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[curve.name], data).public_numbers()
    assert (numbers.x, numbers.y) == point
    assert encode_point(curve, point) == data
    return curve.name


def _check_edwards(data: bytes, chance: random.Random) -> str:
    try:
        x, y = ed25519._decode_public(data)
    except DecodeError:
        value = int.from_bytes(data, "little")
        y = value & (2**255 - 1)
        assert len(data) != 32 or y >= edwards.P or edwards.recover_x(y, value >> 255) is None
        return "refused"
    assert ed25519._encode((x, y)) == data
    assert edwards25519_comb.recover_x(y, x & 1) == edwards.recover_x(y, x & 1) == x
    assert (y * y - x * x - 1 - edwards.D * x * x * y * y) % edwards.P == 0
    return "point"


def _check_signature(data: bytes, chance: random.Random) -> str:
    verdicts = (
        ecdsa.verify(_PUBLIC, b"m", data, "sha256"),
        ed25519.verify(_EDWARDS.public, b"m", data),
        rsa.verify_pss(_RSA, b"m", data, "sha256"),
        rsa.verify_pkcs1(_RSA, b"m", data, "sha256"),
    )
    assert any(verdicts) == (data in _SIGNED)
    return "signature" if any(verdicts) else f"none, {len(data) if len(data) in (64, 128) else 'odd'}"


# --- corpus, dictionary, grammar -----------------------------------------------------------------------------------------

_EDGES: Final = (0, 1, 127, 128, 255, 256, 2**255, 2**256 - 1, P256.n, P256.n - 1, P256.p, P384.n, P384.p)


def _numbers(chance: random.Random) -> int:
    return chance.choice(_EDGES) if chance.random() < 0.4 else chance.getrandbits(chance.choice((1, 8, 16, 255, 256, 384)))


def _der(chance: random.Random) -> bytes:
    return ecdsa.encode_signature(_numbers(chance), _numbers(chance))


def _points(chance: random.Random) -> bytes:
    curve = chance.choice((P256, P384))
    x = chance.choice((curve.gx, 0, 5, chance.getrandbits(8 * curve.octets) % curve.p))
    y = pow(x**3 - 3 * x + curve.b, (curve.p + 1) // 4, curve.p)
    lift = curve.p if chance.random() < 0.1 and max(x, y) + curve.p < 1 << 8 * curve.octets else 0
    return encode_point(curve, (x + lift, chance.choice((y, (curve.p - y) % curve.p))))


def _edwards_points(chance: random.Random) -> bytes:
    y = chance.choice((0, 1, edwards.P - 1, edwards.P, edwards.P + 1, 2**255 - 1, chance.getrandbits(255)))
    return (y | chance.getrandbits(1) << 255).to_bytes(32, "little")


def _signatures(chance: random.Random) -> bytes:
    return chance.choice((_der(chance), chance.randbytes(64), chance.randbytes(128), *_SIGNED))


_DICTIONARY: Final = [b"\x30", b"\x02\x01", b"\x00", b"\x04", b"\x80", b"\xff" * 32, b"\x81", P256.p.to_bytes(32, "big")]
_POINTS: Final = [encode_point(curve, (curve.gx, curve.gy)) for curve in (P256, P384)]

TARGETS: Final = (
    Target("ecdsa-der", _check_der, sorted(_SIGNED), _DICTIONARY, _der),
    Target("ec-point", _check_point, _POINTS, _DICTIONARY, _points),
    Target("edwards-point", _check_edwards, [_EDWARDS.public, bytes(32)], _DICTIONARY, _edwards_points),
    Target("signature", _check_signature, sorted(_SIGNED), _DICTIONARY, _signatures),
)

if __name__ == "__main__":
    main(TARGETS)
