# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`openssl ocsp` as responder and as client: good, revoked, unknown, stale, by a delegate, and nobody there at all."""

from __future__ import annotations

import http.client
import pathlib
import re
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from sws.crypto.keys import SigningKey, generate_private_key
from sws.crypto.x509 import Certificate, encode, issue, new_authority
from sws.crypto.x509.ocsp import OcspError, OcspFault, check_response, ocsp_request
from sws.crypto.x509.ocsp_build import Answer, build_response
from sws.crypto.x509.ocsp_messages import CertId, CertStatus, OcspRequest
from tests.kit.peers import peer

pytestmark = [pytest.mark.peer, pytest.mark.slow]

NOW = int(time.time())
KEY = generate_private_key("P-256")
CA_KEY = SigningKey(KEY)
CA = new_authority(CA_KEY, "OCSP Test Root", now=NOW)
DELEGATE_KEY = generate_private_key("P-384")
DELEGATE = issue(
    CA, CA_KEY, DELEGATE_KEY.public, (), now=NOW, purposes=("OCSPSigning",), further=[encode.ocsp_no_check()]
)  # fmt: skip
LEAVES = {
    name: issue(CA, CA_KEY, generate_private_key("P-256").public, (f"{name}.example",), now=NOW) for name in ("good", "revoked", "unknown")
}


def index(certificates: dict[str, Certificate]) -> str:
    """The database of `openssl ca`: status, end, revocation with reason, serial, file, subject."""
    stamp = time.strftime("%y%m%d%H%M%SZ", time.gmtime(NOW - 60))
    lines = []
    for name in ("good", "revoked"):
        one = certificates[name]
        end = time.strftime("%y%m%d%H%M%SZ", time.gmtime(one.not_after))
        revoked = f"{stamp},keyCompromise" if name == "revoked" else ""
        lines.append("\t".join(("R" if revoked else "V", end, revoked, f"{one.serial:040X}", "unknown", f"/CN={name}")))
    return "\n".join(lines) + "\n"


def ask(port: int, request: bytes) -> bytes:
    """POST, as RFC 6960 §A.1 has it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/", request, {"Content-Type": "application/ocsp-request", "Connection": "close"})
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module", params=["issuer", "delegate"])
def responder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    folder = tmp_path_factory.mktemp("responder")
    (folder / "index.txt").write_text(index(LEAVES))
    (folder / "index.txt.attr").write_text("unique_subject = no\n")
    (folder / "ca.pem").write_text(CA.to_pem())
    (folder / "signer.pem").write_text((CA if request.param == "issuer" else DELEGATE).to_pem())
    (folder / "key.pem").write_text((KEY if request.param == "issuer" else DELEGATE_KEY).to_pem())
    options = ["-index", "index.txt", "-CA", "ca.pem", "-rsigner", "signer.pem", "-rkey", "key.pem", "-port", "0", "-nmin", "10"]
    process = subprocess.Popen(
        [peer("openssl"), "ocsp", *options], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        found = re.match(r"ACCEPT \S*:(\d+)", process.stdout.readline())
        assert found is not None
        yield request.param, int(found[1])
    finally:
        process.kill()
        process.communicate()


def test_good_revoked_unknown(responder: tuple[str, int]) -> None:
    kind, port = responder
    for name, one in LEAVES.items():
        nonce = name.encode().ljust(16, b".")
        found = check_response(
            ask(port, ocsp_request(one, CA, nonce=nonce)), one, CA, time.time(), nonce=nonce, require_nonce=True, require_no_check=True
        )
        assert found.status is CertStatus[name.upper()]
        assert found.delegated is (kind == "delegate")
        assert found.next_update == found.this_update + 600
        if name == "revoked":
            assert found.revoked_at == NOW - 60
            assert found.reason is not None
            assert found.reason.name == "KEY_COMPROMISE"


def test_stale_and_for_another(responder: tuple[str, int]) -> None:
    _, port = responder
    one, other = LEAVES["good"], LEAVES["revoked"]
    answer = ask(port, ocsp_request(one, CA))
    with pytest.raises(OcspError) as caught:
        check_response(answer, one, CA, time.time() + 600 + 301)
    assert caught.value.fault is OcspFault.STALE
    with pytest.raises(OcspError) as caught:
        check_response(answer, other, CA, time.time())
    assert caught.value.fault is OcspFault.ANOTHER_CERTIFICATE
    assert check_response(ask(port, ocsp_request(one, CA, hash_name="sha256")), one, CA, time.time()).is_good


def test_nobody_there() -> None:
    """There is nothing to believe; what a server then does without is its own matter."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(OSError, match=r"refused|111"):
        ask(port, ocsp_request(LEAVES["good"], CA))


@pytest.mark.parametrize("status", list(CertStatus))
@pytest.mark.parametrize("delegated", [False, True])
def test_openssl_believes_ours(status: CertStatus, delegated: bool, tmp_path: pathlib.Path) -> None:
    """`openssl ocsp -reqin -respin` verifies our response to its own request."""
    one = LEAVES["good"]
    for name, certificate in (("ca.pem", CA), ("leaf.pem", one)):
        (tmp_path / name).write_text(certificate.to_pem())
    run = [peer("openssl"), "ocsp", "-issuer", "ca.pem", "-cert", "leaf.pem"]
    subprocess.run([*run, "-reqout", "request.der"], cwd=tmp_path, capture_output=True, check=True)
    request = OcspRequest((tmp_path / "request.der").read_bytes())
    ((cert_id, _),) = request.entries
    assert cert_id == CertId.of(one, CA)
    answer = Answer(cert_id, status, NOW, NOW + 600, NOW - 60 if status is CertStatus.REVOKED else None)
    key, certificate = (SigningKey(DELEGATE_KEY), DELEGATE) if delegated else (CA_KEY, CA)
    der = build_response([answer], key, certificate, now=NOW, certificates=[certificate] if delegated else [], nonce=request.nonce)
    (tmp_path / "response.der").write_bytes(der)
    verify = ["-respin", "response.der", "-CAfile", "ca.pem"]
    done = subprocess.run([*run, "-no_nonce", *verify], cwd=tmp_path, capture_output=True, text=True)
    assert "Response verify OK" in done.stderr
    assert f"leaf.pem: {status.name.lower()}" in done.stdout
    done = subprocess.run(
        [peer("openssl"), "ocsp", "-reqin", "request.der", "-verify_other", "ca.pem", *verify], cwd=tmp_path, capture_output=True, text=True
    )
    assert "Response verify OK" in done.stderr  # and so is the nonce
    assert "Nonce" not in done.stderr
