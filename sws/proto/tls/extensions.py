# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Extension blocks, and the bodies of the extensions that are understood.  RFC 9846 §4.2.

A block is decoded into `{type: body}` in the order of the wire; a body is looked at when the handshake needs it, by the function that
bears its name, so that malformed bodies of extensions nobody asks for do no harm (§4.2: unknown ones are ignored).

    decode_extensions   every block; a type that stands twice, or one that we know in a message where it may not stand, is
                        illegal_parameter
    decode_x            one body, whole: what is left over is decode_error (DecodeError becomes that alert)
    encode_x            the counterpart
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from struct import unpack
from typing import Final, TypeAlias

from sws.base.errors import DecodeError, TlsAlert
from sws.base.reader import Reader
from sws.proto.tls.constants import AlertDescription, ExtensionType

__all__ = [
    "ALLOWED",
    "Extensions",
    "KeyShares",
    "PskOffer",
    "check_places",
    "decode_alpn",
    "decode_certificate_authorities",
    "decode_cookie",
    "decode_empty",
    "decode_extensions",
    "decode_key_shares",
    "decode_list8_u16",
    "decode_list16_u16",
    "decode_pre_shared_key",
    "decode_psk_modes",
    "decode_record_size_limit",
    "decode_server_name",
    "decode_status_request",
    "decode_u16",
    "encode_alpn",
    "encode_extensions",
    "encode_key_shares",
    "encode_list8_u16",
    "encode_list16_u16",
    "encode_psk_identities",
    "encode_server_name",
    "encode_vector16",
    "numbers16",
]

Extensions: TypeAlias = dict[int, bytes]
KeyShares: TypeAlias = dict[int, bytes]
PskOffer: TypeAlias = tuple[list[tuple[bytes, int]], list[bytes], int]
"""Identities with obfuscated ages, binders, and the octets that the binders take at the end of the message (their length included)."""

_X: Final = ExtensionType
#: Where an extension that we know may stand.  The table of §4.2.
ALLOWED: Final[Mapping[str, frozenset[int]]] = {
    "client_hello": frozenset(_X) - {_X.OID_FILTERS},
    "server_hello": frozenset((_X.PRE_SHARED_KEY, _X.SUPPORTED_VERSIONS, _X.KEY_SHARE)),
    "hello_retry_request": frozenset((_X.SUPPORTED_VERSIONS, _X.COOKIE, _X.KEY_SHARE)),
    "encrypted_extensions": frozenset(
        (_X.SERVER_NAME, _X.SUPPORTED_GROUPS, _X.ALPN, _X.RECORD_SIZE_LIMIT, _X.EARLY_DATA, _X.QUIC_TRANSPORT_PARAMETERS)
    ),
    "certificate_request": frozenset(
        (
            _X.SERVER_NAME,
            _X.STATUS_REQUEST,
            _X.SIGNATURE_ALGORITHMS,
            _X.COMPRESS_CERTIFICATE,
            _X.CERTIFICATE_AUTHORITIES,
            _X.OID_FILTERS,
            _X.SIGNATURE_ALGORITHMS_CERT,
        )
    ),
    "certificate": frozenset((_X.STATUS_REQUEST,)),
    "new_session_ticket": frozenset((_X.EARLY_DATA,)),
}
_KNOWN: Final = frozenset(ExtensionType)


def decode_extensions(reader: Reader, message: str | None) -> Extensions:
    """An extension block with its length, which ends the message or its entry.

    Args:
      message:  a key of ALLOWED; None leaves `check_places` to the caller.
    Raises: DecodeError; TlsAlert illegal_parameter.
    """
    block = reader.sub(reader.u16("extensions"), "extensions")
    found: Extensions = {}
    while block.remaining:
        kind = block.u16("extension type")
        body = block.vector(2, "extension")
        if kind in found:
            raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "an extension stands twice")
        found[kind] = body
    if message is not None:
        check_places(found, message)
    return found


def check_places(extensions: Extensions, message: str) -> None:
    """Refuse known extensions in a message where they may not stand.  §4.2.  Raises: TlsAlert illegal_parameter."""
    misplaced = _KNOWN.intersection(extensions) - ALLOWED[message]
    if misplaced:
        raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, f"an extension that may not stand in {message}")


def encode_extensions(extensions: Iterable[tuple[int, bytes]]) -> bytes:
    """An extension block with its length."""
    parts = [kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body for kind, body in extensions]
    return encode_vector16(b"".join(parts))


def encode_vector16(body: bytes) -> bytes:
    """Octets behind a length of two."""
    return len(body).to_bytes(2, "big") + body


# --- lists of numbers: versions, groups, schemes, compression algorithms ------------------------------------------


def _numbers(body: bytes, length_octets: int, what: str) -> tuple[int, ...]:
    reader = Reader(body)
    values = reader.vector(length_octets, what, 2)
    reader.finish(what)
    if len(values) % 2:
        raise DecodeError(f"{what}: an odd length", 0)
    return numbers16(values)


def numbers16(octets: bytes) -> tuple[int, ...]:
    """Numbers of sixteen bits, of which there are whole ones only."""
    return unpack(f">{len(octets) >> 1}H", octets)


def decode_list8_u16(body: bytes, what: str) -> tuple[int, ...]:
    """Sixteen-bit numbers behind a length of one octet: supported_versions, compress_certificate (RFC 8879 §3)."""
    return _numbers(body, 1, what)


def decode_list16_u16(body: bytes, what: str) -> tuple[int, ...]:
    """Sixteen-bit numbers behind a length of two octets: supported_groups, signature_algorithms."""
    return _numbers(body, 2, what)


def encode_list8_u16(values: Sequence[int]) -> bytes:
    """The counterpart of decode_list8_u16."""
    return bytes((2 * len(values),)) + b"".join([value.to_bytes(2, "big") for value in values])


def encode_list16_u16(values: Sequence[int]) -> bytes:
    """The counterpart of decode_list16_u16."""
    return encode_vector16(b"".join([value.to_bytes(2, "big") for value in values]))


def decode_u16(body: bytes, what: str) -> int:
    """One sixteen-bit number: selected_version, selected_group, selected_identity."""
    reader = Reader(body)
    value = reader.u16(what)
    reader.finish(what)
    return value


def decode_empty(body: bytes, what: str) -> None:
    """A body that has none: early_data in hellos, post_handshake_auth."""
    Reader(body).finish(what)


# --- names ---------------------------------------------------------------------------------------------------------


def decode_server_name(body: bytes) -> bytes:
    """The host name of a client, lower case.  RFC 6066 §3: one host_name, ASCII, no trailing dot.

    Raises: DecodeError; TlsAlert illegal_parameter for a name that cannot be one.
    """
    reader = Reader(body)
    names = reader.sub(reader.u16("server_name"), "server_name")
    reader.finish("server_name")
    kind = names.u8("name type")
    name = names.vector(2, "host name", 1)
    names.finish("server_name list")
    if kind != 0:
        raise DecodeError("server_name: an unknown type of name", 2)
    if not name.isascii() or any(octet <= 0x20 or octet == 0x7F for octet in name) or len(name) > 255:
        raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "a host name that cannot be one")
    return name.lower()


def encode_server_name(name: bytes) -> bytes:
    """The counterpart of decode_server_name."""
    return encode_vector16(b"\0" + encode_vector16(name))


def decode_alpn(body: bytes) -> list[bytes]:
    """Protocol names.  RFC 7301 §3.1."""
    reader = Reader(body)
    names = reader.sub(reader.u16("ALPN"), "ALPN")
    reader.finish("ALPN")
    found: list[bytes] = []
    while names.remaining or not found:
        found.append(names.vector(1, "protocol name", 1))
    return found


def encode_alpn(names: Sequence[bytes]) -> bytes:
    """The counterpart of decode_alpn."""
    return encode_vector16(b"".join([bytes((len(name),)) + name for name in names]))


def decode_certificate_authorities(body: bytes) -> list[bytes]:
    """DER-encoded distinguished names.  §4.2.4."""
    reader = Reader(body)
    names = reader.sub(reader.u16("authorities"), "authorities")
    reader.finish("authorities")
    found: list[bytes] = []
    while names.remaining or not found:
        found.append(names.vector(2, "distinguished name", 1))
    return found


# --- keys ----------------------------------------------------------------------------------------------------------


def decode_key_shares(body: bytes) -> KeyShares:
    """The shares of a ClientHello.  §4.2.8.  Raises: TlsAlert illegal_parameter if a group stands twice or a share is empty."""
    reader = Reader(body)
    entries = reader.sub(reader.u16("key shares"), "key shares")
    reader.finish("key_share")
    shares: KeyShares = {}
    while entries.remaining:
        group = entries.u16("group")
        key = entries.vector(2, "key exchange")
        if not key:  # of no group's size, whatever the group: as any other wrong size is answered
            raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "an empty key share")
        if group in shares:
            raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "two key shares of one group")
        shares[group] = key
    return shares


def encode_key_shares(shares: Iterable[tuple[int, bytes]]) -> bytes:
    """The entries of key shares, without the list's length: one is the form of a ServerHello."""
    return b"".join([group.to_bytes(2, "big") + encode_vector16(key) for group, key in shares])


def decode_psk_modes(body: bytes) -> bytes:
    """PSK key exchange modes, an octet each.  §4.2.9."""
    reader = Reader(body)
    modes = reader.vector(1, "PSK modes", 1)
    reader.finish("psk_key_exchange_modes")
    return modes


def decode_pre_shared_key(body: bytes) -> PskOffer:
    """The offer of a client.  §4.2.11.  Raises: TlsAlert illegal_parameter if identities and binders are not as many."""
    reader = Reader(body)
    entries = reader.sub(reader.u16("identities"), "identities")
    identities: list[tuple[bytes, int]] = []
    while entries.remaining or not identities:
        identity = entries.vector(2, "identity", 1)
        identities.append((identity, entries.u32("ticket age")))
    size = reader.remaining
    entries = reader.sub(reader.u16("binders"), "binders")
    reader.finish("pre_shared_key")
    binders: list[bytes] = []
    while entries.remaining or not binders:
        binders.append(entries.vector(1, "binder", 32))
    if len(identities) != len(binders):
        raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "not one binder for each identity")
    return identities, binders, size


def encode_psk_identities(identities: Iterable[tuple[bytes, int]]) -> bytes:
    """The identities of an offer with their length; the binders follow."""
    return encode_vector16(b"".join([encode_vector16(identity) + age.to_bytes(4, "big") for identity, age in identities]))


def decode_cookie(body: bytes) -> bytes:
    """§4.2.2."""
    reader = Reader(body)
    cookie = reader.vector(2, "cookie", 1)
    reader.finish("cookie")
    return cookie


# --- others --------------------------------------------------------------------------------------------------------


def decode_record_size_limit(body: bytes) -> int:
    """The largest plaintext that the peer takes, its content type included.  RFC 8449 §4.

    Raises: DecodeError; TlsAlert illegal_parameter below 64.
    """
    limit = decode_u16(body, "record_size_limit")
    if limit < 64:
        raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "a record size limit below 64")
    return limit


def decode_status_request(body: bytes) -> bool:
    """Whether an OCSP response is asked for.  RFC 6066 §8."""
    reader = Reader(body)
    if reader.u8("status type") != 1:
        return False
    reader.vector(2, "responder ids")
    reader.vector(2, "request extensions")
    reader.finish("status_request")
    return True
