# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Making certificates and requests for them.  RFC 5280 §4.1, RFC 2986.

    key = SigningKey(generate_private_key("P-256"))
    self_signed(key, ("localhost", "127.0.0.1"), now=now)                      a server's own
    ca = new_authority(ca_key, "Example CA", now=now)                          a root
    issue(ca, ca_key, key.public, ("www.example.com",), now=now)               signed by it
    build_request(key, ("www.example.com",)).der                               PKCS #10, for another CA

Times are seconds since 1970, and an argument, as is entropy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sws.base.errors import UsageError
from sws.crypto.asn1 import tags, writer
from sws.crypto.asn1.times import LATEST
from sws.crypto.keys.public import PublicKey
from sws.crypto.keys.schemes import SigningKey, algorithm_of_scheme
from sws.crypto.system import Entropy, system_entropy
from sws.crypto.x509 import encode, oids
from sws.crypto.x509.certificate import Certificate
from sws.crypto.x509.extensions import Extension, KeyUsage
from sws.crypto.x509.names import Name
from sws.crypto.x509.request import CertificateRequest

__all__ = ["BACKDATED", "build_certificate", "build_request", "issue", "leaf_extensions", "new_authority", "random_serial", "self_signed"]

DAY: Final = 86400
BACKDATED: Final = 3600
"""Seconds by which a certificate begins before it is made, for peers whose clocks are slow."""
_SERIAL_OCTETS: Final = 20


def random_serial(entropy: Entropy = system_entropy) -> int:
    """A serial number: positive, 20 octets at most, from 158 random bits.  RFC 5280 §4.1.2.2."""
    return int.from_bytes(entropy(_SERIAL_OCTETS), "big") >> 2 | 1 << 8 * _SERIAL_OCTETS - 2


def build_certificate(
    *,
    subject: Name,
    issuer: Name,
    public: PublicKey,
    signer: SigningKey,
    not_before: int,
    not_after: int,
    extensions: Iterable[Extension] = (),
    serial: int | None = None,
    scheme: str | None = None,
    entropy: Entropy = system_entropy,
) -> Certificate:
    """A certificate, version 3, of whatever it is told.

    Args:
      scheme:  what the signature is made by; None: the signer's best.
    Raises: UsageError for a scheme that is not the signer's, or an extension that comes twice.
    Timing: as `SigningKey.sign`.
    """
    scheme = scheme or signer.schemes[0]
    algorithm = algorithm_of_scheme(scheme).encode()
    listed = encode.encode_extensions(extensions)
    tbs = writer.sequence(
        writer.explicit(0, writer.integer(2)),
        writer.integer(random_serial(entropy) if serial is None else serial),
        algorithm,
        issuer.der,
        writer.sequence(writer.time(not_before), writer.time(not_after)),
        subject.der,
        public.spki,
        writer.explicit(3, listed) if listed else b"",
    )
    signature = writer.bit_string(signer.sign(scheme, tbs, entropy))
    return Certificate.from_der(writer.sequence(tbs, algorithm, signature))


def leaf_extensions(public: PublicKey, names: Iterable[str], purposes: Sequence[str], *, critical_names: bool = False) -> list[Extension]:
    """What a certificate of a host or a client has, but for the issuer's identifier."""
    usage = [KeyUsage.DIGITAL_SIGNATURE]
    if public.algorithm == "RSA":
        usage.append(KeyUsage.KEY_ENCIPHERMENT)  # the key exchange of old suites of TLS 1.2
    found = [encode.basic_constraints(False), encode.key_usage(usage), encode.extended_key_usage(purposes)]
    hosts = encode.host_names(names)
    if hosts:
        found.append(encode.subject_alt_name(hosts, critical_names))
    return [*found, encode.subject_key_identifier(public.spki)]


def self_signed(
    key: SigningKey,
    names: Sequence[str],
    *,
    now: int,
    days: int = 90,
    common_name: str | None = None,
    entropy: Entropy = system_entropy,
) -> Certificate:
    """A server's certificate that is signed by its own key.

    Args:
      names:        hosts in A-labels, and addresses.
      common_name:  None: the first name.
    Raises: UsageError for a name that is none.
    """
    if not names:
        raise UsageError("a certificate without names")
    subject = Name.build([("CN", (common_name or names[0])[:64])])
    extensions = leaf_extensions(key.public, names, ("serverAuth",))
    extensions.append(encode.authority_key_identifier(encode.key_identifier(key.public_spki)))
    return build_certificate(
        subject=subject,
        issuer=subject,
        public=key.public,
        signer=key,
        not_before=now - BACKDATED,
        not_after=_end(now, days),
        extensions=extensions,
        entropy=entropy,
    )


def new_authority(
    key: SigningKey,
    subject: Name | str,
    *,
    now: int,
    days: int = 3650,
    path_length: int | None = 0,
    parent: tuple[Certificate, SigningKey] | None = None,
    further: Sequence[Extension] = (),
    entropy: Entropy = system_entropy,
) -> Certificate:
    """A certificate of a CA: a root, or with `parent` an intermediate.

    Args:
      subject:      its name, or a common name.
      path_length:  how many intermediates may follow.
      further:      extensions beside the usual ones, as name constraints.
    """
    name = Name.build([("CN", subject)]) if isinstance(subject, str) else subject
    issuer, signer = (name, key) if parent is None else (parent[0].subject, parent[1])
    own = encode.key_identifier(key.public_spki)
    authority = own if parent is None else _identifier_of(parent[0])
    usage = (KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN, KeyUsage.DIGITAL_SIGNATURE)
    extensions = [
        encode.basic_constraints(True, path_length),
        encode.key_usage(usage),
        encode.subject_key_identifier(key.public_spki),
        encode.authority_key_identifier(authority),
        *further,
    ]
    return build_certificate(
        subject=name,
        issuer=issuer,
        public=key.public,
        signer=signer,
        not_before=now - BACKDATED,
        not_after=_end(now, days) if parent is None else min(_end(now, days), parent[0].not_after),
        extensions=extensions,
        entropy=entropy,
    )


def issue(
    ca: Certificate,
    ca_key: SigningKey,
    public: PublicKey,
    names: Sequence[str],
    *,
    now: int,
    days: int = 90,
    subject: Name | None = None,
    purposes: Sequence[str] = ("serverAuth",),
    further: Sequence[Extension] = (),
    entropy: Entropy = system_entropy,
) -> Certificate:
    """A certificate for a host or a client, signed by a CA.

    Args:
      names:     hosts in A-labels, and addresses.
      subject:   None: the first name as common name, an empty one where that is too long.
      purposes:  names of `oids.PURPOSES`, or identifiers.
    Raises: UsageError if the key is not the CA's, or the CA's time is over.
    """
    if ca_key.public_spki != ca.spki:
        raise UsageError("the key is not that of the CA's certificate")
    if now >= ca.not_after:
        raise UsageError("the CA's certificate has expired")
    if subject is None:
        subject = Name.build([("CN", names[0])] if names and len(names[0]) <= 64 else [])
    extensions = leaf_extensions(public, names, purposes, critical_names=not subject)
    extensions.append(encode.authority_key_identifier(_identifier_of(ca)))
    return build_certificate(
        subject=subject,
        issuer=ca.subject,
        public=public,
        signer=ca_key,
        not_before=max(now - BACKDATED, ca.not_before),
        not_after=min(_end(now, days), ca.not_after),
        extensions=[*extensions, *further],
        entropy=entropy,
    )


def _identifier_of(ca: Certificate) -> bytes:
    return ca.subject_key_identifier or encode.key_identifier(ca.spki)


def _end(now: int, days: int) -> int:
    if days < 1:
        raise UsageError("a certificate is valid for a day at least")
    return min(now + days * DAY, LATEST)


def build_request(
    key: SigningKey,
    names: Sequence[str] = (),
    *,
    subject: Name | None = None,
    extensions: Sequence[Extension] = (),
    entropy: Entropy = system_entropy,
) -> CertificateRequest:
    """A request for a certificate.  RFC 2986.

    Args:
      names:       hosts in A-labels, and addresses, for subjectAltName.
      subject:     None: the first name as common name.
      extensions:  further ones to ask for.
    """
    if subject is None:
        subject = Name.build([("CN", names[0][:64])] if names else [])
    hosts = encode.host_names(names)
    wanted = encode.encode_extensions([*([encode.subject_alt_name(hosts)] if hosts else ()), *extensions])
    attributes = writer.sequence(writer.oid(oids.EXTENSION_REQUEST), writer.set_of([wanted])) if wanted else b""
    info = writer.sequence(writer.integer(0), subject.der, key.public_spki, writer.element(tags.constructed(0), attributes))
    scheme = key.schemes[0]
    signature = writer.bit_string(key.sign(scheme, info, entropy))
    return CertificateRequest.from_der(writer.sequence(info, algorithm_of_scheme(scheme).encode(), signature))
