# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What `sws info` says of HTTP/3: the DNS record, and the switches of Chromium for a certificate of one's own."""

from __future__ import annotations

import base64
import hashlib
import pathlib

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sws.cli.main import cli


def lines(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, configuration: str) -> dict[str, str]:
    """The output's lines about HTTP/3."""
    (folder / "sws.yaml").write_text(configuration)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SWS_STATE", str(folder / "state"))
    result = CliRunner().invoke(cli, ["info"])
    assert result.exit_code == 0
    found = (line.partition(":") for line in result.output.splitlines())
    return {name: rest.strip() for name, _, rest in found if "h3" in name}


def test_a_certificate_of_ones_own(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = lines(tmp_path, monkeypatch, 'server: {listen: ["https://127.0.0.1:8443"], tls: {self_signed: true}}\n')
    assert found["dns for h3"] == '_8443._https.NAME. IN HTTPS 1 NAME. alpn="h3,h2,http/1.1" port=8443'
    (pem,) = (tmp_path / "state").glob("*.pem")
    key = x509.load_pem_x509_certificate(pem.read_bytes()).public_key()
    pin = base64.b64encode(hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()).decode()
    assert found["chromium h3"].startswith(f"--origin-to-force-quic-on=NAME:8443 --ignore-certificate-errors-spki-list={pin} ")


def test_no_file_for_the_certificate(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    found = lines(tmp_path, monkeypatch, 'server: {listen: ["https://127.0.0.1:443"], tls: {self_signed: true}}\n')
    assert found["dns for h3"] == 'NAME. IN HTTPS 1 . alpn="h3,h2,http/1.1"'
    assert "spki-list=HASH" in found["chromium h3"]


@pytest.mark.parametrize(
    "configuration",
    [
        "server: {}\n",
        'server: {listen: ["https://127.0.0.1:8443"], tls: {self_signed: true}, http3: {enabled: false}}\n',
        "server: {listen: [x]}\n",
    ],
)
def test_without(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, configuration: str) -> None:
    assert lines(tmp_path, monkeypatch, configuration) == {}
