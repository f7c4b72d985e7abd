# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The x509-limbo suite: every case gives what it expects under the rules of its name space, or stands in the table of our choices."""

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest

from sws.base.errors import DecodeError, LimitExceeded
from sws.crypto.x509 import Certificate, CertificateError, Limits, Profile, verify_chain
from sws.crypto.x509.crl import CertificateRevocationList
from tests.kit.vectors import extra_json

#: Undetermined cases where we choose otherwise than the suite, with the reason.
CHOICES = {
    "webpki::nc::nc-permits-dns-san-pattern": "the common name is not one of subjectAltName: BR §7.1.4.3, which other cases want refused",
    "webpki::san::leftmost-wildcard-san": "likewise",
}
#: Undetermined cases that we refuse as expected, but for another reason than the suite has.
FOR_ANOTHER_REASON = {
    "webpki::san::public-suffix-wildcard-san": "a wildcard needs two labels behind it; there is no list of public suffixes",
    "webpki::san::public-suffix-multi-label-wildcard-san": "the common name is not one of subjectAltName; no list of public suffixes",
    "webpki::san::public-suffix-private-namespace-wildcard-san": "likewise",
}
#: What is refused without any profile, by the verifier itself: issuers' rules apart, nothing may differ.
ISSUER_RULES = ("rfc5280::aki::", "rfc5280::ski::", "rfc5280::serial::", "rfc5280::san::", "rfc5280::nc::not-allowed-in-ee", "webpki::")
SECONDS = 2.0


def profile_of(case: str) -> Profile:
    return Profile.WEB if case.startswith("webpki::") else Profile.RFC5280


def outcome(case: dict[str, Any], profile: Profile) -> tuple[str, str]:
    moment = case["validation_time"]
    now = time.time() if moment is None else datetime.datetime.fromisoformat(moment).timestamp()
    depth = case["max_chain_depth"]
    name = case["expected_peer_name"]
    try:
        verify_chain(
            Certificate.from_pem(case["peer_certificate"]),
            [Certificate.from_pem(one) for one in case["untrusted_intermediates"]],
            [Certificate.from_pem(one) for one in case["trusted_certs"]],
            now=now,
            name=name["value"] if name else None,
            purpose={"SERVER": "serverAuth", "CLIENT": "clientAuth"}[case["validation_kind"]],
            limits=Limits() if depth is None else Limits(intermediates=depth),
            profile=profile,
            crls=[CertificateRevocationList.load(one.encode()) for one in case["crls"]],
        )
    except (CertificateError, DecodeError, LimitExceeded) as error:
        return "FAILURE", str(error)
    return "SUCCESS", ""


@pytest.mark.slow
def test_limbo() -> None:
    cases = extra_json("x509", "limbo", "limbo.json")["testcases"]
    differ, held, slow = {}, 0, {}
    for case in cases:
        begin = time.perf_counter()
        found, why = outcome(case, profile_of(case["id"]))
        taken = time.perf_counter() - begin
        if taken > SECONDS:
            slow[case["id"]] = taken
        if found != case["expected_result"]:
            differ[case["id"]] = (case["importance"], why)
        held += 1
    assert held >= 136
    assert slow == {}, "resources"
    present = {case["id"] for case in cases}
    assert differ.keys() == CHOICES.keys() & present, differ
    assert all(importance == "undetermined" for importance, _ in differ.values())
    assert FOR_ANOTHER_REASON.keys() <= present


@pytest.mark.slow
def test_limbo_without_a_profile() -> None:
    """What a TLS peer meets: nothing that is not to be believed is, and only rules for issuers are not held."""
    for case in extra_json("x509", "limbo", "limbo.json")["testcases"]:
        found, why = outcome(case, Profile.NONE)
        if case["importance"] != "undetermined" or not case["id"].startswith(ISSUER_RULES):
            assert found == case["expected_result"], (case["id"], why)
        elif case["expected_result"] == "SUCCESS":
            assert found == "SUCCESS", (case["id"], why)
