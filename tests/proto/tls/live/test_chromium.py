# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Chromium over https: what its DevTools protocol says of the connection."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib

import pytest

from sws.crypto.x509 import Certificate
from tests.kit.chromium import browsing, console_errors
from tests.kit.server import ServerProcess
from tests.kit.tls_pki import Pki

pytestmark = [pytest.mark.peer, pytest.mark.slow]


def trusting(pki: Pki, *kinds: str) -> str:
    """The switch that makes the browser take our hosts' certificates: by the hashes of their public keys."""
    hashes = []
    for kind in kinds:
        public = Certificate.from_pem(pathlib.Path(pki.host(kind).cert).read_bytes()).public_key.spki
        hashes.append(base64.b64encode(hashlib.sha256(public).digest()).decode())
    return "--ignore-certificate-errors-spki-list=" + ",".join(hashes)


def test_post_quantum_tls_1_3(https: ServerProcess, pki: Pki, tmp_path: pathlib.Path) -> None:
    from selenium.webdriver.common.by import By

    arguments = [trusting(pki, "p256", "rsa", "p384"), "--host-resolver-rules=MAP *.example 127.0.0.1"]
    with browsing(tmp_path, *arguments) as chrome:
        chrome.execute_cdp_cmd("Network.enable", {})
        for kind in ("p256", "rsa", "p384"):
            chrome.get_log("performance")
            address = f"https://{kind}.example:{https.port}"
            chrome.get(address + "/.well-known/sws")
            facts = json.loads(chrome.find_element(By.TAG_NAME, "body").text)
            assert facts["protocol"] == "h2"
            assert facts["cipher"].split()[1] == "X25519MLKEM768"
            messages = [json.loads(entry["message"])["message"] for entry in chrome.get_log("performance")]
            responses = [m["params"]["response"] for m in messages if m["method"] == "Network.responseReceived"]
            details = next(r for r in responses if r["url"].startswith(address))["securityDetails"]
            assert details["protocol"] == "TLS 1.3"
            assert details["keyExchangeGroup"] == "X25519MLKEM768"
            assert details["subjectName"] == f"{kind}.example"
            chrome.get(address + "/hello.txt")
            assert chrome.find_element(By.TAG_NAME, "body").text == "hello"
        assert [error for error in console_errors(chrome) if "favicon" not in error] == []
