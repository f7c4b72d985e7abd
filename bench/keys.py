# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What keeping private keys in guarded memory costs a handshake: `python -m bench.keys`

Signatures from guarded memory (`KeySigner`), from a key that lies ready in an object, and from PKCS #8 that is read for each signature,
in turns; beside them the server's share of a full TLS 1.3 handshake with X25519, with the key in an object.  CPU time, medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Final, final

from sws.crypto.keys import SigningKey, generate_private_key, load_private_key
from sws.crypto.x509 import Roots, issue, new_authority
from sws.net.tls_keys import ChainPolicy, KeySigner
from sws.proto.tls import ClientConfig, ClientConnection, Credential, ServerConfig, ServerConnection, TlsHost
from sws.proto.tls.constants import NamedGroup, SignatureScheme

_NOW: Final = 1_790_000_000.0
_ROUNDS: Final = 40
_MESSAGE: Final = bytes(130)


@final
class _Ready:
    """A signer as it would be without guarded memory."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        self.schemes = KeySigner(key).schemes

    def sign(self, scheme: int, message: bytes) -> bytes:
        """The signature of a message."""
        return self._key.sign(SignatureScheme(scheme).name.lower(), message)


def _cpu(function: Callable[[], object]) -> float:
    begin = time.process_time_ns()
    function()
    return (time.process_time_ns() - begin) / 1000


def _handshake(server: ServerConfig, client: ClientConfig) -> float:
    """Microseconds of the server, making the connection included."""
    begin = time.process_time_ns()
    ours = ServerConnection(server, 0.0)
    spent = time.process_time_ns() - begin
    theirs = ClientConnection(client, 0.0)
    while not (ours.complete and theirs.complete):
        data = b"".join(theirs.data_to_send(1 << 16))
        begin = time.process_time_ns()
        ours.receive(data, 0.0)
        answer = b"".join(ours.data_to_send(1 << 16))
        spent += time.process_time_ns() - begin
        theirs.receive(answer, 0.0)
    return spent / 1000


def measure(algorithm: str) -> str:
    """A line of the report."""
    private = generate_private_key(algorithm)
    der, key = private.to_der(), SigningKey(private)
    ready, held = _Ready(key), KeySigner(key)
    number, scheme = ready.schemes[0], key.schemes[0]
    issuer = SigningKey(generate_private_key("P-256"))
    root = new_authority(issuer, "bench", now=int(_NOW), days=60)
    leaf = issue(root, issuer, key.public, ["localhost"], now=int(_NOW), days=30)
    host = TlsHost((Credential((leaf.der,), ready),), (b"h2",), b"host")
    server = ServerConfig(lambda _facts: host, lambda: _NOW)
    client = ClientConfig(
        ChainPolicy(Roots([root]), "serverAuth", lambda: _NOW), lambda: _NOW, b"localhost", (b"h2",), groups=(NamedGroup.X25519,)
    )
    rows: tuple[list[float], ...] = ([], [], [], [])
    for _ in range(_ROUNDS):
        rows[0].append(_handshake(server, client))
        rows[1].append(_cpu(lambda: ready.sign(number, _MESSAGE)))
        rows[2].append(_cpu(lambda: held.sign(number, _MESSAGE)))
        rows[3].append(_cpu(lambda: SigningKey(load_private_key(der)).sign(scheme, _MESSAGE)))
    handshake, plain, guarded, read = (statistics.median(row) for row in rows)
    more = [100 * (value - plain) / handshake for value in (guarded, read)]
    return (
        f"{algorithm:8} handshake {handshake:6.0f} us; signature: ready {plain:6.0f}, {held.kind} {guarded:6.0f}, PKCS #8 {read:6.0f} us"
        f"   of a handshake: {more[0]:+.1f} %, {more[1]:+.1f} %"
    )


def main() -> None:
    """All algorithms."""
    for algorithm in ("P-256", "P-384", "Ed25519", "RSA"):
        print(measure(algorithm), flush=True)


if __name__ == "__main__":
    main()
