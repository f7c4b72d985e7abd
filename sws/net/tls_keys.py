# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keys and certificates as the TLS engine wants them: a `Signer` over a private key, a `PeerPolicy` over trusted roots.

The engine names signature schemes by number, `sws.crypto.keys` by the same names in lower case; a chain that is not believed becomes the
alert that says why (RFC 9846 §6.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, final

from sws.base.errors import DecodeError, LimitExceeded, TlsAlert
from sws.crypto.keys import PublicKey, SigningKey, pack_secret, schemes_of, sign_packed, verify_signature
from sws.crypto.x509 import Certificate, CertificateError, Reason, Roots, verify_chain
from sws.os.secretmem import SecretBuffer
from sws.proto.tls import PeerKey
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
    """A private key whose secret half lies in guarded memory but while it signs.  Timing: see the primitives.

    Attributes:
      schemes:  what it can sign with, best first.
      kind:     of the memory: "memfd_secret", "locked" or "plain" (`sws.os.secretmem`).

    Signs only in the process that made it.  Known limitation: the key that is given is not wiped, Python cannot; who loaded it drops it.
    """

    __slots__ = ("_public", "_secret", "kind", "schemes")

    def __init__(self, key: SigningKey) -> None:
        self.schemes: tuple[int, ...] = tuple(_NUMBERS[name] for name in key.schemes if name in _NUMBERS)
        self._public = key.public
        packed = pack_secret(key)
        self._secret = SecretBuffer(packed)
        self.kind = self._secret.kind
        packed[:] = bytes(len(packed))

    def sign(self, scheme: int, message: bytes) -> bytes:
        """The signature of a message."""
        with self._secret.use() as octets:
            return sign_packed(self._public, octets, _NAMES[scheme], message)

    def close(self) -> None:
        """Wipe the key; it does not sign any more."""
        self._secret.close()

    def __repr__(self) -> str:
        return f"KeySigner({self._public.algorithm}, {self.kind})"


@final
class _Key:
    """A peer's public key."""

    __slots__ = ("_public", "schemes")

    def __init__(self, public: PublicKey) -> None:
        self._public = public
        self.schemes: tuple[int, ...] = tuple(_NUMBERS[name] for name in schemes_of(public) if name in _NUMBERS)

    def verify(self, scheme: int, message: bytes, signature: bytes) -> bool:
        """Whether the signature is right; the scheme is one of `schemes`."""
        return verify_signature(self._public, _NAMES[scheme], message, signature)


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

    @staticmethod
    def key_of(certificate: Certificate) -> PeerKey:
        """What verifies the signatures of a certificate's owner, whether it is believed or not."""
        return _Key(certificate.public_key)

    def check(self, chain: Sequence[bytes], ocsp: bytes | None, server_name: bytes | None) -> PeerKey:
        """The key of the first certificate.  Raises: TlsAlert."""
        try:
            certificates = [Certificate.from_der(der) for der in chain]
            name = None if server_name is None else server_name.decode("ascii")
            verify_chain(certificates[0], certificates[1:], self._roots, now=self._wall(), name=name, purpose=self._purpose)
            return self.key_of(certificates[0])
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
