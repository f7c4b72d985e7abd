# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One public-key infrastructure and one running server for all tests against live peers."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from tests.kit.server import ServerProcess, serving
from tests.kit.tls_pki import KINDS, Pki

EARLY_OCTETS = 16384


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """A root that all peers trust."""
    made = Pki(tmp_path_factory.mktemp("pki"))
    for kind in KINDS:
        made.host(kind)
        made.client(kind)
    return made


def write_site(folder: pathlib.Path, pki: Pki) -> None:
    """A configuration with a host for each kind of key, one that asks for a client's certificate and one that requires it."""
    (folder / "www").mkdir()
    (folder / "www" / "hello.txt").write_text("hello\n")
    (folder / "www" / "large.bin").write_bytes(bytes(range(256)) * 4096)
    (folder / "www" / "medium.bin").write_bytes(bytes(range(256)) * 256)
    lines = [
        "server:",
        "  facts: true",
        "  worker: {processes: 1}",
        "  root: ./www",
        f"  tls: {{cert: {pki.host('p256').cert}, key: {pki.host('p256').key}, early_data: {EARLY_OCTETS}, key_log: ./keys.log}}",
        "  hosts:",
    ]
    for kind in KINDS:
        pair = pki.host(kind)
        lines.append(f"    - {{names: [{kind}.example], tls: {{cert: {pair.cert}, key: {pair.key}}}}}")
    for name, auth in (("ask", "request"), ("mtls", "require")):
        lines.append(f"    - {{names: [{name}.example], tls: {{client_auth: {auth}, client_ca: {pki.ca}}}}}")
    (folder / "sws.yaml").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def https(tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> Iterator[ServerProcess]:
    """`sws start` on https."""
    folder = tmp_path_factory.mktemp("https")
    write_site(folder, pki)
    with serving(["--listen", "https://127.0.0.1:0"], folder) as server:
        server.folder = folder  # type: ignore[attr-defined]
        yield server
