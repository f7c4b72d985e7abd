# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`sws cert`: what is made, what is refused, and that OpenSSL believes it."""

from __future__ import annotations

import json
import pathlib
import stat
import subprocess

import pytest
from click.testing import CliRunner, Result

from sws.cli.main import cli
from sws.crypto.keys import load_private_key
from sws.crypto.x509 import Certificate, CertificateRequest, encode
from sws.server import selfsigned
from tests.crypto.x509.chains import NOW, bare
from tests.kit.peers import peer

runner = CliRunner()


@pytest.fixture(autouse=True)
def _here(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("socket.gethostname", lambda: "Box.example")


def run(*arguments: str) -> Result:
    return runner.invoke(cli, ["cert", *arguments])


def good(*arguments: str) -> str:
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def failing(*arguments: str, code: int = 1) -> str:
    """The one line that is said."""
    done = run(*arguments)
    assert done.exit_code == code, done.output
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def mode(name: str) -> int:
    return stat.S_IMODE(pathlib.Path(name).stat().st_mode)


def names(name: str) -> list[str]:
    return [str(one) for one in Certificate.from_pem(pathlib.Path(name).read_bytes()).subject_alt_names]


def test_self_signed() -> None:
    assert good("self-signed", "www.example", "bücher.example", "*.é.example") == "key.pem\ncert.pem\n"
    assert mode("key.pem") == 0o600
    own = ["DNS:localhost", "IP:127.0.0.1", "IP:::1", "DNS:box.example"]
    assert names("cert.pem") == ["DNS:www.example", "DNS:xn--bcher-kva.example", "DNS:*.xn--9ca.example", *own]
    key = load_private_key(pathlib.Path("key.pem").read_bytes())
    certificate = Certificate.from_pem(pathlib.Path("cert.pem").read_bytes())
    assert certificate.public_key == key.public
    assert good("verify", "cert.pem", "--ca", "cert.pem", "--name", "localhost").endswith("cert.pem: good\n")


def test_nothing_is_written_over() -> None:
    good("self-signed")
    before = pathlib.Path("key.pem").read_bytes(), pathlib.Path("cert.pem").read_bytes()
    assert failing("self-signed") == "sws: key.pem exists; --force writes over it\n"
    pathlib.Path("key.pem").unlink()
    assert failing("self-signed") == "sws: cert.pem exists; --force writes over it\n"
    assert not pathlib.Path("key.pem").exists()
    pathlib.Path("key.pem").write_text("x")
    pathlib.Path("key.pem").chmod(0o644)
    good("self-signed", "--force")
    assert mode("key.pem") == 0o600
    assert (pathlib.Path("key.pem").read_bytes(), pathlib.Path("cert.pem").read_bytes()) != before


@pytest.mark.parametrize("algorithm", ["P-384", "Ed25519"])
def test_chain(algorithm: str) -> None:
    good("ca", "Test Root", "--algorithm", algorithm)
    good("ca", "Test Intermediate", "--parent", "ca.pem", "--parent-key", "ca-key.pem", "--cert", "i.pem", "--key", "i-key.pem",
         "--path-length", "0", "--permit", "example")  # fmt: skip
    good("issue", "a.example", "--ca", "i.pem", "--ca-key", "i-key.pem", "--ocsp", "http://o.example/", "--must-staple")
    chain = Certificate.list_from_pem(pathlib.Path("cert.pem").read_bytes())
    assert len(chain) == 2
    assert chain[0].must_staple
    shown = good("verify", "cert.pem", "--ca", "ca.pem", "--name", "a.example")
    assert shown == "0: CN=a.example\n1: CN=Test Intermediate\n2: CN=Test Root\ncert.pem: good\n"
    assert failing("verify", "cert.pem", "--ca", "ca.pem", "--name", "b.example") == (
        "sws: cert.pem: certificate 0: name mismatch: it is not for b.example\n"
    )
    assert "expired" in failing("verify", "cert.pem", "--ca", "ca.pem", "--at", str(NOW * 2))
    assert "purpose" in failing("verify", "cert.pem", "--ca", "ca.pem", "--purpose", "clientAuth")
    good("issue", "b.elsewhere", "--ca", "i.pem", "--ca-key", "i-key.pem", "--force")
    assert "name constraints" in failing("verify", "cert.pem", "--ca", "ca.pem", "--purpose", "any")


def test_request_and_issue() -> None:
    good("ca", "Root")
    good("csr", "a.example", "127.0.0.1", "--key", "r-key.pem")
    assert mode("r-key.pem") == 0o600
    request = CertificateRequest.load(pathlib.Path("request.pem").read_bytes())
    assert request.is_signed
    assert good("csr", "b.example", "--key", "r-key.pem", "--out", "second.pem") == "second.pem\n"
    good("issue", "--csr", "request.pem", "--client")
    assert names("cert.pem") == ["DNS:a.example", "IP:127.0.0.1"]
    assert not pathlib.Path("key.pem").exists()
    good("issue", "c.example", "--csr", "request.pem", "--force")
    assert names("cert.pem") == ["DNS:c.example"]
    good("verify", "cert.pem", "--ca", "ca.pem", "--untrusted", "ca.pem")
    damaged = bytearray(request.der)
    damaged[-1] ^= 1
    pathlib.Path("bad.der").write_bytes(damaged)
    assert failing("issue", "--csr", "bad.der", "--force") == "sws: bad.der is not signed by its own key\n"
    assert "is no request" in failing("issue", "--csr", "cert.pem", "--force")


@pytest.mark.slow
def test_passwords() -> None:
    pathlib.Path("pw").write_bytes(b"secret\r\nrest\n")
    good("ca", "Root", "--password-file", "pw")
    assert "ENCRYPTED PRIVATE KEY" in pathlib.Path("ca-key.pem").read_text()
    assert load_private_key(pathlib.Path("ca-key.pem").read_bytes(), "secret").algorithm == "P-256"
    assert "and no password" in failing("issue", "a.example")
    good("issue", "a.example", "--password-file", "pw")


def test_show() -> None:
    good("ca", "Root", "--permit", "example", "--path-length", "1")
    good("issue", "a.example", "::1", "--ocsp", "http://o.example/")
    text = good("show", "cert.pem")
    for part in ("subject:     CN=a.example", "DNS:a.example, IP:::1", "keyUsage (critical): digital_signature", "extKeyUsage: serverAuth",
                 "ocsp http://o.example/", "signature:   ecdsa sha256", "key:         P-256"):  # fmt: skip
        assert part in text
    (entry,) = json.loads(good("show", "--json", "ca.pem"))
    certificate = Certificate.from_pem(pathlib.Path("ca.pem").read_bytes())
    assert entry["serial"] == f"{certificate.serial:x}"
    assert entry["remarks"] == []
    assert {one["name"]: one["value"] for one in entry["extensions"]}["basicConstraints"] == {"ca": True, "path_length": 1}
    good("csr", "r.example")
    assert "signed:      yes" in good("show", "request.pem")
    pathlib.Path("r.der").write_bytes(CertificateRequest.load(pathlib.Path("request.pem").read_bytes()).der)
    pathlib.Path("c.der").write_bytes(certificate.der)
    assert good("show", "r.der") == good("show", "request.pem")
    assert good("show", "c.der") == good("show", "ca.pem")
    assert runner.invoke(cli, ["cert", "show", "-"], input=certificate.der).stdout == good("show", "ca.pem")


def test_show_of_odd_certificates() -> None:
    """What is malformed is shown as far as it goes, and what breaks a rule has a remark."""
    from sws.crypto.x509 import Extension, oids

    odd = [Extension(one, False, b"\x05\x01") for one in (oids.KEY_USAGE, oids.SUBJECT_ALT_NAME)]
    pathlib.Path("odd.pem").write_text(bare("L", "I", 1, extensions=odd).to_pem())
    text = good("show", "odd.pem")
    assert text.count("malformed: ") >= 3
    plain = [encode.basic_constraints(True), Extension("1.2.3", True, b"\xab"), encode.crl_distribution_points(["http://c/"])]
    pathlib.Path("plain.pem").write_text(bare("I", "R", 1, extensions=plain).to_pem())
    text = good("show", "plain.pem")
    assert "1.2.3 (critical): ab" in text
    assert "remarks:     authorityKeyIdentifier" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "none.pem"), "sws: none.pem: No such file or directory\n"),
        (("show", "junk"), "junk is neither a certificate nor a request"),
        (("show", "pw.pem"), "has neither a certificate nor a request"),
        (("verify", "junk", "--ca", "junk"), "sws: junk is no certificate"),
        (("verify", "pw.pem", "--ca", "junk"), "sws: pw.pem has no certificate"),
        (("issue", "a.example", "--ca", "c.pem", "--ca-key", "junk"), "junk is no private key"),
        (("issue", "a b", "--ca", "c.pem", "--ca-key", "k.pem"), "neither the name of a host nor an address"),
        (("issue", "a.example", "--ca", "c.pem", "--ca-key", "o.pem"), "not that of the CA's certificate"),
        (("ca", "X", "--parent", "c.pem", "--parent-key", "o.pem"), "o.pem is not the key of c.pem"),
        (("csr", "a.example", "--out", "no/folder"), "no/folder: No such file"),
        (("self-signed", "xn--a\u0301"), "sws: "),
    ],
)
def test_refusals(arguments: tuple[str, ...], message: str) -> None:
    good("ca", "Root", "--cert", "c.pem", "--key", "k.pem")
    good("ca", "Other", "--cert", "o-cert.pem", "--key", "o.pem")
    pathlib.Path("junk").write_bytes(b"\x00junk")
    pathlib.Path("pw.pem").write_text("-----BEGIN X-----\nAAAA\n-----END X-----\n")
    said = failing(*arguments)
    assert message in said
    assert said.count("\n") == 1
    assert not pathlib.Path("key.pem").exists()


def test_usage() -> None:
    good("ca", "Root")
    assert "belong together" in failing("ca", "X", "--parent", "ca.pem", code=2)
    assert "a name, or a request" in failing("issue", code=2)


def test_the_system_trusts(monkeypatch: pytest.MonkeyPatch) -> None:
    from sws.net.trust import system_roots

    good("self-signed")
    system_roots.cache_clear()
    try:
        monkeypatch.setenv("SSL_CERT_FILE", "cert.pem")
        assert "good" in good("verify", "cert.pem")
        system_roots.cache_clear()
        monkeypatch.delenv("SSL_CERT_FILE")
        monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
        assert "no trusted certificates are found" in failing("verify", "cert.pem")
    finally:
        system_roots.cache_clear()


def test_the_server_names_the_same() -> None:
    assert selfsigned.machine_names() == ["localhost", "127.0.0.1", "::1", "box.example"]


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["P-256", "P-384", "Ed25519", "RSA"])
def test_openssl_believes(algorithm: str) -> None:
    """Roots with a key of each kind, an intermediate with constraints, a server, a client."""
    good("ca", "Test Root", "--algorithm", algorithm)
    good("ca", "Test Intermediate", "--parent", "ca.pem", "--parent-key", "ca-key.pem", "--cert", "i.pem", "--key", "i-key.pem",
         "--path-length", "0", "--permit", "example")  # fmt: skip
    good("issue", "a.example", "--ca", "i.pem", "--ca-key", "i-key.pem")
    good("issue", "c.example", "--ca", "ca.pem", "--ca-key", "ca-key.pem", "--client", "--cert", "client.pem", "--key", "client-key.pem")
    good("self-signed", "--cert", "own.pem", "--key", "own-key.pem", "--algorithm", algorithm)
    for options in (
        ("-purpose", "sslserver", "-verify_hostname", "a.example", "-untrusted", "i.pem", "-CAfile", "ca.pem", "cert.pem"),
        ("-purpose", "sslclient", "-CAfile", "ca.pem", "client.pem"),
        ("-purpose", "sslserver", "-verify_ip", "127.0.0.1", "-CAfile", "own.pem", "own.pem"),
    ):
        done = subprocess.run([peer("openssl"), "verify", "-x509_strict", *options], capture_output=True, text=True)
        assert done.stdout.endswith(": OK\n"), done.stderr
