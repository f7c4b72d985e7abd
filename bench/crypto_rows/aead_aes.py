# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Rows of AES-GCM and its masks.  The peer is tlslite-ng in pure Python, one message at a time, wherever it can do the same."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

try:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM as OPENSSL
except ImportError:
    OPENSSL = None
from tlslite.utils import cryptomath
from tlslite.utils.python_aesgcm import new as tlslite_gcm

from bench.crypto_rows import Bars, Row, bars
from sws.crypto.aes import mask_many
from sws.crypto.aesgcm import AESGCM

__all__ = ["rows"]

_AAD = bytes(13)
_Item = tuple[bytes, bytes, bytes]


def rows() -> list[Row]:
    """All rows; gates and aims are those of this interpreter."""
    if cryptomath.m2cryptoLoaded or cryptomath.gmpyLoaded or cryptomath.pycryptoLoaded:
        raise RuntimeError("the peer is accelerated: it must be pure Python")
    return [
        *_whole(16, 16384, bars((33, 55), (19, 35), (120, 300))),
        *_whole(16, 1350, bars((12, 25), (22, 35))),
        *_whole(32, 16384, bars((30, 50), (21, 35))),
        *_batches(),
        _masks(),
        *_setup(),
    ]


def _nonces() -> Iterator[bytes]:
    return (number.to_bytes(12, "big") for number in itertools.count(1 << 64))


def _whole(size: int, length: int, bar: Bars) -> list[Row]:
    """One message a call; nonces and texts change from call to call."""
    key = os.urandom(size)
    ours, peer = AESGCM(key), tlslite_gcm(bytearray(key))
    library = None if OPENSSL is None else OPENSSL(key)
    texts = itertools.cycle([os.urandom(length) for _ in range(8)])
    nonces = _nonces()
    fixed = [(next(nonces), next(texts)) for _ in range(8)]
    sealed = itertools.cycle([(nonce, ours.seal(nonce, text, _AAD)) for nonce, text in fixed])

    def open_ours() -> None:
        ours.open(*next(sealed), _AAD)

    def open_peer() -> None:
        nonce, text = next(sealed)
        peer.open(bytearray(nonce), bytearray(text), bytearray(_AAD))

    def open_library() -> None:
        library.decrypt(*next(sealed), _AAD)

    name = f"AES-{8 * size}-GCM {length} B"
    return [
        Row(
            f"{name} seal",
            lambda: ours.seal(next(nonces), next(texts), _AAD),
            lambda: peer.seal(bytearray(next(nonces)), bytearray(next(texts)), bytearray(_AAD)),
            None if library is None else lambda: library.encrypt(next(nonces), next(texts), _AAD),
            length,
            *bar,
        ),
        Row(f"{name} open", open_ours, open_peer, None if library is None else open_library, length, *bar),
    ]


def _batches() -> list[Row]:
    """Many packets a call, beside the peer one at a time; and beside our own calls one at a time."""
    key = os.urandom(16)
    ours, peer = AESGCM(key), tlslite_gcm(bytearray(key))
    library = None if OPENSSL is None else OPENSSL(key)
    nonces = _nonces()

    def items(count: int, length: int) -> Callable[[], list[_Item]]:
        texts = itertools.cycle([os.urandom(length) for _ in range(3 * count)])
        return lambda: [(next(nonces), next(texts), _AAD) for _ in range(count)]

    def together(make: Callable[[], list[_Item]]) -> Callable[[], object]:
        return lambda: ours.seal_many(make())

    def singly(make: Callable[[], list[_Item]]) -> Callable[[], object]:
        return lambda: [ours.seal(*item) for item in make()]

    def by_peer(make: Callable[[], list[_Item]]) -> Callable[[], object]:
        return lambda: [peer.seal(bytearray(nonce), bytearray(text), bytearray(aad)) for nonce, text, aad in make()]

    def by_library(make: Callable[[], list[_Item]]) -> Callable[[], object] | None:
        return None if library is None else lambda: [library.encrypt(*item) for item in make()]

    many, few, small = items(16, 1350), items(4, 1350), items(16, 60)
    return [
        Row("AES-128-GCM 16 x 1350 B in one call", together(many), by_peer(many), by_library(many), 16 * 1350, *bars((26, 50), (22, 35))),
        # In these the denominator is our own single call: what a batch gains.
        Row("AES-128-GCM 16 x 60 B in one call, beside singly", together(small), singly(small), by_library(small), 16 * 60, *bars((3, 4))),
        Row("AES-128-GCM 4 x 1350 B in one call, beside singly", together(few), singly(few), by_library(few), 4 * 1350, *bars((1.2, 1.4))),
    ]


def _masks() -> Row:
    key = os.urandom(16)
    samples = itertools.cycle([[os.urandom(16) for _ in range(16)] for _ in range(8)])
    return Row(
        "AES header-protection masks, 16 in one call, beside singly",
        lambda: mask_many(key, next(samples)),
        lambda: [mask_many(key, [sample])[0] for sample in next(samples)],
        None,
        16 * 16,
        *bars((7, 10)),
    )


def _setup() -> list[Row]:
    """A new key and its first small message; the bar is against a P-256 signature, where that is there: at most 0.6 of its time."""
    text = os.urandom(100)
    nonces = _nonces()
    try:
        from sws.crypto import ecdsa
    except ImportError:
        return []
    private = ecdsa.generate("P-256")
    return [
        Row(
            "AES-128-GCM key set-up and 100 B, beside a P-256 signature",
            lambda: AESGCM(os.urandom(16)).seal(next(nonces), text, _AAD),
            lambda: ecdsa.sign(private, next(nonces), "sha256"),
            None if OPENSSL is None else lambda: OPENSSL(os.urandom(16)).encrypt(next(nonces), text, _AAD),
            100,
            1 / 0.6,
            2.0,
        )
    ]
