# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files below a root: what is found, what is refused, that nothing outside is ever opened, and how spans leave."""

from __future__ import annotations

import errno
import os
import pathlib
import socket
import stat
import sys
import threading
from collections.abc import Iterator

import pytest

from sws.base.engine import FileSpan
from sws.os import files
from sws.os.files import LinkPolicy, Root, read_at, send_span

pytestmark = pytest.mark.skipif(os.name != "posix", reason="symbolic links, FIFOs and descriptors of directories")
PRIVILEGED = os.geteuid() == 0


def descriptors() -> list[str]:
    return os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []


@pytest.fixture(autouse=True)
def no_descriptor_leaks() -> Iterator[None]:
    before = len(descriptors())
    yield
    assert len(descriptors()) == before


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> pathlib.Path:
    """outside/secret and www/ with a bit of everything in it."""
    www = tmp_path / "www"
    (www / "a" / "b").mkdir(parents=True)
    (www / "a" / "b" / "deep.txt").write_text("deep")
    (www / "a" / "mid.txt").write_text("mid")
    (www / "top.txt").write_text("top")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    links = {
        "to-top": "top.txt",
        "to-deep": "a/b/deep.txt",
        "to-dir": "a/b",
        "here": ".",
        "slashes": ".//a///mid.txt",
        "chain": "chain2",
        "chain2": "to-deep",
        "loop": "loop2",
        "loop2": "loop",
        "self": "self",
        "absolute": str(www / "top.txt"),
        "escape": "../outside/secret",
        "escape-dir": "../outside",
        "up-and-back": "../www/top.txt",
        "dangling": "nothing",
        "a/up": "..",
        "a/up-file": "../top.txt",
        "a/b/up-up": "../..",
        "a/b/too-far": "../../../outside/secret",
        "a/b/parent": "..",
    }
    for name, target in links.items():
        (www / name).symlink_to(target)
    return tmp_path


def content(root: Root, path: str) -> str:
    fd, status = root.open(path.split("/"))
    with os.fdopen(fd) as file:
        assert stat.S_ISREG(status.st_mode)
        return file.read()


@pytest.fixture(params=["descriptors", "names"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """By descriptors of directories, and as where there are none."""
    if request.param == "names":
        monkeypatch.setattr(files, "_HAS_DIR_FD", False)
    return str(request.param)


FOUND = {
    "top.txt": "top",
    "a/mid.txt": "mid",
    "a/b/deep.txt": "deep",
    "to-top": "top",
    "to-deep": "deep",
    "to-dir/deep.txt": "deep",
    "here/here/top.txt": "top",
    "slashes": "mid",
    "chain": "deep",
    "a/up/top.txt": "top",
    "a/up-file": "top",
    "a/b/up-up/a/up/to-dir/up-up/top.txt": "top",
}


@pytest.mark.parametrize("path", FOUND)
def test_found_inside(tree: pathlib.Path, way: str, path: str) -> None:
    root = Root(str(tree / "www"))
    assert content(root, path) == FOUND[path]
    root.close()
    root.close()


@pytest.mark.parametrize("path", ["absolute", "escape", "escape-dir", "escape-dir/secret", "up-and-back", "a/b/too-far"])
def test_links_that_lead_outside_are_refused(tree: pathlib.Path, path: str) -> None:
    root = Root(str(tree / "www"))
    with pytest.raises(PermissionError) as caught:
        root.open(path.split("/"))
    assert caught.value.filename is None  # nothing of the file system is told
    root.close()


@pytest.mark.parametrize("path", ["escape", "escape-dir", "escape-dir/secret", "a/b/too-far"])
def test_links_that_lead_outside_are_refused_by_name(tree: pathlib.Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_HAS_DIR_FD", False)
    root = Root(str(tree / "www"))
    with pytest.raises(PermissionError):
        root.open(path.split("/"))
    (tree / "www-too").mkdir()  # a sibling whose name begins as the root's
    (tree / "www-too" / "x").write_text("x")
    (tree / "www" / "sibling").symlink_to("../www-too/x")
    with pytest.raises(PermissionError):
        root.open(["sibling"])


@pytest.mark.parametrize("path", ["loop", "self", "loop/x"])
def test_loops_end(tree: pathlib.Path, way: str, path: str) -> None:
    root = Root(str(tree / "www"))
    with pytest.raises(OSError) as caught:
        root.open(path.split("/"))
    assert caught.value.errno in (errno.EACCES, errno.ELOOP)
    root.close()


def test_a_chain_longer_than_the_bound(tree: pathlib.Path) -> None:
    www = tree / "www"
    for number in range(30):
        (www / f"l{number}").symlink_to(f"l{number + 1}" if number < 29 else "top.txt")
    root = Root(str(www))
    assert content(root, "l14") == "top"
    assert content(root, f"l{30 - files._LINKS_MAXIMUM}") == "top"
    with pytest.raises(PermissionError):
        root.open([f"l{29 - files._LINKS_MAXIMUM}"])
    root.close()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("nothing", FileNotFoundError),
        ("a/nothing", FileNotFoundError),
        ("nothing/x", FileNotFoundError),
        ("dangling", FileNotFoundError),
        ("top.txt/x", NotADirectoryError),
        ("to-top/x", NotADirectoryError),
        ("x" * 300, OSError),
    ],
)
def test_what_is_missing(tree: pathlib.Path, way: str, path: str, kind: type[OSError]) -> None:
    root = Root(str(tree / "www"))
    with pytest.raises(kind):
        root.open(path.split("/"))
    root.close()


@pytest.mark.parametrize("path", ["", "a", "a/b", "to-dir", "here", "a/up", "a/b/up-up"])
def test_directories_are_found(tree: pathlib.Path, way: str, path: str) -> None:
    root = Root(str(tree / "www"))
    fd, status = root.open(path.split("/") if path else [])
    assert stat.S_ISDIR(status.st_mode)
    os.close(fd)
    root.close()


def test_no_links_at_all(tree: pathlib.Path, way: str) -> None:
    root = Root(str(tree / "www"), LinkPolicy.NONE)
    assert content(root, "a/b/deep.txt") == "deep"
    for path in ("to-top", "to-dir/deep.txt", "a/up", "escape", "loop", "here"):
        with pytest.raises(OSError):
            root.open(path.split("/"))
    assert {name for name, _ in root.entries([])} == {"a", "top.txt"}
    root.close()


def test_all_links(tree: pathlib.Path, way: str) -> None:
    root = Root(str(tree / "www"), LinkPolicy.FOLLOW)
    assert content(root, "escape") == "secret"
    assert content(root, "escape-dir/secret") == "secret"
    assert content(root, "absolute") == "top"
    assert root.stat("escape").st_size == len("secret")
    with pytest.raises(OSError) as caught:
        root.open(["loop"])
    assert caught.value.errno == errno.ELOOP
    root.close()


def test_the_root_itself_may_be_reached_by_a_link(tree: pathlib.Path) -> None:
    (tree / "alias").symlink_to("www")
    root = Root(str(tree / "alias"))
    assert content(root, "top.txt") == "top"
    root.close()


def test_a_root_that_is_none(tree: pathlib.Path, way: str) -> None:
    with pytest.raises(FileNotFoundError if way == "descriptors" else NotADirectoryError):
        Root(str(tree / "nowhere"))
    with pytest.raises(NotADirectoryError):
        Root(str(tree / "www" / "top.txt"))


@pytest.mark.parametrize("policy", LinkPolicy)
def test_neither_file_nor_directory(tree: pathlib.Path, policy: LinkPolicy) -> None:
    """None of them makes us wait."""
    os.mkfifo(tree / "www" / "fifo")
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(tree / "www" / "sock"))
    names = ["fifo", "sock"]
    if PRIVILEGED:
        try:
            os.mknod(tree / "www" / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            names.append("null")
        except OSError:
            pass
    root = Root(str(tree / "www"), policy)
    for name in names:
        with pytest.raises(OSError):
            root.open([name])
    sock.close()
    root.close()


@pytest.mark.skipif(PRIVILEGED, reason="root may read everything")
def test_unreadable(tree: pathlib.Path) -> None:
    (tree / "www" / "top.txt").chmod(0)
    root = Root(str(tree / "www"))
    with pytest.raises(PermissionError) as caught:
        root.open(["top.txt"])
    assert caught.value.filename is not None
    root.close()


def test_entries(tree: pathlib.Path, way: str) -> None:
    os.mkfifo(tree / "www" / "fifo")
    root = Root(str(tree / "www"))
    entries = dict(root.entries([]))
    assert {"a", "top.txt", "to-top", "to-dir", "here", "chain"} <= set(entries)
    assert not {"escape", "escape-dir", "loop", "self", "dangling"} & set(entries)
    assert stat.S_ISDIR(entries["to-dir"].st_mode)
    assert stat.S_ISREG(entries["chain"].st_mode)
    assert entries["to-top"].st_size == 3
    assert "deep.txt" in dict(root.entries(["a", "b"]))
    assert len(root.entries([], maximum=2)) == 2
    assert root.entries([], maximum=0) == []
    with pytest.raises(NotADirectoryError):
        root.entries(["top.txt"])
    with pytest.raises(FileNotFoundError):
        root.entries(["nothing"])
    root.close()


def test_entries_that_vanish_meanwhile(tree: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Root(str(tree / "www"))
    real = Root._entry_status
    victim = tree / "www" / "top.txt"

    def vanish(self: Root, entry: os.DirEntry[str], segments: list[str]) -> os.stat_result | None:
        victim.unlink(missing_ok=True)
        return real(self, entry, segments)

    monkeypatch.setattr(Root, "_entry_status", vanish)
    assert "top.txt" not in dict(root.entries([]))
    root.close()


def test_an_error_after_opening_leaks_nothing(tree: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Root(str(tree / "www"))

    def fstat(fd: int) -> os.stat_result:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", fstat)
        with pytest.raises(MemoryError):
            root.open(["top.txt"])
    root.close()


# --- races -----------------------------------------------------------------------------------------------------------

#: What the audit hook is to look for; a hook cannot be removed, so there is one, and it looks only while this is set.
_watched: list[str] | None = None
_outside: list[str] = []


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _watched is not None and event == "open" and threading.current_thread() is threading.main_thread():
        name = str(arguments[0])
        if name.startswith(tuple(_watched)):
            _outside.append(name)


sys.addaudithook(_audit)


def test_a_directory_swapped_for_a_link_while_we_walk(tree: pathlib.Path) -> None:
    """Whatever the moment of the swap: what is opened is inside, or nothing is."""
    www, swapped, spare = tree / "www", tree / "www" / "swap", tree / "spare"
    swapped.mkdir()
    (swapped / "secret").write_text("public")
    stop = threading.Event()
    evil = tree / "evil"
    evil.symlink_to("../outside")

    def swap() -> None:
        while not stop.is_set():
            os.rename(swapped, spare)
            os.rename(evil, swapped)
            os.rename(swapped, evil)
            os.rename(spare, swapped)

    thread = threading.Thread(target=swap)
    thread.start()
    root = Root(str(www))
    seen = {"public": 0, "refused": 0}
    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(3000):
            try:
                seen[content(root, "swap/secret")] += 1
            except OSError:
                seen["refused"] += 1
    finally:
        sys.setswitchinterval(old)
        stop.set()
        thread.join()
        root.close()
    assert sum(seen.values()) == 3000  # and never KeyError("secret")


def test_a_swap_between_every_two_opens(tree: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deterministic: right after the directory was opened, its name becomes a link that leads outside."""
    www = tree / "www"
    real = os.open
    done: list[str] = []

    def opening(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        fd = real(path, flags, mode, dir_fd=dir_fd)
        if path == "b" and not done:
            done.append(path)
            os.rename(www / "a" / "b", tree / "moved")
            (www / "a" / "b").symlink_to("../../outside")
        return fd

    root = Root(str(www))
    monkeypatch.setattr(os, "open", opening)
    with pytest.raises(FileNotFoundError):
        root.open(["a", "b", "secret"])
    assert done
    assert content(root, "top.txt") == "top"
    root.close()


def test_the_kernel_is_never_asked_for_a_name_outside(tree: pathlib.Path) -> None:
    global _watched
    root = Root(str(tree / "www"))
    _watched = [str(tree / "outside"), "/", ".."]
    _outside.clear()
    try:
        for path in ("escape", "escape-dir/secret", "absolute", "a/b/too-far", "up-and-back", "a/b/parent/parent", "loop", "top.txt"):
            try:
                os.close(root.open(path.split("/"))[0])
            except OSError:
                pass
        root.entries([])
    finally:
        _watched = None
    assert _outside == []
    root.close()


# --- spans -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.setblocking(False)
    far.settimeout(5)
    yield near, far
    near.close()
    far.close()


SPAN_WAYS = ["native", "EINVAL", "ENOSYS", "EOPNOTSUPP", "no sendfile", "no pread"]


@pytest.fixture(params=SPAN_WAYS)
def spans(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    way = str(request.param)
    if way.startswith("E"):

        def sendfile(*_: object) -> int:
            raise OSError(getattr(errno, way), "no")

        monkeypatch.setattr(os, "sendfile", sendfile, raising=False)
    elif way != "native":
        monkeypatch.delattr(os, "sendfile", raising=False)
        if way == "no pread":
            monkeypatch.setattr(files, "read_at", files._seek_and_read)
    return way


def test_spans_leave_and_are_shortened(pair: tuple[socket.socket, socket.socket], tmp_path: pathlib.Path, spans: str) -> None:
    near, far = pair
    data = os.urandom(300_000)
    (tmp_path / "f").write_bytes(data)
    received = bytearray()
    with open(tmp_path / "f", "rb") as file:
        span = FileSpan(file.fileno(), 1000, 200_000)
        while span.length:
            offset = span.offset
            try:
                count = send_span(near, span)
            except BlockingIOError:
                received += far.recv(1 << 20)
                continue
            assert count > 0
            assert (span.offset, span.offset + span.length) == (offset + count, 201_000)
        while len(received) < 200_000:
            received += far.recv(1 << 20)
    assert received == data[1000:201_000]


def test_a_span_past_the_end_of_its_file(pair: tuple[socket.socket, socket.socket], tmp_path: pathlib.Path, spans: str) -> None:
    near, far = pair
    (tmp_path / "f").write_bytes(b"12345")
    with open(tmp_path / "f", "rb") as file:
        span = FileSpan(file.fileno(), 3, 10)
        assert send_span(near, span) == 2
        assert (span.offset, span.length) == (5, 8)
        assert send_span(near, span) == 0
    assert far.recv(10) == b"45"


def blocks(near: socket.socket, span: FileSpan) -> bool:
    try:
        assert send_span(near, span) > 0
    except BlockingIOError:
        return True
    return False


def test_a_full_socket_blocks(pair: tuple[socket.socket, socket.socket], tmp_path: pathlib.Path, spans: str) -> None:
    near, _far = pair
    with open(tmp_path / "f", "wb+") as file:
        file.truncate(1 << 26)
        span = FileSpan(file.fileno(), 0, 1 << 26)
        while not blocks(near, span):
            pass
        assert span.offset + span.length == 1 << 26


def test_a_peer_that_is_gone(pair: tuple[socket.socket, socket.socket], tmp_path: pathlib.Path, spans: str) -> None:
    near, far = pair
    far.close()
    (tmp_path / "f").write_bytes(b"12345")
    with open(tmp_path / "f", "rb") as file, pytest.raises(OSError):
        send_span(near, FileSpan(file.fileno(), 0, 5))


def test_a_span_that_was_voided(pair: tuple[socket.socket, socket.socket], spans: str) -> None:
    with pytest.raises(OSError):
        send_span(pair[0], FileSpan(-1, 0, 5))


def test_reading_at_an_offset(tmp_path: pathlib.Path) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    with open(tmp_path / "f", "rb") as file:
        for read in (read_at, files._seek_and_read):
            assert read(file.fileno(), 3, 4) == b"456"
            assert read(file.fileno(), 3, 9) == b"9"
            assert read(file.fileno(), 3, 20) == b""
