# SPDX-License-Identifier: Apache-2.0 OR MIT
"""curl against the running server."""

from __future__ import annotations

import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from tests.kit.peers import peer
from tests.kit.server import ServerProcess, serving

pytestmark = [pytest.mark.peer, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "www" / "sub dir").mkdir(parents=True)
    (folder / "www" / "index.html").write_text("<h1>start</h1>\n")
    (folder / "www" / "sub dir" / "ü.txt").write_text("deep\n")
    (folder / "www" / "big.bin").write_bytes(bytes(range(256)) * 20000)
    (folder / "secret.txt").write_text("secret\n")
    (folder / "sws.yaml").write_text("server: {listen: ['http://127.0.0.1:0'], static: {listing: true}, worker: {processes: 2}}\n")
    with serving([], folder) as running:
        yield running


def curl(server: ServerProcess, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """One run of curl; the last argument is a path."""
    *options, path = arguments
    program = peer("curl")
    return subprocess.run([program, "--silent", "--max-time", "10", *options, server.urls[0] + path], capture_output=True, check=False)


def test_get_and_head(server: ServerProcess) -> None:
    assert curl(server, "/").stdout == b"<h1>start</h1>\n"
    head = curl(server, "--head", "/").stdout
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-length: 15\r\n" in head


def test_a_large_file_whole_and_in_parts(server: ServerProcess, tmp_path: pathlib.Path) -> None:
    whole = bytes(range(256)) * 20000
    assert curl(server, "/big.bin").stdout == whole
    assert curl(server, "--range", "1000-1999", "/big.bin").stdout == whole[1000:2000]
    assert curl(server, "--range", "-10", "/big.bin").stdout == whole[-10:]
    part = tmp_path / "part"
    part.write_bytes(whole[:70000])
    assert curl(server, "--continue-at", "-", "--output", str(part), "/big.bin").returncode == 0
    assert part.read_bytes() == whole


def test_conditions(server: ServerProcess, tmp_path: pathlib.Path) -> None:
    etag = tmp_path / "etag"
    saved = tmp_path / "saved"
    curl(server, "--etag-save", str(etag), "--output", str(saved), "/big.bin")
    again = curl(server, "--etag-compare", str(etag), "--write-out", "%{http_code}", "--output", str(tmp_path / "x"), "/big.bin")
    assert again.stdout == b"304"
    dated = curl(server, "--time-cond", str(saved), "--write-out", "%{http_code}", "--output", str(tmp_path / "x"), "/big.bin")
    assert dated.stdout in (b"304", b"200")


def test_one_connection_serves_many(server: ServerProcess) -> None:
    urls = [server.urls[0] + path for path in ("/", "/big.bin", "/nope", "/")]
    out = subprocess.run(
        [peer("curl"), "--silent", "--write-out", "%{num_connects} ", *[part for url in urls for part in ("--output", "/dev/null", url)]],
        capture_output=True,
        check=True,
    ).stdout
    assert out.split() == [b"1", b"0", b"0", b"0"]


def test_expect_continue_is_answered_without_it(server: ServerProcess, tmp_path: pathlib.Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(bytes(2_000_000))
    done = curl(
        server,
        "--header",
        "Expect: 100-continue",
        "--data-binary",
        f"@{body}",
        "--write-out",
        "%{http_code} %{size_upload}",
        "--output",
        "/dev/null",
        "/",
    )
    assert done.stdout == b"405 0"


def test_a_large_upload_that_nobody_wants_still_reads_its_answer(server: ServerProcess, tmp_path: pathlib.Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(bytes(900_000))
    done = curl(server, "--header", "Expect:", "--data-binary", f"@{body}", "--write-out", "%{http_code}", "--output", "/dev/null", "/")
    assert done.stdout == b"405"


def test_chunked_upload(server: ServerProcess) -> None:
    done = curl(
        server, "--header", "Transfer-Encoding: chunked", "--data", "x" * 1000, "--write-out", "%{http_code}", "--output", "/dev/null", "/"
    )
    assert done.stdout == b"405"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/%252e%252e/secret.txt",
        "/..\\secret.txt",
        "/%c0%ae%c0%ae/secret.txt",
        "/sub%20dir/../../secret.txt",
    ],
)
def test_nothing_outside_the_root(server: ServerProcess, path: str) -> None:
    done = curl(server, "--path-as-is", "--write-out", "%{http_code}", path)
    assert b"secret\n" not in done.stdout
    assert done.stdout[-3:] in (b"400", b"404")


def test_http_1_0(server: ServerProcess) -> None:
    done = curl(server, "--http1.0", "--include", "/")
    assert b"connection: close" in done.stdout
    assert done.stdout.endswith(b"<h1>start</h1>\n")


def test_options_and_unknown_methods(server: ServerProcess) -> None:
    assert b"allow: GET, HEAD, OPTIONS" in curl(server, "--include", "--request", "OPTIONS", "/").stdout
    assert curl(server, "--include", "--request", "BREW", "/").stdout.startswith(b"HTTP/1.1 501 ")
    assert curl(server, "--include", "--request", "DELETE", "/").stdout.startswith(b"HTTP/1.1 405 ")
    assert curl(server, "--request", "OPTIONS", "--request-target", "*", "--include", "/").stdout.startswith(b"HTTP/1.1 204")


def test_listing_and_redirect(server: ServerProcess) -> None:
    assert curl(server, "--include", "/sub%20dir").stdout.startswith(b"HTTP/1.1 308 ")
    page = curl(server, "--location", "/sub%20dir").stdout
    assert b"%C3%BC.txt" in page
    assert curl(server, "/sub%20dir/%C3%BC.txt").stdout == b"deep\n"


def test_unix_socket(tmp_path: pathlib.Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "index.html").write_text("unix\n")
    path = tmp_path / "s"
    with serving(["--listen", f"unix:{path}"], tmp_path):
        done = subprocess.run([peer("curl"), "--silent", "--unix-socket", str(path), "http://localhost/"], capture_output=True, check=True)
        assert done.stdout == b"unix\n"
