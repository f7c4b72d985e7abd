# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ECDSA on P-256 and P-384.  FIPS 186-5 §6.4; nonces RFC 6979; the DER form RFC 5480 Appendix A, X.690 §8.3 and §10.

With d the private key, Q = d·G the public one, e the leftmost bits of the message's hash, and a nonce k that is used once:

    sign     r = x(k·G) mod n     s = (e + r·d)/k mod n
    verify   u1 = e/s   u2 = r/s     valid if x(u1·G + u2·Q) = r modulo n

Whoever learns some bits of k of a number of signatures learns d.  So k comes from the HMAC generator of RFC 6979 over the key and the
hash, with fresh entropy as its additional input (§3.6): a bad source of entropy leaves the deterministic nonce, a fault that repeats a
computation does not meet the same nonce twice.  k is recoded to a fixed length (`kernels.field`), 1/k is computed as b·1/(k·b) with a
random b, and d is used as b·d.
"""

from __future__ import annotations

from typing import Final, final

from sws.base.errors import DecodeError
from sws.crypto.curves import Curve, curve_named
from sws.crypto.hashes import find_hash
from sws.crypto.hmac import Mac, find_mac
from sws.crypto.octets import octets
from sws.crypto.system import Entropy, system_entropy
from sws.crypto.weierstrass import EcPrivateKey, decode_point, generate, kernel, public, random_below

__all__ = ["EcPrivateKey", "decode_signature", "encode_signature", "generate", "public", "sign", "verify"]

_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_HEDGE: Final = 32
"""Octets of fresh entropy in a nonce."""


@final
class _Generator:
    """The HMAC generator of RFC 6979 §3.2: as many octets as wanted, in the steps that the RFC counts as candidates for k."""

    __slots__ = ("_k", "_mac", "_v")

    def __init__(self, mac: Mac, seed: bytes, hash_octets: int) -> None:
        self._mac = mac
        self._v = b"\x01" * hash_octets
        self._k = bytes(hash_octets)
        for separator in (b"\x00", b"\x01"):
            self._update(separator + seed)

    def _update(self, data: bytes) -> None:
        self._k = self._mac(self._k, self._v + data)
        self._v = self._mac(self._k, self._v)

    def octets(self, count: int) -> bytes:
        """The next octets: the bits T of step h.2."""
        found = b""
        while len(found) < count:
            self._v = self._mac(self._k, self._v)
            found += self._v
        return found[:count]

    def refuse(self) -> None:
        """Step h.3, after a candidate that will not do."""
        self._update(b"\x00")


def _leftmost(octets: bytes, curve: Curve) -> int:
    """bits2int: the leftmost bits of a string, as many as n has.  RFC 6979 §2.3.2, FIPS 186-5 §6.4.1 step 2."""
    excess = 8 * len(octets) - curve.n.bit_length()
    value = int.from_bytes(octets, "big")
    return value >> excess if excess > 0 else value


def sign(key: EcPrivateKey, message: bytes, hash_name: str, entropy: Entropy | None = system_entropy) -> bytes:
    """A signature in DER.  FIPS 186-5 §6.4.1.

    Args:
      key:        SECRET.
      message:    what is signed, whole.
      hash_name:  as `hashes` knows them.
      entropy:    hedges the nonce and gives the masks; None makes the purely deterministic signature of RFC 6979, which tests can compare.
    Returns: at most 72 octets for P-256, 104 for P-384.
    Raises:  UsageError for an unknown hash.
    Timing:  nonce and key pass through computations of fixed length with random masks; with `SWS_KERNELS=auto` a table is read at places
             that depend on the nonce.
    """
    curve = curve_named(key.curve)
    n, octets = curve.n, curve.octets
    hashed = find_hash(hash_name).new(message).digest()
    e = _leftmost(hashed, curve)
    seed = key.scalar + (e % n).to_bytes(octets, "big")
    generator = _Generator(find_mac(hash_name), seed if entropy is None else seed + entropy(_HEDGE), len(hashed))
    d = int.from_bytes(key.scalar, "big")
    while True:
        k = _leftmost(generator.octets(octets), curve)
        if 0 < k < n:
            chance = generator.octets if entropy is None else entropy
            point = kernel.base_multiple(curve, k, random_below(curve.p, chance))
            assert point is not None  # 0 < k < n
            r = point[0] % n
            b = random_below(n, chance)
            s = pow(k * b % n, -1, n) * (b * e + b * d % n * r) % n
            if r and s:
                return encode_signature(r, s)
        generator.refuse()


def verify(public: bytes, message: bytes, signature: bytes, hash_name: str) -> bool:
    """Whether a signature in DER is the key's for the message.  FIPS 186-5 §6.4.2.

    Args:
      public:  04 ‖ x ‖ y.
    Returns: False for a signature that is not strict DER, out of range, or wrong.
    Raises:  DecodeError for a public key that is none, UsageError for an unknown hash.
    Timing:  variable, all arguments are public.
    """
    curve, point = decode_point(public)
    e = _leftmost(find_hash(hash_name).new(message).digest(), curve)
    try:
        r, s = decode_signature(signature)
    except DecodeError:
        return False
    if not (0 < r < curve.n and 0 < s < curve.n):
        return False
    inverse = pow(s, -1, curve.n)
    return kernel.x_matches(curve, e * inverse % curve.n, r * inverse % curve.n, point, r)


def encode_signature(r: int, s: int) -> bytes:
    """SEQUENCE { INTEGER r, INTEGER s } in DER, for values below 2^440.  RFC 5480 Appendix A, ECDSA-Sig-Value."""
    content = b""
    for value in (r, s):
        integer = value.to_bytes(value.bit_length() // 8 + 1, "big")
        content += bytes((_INTEGER, len(integer))) + integer
    return bytes((_SEQUENCE, len(content))) + content


def decode_signature(signature: bytes) -> tuple[int, int]:
    """r and s of a signature in DER, and of no other form.

    Raises: DecodeError for wrong tags, lengths that are long, not the shortest or do not fit, integers that are empty, negative or not the
      shortest, and octets behind the end.
    """
    encoded = octets(signature)
    if len(encoded) < 2 or encoded[0] != _SEQUENCE:
        raise DecodeError("ECDSA signature: not a SEQUENCE")
    if encoded[1] >= 0x80 or encoded[1] != len(encoded) - 2:
        raise DecodeError("ECDSA signature: the length of the SEQUENCE", 1)
    r, at = _decode_integer(encoded, 2)
    s, at = _decode_integer(encoded, at)
    if at != len(encoded):
        raise DecodeError("ECDSA signature: more than two integers", at)
    return r, s


def _decode_integer(encoded: bytes, at: int) -> tuple[int, int]:
    """A non-negative INTEGER of less than 128 octets, and where it ends."""
    if encoded[at : at + 1] != bytes((_INTEGER,)) or at + 2 > len(encoded):
        raise DecodeError("ECDSA signature: not an INTEGER", at)
    length = encoded[at + 1]
    content = encoded[at + 2 : at + 2 + length]
    if not 0 < length < 0x80 or len(content) != length:
        raise DecodeError("ECDSA signature: the length of an INTEGER", at + 1)
    if content[0] >= 0x80 or (content[0] == 0 and length > 1 and content[1] < 0x80):
        raise DecodeError("ECDSA signature: an INTEGER that is negative or not the shortest", at + 2)
    return int.from_bytes(content, "big"), at + 2 + length
