# SPDX-License-Identifier: Apache-2.0 OR MIT
"""TLS in the running server: certificates, hosts, tickets across workers, policies, reloads."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import stat
import time
from collections.abc import Iterator

import pytest

from sws.crypto.keys import PrivateKey, SigningKey, generate_private_key
from sws.crypto.x509 import Certificate, issue, new_authority
from sws.net.tls_keys import KeySigner
from sws.os.secretmem import available_kind
from sws.proto.tls import ClientTicket, Credential
from tests.kit.server import ServerProcess, serving
from tests.kit.tls_client import SecureSocket, believing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="workers need fork")]


class Authority:
    """Makes certificates and writes them."""

    def __init__(self, name: str) -> None:
        self.key = SigningKey(generate_private_key("P-256"))
        self.root = new_authority(self.key, name, now=int(time.time()))

    def issue(self, folder: pathlib.Path, stem: str, names: list[str]) -> tuple[PrivateKey, Certificate]:
        """NAME.pem and NAME.key."""
        key = generate_private_key("P-256")
        certificate = issue(self.root, self.key, SigningKey(key).public, names, now=int(time.time()), purposes=("serverAuth", "clientAuth"))
        (folder / f"{stem}.pem").write_text(certificate.to_pem() + self.root.to_pem())
        (folder / f"{stem}.key").write_text(key.to_pem())
        return key, certificate


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("the CA of the tests")


@pytest.fixture
def site(tmp_path: pathlib.Path, authority: Authority) -> pathlib.Path:
    """Pages and certificates of two hosts, and of a client."""
    for name in ("www", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(f"{name}\n")
    authority.issue(tmp_path, "localhost", ["localhost"])
    authority.issue(tmp_path, "other", ["other.example"])
    (tmp_path / "ca.pem").write_text(authority.root.to_pem())
    return tmp_path


def configure(folder: pathlib.Path, tls: str = "", more: str = "", workers: int = 1, listen: str = '"https://127.0.0.1:0"') -> None:
    (folder / "sws.yaml").write_text(
        f"server:\n  listen: [{listen}]\n  root: ./www\n  pid_file: sws.pid\n  worker: {{processes: {workers}}}\n"
        f"  timeouts: {{shutdown: 5s}}\n  tls: {{cert: localhost.pem, key: localhost.key{tls}}}\n{more}"
    )


OTHER = "  hosts:\n  - names: [other.example]\n    root: ./other\n    tls: {cert: other.pem, key: other.key%s}\n"


def port(server: ServerProcess, number: int = 0) -> int:
    return int(server.urls[number].rpartition(":")[2])


@pytest.fixture
def running(site: pathlib.Path) -> Iterator[ServerProcess]:
    configure(site, more=OTHER % "")
    with serving([], site) as server:
        yield server


def test_hosts_have_certificates_of_their_own(running: ServerProcess, authority: Authority) -> None:
    for name, says in (("localhost", b"www\n"), ("other.example", b"other\n")):
        with SecureSocket(port(running), policy=believing(authority.root), server_name=name.encode()) as peer:
            assert peer.connect().ask(host=name)[::2] == (200, says)
            assert peer.ended == "close_notify"
    with SecureSocket(port(running), policy=believing(authority.root), server_name=b"unknown.example") as peer:
        assert peer.connect().ended == "our alert 46"  # the default's certificate, which is not for that name


def test_the_log_says_where_keys_are(running: ServerProcess) -> None:
    """Once, at the start, not for every worker."""
    lines = [json.loads(line) for line in running.err.splitlines() if b"private keys held" in line]
    assert [(line["lvl"], line["memory"]) for line in lines] == [("info", available_kind())]


def test_resumption_is_bound_to_the_host(running: ServerProcess) -> None:
    with SecureSocket(port(running)) as peer:
        peer.connect().ask()
        ticket = peer.tls.handshake.take_tickets()[0]  # type: ignore[union-attr]
    with SecureSocket(port(running), ticket=ticket) as peer:
        assert peer.connect().tls.facts.resumed
        assert peer.ask()[0] == 200
    moved = type(ticket)(**{name: getattr(ticket, name) for name in ticket.__slots__} | {"server_name": b"other.example"})
    with SecureSocket(port(running), ticket=moved, server_name=b"other.example") as peer:
        assert peer.connect().tls.complete
        assert not peer.tls.facts.resumed


def test_tickets_of_one_worker_open_at_all_and_outlive_a_reload(site: pathlib.Path) -> None:
    configure(site, workers=2)
    with serving([], site) as server:
        with SecureSocket(port(server)) as peer:
            peer.connect().ask()
            tickets = peer.tls.handshake.take_tickets()  # type: ignore[union-attr]
        for round_number in range(2):
            for _ in range(6):
                with SecureSocket(port(server), ticket=tickets[0]) as peer:
                    assert peer.connect().tls.facts.resumed
                    peer.ask()
            if round_number == 0:
                server.signal(signal.SIGHUP)
                server.read_until(lambda: b'"reloaded"' in server.err)


def test_early_data_once_over_all_workers_and_only_for_safe_methods(site: pathlib.Path) -> None:
    configure(site, tls=", early_data: 4096", workers=2)
    with serving([], site) as server:
        with SecureSocket(port(server)) as peer:
            peer.connect().ask()
            first, second = peer.tls.handshake.take_tickets()  # type: ignore[union-attr]
        taken = []
        for _ in range(6):
            with SecureSocket(port(server), ticket=first, early=True) as peer:
                peer.tls.send([b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"])
                peer.flush()
                peer.tls.end_early_data()
                peer.connect()
                taken.append(peer.tls.facts.early)
                if peer.tls.facts.early:
                    assert peer.answer()[0] == 200
        assert taken == [True] + [False] * 5
        with SecureSocket(port(server), ticket=second, early=True) as peer:
            peer.tls.send([b"DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n"])
            peer.flush()
            peer.tls.end_early_data()
            peer.connect()
            assert peer.answer(close=False)[0] == 425
            assert peer.ask(method="DELETE")[0] == 405


def test_a_reload_takes_new_certificates_and_refuses_bad_ones(site: pathlib.Path, authority: Authority) -> None:
    configure(site)
    with serving([], site) as server:

        def shown() -> bytes:
            with SecureSocket(port(server)) as peer:
                peer.connect().ask()
                return peer.tls.facts.peer[0]

        before = shown()
        (site / "localhost.key").write_text("nonsense")
        server.signal(signal.SIGHUP)
        server.read_until(lambda: b"is no private key" in server.err)
        assert shown() == before
        _, fresh = authority.issue(site, "localhost", ["localhost"])
        server.signal(signal.SIGHUP)
        end = time.monotonic() + 10
        while shown() != fresh.der:
            assert time.monotonic() < end
            time.sleep(0.1)


def test_client_certificates_by_host(site: pathlib.Path, authority: Authority) -> None:
    configure(site, more=OTHER % ", client_auth: require, client_ca: ca.pem")
    key, certificate = authority.issue(site, "client", ["client.example"])
    mine = Credential((certificate.der,), KeySigner(SigningKey(key)))
    with serving([], site) as server:
        with SecureSocket(port(server), server_name=b"other.example") as peer:
            peer.connect()
            while peer.step():
                pass
            assert peer.ended == "alert 116"
        with SecureSocket(port(server), server_name=b"other.example", credential=mine) as peer:
            assert peer.connect().ask(host="other.example")[::2] == (200, b"other\n")
            ticket = peer.tls.handshake.take_tickets()[0]  # type: ignore[union-attr]
        with SecureSocket(port(server), server_name=b"other.example", ticket=ticket) as peer:
            assert peer.connect().tls.facts.resumed
            assert peer.ask(host="other.example")[0] == 200
        with SecureSocket(port(server)) as peer:  # a handshake without asks for the other host: RFC 9110 §15.5.20
            assert peer.connect().ask(host="other.example")[0] == 421
        with SecureSocket(port(server)) as peer:
            assert peer.connect().ask()[0] == 200


def test_self_signed_is_kept_and_for_its_owner_only(site: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWS_STATE", str(site / "state"))
    seen = set()
    for _ in range(2):
        with (
            serving(["--listen", "https://127.0.0.1:0", "--self-signed", "--root", "www", "--workers", "2"], site) as server,
            SecureSocket(port(server)) as peer,
        ):
            _, headers, content = peer.connect().ask()
            assert content == b"www\n"
            assert "strict-transport-security" not in headers
            seen.add(peer.tls.facts.peer[0])
    assert len(seen) == 1
    file = site / "state" / "self-signed.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    names = {name.value for name in Certificate.from_der(seen.pop()).subject_alt_names}
    assert {"localhost", bytes((127, 0, 0, 1)), bytes(15) + b"\1"} <= names


def test_redirect_and_hsts(site: pathlib.Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        secure_port = probe.getsockname()[1]
    listen = f'"http://127.0.0.1:0", "https://127.0.0.1:{secure_port}"'
    configure(site, tls=", redirect: true, hsts: 1000", listen=listen)
    with serving([], site, count=2) as server:
        status, headers, _ = server.get("/a%20b?c=d")
        assert status == 308
        assert headers["location"] == f"https://127.0.0.1:{secure_port}/a%20b?c=d"
        assert "strict-transport-security" not in headers
        with SecureSocket(secure_port) as peer:
            assert peer.connect().ask()[1]["strict-transport-security"] == "max-age=1000"
        with SecureSocket(secure_port) as peer:
            assert peer.connect().ask("/missing")[1]["strict-transport-security"] == "max-age=1000"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda site: (site / "localhost.key").write_text((site / "other.key").read_text()), "is not the key of the certificate"),
        (lambda site: (site / "localhost.pem").write_text("nothing"), "has no certificate"),
        (lambda site: (site / "localhost.key").write_text("nothing"), "is no private key that can be used"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(site: pathlib.Path, change: object, says: str) -> None:
    configure(site)
    change(site)  # type: ignore[operator]
    server = ServerProcess([], site)
    assert server.wait() == 78
    assert says in server.err.decode()
    assert "Traceback" not in server.err.decode()


def test_a_ticket_key_is_shared_between_servers_and_has_to_be_long_enough(site: pathlib.Path) -> None:
    (site / "tickets").write_bytes(os.urandom(32))
    configure(site, tls=", ticket_key: tickets")
    with serving([], site) as server, SecureSocket(port(server)) as peer:
        peer.connect().ask()
        ticket = peer.tls.handshake.take_tickets()[0]  # type: ignore[union-attr]
    with serving([], site) as server, SecureSocket(port(server), ticket=ticket) as peer:
        assert peer.connect().tls.facts.resumed
        peer.ask()
    (site / "tickets").write_bytes(os.urandom(31))
    server = ServerProcess([], site)
    assert server.wait() == 78
    assert b"fewer than 32 octets" in server.err


def test_external_psks(site: pathlib.Path) -> None:
    (site / "psks").write_text(f"# a comment\n\nclient:1:{'5a' * 32}\n")
    configure(site, tls=", psk: psks")
    mine = ClientTicket(b"client:1", b"Z" * 32, 0x1303, 0, 0, 0, 0, None, None, external=True)
    with serving([], site) as server:
        with SecureSocket(port(server), ticket=mine) as peer:
            assert peer.connect().ask()[0] == 200
            assert not peer.tls.facts.peer
        with SecureSocket(port(server)) as peer:
            assert peer.connect().ask()[0] == 200
    for text in ("client:5a5a", ":" + "5a" * 16, "client:xyz"):
        (site / "psks").write_text(text)
        server = ServerProcess([], site)
        assert server.wait() == 78
        assert b"psks:1 is not identity:key" in server.err


def test_a_free_port_for_each_scheme(site: pathlib.Path) -> None:
    configure(site, listen='"http://127.0.0.1:0", "https://127.0.0.1:0"')
    with serving([], site, count=2) as server:
        assert server.get()[2] == b"www\n"
        assert port(server, 0) != port(server, 1)
        with SecureSocket(port(server, 1)) as peer:
            assert peer.connect().ask()[2] == b"www\n"


def test_key_log_is_for_its_owner_only(site: pathlib.Path) -> None:
    configure(site, tls=", key_log: keys.log, padding: 512")
    with serving([], site) as server, SecureSocket(port(server)) as peer:
        peer.connect().ask()
    text = (site / "keys.log").read_text()
    assert {line.split()[0] for line in text.splitlines()} >= {"SERVER_TRAFFIC_SECRET_0", "CLIENT_HANDSHAKE_TRAFFIC_SECRET"}
    assert stat.S_IMODE((site / "keys.log").stat().st_mode) == 0o600


def test_plain_http_on_an_https_address(running: ServerProcess) -> None:
    import socket

    with socket.create_connection(("127.0.0.1", port(running)), timeout=10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(100) == bytes.fromhex("1503030002020a")
        assert sock.recv(100) == b""
