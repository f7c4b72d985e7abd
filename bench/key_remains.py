# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whether a server's memory shows its private key: `python -m bench.key_remains`  (Linux, as root or where ptrace of children is allowed)

Starts the server with a P-256 key, reads all memory of master and worker through /proc, and counts copies of the key in three forms: the
scalar's octets, the integer as CPython stores it, a piece of the PEM file's text; beside them a piece of the certificate, which must be
found, or the search sees nothing.  Then the same after some handshakes.
"""

from __future__ import annotations

import os
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from typing import Final

from bench.servers import HERE
from sws.crypto.keys import SigningKey, generate_private_key
from sws.crypto.weierstrass import EcPrivateKey
from sws.crypto.x509 import self_signed

_HANDSHAKES: Final = 50
_DIGIT: Final = 30
"""Bits of a digit of CPython's integers (`sys.int_info`)."""


def forms_of(folder: pathlib.Path) -> dict[str, bytes]:
    """Makes key and certificate; what is looked for."""
    private = generate_private_key("P-256")
    assert isinstance(private.key, EcPrivateKey)
    certificate = self_signed(SigningKey(private), ("localhost",), now=int(time.time()))
    (folder / "key.pem").write_text(private.to_pem())
    (folder / "cert.pem").write_text(certificate.to_pem())
    number = int.from_bytes(private.key.scalar, "big")
    digits = struct.pack("<8I", *(number >> _DIGIT * place & (1 << _DIGIT) - 1 for place in range(8)))
    text = private.to_pem().splitlines()[1].encode()
    return {"certificate": certificate.der[100:160], "scalar": private.key.scalar, "integer": digits, "text": text[40:64]}


def count(pid: int, forms: dict[str, bytes]) -> str:
    """How often each form stands in the memory of a process."""
    found = dict.fromkeys(forms, 0)
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            first, last = (int(part, 16) for part in place.split("-"))
            if "r" not in rights:
                continue
            try:
                memory.seek(first)
                octets = memory.read(last - first)
            except (OSError, OverflowError):  # secret memory, and pages of the kernel
                continue
            for form, pattern in forms.items():
                found[form] += octets.count(pattern)
    return ", ".join(f"{form} {times}" for form, times in found.items())


def children(pid: int) -> list[int]:
    """Processes that it has forked."""
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def handshakes(port: int) -> None:
    """Full ones, each with a request."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    for _ in range(_HANDSHAKES):
        with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain) as secure:
            secure.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            secure.recv(1)


def main() -> None:
    """Prints the counts."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        forms = forms_of(folder)
        command = [sys.executable, "-m", "sws", "start", "--root", name, "--cert", f"{name}/cert.pem", "--key", f"{name}/key.pem"]
        command += ["--listen", "https://127.0.0.1:0", "--workers", "1"]
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
        server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert server.stdout is not None
            port = re.search(r":(\d+)\s*$", server.stdout.readline())
            assert port is not None
            time.sleep(1)
            for when, wait in (("at rest", 0), (f"after {_HANDSHAKES} handshakes", 1)):
                if wait:
                    handshakes(int(port[1]))
                for who, pid in (("master", server.pid), *(("worker", child) for child in children(server.pid))):
                    print(f"{who} {when}: {count(pid, forms)}")
        finally:
            server.terminate()
            server.wait(20)


if __name__ == "__main__":
    main()
