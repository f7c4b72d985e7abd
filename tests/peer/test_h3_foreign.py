# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The running server and HTTP/3 stacks that our own tests never meet elsewhere, each by a package of Python's.

neqo       Mozilla's, in Rust; rex_tls with a profile of Firefox
rex        rex_tls's own over BoringSSL; a profile of Chrome.  It takes no DATA frame of more than 64 KiB, and sends no request
           that one packet does not hold
quic-go    in Go; httpcloak's fork, which has a dynamic QPACK table, and waits for lost instructions no longer than ten seconds
quiche     Cloudflare's, in Rust; soyokaze
quinn      in Rust, with hyper's h3; impit.  It sends no head that we said is too long, and gives up the request that finds GOAWAY
openssl    OpenSSL's own QUIC, with nghttp3, in a curl that was built so: SWS_CURL names it (CONTRIBUTING says where to find one).
           After a Retry it keeps the end of a long ClientHello to itself until something is acknowledged, and hardly ever gets an
           answer from ngtcp2's server either; after a time-out during the handshake its control streams never leave
java       the library of a JDK from 26 on, in Java, its QUIC and TLS too: SWS_JAVA names its `java`.  It sends no head that we said
           is too long; after a Retry it reads no Initial packet of another version than its first; and where an answer comes together
           with STOP_SENDING it often waits for ever (for quic-go's server and nginx's too)
"""

from __future__ import annotations

import asyncio
import atexit
import os
import pathlib
import subprocess
from abc import ABC, abstractmethod
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from shutil import rmtree
from signal import SIGHUP
from tempfile import mkdtemp
from threading import Lock, Thread
from typing import Any

import pytest

from tests.kit.server import ServerProcess, serving
from tests.kit.tls_pki import Pki
from tests.kit.udp_proxy import Faults, UdpProxy

pytestmark = [pytest.mark.peer, pytest.mark.slow]

SMALL, BIG = 3000, 500_000


@cache
def pki() -> Pki:
    """One authority for all."""
    folder = mkdtemp(prefix="sws-pki-")
    atexit.register(rmtree, folder)
    return Pki(pathlib.Path(folder))


def content(size: int) -> bytes:
    return (bytes(range(256)) * (size // 256 + 1))[:size]


@dataclass
class Answer:
    """What a client got; names of fields in lower case."""

    status: int
    content: bytes
    version: str
    fields: Mapping[str, str]


class Foreign(ABC):
    """A client of another's.  `ask` may be called from several threads; `close` ends its connections."""

    takes_long_requests = True
    takes_long_heads = True

    @abstractmethod
    def ask(self, method: str, url: str, fields: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """Ask and wait for the whole answer."""

    @abstractmethod
    def close(self) -> None:
        """End what is open."""


class Neqo(Foreign):
    profile = "firefox_156"

    def __init__(self) -> None:
        rex_tls = pytest.importorskip("rex_tls")
        self._session: Any = rex_tls.Session(profile=self.profile, http3="only", verify=False, timeout=20)

    def ask(self, method: str, url: str, fields: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        got = self._session.request(method, url, headers=dict(fields or {}), data=body, verify=False)
        return Answer(got.status_code, got.content, got.http_version, {name.lower(): value for name, value in got.headers.items()})

    def close(self) -> None:
        self._session.close()


class Rex(Neqo):
    profile = "chrome_152"
    takes_long_requests = False


class QuicGo(Foreign):
    _count = 0

    def __init__(self) -> None:
        httpcloak = pytest.importorskip("httpcloak")
        self._session: Any = httpcloak.Session(preset="chrome-latest", http_version="h3", verify=False, timeout=20)

    def ask(self, method: str, url: str, fields: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        self._count += 1  # or it would ask for what has changed since
        got = self._session.request(method, f"{url}?{self._count}", headers=dict(fields or {}), data=body)
        version = {"h3": "HTTP/3"}.get(got.protocol, got.protocol)
        return Answer(got.status_code, got.content, version, {name.lower(): values[0] for name, values in got.headers.items()})

    def close(self) -> None:
        self._session.close()


class Quiche(Foreign):
    """A connection for every request."""

    def __init__(self) -> None:
        self._module: Any = pytest.importorskip("soyokaze")
        self._root = pathlib.Path(pki().ca).read_text()

    def ask(self, method: str, url: str, fields: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        module = self._module

        async def fetch() -> Answer:
            client = module.Client(module.ClientConfig(versions=[module.Version.V3_0], roots=[self._root]))
            got = await client.fetch(module.Method[method], url, headers=list((fields or {}).items()) or None, body=body)
            names = {name.lower(): value for name, value in got.headers}
            return Answer(got.status_code, bytes(await got.body() or b""), f"HTTP/{got.version.major()}", names)

        return asyncio.run(fetch())

    def close(self) -> None:
        """Nothing is open between requests."""


class Quinn(Foreign):
    takes_long_heads = False

    def __init__(self) -> None:
        impit = pytest.importorskip("impit")
        self._client: Any = impit.Client(http3=True, verify=False, timeout=20)

    def ask(self, method: str, url: str, fields: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        got = self._client.request(method, url, headers=dict(fields or {}), content=body, force_http3=True)
        return Answer(got.status_code, got.content, got.http_version, {name.lower(): value for name, value in got.headers.items()})

    def close(self) -> None:
        """Its connections end with it."""
        del self._client


class OpenSsl(Foreign):
    """A connection for every request."""

    def ask(self, method: str, url: str, fields: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        command = [os.environ["SWS_CURL"], "-4", "--http3-only", "--cacert", str(pki().ca), "-sSi", "-m", "20", url]
        command += ["-I"] if method == "HEAD" else ["-X", method]
        for field in (fields or {}).items():
            command += ["-H", ": ".join(field)]
        if body is not None:
            command += ["--data-binary", "@-"]
        said = subprocess.run(command, input=body, capture_output=True, check=True).stdout
        head, _, rest = said.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        version, status = first.split()[:2]
        return Answer(int(status), rest, version, dict(line.lower().split(": ", 1) for line in lines))

    def close(self) -> None:
        """Nothing is open between requests."""


class Java(Foreign):
    """A process with one connection; see H3Client.java."""

    takes_long_heads = False
    _count = 0

    def __init__(self) -> None:
        source = pathlib.Path(__file__).parents[1] / "kit" / "H3Client.java"
        command = [os.environ["SWS_JAVA"], str(source), str(pki().ca)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self._lock = Lock()
        self._waiting: dict[str, Future[list[str]]] = {}
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            number, *parts = line.rstrip("\n").split("\t")
            self._waiting.pop(number).set_result(parts)

    def ask(self, method: str, url: str, fields: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        assert self._process.stdin is not None
        content = "-" if body is None else b64encode(body).decode()
        answer: Future[list[str]] = Future()
        with self._lock:
            self._count += 1
            self._waiting[str(self._count)] = answer
            self._process.stdin.write("\t".join([str(self._count), method, url, content, *map(": ".join, (fields or {}).items())]) + "\n")
        status, *rest = answer.result(30)
        assert status != "!", rest
        version, content, *lines = rest
        return Answer(int(status), b64decode(content), version.replace("_", "/"), dict(line.split(": ", 1) for line in lines))

    def close(self) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()


CLIENTS: dict[str, type[Foreign]] = {"neqo": Neqo, "rex": Rex, "quic-go": QuicGo, "quiche": Quiche, "quinn": Quinn}
if "SWS_CURL" in os.environ:
    CLIENTS["openssl"] = OpenSsl
if "SWS_JAVA" in os.environ:
    CLIENTS["java"] = Java


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Iterator[Foreign]:
    made = CLIENTS[request.param]()
    yield made
    made.close()


def start(folder: pathlib.Path, more: str = "") -> Any:
    """Two workers, so that datagrams may come to the wrong one."""
    (folder / "www").mkdir()
    (folder / "www" / "small").write_bytes(content(SMALL))
    (folder / "www" / "big").write_bytes(content(BIG))
    pair = pki().host("p256")
    (folder / "sws.yaml").write_text(
        f'server:\n  listen: ["https://127.0.0.1:0"]\n  root: ./www\n  tls: {{cert: {pair.cert}, key: {pair.key}, early_data: 16384}}\n'
        f"  worker: {{processes: 2}}\n  log: {{access: false, level: error}}\n{more}"
    )
    return serving((), folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with start(tmp_path_factory.mktemp("foreign")) as started:
        yield started
        assert started.stop() == 0
        assert started.err.count(b"\n") == 1, started.err  # "serving …": no complaint


@pytest.fixture(scope="module")
def careful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Sends a Retry to everybody."""
    with start(tmp_path_factory.mktemp("careful"), "  http3: {retry: always}\n") as started:
        yield started


def test_what_a_file_is_asked_for(server: ServerProcess, client: Foreign) -> None:
    url = f"https://localhost:{server.port}/small"
    whole = client.ask("GET", url)
    assert (whole.status, whole.content, whole.version) == (200, content(SMALL), "HTTP/3")
    empty = client.ask("HEAD", url)
    assert (empty.status, empty.content) == (200, b"")
    part = client.ask("GET", url, {"range": "bytes=10-99"})
    assert (part.status, part.content) == (206, content(SMALL)[10:100])
    assert client.ask("GET", url, {"if-none-match": whole.fields["etag"]}).status == 304
    assert client.ask("GET", f"https://localhost:{server.port}/none").status == 404
    assert client.ask("POST", url, body=b"x" * (5000 if client.takes_long_requests else 500)).status == 405
    if client.takes_long_requests:
        assert client.ask("POST", url, body=bytes(2_000_000)).status == 405
    if client.takes_long_requests and client.takes_long_heads:
        assert client.ask("GET", url, {"x-long": "a" * 60000}).status == 431
    assert client.ask("GET", url).content == content(SMALL)


@pytest.mark.parametrize("client", [name for name in CLIENTS if name != "openssl"], indirect=True)
def test_a_hundred_requests_at_once(server: ServerProcess, client: Foreign) -> None:
    url = f"https://localhost:{server.port}/small"
    client.ask("GET", url)
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: client.ask("GET", url), range(100)))
    assert [(answer.status, answer.content == content(SMALL)) for answer in answers] == [(200, True)] * 100


def test_one_connection_after_another(server: ServerProcess, client: Foreign) -> None:
    """With the tickets and tokens of those before, where the stack keeps them."""
    for _ in range(10):
        again = type(client)()
        assert again.ask("GET", f"https://localhost:{server.port}/small").content == content(SMALL)
        again.close()


@pytest.mark.parametrize("client", [name for name in CLIENTS if name != "openssl"], indirect=True)
def test_after_a_retry(careful: ServerProcess, client: Foreign) -> None:
    assert client.ask("GET", f"https://localhost:{careful.port}/big").content == content(BIG)


NETWORKS = {
    "loss": Faults(loss=0.03, delay=0.005),
    "disorder": Faults(jitter=0.003, delay=0.003),
    "small-mtu": Faults(largest=1300, delay=0.005),
    "rebinding": Faults(rebind=0.05, delay=0.01),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_over_a_bad_network(server: ServerProcess, client: Foreign, network: str) -> None:
    with UdpProxy(server.port, NETWORKS[network]) as proxy:
        assert client.ask("GET", f"https://localhost:{proxy.port}/big").content == content(BIG)
        assert client.ask("GET", f"https://localhost:{proxy.port}/small").content == content(SMALL)


@pytest.mark.parametrize("client", [name for name in CLIENTS if name not in ("rex", "quinn")], indirect=True)
def test_reload_and_stop_in_the_middle(tmp_path: pathlib.Path, client: Foreign) -> None:
    """GOAWAY twice: the rest of what was begun comes, over a slow way, and the server ends in peace."""
    with start(tmp_path) as started, UdpProxy(started.port, Faults(delay=0.05)) as proxy, ThreadPoolExecutor(1) as threads:
        url = f"https://localhost:{proxy.port}"
        asked = threads.submit(client.ask, "GET", url + "/big")
        proxy.wait_until_passed(40)
        started.signal(SIGHUP)
        assert asked.result().content == content(BIG)
        assert client.ask("GET", url + "/small").content == content(SMALL)
        before = proxy.passed
        asked = threads.submit(client.ask, "GET", url + "/big")
        proxy.wait_until_passed(before + 40)
        assert started.stop() == 0
        assert asked.result().content == content(BIG)
