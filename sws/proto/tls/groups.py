# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Key exchange in the groups of TLS 1.3.  RFC 9846 §4.2.8, §7.4; X25519MLKEM768 of draft-ietf-tls-ecdhe-mlkem §4.

Every group is a pair of moves, which a KEM has in common with Diffie-Hellman:

    client: offer()  ─ share ─▶  server: respond(share)  ─ share, secret
    client: finish(own, share)  ─ secret

In the hybrid group the ML-KEM part comes first, in the shares and in the secret.

Timing: that of the primitives, see their modules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final

from sws.base.errors import DecodeError, TlsAlert, UsageError
from sws.crypto import ecdh, mlkem, x25519
from sws.crypto.system import Entropy
from sws.proto.tls.constants import AlertDescription, NamedGroup

__all__ = ["GROUPS", "Offer", "finish", "offer", "respond"]

GROUPS: Final = (NamedGroup.X25519MLKEM768, NamedGroup.X25519, NamedGroup.SECP256R1, NamedGroup.SECP384R1)
_CURVES: Final = {NamedGroup.SECP256R1: ("P-256", 65), NamedGroup.SECP384R1: ("P-384", 97)}
_ENCAPSULATION_KEY: Final = 1184
_CIPHERTEXT: Final = 1088


@final
@dataclass(frozen=True, slots=True)
class Offer:
    """A client's part of an exchange: what goes out, and what stays here (SECRET)."""

    group: NamedGroup
    share: bytes
    private: tuple[object, ...] = field(repr=False)


def offer(group: int, entropy: Entropy) -> Offer:
    """A fresh key for one connection."""
    named = NamedGroup(group)
    if named is NamedGroup.X25519:
        private = x25519.generate(entropy)
        return Offer(named, x25519.public(private), (private,))
    if named is NamedGroup.X25519MLKEM768:
        public, decapsulation = mlkem.generate(entropy)
        private = x25519.generate(entropy)
        return Offer(named, public + x25519.public(private), (decapsulation, private))
    key = ecdh.generate(_CURVES[named][0], entropy)
    return Offer(named, ecdh.public(key), (key,))


def _bad(why: str) -> TlsAlert:
    return TlsAlert(AlertDescription.ILLEGAL_PARAMETER, why)


def respond(group: int, share: bytes, entropy: Entropy) -> tuple[bytes, bytes]:
    """The server's share and the shared secret.  Raises: TlsAlert illegal_parameter for a share that is none."""
    named = NamedGroup(group)
    if named is not NamedGroup.X25519MLKEM768:
        own = offer(named, entropy)
        return own.share, finish(own, share)
    if len(share) != _ENCAPSULATION_KEY + 32:
        raise _bad("a key share of the wrong length")
    try:
        secret, ciphertext = mlkem.encapsulate(share[:_ENCAPSULATION_KEY], entropy)
    except DecodeError:
        raise _bad("an encapsulation key that is none") from None
    own = offer(NamedGroup.X25519, entropy)
    return ciphertext + own.share, secret + finish(own, share[_ENCAPSULATION_KEY:])


def finish(own: Offer, share: bytes) -> bytes:
    """The shared secret; SECRET.  Raises: TlsAlert illegal_parameter for a share that is none."""
    try:
        if own.group is NamedGroup.X25519:
            if len(share) != 32:
                raise _bad("a key share of the wrong length")
            (private,) = own.private
            return x25519.exchange(private, share)  # type: ignore[arg-type]  # raises DecodeError for zeros, §7.4.2
        if own.group is NamedGroup.X25519MLKEM768:
            if len(share) != _CIPHERTEXT + 32:
                raise _bad("a key share of the wrong length")
            decapsulation, private = own.private
            secret = mlkem.decapsulate(decapsulation, share[:_CIPHERTEXT])  # type: ignore[arg-type]
            return secret + x25519.exchange(private, share[_CIPHERTEXT:])  # type: ignore[arg-type]
        if len(share) != _CURVES[own.group][1] or share[0] != 4:
            raise _bad("a key share that is not an uncompressed point")  # §4.2.8.2
        (key,) = own.private
        return ecdh.exchange(key, share)  # type: ignore[arg-type]
    except DecodeError:
        raise _bad("a key share that is not a point of its group") from None
    except KeyError:
        raise UsageError("a group that is not known here") from None
