# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fuzzes DER, certificates and OCSP messages.  Run: python -m tests.fuzz.fuzz_x509 --executions N --seconds S --seed K

Oracles.  Only declared errors.  DER: what is read by its values is written the same.  Certificates and OCSP: where another implementation
reads them too, it reads the same numbers and times; a changed certificate or response is never believed for another content.
"""

from __future__ import annotations

import random
import warnings
from typing import Final

from sws.base.errors import DecodeError, LimitExceeded
from sws.crypto.asn1 import tags, writer
from sws.crypto.asn1.reader import DerReader
from sws.crypto.x509 import Certificate, CertificateError, build_request, encode, verify_chain
from sws.crypto.x509.ocsp import OcspError, check_response, ocsp_request
from sws.crypto.x509.ocsp_build import Answer, build_failure, build_response
from sws.crypto.x509.ocsp_messages import CertId, CertStatus, OcspRequest, ResponseStatus, decode_response
from tests.crypto.other import HAVE_OTHER
from tests.crypto.x509.chains import DAY, NOW, authority, bare, counted, leaf, signing
from tests.fuzz.kit import Target, main

if HAVE_OTHER:
    from cryptography import x509
    from cryptography.x509 import ocsp

__all__ = ["TARGETS"]

_ROOT: Final = authority("Root", 0)
_LEAF: Final = leaf()
_ID: Final = CertId.of(_LEAF, _ROOT)


def _respond(status: CertStatus) -> bytes:
    answer = Answer(_ID, status, NOW, NOW + DAY, NOW - 5 if status is CertStatus.REVOKED else None)
    return build_response([answer], signing("P-256", 0), _ROOT, now=NOW, nonce=b"nonce", entropy=counted("fuzz"))


def _check_der(data: bytes, chance: random.Random) -> str:
    reader = DerReader(data)
    try:
        tag = reader.tag
        if tag == tags.INTEGER:
            value = reader.integer("x")
            assert data.startswith(writer.integer(value))
            return "INTEGER"
        if tag == tags.OID:
            dotted = reader.oid("x")
            assert data.startswith(writer.oid(dotted))
            return "OID"
        if tag in (tags.UTC_TIME, tags.GENERALIZED_TIME):
            seconds = reader.time("x")
            assert data.startswith(writer.generalized_time(seconds) if tag == tags.GENERALIZED_TIME else writer.time(seconds))
            return "time"
        whole = reader.any("x")
        assert data.startswith(whole)
    except (DecodeError, LimitExceeded) as error:
        return type(error).__name__
    return "element"


def _check_certificate(data: bytes, chance: random.Random) -> str:
    try:
        found = Certificate.from_der(data)
    except (DecodeError, LimitExceeded):
        return "refused"
    if HAVE_OTHER:
        try:
            other = x509.load_der_x509_certificate(data)
            with warnings.catch_warnings(action="ignore"):  # it warns of serial numbers that are not positive
                assert other.serial_number == found.serial
            assert other.tbs_certificate_bytes == found.tbs
            assert other.signature == found.signature
            assert int(other.not_valid_after_utc.timestamp()) == found.not_after
        except (ValueError, x509.InvalidVersion):
            pass  # it refuses here what we read when we are asked for it
    try:
        verify_chain(found, [], [_ROOT], now=NOW, purpose=None)
    except CertificateError as error:
        return f"not believed: {error.reason}"
    assert found.tbs in {Certificate(one).tbs for one in _CERTIFICATES[:3]}
    return "believed"


def _check_ocsp(data: bytes, chance: random.Random) -> str:
    try:
        OcspRequest(data)
    except (DecodeError, LimitExceeded):
        pass
    else:
        return "request"
    try:
        status, basic = decode_response(data)
    except (DecodeError, LimitExceeded):
        return "refused"
    if basic is None:
        return status.name
    if HAVE_OTHER:
        try:
            other = ocsp.load_der_ocsp_response(data)
            assert other.tbs_response_bytes == basic.tbs
            assert int(other.produced_at_utc.timestamp()) == basic.produced_at
        except ValueError:
            pass  # several responses, or what it does not read
    try:
        found = check_response(data, _LEAF, _ROOT, NOW)
    except (OcspError, DecodeError, LimitExceeded):
        return "not believed"
    assert basic.tbs in {decode_response(one)[1].tbs for one in _RESPONSES if decode_response(one)[1]}  # type: ignore[union-attr]
    return f"believed: {found.status.name}"


_RESPONSES: Final = [_respond(status) for status in CertStatus]
_CERTIFICATES: Final = [_LEAF.der, _ROOT.der, bare("L", "Root", 0, extensions=()).der, build_request(signing(), ("a.example",)).der]
_MESSAGES: Final = [*_RESPONSES, build_failure(ResponseStatus.TRY_LATER), ocsp_request(_LEAF, _ROOT, nonce=b"nonce")]
_DICTIONARY: Final = [
    b"\x30\x80",
    b"\x02\x01\x00",
    b"\x05\x00",
    b"\xa0\x03",
    b"\x01\x01\xff",
    b"\x30\x82",
    b"\x03\x02\x05\xa0",
    encode.ocsp_no_check().value,
]


def _element(chance: random.Random, depth: int = 0) -> bytes:
    kind = chance.randrange(8 if depth < 6 else 5)
    if kind == 0:
        return writer.integer(chance.getrandbits(chance.choice((1, 7, 8, 64, 200))) - chance.choice((0, 1, 128)))
    if kind == 1:
        return writer.oid(f"{chance.randrange(2)}.{chance.randrange(40)}.{chance.getrandbits(chance.choice((3, 8, 30)))}")
    if kind == 2:
        return writer.generalized_time(chance.randrange(-(10**10), 10**11))
    if kind == 3:
        return writer.named_bits(chance.sample(range(20), chance.randrange(5)))
    if kind == 4:
        return chance.choice((writer.NULL, writer.boolean(True), writer.utf8_string("é"), writer.time(NOW)))
    parts = [_element(chance, depth + 1) for _ in range(chance.randrange(1, 4))]
    return writer.sequence(*parts) if kind == 5 else writer.set_of(parts) if kind == 6 else writer.explicit(chance.randrange(4), parts[0])


TARGETS: Final = (
    Target("der", _check_der, _CERTIFICATES, _DICTIONARY, _element),
    Target("certificate", _check_certificate, _CERTIFICATES, _DICTIONARY, lambda chance: chance.choice(_CERTIFICATES)),
    Target("ocsp", _check_ocsp, _MESSAGES, _DICTIONARY, lambda chance: chance.choice(_MESSAGES)),
)

if __name__ == "__main__":
    main(TARGETS)
