# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keys, authorities and leaves for the tests, made once: the same octets in every run, for entropy is counted out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache

from sws.crypto.keys import PrivateKey, SigningKey, generate_private_key
from sws.crypto.rsa_keys import RsaPrivateKey
from sws.crypto.x509 import Certificate, Extension, KeyUsage, Name, build_certificate, encode, issue, new_authority

__all__ = ["ALGORITHMS", "DAY", "NOW", "RSA_P", "RSA_Q", "authority", "bare", "counted", "leaf", "private", "signing"]

NOW = 1_800_000_000
DAY = 86400
ALGORITHMS = ("P-256", "P-384", "Ed25519", "RSA", "RSA-PSS")
"""Of keys that sign."""

RSA_P = int(
    "e82fc1ac3054aad1d515b1c607ec4e3405c32fc1af13c9a58076252a9c93ce1f9dd2969917f75244ecf5375d1e9b5af0c53c"
    "d1e8e93b161798e36046f9619155ebf79fcd9b51795f9b27bf4e8e9e1209af2cc2d5c6dd9641f138c5fbf98f1bf9f536f13d"
    "6eeaa260158edb354b37b8c0ae589569016221439d62614157d5ba43",
    16,
)
RSA_Q = int(
    "e21dfc2e4acedc3a0d6b720d32873056bcb5eb9282bc7442ebf738537ee17ae5936980448f1aa9a54e63c1a17217559273c9"
    "f3f6f25630014641b269aa3226913a59b17f65becab7ee6b2ce65cbdcfb83e411beeee7fe8f0cd6704a4f6888ba22d2d9a1c"
    "5f64c210c41acb4ca85ce612ef9c1c701e40bbf37c9339e602a348d7",
    16,
)


def counted(seed: str) -> Callable[[int], bytes]:
    """Entropy that is the same in every run."""
    count = 0

    def octets(length: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{seed}/{count}".encode()).digest(length)

    return octets


@cache
def private(algorithm: str = "P-256", number: int = 0) -> PrivateKey:
    """A private key; of RSA there is one."""
    if algorithm.startswith("RSA"):
        n, e = RSA_P * RSA_Q, 65537
        return PrivateKey.of(algorithm, RsaPrivateKey(n, e, pow(e, -1, (RSA_P - 1) * (RSA_Q - 1)), RSA_P, RSA_Q))
    return generate_private_key(algorithm, entropy=counted(f"{algorithm} {number}"))


@cache
def signing(algorithm: str = "P-256", number: int = 0) -> SigningKey:
    """The same, ready to sign."""
    return SigningKey(private(algorithm, number))


@cache
def authority(name: str = "Root", number: int = 0, parent: tuple[str, int] | None = None, path_length: int | None = None) -> Certificate:
    """A CA of a name, with the P-256 key of a number; signed by itself, or by another such."""
    above = None if parent is None else (authority(*parent), signing("P-256", parent[1]))
    return new_authority(
        signing("P-256", number),
        name,
        now=NOW,
        days=1000,
        path_length=path_length,
        parent=above,
        entropy=counted(f"{name} {number} {parent}"),
    )


@cache
def leaf(ca: tuple[str, int] = ("Root", 0), names: tuple[str, ...] = ("a.example",), number: int = 9, days: int = 90) -> Certificate:
    """A server's certificate by a CA of `authority`, or by one that is signed by it."""
    return issue(
        authority(*ca),
        signing("P-256", ca[1]),
        private("P-256", number).public,
        names,
        now=NOW,
        days=days,
        entropy=counted(f"leaf {names}"),
    )


def bare(
    subject: str | Name,
    issuer: str | Name,
    signer: int,
    *,
    key: int = 9,
    ca: bool = False,
    extensions: Sequence[Extension] | None = None,
    further: Sequence[Extension] = (),
    not_before: int = NOW - DAY,
    not_after: int = NOW + 100 * DAY,
    serial: int | None = None,
) -> Certificate:
    """Any certificate: what it is told, and only the extensions that it is told (None: the usual ones, and `further`)."""
    names = [Name.build([("CN", one)]) if isinstance(one, str) else one for one in (subject, issuer)]
    public = private("P-256", key).public
    if extensions is None:
        if ca:
            usual = [encode.basic_constraints(True), encode.key_usage((KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN))]
        else:
            usual = [encode.extended_key_usage(("serverAuth",)), encode.subject_alt_name(encode.host_names(("a.example",)))]
        replaced = {one.oid for one in further}
        extensions = [*(one for one in usual if one.oid not in replaced), *further]
    return build_certificate(
        subject=names[0],
        issuer=names[1],
        public=public,
        signer=signing("P-256", signer),
        not_before=not_before,
        not_after=not_after,
        extensions=extensions,
        serial=serial,
        entropy=counted(f"{subject} {issuer} {signer} {key}"),
    )
