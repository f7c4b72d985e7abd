# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The system's trusted certificates as roots; Debian's where they are there."""

from __future__ import annotations

import pathlib
import re
import time

import pytest

from sws.crypto.pem import encode_pem
from sws.crypto.x509 import verify_chain
from sws.net import trust
from sws.net.trust import read_roots, system_roots
from sws.os.truststore import TrustText
from tests.crypto.x509.chains import NOW, authority, leaf

DEBIAN = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")


def test_one_bad_certificate_does_not_cost_the_others() -> None:
    first, second = authority("One", 1), authority("Two", 2)
    texts = (
        first.to_pem().encode() + encode_pem("CERTIFICATE", b"\x30\x00").encode() + encode_pem("X509 CRL", b"\x30\x00").encode(),
        b"-----BEGIN CERTIFICATE-----\n",
        b"not a certificate",
        second.der,
        encode_pem("TRUSTED CERTIFICATE", second.der).encode(),
    )
    roots = read_roots(TrustText("x", texts))
    assert list(roots) == [first, second]
    assert len(read_roots(TrustText("", ()))) == 0


def test_it_is_read_once_and_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(trust, "find_trust", lambda: asked.append(1) or TrustText("x", (authority("Root", 0).der,)))
    system_roots.cache_clear()
    try:
        assert asked == []
        roots = system_roots()
        assert system_roots() is roots
        assert asked == [1]
        assert verify_chain(leaf(), [], roots, now=NOW, name="a.example")[-1] == authority("Root", 0)
    finally:
        system_roots.cache_clear()


@pytest.mark.slow
@pytest.mark.skipif(not DEBIAN.exists(), reason="this system has no ca-certificates")
def test_debian() -> None:
    """Every certificate of the store is read, its key and extensions too, and each is believed to be what it is: a root."""
    text = DEBIAN.read_bytes()
    count = len(re.findall(rb"-----BEGIN CERTIFICATE-----", text))
    roots = read_roots(TrustText(str(DEBIAN), (text,)))
    assert len(roots) == count > 50
    now, valid = time.time(), 0
    for root in roots:
        root.check_parts()
        assert root.public_key.bits >= 256
        if root.not_before <= now <= root.not_after:
            assert verify_chain(root, [], roots, now=now, purpose=None) == (root,)
            valid += 1
    assert valid > count // 2
