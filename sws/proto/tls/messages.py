# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The handshake messages after the hellos, on the wire.  RFC 9846 §4.3 to §4.6; compressed certificates of RFC 8879.

`decode_x` takes the whole message with its header of four octets, `encode_x` makes one.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

from sws.base.errors import DecodeError, TlsAlert
from sws.base.reader import Reader
from sws.proto.tls.constants import AlertDescription, ExtensionType, HandshakeType
from sws.proto.tls.extensions import Extensions, decode_extensions, encode_extensions, encode_vector16
from sws.proto.tls.hello import encode_handshake

__all__ = [
    "CERTIFICATE_MAXIMUM",
    "ZLIB",
    "CertificateEntry",
    "CertificateMessage",
    "CertificateRequest",
    "NewSessionTicket",
    "compress_certificate",
    "decode_certificate",
    "decode_certificate_request",
    "decode_certificate_verify",
    "decode_compressed_certificate",
    "decode_encrypted_extensions",
    "decode_key_update",
    "decode_new_session_ticket",
    "encode_certificate",
    "encode_certificate_request",
    "encode_certificate_verify",
    "encode_encrypted_extensions",
    "encode_key_update",
    "encode_new_session_ticket",
]

ZLIB: Final = 1
CERTIFICATE_MAXIMUM: Final = 1 << 17
_ENTRIES_MAXIMUM: Final = 32
_OCSP: Final = 1


def decode_encrypted_extensions(message: bytes) -> Extensions:
    """§4.3.1."""
    reader = Reader(message, 4)
    extensions = decode_extensions(reader, "encrypted_extensions")
    reader.finish("EncryptedExtensions")
    return extensions


def encode_encrypted_extensions(extensions: Sequence[tuple[int, bytes]]) -> bytes:
    """§4.3.1."""
    return encode_handshake(HandshakeType.ENCRYPTED_EXTENSIONS, encode_extensions(extensions))


@final
@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """§4.3.2."""

    context: bytes
    extensions: Extensions


def decode_certificate_request(message: bytes) -> CertificateRequest:
    """§4.3.2."""
    reader = Reader(message, 4)
    context = reader.vector(1, "certificate_request_context")
    extensions = decode_extensions(reader, "certificate_request")
    reader.finish("CertificateRequest")
    return CertificateRequest(context, extensions)


def encode_certificate_request(context: bytes, extensions: Sequence[tuple[int, bytes]]) -> bytes:
    """§4.3.2."""
    return encode_handshake(HandshakeType.CERTIFICATE_REQUEST, bytes((len(context),)) + context + encode_extensions(extensions))


@final
@dataclass(frozen=True, slots=True)
class CertificateEntry:
    """One certificate in DER with what belongs to it.  §4.4.2"""

    certificate: bytes
    extensions: Extensions

    @property
    def ocsp(self) -> bytes | None:
        """The stapled OCSP response.  §4.4.2.1.  Raises: DecodeError."""
        body = self.extensions.get(ExtensionType.STATUS_REQUEST)
        if body is None:
            return None
        reader = Reader(body)
        if reader.u8("status type") != _OCSP:
            raise DecodeError("certificate status: an unknown type", 0)
        response = reader.vector(3, "OCSP response", 1)
        reader.finish("certificate status")
        return response


@final
@dataclass(frozen=True, slots=True)
class CertificateMessage:
    """§4.4.2."""

    context: bytes
    entries: tuple[CertificateEntry, ...]


def decode_certificate(message: bytes, offset: int = 4) -> CertificateMessage:
    """§4.4.2.  Raises: DecodeError; TlsAlert bad_certificate for more entries than any chain has."""
    reader = Reader(message, offset)
    context = reader.vector(1, "certificate_request_context")
    block = reader.sub(reader.u24("certificate_list"), "certificate_list")
    reader.finish("Certificate")
    entries: list[CertificateEntry] = []
    while block.remaining:
        if len(entries) >= _ENTRIES_MAXIMUM:
            raise TlsAlert(AlertDescription.BAD_CERTIFICATE, "too many certificates")
        certificate = block.vector(3, "certificate", 1)
        entries.append(CertificateEntry(certificate, decode_extensions(block, "certificate")))
    return CertificateMessage(context, tuple(entries))


def encode_certificate(context: bytes, chain: Sequence[bytes], ocsp: bytes | None = None) -> bytes:
    """§4.4.2.

    Args:
      ocsp:  a response for the first certificate.
    """
    parts: list[bytes] = []
    for certificate in chain:
        extensions: list[tuple[int, bytes]] = []
        if ocsp is not None and not parts:
            extensions.append((ExtensionType.STATUS_REQUEST, b"\1" + len(ocsp).to_bytes(3, "big") + ocsp))
        parts.append(len(certificate).to_bytes(3, "big") + certificate + encode_extensions(extensions))
    body = b"".join(parts)
    return encode_handshake(HandshakeType.CERTIFICATE, bytes((len(context),)) + context + len(body).to_bytes(3, "big") + body)


@lru_cache(maxsize=32)
def compress_certificate(message: bytes) -> bytes:
    """A Certificate message as CompressedCertificate.  RFC 8879 §4.  A server says the same to all its clients: the last ones are kept."""
    body = message[4:]
    packed = zlib.compress(body, 9)
    return encode_handshake(
        HandshakeType.COMPRESSED_CERTIFICATE,
        ZLIB.to_bytes(2, "big") + len(body).to_bytes(3, "big") + len(packed).to_bytes(3, "big") + packed,
    )


def decode_compressed_certificate(message: bytes) -> CertificateMessage:
    """RFC 8879 §4.  Raises: DecodeError; TlsAlert illegal_parameter (an algorithm not offered), bad_certificate (§4)."""
    reader = Reader(message, 4)
    algorithm = reader.u16("compression algorithm")
    length = reader.u24("uncompressed length")
    packed = reader.vector(3, "compressed certificate", 1)
    reader.finish("CompressedCertificate")
    if algorithm != ZLIB:
        raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "a certificate compression that was not offered")
    if length > CERTIFICATE_MAXIMUM:
        raise TlsAlert(AlertDescription.BAD_CERTIFICATE, "a compressed certificate that is too large")
    inflater = zlib.decompressobj()
    try:
        body = inflater.decompress(packed, length + 1)
    except zlib.error:
        raise TlsAlert(AlertDescription.BAD_CERTIFICATE, "a compressed certificate that cannot be decompressed") from None
    if len(body) != length or not inflater.eof or inflater.unused_data:
        raise TlsAlert(AlertDescription.BAD_CERTIFICATE, "a compressed certificate of another length than declared")
    return decode_certificate(body, 0)


def decode_certificate_verify(message: bytes) -> tuple[int, bytes]:
    """Signature scheme and signature.  §4.4.3."""
    reader = Reader(message, 4)
    scheme = reader.u16("signature scheme")
    signature = reader.vector(2, "signature")
    reader.finish("CertificateVerify")
    return scheme, signature


def encode_certificate_verify(scheme: int, signature: bytes) -> bytes:
    """§4.4.3."""
    return encode_handshake(HandshakeType.CERTIFICATE_VERIFY, scheme.to_bytes(2, "big") + encode_vector16(signature))


@final
@dataclass(frozen=True, slots=True)
class NewSessionTicket:
    """§4.6.1.

    Attributes:
      lifetime:    seconds.
      early_data:  octets of 0-RTT data that may be sent; 0 for none.
    """

    lifetime: int
    age_add: int
    nonce: bytes
    ticket: bytes
    early_data: int


def decode_new_session_ticket(message: bytes) -> NewSessionTicket:
    """§4.6.1."""
    reader = Reader(message, 4)
    lifetime = reader.u32("ticket_lifetime")
    age_add = reader.u32("ticket_age_add")
    nonce = reader.vector(1, "ticket_nonce")
    ticket = reader.vector(2, "ticket", 1)
    extensions = decode_extensions(reader, "new_session_ticket")
    reader.finish("NewSessionTicket")
    early = extensions.get(ExtensionType.EARLY_DATA)
    maximum = 0
    if early is not None:
        body = Reader(early)
        maximum = body.u32("max_early_data_size")
        body.finish("early_data")
    return NewSessionTicket(lifetime, age_add, nonce, ticket, maximum)


def encode_new_session_ticket(ticket: NewSessionTicket) -> bytes:
    """§4.6.1."""
    extensions = [(ExtensionType.EARLY_DATA, ticket.early_data.to_bytes(4, "big"))] if ticket.early_data else []
    body = b"".join(
        (
            ticket.lifetime.to_bytes(4, "big"),
            ticket.age_add.to_bytes(4, "big"),
            bytes((len(ticket.nonce),)),
            ticket.nonce,
            encode_vector16(ticket.ticket),
            encode_extensions(extensions),
        )
    )
    return encode_handshake(HandshakeType.NEW_SESSION_TICKET, body)


def decode_key_update(message: bytes) -> bool:
    """Whether an update is asked for in return.  §4.6.3.  Raises: DecodeError; TlsAlert illegal_parameter."""
    reader = Reader(message, 4)
    request = reader.u8("request_update")
    reader.finish("KeyUpdate")
    if request > 1:
        raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "a KeyUpdate that asks for neither")
    return request == 1


def encode_key_update(requested: bool) -> bytes:
    """§4.6.3."""
    return encode_handshake(HandshakeType.KEY_UPDATE, b"\1" if requested else b"\0")
