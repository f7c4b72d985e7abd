# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Our client with our server: random schedules of exchanges, cuts and windows always end with what was sent, and nothing is left."""

from __future__ import annotations

import random

import pytest

from sws.base.engine import Aborted, BodyChunk, Ended, Event, RequestStarted, ResponseStarted, Trailers
from sws.proto.h2 import ClientConnection, Http2Limits, IdlePolicy, ServerConnection
from tests.kit.h2_peer import DATE, joined


class Pair:
    """Two engines and two pipes, moved a random piece at a time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        choose = self.random.choice
        limits = Http2Limits(
            window=choose((10, 1000, 65535)),
            frame=choose((16384, 20000)),
            table=choose((0, 100, 4096)),
            priority_tree=choose((False, True)),
            controls=10**9,
            resets=10**9,
        )
        self.client = ClientConnection(0.0, limits=Http2Limits(window=choose((10, 5000, 1 << 20)), table=choose((0, 4096)), controls=10**9))
        self.server = ServerConnection(0.0, limits=limits, idle=IdlePolicy(), date=lambda: DATE)
        self.pipes = {"client": bytearray(), "server": bytearray()}
        self.bodies: dict[int, bytes] = {}
        self.answers: dict[int, bytes] = {}
        self.requests: dict[int, bytearray] = {}
        self.responses: dict[int, bytearray] = {}
        self.trailers: dict[int, tuple[bytes, bytes]] = {}
        self.over: set[int] = set()

    def ask(self) -> None:
        body = self.random.randbytes(self.random.choice((0, 1, 100, 70000)))
        declared = ((b"content-length", b"%d" % len(body)),) if self.random.random() < 0.5 else ()
        priority = ((b"priority", b"u=%d, i" % self.random.randrange(8)),) if self.random.random() < 0.5 else ()
        fields = ((b"host", b"a"), *declared, *priority)
        number = self.client.send_request(b"POST", b"/%d" % self.random.randrange(9), fields, 0.0, not body)
        self.bodies[number] = body
        self.responses[number] = bytearray()
        if body:
            cut = self.random.randrange(len(body) + 1)
            self.client.send_data(number, body[:cut])
            self.client.send_data(number, body[cut:], True)

    def answer(self, number: int) -> None:
        body = self.answers[number] = self.random.randbytes(self.random.choice((0, 5, 1024, 90000)))
        if self.random.random() < 0.5 and body:
            self.server.send_response(number, 200, ((b"content-length", b"%d" % len(body)),), body)
            return
        self.server.send_headers(number, 200, ())
        self.server.send_data(number, body)
        if self.random.random() < 0.5:
            self.trailers[number] = (b"x-sum", b"%d" % len(body))
            self.server.send_trailers(number, (self.trailers[number],))
        else:
            self.server.send_data(number, b"", True)

    def on_server(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, RequestStarted):
                self.requests[event.stream] = bytearray()
                if event.ended:
                    self.answer(event.stream)
            elif isinstance(event, BodyChunk):
                self.requests[event.stream] += event.data
                self.server.consumed(event.stream, len(event.data))
            elif isinstance(event, Ended):
                self.answer(event.stream)
            else:
                pytest.fail(f"{event}")

    def on_client(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, ResponseStarted):
                assert event.status == 200
                if event.ended:
                    self.over.add(event.stream)
            elif isinstance(event, BodyChunk):
                self.responses[event.stream] += event.data
                self.client.consumed(event.stream, len(event.data))
            elif isinstance(event, Trailers):
                assert list(event.fields) == [self.trailers.pop(event.stream)]
            elif isinstance(event, Ended):
                self.over.add(event.stream)
            elif isinstance(event, Aborted):
                pytest.fail(f"{event}")

    def move(self) -> bool:
        self.pipes["server"] += joined(self.client.data_to_send(0.0))
        self.pipes["client"] += joined(self.server.data_to_send(0.0))
        moved = False
        for name, take in (("server", self.on_server), ("client", self.on_client)):
            pipe = self.pipes[name]
            if pipe:
                count = self.random.choice((1, 9, 100, 5000, len(pipe)))
                piece = bytes(pipe[:count])
                del pipe[:count]
                engine = self.server if name == "server" else self.client
                take(engine.receive(piece, 0.0))
                moved = True
        return moved


@pytest.mark.parametrize("seed", range(25))
def test_random_schedules(seed: int) -> None:
    pair = Pair(seed)
    left = 12
    while left or pair.move():
        if left and pair.client.is_idle and pair.random.random() < 0.3:
            pair.ask()
            left -= 1
        pair.move()
    assert pair.over == set(pair.bodies)
    assert {number: bytes(body) for number, body in pair.requests.items()} == pair.bodies
    assert {number: bytes(body) for number, body in pair.responses.items()} == pair.answers
    assert not pair.trailers
    pair.server.shutdown(0.0)
    while pair.move():
        pass
    assert pair.server.wants_close
    assert pair.client.wants_close
    assert pair.client.error is pair.server.error is None
