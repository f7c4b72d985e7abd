# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AlgorithmIdentifier and the parameters of RSASSA-PSS: RFC 4055's constants, and what it forbids."""

from __future__ import annotations

import pytest

from sws.base.errors import DecodeError
from sws.crypto.asn1 import writer
from sws.crypto.asn1.reader import DerReader
from sws.crypto.keys import algorithms
from sws.crypto.keys.algorithms import (
    Algorithm,
    PssParameters,
    decode_hash,
    decode_pss,
    encode_hash,
    encode_pss,
    is_null_or_absent,
    read_algorithm,
)

SHA256 = "300d06096086480165030402010500"
"""sha256Identifier of RFC 4055 §2.1."""
PSS_SHA256 = f"3034a00f{SHA256}a11c301a06092a864886f70d010108{SHA256}a203020120"
"""rSASSA-PSS-SHA256-Params of RFC 4055 §3.1, with the salt of RFC 8446: SHA-256, MGF1 with SHA-256, 32."""


def pss(*parts: bytes) -> bytes:
    return writer.sequence(*parts)


def test_identifiers() -> None:
    assert encode_hash("sha256").encode().hex() == SHA256
    assert read_algorithm(DerReader(bytes.fromhex(SHA256)), "x") == Algorithm("2.16.840.1.101.3.4.2.1", writer.NULL)
    assert encode_hash("sha1", null=False) == Algorithm("1.3.14.3.2.26")
    assert is_null_or_absent(Algorithm("1.2"))
    assert is_null_or_absent(Algorithm("1.2", writer.NULL))
    assert not is_null_or_absent(Algorithm("1.2", writer.integer(1)))
    for name in algorithms.HASH_OIDS.values():
        assert decode_hash(encode_hash(name), "x") == name
    with pytest.raises(DecodeError, match="too many"):
        read_algorithm(DerReader(writer.sequence(writer.oid("1.2.3"), writer.NULL, writer.NULL)), "x")
    with pytest.raises(DecodeError, match=r"unknown hash function, 1\.2\.3"):
        decode_hash(Algorithm("1.2.3"), "x")
    with pytest.raises(DecodeError, match="unknown hash function"):
        decode_hash(Algorithm("1.3.14.3.2.26", writer.integer(0)), "x")


def test_pss_parameters_of_the_rfc() -> None:
    assert decode_pss(bytes.fromhex(PSS_SHA256)) == PssParameters("sha256", "sha256", 32)
    assert encode_pss(PssParameters("sha256", "sha256", 32)).hex() == PSS_SHA256
    assert decode_pss(b"\x30\x00") == PssParameters("sha1", "sha1", 20)
    assert encode_pss(PssParameters()) == b"\x30\x00"


@pytest.mark.parametrize("parameters", [PssParameters("sha384"), PssParameters("sha1", "sha512"), PssParameters(salt_octets=0)])
def test_pss_parameters_there_and_back(parameters: PssParameters) -> None:
    assert decode_pss(encode_pss(parameters)) == parameters


SHA1 = encode_hash("sha1").encode()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (pss(writer.explicit(0, SHA1)), "default value"),
        (pss(writer.explicit(1, Algorithm(algorithms.MGF1, SHA1).encode())), "default value"),
        (pss(writer.explicit(2, writer.integer(20))), "default value"),
        (pss(writer.explicit(3, writer.integer(1))), "too many"),
        (pss(writer.explicit(3, writer.integer(2))), "too many"),
        (pss(writer.explicit(2, writer.integer(1025))), "a salt of 1025 octets"),
        (pss(writer.explicit(2, writer.integer(-1))), "negative"),
        (pss(writer.explicit(2, writer.integer(1) + writer.integer(1))), "too many"),
        (pss(writer.explicit(0, encode_hash("sha256").encode() + writer.NULL)), "too many"),
        (pss(writer.explicit(1, Algorithm(algorithms.MGF1).encode())), "not MGF1"),
        (pss(writer.explicit(1, Algorithm("1.2.3", SHA1).encode())), "not MGF1"),
        (pss(writer.explicit(1, Algorithm(algorithms.MGF1, encode_hash("sha256").encode()).encode() + writer.NULL)), "too many"),
        (pss() + b"\x05\x00", "too many"),
        (b"\x05\x00", "30 wanted"),
    ],
)
def test_pss_parameters_that_are_refused(parameters: bytes, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        decode_pss(parameters)
