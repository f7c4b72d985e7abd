# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every kind of right and wrong octets (tests.kit.h2_cases) to HTTP/2 behind real sockets, with handlers that answer at once or late.

What came before and the octets in question come in one read or in two.  In one, the engine is ahead of the handlers: a request may be over
before its handler would begin.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from sws.exchange.exchange import Exchange
from sws.os.tasks import Waiter
from tests.kit.h2_cases import FORMS, MALFORMED, RIGHT, WRONG, Before
from tests.kit.h2_peer import (
    ACK,
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    PROTOCOL_ERROR,
    RST_STREAM,
    SETTINGS_ACK,
    Field,
    Frame,
    frame,
    headers,
    parse,
    settings,
)
from tests.kit.h2_site import Site, site


async def _prompt(exchange: Exchange) -> None:
    exchange.respond(200, (), b"%d" % len(await exchange.read_all(1 << 20)))


async def _late(exchange: Exchange) -> None:
    """As long as its stream lives, stream 1 is not answered."""
    if exchange.stream == 1:
        await Waiter()
    await _prompt(exchange)


@pytest.fixture(scope="module")
def prompt() -> Iterator[Site]:
    with site(_prompt) as served:
        yield served


@pytest.fixture(scope="module")
def late() -> Iterator[Site]:
    with site(_late) as served:
        yield served


class Wire:
    """One connection, and the frames that came on it."""

    def __init__(self, served: Site, *octets: bytes) -> None:
        self.sock = socket.create_connection(("127.0.0.1", served.port), 10)
        self._octets = b""
        self.is_over = False
        self.send(PREFACE, settings(), SETTINGS_ACK, *octets)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, *octets: bytes) -> None:
        self.sock.sendall(b"".join(octets))

    def frames(self) -> list[Frame]:
        """Whole ones."""
        end = 0
        while len(self._octets) >= end + 9 and len(self._octets) >= (stop := end + 9 + int.from_bytes(self._octets[end : end + 3], "big")):
            end = stop
        return parse(self._octets[:end])

    def until(self, wanted: Callable[[Frame], bool]) -> Frame:
        """The first such frame; fails if the server closes without it."""
        while True:
            found = [each for each in self.frames() if wanted(each)]
            if found:
                return found[0]
            part = self.sock.recv(65536)
            assert part, self.frames()
            self._octets += part

    def rest(self) -> list[Frame]:
        """All frames until the server closes."""
        while part := self.sock.recv(65536):
            self._octets += part
        return self.frames()

    def is_answered(self, stream: int) -> bool:
        """The response to a stream has come to its end."""
        self.until(lambda each: each.stream == stream and each.type == HEADERS)
        return self.until(lambda each: each.stream == stream and each.flags & END_STREAM != 0).type == DATA


@pytest.mark.parametrize("reads", [1, 2])
@pytest.mark.parametrize(("before", "octets", "scope", "code"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_octets(before: Before, octets: bytes, scope: str, code: int, reads: int, prompt: Site, late: Site) -> None:
    with Wire(
        prompt if before.is_answered or reads == 1 else late, before.octets, b"" if before.is_answered or reads == 2 else octets
    ) as wire:
        if before.is_answered:
            assert wire.is_answered(1)
        if before.is_answered or reads == 2:
            wire.send(frame(PING, 0, 0, b"one-read"))
            wire.until(lambda each: each.type == PING)
            wire.send(octets)
        if scope == "connection":
            assert [each.code for each in wire.rest() if each.type == GOAWAY] == [code]
        else:
            assert wire.until(lambda each: each.type == RST_STREAM).code == code
            wire.send(headers(101))
            assert wire.is_answered(101)


@pytest.mark.parametrize("fields", [row[1] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_malformed_requests(fields: tuple[Field, ...], prompt: Site) -> None:
    with Wire(prompt, headers(1, fields), headers(3)) as wire:
        assert wire.until(lambda each: each.type == RST_STREAM)[2:] == (1, PROTOCOL_ERROR.to_bytes(4, "big"))
        assert wire.is_answered(3)


@pytest.mark.parametrize("octets", [row[1] for row in RIGHT], ids=[row[0] for row in RIGHT])
def test_right_octets(octets: bytes, prompt: Site) -> None:
    with Wire(prompt, octets, frame(PING, 0, 0, b"still-up"), headers(1)) as wire:
        assert wire.until(lambda each: each.type == PING) == Frame(PING, ACK, 0, b"still-up")
        assert wire.is_answered(1)


@pytest.mark.parametrize("octets", [row[1] for row in FORMS], ids=[row[0] for row in FORMS])
def test_one_request_in_many_forms(octets: bytes, prompt: Site) -> None:
    with Wire(prompt, octets) as wire:
        assert wire.is_answered(1)
