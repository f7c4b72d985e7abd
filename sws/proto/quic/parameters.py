# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Transport parameters.  RFC 9000 §7.4, §18; RFC 9221 §3, RFC 9287 §3, RFC 9368 §3.

    parameters = (number, length, value)*       all three as variable-length integers and octets

Every parameter has its default, so that a set of them is one flat object.  What is not known is ignored, what comes twice or does not
keep its bounds is TRANSPORT_PARAMETER_ERROR.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial
from typing import Final, final

from sws.base.errors import DecodeError, QuicTransportError
from sws.base.reader import Reader
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = [
    "ParameterId",
    "PreferredAddress",
    "TransportParameters",
    "VersionInformation",
    "decode_parameters",
    "encode_identity",
    "encode_parameters",
    "remembered",
]

STREAMS_MAXIMUM: Final = 1 << 60


class ParameterId(IntEnum):
    """IANA's numbers."""

    ORIGINAL_DESTINATION_CONNECTION_ID = 0x00
    MAX_IDLE_TIMEOUT = 0x01
    STATELESS_RESET_TOKEN = 0x02
    MAX_UDP_PAYLOAD_SIZE = 0x03
    INITIAL_MAX_DATA = 0x04
    INITIAL_MAX_STREAM_DATA_BIDI_LOCAL = 0x05
    INITIAL_MAX_STREAM_DATA_BIDI_REMOTE = 0x06
    INITIAL_MAX_STREAM_DATA_UNI = 0x07
    INITIAL_MAX_STREAMS_BIDI = 0x08
    INITIAL_MAX_STREAMS_UNI = 0x09
    ACK_DELAY_EXPONENT = 0x0A
    MAX_ACK_DELAY = 0x0B
    DISABLE_ACTIVE_MIGRATION = 0x0C
    PREFERRED_ADDRESS = 0x0D
    ACTIVE_CONNECTION_ID_LIMIT = 0x0E
    INITIAL_SOURCE_CONNECTION_ID = 0x0F
    RETRY_SOURCE_CONNECTION_ID = 0x10
    VERSION_INFORMATION = 0x11
    MAX_DATAGRAM_FRAME_SIZE = 0x20
    GREASE_QUIC_BIT = 0x2AB2


@final
@dataclass(frozen=True, slots=True)
class PreferredAddress:
    """§18.2.  Addresses are as on the wire: 4 or 16 octets, all zero for none."""

    ipv4: bytes
    ipv4_port: int
    ipv6: bytes
    ipv6_port: int
    connection_id: bytes
    reset_token: bytes


@final
@dataclass(frozen=True, slots=True)
class VersionInformation:
    """RFC 9368 §3."""

    chosen: int
    available: tuple[int, ...]


@final
@dataclass(frozen=True, slots=True)
class TransportParameters:
    """One side's parameters, at their defaults.  Times are in milliseconds."""

    original_destination_connection_id: bytes | None = None
    max_idle_timeout: int = 0
    stateless_reset_token: bytes | None = None
    max_udp_payload_size: int = 65527
    initial_max_data: int = 0
    initial_max_stream_data_bidi_local: int = 0
    initial_max_stream_data_bidi_remote: int = 0
    initial_max_stream_data_uni: int = 0
    initial_max_streams_bidi: int = 0
    initial_max_streams_uni: int = 0
    ack_delay_exponent: int = 3
    max_ack_delay: int = 25
    disable_active_migration: bool = False
    preferred_address: PreferredAddress | None = None
    active_connection_id_limit: int = 2
    initial_source_connection_id: bytes | None = None
    retry_source_connection_id: bytes | None = None
    version_information: VersionInformation | None = None
    max_datagram_frame_size: int = 0
    grease_quic_bit: bool = False


_P = ParameterId
_DEFAULTS: Final = TransportParameters()
_INTEGERS: Final[dict[int, tuple[str, int, int]]] = {
    _P.MAX_IDLE_TIMEOUT: ("max_idle_timeout", 0, 1 << 62),
    _P.MAX_UDP_PAYLOAD_SIZE: ("max_udp_payload_size", 1200, 1 << 62),
    _P.INITIAL_MAX_DATA: ("initial_max_data", 0, 1 << 62),
    _P.INITIAL_MAX_STREAM_DATA_BIDI_LOCAL: ("initial_max_stream_data_bidi_local", 0, 1 << 62),
    _P.INITIAL_MAX_STREAM_DATA_BIDI_REMOTE: ("initial_max_stream_data_bidi_remote", 0, 1 << 62),
    _P.INITIAL_MAX_STREAM_DATA_UNI: ("initial_max_stream_data_uni", 0, 1 << 62),
    _P.INITIAL_MAX_STREAMS_BIDI: ("initial_max_streams_bidi", 0, STREAMS_MAXIMUM),
    _P.INITIAL_MAX_STREAMS_UNI: ("initial_max_streams_uni", 0, STREAMS_MAXIMUM),
    _P.ACK_DELAY_EXPONENT: ("ack_delay_exponent", 0, 20),
    _P.MAX_ACK_DELAY: ("max_ack_delay", 0, (1 << 14) - 1),
    _P.ACTIVE_CONNECTION_ID_LIMIT: ("active_connection_id_limit", 2, 1 << 62),
    _P.MAX_DATAGRAM_FRAME_SIZE: ("max_datagram_frame_size", 0, 1 << 62),
}
_FLAGS: Final[dict[int, str]] = {
    _P.DISABLE_ACTIVE_MIGRATION: "disable_active_migration",
    _P.GREASE_QUIC_BIT: "grease_quic_bit",
}
_OCTETS: Final[dict[int, tuple[str, int, int]]] = {
    _P.ORIGINAL_DESTINATION_CONNECTION_ID: ("original_destination_connection_id", 0, 20),
    _P.STATELESS_RESET_TOKEN: ("stateless_reset_token", 16, 16),
    _P.INITIAL_SOURCE_CONNECTION_ID: ("initial_source_connection_id", 0, 20),
    _P.RETRY_SOURCE_CONNECTION_ID: ("retry_source_connection_id", 0, 20),
}
_SERVER_ONLY: Final = frozenset(
    (_P.ORIGINAL_DESTINATION_CONNECTION_ID, _P.STATELESS_RESET_TOKEN, _P.PREFERRED_ADDRESS, _P.RETRY_SOURCE_CONNECTION_ID)
)


def _bad(what: str) -> QuicTransportError:
    return QuicTransportError(ErrorCode.TRANSPORT_PARAMETER_ERROR, what)


def encode_parameters(parameters: TransportParameters, order: Callable[[list[bytes]], None] | None = None) -> bytes:
    """What differs from the defaults.

    Args:
      order:  shuffles the parameters in place.
    """
    found: list[bytes] = []
    put = partial(_put, found)
    for number, (name, _, _) in _INTEGERS.items():
        value = getattr(parameters, name)
        if value != getattr(_DEFAULTS, name):
            put(number, encode_varint(value))
    for number, name in _FLAGS.items():
        if getattr(parameters, name):
            put(number, b"")
    for number, (name, _, _) in _OCTETS.items():
        octets = getattr(parameters, name)
        if octets is not None:
            put(number, octets)
    if parameters.preferred_address is not None:
        put(_P.PREFERRED_ADDRESS, _encode_preferred(parameters.preferred_address))
    if parameters.version_information is not None:
        known = parameters.version_information
        put(_P.VERSION_INFORMATION, b"".join([number.to_bytes(4, "big") for number in (known.chosen, *known.available)]))
    if order is not None:
        order(found)
    return b"".join(found)


def encode_identity(original: bytes, retried: bytes | None, first: bytes, token: bytes, preferred: PreferredAddress | None) -> bytes:
    """What a server says of one connection alone; all other parameters may be encoded once for many.

    Args:
      original:  destination ID of the client's first Initial.
      retried:   source ID of a Retry.
      first:     our ID.
      token:     its stateless reset token.
    """
    found: list[bytes] = []
    _put(found, _P.ORIGINAL_DESTINATION_CONNECTION_ID, original)
    _put(found, _P.STATELESS_RESET_TOKEN, token)
    _put(found, _P.INITIAL_SOURCE_CONNECTION_ID, first)
    if retried is not None:
        _put(found, _P.RETRY_SOURCE_CONNECTION_ID, retried)
    if preferred is not None:
        _put(found, _P.PREFERRED_ADDRESS, _encode_preferred(preferred))
    return b"".join(found)


def _put(found: list[bytes], number: int, value: bytes) -> None:
    found.append(encode_varint(number) + encode_varint(len(value)) + value)


def decode_parameters(data: bytes, from_client: bool) -> TransportParameters:
    """The peer's parameters.

    Raises: QuicTransportError TRANSPORT_PARAMETER_ERROR for anything that §7.4 and §18.2 forbid.
    """
    seen: set[int] = set()
    found: dict[str, object] = {}
    at, end = 0, len(data)
    try:
        while at < end:
            number, at = read_varint(data, at)
            length, at = read_varint(data, at)
            if length > end - at:
                raise _bad("a transport parameter that is cut short")
            value = data[at : at + length]
            at += length
            if number in seen:
                raise _bad("a transport parameter twice")
            seen.add(number)
            if from_client and number in _SERVER_ONLY:
                raise _bad("a transport parameter that only servers send")
            _decode_one(number, value, found)
    except DecodeError as error:
        raise _bad("transport parameters that cannot be decoded") from error
    return TransportParameters(**found)  # type: ignore[arg-type]


def _decode_one(number: int, value: bytes, found: dict[str, object]) -> None:
    if number in _INTEGERS:
        name, least, most = _INTEGERS[number]
        integer, end = read_varint(value, 0)
        if end != len(value) or not least <= integer <= most:
            raise _bad(f"{name} out of bounds")
        found[name] = integer
    elif number in _FLAGS:
        if value:
            raise _bad(f"{_FLAGS[number]} with a value")
        found[_FLAGS[number]] = True
    elif number in _OCTETS:
        name, least, most = _OCTETS[number]
        if not least <= len(value) <= most:
            raise _bad(f"{name} of a wrong length")
        found[name] = value
    elif number == _P.PREFERRED_ADDRESS:
        found["preferred_address"] = _decode_preferred(Reader(value))
    elif number == _P.VERSION_INFORMATION:
        found["version_information"] = _decode_versions(value)


def _encode_preferred(address: PreferredAddress) -> bytes:
    return b"".join(
        (
            address.ipv4,
            address.ipv4_port.to_bytes(2, "big"),
            address.ipv6,
            address.ipv6_port.to_bytes(2, "big"),
            bytes((len(address.connection_id),)),
            address.connection_id,
            address.reset_token,
        )
    )


def _decode_preferred(reader: Reader) -> PreferredAddress:
    ipv4, ipv4_port = reader.take(4, "IPv4 address"), reader.u16("port")
    ipv6, ipv6_port = reader.take(16, "IPv6 address"), reader.u16("port")
    connection_id = reader.vector(1, "connection ID")
    token = reader.take(16, "stateless reset token")
    reader.finish("preferred_address")
    if not 1 <= len(connection_id) <= 20:
        raise _bad("preferred_address with a connection ID of a wrong length")
    return PreferredAddress(ipv4, ipv4_port, ipv6, ipv6_port, connection_id, token)


def _decode_versions(value: bytes) -> VersionInformation:
    """RFC 9368 §3, §4."""
    if not value or len(value) % 4:
        raise _bad("version_information of a wrong length")
    numbers = [int.from_bytes(value[at : at + 4], "big") for at in range(0, len(value), 4)]
    if 0 in numbers:
        raise _bad("version 0 in version_information")
    return VersionInformation(numbers[0], tuple(numbers[1:]))


def remembered(parameters: TransportParameters) -> TransportParameters:
    """What a client keeps with a ticket, for 0-RTT.  §7.4.1: limits, but nothing that belongs to one connection."""
    return replace(
        _DEFAULTS,
        max_idle_timeout=parameters.max_idle_timeout,
        max_udp_payload_size=parameters.max_udp_payload_size,
        initial_max_data=parameters.initial_max_data,
        initial_max_stream_data_bidi_local=parameters.initial_max_stream_data_bidi_local,
        initial_max_stream_data_bidi_remote=parameters.initial_max_stream_data_bidi_remote,
        initial_max_stream_data_uni=parameters.initial_max_stream_data_uni,
        initial_max_streams_bidi=parameters.initial_max_streams_bidi,
        initial_max_streams_uni=parameters.initial_max_streams_uni,
        disable_active_migration=parameters.disable_active_migration,
        active_connection_id_limit=parameters.active_connection_id_limit,
        max_datagram_frame_size=parameters.max_datagram_frame_size,
        grease_quic_bit=parameters.grease_quic_bit,
    )
