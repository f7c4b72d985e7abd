# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Rows of ChaCha20-Poly1305 and its masks.  The peer is tlslite-ng in pure Python, one message at a time, wherever it can do the same."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

from tlslite.utils import cryptomath
from tlslite.utils.python_chacha20_poly1305 import new as tlslite_chacha

from bench.crypto_rows import Bars, Row, bars
from sws.crypto.chacha20 import mask_many
from sws.crypto.chacha20poly1305 import ChaCha20Poly1305

try:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305 as Library
except ImportError:  # its wheels do not load in every PyPy
    Library = None

__all__ = ["rows"]

_AAD = bytes(13)


def _nonces() -> Iterator[bytes]:
    return (number.to_bytes(12, "big") for number in itertools.count(1 << 64))


def rows() -> list[Row]:
    """All rows; gates and aims are those of this interpreter."""
    if cryptomath.m2cryptoLoaded or cryptomath.gmpyLoaded or cryptomath.pycryptoLoaded:
        raise RuntimeError("the peer is accelerated: it must be pure Python")
    return [
        *_whole(16384, bars((24, 50), (6.3, 14), (300, 500))),
        *_whole(1350, bars((19, 30), (6.5, 12))),
        *_batches(),
        _masks(),
    ]


def _whole(length: int, bar: Bars) -> list[Row]:
    """One message a call; nonces and texts change from call to call."""
    key = os.urandom(32)
    ours, peer = ChaCha20Poly1305(key), tlslite_chacha(bytearray(key))
    library = None if Library is None else Library(key)
    texts = itertools.cycle([os.urandom(length) for _ in range(8)])
    nonces = _nonces()
    fixed = [(next(nonces), next(texts)) for _ in range(8)]
    sealed = itertools.cycle([(nonce, ours.seal(nonce, text, _AAD)) for nonce, text in fixed])

    def open_ours() -> None:
        ours.open(*next(sealed), _AAD)

    def open_peer() -> None:
        nonce, text = next(sealed)
        peer.open(bytearray(nonce), bytearray(text), bytearray(_AAD))

    seal_library = open_library = None
    if library is not None:
        seal_library = lambda: library.encrypt(next(nonces), next(texts), _AAD)  # noqa: E731
        open_library = lambda: library.decrypt(*next(sealed), _AAD)  # noqa: E731
    name = f"ChaCha20-Poly1305 {length} B"
    return [
        Row(
            f"{name} seal",
            lambda: ours.seal(next(nonces), next(texts), _AAD),
            lambda: peer.seal(bytearray(next(nonces)), bytearray(next(texts)), bytearray(_AAD)),
            seal_library,
            length,
            *bar,
        ),
        Row(f"{name} open", open_ours, open_peer, open_library, length, *bar),
    ]


def _batches() -> list[Row]:
    """Many packets a call, beside the peer one at a time; and beside our own calls one at a time."""
    key = os.urandom(32)
    ours, peer = ChaCha20Poly1305(key), tlslite_chacha(bytearray(key))
    nonces = _nonces()
    many = [os.urandom(1350) for _ in range(16)]
    small = [os.urandom(60) for _ in range(16)]

    def together(texts: list[bytes]) -> Callable[[], object]:
        return lambda: ours.seal_many([(next(nonces), text, _AAD) for text in texts])

    def singly(texts: list[bytes]) -> Callable[[], object]:
        return lambda: [ours.seal(next(nonces), text, _AAD) for text in texts]

    def by_peer() -> object:
        return [peer.seal(bytearray(next(nonces)), bytearray(text), bytearray(_AAD)) for text in many]

    return [
        Row("ChaCha20-Poly1305 16 x 1350 B in one call", together(many), by_peer, None, 16 * 1350, *bars((28, 45), (6.5, 12))),
        Row("ChaCha20-Poly1305 16 x 60 B in one call, beside singly", together(small), singly(small), None, 16 * 60, *bars((3, 4))),
        Row(
            "ChaCha20-Poly1305 4 x 1350 B in one call, beside singly",
            together(many[:4]),
            singly(many[:4]),
            None,
            4 * 1350,
            *bars((1.2, 1.4)),
        ),
    ]


def _masks() -> Row:
    key = os.urandom(32)
    samples = itertools.cycle([[os.urandom(16) for _ in range(16)] for _ in range(8)])
    return Row(
        "ChaCha20 header-protection masks, 16 in one call, beside singly",
        lambda: mask_many(key, next(samples)),
        lambda: [mask_many(key, [sample])[0] for sample in next(samples)],
        None,
        16 * 16,
        *bars((7, 10)),
    )
