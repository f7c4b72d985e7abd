# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Listening sockets: what they are bound to, what their errors say, and accepting when things run out."""

from __future__ import annotations

import errno
import os
import pathlib
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from sws.os import sockets
from sws.os.sockets import (
    ACCEPT_BATCH,
    AcceptPause,
    ListenError,
    accept_batch,
    activated_sockets,
    begin_to_listen,
    bind_tcp,
    listen_tcp,
    listen_unix,
)

needs_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no unix sockets")
ROOT = pathlib.Path(__file__).parent.parent.parent


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def reaches(family: int, address: tuple[object, ...]) -> bool:
    with socket.socket(family) as sock:
        try:
            sock.connect(address)
        except OSError:
            return False
    return True


def one_line(caught: pytest.ExceptionInfo[ListenError]) -> str:
    text = str(caught.value)
    assert "\n" not in text
    assert "Errno" not in text
    return text


# --- TCP -------------------------------------------------------------------------------------------------------------


def test_a_port_is_picked() -> None:
    with listen_tcp("127.0.0.1", 0) as sock:
        assert sock.getsockname()[1] > 0
        assert not sock.getblocking()
        assert not sock.get_inheritable()
        assert reaches(socket.AF_INET, sock.getsockname())
        accepted = accept_batch(sock)[0][0]
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) or sys.platform != "linux"
        accepted.close()


@needs_ipv6
def test_the_unspecified_ipv6_address_is_dual_stack() -> None:
    with listen_tcp("::", 0) as sock:
        port = sock.getsockname()[1]
        assert reaches(socket.AF_INET6, ("::1", port))
        assert reaches(socket.AF_INET, ("127.0.0.1", port))


@needs_ipv6
def test_any_other_ipv6_address_is_not() -> None:
    with listen_tcp("::1", 0) as sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="this system has no SO_REUSEPORT")
def test_several_may_share_a_port() -> None:
    with (
        listen_tcp("127.0.0.1", 0, reuse_port=True) as first,
        listen_tcp("127.0.0.1", first.getsockname()[1], reuse_port=True) as second,
    ):
        assert first.getsockname() == second.getsockname()


def test_bound_is_not_yet_listening() -> None:
    with bind_tcp("127.0.0.1", 0) as sock:
        with socket.socket() as client, pytest.raises(ConnectionRefusedError):
            client.connect(sock.getsockname())
        begin_to_listen(sock)
        assert reaches(socket.AF_INET, sock.getsockname())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lets two bind a port that nobody listens on")
def test_somebody_else_listens_by_then() -> None:
    with bind_tcp("127.0.0.1", 0) as first:
        with bind_tcp("127.0.0.1", first.getsockname()[1]) as second:
            begin_to_listen(first)
            with pytest.raises(OSError, match="in use"):
                begin_to_listen(second)
        begin_to_listen(first)  # once more changes nothing


def test_in_use() -> None:
    with listen_tcp("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(ListenError) as caught:
            listen_tcp("127.0.0.1", port)
        assert one_line(caught) == f"127.0.0.1:{port}: the port is in use by another program"


def test_no_such_address() -> None:
    with pytest.raises(ListenError) as caught:
        listen_tcp("192.0.2.77", 0)
    assert one_line(caught) == "192.0.2.77:0: this machine has no such address"


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a..b", "x" * 70 + ".example"])
def test_a_name_that_means_nothing(name: str) -> None:
    with pytest.raises(ListenError) as caught:
        listen_tcp(name, 80)
    assert one_line(caught).startswith(f"{name}:80: ")


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EACCES, "no permission (ports below 1024"), (errno.EPERM, "no permission"), (errno.EIO, os.strerror(errno.EIO))],
)
def test_what_bind_says(monkeypatch: pytest.MonkeyPatch, number: int, words: str) -> None:
    class Refusing(socket.socket):
        def bind(self, _address: object) -> None:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(ListenError, match=r"^127\.0\.0\.1:80: ") as caught:
        listen_tcp("127.0.0.1", 80)
    assert words in one_line(caught)


def test_a_family_that_the_kernel_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*_: object) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported")

    monkeypatch.setattr(socket, "socket", refusing)
    with pytest.raises(ListenError) as caught:
        listen_tcp("::1", 80)
    assert one_line(caught) == "[::1]:80: Address family not supported"


def test_windows_does_not_share_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """SO_REUSEADDR means something else there."""
    seen: list[tuple[int, int]] = []

    class Watching(socket.socket):
        def setsockopt(self, level: int, option: int, value: object) -> None:  # type: ignore[override]
            seen.append((level, option))

    monkeypatch.setattr(socket, "socket", Watching)
    monkeypatch.setattr(os, "name", "nt")
    listen_tcp("127.0.0.1", 0).close()
    assert (socket.SOL_SOCKET, socket.SO_REUSEADDR) not in seen


# --- unix ------------------------------------------------------------------------------------------------------------


@needs_unix
def test_a_unix_socket_and_its_mode(tmp_path: pathlib.Path) -> None:
    for mode in (0o660, 0o600, 0o666):
        path = tmp_path / f"s{mode}"
        before = os.umask(0o022)
        with listen_unix(str(path), mode=mode) as sock:
            assert os.umask(before) == 0o022
            assert stat.S_IMODE(path.stat().st_mode) == mode
            assert not sock.getblocking()
            assert reaches(socket.AF_UNIX, str(path))  # type: ignore[arg-type]


@needs_unix
def test_a_stale_unix_socket_is_replaced(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "s")
    listen_unix(path).close()
    assert os.path.exists(path)
    with listen_unix(path):
        assert reaches(socket.AF_UNIX, path)  # type: ignore[arg-type]


@needs_unix
@pytest.mark.parametrize("full", [False, True])
def test_a_live_unix_socket_is_not(tmp_path: pathlib.Path, full: bool) -> None:
    path = str(tmp_path / "s")
    waiting = []
    with listen_unix(path, backlog=0):
        while full:  # its queue is full, and asking must not wait
            sock = socket.socket(socket.AF_UNIX)
            sock.setblocking(False)
            waiting.append(sock)
            try:
                sock.connect(path)
            except BlockingIOError:
                break
        with pytest.raises(ListenError) as caught:
            listen_unix(path)
        assert one_line(caught) == f"unix:{path}: another program listens there"
        assert os.path.exists(path)
    for sock in waiting:
        sock.close()


@needs_unix
def test_what_is_no_socket_is_not_touched(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(ListenError) as caught:
        listen_unix(str(path))
    assert one_line(caught) == f"unix:{path}: the path is in use by something that is no socket"
    assert path.read_text() == "precious"


@needs_unix
@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EADDRINUSE, "the path is in use"), (errno.EACCES, "no permission"), (errno.EIO, os.strerror(errno.EIO))],
)
def test_what_bind_says_of_a_path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str) -> None:
    class Refusing(socket.socket):
        def bind(self, _address: object) -> None:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket, "socket", Refusing)
    before = os.umask(0o022)
    with pytest.raises(ListenError) as caught:
        listen_unix(str(tmp_path / "s"))
    assert one_line(caught) == f"unix:{tmp_path / 's'}: {words}"
    assert os.umask(before) == 0o022


@needs_unix
def test_paths_that_cannot_be(tmp_path: pathlib.Path) -> None:
    for path in (str(tmp_path / "no" / "s"), str(tmp_path / ("x" * 200))):
        with pytest.raises(ListenError) as caught:
            listen_unix(path)
        assert one_line(caught).startswith(f"unix:{path}: ")


def test_without_unix_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "_HAS_UNIX", False)
    with pytest.raises(ListenError, match="has no unix sockets"):
        listen_unix("/x")


# --- activation ------------------------------------------------------------------------------------------------------

CHILD = """
import os, socket, sys
from sws.os.sockets import ListenError, activated_sockets
source, target = int(sys.argv[1]), 3
if source != target:
    os.dup2(source, target)
if sys.argv[2] == "two":
    os.dup2(target, 4)
environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2" if sys.argv[2] in ("two", "gap") else "1", "LISTEN_FDNAMES": "x"}
if sys.argv[2] == "gap":
    os.close(4) if source == 4 else None
    try: os.close(4)
    except OSError: pass
try:
    found = activated_sockets(environment, os.getpid())
except ListenError as error:
    print("error", error)
else:
    ports = [sock.getsockname()[1] for sock in found]
    print(len(found), ports, environment, [os.get_inheritable(s.fileno()) or s.getblocking() for s in found])
    for sock in found: sock.close()
"""


def in_child(sock: socket.socket, how: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CHILD, str(sock.fileno()), how],
        pass_fds=[sock.fileno()],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=30,
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.skipif(os.name != "posix", reason="descriptors are handed over on POSIX only")
def test_sockets_handed_over() -> None:
    with listen_tcp("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        assert in_child(sock, "one") == f"1 [{port}] {{}} [False]"
        assert in_child(sock, "two") == f"2 [{port}, {port}] {{}} [False, False]"
        assert "error descriptor 4 handed over by the service manager: " in in_child(sock, "gap")
    with socket.socket() as idle:
        assert in_child(idle, "one") == "error descriptor 3 handed over by the service manager: not a listening stream socket"
    with socket.socket(type=socket.SOCK_DGRAM) as datagram:
        datagram.bind(("127.0.0.1", 0))
        assert in_child(datagram, "one") == f"1 [{datagram.getsockname()[1]}] {{}} [False]"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unix:
        assert in_child(unix, "one").endswith("not a listening stream socket")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": "77"},
        {"LISTEN_PID": "77", "LISTEN_FDS": "x"},
        {"LISTEN_PID": "77", "LISTEN_FDS": "\u00b2"},
        {"LISTEN_PID": "77", "LISTEN_FDS": "-1"},
        {"LISTEN_PID": "77", "LISTEN_FDS": "0", "LISTEN_FDNAMES": "a:b"},
    ],
)
def test_nothing_handed_over(environment: dict[str, str]) -> None:
    environment["OTHER"] = "stays"
    assert activated_sockets(environment, 77) == []
    assert environment == {"OTHER": "stays"}


def test_activation_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with listen_tcp("127.0.0.1", 0) as sock, socket.socket() as idle:
        monkeypatch.setattr(sockets, "_FIRST_ACTIVATED", os.dup(sock.fileno()))
        (found,) = activated_sockets({"LISTEN_PID": "5", "LISTEN_FDS": "1"}, 5)
        assert found.getsockname() == sock.getsockname()
        found.close()
        monkeypatch.setattr(sockets, "_FIRST_ACTIVATED", os.dup(idle.fileno()))
        with pytest.raises(ListenError):
            activated_sockets({"LISTEN_PID": "5", "LISTEN_FDS": "1"}, 5)


# --- accepting -------------------------------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen_tcp("127.0.0.1", 0) as sock:
        yield sock


def test_what_is_queued_up_to_a_bound(listener: socket.socket) -> None:
    assert accept_batch(listener) == []
    clients = [socket.create_connection(listener.getsockname()) for _ in range(5)]
    first = accept_batch(listener, 3)
    rest = accept_batch(listener)
    assert [len(first), len(rest)] == [3, 2]
    for (sock, address), client in zip(first + rest, clients, strict=True):
        assert not sock.getblocking()
        assert address == client.getsockname()
        sock.close()
        client.close()
    assert ACCEPT_BATCH == 64


class Fake:
    """A listener that plays back what accept did."""

    def __init__(self, *script: BaseException | Callable[[], tuple[socket.socket, object]]) -> None:
        self.script = list(script)
        self.calls = 0

    def accept(self) -> tuple[socket.socket, object]:
        self.calls += 1
        if not self.script:
            raise BlockingIOError
        step = self.script.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step()


def connection() -> tuple[socket.socket, object]:
    return socket.socket(), ("192.0.2.1", 1)


def accept(fake: Fake, maximum: int = ACCEPT_BATCH) -> int:
    found = accept_batch(fake, maximum)  # type: ignore[arg-type]
    for sock, _ in found:
        sock.close()
    return len(found)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_when_descriptors_run_out(number: int) -> None:
    with pytest.raises(AcceptPause):
        accept(Fake(OSError(number, "full")))
    assert accept(Fake(connection, OSError(number, "full"), connection)) == 1


@pytest.mark.parametrize(
    "error",
    [
        ConnectionAbortedError(),
        ConnectionResetError(),
        *(OSError(number, "x") for number in (errno.EPERM, errno.EPROTO, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EOPNOTSUPP)),
    ],
)
def test_connections_that_failed_in_the_queue_are_passed_over(error: OSError) -> None:
    """accept(2): "treat them like EAGAIN by retrying"."""
    assert accept(Fake(error, connection, error, connection)) == 2


def test_a_firewall_that_refuses_everything_does_not_hold_us() -> None:
    fake = Fake(*[OSError(errno.EPERM, "no")] * 1000)
    assert accept(fake, 10) == 0
    assert fake.calls == 10


def test_a_broken_listener() -> None:
    with pytest.raises(OSError, match="bad"):
        accept(Fake(OSError(errno.EBADF, "bad")))
    fake = Fake(connection, OSError(errno.EBADF, "bad"))
    assert accept(fake) == 1  # what was accepted is not lost
    assert accept(Fake(InterruptedError())) == 0


LIMITED = """
import resource, socket
from sws.os.sockets import AcceptPause, accept_batch, listen_tcp
listener = listen_tcp("127.0.0.1", 0)
clients = [socket.create_connection(listener.getsockname()) for _ in range(6)]
used = max(client.fileno() for client in clients) + 1
resource.setrlimit(resource.RLIMIT_NOFILE, (used + 4, used + 4))
first = accept_batch(listener)
try:
    accept_batch(listener)
except AcceptPause:
    print(len(first), "then a pause")
for sock, _ in first: sock.close()
rest = accept_batch(listener)
print(len(rest))
for sock in [listener, *clients, *(sock for sock, _ in rest)]: sock.close()
"""


@pytest.mark.skipif(os.name != "posix", reason="needs setrlimit")
def test_real_exhaustion() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", LIMITED], capture_output=True, text=True, cwd=ROOT, timeout=30)
    assert (done.stdout, done.stderr) == ("4 then a pause\n2\n", "")
