# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Happy Eyeballs on real sockets and a fake clock; its delays are RFC 8305 §8's."""

from __future__ import annotations

import contextlib
import errno
import pathlib
import socket
from collections.abc import Callable, Iterator
from typing import final

import pytest

from sws.net import connect as module
from sws.net.connect import ConnectError, EyeballDelays, connect, connect_unix, open_tcp, wait_ready
from sws.net.hosts_file import Address, HostsFile
from sws.net.resolv_conf import ResolverConfig
from sws.net.resolver import ResolveError, ResolveErrorKind, Resolver
from sws.os.poller.base import READ
from sws.os.tasks import Cancelled, Waiter
from tests.kit.dns_server import DnsRig

V4, V6 = socket.AF_INET, socket.AF_INET6


@final
class Script:
    """A resolver whose answers the test gives."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, str]] = []
        self.waiter: Waiter[list[Address]] = Waiter()
        self.part: Callable[[list[Address]], None] = lambda part: None
        self.was_cancelled = False

    async def resolve(
        self, name: str, port: int = 0, *, family: str = "any", on_part: Callable[[list[Address]], None] | None = None
    ) -> list[Address]:
        """Wait for the test."""
        self.asked.append((name, port, family))
        assert on_part is not None
        self.part = on_part
        try:
            return await self.waiter
        except Cancelled:
            self.was_cancelled = True
            raise


@final
class Net:
    """Listeners, and a record of what is attempted and when; addresses in `black_holes` never answer."""

    def __init__(self, rig: DnsRig, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rig = rig
        self.began = rig.clock.monotonic()
        self.attempts: list[tuple[str, float]] = []
        self.black_holes: set[str] = set()
        self.made: list[socket.socket] = []
        self._listeners: list[socket.socket] = []
        self._far: dict[str, socket.socket] = {}
        real = module._begin_tcp

        def begin(address: Address) -> socket.socket:
            self.attempts.append((address.host, round(rig.clock.monotonic() - self.began, 3)))
            if address.host in self.black_holes:
                sock, far = socket.socketpair()
                self._far[address.host] = far
                _fill(sock)
            else:
                sock = real(address)
            self.made.append(sock)
            return sock

        monkeypatch.setattr(module, "_begin_tcp", begin)

    def listen(self, host: str) -> Address:
        """An address where somebody is."""
        family = V6 if ":" in host else V4
        listener = socket.create_server((host, 0), family=family)
        self._listeners.append(listener)
        return Address(host, listener.getsockname()[1], family)

    def refuse(self, host: str) -> Address:
        """An address where nobody is."""
        family = V6 if ":" in host else V4
        with socket.socket(family) as sock:
            sock.bind((host, 0))
            return Address(host, sock.getsockname()[1], family)

    def hole(self, host: str) -> Address:
        """An address that never answers."""
        self.black_holes.add(host)
        return Address(host, 9, V6 if ":" in host else V4)

    def wake(self, host: str) -> None:
        """A black hole answers after all."""
        far = self._far[host]
        far.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                far.recv(1 << 20)

    def close(self) -> None:
        """End; every socket but a winner must be closed by now."""
        for listener in self._listeners:
            listener.close()
        for far in self._far.values():
            far.close()


def _fill(sock: socket.socket) -> None:
    """Make it unwritable, as one that is connecting is."""
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            sock.send(bytes(65536))


@pytest.fixture
def rig() -> Iterator[DnsRig]:
    with DnsRig() as rig:
        yield rig
        assert rig.errors == []


@pytest.fixture
def net(rig: DnsRig, monkeypatch: pytest.MonkeyPatch) -> Iterator[Net]:
    net = Net(rig, monkeypatch)
    yield net
    net.close()
    assert [sock for sock in net.made if sock.fileno() >= 0] == []


def check(sock: socket.socket, address: Address) -> None:
    """The right connection, as promised; closes it."""
    with sock:
        assert sock.getpeername()[:2] == (address.host, address.port)
        assert not sock.getblocking()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_address(rig: DnsRig, net: Net) -> None:
    resolver = Resolver(rig.loop, ResolverConfig(), hosts=HostsFile("/nonexistent"))
    for host in ("127.0.0.1", "::1"):
        address = net.listen(host)
        check(rig.run(connect(rig.loop, resolver, host, address.port)), address)


def test_a_name_with_a_dead_family(rig: DnsRig, net: Net) -> None:
    """The whole of it: localhost, [::1] refuses, 127.0.0.1 does not."""
    address = net.listen("127.0.0.1")
    resolver = Resolver(rig.loop, ResolverConfig(), hosts=HostsFile("/nonexistent"))
    check(rig.run(connect(rig.loop, resolver, "localhost", address.port)), address)
    assert net.attempts == [("::1", 0.0), ("127.0.0.1", 0.0)]  # a refusal costs no delay


def test_a_name_by_dns(rig: DnsRig, net: Net) -> None:
    server = rig.server()
    server.add("a.example", "A", "127.0.0.1")
    address = net.listen("127.0.0.1")
    resolver = Resolver(rig.loop, ResolverConfig(servers=(server.address,)), hosts=HostsFile("/nonexistent"))
    check(rig.run(connect(rig.loop, resolver, "a.example", address.port, family="ipv4")), address)
    error = rig.fail(connect(rig.loop, resolver, "none.example", address.port))
    assert isinstance(error, ResolveError)
    assert error.kind is ResolveErrorKind.NOT_FOUND


def test_ipv6_begins_at_once(rig: DnsRig, net: Net) -> None:
    script, six = Script(), net.listen("::1")
    running = rig.begin(connect(rig.loop, script, "a.example", 80, family="any"))
    assert script.asked == [("a.example", 80, "any")]
    script.part([six])
    check(running.finish(), six)
    rig.settle()
    assert script.was_cancelled


def test_ipv4_waits_for_the_resolution_delay(rig: DnsRig, net: Net) -> None:
    script, four = Script(), net.listen("127.0.0.1")
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.part([four])
    rig.advance(0.049)
    assert net.attempts == []
    rig.advance(0.002)
    assert net.attempts == [("127.0.0.1", 0.051)]
    check(running.finish(), four)


def test_ipv6_that_comes_within_the_delay_is_first(rig: DnsRig, net: Net) -> None:
    script, four, six = Script(), net.listen("127.0.0.1"), net.listen("::1")
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.part([four])
    rig.advance(0.03)
    script.waiter.resolve([six, four])
    check(running.finish(), six)
    assert net.attempts == [("::1", 0.03)]


def test_no_delay_when_it_is_known_that_there_is_no_ipv6(rig: DnsRig, net: Net) -> None:
    script, four = Script(), net.listen("127.0.0.1")
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.part([four])
    script.waiter.resolve([four])
    check(running.finish(), four)
    assert net.attempts == [("127.0.0.1", 0.0)]


def test_families_alternate_a_quarter_of_a_second_apart(rig: DnsRig, net: Net) -> None:
    script = Script()
    holes = [net.hole(host) for host in ("2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1")]
    four = net.listen("127.0.0.1")
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.waiter.resolve([*holes, four])
    rig.settle()
    rig.advance(0.249)
    assert net.attempts == [("2001:db8::1", 0.0)]
    for _ in range(3):
        rig.advance(0.25)
    assert [host for host, _ in net.attempts] == ["2001:db8::1", "192.0.2.1", "2001:db8::2", "127.0.0.1"]
    assert [when for _, when in net.attempts] == pytest.approx([0.0, 0.499, 0.749, 0.999])
    check(running.finish(), four)


def test_an_earlier_attempt_may_win_late(rig: DnsRig, net: Net) -> None:
    """Attempts that begin later do not end earlier ones."""
    script = Script()
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.waiter.resolve([net.hole("2001:db8::1"), net.hole("192.0.2.1")])
    rig.settle()
    rig.advance(0.3)
    assert (len(net.attempts), running.done) == (2, False)
    net.wake("2001:db8::1")
    with running.finish() as sock:
        assert sock is net.made[0]


def test_ipv6_that_comes_later_joins(rig: DnsRig, net: Net) -> None:
    script, hole, six = Script(), net.hole("192.0.2.1"), net.listen("::1")
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.part([hole])
    rig.advance(0.06)
    rig.advance(0.1)
    script.waiter.resolve([six, hole])
    rig.settle()
    assert len(net.attempts) == 1  # not before its turn
    rig.advance(0.16)
    assert [host for host, _ in net.attempts] == ["192.0.2.1", "::1"]
    check(running.finish(), six)


def test_what_comes_when_its_turn_is_over_begins_at_once(rig: DnsRig, net: Net) -> None:
    script, hole, six = Script(), net.hole("192.0.2.1"), net.listen("::1")
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.part([hole])
    rig.advance(0.06)
    rig.advance(1.0)
    script.waiter.resolve([six, hole])
    check(running.finish(), six)


def test_after_all_have_failed_it_waits_for_the_rest_of_the_answer(rig: DnsRig, net: Net) -> None:
    script, dead, six = Script(), net.refuse("127.0.0.1"), net.listen("::1")
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.part([dead])
    rig.advance(0.06)
    assert not running.done
    script.waiter.resolve([six, dead])
    check(running.finish(), six)


def test_all_errors_in_one(rig: DnsRig, net: Net) -> None:
    script, six, four = Script(), net.refuse("::1"), net.refuse("127.0.0.1")
    no_route = Address("fe80::1", 80, V6)
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.waiter.resolve([six, no_route, four, four])
    running.wait()
    error = running.error
    assert isinstance(error, ConnectError)
    assert not error.timed_out
    assert [address for address, _ in error.errors] == [str(six), str(four), str(no_route)]
    assert [each.errno for _, each in error.errors][:2] == [errno.ECONNREFUSED] * 2
    assert str(error).startswith(f"cannot connect to a.example:80: {six}: Connection refused; {four}: Connection refused; {no_route}: ")


def test_the_last_attempt_fails_after_the_answer_is_whole(rig: DnsRig, net: Net) -> None:
    script, four = Script(), net.refuse("127.0.0.1")
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.part([four])
    script.waiter.reject(ResolveError("a.example", ResolveErrorKind.TIMEOUT))
    running.wait()
    assert isinstance(running.error, ConnectError)


def test_no_address_at_all(rig: DnsRig, net: Net) -> None:
    script = Script()
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.waiter.resolve([])
    running.wait()
    assert str(running.error) == "cannot connect to a.example:80: no address"


def test_the_deadline(rig: DnsRig, net: Net) -> None:
    script, hole, dead = Script(), net.hole("192.0.2.1"), net.refuse("::1")
    running = rig.begin(connect(rig.loop, script, "a.example", 80, timeout=3.0))
    script.part([dead, hole])
    rig.settle()
    rig.advance(2.9)
    assert not running.done
    rig.advance(0.2)
    error = running.error
    assert isinstance(error, ConnectError)
    assert error.timed_out
    assert str(error) == f"cannot connect to a.example:80: {dead}: Connection refused; timed out"
    script.part([dead])  # too late: nothing happens
    rig.settle()
    assert script.was_cancelled


def test_the_deadline_holds_for_resolving_too(rig: DnsRig, net: Net) -> None:
    running = rig.begin(connect(rig.loop, Script(), "a.example", 80, timeout=1.0))
    rig.settle()
    rig.advance(1.1)
    assert str(running.error) == "cannot connect to a.example:80: timed out"


def test_other_delays(rig: DnsRig, net: Net) -> None:
    script, hole, four = Script(), net.hole("2001:db8::1"), net.listen("127.0.0.1")
    running = rig.begin(connect(rig.loop, script, "a.example", 80, delays=EyeballDelays(attempt_delay=0.1)))
    script.waiter.resolve([hole, four])
    rig.settle()
    rig.advance(0.11)
    check(running.finish(), four)


def test_candidates_are_bounded(rig: DnsRig, net: Net) -> None:
    script = Script()
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.waiter.resolve([Address("fe80::1", port, V6) for port in range(1, 200)])
    running.wait()
    assert len(net.attempts) == module.MAX_CANDIDATES


def test_two_that_succeed_in_one_turn(rig: DnsRig, net: Net) -> None:
    """One wins; the fixture sees that the other is closed."""
    script = Script()
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.waiter.resolve([net.hole("2001:db8::1"), net.hole("192.0.2.1")])
    rig.settle()
    rig.advance(0.3)
    net.wake("2001:db8::1")
    net.wake("192.0.2.1")
    with running.finish() as sock:
        assert sock in net.made


def test_cancelled(rig: DnsRig, net: Net) -> None:
    script, hole = Script(), net.hole("2001:db8::1")
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.part([hole])
    assert running.task is not None
    running.task.cancel()
    rig.settle()
    assert isinstance(running.error, Cancelled)
    script.part([net.listen("::1")])
    rig.settle()
    assert len(net.attempts) == 1


def test_cancelled_with_the_winner_in_hand(rig: DnsRig, net: Net) -> None:
    """The socket that nobody takes is closed: the fixture looks."""
    script, six = Script(), net.listen("::1")
    running = rig.begin(connect(rig.loop, script, "a.example", 80))
    script.part([six])
    assert running.task is not None
    rig.loop.call_later(0.0, running.task.cancel)  # fires behind what is ready, and before what that has queued
    rig.settle()
    assert isinstance(running.error, Cancelled)


# --- single addresses, readiness, unix -----------------------------------------------------------------------------------


def test_open_tcp(rig: DnsRig, net: Net) -> None:
    address, dead = net.listen("127.0.0.1"), net.refuse("127.0.0.1")
    check(rig.run(open_tcp(rig.loop, address, rig.loop.now + 1)), address)
    assert isinstance(rig.fail(open_tcp(rig.loop, dead, rig.loop.now + 1)), ConnectionRefusedError)
    running = rig.begin(open_tcp(rig.loop, net.hole("192.0.2.1"), rig.loop.now + 1))
    rig.advance(1.1)
    assert isinstance(running.error, TimeoutError)


def test_wait_ready(rig: DnsRig) -> None:
    near, far = socket.socketpair()
    with near, far:
        running = rig.begin(wait_ready(rig.loop, near.fileno(), READ, rig.loop.now + 1))
        far.send(b"x")
        running.finish()
        near.recv(1)
        running = rig.begin(wait_ready(rig.loop, near.fileno(), READ, rig.loop.now + 1))
        rig.advance(1.1)
        assert isinstance(running.error, TimeoutError)


def test_unix(rig: DnsRig, tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "socket")
    error = rig.fail(connect_unix(rig.loop, path))
    assert isinstance(error, ConnectError)
    assert str(error) == f"cannot connect to unix:{path}: {path}: No such file or directory"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        assert isinstance(rig.fail(connect_unix(rig.loop, path)), ConnectError)
        listener.listen(0)
        with rig.run(connect_unix(rig.loop, path)) as sock:
            assert not sock.getblocking()
            assert sock.getpeername() == path


def test_unix_with_a_full_queue(rig: DnsRig, tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "socket")
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                sock = stack.enter_context(socket.socket(socket.AF_UNIX))
                sock.setblocking(False)
                sock.connect(path)
        running = rig.begin(connect_unix(rig.loop, path, timeout=1.0))
        rig.advance(0.011)
        assert not running.done
        listener.accept()[0].close()
        rig.advance(0.011)
        with running.finish():
            running = rig.begin(connect_unix(rig.loop, path, timeout=1.0))
            rig.advance(1.1)
            assert isinstance(running.error, ConnectError)
            assert running.error.timed_out
