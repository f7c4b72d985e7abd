# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The pool against raw servers on loopback and a fake clock.  RFC 9110 §9.2.2, RFC 9112 §9.3.1."""

from __future__ import annotations

import os
import pathlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sws.base.engine import Output
from sws.base.errors import UsageError
from sws.net.client import ClientEngine
from sws.net.connect import ConnectError
from sws.net.hosts_file import HostsFile
from sws.net.pool import ClientPool, Origin, PoolError, PoolErrorKind, PoolLimits
from sws.net.resolv_conf import ResolverConfig
from sws.net.resolver import Resolver
from sws.net.response import Request, RequestError, RequestErrorKind, Response
from sws.os.loop import Loop
from sws.os.tasks import Cancelled
from sws.proto.http1 import Http1Limits
from tests.kit.client import ClientRig, get, post
from tests.kit.dns_server import Running
from tests.kit.driver import Client
from tests.kit.fake_engine import FakeEngine
from tests.kit.site import EMPTY, Site


@final
class PoolRig:
    """A pool and its servers."""

    def __init__(self, limits: PoolLimits | None = None, make_engine: Callable[[Loop, Http1Limits], ClientEngine] | None = None) -> None:
        self.rig = ClientRig()
        resolver = Resolver(self.rig.loop, ResolverConfig(), hosts=HostsFile("/nonexistent"))
        options = {} if make_engine is None else {"make_engine": make_engine}
        self.pool = ClientPool(self.rig.loop, resolver, limits=limits or PoolLimits(), **options)  # type: ignore[arg-type]
        self.sites: list[Site] = []

    def __enter__(self) -> PoolRig:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.abort()
        self.rig.settle()
        assert (self.pool.connections, self.pool.idle, self.pool.waiting) == (0, 0, 0)
        assert not self.pool._places
        for site in self.sites:
            site.close()
        self.rig.__exit__()
        assert self.rig.errors == []

    def site(self, path: str | None = None) -> Site:
        """A new server."""
        self.sites.append(Site(self.rig, path))
        return self.sites[-1]

    def begin(self, site: Site, request: Request | None = None) -> Running[Response]:
        """Ask."""
        return self.rig.begin(self.pool.request(site.origin, request or get()))

    def ask(self, site: Site, request: Request | None = None) -> int:
        """Ask, read all, and say the status."""
        running = self.begin(site, request)
        response = running.finish()
        self.rig.run(response.read_all(1000))
        self.rig.settle()
        return response.status

    def fail(self, running: Running[Response]) -> BaseException:
        """What it failed with."""
        running.wait()
        assert running.error is not None
        return running.error


@pytest.fixture(autouse=True)
def no_descriptor_leaks() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    yield
    assert (len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0) == before


def test_a_connection_is_used_again() -> None:
    with PoolRig() as rig:
        site = rig.site()
        assert [rig.ask(site) for _ in range(5)] == [200] * 5
        counters = rig.pool.counters
        assert (len(site.peers), counters.opened, counters.reused, rig.pool.idle) == (1, 1, 4, 1)


def test_a_unix_socket(tmp_path: pathlib.Path) -> None:
    with PoolRig() as rig:
        site = rig.site(str(tmp_path / "s"))
        assert [rig.ask(site) for _ in range(2)] == [200] * 2
        assert len(site.peers) == 1


def test_the_last_one_used_is_the_first_to_be_used_again() -> None:
    with PoolRig() as rig:
        site = rig.site()
        site.answering = False
        running = [rig.begin(site) for _ in range(3)]
        for number in (1, 0, 2):
            rig.rig.until(lambda number=number: len(site.peers) > number and bool(site.peers[number].received))  # type: ignore[misc]
            site.answer(site.peers[number])
            rig.rig.settle()
        assert all(each.done for each in running)
        assert rig.pool.idle == 3
        rig.begin(site)
        assert [bool(peer.received) for peer in site.peers] == [False, False, True]


def test_origins_are_kept_apart() -> None:
    with PoolRig() as rig:
        one, other = rig.site(), rig.site()
        rig.ask(one)
        rig.ask(other)
        rig.ask(one)
        assert (len(one.peers), len(other.peers), rig.pool.counters.opened) == (1, 1, 2)
        assert Origin("http", "a", 80) != Origin("http", "a", 80, "/s")


def test_a_response_that_is_not_read_holds_its_connection() -> None:
    with PoolRig() as rig:
        site = rig.site()
        site.answering = False
        running = rig.begin(site)
        rig.rig.until(lambda: bool(site.peers))
        site.peers[0].received.clear()
        site.peers[0].send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
        response = running.finish()
        site.answering = True
        rig.ask(site)
        assert (len(site.peers), rig.pool.idle, rig.pool.connections) == (2, 1, 2)
        response.close()
        rig.rig.settle()
        assert rig.pool.connections == 1


def test_only_http_is_possible() -> None:
    with PoolRig() as rig:
        error = rig.rig.fail(rig.pool.request(Origin("https", "127.0.0.1", 443), get()))
        assert isinstance(error, UsageError)


def test_a_server_that_is_not_there_leaves_no_slot_taken() -> None:
    with PoolRig(PoolLimits(per_origin=1)) as rig:
        site = rig.site()
        site.close()
        for _ in range(3):
            assert isinstance(rig.fail(rig.begin(site)), ConnectError)
            assert rig.pool.connections == 0


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_the_bound_of_an_origin_and_the_order_of_the_queue() -> None:
    with PoolRig(PoolLimits(per_origin=2)) as rig:
        site = rig.site()
        site.answering = False
        running = [rig.begin(site, get(b"/%d" % number)) for number in range(6)]
        rig.rig.until(lambda: len(site.peers) == 2 and all(peer.received for peer in site.peers))
        assert (rig.pool.connections, rig.pool.waiting) == (2, 4)
        order = []
        while not all(each.done for each in running):
            peer = site.peers[0]
            order.append(bytes(peer.received).split()[1])
            site.answer(peer)
            rig.rig.settle()
            if not peer.received:
                site.peers.reverse()
        assert sorted(order[:-1]) == [b"/0", b"/2", b"/3", b"/4", b"/5"]
        assert order[1:5] == [b"/2", b"/3", b"/4", b"/5"]
        assert rig.pool.counters.opened == 2


def test_an_idle_connection_to_another_origin_makes_room() -> None:
    with PoolRig(PoolLimits(total=2)) as rig:
        sites = [rig.site() for _ in range(3)]
        for site in sites:
            rig.ask(site)
        assert (rig.pool.connections, rig.pool.counters.evicted) == (2, 1)
        rig.rig.settle()
        assert [site.peers[0].eof for site in sites] == [True, False, False]


def test_who_waits_for_room_under_the_total_gets_it_when_a_connection_becomes_idle() -> None:
    with PoolRig(PoolLimits(total=1)) as rig:
        one, other = rig.site(), rig.site()
        one.answering = False
        first = rig.begin(one)
        second = rig.begin(other)
        rig.rig.until(lambda: bool(one.peers and one.peers[0].received))
        assert rig.pool.waiting == 1
        one.answer(one.peers[0])
        first.finish()
        assert second.finish().status == 200
        assert (rig.pool.connections, one.peers[0].eof) == (1, True)


def test_a_freed_slot_goes_to_whoever_has_waited_longest() -> None:
    with PoolRig(PoolLimits(total=1, per_origin=1)) as rig:
        busy, second, third = rig.site(), rig.site(), rig.site()
        busy.answering = second.answering = False
        first = rig.begin(busy)
        rig.begin(second)
        rig.begin(third)
        rig.begin(busy)
        rig.rig.until(lambda: bool(busy.peers and busy.peers[0].received))
        busy.peers[0].close()
        assert isinstance(rig.fail(first), RequestError)
        rig.rig.until(lambda: bool(second.peers))
        assert (len(third.peers), rig.pool.waiting) == (0, 2)


def test_a_queue_that_is_full() -> None:
    with PoolRig(PoolLimits(per_origin=1, waiters=2)) as rig:
        site = rig.site()
        site.answering = False
        running = [rig.begin(site) for _ in range(4)]
        error = rig.fail(running[3])
        assert isinstance(error, PoolError)
        assert (error.kind, rig.pool.counters.refused, rig.pool.waiting) == (PoolErrorKind.FULL, 1, 2)


def test_waiting_for_too_long() -> None:
    with PoolRig(PoolLimits(per_origin=1, wait_timeout=3)) as rig:
        site = rig.site()
        site.answering = False
        rig.begin(site)
        waiting = rig.begin(site)
        rig.rig.advance(2.9)
        assert not waiting.done
        rig.rig.advance(0.2)
        error = rig.fail(waiting)
        assert isinstance(error, PoolError)
        assert (error.kind, rig.pool.waiting) == (PoolErrorKind.TIMEOUT, 0)


def test_cancelled_while_waiting() -> None:
    with PoolRig(PoolLimits(per_origin=1)) as rig:
        site = rig.site()
        site.answering = False
        first, second, third = rig.begin(site), rig.begin(site), rig.begin(site)
        assert second.task is not None
        second.task.cancel()
        rig.rig.until(lambda: bool(site.peers and site.peers[0].received))
        site.answering = True
        assert [first.finish().status, third.finish().status] == [200, 200]
        assert isinstance(rig.fail(second), Cancelled)


@pytest.mark.parametrize("dies", [False, True])
def test_cancelled_with_a_grant_in_hand(dies: bool) -> None:
    """In the very turn in which it got it: a connection, or the slot of one that died, goes to the next."""
    with PoolRig(PoolLimits(per_origin=1)) as rig:
        site = rig.site()
        site.answering = False
        _, second, third = rig.begin(site), rig.begin(site), rig.begin(site)
        rig.rig.until(lambda: bool(site.peers and site.peers[0].received))
        waiting = rig.pool._places[site.origin].queue[0]
        caught: list[bool] = []

        def look() -> None:
            """Timers fire behind what is ready, and before what that has queued."""
            if waiting.waiter.done:
                assert second.task is not None
                second.task.cancel()
                caught.append(not second.done)
            else:
                rig.rig.loop.call_later(0.0, look)

        rig.rig.loop.call_later(0.0, look)
        if dies:
            site.peers[0].close()
        else:
            site.answer(site.peers[0])
        site.answering = True
        assert third.finish().status == 200
        assert (caught, type(rig.fail(second))) == ([True], Cancelled)
        assert rig.pool.connections == 1


def test_cancelled_while_connecting() -> None:
    with PoolRig() as rig:
        site = rig.site()
        task = rig.rig._rig.begin(rig.pool.request(site.origin, get())).task
        assert rig.pool.connections == 1
        assert task is not None
        task.cancel()
        rig.rig.settle()
        assert rig.pool.connections == 0


def test_who_waits_for_its_own_origin_is_not_helped_by_room_elsewhere() -> None:
    """Neither by another origin's connection that becomes idle, nor by one that is closed."""
    with PoolRig(PoolLimits(total=2, per_origin=1)) as rig:
        busy, other = rig.site(), rig.site()
        busy.answering = False
        rig.begin(busy)
        waiting = rig.begin(busy)
        rig.ask(other)
        assert (rig.pool.waiting, rig.pool.idle) == (1, 1)
        other.peers[0].close()
        rig.rig.settle()
        assert (rig.pool.waiting, rig.pool.idle, rig.pool.connections, waiting.done) == (1, 0, 1, False)


# --- connections that die -------------------------------------------------------------------------------------------


def kept(rig: PoolRig, site: Site) -> Client:
    """A connection that has been used once, and answers no more."""
    rig.ask(site)
    site.answering = False
    return site.peers[0]


def die_on_request(rig: PoolRig, peer: Client) -> None:
    """The server closes just as a request arrives."""
    rig.rig.until(lambda: bool(peer.received))
    peer.close()


def test_an_idempotent_request_is_sent_again_on_a_new_connection() -> None:
    with PoolRig() as rig:
        site = rig.site()
        peer = kept(rig, site)
        running = rig.begin(site, post(b"", method=b"PUT"))
        die_on_request(rig, peer)
        site.answering = True
        assert running.finish().status == 200
        assert (rig.pool.counters.retried, len(site.peers)) == (1, 2)


def test_never_a_second_time() -> None:
    with PoolRig() as rig:
        site = rig.site()
        peer = kept(rig, site)
        running = rig.begin(site)
        die_on_request(rig, peer)
        rig.rig.until(lambda: len(site.peers) == 2)
        die_on_request(rig, site.peers[1])
        error = rig.fail(running)
        assert isinstance(error, RequestError)
        assert (error.kind, rig.pool.counters.retried, len(site.peers)) == (RequestErrorKind.CLOSED, 1, 2)


async def stream() -> AsyncIterator[Output]:
    """Content that can be had once."""
    yield b"a"


@pytest.mark.parametrize("request_", [post(b"a"), post(stream(), method=b"PUT")])
def test_what_may_not_be_sent_again(request_: Request) -> None:
    with PoolRig() as rig:
        site = rig.site()
        peer = kept(rig, site)
        running = rig.begin(site, request_)
        die_on_request(rig, peer)
        error = rig.fail(running)
        assert isinstance(error, RequestError)
        assert (error.is_unanswered, rig.pool.counters.retried, len(site.peers)) == (True, 0, 1)


def test_after_an_octet_of_the_response_it_is_not_sent_again() -> None:
    with PoolRig() as rig:
        site = rig.site()
        peer = kept(rig, site)
        running = rig.begin(site)
        rig.rig.until(lambda: bool(peer.received))
        peer.send(b"H")
        rig.rig.settle()
        peer.close()
        assert isinstance(rig.fail(running), RequestError)
        assert rig.pool.counters.retried == 0


def test_nor_on_a_new_connection() -> None:
    with PoolRig() as rig:
        site = rig.site()
        site.answering = False
        running = rig.begin(site)
        rig.rig.until(lambda: bool(site.peers))
        die_on_request(rig, site.peers[0])
        assert isinstance(rig.fail(running), RequestError)
        assert rig.pool.counters.retried == 0


def test_a_post_does_not_go_out_on_a_connection_that_the_kernel_knows_to_be_dead() -> None:
    with PoolRig() as rig:
        site = rig.site()
        peer = kept(rig, site)
        site.answering = True
        peer.close()  # and the loop has had no turn yet
        response = rig.rig._rig.begin(rig.pool.request(site.origin, post(b"a", method=b"POST")))
        assert len(site.peers) == 1
        rig.rig.until(lambda: len(site.peers) == 2 and b"\r\n\r\na" in site.peers[1].received)
        site.answer(site.peers[1])
        assert response.finish().status == 200


def test_a_retry_finds_room_by_closing_an_idle_connection() -> None:
    with PoolRig(PoolLimits(per_origin=2)) as rig:
        site = rig.site()
        site.answering = False
        running = [rig.begin(site), rig.begin(site)]
        rig.rig.until(lambda: len(site.peers) == 2 and all(peer.received for peer in site.peers))
        for peer in site.peers:
            site.answer(peer)
        for each in running:
            each.finish()
        rig.rig.settle()
        (first, second) = site.peers
        retried = rig.begin(site)
        rig.rig.until(lambda: bool(first.received or second.received))
        site.answering = True
        (first if first.received else second).close()
        assert retried.finish().status == 200
        assert rig.pool.connections <= 2


def test_a_retry_waits_like_others() -> None:
    """The slot of the dead one has gone to the queue: the retry gets its place behind."""
    with PoolRig(PoolLimits(per_origin=1)) as rig:
        site = rig.site()
        peer = kept(rig, site)
        first, second = rig.begin(site), rig.begin(site)
        die_on_request(rig, peer)
        rig.rig.until(lambda: len(site.peers) == 2 and bool(site.peers[1].received))
        assert not first.done
        site.answering = True
        assert second.finish().status == 200
        assert first.finish().status == 200
        assert rig.pool.connections == 1


# --- idleness and the end --------------------------------------------------------------------------------------------


def test_idle_connections_are_closed_after_a_while() -> None:
    with PoolRig(PoolLimits(idle_timeout=10)) as rig:
        one, other = rig.site(), rig.site()
        rig.ask(one)
        rig.rig.advance(6)
        rig.ask(other)
        rig.rig.advance(3.9)
        assert rig.pool.idle == 2
        rig.rig.advance(0.2)
        assert (rig.pool.idle, rig.pool.counters.evicted) == (1, 1)
        rig.rig.advance(5.7)
        assert rig.pool.idle == 1
        rig.rig.advance(0.3)
        assert (rig.pool.idle, rig.pool.connections) == (0, 0)


def test_an_idle_connection_that_its_server_closes_is_forgotten() -> None:
    with PoolRig() as rig:
        site = rig.site()
        kept(rig, site).close()
        rig.rig.settle()
        assert (rig.pool.idle, rig.pool.connections) == (0, 0)


def test_closing() -> None:
    with PoolRig(PoolLimits(per_origin=1)) as rig:
        site, idle = rig.site(), rig.site()
        rig.ask(idle)
        site.answering = False
        first, waiting = rig.begin(site), rig.begin(site)
        rig.rig.until(lambda: bool(site.peers and site.peers[0].received))
        rig.pool.close()
        error = rig.fail(waiting)
        assert isinstance(error, PoolError)
        assert (error.kind, rig.pool.idle) == (PoolErrorKind.CLOSED, 0)
        site.answer(site.peers[0])
        assert first.finish().status == 200  # what was under way is finished
        rig.rig.settle()
        assert rig.pool.connections == 0
        assert isinstance(rig.fail(rig.begin(site)), PoolError)


def test_closing_while_connecting() -> None:
    with PoolRig() as rig:
        site = rig.site()
        running = rig.rig._rig.begin(rig.pool.request(site.origin, get()))
        rig.pool.close()
        assert isinstance(rig.fail(running), PoolError)
        assert rig.pool.connections == 0


# --- several at once on one connection -------------------------------------------------------------------------------


def test_a_multiplexed_connection_is_shared() -> None:
    """One connection carries all; it is not evicted while it carries anything, and its eviction timer does not spin."""
    with PoolRig(PoolLimits(idle_timeout=10), lambda loop, limits: FakeEngine(loop.now, client=True)) as rig:
        site = rig.site()
        first = rig.begin(site)
        rig.rig.until(lambda: bool(site.peers and site.peers[0].received))
        more = [rig.begin(site) for _ in range(3)]
        peer = site.peers[0]
        assert (rig.pool.connections, rig.pool.idle) == (1, 1)
        rig.rig.advance(11)
        turns = rig.rig.loop.turns
        rig.rig.loop.turn(0.01)
        assert (rig.pool.connections, rig.rig.loop.turns) == (1, turns + 1)
        for stream_id in (1, 2, 3, 4):
            payload = b"200 ended\n"
            peer.send(bytes([0]) + stream_id.to_bytes(2, "big") + len(payload).to_bytes(2, "big") + payload)
        assert [each.finish().status for each in (first, *more)] == [200] * 4
        rig.rig.advance(10.1)
        rig.rig.advance(10.1)
        assert rig.pool.connections == 0


def frame(kind: int, stream_id: int, payload: bytes) -> bytes:
    """Of the fake engine's protocol."""
    return bytes([kind]) + stream_id.to_bytes(2, "big") + len(payload).to_bytes(2, "big") + payload


def test_a_shared_connection_that_takes_no_more_is_left_to_its_exchanges() -> None:
    with PoolRig(PoolLimits(per_origin=2), lambda loop, limits: FakeEngine(loop.now, client=True)) as rig:
        site = rig.site()
        first = rig.begin(site)
        rig.rig.until(lambda: bool(site.peers and site.peers[0].received))
        assert rig.pool.idle == 1
        site.peers[0].send(frame(7, 0, b""))  # GOAWAY
        rig.rig.settle()
        second = rig.begin(site)
        rig.rig.until(lambda: len(site.peers) == 2 and bool(site.peers[1].received))
        for peer in site.peers:
            peer.send(frame(0, 1, b"200 ended\n"))
        assert [first.finish().status, second.finish().status] == [200, 200]


def test_a_retry_shares_a_connection_that_others_use_and_closes_one_that_nobody_does() -> None:
    with PoolRig(PoolLimits(per_origin=1), lambda loop, limits: FakeEngine(loop.now, client=True)) as rig:
        site = rig.site()
        first = rig.begin(site)
        rig.rig.until(lambda: bool(site.peers and site.peers[0].received))
        shared = rig.rig.run(rig.pool._acquire_new(site.origin))
        assert (shared.exchanges, rig.pool.connections) == (1, 1)
        rig.pool.available(shared)
        site.peers[0].send(frame(0, 1, b"200 ended\n"))
        first.finish()
        fresh = rig.rig.run(rig.pool._acquire_new(site.origin))
        assert fresh is not shared
        assert (shared.is_closed, rig.pool.connections) == (True, 1)


# --- all of it at random ---------------------------------------------------------------------------------------------


class PoolMachine(RuleBasedStateMachine):
    """Requests, answers, deaths, cancellations and time in any order: the bounds hold, and in the end nothing is left."""

    LIMITS = PoolLimits(per_origin=2, total=3, waiters=4, wait_timeout=3, idle_timeout=5)

    def __init__(self) -> None:
        super().__init__()
        self.rig = PoolRig(self.LIMITS)
        self.sites = [self.rig.site(), self.rig.site()]
        for site in self.sites:
            site.answering = False
        self.running: list[Running[Response]] = []

    @rule(site=st.integers(0, 1), method=st.sampled_from([b"GET", b"POST"]))
    def ask(self, site: int, method: bytes) -> None:
        self.running.append(self.rig.begin(self.sites[site], get(method=method)))

    @rule(site=st.integers(0, 1), peer=st.integers(0, 5), how=st.sampled_from(["answer", "close", "part", "last"]))
    def serve(self, site: int, peer: int, how: str) -> None:
        peers = [each for each in self.sites[site].peers if each.sock.fileno() >= 0 and not each.eof]
        if not peers:
            return
        chosen = peers[peer % len(peers)]
        if how == "close":
            chosen.close()
        elif chosen.received.endswith(b"\r\n\r\n"):
            chosen.received.clear()
            chosen.send({"answer": EMPTY, "part": EMPTY[:20], "last": EMPTY.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")}[how])
        self.rig.rig.settle()

    @rule(number=st.integers(0, 20))
    def cancel(self, number: int) -> None:
        under_way = [each for each in self.running if not each.done and each.task is not None]
        if under_way:
            task = under_way[number % len(under_way)].task
            assert task is not None
            task.cancel()

    @rule(seconds=st.sampled_from([0.5, 2.0, 6.0]))
    def wait(self, seconds: float) -> None:
        self.rig.rig.advance(seconds)

    @invariant()
    def bounds_hold(self) -> None:
        pool = self.rig.pool
        assert pool.connections <= self.LIMITS.total
        assert pool.waiting <= self.LIMITS.waiters
        assert pool.idle <= pool.connections
        assert all(place.slots <= self.LIMITS.per_origin for place in pool._places.values())
        assert sum(place.slots for place in pool._places.values()) == pool.connections
        for each in self.running:
            assert each.error is None or isinstance(each.error, RequestError | PoolError | Cancelled), repr(each.error)

    @invariant()
    def nobody_waits_for_a_connection_that_is_free(self) -> None:
        for place in self.rig.pool._places.values():
            assert not (place.queue and place.idle)
            assert not (place.queue and place.slots < self.LIMITS.per_origin and self.rig.pool.connections < self.LIMITS.total)

    def teardown(self) -> None:
        self.rig.__exit__()
        assert all(each.done for each in self.running if each.task is not None)


PoolMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestPoolAtRandom = PoolMachine.TestCase
