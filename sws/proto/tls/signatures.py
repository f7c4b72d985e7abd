# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What CertificateVerify signs, and who signs.  RFC 9846 §4.2.3, §4.4.3.

A `Credential` is a chain with the means to sign for it; the key itself may live anywhere.  A `PeerPolicy` judges the peer's chain and
gives back what verifies the peer's signature: x509 stays outside the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, final

from sws.proto.tls.constants import SignatureScheme

__all__ = ["VERIFY_SCHEMES", "Credential", "PeerKey", "PeerPolicy", "Signer", "signed_content"]

_SERVER: Final = b" " * 64 + b"TLS 1.3, server CertificateVerify\0"
_CLIENT: Final = b" " * 64 + b"TLS 1.3, client CertificateVerify\0"

#: Schemes that may sign a handshake of TLS 1.3; PKCS#1 v1.5 stands in certificates only.  §4.2.3
VERIFY_SCHEMES: Final = (
    SignatureScheme.ECDSA_SECP256R1_SHA256,
    SignatureScheme.ED25519,
    SignatureScheme.ECDSA_SECP384R1_SHA384,
    SignatureScheme.RSA_PSS_RSAE_SHA256,
    SignatureScheme.RSA_PSS_RSAE_SHA384,
    SignatureScheme.RSA_PSS_RSAE_SHA512,
    SignatureScheme.RSA_PSS_PSS_SHA256,
    SignatureScheme.RSA_PSS_PSS_SHA384,
    SignatureScheme.RSA_PSS_PSS_SHA512,
)


def signed_content(transcript_hash: bytes, by_server: bool) -> bytes:
    """64 spaces, a context string, a zero, the hash.  §4.4.3"""
    return (_SERVER if by_server else _CLIENT) + transcript_hash


class Signer(Protocol):
    """A private key."""

    @property
    def schemes(self) -> Sequence[int]:
        """What it can sign with, best first."""

    def sign(self, scheme: int, message: bytes) -> bytes:
        """The signature of a message that is not hashed yet."""


class PeerKey(Protocol):
    """The public key of a peer's certificate."""

    def verify(self, scheme: int, message: bytes, signature: bytes) -> bool:
        """Whether the signature is right; False too where the scheme does not go with the key."""


class PeerPolicy(Protocol):
    """Judges chains of certificates."""

    @property
    def authorities(self) -> Sequence[bytes]:
        """Distinguished names in DER to name in a CertificateRequest; may be empty."""

    def check(self, chain: Sequence[bytes], ocsp: bytes | None, server_name: bytes | None) -> PeerKey:
        """The key of the first certificate.  Raises: TlsAlert that says what is wrong with the chain."""


@final
@dataclass(frozen=True, slots=True)
class Credential:
    """A chain in DER, leaf first, with its signer.

    Attributes:
      ocsp:  a response to staple.
    """

    chain: tuple[bytes, ...]
    signer: Signer = field(repr=False)
    ocsp: bytes | None = None

    def scheme_for(self, offered: Sequence[int]) -> int | None:
        """The signer's best scheme that the peer takes in CertificateVerify."""
        for scheme in self.signer.schemes:
            if scheme in offered and scheme in VERIFY_SCHEMES:
                return scheme
        return None
