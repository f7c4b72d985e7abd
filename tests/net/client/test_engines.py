# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Against our own server and a multiplexed engine; and whatever a server may send."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.engine import Output
from sws.exchange.exchange import Exchange, PeerFacts
from sws.net.client import ClientDriver
from sws.net.driver import StreamDriver
from sws.net.outlet import SendLimits
from sws.net.response import Request, RequestError
from sws.os.tasks import Cancelled
from sws.proto.http1 import ClientConnection, Http1Limits, IdlePolicy, ServerConnection
from tests.kit.client import HOST, OK, ClientRig, Owner, get, parts, post, whole
from tests.kit.driver import DATE, Script
from tests.kit.fake_engine import FakeEngine

# --- against our own server, and a multiplexed engine ----------------------------------------------------------------


async def echo(exchange: Exchange) -> None:
    exchange.start(200, ())
    while data := await exchange.read():
        await exchange.send(data)
    await exchange.finish(exchange.trailers)


def serve(rig: ClientRig, multiplexed: bool) -> tuple[ClientDriver, Script]:
    """Client and server drivers on one loop."""
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    now = rig.loop.now
    script = Script(echo)
    engine = (
        FakeEngine(now, client=False)
        if multiplexed
        else ServerConnection(now, limits=Http1Limits(), idle=IdlePolicy(60.0), date=lambda: DATE)
    )
    server = StreamDriver(rig.loop, far, engine, script, PeerFacts("192.0.2.1", 1, "a"), SendLimits())
    client = ClientDriver(
        rig.loop, near, FakeEngine(now, client=True) if multiplexed else ClientConnection(now, limits=Http1Limits()), owner=Owner()
    )
    rig.connections += [client, server]  # type: ignore[list-item]
    return client, script


@pytest.mark.parametrize("multiplexed", [False, True])
def test_our_own_server_echoes(rig: ClientRig, multiplexed: bool) -> None:
    connection, script = serve(rig, multiplexed)
    for content in (b"small", b"large" * (500 if multiplexed else 10_000)):
        assert rig.run(whole(connection, post(content)))[:2] == (200, content)
    request = Request(b"POST", b"/", HOST, parts(b"a", b"bc"), lambda: ((b"t", b"v"),))
    assert rig.run(whole(connection, request)) == (200, b"abc", ((b"t", b"v"),))
    assert script.errors == [None] * 3


def test_several_exchanges_at_once(rig: ClientRig) -> None:
    connection, _ = serve(rig, True)
    running = [rig.begin(whole(connection, post(b"%d" % number * 300))) for number in range(8)]
    assert [each.finish()[1] for each in running] == [b"%d" % number * 300 for number in range(8)]


def test_giving_up_one_of_several(rig: ClientRig) -> None:
    """The connection goes on, with the credit that the dead stream held."""
    connection, script = serve(rig, True)

    async def endless() -> AsyncIterator[Output]:
        while True:
            yield b"x" * 10
            await rig.loop.sleep(1)

    running = rig.begin(connection.request(post(endless())))
    response = running.finish()
    response.close()
    rig.settle()
    assert rig.run(whole(connection, post(b"other")))[1] == b"other"
    assert connection.is_available
    assert isinstance(script.errors[0], Cancelled)


# --- whatever a server sends -----------------------------------------------------------------------------------------


PIECES = [
    OK,
    b"HTTP/1.1 100 C\r\n\r\n",
    b"content-length: 3\r\n",
    b"transfer-encoding: chunked\r\n",
    b"\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
]


@settings(max_examples=60, deadline=None)
@given(
    octets=st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(
                [
                    OK,
                    b"HTTP/1.1 100 C\r\n\r\n",
                    b"content-length: 3\r\n",
                    b"transfer-encoding: chunked\r\n",
                    b"\r\n",
                    b"3\r\nabc\r\n",
                    b"0\r\n\r\n",
                ]
            ),
            max_size=9,
        ).map(b"".join),
    ),
    cuts=st.lists(st.integers(0, 200), max_size=4),
    method=st.sampled_from([b"GET", b"HEAD", b"POST"]),
)
def test_only_declared_errors(octets: bytes, cuts: list[int], method: bytes) -> None:
    """Whatever comes, however it is cut, and however it ends: a whole response or a RequestError, and the same each time."""
    seen = set()
    for ends in (sorted({min(cut, len(octets)) for cut in cuts}), []):
        with ClientRig() as rig:
            connection, peer = rig.pair()
            running = rig.begin(whole(connection, get(method=method)))
            start = 0
            for end in (*ends, len(octets)):
                peer.send(octets[start:end])
                rig.settle(3)
                start = end
            peer.half_close()
            running.wait()
            assert rig.errors == []
            assert running.error is None or isinstance(running.error, RequestError), repr(running.error)
            seen.add(running.result if running.error is None else None)
    assert len({result if result is None else (result[0], result[1]) for result in seen}) == 1
