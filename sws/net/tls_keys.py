# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keys and certificates as the TLS engine wants them: a `Signer` over a private key, a `PeerPolicy` over trusted roots.

The engine names signature schemes by number, `sws.crypto.keys` by the same names in lower case; a chain that is not believed becomes the
alert that says why (RFC 9846 §6.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, final

from sws.base.errors import DecodeError, LimitExceeded, TlsAlert, UsageError
from sws.crypto.keys import PublicKey, SigningKey, verify_signature
from sws.crypto.x509 import Certificate, CertificateError, Reason, Roots, verify_chain
from sws.proto.tls.constants import AlertDescription, SignatureScheme

__all__ = ["AnyPolicy", "ChainPolicy", "KeySigner"]

_A: Final = AlertDescription
_ALERTS: Final = {
    Reason.MALFORMED: _A.BAD_CERTIFICATE,
    Reason.BAD_SIGNATURE: _A.BAD_CERTIFICATE,
    Reason.SIGNATURE_ALGORITHM: _A.BAD_CERTIFICATE,
    Reason.UNSUPPORTED_KEY: _A.UNSUPPORTED_CERTIFICATE,
    Reason.PURPOSE: _A.UNSUPPORTED_CERTIFICATE,
    Reason.KEY_USAGE: _A.UNSUPPORTED_CERTIFICATE,
    Reason.UNKNOWN_ISSUER: _A.UNKNOWN_CA,
    Reason.NOT_A_CA: _A.UNKNOWN_CA,
    Reason.EXPIRED: _A.CERTIFICATE_EXPIRED,
    Reason.NOT_YET_VALID: _A.CERTIFICATE_EXPIRED,
    Reason.REVOKED: _A.CERTIFICATE_REVOKED,
}
_NUMBERS: Final = {scheme.name.lower(): int(scheme) for scheme in SignatureScheme}
_NAMES: Final = {number: name for name, number in _NUMBERS.items()}


@final
class KeySigner:
    """A private key.  Timing: see the primitives."""

    __slots__ = ("_key", "schemes")

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        self.schemes: tuple[int, ...] = tuple(_NUMBERS[name] for name in key.schemes if name in _NUMBERS)

    def sign(self, scheme: int, message: bytes) -> bytes:
        """The signature of a message."""
        return self._key.sign(_NAMES[scheme], message)


@final
class _Key:
    """A peer's public key."""

    __slots__ = ("_public",)

    def __init__(self, public: PublicKey) -> None:
        self._public = public

    def verify(self, scheme: int, message: bytes, signature: bytes) -> bool:
        """Whether the signature is right and the scheme goes with the key."""
        name = _NAMES.get(scheme)
        if name is None:
            return False
        try:
            return verify_signature(self._public, name, message, signature)
        except (UsageError, DecodeError):
            return False


@final
class ChainPolicy:
    """Believes chains that lead to trusted roots.

    Args:
      roots:    trusted.
      purpose:  "clientAuth" for a server that checks clients, "serverAuth" for a client.
      wall:     seconds since 1970.
    """

    def __init__(self, roots: Roots, purpose: str, wall: Callable[[], float]) -> None:
        self._roots = roots
        self._purpose = purpose
        self._wall = wall
        self.authorities: tuple[bytes, ...] = tuple(root.subject.der for root in roots) if purpose == "clientAuth" else ()

    def check(self, chain: Sequence[bytes], ocsp: bytes | None, server_name: bytes | None) -> _Key:
        """The key of the first certificate.  Raises: TlsAlert."""
        try:
            certificates = [Certificate.from_der(der) for der in chain]
            name = None if server_name is None else server_name.decode("ascii")
            verify_chain(certificates[0], certificates[1:], self._roots, now=self._wall(), name=name, purpose=self._purpose)
            return _Key(certificates[0].public_key)
        except CertificateError as error:
            raise TlsAlert(_ALERTS.get(error.reason, _A.CERTIFICATE_UNKNOWN), f"the peer's certificate: {error.reason}") from None
        except (DecodeError, LimitExceeded):
            raise TlsAlert(_A.BAD_CERTIFICATE, "a certificate that cannot be read") from None


@final
class AnyPolicy:
    """Takes any chain: for a client that is told to ask no questions, such as a benchmark.  It proves nothing about who answers."""

    authorities: Sequence[bytes] = ()

    def check(self, chain: Sequence[bytes], ocsp: bytes | None, server_name: bytes | None) -> _Key:
        """The key of the first certificate.  Raises: TlsAlert if that cannot be read."""
        try:
            return _Key(Certificate.from_der(chain[0]).public_key)
        except (DecodeError, IndexError):
            raise TlsAlert(AlertDescription.BAD_CERTIFICATE, "a certificate that cannot be read") from None
