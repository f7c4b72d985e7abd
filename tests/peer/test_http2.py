# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/2 with clients by other hands: curl, nghttp, h2load, httpx over h2, gRPC, Chromium."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
from collections.abc import Iterator

import pytest

from sws.exchange.exchange import Exchange
from tests.kit.chromium import browsing, console_errors
from tests.kit.h2_site import site
from tests.kit.peers import peer
from tests.kit.server import ServerProcess, serving

pytestmark = [pytest.mark.peer, pytest.mark.slow]

BIG = bytes(range(256)) * 20000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One worker; the first address is http, the second https."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "www" / "f").mkdir(parents=True)
    (folder / "www" / "index.html").write_text('<link rel="icon" href="data:,"><h1>start</h1>\n')
    (folder / "www" / "big.bin").write_bytes(BIG)
    for number in range(20):
        (folder / "www" / "f" / f"{number}.txt").write_text(f"{number}\n" * 50)
    (folder / "sws.yaml").write_text(
        "server: {listen: ['http://127.0.0.1:0', 'https://127.0.0.2:0'], tls: {self_signed: true}, facts: true, log: {access: false}, "
        "worker: {processes: 1}}\n"
    )
    with serving([], folder, count=2) as running:
        yield running


def curl(server: ServerProcess, which: int, *arguments: str) -> bytes:
    """One run of curl, over clear text (0) or TLS (1); the last argument is a path."""
    *options, path = arguments
    version = "--http2-prior-knowledge" if which == 0 else "--http2"
    command = [peer("curl"), "--silent", "--insecure", "--max-time", "20", version, *options, server.urls[which] + path]
    return subprocess.run(command, capture_output=True, check=False).stdout


@pytest.mark.parametrize("which", [0, 1], ids=["clear", "tls"])
def test_curl(server: ServerProcess, which: int, tmp_path: pathlib.Path) -> None:
    assert curl(server, which, "--write-out", "%{http_version} %{http_code}", "--output", "/dev/null", "/") == b"2 200"
    assert curl(server, which, "/big.bin") == BIG
    assert curl(server, which, "--range", "1000-1999", "/big.bin") == BIG[1000:2000]
    assert b"content-length: 5120000\r\n" in curl(server, which, "--head", "/big.bin")
    assert b'"protocol": "h2"' in curl(server, which, "/.well-known/sws").replace(b'":"', b'": "')
    body = tmp_path / "body"
    body.write_bytes(BIG)
    status = ("--write-out", "%{http_code}", "--output", "/dev/null")
    assert curl(server, which, "--data-binary", f"@{body}", *status, "/") == b"405"
    assert curl(server, which, "--header", "Expect: 100-continue", "--data-binary", f"@{body}", *status, "/") == b"405"
    if which == 1:  # curl 7.88 cannot share a connection of prior knowledge among parallel transfers, with nginx neither
        many = [part for number in range(19) for part in ("--output", "/dev/null", f"{server.urls[which]}/f/{number}.txt")]
        statuses = curl(server, which, "--parallel", "--write-out", "%{http_code} ", *many, "--output", "/dev/null", "/f/19.txt")
        assert statuses.split() == [b"200"] * 20


def test_the_same_port_speaks_http_1(server: ServerProcess) -> None:
    out = subprocess.run(
        [peer("curl"), "--silent", "--write-out", "%{http_version}", server.urls[0] + "/"], capture_output=True, check=True
    )
    assert out.stdout.endswith(b"</h1>\n1.1")
    assert server.get("/big.bin")[2] == BIG


@pytest.mark.parametrize("which", [0, 1], ids=["clear", "tls"])
def test_nghttp(server: ServerProcess, which: int) -> None:
    """With its own priorities, padding, and many streams at once."""
    urls = [f"{server.urls[which]}/f/{number}.txt" for number in range(20)]
    command = [peer("nghttp"), "--stat", "--null-out", "--padding=100", "--window-bits=10", *urls]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert len(re.findall(r" 200 +\d+ /f/", out)) == 20
    upload = [peer("nghttp"), "--data=" + __file__, "--verbose", "--null-out", server.urls[which] + "/"]
    assert ":status: 405" in subprocess.run(upload, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("which", [0, 1], ids=["clear", "tls"])
def test_h2load(server: ServerProcess, which: int) -> None:
    command = [peer("h2load"), "-n2000", "-c4", "-m32", *(f"{server.urls[which]}/f/{number}.txt" for number in range(20))]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "2000 succeeded, 0 failed" in out
    assert "2000 2xx" in out


@pytest.mark.parametrize("which", [0, 1], ids=["clear", "tls"])
def test_httpx(server: ServerProcess, which: int) -> None:
    httpx = pytest.importorskip("httpx", reason="peer missing: the httpx package")
    with httpx.Client(http1=False, http2=True, verify=False) as client:
        for path, content in (("/big.bin", BIG), ("/f/3.txt", b"3\n" * 50), ("/big.bin", BIG)):
            response = client.get(server.urls[which] + path)
            assert (response.http_version, response.status_code, response.content) == ("HTTP/2", 200, content)
        assert client.get(server.urls[which] + "/nope").status_code == 404
        assert client.post(server.urls[which] + "/", content=b"x" * 10).status_code == 405


def test_chromium(server: ServerProcess, tmp_path: pathlib.Path) -> None:
    with browsing(tmp_path, "--ignore-certificate-errors") as chrome:
        chrome.get(server.urls[1] + "/")
        assert "start" in chrome.page_source
        protocol = "return performance.getEntriesByType('navigation')[0].nextHopProtocol"
        assert chrome.execute_script(protocol) == "h2"
        fetched = "return Promise.all([...Array(20).keys()].map(n => fetch('/f/' + n + '.txt').then(r => r.text()))).then(t => t.join(''))"
        assert chrome.execute_script(fetched) == "".join(f"{number}\n" * 50 for number in range(20))
        assert console_errors(chrome) == []


# --- gRPC through a handler ---------------------------------------------------------------------------------------------


async def grpc_echo(exchange: Exchange) -> None:
    """Every message comes back as it is read; /fail ends with a status."""
    if exchange.path.endswith(b"/Fail"):
        exchange.start(200, ((b"content-type", b"application/grpc"),))
        await exchange.finish(((b"grpc-status", b"5"), (b"grpc-message", b"not here")))
        return
    exchange.start(200, ((b"content-type", b"application/grpc"),))
    while part := await exchange.read():
        await exchange.send(part)
    await exchange.finish(((b"grpc-status", b"0"),))


def test_grpc() -> None:
    grpc = pytest.importorskip("grpc", reason="peer missing: the grpcio package")
    with site(grpc_echo) as served, grpc.insecure_channel(f"127.0.0.1:{served.port}") as channel:
        unary = channel.unary_unary("/echo.Echo/Unary")
        assert unary(b"hello", timeout=10) == b"hello"
        assert unary(b"x" * 1_000_000, timeout=20) == b"x" * 1_000_000
        futures = [unary.future(b"%d" % number, timeout=10) for number in range(50)]
        assert [future.result() for future in futures] == [b"%d" % number for number in range(50)]
        stream = channel.stream_stream("/echo.Echo/Stream")
        messages = [os.urandom(1 + 777 * number) for number in range(40)]
        assert list(stream(iter(messages), timeout=20)) == messages
        with pytest.raises(grpc.RpcError) as failure:
            channel.unary_unary("/echo.Echo/Fail")(b"", timeout=10)
        assert (failure.value.code(), failure.value.details()) == (grpc.StatusCode.NOT_FOUND, "not here")
