# SPDX-License-Identifier: Apache-2.0 OR MIT
"""No request target opens a file outside the root.  RFC 9110 §17.3 ("Attacks Based on File and Path Names").

Targets of `tests.kit.traps` go through the whole stack: a connection, the engine, the handler.  The oracle is `tests.kit.opened`, which
asks the kernel what was opened, and the octets that came back.  Planted faults show that the oracle sees them.  One run has a server of
its own under strace, where nothing of this process can be in the way.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, final
from urllib.parse import unquote

import pytest

from sws.handlers import static
from sws.handlers.hotfiles import HotStore
from sws.handlers.static import StaticFiles, StaticOptions
from sws.os import files
from sws.os.files import LinkPolicy, Root
from sws.proto.http.target import PathSegments
from tests.kit.driver import Client, Rig
from tests.kit.opened import Recorder, has_proc
from tests.kit.server import ServerProcess, coverage_file
from tests.kit.traps import CANARY, TargetGrammar, make_trapped_tree

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="file names and links of POSIX"),
    pytest.mark.skipif(not has_proc(), reason="the oracle asks /proc what was opened"),
]

EVERYTHING: dict[str, Any] = {
    "listing": True,
    "index": (),
    "max_age": 60,
    "suffixes": (".html",),
    "fallback": "/out",
    "precompressed": ("gzip",),
}
SITES: dict[str, tuple[LinkPolicy, dict[str, Any]]] = {
    "inside": (LinkPolicy.INSIDE, {"listing": True, "suffixes": (".html",), "precompressed": ("gzip",)}),
    "none": (LinkPolicy.NONE, {"fallback": "/a/f"}),
    "everything": (LinkPolicy.INSIDE, EVERYTHING),
}
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n")


@final
class Asker:
    """Sends targets one after the other over connections that last while they may."""

    def __init__(self, root: str, links: LinkPolicy, options: dict[str, Any]) -> None:
        self.root = Root(root, links)
        self.rig = Rig(StaticFiles(self.root, StaticOptions(**options), HotStore(1 << 20)))
        self.client: Client | None = None

    def ask(self, target: bytes, fields: bytes = b"") -> bytes:
        """The whole response."""
        client = self.client
        if client is None or client.eof:
            if client is not None:
                self.rig.clients.remove(client)
                client.close()
            client = self.client = self.rig.connect()
        client.received.clear()
        client.send(b"GET %b HTTP/1.1\r\nHost: a.example\r\n%b\r\n" % (target, fields))
        for _ in range(2000):
            self.rig.loop.turn(0)
            client.pump()
            if client.eof or _is_complete(client.received):
                return bytes(client.received)
        raise AssertionError(f"no answer to {target!r}")

    def close(self) -> None:
        self.rig.close()
        self.root.close()


def _is_complete(data: bytes | bytearray) -> bool:
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    found = _LENGTH.search(data, 0, end + 2)
    return found is None or len(data) >= end + 4 + int(found.group(1))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return make_trapped_tree(tmp_path_factory.mktemp("trapped"))


def attack(root: pathlib.Path, site: str, seed: int, count: int) -> tuple[list[str], dict[bytes, int]]:
    """Send so many targets.  Returns: the faults found, and how many responses each status had."""
    links, options = SITES[site]
    asker = Asker(str(root), links, options)
    grammar = TargetGrammar(seed)
    faults: list[str] = []
    statuses: dict[bytes, int] = {}
    try:
        asker.ask(b"/f", b"Accept-Encoding: gzip\r\n")
        with Recorder(str(root)) as recorder:
            for number in range(count):
                target = grammar.target()
                response = asker.ask(target, b"Accept-Encoding: gzip\r\n" if number % 2 else b"")
                statuses[response[9:12]] = statuses.get(response[9:12], 0) + 1
                if recorder.outside:
                    faults.append(f"{target!r} opened {recorder.outside}")
                    recorder.outside.clear()
                if CANARY in response:
                    faults.append(f"{target!r} got a canary")
                if b"\r\nlocation: " in response and re.search(rb"\r\nlocation: (?!/(?![/\\]))", response):
                    faults.append(f"{target!r} was sent elsewhere")
            assert recorder.inside > count // 20, "an oracle that sees nothing opened proves nothing"
    finally:
        asker.close()
    return faults, statuses


@pytest.mark.parametrize("site", SITES)
def test_no_target_opens_a_file_outside_the_root(tree: pathlib.Path, site: str) -> None:
    faults, statuses = attack(tree, site, 1, 5000)
    assert faults == []
    assert set(statuses) <= {b"200", b"308", b"400", b"403", b"404"}
    assert all(statuses[status] > 20 for status in (b"200", b"308", b"400")), statuses  # the grammar is no one-sided one


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("site", SITES)
def test_a_hundred_thousand_hostile_targets(tree: pathlib.Path, site: str) -> None:
    faults, statuses = attack(tree, site, 2, 100_000)
    assert faults == []
    assert set(statuses) <= {b"200", b"308", b"400", b"403", b"404"}


def test_where_directories_have_no_descriptors(tree: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of Windows, on the names and links of this system."""
    monkeypatch.setattr(files, "_HAS_DIR_FD", False)
    faults, _ = attack(tree, "inside", 3, 3000)
    assert faults == []


# --- the oracle sees faults ------------------------------------------------------------------------------------------


def test_the_oracle_sees_links_that_are_followed(tree: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SITES, "inside", (LinkPolicy.FOLLOW, SITES["inside"][1]))
    faults, _ = attack(tree, "inside", 1, 300)
    assert any("opened" in fault for fault in faults)
    assert any("canary" in fault for fault in faults)


def test_the_oracle_sees_a_path_that_is_decoded_twice(tree: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(path: bytes) -> PathSegments:
        parts = unquote(unquote(path.decode("latin-1"))).replace("\0", "").split("/")[1:]
        return PathSegments(tuple(part for part in parts if part not in ("", ".")), parts[-1] == "")

    def open_by_name(root: Root, segments: tuple[str, ...]) -> tuple[int, os.stat_result]:
        fd = os.open(os.path.join(root.path, *segments), os.O_RDONLY | os.O_NONBLOCK)
        return fd, os.fstat(fd)

    monkeypatch.setattr(static, "path_segments", careless)
    monkeypatch.setattr(Root, "open", open_by_name)
    monkeypatch.setattr(StaticFiles, "_is_servable", lambda *_: True)
    faults, _ = attack(tree, "inside", 1, 600)
    twice = [fault for fault in faults if "%25" in fault]
    assert twice
    assert any("opened" in fault for fault in twice)


def test_the_oracle_sees_what_goes_past_it(tmp_path: pathlib.Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "x").write_text("x")
    (inside / "link").symlink_to("../x")
    with Recorder(str(inside)) as recorder:
        os.close(os.open(inside, os.O_RDONLY))
        assert (recorder.outside, recorder.inside) == ([], 1)
        os.close(os.open(inside / "link", os.O_RDONLY))
        assert recorder.outside == [str(tmp_path / "x")]
        (tmp_path / "x").read_text()
        assert recorder.outside[1:] == [f"unseen {str(tmp_path / 'x')!r}"]


# --- a real server, seen by the kernel's tracer ----------------------------------------------------------------------

_CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+|\?)(?:<(.*)>)?")
_WAY = re.compile(r'(?:(\d+|AT_FDCWD)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')


def touched(log: str) -> Iterator[tuple[str, str]]:
    """(call, absolute name) of every file that a traced process succeeded to open or look at."""
    for line in log.splitlines():
        found = _CALL.match(line)
        if found is None or found.group(3).startswith("-"):
            continue
        call, arguments, _, opened = found.groups()
        if opened is not None:
            yield call, opened
            continue
        way = _WAY.match(arguments)
        if way is not None:
            yield call, os.path.normpath(os.path.join(way.group(2) or "/", way.group(3)))


def _can_trace() -> bool:
    strace = shutil.which("strace")
    return strace is not None and subprocess.run([strace, "-o", os.devnull, "true"], capture_output=True).returncode == 0


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.skipif(not _can_trace(), reason="needs strace, and leave to trace")
def test_the_kernel_s_tracer_agrees(tmp_path: pathlib.Path) -> None:
    root = make_trapped_tree(tmp_path)
    (root / "index.html").write_bytes(b"first")
    log = tmp_path / "strace.log"
    command = ["strace", "-D", "-f", "-y", "-e", "trace=file", "-o", str(log)]  # -D: our child is the server, and gets our signals
    arguments = ["--root", str(root), "--listen", "http://127.0.0.1:0", "--workers", "1", "--no-access-log"]
    server = ServerProcess(arguments, tmp_path, before=command)
    try:
        server.wait_until_listening()
        assert server.get("/")[0] == 200
        start = log.stat().st_size
        grammar = TargetGrammar(4)
        for _ in range(150):
            answer = _ask_once(server.port, grammar.target())
            assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 3", b"HTTP/1.1 4"))
            assert CANARY not in answer
    finally:
        server.stop()
    seen = list(touched(log.read_text(errors="replace")[start:]))
    assert sum(name.startswith(f"{root}/") for _, name in seen) > 50
    own = (
        str(root),
        sys.prefix,
        sys.base_prefix,
        os.fspath(pathlib.Path(static.__file__).parents[2]),
        "/proc/meminfo",
        "/dev/null",
        coverage_file(),
    )
    above = {
        os.fspath(parent) for path in (*own[1:4], coverage_file()) for parent in pathlib.Path(path).parents
    }  # which a coverage tool looks at on its way
    strange = [(call, name) for call, name in seen if not name.startswith(own) and not (call != "openat" and name in above)]
    assert strange == []
    assert [name for _, name in seen if name.startswith(f"{root}-other")] == []


def _ask_once(port: int, target: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET %b HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n" % target)
        data = b""
        while part := client.recv(65536):
            data += part
    return data


def test_what_the_tracer_says_is_understood() -> None:
    log = (
        '12 openat(5</srv/www>, "out", O_RDONLY|O_NOFOLLOW|O_CLOEXEC) = -1 ELOOP (Too many levels of symbolic links)\n'
        '12 openat(5</srv/www>, "up", O_RDONLY) = 7</srv>\n'
        '12 newfstatat(5</srv/www>, "../secret", {st_mode=S_IFREG|0644, st_size=9, ...}, 0) = 0\n'
        '12 readlink("/proc/self/exe", "/usr/bin/x", 4095) = 10\n'
        "12 +++ exited with 0 +++\n"
    )
    assert list(touched(log)) == [("openat", "/srv"), ("newfstatat", "/srv/secret"), ("readlink", "/proc/self/exe")]
