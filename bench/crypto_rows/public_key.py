# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Public-key rows: X25519 against tlslite-ng, signatures against python-ecdsa, both in pure Python, and OpenSSL through cryptography.

Every call has other input: messages are counted, key generation draws anew, an exchange takes the next of some peers' keys.  Keys that a
server has for long (signing keys) are made ready once on all sides; whatever the interface lets a peer prepare is prepared.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any, Final

import ecdsa as peer_ecdsa
import ecdsa.numbertheory as peer_numbertheory
from tlslite.utils.x25519 import X25519_G
from tlslite.utils.x25519 import x25519 as peer_x25519

from bench.crypto_rows import Bars, Row, bars
from sws.crypto import ecdh, ecdsa, ed25519, rsa, x25519

try:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric import ed25519 as other_ed25519
    from cryptography.hazmat.primitives.asymmetric import rsa as other_rsa
    from cryptography.hazmat.primitives.asymmetric import x25519 as other_x25519

    _HAVE_OPENSSL = True
except ImportError:

    class _StandIn:
        """Where cryptography's wheels do not load there is no column of OpenSSL."""

        def __getattr__(self, name: str) -> Any:
            return self

        def __call__(self, *args: object, **kwargs: object) -> Any:
            return self

    _HAVE_OPENSSL = False
    hashes = ec = padding = other_ed25519 = other_rsa = other_x25519 = _StandIn()

__all__ = ["rows"]

_COUNT: Final = 64
"""Of different inputs, of which every call takes the next."""

assert not peer_numbertheory.GMPY, "python-ecdsa must run in pure Python"
assert not peer_numbertheory.GMPY2, "python-ecdsa must run in pure Python"


def _counted(call: Callable[[Any], object], values: list[Any]) -> Callable[[], object]:
    source: Iterator[Any] = itertools.cycle(values)
    return lambda: call(next(source))


def _row(name: str, ours: Any, peer: Any, openssl: Any, bar: Bars = (None, None)) -> Row:
    return Row(name=name, ours=ours, peer=peer, openssl=openssl if _HAVE_OPENSSL else None, octets=0, gate=bar[0], aim=bar[1])


def _x25519() -> list[Row]:
    private = x25519.generate()
    other = other_x25519.X25519PrivateKey.from_private_bytes(private)
    peers = [x25519.public(x25519.generate()) for _ in range(_COUNT)]
    key = bytearray(private)
    return [
        _row(
            "X25519 key generation",
            lambda: x25519.public(x25519.generate()),
            lambda: peer_x25519(bytearray(os.urandom(32)), bytearray(X25519_G)),
            lambda: other_x25519.X25519PrivateKey.generate().public_key().public_bytes_raw(),
            bars((6, 10), mypyc=(6, 10)),
        ),
        _row(
            "X25519 exchange",
            _counted(lambda public: x25519.exchange(private, public), peers),
            _counted(lambda public: peer_x25519(key, public), [bytearray(public) for public in peers]),
            _counted(lambda public: other.exchange(other_x25519.X25519PublicKey.from_public_bytes(public)), peers),
            bars((1.2, 2), mypyc=(6, 10)),
        ),
    ]


def _ecdsa(curve: str, hash_name: str) -> list[Row]:
    peer_curve = {"P-256": peer_ecdsa.NIST256p, "P-384": peer_ecdsa.NIST384p}[curve]
    other_curve = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}[curve]
    algorithm = ec.ECDSA({"sha256": hashes.SHA256(), "sha384": hashes.SHA384()}[hash_name])
    function = getattr(hashlib, hash_name)
    key = ecdsa.generate(curve)
    public = ecdsa.public(key)
    peer = peer_ecdsa.SigningKey.from_string(key.scalar, curve=peer_curve, hashfunc=function)
    other = ec.derive_private_key(int.from_bytes(key.scalar, "big"), other_curve)
    messages = [b"%064d" % index for index in range(_COUNT)]
    signed = [(message, ecdsa.sign(key, message, hash_name)) for message in messages]
    peer_key, other_key = peer.verifying_key, other.public_key()
    peer_signed = [(message, peer.sign(message, sigencode=peer_ecdsa.util.sigencode_der)) for message in messages]
    return [
        _row(
            f"{curve} sign",
            _counted(lambda message: ecdsa.sign(key, message, hash_name), messages),
            _counted(lambda message: peer.sign(message, sigencode=peer_ecdsa.util.sigencode_der), messages),
            _counted(lambda message: other.sign(message, algorithm), messages),
            bars((2.5, 3), mypyc=(2.5, 3)) if curve == "P-256" else (None, None),
        ),
        _row(
            f"{curve} verify",
            _counted(lambda pair: ecdsa.verify(public, *pair, hash_name), signed),
            _counted(lambda pair: peer_key.verify(pair[1], pair[0], sigdecode=peer_ecdsa.util.sigdecode_der), peer_signed),
            _counted(lambda pair: other_key.verify(pair[1], pair[0], algorithm), signed),
            bars((1.5, 2), mypyc=(1.5, 2)) if curve == "P-256" else (None, None),
        ),
    ]


def _ecdh(curve: str) -> Row:
    key = ecdh.generate(curve)
    other_curve = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}[curve]
    peer_curve = {"P-256": peer_ecdsa.NIST256p, "P-384": peer_ecdsa.NIST384p}[curve]
    peers = [ecdh.public(ecdh.generate(curve)) for _ in range(16)]
    peer = peer_ecdsa.ECDH(curve=peer_curve)
    peer.load_private_key_bytes(key.scalar)

    def peer_exchange(public: bytes) -> bytes:
        """The peer's shared secret with another's public key."""
        peer.load_received_public_key_bytes(public)
        shared: bytes = peer.generate_sharedsecret_bytes()
        return shared

    other = ec.derive_private_key(int.from_bytes(key.scalar, "big"), other_curve)
    return _row(
        f"{curve} exchange",
        _counted(lambda public: ecdh.exchange(key, public), peers),
        _counted(peer_exchange, peers),
        _counted(lambda public: other.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(other_curve, public)), peers),
    )


def _ed25519() -> list[Row]:
    private = ed25519.generate()
    key = ed25519.expand(private)
    peer = peer_ecdsa.SigningKey.from_string(private, curve=peer_ecdsa.Ed25519)
    other = other_ed25519.Ed25519PrivateKey.from_private_bytes(private)
    messages = [b"%064d" % index for index in range(_COUNT)]
    signed = [(message, ed25519.sign(key, message)) for message in messages]
    peer_key, other_key = peer.verifying_key, other.public_key()
    return [
        _row(
            "Ed25519 sign",
            _counted(lambda message: ed25519.sign(key, message), messages),
            _counted(peer.sign, messages),
            _counted(other.sign, messages),
            bars((2.4, 3), mypyc=(2.4, 3)),
        ),
        _row(
            "Ed25519 verify",
            _counted(lambda pair: ed25519.verify(key.public, *pair), signed),
            _counted(lambda pair: peer_key.verify(pair[1], pair[0]), signed),
            _counted(lambda pair: other_key.verify(pair[1], pair[0]), signed),
            bars((2.6, 3), mypyc=(2.6, 3)),
        ),
    ]


def _rsa() -> list[Row]:
    key = rsa.generate(2048)
    other_numbers = other_rsa.RSAPublicNumbers(key.e, key.n)
    other = other_rsa.RSAPrivateNumbers(key.p, key.q, key.d, key.dp, key.dq, key.q_inv, other_numbers).private_key()
    scheme, algorithm = padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()
    messages = [b"%064d" % index for index in range(16)]
    signed = [(message, rsa.sign_pss(key, message, "sha256")) for message in messages]
    public, other_public = key.public, other.public_key()
    return [
        _row(
            "RSA-2048 PSS sign",
            _counted(lambda message: rsa.sign_pss(key, message, "sha256"), messages),
            None,
            _counted(lambda message: other.sign(message, scheme, algorithm), messages),
        ),
        _row(
            "RSA-2048 PSS verify",
            _counted(lambda pair: rsa.verify_pss(public, *pair, "sha256"), signed),
            None,
            _counted(lambda pair: other_public.verify(pair[1], pair[0], scheme, algorithm), signed),
        ),
    ]


def rows() -> list[Row]:
    """All of them."""
    return [
        *_x25519(),
        *_ecdsa("P-256", "sha256"),
        _ecdh("P-256"),
        *_ecdsa("P-384", "sha384"),
        _ecdh("P-384"),
        *_ed25519(),
        *_rsa(),
    ]
