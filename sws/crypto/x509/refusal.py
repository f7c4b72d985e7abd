# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Why a chain of certificates is not believed."""

from __future__ import annotations

from enum import StrEnum
from typing import final

from sws.base.errors import PeerError

__all__ = ["CertificateError", "Reason"]


@final
class Reason(StrEnum):
    """What is wrong, in a word that programs can act on."""

    MALFORMED = "malformed"
    UNSUPPORTED_KEY = "unsupported key"
    WEAK_KEY = "weak key"
    SIGNATURE_ALGORITHM = "signature algorithm"
    BAD_SIGNATURE = "bad signature"
    UNKNOWN_ISSUER = "unknown issuer"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    NAME_MISMATCH = "name mismatch"
    NAME_CONSTRAINTS = "name constraints"
    NOT_A_CA = "not a CA"
    PATH_LENGTH = "path length"
    KEY_USAGE = "key usage"
    PURPOSE = "purpose"
    CRITICAL_EXTENSION = "critical extension"
    POLICY = "policy"
    REVOKED = "revoked"
    REVOCATION_UNKNOWN = "revocation unknown"
    PROFILE = "profile"
    LIMIT = "limit"


@final
class CertificateError(PeerError):
    """A chain that is not believed.

    Attributes:
      reason:  see `Reason`.
      depth:   which certificate of the path, 0 being the leaf.
      detail:  a phrase for the log.
    """

    def __init__(self, reason: Reason, detail: str, depth: int = 0) -> None:
        super().__init__(f"certificate {depth}: {reason}: {detail}")
        self.reason = reason
        self.depth = depth
        self.detail = detail
