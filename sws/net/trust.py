# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The system's trusted certificates, as `Roots` that `verify_chain` takes: read when they are first asked for, and once in a process."""

from __future__ import annotations

from functools import lru_cache

from sws.base.errors import DecodeError, LimitExceeded
from sws.crypto.pem import decode_pem, is_pem
from sws.crypto.x509 import Certificate, Roots
from sws.os.truststore import TrustText, find_trust

__all__ = ["read_roots", "system_roots"]

_LABELS = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")


def read_roots(found: TrustText) -> Roots:
    """The certificates of a store.  What is malformed is passed over: one bad certificate must not cost the others."""
    certificates: list[Certificate] = []
    for text in found.texts:
        try:
            blocks = [block.der for block in decode_pem(text) if block.label in _LABELS] if is_pem(text) else [text]
        except (DecodeError, LimitExceeded):
            continue
        for der in blocks:
            try:
                certificates.append(Certificate.from_der(der))
            except (DecodeError, LimitExceeded):
                continue
    return Roots(certificates)


@lru_cache(maxsize=1)
def system_roots() -> Roots:
    """Those of this system; without any, nothing is believed.  Raises: OSError, LimitExceeded as `find_trust`."""
    return read_roots(find_trust())
