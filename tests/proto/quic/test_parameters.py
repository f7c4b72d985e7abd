# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Transport parameters both ways, and what RFC 9000 §7.4 and §18.2 refuse."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from sws.base.errors import QuicTransportError
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.parameters import (
    PreferredAddress,
    TransportParameters,
    VersionInformation,
    decode_parameters,
    encode_identity,
    encode_parameters,
    remembered,
)

FULL = TransportParameters(
    b"original",
    30000,
    bytes(range(16)),
    1472,
    1 << 20,
    1 << 17,
    1 << 18,
    1 << 19,
    100,
    3,
    8,
    26,
    True,
    PreferredAddress(b"\x7f\0\0\1", 443, bytes(15) + b"\1", 444, b"preferred", bytes(16)),
    4,
    b"source",
    b"retry",
    VersionInformation(1, (1, 0x6B3343CF)),
    65535,
    True,
)


def test_every_parameter_survives() -> None:
    assert all(getattr(FULL, item.name) != item.default for item in fields(FULL))
    octets = encode_parameters(FULL)
    assert decode_parameters(octets, from_client=False) == FULL
    assert decode_parameters(encode_parameters(FULL, list.reverse), from_client=False) == FULL
    assert encode_parameters(FULL, list.reverse) != octets


def test_defaults_and_what_is_not_known() -> None:
    assert encode_parameters(TransportParameters()) == b""
    assert decode_parameters(bytes.fromhex("1b 02 aaaa"), from_client=True) == TransportParameters()
    assert decode_parameters(bytes.fromhex("0304 80 00 05 dc"), from_client=True).max_udp_payload_size == 1500


def test_what_a_client_remembers_has_no_connection_in_it() -> None:
    kept = remembered(FULL)
    assert kept.initial_max_data == FULL.initial_max_data
    assert kept.active_connection_id_limit == 4
    assert kept.stateless_reset_token is None
    assert kept.preferred_address is None
    assert kept.original_destination_connection_id is None
    assert (kept.ack_delay_exponent, kept.max_ack_delay) == (3, 25)


@pytest.mark.parametrize(
    "octets",
    [
        "01",  # cut short
        "0102",
        "010105 0101 06",  # twice
        "0102 05",
        "0102 0505",  # something behind the integer
        "0302 44af",  # max_udp_payload_size 1199
        "0808 d000000000000001",  # more than 2**60 streams
        "0908 d000000000000001",
        "0a01 15",  # ack_delay_exponent 21
        "0b04 80004000",  # max_ack_delay 2**14
        "0c01 00",  # flags with a value
        "6ab201 00",
        "0e01 01",  # active_connection_id_limit 1
        "0f15" + "00" * 21,  # a connection ID of 21 octets
        "1103 000000",
        "1100",
        "1108 00000001 00000000",
        "020f" + "00" * 15,  # a reset token of 15 octets
        "0d29" + "00" * 41,  # preferred address: connection ID of no octets
        "0d28" + "00" * 40,
    ],
)
def test_refused(octets: str) -> None:
    with pytest.raises(QuicTransportError) as caught:
        decode_parameters(bytes.fromhex(octets), from_client=False)
    assert caught.value.code == ErrorCode.TRANSPORT_PARAMETER_ERROR


@pytest.mark.parametrize("octets", ["0000", "0210" + "00" * 16, "0d2a" + "00" * 24 + "01" + "00" * 17, "1000"])
def test_what_only_servers_send(octets: str) -> None:
    decode_parameters(bytes.fromhex(octets), from_client=False)
    with pytest.raises(QuicTransportError) as caught:
        decode_parameters(bytes.fromhex(octets), from_client=True)
    assert caught.value.code == ErrorCode.TRANSPORT_PARAMETER_ERROR


@pytest.mark.parametrize("retried", [None, b"retried"])
@pytest.mark.parametrize("preferred", [None, PreferredAddress(bytes(4), 1, bytes(16), 2, b"moved", bytes(range(16)))])
def test_what_belongs_to_one_connection_is_encoded_apart(retried: bytes | None, preferred: PreferredAddress | None) -> None:
    common = TransportParameters(max_idle_timeout=7, version_information=VersionInformation(1, (1, 2)))
    own = encode_identity(b"original", retried, b"first", bytes(range(1, 17)), preferred)
    assert decode_parameters(encode_parameters(common) + own, False) == replace(
        common,
        original_destination_connection_id=b"original",
        retry_source_connection_id=retried,
        initial_source_connection_id=b"first",
        stateless_reset_token=bytes(range(1, 17)),
        preferred_address=preferred,
    )
