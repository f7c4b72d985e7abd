# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Samples of requests and responses from real responders: read as another implementation has read them, or refused with a reason."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from sws.base.errors import DecodeError
from sws.crypto.hashes import digest
from sws.crypto.x509.ocsp_messages import OcspRequest, decode_response
from tests.kit.vectors import extra_json, extra_vectors

#: File -> what we refuse it for.  The other implementation does not look at versions, and reads one entry of a request only.
REFUSED = {
    "req-duplicate-ext.der": r"twice",
    "req-invalid-version.der": r"version",
    "resp-invalid-version.der": r"version",
    "resp-response-type-unknown-oid.der": r"a response of type",
    "resp-unknown-response-status.der": r"status \d+ is none",
}


def load(name: str) -> bytes:
    data = extra_vectors("x509", "ocsp", name).read_bytes()
    assert digest("sha256", data).hex() == extra_json("x509", "ocsp", "expected.json")[name]["sha256"]
    return data


def when(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()


def test_every_file_is_read_or_refused() -> None:
    outcomes = {"request": 0, "response": 0, "refused": 0}
    for name, entry in extra_json("x509", "ocsp", "expected.json").items():
        data = load(name)
        if name in REFUSED:
            with pytest.raises(DecodeError, match=REFUSED[name]):
                _ = decode_response(data) if entry["kind"] == "response" else OcspRequest(data)
            outcomes["refused"] += 1
            continue
        (check_request if entry["kind"] == "request" else check_response)(data, entry["parsed"])
        outcomes[entry["kind"]] += 1
    assert outcomes["refused"] == len(REFUSED)
    assert outcomes["request"] >= 4
    assert outcomes["response"] >= 7


def check_request(data: bytes, wanted: dict[str, Any]) -> None:
    request = OcspRequest(data)
    if "error" in wanted:
        assert wanted["error"] == "NotImplementedError"  # several certificates at once: we read them
        assert len(request.entries) > 1
        return
    ((cert_id, _),) = request.entries
    assert str(cert_id.serial) == wanted["serial_number"]
    assert cert_id.hash_name == wanted["hash_algorithm"]
    assert (cert_id.name_hash.hex(), cert_id.key_hash.hex()) == (wanted["issuer_name_hash"], wanted["issuer_key_hash"])
    assert list(request.extensions) == wanted["extensions"]
    assert (request.nonce is not None) == bool(wanted["extensions"])


def check_response(data: bytes, wanted: dict[str, Any]) -> None:
    status, basic = decode_response(data)
    assert status.name == wanted["response_status"]
    if basic is None:
        return
    assert basic.signature_algorithm.oid == wanted["signature_algorithm_oid"]
    assert when(basic.produced_at) == wanted["produced_at_utc"]
    assert (None if basic.responder_key is None else basic.responder_key.hex()) == wanted["responder_key_hash"]
    assert (None if basic.responder_name is None else str(basic.responder_name)) == wanted["responder_name"]
    assert len(basic.certificates) == wanted["certificates"]
    assert list(basic.extensions) == wanted["extensions"]
    assert digest("sha256", basic.tbs).hex() == wanted["tbs_response_bytes"]
    assert len(basic.signature) == wanted["signature"]
    if isinstance(wanted["serial_number"], dict):
        assert len(basic.responses) > 1
        return
    (one,) = basic.responses
    assert str(one.cert_id.serial) == wanted["serial_number"]
    assert one.status.name == wanted["certificate_status"]
    assert when(one.revoked_at) == wanted["revocation_time_utc"]
    assert (None if one.reason is None else one.reason.name.lower()) == wanted["revocation_reason"]
    assert (when(one.this_update), when(one.next_update)) == (wanted["this_update_utc"], wanted["next_update_utc"])
    assert (one.cert_id.name_hash.hex(), one.cert_id.key_hash.hex()) == (wanted["issuer_name_hash"], wanted["issuer_key_hash"])
    if isinstance(wanted["hash_algorithm"], dict):
        assert one.cert_id.hash_name is None
    else:
        assert one.cert_id.hash_name == wanted["hash_algorithm"]
    assert list(one.extensions) == wanted["single_extensions"]
