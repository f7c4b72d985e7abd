# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The TLS servers that are compared, each with the same certificate, suite and group, and the settings that pin OpenSSL to them.

python -m bench.tls_servers bio …       sws, its own loop and HTTP, with ssl.MemoryBIO (OpenSSL) in place of our TLS
python -m bench.tls_servers tlslite …   tlslite-ng, one connection after the other
"""

from __future__ import annotations

import os
import pathlib
import socket
import ssl
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, final

__all__ = ["Keys", "bio_command", "pin_openssl", "sws_command", "tlslite_command"]

_CIPHERS = {"TLS_CHACHA20_POLY1305_SHA256": "chacha20-poly1305", "TLS_AES_128_GCM_SHA256": "aes128gcm"}


@final
class Keys:
    """Self-signed certificates, made by the openssl program."""

    def __init__(self, folder: pathlib.Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.pairs: dict[str, tuple[str, str]] = {}
        for kind, how in {"p256": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), "rsa": ("rsa:2048",)}.items():
            cert, key = str(folder / f"{kind}.pem"), str(folder / f"{kind}.key")
            command = ["openssl", "req", "-x509", "-nodes", "-batch", "-days", "30", "-subj", "/CN=localhost", "-newkey", *how]
            command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert]
            subprocess.run(command, check=True, capture_output=True)
            self.pairs[kind] = cert, key


def pin_openssl(folder: pathlib.Path, suite: str, group: str) -> dict[str, str]:
    """An environment that pins programs with OpenSSL to one suite and group."""
    path = folder / f"{suite}-{group}.cnf"
    path.write_text(
        "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n"
        f"MinProtocol = TLSv1.3\nCiphersuites = {suite}\nGroups = {group}\n"
    )
    return {"OPENSSL_CONF": str(path)}


def _arguments(folder: pathlib.Path, site: pathlib.Path, port: int, pair: tuple[str, str], extra: str, idle: str) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "sws.yaml"
    config.write_text(
        f"server:\n  worker: {{processes: 1}}\n  log: {{access: false, level: error}}\n  timeouts: {{idle: {idle}}}\n"
        f"  tls: {{cert: {pair[0]}, key: {pair[1]}{extra}}}\n"
    )
    return ["start", "-c", str(config), "--root", str(site), "--listen", f"https://127.0.0.1:{port}"]


def sws_command(
    folder: pathlib.Path,
    site: pathlib.Path,
    port: int,
    pair: tuple[str, str],
    extra: str = "",
    python: str = sys.executable,
    idle: str = "300s",
) -> list[str]:
    """sws with one worker; `extra` is more of its `tls` section, from a comma on."""
    return [python, "-m", "sws", *_arguments(folder, site, port, pair, extra, idle)]


def bio_command(folder: pathlib.Path, site: pathlib.Path, port: int, pair: tuple[str, str]) -> list[str]:
    """sws with OpenSSL's TLS."""
    return [sys.executable, "-m", "bench.tls_servers", "bio", *pair, *_arguments(folder, site, port, pair, "", "300s")]


def tlslite_command(port: int, pair: tuple[str, str], suite: str, octets: int, tickets: int = 2) -> list[str]:
    """tlslite-ng, which gives out tickets as ours does, and sends so many octets to who sends it something."""
    return [sys.executable, "-m", "bench.tls_servers", "tlslite", *pair, str(port), suite, str(octets), str(tickets)]


@final
class BioTls:
    """What `SecureEngine` wants of a TLS connection, over ssl.MemoryBIO."""

    def __init__(self, context: ssl.SSLContext) -> None:
        from sws.proto.tls.config import Negotiated
        from sws.proto.tls.constants import CipherSuite, NamedGroup

        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._in, self._out, server_side=True)
        self.facts = Negotiated(CipherSuite.TLS_CHACHA20_POLY1305_SHA256, NamedGroup.X25519)
        self.handshake = None
        self.complete = self.failed = self.peer_closed = self.wants_close = False
        self.pending = 0
        self.now = 0.0
        self._plain: list[bytes] = []
        self._closing = False

    @property
    def can_send_data(self) -> bool:
        """After the handshake."""
        return self.complete and not self.failed and not self.wants_close

    def receive(self, data: bytes, now: float) -> list[bytes]:
        """Ciphertext to plaintext."""
        self._in.write(data)
        found: list[bytes] = []
        try:
            if not self.complete:
                self._ssl.do_handshake()
                self.complete = True
            while part := self._ssl.read(65536):
                found.append(part)
            self.peer_closed = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.peer_closed = True
        except ssl.SSLError:
            self.failed = self.wants_close = True
        return found

    def receive_eof(self, _now: float) -> None:
        """The transport's end."""
        self.peer_closed = True

    def send(self, data: Sequence[bytes]) -> None:
        """Plaintext."""
        self._plain.extend(data)
        self.pending += sum(map(len, data))

    def close(self) -> None:
        """Half-close."""
        self._closing = True

    def abandon(self) -> None:
        """Give up."""
        self.wants_close = True

    def data_to_send(self, _budget: int) -> list[bytes]:
        """Ciphertext."""
        for part in self._plain:
            self._ssl.write(part)
        self._plain.clear()
        self.pending = 0
        if self._closing and not self.wants_close:
            self.wants_close = True
            try:
                self._ssl.unwrap()
            except ssl.SSLError:
                pass
        out = self._out.read()
        return [out] if out else []


def serve_bio(cert: str, key: str, arguments: list[str]) -> None:
    """`sws start` with BioTls."""
    import sws.proto.tls
    from sws.cli.main import main as start

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["http/1.1"])
    sws.proto.tls.ServerConnection = lambda *_arguments, **_options: BioTls(context)  # type: ignore[assignment,return-value]
    sys.argv[1:] = arguments
    start()


def serve_tlslite(cert: str, key: str, port: int, suite: str, octets: int, tickets: int) -> None:
    """One connection after the other, until it is killed."""
    from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
    from tlslite.utils import cryptomath

    if cryptomath.m2cryptoLoaded or cryptomath.gmpyLoaded or cryptomath.pycryptoLoaded:
        raise SystemExit("the peer is accelerated: it must be pure Python")
    settings: Any = HandshakeSettings()
    settings.minVersion = settings.maxVersion = (3, 4)
    settings.cipherNames = [_CIPHERS[suite]]
    settings.cipherImplementations = ["python"]
    settings.eccCurves = ["x25519", "secp521r1"]
    settings.keyShares = ["x25519"]
    if tickets:
        settings.ticketKeys = [os.urandom(32)]
        settings.ticketCipher = "chacha20-poly1305"  # the quickest it has
        settings.ticket_count = tickets
    chain = X509CertChain()
    chain.parsePemList(pathlib.Path(cert).read_text())
    private = parsePEMKey(pathlib.Path(key).read_text(), private=True, implementations=["python"])
    data = bytes(octets)
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            sock = listener.accept()[0]
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            tls = TLSConnection(sock)
            try:
                tls.handshakeServer(certChain=chain, privateKey=private, settings=settings)
                if tls.read(min=1, max=65536) and data:
                    tls.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % octets)
                    tls.write(data)
                tls.close()
            except Exception:  # a client that is gone; the bench counts at its own end
                pass
            finally:
                sock.close()


if __name__ == "__main__":
    if sys.argv[1] == "bio":
        serve_bio(sys.argv[2], sys.argv[3], sys.argv[4:])
    else:
        serve_tlslite(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5], int(sys.argv[6]), int(sys.argv[7]))
