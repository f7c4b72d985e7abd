# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests for certificates, PKCS #10.  RFC 2986; the attribute of extensions RFC 2985 §5.4.2.

CertificationRequest     ::= SEQUENCE { CertificationRequestInfo, signatureAlgorithm, signature BIT STRING }
CertificationRequestInfo ::= SEQUENCE { version 0, subject Name, subjectPKInfo, [0] attributes SET OF Attribute }
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

from sws.base.errors import DecodeError
from sws.crypto.asn1 import tags
from sws.crypto.asn1.reader import DerReader
from sws.crypto.keys.algorithms import Algorithm, read_algorithm
from sws.crypto.keys.public import PublicKey, read_public_key
from sws.crypto.keys.schemes import find_signature_algorithm, verify_by_algorithm
from sws.crypto.pem import decode_pem, encode_pem, is_pem
from sws.crypto.x509 import oids
from sws.crypto.x509.extensions import Extension, decode_alt_name, read_extensions
from sws.crypto.x509.general_names import GeneralName
from sws.crypto.x509.names import Name

__all__ = ["CertificateRequest"]

_LABELS: Final = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")


@final
class CertificateRequest:
    """A request, as it was read; the signature is not checked until `is_signed` is asked.

    Attributes:
      der:         all of it.
      info:        what is signed.
      subject:     the name asked for; may be empty.
      public_key:  the subject's.
      extensions:  asked for, by identifier.
    """

    __slots__ = ("algorithm", "der", "extensions", "info", "public_key", "signature", "subject")

    def __init__(self, der: bytes) -> None:
        """Raises: DecodeError, LimitExceeded."""
        what = "CertificationRequest"
        outer = DerReader(der)
        reader = outer.sequence(what)
        outer.finish(what)
        begin = reader.at
        info = reader.sequence(what)
        self.der = der
        self.info = der[begin : reader.at]
        self.algorithm: Algorithm = read_algorithm(reader, what)
        self.signature: bytes = reader.whole_bits(what)
        reader.finish(what)
        if info.integer("version") != 0:
            raise DecodeError(f"{what}: a version that is not 0", begin)
        self.subject: Name = Name.from_der(info.raw(tags.SEQUENCE, "subject"))
        self.public_key: PublicKey = read_public_key(info)
        self.extensions: Mapping[str, Extension] = _attributes(info.enter(tags.constructed(0), "attributes"))
        info.finish(what)

    @classmethod
    def from_der(cls, der: bytes) -> CertificateRequest:
        """One request in DER.  Raises: DecodeError, LimitExceeded."""
        return cls(bytes(der))

    @classmethod
    def load(cls, pem_or_der: bytes) -> CertificateRequest:
        """A request in DER, or the first one of a PEM text.  Raises: DecodeError, LimitExceeded."""
        if not is_pem(pem_or_der):
            return cls(bytes(pem_or_der))
        for block in decode_pem(pem_or_der):
            if block.label in _LABELS:
                return cls(block.der)
        raise DecodeError("PEM without a certificate request")

    def to_pem(self) -> str:
        """The request in PEM."""
        return encode_pem("CERTIFICATE REQUEST", self.der)

    @property
    def subject_alt_names(self) -> tuple[GeneralName, ...]:
        """Names asked for.  Raises: DecodeError for a malformed extension."""
        extension = self.extensions.get(oids.SUBJECT_ALT_NAME)
        return () if extension is None else decode_alt_name(extension.value)

    @property
    def is_signed(self) -> bool:
        """Whether the signature is by the key of the request: that whoever asks has the private one."""
        return verify_by_algorithm(self.public_key, find_signature_algorithm(self.algorithm), self.info, self.signature)


def _attributes(reader: DerReader) -> Mapping[str, Extension]:
    """The extensions of the attribute extensionRequest; others, as a challenge password, are checked to be DER."""
    found: Mapping[str, Extension] = {}
    seen: set[str] = set()
    for each in reader.elements("attributes"):
        at = each.at
        fields = each.sequence("attribute")
        oid = fields.oid("attribute")
        if oid in seen:
            raise DecodeError(f"attributes: {oid} twice", at)
        seen.add(oid)
        if oid == oids.EXTENSION_REQUEST:
            values = fields.set_of("extensionRequest")
            found = read_extensions(values, "extensionRequest")
            values.finish("extensionRequest")
        else:
            fields.any("attribute")
        fields.finish("attribute")
    return found
