# SPDX-License-Identifier: Apache-2.0 OR MIT
"""TLS between driver and HTTP engine: handshakes in the queue of slow work, budgets, ends, early data."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from sws.base.errors import Http1Error, UsageError
from sws.exchange.exchange import Exchange, Handler
from sws.net.secure import TURN_OCTETS, SecureEngine
from sws.proto.tls import ServerConfig, TlsConnection
from tests.kit.driver import Client, Rig, get
from tests.kit.tls_pair import client, client_config, server, server_config

HANDSHAKE_SECONDS = 10.0


async def hello(exchange: Exchange) -> None:
    exchange.respond(200, (), b"hello" + (b" early" if exchange.request.early else b""))


class Secure:
    """A TLS client on the rig's raw one."""

    def __init__(self, rig: Rig, **changes: Any) -> None:
        self.rig = rig
        self.raw = rig.connect()
        self.tls: TlsConnection = client(client_config(**changes))
        self.plain = Client.__new__(Client)
        self.plain.received = bytearray()

    def pump(self) -> None:
        """Both ways, once."""
        data = bytes(self.raw.received)
        self.raw.received.clear()
        for part in self.tls.receive(data, 0.0):
            self.plain.received += part
        self.raw.send(b"".join(self.tls.data_to_send(1 << 16)))

    def until(self, condition: Callable[[], bool]) -> None:
        """Until it holds."""

        def both() -> bool:
            self.pump()
            return condition()

        self.rig.until(both)

    def connect(self) -> Secure:
        """The handshake."""
        self.until(lambda: self.tls.complete)
        return self

    def ask(self, data: bytes, count: int = 1) -> list[Any]:
        """Answers."""
        self.tls.send([data])
        self.until(lambda: len(self.plain.responses()) >= count)
        return self.plain.responses()


def rig_of(handler: Handler, config: ServerConfig | None = None, **options: Any) -> Rig:
    rig = Rig(handler, **options)
    shared = config or server_config()

    def make() -> SecureEngine:
        return SecureEngine(rig.loop, server(shared), lambda _tls: rig.make_engine(b"https"), HANDSHAKE_SECONDS)

    rig.secure = make
    return rig


def test_requests_over_tls() -> None:
    with rig_of(hello) as rig:
        peer = Secure(rig).connect()
        assert [answer.content for answer in peer.ask(get() + get(), 2)] == [b"hello", b"hello"]
        assert rig.service.exchanges[0].request.scheme == b"https"


def test_half_close_by_close_notify_answers_what_was_asked() -> None:
    with rig_of(hello) as rig:
        peer = Secure(rig).connect()
        peer.tls.send([get()])
        peer.tls.close()
        peer.until(lambda: peer.tls.peer_closed)
        assert peer.plain.responses()[0].content == b"hello"
        assert not peer.tls.truncated


def test_connection_close_is_said_by_close_notify() -> None:
    with rig_of(hello) as rig:
        peer = Secure(rig).connect()
        peer.tls.send([get("/", "Connection: close")])
        peer.until(lambda: peer.tls.peer_closed)
        assert peer.plain.responses()[0].fields["connection"] == "close"
        assert not peer.tls.truncated


def test_an_end_of_the_transport_in_the_middle_of_a_request_aborts_it() -> None:
    seen: list[BaseException] = []

    async def upload(exchange: Exchange) -> None:
        try:
            while await exchange.read():
                pass
        except BaseException as error:
            seen.append(error)
            raise

    with rig_of(upload, tcp=True) as rig:
        peer = Secure(rig).connect()
        peer.tls.send([get("/", "Content-Length: 100", method="POST") + b"some"])
        peer.until(lambda: bool(rig.service.exchanges))
        peer.raw.close()
        rig.clients.clear()
        rig.until(lambda: rig.service.closed_count == 1)
        assert seen


def test_files_leave_through_tls_with_flat_memory(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "large"
    content = bytes(range(256)) * 8192
    path.write_bytes(content)

    async def serve(exchange: Exchange) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        exchange.start(200, ((b"content-length", b"%d" % len(content)),))
        await exchange.send_file(descriptor, 0, len(content))
        os.close(descriptor)

    with rig_of(serve) as rig:
        peer = Secure(rig).connect()
        peer.tls.send([get()])
        most = 0

        def done() -> bool:
            nonlocal most
            most = max(most, rig.drivers[0].engine.tls.pending)  # type: ignore[attr-defined]
            return bool(peer.plain.responses())

        peer.until(done)
        assert peer.plain.responses()[0].content == content
        assert most <= TURN_OCTETS


def test_a_turn_seals_no_more_than_its_budget() -> None:
    async def large(exchange: Exchange) -> None:
        exchange.respond(200, (), bytes(1 << 20))

    with rig_of(large) as rig:
        peer = Secure(rig).connect()
        peer.tls.send([get()])
        peer.pump()
        before = 0
        for _ in range(200):
            rig.turn()
            peer.raw.pump()
            grown = len(peer.raw.received) - before
            assert grown <= TURN_OCTETS + 5000
            before = len(peer.raw.received)
        peer.until(lambda: bool(peer.plain.responses()))
        assert len(peer.plain.responses()[0].content) == 1 << 20


def test_a_handshake_that_takes_too_long() -> None:
    with rig_of(hello) as rig:
        peer = Secure(rig)
        rig.later(HANDSHAKE_SECONDS + 1)
        assert rig.service.closed_count == 1 or peer.raw.eof
        slow = Secure(rig)
        octets = b"".join(slow.tls.data_to_send(1 << 16))
        for at in range(9):
            slow.raw.send(octets[at : at + 1])
            rig.later(1.0)
        assert not slow.raw.eof
        rig.later(1.5)
        assert slow.raw.eof


def test_garbage_instead_of_a_hello_is_answered_with_an_alert() -> None:
    with rig_of(hello) as rig:
        raw = rig.connect()
        raw.send(get())
        rig.until(lambda: raw.eof)
        assert bytes(raw.received) == bytes.fromhex("1503030002020a")


def test_a_broken_record_aborts_what_is_under_way() -> None:
    async def wait(exchange: Exchange) -> None:
        await exchange.read()

    with rig_of(wait) as rig:
        peer = Secure(rig).connect()
        peer.tls.send([get("/", "Content-Length: 100", method="POST")])
        peer.until(lambda: bool(rig.service.exchanges))
        peer.raw.send(b"\x17\3\3\0\x20" + bytes(32))
        peer.until(lambda: rig.service.exchanges[0].is_dead)
        assert peer.tls.alert_received is not None
        assert peer.tls.alert_received.description == 20


def test_the_queue_of_handshakes_is_bounded() -> None:
    with rig_of(hello) as rig:
        refused = 0
        peers = [Secure(rig) for _ in range(60)]
        hellos = [b"".join(peer.tls.data_to_send(1 << 16)) for peer in peers]
        original = rig.loop.call_slow
        count = 0

        def bounded(callback: Callable[[], None]) -> None:
            nonlocal count
            count += 1
            if count > 5:
                from sws.base.errors import LimitExceeded

                raise LimitExceeded("slow work", count, 5)
            original(callback)

        rig.loop.call_slow = bounded  # type: ignore[method-assign]
        for peer, octets in zip(peers, hellos, strict=True):
            peer.raw.send(octets)
        rig.settle()
        refused = sum(peer.raw.eof for peer in peers)
        assert refused == 55


def test_shutdown_before_during_and_after() -> None:
    with rig_of(hello) as rig:
        silent = Secure(rig)
        idle = Secure(rig).connect()
        rig.settle()
        for driver in rig.drivers:
            driver.shutdown()
        rig.until(lambda: silent.raw.eof)
        idle.until(lambda: idle.tls.peer_closed)


def test_who_is_in_the_middle_of_a_handshake_when_others_take_over_is_still_served() -> None:
    with rig_of(hello) as rig:
        peer = Secure(rig)
        silent = Secure(rig)
        rig.turn(2)
        for driver in rig.drivers:
            driver.shutdown(5.0)
        peer.connect()
        assert peer.ask(get())[0].fields["connection"] == "close"
        peer.until(lambda: peer.tls.peer_closed)
        rig.later(6.0)
        assert silent.raw.eof


def test_requests_in_early_data_are_marked() -> None:
    config = server_config({"early_data": 4096})
    with rig_of(hello, config) as rig:
        first = Secure(rig).connect()
        first.ask(get())
        ticket = first.tls.handshake.take_tickets()[0]  # type: ignore[union-attr]
        peer = Secure(rig, ticket=ticket, early=True)
        peer.tls.send([get()])
        peer.pump()
        peer.tls.end_early_data()
        peer.until(lambda: len(peer.plain.responses()) == 1)
        assert peer.tls.facts.early
        assert peer.plain.responses()[0].content == b"hello early"
        assert [answer.content for answer in peer.ask(get(), 2)][1] == b"hello"


def test_there_are_no_verbs_before_there_is_a_protocol() -> None:
    with rig_of(hello) as rig:
        assert rig.secure is not None
        engine = rig.secure()
        with pytest.raises(UsageError, match="no protocol"):
            engine.credit(0)
        assert engine.wants_read
        assert not engine.holds_input
        assert not engine.holds_output
        assert engine.next_timeout() is not None


def test_a_file_that_is_not_there_any_more_ends_the_connection(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "short"
    path.write_bytes(b"x" * 10)

    async def serve(exchange: Exchange) -> None:
        exchange.start(200, ((b"content-length", b"1000"),))
        await exchange.send_file(os.open(path, os.O_RDONLY), 0, 1000)

    with rig_of(serve) as rig:
        peer = Secure(rig).connect()
        peer.tls.send([get()])
        peer.until(lambda: peer.raw.eof)
        assert not peer.tls.peer_closed  # no close_notify: a truncation


def test_errors_of_the_http_engine_leave_through_tls() -> None:
    with rig_of(hello) as rig:
        peer = Secure(rig).connect()
        peer.tls.send([b"NONSENSE\r\n\r\n"])
        peer.until(lambda: peer.tls.peer_closed)
        assert peer.plain.responses()[0].status == 400
        assert Http1Error(400, "x").status == 400
