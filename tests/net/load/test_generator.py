# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Runs against a scripted server on a fake clock; expected latencies are worked out on paper."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
from collections.abc import Callable, Iterator
from typing import final

import pytest

from sws.net.load.generator import Generator
from sws.net.load.lane import Lane, LaneState
from sws.net.load.lane_h2 import Http2Lane
from sws.net.load.plan import LoadPlan, plan_requests
from sws.net.load.tally import Tally
from sws.os.poller.base import READ
from tests.kit.client import ClientRig
from tests.kit.driver import Client
from tests.kit.site import EMPTY, Site

HOST = ((b"host", b"a"),)
SECOND = 10**9


@pytest.fixture(autouse=True)
def no_descriptor_leaks() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    yield
    assert (len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0) == before


@final
class LoadRig:
    """A generator and its server on one loop.

    Args:
      respond:  called with each request that is whole; answers it on the peer, or does not.
    """

    def __init__(
        self,
        respond: Callable[[Client, bytes], None],
        *,
        connections: int = 1,
        duration: float = 10.0,
        method: bytes = b"GET",
        body: bytes | None = None,
        targets: tuple[bytes, ...] = (b"/",),
        path: str | None = None,
        **plan: float,
    ) -> None:
        self.rig = ClientRig()
        self.site = Site(self.rig, path)
        self.site.answering = False
        self.respond = respond
        self.seen: list[bytes] = []
        self.rig.loop.add_turn_hook(self._serve)
        requests = plan_requests(method, targets, HOST, body)
        origin = self.site.origin
        endpoint = (socket.AF_INET, (origin.host, origin.port)) if path is None else (socket.AF_UNIX, path)
        self.generator = Generator(self.rig.loop, LoadPlan(requests, connections, duration, **plan), endpoint)  # type: ignore[arg-type]
        self._expected = body or b""

    @property
    def now(self) -> float:
        """Seconds since the beginning of the run."""
        return self.rig.clock.monotonic() - (self.generator.began or 0.0)

    def _serve(self) -> None:
        for peer in self.site.peers:
            if peer.sock.fileno() >= 0 and peer.received.endswith(b"\r\n\r\n" + self._expected):
                request = bytes(peer.received)
                before = len(peer.received)
                self.respond(peer, request)
                if len(peer.received) != before:
                    self.seen.append(request)

    def settle(self) -> None:
        """Turn until nothing is asked or answered any more at this moment."""
        quiet = 0
        until = self.rig.loop.turns + 20_000
        while quiet < 6 and not self.generator.is_over:
            before = (self.generator.tally.done, self.generator.tally.failed, len(self.site.peers), self.generator.octets)
            assert self.rig.loop.turns < until, "it does not come to rest"
            self.generator.step(0)
            after = (self.generator.tally.done, self.generator.tally.failed, len(self.site.peers), self.generator.octets)
            quiet = quiet + 1 if before == after else 0

    def run(self, step: float = 0.01) -> Tally:
        """To the end, in steps of the clock."""
        self.generator.start()
        while not self.generator.is_over:
            self.settle()
            self.rig.clock.advance(step)
        return self.close()

    def close(self) -> Tally:
        """End."""
        self.generator.stop()
        self.site.close()
        self.rig.__exit__()
        assert self.rig.errors == []
        return self.generator.tally


def answer(peer: Client, _request: bytes) -> None:
    """At once."""
    peer.received.clear()
    peer.send(EMPTY)


def answering(data: bytes, *, close: bool = False) -> Callable[[Client, bytes], None]:
    """With these octets, at once."""

    def respond(peer: Client, _request: bytes) -> None:
        peer.received.clear()
        peer.send(data)
        if close:
            with contextlib.suppress(OSError):  # the other end is closed already
                peer.half_close()

    return respond


# --- constant rate -----------------------------------------------------------------------------------------------------


def test_a_stall_is_charged_with_all_that_was_due_meanwhile() -> None:
    """100 a second for 10 s, and nothing is answered from 2 s to 4 s.

    Of 1000 requests the 200 due in the stall wait 2.00, 1.99, … 0.01 s: rank 1000 is 2.00, 990 is 1.90, 900 is 1.00, 800 is 0.00 (seconds).
    Counted from when they were sent, one request waited, all others had their answer at once.
    """
    rig: LoadRig

    def respond(peer: Client, request: bytes) -> None:
        if not 2.0 - 1e-9 <= rig.now < 4.0 - 1e-9:
            answer(peer, request)

    rig = LoadRig(respond, rate=100.0)
    tally = rig.run()
    assert (tally.done, tally.failed, tally.unfinished) == (1000, 0, 0)
    at = tally.latency.percentile
    assert tally.latency.maximum == pytest.approx(2.00 * SECOND, abs=0.02 * SECOND)
    assert at(99) == pytest.approx(1.90 * SECOND, abs=0.02 * SECOND)
    assert at(90) == pytest.approx(1.00 * SECOND, abs=0.02 * SECOND)
    assert at(79) <= 0.02 * SECOND
    sent = tally.uncorrected
    assert sent.maximum == pytest.approx(2.00 * SECOND, abs=0.02 * SECOND)
    assert sent.percentile(99.8) <= 0.02 * SECOND


def test_several_connections_do_not_hide_it() -> None:
    """With 8 connections only the first 8 of the stall are out; what waits behind them counts just the same."""
    rig: LoadRig

    def respond(peer: Client, request: bytes) -> None:
        if not 2.0 - 1e-9 <= rig.now < 4.0 - 1e-9:
            answer(peer, request)

    rig = LoadRig(respond, rate=100.0, connections=8)
    tally = rig.run()
    assert tally.done == 1000
    assert tally.latency.percentile(90) == pytest.approx(1.00 * SECOND, abs=0.02 * SECOND)
    assert sum(count for slot, count in enumerate(tally.uncorrected._slots) if count and slot > 20_000) == 8


def test_a_server_that_is_too_slow_for_the_rate() -> None:
    """20 answers a second to 100 requests a second: in 10 s 200 are answered, and the rest is waiting at the end."""
    last = [-1.0]
    rig: LoadRig

    def respond(peer: Client, request: bytes) -> None:
        if rig.now >= last[0] + 0.05 - 1e-9:
            last[0] = rig.now
            answer(peer, request)

    rig = LoadRig(respond, rate=100.0)
    tally = rig.run()
    assert tally.done == pytest.approx(200, abs=2)
    assert tally.done + tally.unfinished == pytest.approx(1000, abs=1)
    # request k < 200 is answered at k / 20 and was due at k / 100; the others wait from k / 100 to 10: the median of all is 4 s
    assert tally.latency.count == tally.done + tally.unfinished
    assert tally.latency.percentile(50) == pytest.approx(4.0 * SECOND, rel=0.03)
    assert tally.latency.maximum == pytest.approx(8.0 * SECOND, rel=0.01)
    assert tally.uncorrected.maximum <= 0.07 * SECOND


def test_a_server_that_never_answers_is_no_omission() -> None:
    rig = LoadRig(lambda peer, request: None, rate=10.0, duration=5.0)
    tally = rig.run()
    assert (tally.done, tally.unfinished, tally.latency.count, tally.uncorrected.count) == (0, 50, 50, 0)
    assert tally.latency.maximum == pytest.approx(5.0 * SECOND, rel=0.01)


def test_requests_are_spread_evenly() -> None:
    times: list[float] = []
    rig: LoadRig

    def respond(peer: Client, request: bytes) -> None:
        times.append(rig.now)
        answer(peer, request)

    rig = LoadRig(respond, rate=4.0, duration=2.0, connections=3, phase=0.1)
    tally = rig.run()
    assert tally.done == 8
    assert times == pytest.approx([0.1 + number / 4 for number in range(8)], abs=0.011)
    assert {len(peer.received) for peer in rig.site.peers} == {0}


def test_time_outs_count_with_what_they_waited() -> None:
    rig = LoadRig(lambda peer, request: None, rate=1.0, duration=10.0, timeout=2.0, connections=2)
    tally = rig.run()
    assert (tally.errors.keys(), tally.done) == ({"timeout"}, 0)
    assert tally.latency.count == tally.failed + tally.unfinished == 10
    assert tally.latency.maximum >= 2.0 * SECOND


# --- as fast as it answers ---------------------------------------------------------------------------------------------


def test_closed_loop() -> None:
    """Each of 4 connections is answered 0.1 s after it asks: 10 a second each."""
    asked: dict[int, float] = {}
    rig: LoadRig

    def respond(peer: Client, request: bytes) -> None:
        since = asked.setdefault(id(peer), rig.now)
        if rig.now >= since + 0.1 - 1e-9:
            del asked[id(peer)]
            answer(peer, request)

    rig = LoadRig(respond, connections=4, duration=3.0)
    tally = rig.run()
    assert tally.done == pytest.approx(120, abs=4)
    assert (tally.failed, tally.unfinished, tally.opened) == (0, 4, 4)
    assert tally.latency.minimum == pytest.approx(0.1 * SECOND, abs=0.011 * SECOND)
    assert tally.latency.maximum == pytest.approx(0.1 * SECOND, abs=0.011 * SECOND)
    assert tally.uncorrected.count == 0
    assert tally.seconds == pytest.approx(3.0, abs=0.02)


def once_a_step(respond: Callable[[Client, bytes], None], **options: object) -> Tally:
    """A run of a second with one connection, which is answered at most every 10 ms."""
    last = [-1.0]
    rig: LoadRig

    def slowly(peer: Client, request: bytes) -> None:
        if last[0] < rig.now:
            last[0] = rig.now
            respond(peer, request)

    rig = LoadRig(slowly, duration=1.0, **options)  # type: ignore[arg-type]
    return rig.run()


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nt: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "status", "closes"),
    [
        (EMPTY, 200, False),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno", 404, False),
        (CHUNKED, 200, False),
        (b"HTTP/1.1 103 Early Hints\r\na: b\r\n\r\n" + CHUNKED, 200, False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + bytes(100_000), 200, False),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi", 200, True),
        (EMPTY + b"what nobody asked for", 200, True),
    ],
)
def test_responses_of_all_kinds(data: bytes, status: int, closes: bool) -> None:
    tally = once_a_step(answering(data))
    assert (tally.statuses.keys(), tally.failed) == ({status}, 0)
    assert tally.done >= 90
    assert tally.opened >= 90 if closes else tally.opened == 1
    assert tally.succeeded == (tally.done if status < 400 else 0)


def test_content_that_ends_with_the_connection() -> None:
    tally = once_a_step(answering(b"HTTP/1.1 200 OK\r\n\r\nsome", close=True))
    assert (tally.statuses.keys(), tally.failed) == ({200}, 0)
    assert tally.opened >= tally.done >= 90


def test_a_response_in_pieces() -> None:
    """Every cut of a head and its content comes to the same."""
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
    sent = [0]

    def respond(peer: Client, request: bytes) -> None:
        octet = whole[sent[0] : sent[0] + 1]
        sent[0] = (sent[0] + 1) % len(whole)
        if not sent[0]:
            peer.received.clear()
        peer.send(octet)

    tally = once_a_step(respond)
    assert tally.done == 100 // len(whole)
    assert (tally.failed, tally.opened) == (0, 1)


@pytest.mark.parametrize(
    ("data", "close", "kind"),
    [
        (b"nonsense\r\n\r\n", False, "protocol"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5, 6\r\n\r\n", False, "protocol"),
        (b"", True, "closed"),
        (b"HTTP/1.1 200", True, "closed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel", True, "closed"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab", True, "closed"),
    ],
)
def test_errors_by_kind(data: bytes, close: bool, kind: str) -> None:
    tally = once_a_step(answering(data, close=close))
    assert (tally.done, tally.errors.keys()) == (0, {kind})
    assert tally.opened >= tally.failed >= 90


def test_resets() -> None:
    def respond(peer: Client, request: bytes) -> None:
        peer.received.clear()
        peer.reset_now()

    tally = once_a_step(respond)
    assert (tally.done, tally.errors.keys()) == (0, {"reset"})


def test_too_much_content_closes_the_connection() -> None:
    """More than was declared, in a later segment: the response was whole before."""
    begun = [False]

    def respond(peer: Client, request: bytes) -> None:
        begun[0] = not begun[0]
        if begun[0]:
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel")
        else:
            peer.received.clear()
            peer.send(b"lo, and more")

    tally = once_a_step(respond)
    assert tally.done >= 40
    assert (tally.failed, tally.opened >= tally.done) == (0, True)


def test_a_large_body_that_the_server_takes_slowly(tmp_path: pathlib.Path) -> None:
    """More than a unix socket's buffer: it leaves in parts."""
    tally = once_a_step(answer, method=b"POST", body=b"x" * 1_000_000, path=str(tmp_path / "s"))
    assert tally.done >= 50
    assert (tally.failed, tally.opened) == (0, 1)


@pytest.mark.parametrize("closes", [False, True])
def test_an_answer_before_the_whole_request_costs_the_connection(tmp_path: pathlib.Path, closes: bool) -> None:
    """Whether the server stays or goes away behind it, the answer counts."""
    rig = LoadRig(lambda peer, request: None, method=b"POST", body=b"x" * 1_000_000, duration=10.0, path=str(tmp_path / "s"))
    rig.generator.start()
    rig.rig.loop.add_turn_hook(lambda: [setattr(peer, "reading", False) for peer in rig.site.peers] and None)
    for number in range(1, 6):
        rig.rig.until(lambda number=number: len(rig.site.peers) == number)  # type: ignore[misc]
        rig.settle()
        peer = rig.site.peers[-1]
        peer.send(EMPTY)
        if closes:
            peer.close()
        rig.settle()
        assert rig.generator.tally.done == number
    tally = rig.close()
    assert (tally.opened, tally.failed) == (6, 0)


def test_several_targets_in_turn() -> None:
    rig = LoadRig(answer, targets=(b"/a", b"/b", b"/c"), duration=6.0, rate=1.0)
    assert rig.run().done == 6
    assert sorted(request.split()[1] for request in rig.seen) == [b"/a", b"/a", b"/b", b"/b", b"/c", b"/c"]


def test_connections_that_are_replaced() -> None:
    rig = LoadRig(answer, duration=10.0, rate=1.0, per_connection=3)
    tally = rig.run()
    assert (tally.done, tally.opened, tally.failed) == (10, 4, 0)


def test_a_unix_socket(tmp_path: pathlib.Path) -> None:
    rig = LoadRig(answer, duration=2.0, rate=5.0, path=str(tmp_path / "s"))
    assert rig.run().done == 10


# --- connecting --------------------------------------------------------------------------------------------------------


def test_idle_connections_that_the_server_closes_are_opened_again_without_an_error() -> None:
    rig: LoadRig

    def respond(peer: Client, request: bytes) -> None:
        answer(peer, request)
        peer.half_close()

    rig = LoadRig(respond, duration=5.0, rate=1.0)
    tally = rig.run()
    assert (tally.done, tally.failed, tally.opened) == (5, 0, 5)


def test_a_server_that_is_not_there() -> None:
    rig = LoadRig(answer, connections=3)
    rig.site.close()
    rig.generator.start()
    while not rig.generator.is_over:
        rig.generator.step(0)
    tally = rig.close()
    assert rig.generator.failure == "no connection came about"
    assert (tally.errors, tally.opened, tally.seconds) == ({"connect": 3}, 0, 0.0)


def test_a_server_that_comes_back() -> None:
    """Lanes try again, at growing distances, and go on."""
    rig = LoadRig(answer, duration=20.0, rate=10.0)
    rig.generator.start()
    while rig.now < 2 or rig.generator.began is None:
        rig.settle()
        rig.rig.clock.advance(0.01)
    port = rig.site.origin.port
    rig.site.close()
    for peer in rig.site.peers:
        peer.close()
    while rig.now < 5:
        rig.settle()
        rig.rig.clock.advance(0.01)
    failed = rig.generator.tally.errors["connect"]
    assert 3 <= failed <= 15
    answered = rig.generator.tally.done
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        rig.site._listener = listener
        listener.setblocking(False)
        rig.rig.loop.watch(listener.fileno(), 1, rig.site._accept)
        while not rig.generator.is_over:
            rig.settle()
            rig.rig.clock.advance(0.01)
        rig.close()
    assert rig.generator.tally.done > answered + 140


def test_connecting_that_takes_too_long() -> None:
    """A listener whose queue is full does not answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        rig = ClientRig()
        plan = LoadPlan(plan_requests(b"GET", [b"/"], HOST, None), 1, 1.0, timeout=3.0)
        generator = Generator(rig.loop, plan, (socket.AF_INET, listener.getsockname()))
        generator.start()
        for _ in range(50):
            generator.step(0)
            rig.clock.advance(0.1)
            if generator.is_over:
                break
        assert generator.failure == "no connection came about"
        for filler in fillers:
            filler.close()
        rig.__exit__()


def test_an_address_that_cannot_be_connected_to() -> None:
    rig = ClientRig()
    plan = LoadPlan(plan_requests(b"GET", [b"/"], HOST, None), 1, 1.0)
    generator = Generator(rig.loop, plan, (socket.AF_UNIX, "/nonexistent/socket"))
    generator.start()
    generator.step(0)
    assert generator.failure is not None
    generator.stop()
    rig.__exit__()


@final
class Yard:
    """Writes down what a lane tells."""

    def __init__(self) -> None:
        self.octets = 0
        self.connections = 0
        self.told: list[str] = []

    def opened(self, lane: Lane) -> None:
        """Connected."""
        self.told.append("opened")

    def answered(self, lane: Lane, status: int) -> None:
        """Answered."""
        self.told.append(str(status))

    def failed(self, lane: Lane, kind: str) -> None:
        """Failed."""
        self.told.append(kind)


def test_one_lane() -> None:
    """A reset met while sending, readiness that is none, closing while connecting."""
    with ClientRig() as rig:
        site, yard = Site(rig), Yard()
        plan = LoadPlan(plan_requests(b"GET", [b"/"], HOST, None), 1, 1.0)
        lane = Lane(rig.loop, plan, (socket.AF_INET, (site.origin.host, site.origin.port)), yard)
        lane.open()
        rig.until(lambda: yard.told == ["opened"] and bool(site.peers))
        lane._on_ready(READ)
        assert (lane.state, yard.told) == (LaneState.READY, ["opened"])
        site.peers[0].reset_now()
        lane.ask(plan.requests[0], 0.0, 0.0)
        assert (lane.state, yard.told, lane.is_asked) == (LaneState.CLOSED, ["opened", "reset"], False)
        lane.open()
        lane.close()
        rig.settle()
        lane = Lane(rig.loop, plan, (socket.AF_UNIX, "/nonexistent"), yard)
        lane.open()
        lane.close()
        rig.settle()
        assert yard.told == ["opened", "reset"]
        site.close()


@pytest.mark.parametrize("kind", [Lane, Http2Lane])
def test_an_idle_lane_is_reset(kind: type[Lane]) -> None:
    """Whatever it was told before: nobody has lost anything, and the lane opens anew when it is asked."""
    with ClientRig() as rig:
        site, yard = Site(rig), Yard()
        site.answering = False
        plan = LoadPlan(plan_requests(b"GET", [b"/"], HOST, None), 1, 1.0)
        lane = kind(rig.loop, plan, (socket.AF_INET, (site.origin.host, site.origin.port)), yard)
        lane.open()
        rig.until(lambda: yard.told == ["opened"] and bool(site.peers))
        if kind is Http2Lane:
            site.peers[0].sock.sendall(bytes.fromhex("000000040000000000"))  # a server's SETTINGS need no request
            rig.until(lambda: yard.octets == 9)
            assert lane.state is LaneState.READY
        site.peers[0].reset_now()
        rig.until(lambda: lane.state is LaneState.CLOSED)
        assert yard.told == ["opened"]
        lane.ask(plan.requests[0], 0.0, 0.0)
        rig.until(lambda: len(site.peers) == 2)
        assert lane.is_asked
        lane.close()
        rig.settle()
        site.close()


def test_stopped_early() -> None:
    rig = LoadRig(answer, duration=100.0, rate=10.0)
    rig.generator.start()
    while rig.now < 1 or rig.generator.began is None:
        rig.settle()
        rig.rig.clock.advance(0.01)
    tally = rig.close()
    assert tally.done == pytest.approx(10, abs=1)
    assert tally.seconds == pytest.approx(1.0, abs=0.05)


def test_run_waits_by_itself() -> None:
    """The real loop's own waiting, on a real clock: short."""
    from sws.os.loop import Loop

    loop = Loop()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    peers: list[socket.socket] = []

    def serve(peer: socket.socket) -> None:
        if peer.recv(1000):
            peer.send(EMPTY)
        else:
            loop.unwatch(peer.fileno())
            peer.close()

    def accept(_mask: int) -> None:
        peer = listener.accept()[0]
        peers.append(peer)
        loop.watch(peer.fileno(), 1, lambda _: serve(peer))

    loop.watch(listener.fileno(), 1, accept)
    turns: list[int] = []
    plan = LoadPlan(plan_requests(b"GET", [b"/"], HOST, None), 2, 0.1, rate=200.0)
    tally = Generator(loop, plan, (socket.AF_INET, listener.getsockname())).run(lambda: turns.append(1))
    assert tally.done + tally.unfinished == 20
    assert tally.done >= 15
    assert turns
    for peer in peers:
        peer.close()
    listener.close()
    loop.close()
