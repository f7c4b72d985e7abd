# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The load over HTTP/2, against a worker's loop in a thread."""

from __future__ import annotations

import socket

import pytest

from sws.exchange.exchange import Exchange
from sws.net.load.plan import LoadPlan, plan_requests
from sws.net.load.tally import Tally
from sws.net.load.workers import run_load
from sws.proto.h2 import Http2Limits
from tests.kit.h2_site import Site, site

HOST = ((b"host", b"a"),)


async def _answer(exchange: Exchange) -> None:
    if exchange.path == b"/abort":
        exchange.abort("no")
        return
    content = b"".join([part async for part in _parts(exchange)])
    exchange.respond(404 if exchange.path == b"/nope" else 200, (), content or bytes(100_000))


async def _parts(exchange: Exchange):  # type: ignore[no-untyped-def]
    while part := await exchange.read():
        yield part


def _run(served: Site, method: bytes, targets: list[bytes], body: bytes | None = None, **more: float) -> Tally:
    plan = LoadPlan(plan_requests(method, targets, HOST, body), 3, 0.3, http=2, **more)  # type: ignore[arg-type]
    return run_load(plan, (socket.AF_INET, ("127.0.0.1", served.port)), 1, lambda _look: None)


@pytest.mark.slow
def test_requests_of_many_kinds() -> None:
    with site(_answer) as served:
        tally = _run(served, b"GET", [b"/", b"/nope"])
        assert tally.statuses[200] > 0 < tally.statuses[404]
        assert (tally.failed, tally.opened) == (0, 3)
        assert _run(served, b"POST", [b"/"], bytes(200_000)).statuses[200] > 0
        assert _run(served, b"HEAD", [b"/"]).statuses[200] > 0


@pytest.mark.slow
def test_connections_are_replaced() -> None:
    """By the plan, or because the server has had enough of one."""
    with site(_answer, Http2Limits(requests=2)) as served:
        tally = _run(served, b"GET", [b"/"])
        assert tally.failed == 0
        assert tally.opened > 3
    with site(_answer) as served:
        assert _run(served, b"GET", [b"/"], per_connection=3).opened > 3


def test_what_fails() -> None:
    with site(_answer) as served:
        tally = _run(served, b"GET", [b"/abort"])
        assert tally.failed > 0
        assert tally.succeeded == 0
