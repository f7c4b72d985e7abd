# SPDX-License-Identifier: Apache-2.0 OR MIT
"""TLS under a lane: the pipe between sockets of a pair, and what is said of peers that fail."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sws.net.load.lane import Lane, LaneState
from sws.net.load.lane_h2 import Http2Lane
from sws.net.load.plan import LoadPlan, plan_requests
from sws.net.load.secured import SecurePipe, client_config
from tests.kit import tls_pair
from tests.kit.client import ClientRig

PLAN = LoadPlan(plan_requests(b"GET", [b"/"], ((b"host", b"localhost:1"),), None), 1, 1.0, secure=True)


class Ends:
    """A pipe, and the server's engine at the other end of its socket."""

    def __init__(self, alpn: tuple[bytes, ...] = (b"http/1.1",)) -> None:
        near, self.far = socket.socketpair()
        near.setblocking(False)
        self.far.setblocking(False)
        self.engine = tls_pair.server(tls_pair.server_config({"alpn": alpn}))
        self.pipe = SecurePipe(near, client_config(PLAN, lambda: tls_pair.NOW), lambda: 0.0)
        self.got = b""

    def serve(self) -> None:
        """Read all that has come, and send what there is."""
        try:
            while data := self.far.recv(1 << 20):
                self.got += b"".join(self.engine.receive(data, 0.0))
        except BlockingIOError:
            pass
        self.far.sendall(b"".join(self.engine.data_to_send(1 << 20)))

    def say(self, data: bytes) -> None:
        self.engine.send((data,))
        self.serve()

    def shake(self) -> None:
        while not self.pipe.shake():
            self.serve()
        self.serve()

    def send(self, data: bytes) -> None:
        """As a lane does."""
        left = memoryview(data)
        while left:
            try:
                left = left[self.pipe.send(left) :]
            except BlockingIOError:
                self.serve()
        self.serve()


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.pipe.close()
    made.far.close()


def test_what_is_said_arrives(ends: Ends) -> None:
    ends.shake()
    assert ends.engine.facts.alpn == b"http/1.1"
    assert ends.engine.facts.server_name == b"localhost"
    assert ends.pipe.send(b"hello") == 5
    ends.serve()
    assert ends.got == b"hello"
    with pytest.raises(BlockingIOError):  # tickets, which are no plaintext
        ends.pipe.recv(65536)
    with pytest.raises(BlockingIOError):
        ends.pipe.recv(65536)
    ends.say(b"answer")
    assert ends.pipe.recv(65536) == b"answer"


def test_what_a_server_says_with_the_end_of_its_handshake(ends: Ends) -> None:
    """As SETTINGS of HTTP/2: its keys are there before the client's Finished has come."""
    assert not ends.pipe.shake()
    ends.serve()
    ends.say(b"at once")
    assert ends.pipe.shake()
    assert ends.pipe.holds_input
    assert ends.pipe.recv(65536) == b"at once"
    assert not ends.pipe.holds_input


def test_more_than_the_socket_takes(ends: Ends) -> None:
    ends.shake()
    data = bytes(range(256)) * 8192
    ends.send(data)
    assert ends.got == data
    assert not ends.pipe.holds_output


def test_new_keys_are_answered(ends: Ends) -> None:
    ends.shake()
    ends.engine.update_keys()
    ends.say(b"under new keys")
    assert ends.pipe.recv(65536) == b"under new keys"
    ends.send(b"and back")
    assert ends.got == b"and back"


def test_the_announced_end(ends: Ends) -> None:
    """Its last words first, though nothing more comes from the socket."""
    ends.shake()
    ends.engine.close()
    ends.serve()
    assert ends.pipe.recv(65536) == b""
    other = Ends()
    other.shake()
    other.engine.send((b"last",))
    other.engine.close()
    other.serve()
    assert other.pipe.recv(65536) == b"last"
    other.pipe._sock.setblocking(True)
    assert other.pipe._sock.recv(1) == b""
    assert other.pipe.recv(65536) == b""
    other.pipe.close()
    other.far.close()


def test_an_end_that_was_not_announced(ends: Ends) -> None:
    ends.shake()
    ends.far.close()
    with pytest.raises(BlockingIOError):
        ends.pipe.recv(65536)
    with pytest.raises(ConnectionResetError):
        ends.pipe.recv(65536)


def test_what_is_no_record(ends: Ends) -> None:
    ends.shake()
    with pytest.raises(BlockingIOError):
        ends.pipe.recv(65536)
    ends.far.sendall(b"\x17\x03\x03\0\x20" + bytes(32))
    with pytest.raises(ConnectionAbortedError, match="alert 20"):
        ends.pipe.recv(65536)


def test_handshakes_that_fail() -> None:
    ends = Ends((b"h2",))
    with pytest.raises(ConnectionAbortedError, match="alert 120"):
        ends.shake()
    ends.far.close()
    ends.pipe.close()
    ends = Ends()
    assert not ends.pipe.shake()
    ends.far.close()
    with pytest.raises(ConnectionResetError):
        ends.pipe.shake()
    ends.pipe.close()  # though nobody can be told


def test_who_is_asked_for() -> None:
    """RFC 6066 §3: literal addresses are no names."""
    for host, name in (
        (b"a.example", b"a.example"),
        (b"a.example:80", b"a.example"),
        (b"127.0.0.1:1", None),
        (b"[::1]:1", None),
        (b"[::1]", None),
    ):
        plan = replace(PLAN, requests=plan_requests(b"GET", [b"/"], ((b"host", host),), None))
        assert client_config(plan, lambda: 0.0).server_name == name
    assert client_config(replace(PLAN, http=2), lambda: 0.0).alpn == (b"h2",)


class Yard:
    """Of one lane that is asked nothing."""

    octets = 0
    connections = 0

    def opened(self, lane: Lane) -> None:
        """Connected."""

    def answered(self, lane: Lane, status: int) -> None:
        """Nobody asked."""
        raise AssertionError

    def failed(self, lane: Lane, kind: str) -> None:
        """Nothing was asked."""
        raise AssertionError(kind)


def test_a_lane_hears_what_came_with_the_end_of_the_handshake() -> None:
    settings = bytes.fromhex("000000040000000000")
    with ClientRig() as rig, socket.create_server(("127.0.0.1", 0)) as listener:
        yard, engine = Yard(), tls_pair.server(tls_pair.server_config({"alpn": (b"h2",)}))
        plan = replace(PLAN, http=2)
        lane = Http2Lane(rig.loop, plan, (socket.AF_INET, listener.getsockname()), yard, client_config(plan, lambda: tls_pair.NOW))
        lane.open()
        with listener.accept()[0] as far:
            far.settimeout(5)
            for _ in range(5):
                rig.loop.turn(0)
            engine.receive(far.recv(65536), 0.0)
            flight = engine.data_to_send(65536)
            engine.send((settings,))
            far.sendall(b"".join([*flight, *engine.data_to_send(65536)]))
            rig.until(lambda: yard.octets == len(settings))
            assert (lane.state, yard.connections) == (LaneState.READY, 1)
            lane.close()
