# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The other implementation, `cryptography`, where the interpreter has it: its wheels do not load into every PyPy.

Without it the names below are stand-ins, and tests that carry `needs_other` are skipped; the readable twins, vectors and properties remain.
"""

from __future__ import annotations

from typing import Any

import pytest

__all__ = [
    "HAVE_OTHER",
    "Ed25519PrivateKey",
    "Ed25519PublicKey",
    "InvalidSignature",
    "X25519PrivateKey",
    "X25519PublicKey",
    "decode_dss_signature",
    "ec",
    "encode_dss_signature",
    "hashes",
    "needs_other",
    "padding",
    "rsa",
]

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    HAVE_OTHER = True
except ImportError:

    class _StandIn:
        """Everything that is asked of it is another one."""

        def __getattr__(self, name: str) -> Any:
            return self

        def __call__(self, *args: object, **kwargs: object) -> Any:
            return self

    HAVE_OTHER = False
    InvalidSignature = Exception
    hashes = ec = padding = rsa = Ed25519PrivateKey = Ed25519PublicKey = X25519PrivateKey = X25519PublicKey = _StandIn()
    decode_dss_signature = encode_dss_signature = _StandIn()

needs_other = pytest.mark.skipif(not HAVE_OTHER, reason="cryptography is not installed, or not for this interpreter")
