# SPDX-License-Identifier: Apache-2.0 OR MIT
"""OCSP responses fetched in the background and stapled: good, revoked, old, none, nonsense."""

from __future__ import annotations

import http.server
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from sws.crypto.keys import SigningKey, generate_private_key
from sws.crypto.x509 import Certificate, encode, issue, new_authority
from sws.crypto.x509.ocsp_build import Answer, build_failure, build_response
from sws.crypto.x509.ocsp_messages import CertId, CertStatus, ResponseStatus
from sws.proto.tls import Credential
from sws.server.stapling import Stapler, can_staple
from tests.kit.driver import Rig
from tests.kit.server import serving
from tests.kit.tls_client import Anyone, SecureSocket


class Responder:
    """A CA with an OCSP responder over HTTP."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.answer: Callable[[], tuple[int, bytes]] = lambda: (200, self.good())
        responder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                responder.asked.append(self.rfile.read(int(self.headers["content-length"])))
                assert self.headers["content-type"] == "application/ocsp-request"
                status, content = responder.answer()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/ocsp"
        self.key = SigningKey(generate_private_key("P-256"))
        self.root = new_authority(self.key, "CA", now=int(time.time()))
        self.leaf_key = generate_private_key("P-256")
        self.leaf = self.issue([self.url])

    def issue(self, urls: Sequence[str]) -> Certificate:
        """A certificate that names responders."""
        further = [encode.authority_info_access(urls)] if urls else []
        public = SigningKey(self.leaf_key).public
        return issue(self.root, self.key, public, ["localhost"], now=int(time.time()), further=further)

    def good(self, status: CertStatus = CertStatus.GOOD, at: float | None = None, lasts: int = 3600) -> bytes:
        """An answer."""
        now = int(time.time() if at is None else at)
        revoked = now - 10 if status is CertStatus.REVOKED else None
        answer = Answer(CertId.of(self.leaf, self.root, "sha1"), status, now, now + lasts, revoked)
        return build_response([answer], self.key, self.root, now=now)

    def close(self) -> None:
        """End it."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def responder() -> Iterator[Responder]:
    running = Responder()
    yield running
    running.close()


class Log:
    """A logger that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def warn(self, _module: str, text: str, facts: dict[str, Any]) -> None:
        self.lines.append(("warn", text, facts))

    def error(self, _module: str, text: str, facts: dict[str, Any]) -> None:
        self.lines.append(("error", text, facts))


class Bench:
    """A stapler on a rig's loop."""

    def __init__(self, responder: Responder, rig: Rig) -> None:
        from sws.net.hosts_file import HostsFile
        from sws.net.pool import ClientPool
        from sws.net.resolv_conf import ResolverConfig
        from sws.net.resolver import Resolver

        self.rig = rig
        self.log = Log()
        self.results: list[str] = []
        pool = ClientPool(rig.loop, Resolver(rig.loop, ResolverConfig(), hosts=HostsFile("/nonexistent")))
        self.stapler = Stapler(rig.loop, pool, self.log, self.results.append)  # type: ignore[arg-type]
        signer: Any = None
        self.credential = Credential((responder.leaf.der, responder.root.der), signer)
        rig.clock.advance(time.time() - rig.clock.wall())
        self.stapler.add(self.credential)

    def until(self, count: int) -> str:
        """The last of so many results."""
        self.rig.until(lambda: len(self.results) >= count)
        return self.results[-1]


async def _nothing(_exchange: object) -> None:
    """No requests come."""


def test_a_good_answer_is_stapled_renewed_at_half_its_time_and_dropped_when_it_is_old(responder: Responder) -> None:
    with Rig(_nothing) as rig:
        bench = Bench(responder, rig)
        assert bench.until(1) == "good"
        first = bench.credential.ocsp
        assert first is not None
        rig.later(1700)
        assert bench.results == ["good"]
        responder.answer = lambda: (200, responder.good(at=rig.clock.wall()))
        rig.later(200)
        assert bench.until(2) == "good"
        assert bench.credential.ocsp != first
        responder.answer = lambda: (500, b"")
        for _ in range(80):
            rig.later(60)
        rig.until(lambda: bench.credential.ocsp is None)
        assert bench.results.count("failed") >= 3


def test_a_revoked_certificate_is_reported_and_nothing_stapled(responder: Responder) -> None:
    responder.answer = lambda: (200, responder.good(CertStatus.REVOKED))
    with Rig(_nothing) as rig:
        bench = Bench(responder, rig)
        assert bench.until(1) == "revoked"
        assert bench.credential.ocsp is None
        assert bench.log.lines[0][:2] == ("error", "the certificate is revoked")
        responder.answer = lambda: (200, responder.good(at=rig.clock.wall()))
        rig.later(3601)
        assert bench.until(2) == "good"
        assert bench.credential.ocsp is not None


@pytest.mark.parametrize("kind", ["status", "nonsense", "failure", "old", "stranger", "too large"])
def test_answers_that_are_not_believed(responder: Responder, kind: str) -> None:
    stranger = Responder()
    answers: dict[str, Callable[[], tuple[int, bytes]]] = {
        "status": lambda: (404, b""),
        "nonsense": lambda: (200, b"nonsense"),
        "failure": lambda: (200, build_failure(ResponseStatus.TRY_LATER)),
        "old": lambda: (200, responder.good(at=time.time() - 86400)),
        "stranger": lambda: (200, stranger.good()),
        "too large": lambda: (200, bytes(1 << 17)),
    }
    responder.answer = answers[kind]
    with Rig(_nothing) as rig:
        bench = Bench(responder, rig)
        assert bench.until(1) == "failed"
        assert bench.credential.ocsp is None
        assert bench.log.lines[0][:2] == ("warn", "no OCSP response")
        rig.later(59)
        assert len(responder.asked) == 1
        responder.answer = lambda: (200, responder.good(at=rig.clock.wall()))
        rig.later(2)
        assert bench.until(2) == "good"
    stranger.close()


def test_no_responder_at_all(responder: Responder) -> None:
    with Rig(_nothing) as rig:
        bench = Bench(responder, rig)
        responder.close()
        assert bench.until(1) == "failed"
        assert bench.log.lines[0][2]["again_in"] == 60


def test_what_can_be_stapled(responder: Responder) -> None:
    signer: Any = None
    leaf, root = responder.leaf.der, responder.root.der
    assert can_staple(Credential((leaf, root), signer))
    assert not can_staple(Credential((leaf,), signer))
    assert not can_staple(Credential((responder.issue([]).der, root), signer))
    assert not can_staple(Credential((responder.issue(["https://ocsp.example/"]).der, root), signer))
    assert not can_staple(Credential((b"nonsense", root), signer))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers need fork")
def test_the_running_server_staples(responder: Responder, tmp_path: pathlib.Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "chain.pem").write_text(responder.leaf.to_pem() + responder.root.to_pem())
    (tmp_path / "key.pem").write_text(responder.leaf_key.to_pem())
    arguments = ["--listen", "https://127.0.0.1:0", "--cert", "chain.pem", "--key", "key.pem", "--root", "www", "--workers", "1"]
    seen: list[bytes | None] = []

    class Watching(Anyone):
        def check(self, chain: Sequence[bytes], ocsp: bytes | None, name: bytes | None) -> Any:
            seen.append(ocsp)
            return super().check(chain, ocsp, name)

    with serving(arguments, tmp_path) as server:
        end = time.monotonic() + 10
        while not seen or seen[-1] is None:
            assert time.monotonic() < end
            with SecureSocket(server.port, policy=Watching()) as peer:
                peer.connect()
            time.sleep(0.05)
    assert seen[-1] is not None
