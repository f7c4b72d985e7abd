# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Certificates of every kind that TLS is spoken with, made by the openssl program: none of ours stands between the tests and the peers.

pki = Pki(folder)
pki.host("rsa")          certificate and key of the server rsa.example, in files
pki.client("p256")       of a client; `pki.ca` is the root of all
"""

from __future__ import annotations

import pathlib
import subprocess
import time
from typing import final

from sws.crypto.x509 import Certificate, Roots
from sws.net.tls_keys import ChainPolicy
from sws.proto.tls import Credential
from sws.server.tlssetup import load_credential
from tests.kit.peers import peer

__all__ = ["KINDS", "Pair", "Pki"]

#: Kind of key -> what openssl makes it by.
KINDS = {
    "p256": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "p384": ("ec", "-pkeyopt", "ec_paramgen_curve:P-384"),
    "rsa": ("rsa:2048",),
    "pss": ("rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"),
    "ed25519": ("ed25519",),
}


@final
class Pair:
    """A certificate and its key, in PEM files."""

    def __init__(self, cert: pathlib.Path, key: pathlib.Path) -> None:
        self.cert = str(cert)
        self.key = str(key)

    @property
    def credential(self) -> Credential:
        """For our engine."""
        return load_credential(self.cert, self.key, "test")


@final
class Pki:
    """A root, and what it signs, in a folder."""

    def __init__(self, folder: pathlib.Path, name: str = "sws tests") -> None:
        self.folder = folder
        self.openssl = peer("openssl")
        self._made: dict[str, Pair] = {}
        folder.mkdir(parents=True, exist_ok=True)
        root = self._make("root", "p256", f"/CN={name}", "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")
        self.ca = root.cert
        self._root = root

    def _make(self, name: str, kind: str, subject: str, *extensions: str, signer: Pair | None = None) -> Pair:
        pair = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        command = [self.openssl, "req", "-x509", "-new", "-nodes", "-batch", "-days", "30", "-subj", subject, "-newkey", *KINDS[kind]]
        if signer is not None:
            command += ["-CA", signer.cert, "-CAkey", signer.key]
        for extension in extensions:
            command += ["-addext", extension]
        subprocess.run([*command, "-keyout", pair.key, "-out", pair.cert], check=True, capture_output=True, timeout=30)
        return pair

    def _signed(self, name: str, kind: str, *extensions: str) -> Pair:
        pair = self._made.get(name)
        if pair is None:
            ends = ("basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", *extensions)
            pair = self._made[name] = self._make(name, kind, f"/CN={name}", *ends, signer=self._root)
        return pair

    def host(self, kind: str) -> Pair:
        """Of the server KIND.example, localhost and 127.0.0.1."""
        names = f"subjectAltName=DNS:{kind}.example,DNS:localhost,DNS:mtls.example,DNS:ask.example,IP:127.0.0.1"
        return self._signed(f"{kind}.example", kind, names, "extendedKeyUsage=serverAuth")

    def client(self, kind: str) -> Pair:
        """Of a client."""
        return self._signed(f"client-{kind}", kind, "extendedKeyUsage=clientAuth")

    def policy(self, purpose: str) -> ChainPolicy:
        """Believes what the root signed."""
        root = Certificate.from_pem(pathlib.Path(self.ca).read_bytes())
        return ChainPolicy(Roots([root]), purpose, time.time)
