# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Rows of ML-KEM-768: beside kyber-py and OpenSSL, and beside our own X25519, which a hybrid key exchange pays as well."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

from kyber_py.ml_kem import ML_KEM_768

from bench.crypto_rows import Row, bars
from sws.crypto import mlkem, x25519

try:
    from cryptography.hazmat.primitives.asymmetric import mlkem as openssl
except ImportError:  # PyPy
    openssl = None

__all__ = ["rows"]


def _decapsulations() -> tuple[Callable[[], object], Callable[[], object], Callable[[], object] | None]:
    """Ours, kyber-py's, OpenSSL's, each on one of eight keys and ciphertexts in turn."""
    seeds = [os.urandom(64) for _ in range(8)]
    pairs = [mlkem.from_seed(seed) for seed in seeds]
    cases = [(private, mlkem.encapsulate(public)[1]) for public, private in pairs]
    ours, theirs = itertools.cycle(cases), itertools.cycle(cases)

    def by_us() -> object:
        return mlkem.decapsulate(*next(ours))

    def by_kyber() -> object:
        return ML_KEM_768.decaps(*next(theirs))

    if openssl is None:
        return by_us, by_kyber, None
    keys = [openssl.MLKEM768PrivateKey.from_seed_bytes(seed) for seed in seeds]
    loaded = itertools.cycle([(key, ciphertext) for key, (_, ciphertext) in zip(keys, cases, strict=True)])

    def by_openssl() -> object:
        key, ciphertext = next(loaded)
        return key.decapsulate(ciphertext)

    return by_us, by_kyber, by_openssl


def _by_openssl(public: list[bytes]) -> Callable[[], object] | None:
    if openssl is None:
        return None
    loaded = itertools.cycle([openssl.MLKEM768PublicKey.from_public_bytes(key) for key in public])
    return lambda: next(loaded).encapsulate()


def rows() -> list[Row]:
    """The bar is relative to an X25519 exchange: at most 2 times its time to encapsulate, 2.9 times to decapsulate."""
    public = [mlkem.generate()[0] for _ in range(8)]
    mine, theirs = itertools.cycle(public), itertools.cycle(public)
    private, peer = x25519.generate(), x25519.public(x25519.generate())
    by_us, by_kyber, by_openssl = _decapsulations()
    generate = openssl.MLKEM768PrivateKey.generate if openssl else None

    def encapsulate() -> object:
        return mlkem.encapsulate(next(mine))

    def encapsulate_by_kyber() -> object:
        return ML_KEM_768.encaps(next(theirs))

    def exchange() -> object:
        return x25519.exchange(private, peer)

    return [
        Row("ML-KEM-768 key generation", mlkem.generate, ML_KEM_768.keygen, generate, 0, None, None),
        Row("ML-KEM-768 encapsulation", encapsulate, encapsulate_by_kyber, _by_openssl(public), 0, None, None),
        Row("ML-KEM-768 decapsulation", by_us, by_kyber, by_openssl, 0, None, None),
        Row("ML-KEM-768 encapsulation beside our X25519 exchange", encapsulate, exchange, None, 0, *bars((0.5, 1.0), (0.5, 1.0))),
        Row("ML-KEM-768 decapsulation beside our X25519 exchange", by_us, exchange, None, 0, *bars((1 / 2.9, 0.7), (1 / 2.9, 0.7))),
    ]
