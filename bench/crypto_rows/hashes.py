# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Rows of hash functions: our pure kernels beside purepycrypto 3.2.1, whose unrolled SHA-2 is the fastest pure-Python one that we found
on PyPI (beside sha256py 0.1.1, cryptoarithmetic 0.1.0, and the modules that PyPy itself falls back to), and beside OpenSSL by hashlib.

Then what a TLS handshake pays: HKDF-Expand-Label by the kernels that are chosen, beside the same through `cryptography`.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable

from purepycrypto import hash as purepycrypto_hash

from bench.crypto_rows import Row
from sws.crypto.hkdf import expand_label
from sws.crypto.kernels import keccak_lanes, scalar_keccak, scalar_sha2, sha2_lanes
from sws.crypto.selection import IS_PYPY
from sws.crypto.system import allow_long_loops

try:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf import hkdf
except ImportError:  # PyPy
    hkdf = None

__all__ = ["rows"]

if IS_PYPY:
    allow_long_loops()  # as sws.crypto.sha2 has it where it takes this kernel
_SHA2 = scalar_sha2.SHA2 if IS_PYPY else sha2_lanes.SHA2
_SHA3 = scalar_keccak.SHA3 if IS_PYPY else keccak_lanes.SHA3


def _over(function: Callable[[bytes], object], octets: int) -> Callable[[], object]:
    """The function on one of sixteen messages in turn."""
    messages = itertools.cycle([os.urandom(octets) for _ in range(16)])
    return lambda: function(next(messages))


def _label() -> tuple[Callable[[], object], Callable[[], object] | None]:
    secrets = itertools.cycle([os.urandom(32) for _ in range(16)])
    context = os.urandom(32)
    info = b"\0\x20\x12tls13 c hs traffic\x20" + context

    def ours() -> object:
        return expand_label("sha256", next(secrets), b"c hs traffic", context, 32)

    def openssl() -> object:
        return hkdf.HKDFExpand(hashes.SHA256(), 32, info).derive(next(secrets))

    return ours, openssl if hkdf else None


def rows() -> list[Row]:
    """Pure kernels at a packet's and a file's size; the bar is 1.5 times the fastest pure-Python peer."""
    found = []
    for octets in (1350, 16384):
        found += [
            Row(
                f"SHA-256 pure, {octets} B",
                _over(lambda data: _SHA2.sha256(data).digest(), octets),
                _over(purepycrypto_hash.sha256, octets),
                _over(lambda data: hashlib.sha256(data).digest(), octets),
                octets,
                1.5,
                2.0,
            ),
            Row(
                f"SHA-512 pure, {octets} B",
                _over(lambda data: _SHA2.sha512(data).digest(), octets),
                _over(purepycrypto_hash.sha512, octets),
                _over(lambda data: hashlib.sha512(data).digest(), octets),
                octets,
                1.5,
                2.0,
            ),
        ]
    found.append(
        Row(
            "SHA3-256 pure, 16384 B",
            _over(lambda data: _SHA3.sha3_256(data).digest(), 16384),
            None,
            _over(lambda data: hashlib.sha3_256(data).digest(), 16384),
            16384,
            None,
            None,
        )
    )
    ours, openssl = _label()
    found.append(Row("HKDF-Expand-Label, SHA-256", ours, None, openssl, 0, None, None))
    return found
