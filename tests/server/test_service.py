# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a worker answers with, over real connections: log, metrics, failures."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from sws.base.errors import DecodeError, Http1Error
from sws.exchange.exchange import Exchange, Handler
from sws.observe.logger import Level, Logger
from sws.os.tasks import Cancelled
from sws.server.hosts import HostTable
from sws.server.idle import IdleConnections
from sws.server.service import CLIENT_GONE, HttpService, Metrics, misdirected
from tests.kit.driver import Client, Rig, get


class House:
    """A rig whose service is the real one."""

    def __init__(self, path: pathlib.Path, handler: Handler, *, json: bool = True, access: bool = True, level: Level = Level.INFO) -> None:
        self.rig = Rig(handler)
        self.path = path / "log"
        self.logger = Logger(level, json=json, path=str(self.path), wall=self.rig.clock.wall)
        self.metrics = Metrics(3)
        hosts = HostTable([(("other.example",), misdirected)], handler)
        self.service = HttpService(hosts, self.logger, self.metrics, access_log=access)
        self.rig.service = self.service  # type: ignore[assignment]

    def connect(self) -> Client:
        client = self.rig.connect()
        self.service.opened(self.rig.drivers[-1])
        return client

    def ask(self, data: bytes, client: Client | None = None) -> Any:
        return self.rig.ask(data, client or self.connect())[0]

    def text(self) -> str:
        self.logger.flush()
        return self.path.read_text()

    def events(self, module: str | None = None) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.text().splitlines()]
        return [event for event in found if module is None or event["mod"] == module]

    def counted(self) -> dict[tuple[str, ...], float]:
        return {values: child.value for values, child in self.metrics.requests}

    def close(self) -> None:
        self.rig.close()
        self.logger.close()


async def hello(exchange: Exchange) -> None:
    exchange.respond(200, (), b"hello")


class Routes:
    """Handlers by path."""

    def __init__(self) -> None:
        self.house: House | None = None

    async def __call__(self, exchange: Exchange) -> None:
        path = exchange.path
        if path == b"/boom":
            raise ValueError("secret detail\nwith lines")
        if path == b"/late":
            exchange.start(200, ())
            await exchange.send(b"half")
            raise ValueError("too late")
        if path == b"/teapot":
            raise Http1Error(417, "an expectation")
        if path == b"/decode":
            raise DecodeError("a thing: broken", 3)
        if path == b"/silent":
            return
        if path == b"/cancelled":
            raise Cancelled
        if path == b"/read":
            await exchange.read_all(1000)
        await hello(exchange)


@pytest.fixture
def house(tmp_path: pathlib.Path) -> Iterator[House]:
    house = House(tmp_path, Routes())
    yield house
    house.close()


def test_the_access_line(house: House) -> None:
    house.ask(get("/x?y=1", "User-Agent: curl/8", "Referer: http://b.example/"))
    (event,) = house.events()
    latency = event.pop("latency_us")
    assert isinstance(latency, int)
    assert event == {
        "ts": "2026-01-01T00:00:00.000Z",
        "lvl": "info",
        "mod": "http.access",
        "msg": "request",
        "status": 200,
        "method": "GET",
        "target": "/x?y=1",
        "host": "a.example",
        "octets": 5,
        "protocol": "http/1.1",
        "peer": "192.0.2.1",
        "agent": "curl/8",
        "referer": "http://b.example/",
    }


def test_without_agent_and_referer(house: House) -> None:
    house.ask(get())
    assert not {"agent", "referer"} & set(house.events()[0])


@pytest.mark.parametrize(
    "agent",
    ['"quoted"', "back\\slash", 'x","lvl":"error', "tab\there", "caf\xe9 \xff", "{}", "\x80\x9f"],
)
def test_hostile_agents_stay_strings(house: House, agent: str) -> None:
    response = house.ask(get("/%22%7D%0A%7B%22", f"User-Agent: {agent}", f"Referer: {agent}"))
    assert response.status == 200
    (event,) = house.events()
    assert event["agent"] == agent
    assert event["referer"] == agent
    assert event["target"] == "/%22%7D%0A%7B%22"


@pytest.mark.parametrize("access", [True, False])
def test_the_text_format(tmp_path: pathlib.Path, access: bool) -> None:
    house = House(tmp_path, hello, json=False, access=access)
    house.ask(get("/a", "User-Agent: x"))
    expected = '2026-01-01T00:00:00.000Z INFO  http.access: 192.0.2.1 "GET /a" 200 5 0us\n'
    assert house.text() == (expected if access else "")
    house.close()


def test_no_access_lines_above_their_level(tmp_path: pathlib.Path) -> None:
    house = House(tmp_path, hello, level=Level.WARN)
    house.ask(get())
    assert house.text() == ""
    assert house.counted() == {("GET", "200"): 1}
    house.close()


def test_counting(house: House) -> None:
    client = house.connect()
    for _ in range(3):
        house.ask(get(), client)
    house.ask(get("/", method="INVENTED"), client)
    house.ask(get("/", "Content-Length: 0", method="POST"), client)
    assert house.counted() == {("GET", "200"): 3, ("other", "200"): 1, ("POST", "200"): 1}
    durations = dict(house.metrics.durations)
    assert sum(durations[("GET",)].counts) == 3


def test_methods_that_peers_invent_do_not_fill_memory(house: House) -> None:
    client = house.connect()
    client.send(b"".join(get("/", method=f"M{number}") for number in range(1500)))
    house.rig.until(lambda: house.counted().get(("other", "200")) == 1500)
    assert len(house.service._counted) <= 1000


def test_durations_are_those_of_the_loop_s_clock(tmp_path: pathlib.Path) -> None:
    async def slow(exchange: Exchange) -> None:
        await slow_house.rig.loop.sleep(0.75)
        await hello(exchange)

    slow_house = House(tmp_path, slow)
    client = slow_house.connect()
    client.send(get())
    slow_house.rig.settle()
    slow_house.rig.later(0.75)
    assert slow_house.events()[0]["latency_us"] == pytest.approx(750_000, rel=0.1)
    child = dict(slow_house.metrics.durations)[("GET",)]
    assert child.counts[child.bounds.index(1)] == 1
    slow_house.close()


# --- failures --------------------------------------------------------------------------------------------------------


def test_a_failure_is_500_and_its_trace_is_in_the_log_only(house: House) -> None:
    client = house.connect()
    response = house.ask(get("/boom"), client)
    assert response.status == 500
    assert b"secret" not in response.content
    (event,) = house.events("server.service")
    assert event["lvl"] == "error"
    assert "secret detail" in event["error"]
    assert "test_service.py" in event["trace"]
    assert house.ask(get(), client).status == 200  # connection and worker live on
    assert house.counted() == {("GET", "500"): 1, ("GET", "200"): 1}


def test_a_failure_after_the_head_closes_the_connection(house: House) -> None:
    client = house.connect()
    client.send(get("/late"))
    house.rig.until(lambda: client.eof)
    assert client.responses() == []
    assert house.events("server.service")[0]["lvl"] == "error"
    assert house.events("http.access")[0]["status"] == 200


@pytest.mark.parametrize(("path", "status"), [("/teapot", 417), ("/decode", 400)])
def test_errors_with_a_status(house: House, path: str, status: int) -> None:
    assert house.ask(get(path)).status == status
    (event,) = house.events("server.service")
    assert (event["lvl"], event["status"], event["peer"]) == ("warn", status, "192.0.2.1")
    assert "trace" not in event
    assert house.counted() == {("GET", str(status)): 1}


def test_a_handler_that_does_not_answer_is_our_fault(house: House) -> None:
    assert house.ask(get("/silent")).status == 500
    (event,) = house.events("server.service")
    assert "without an answer" in event["error"]
    assert house.counted() == {("GET", "500"): 1}


def test_a_client_that_leaves(house: House) -> None:
    client = house.connect()
    client.send(get("/read", "Content-Length: 5") + b"x")
    house.rig.settle()
    client.close()
    house.rig.until(lambda: bool(house.counted()))
    assert house.counted() == {("GET", str(CLIENT_GONE)): 1}
    assert house.events("server.service") == []
    assert house.events("http.access")[0]["status"] == 499


def test_cancelled_by_itself(house: House) -> None:
    client = house.connect()
    client.send(get("/cancelled"))
    house.rig.until(lambda: client.eof)
    assert house.counted() == {("GET", "499"): 1}


def test_refused_requests(house: House) -> None:
    response = house.ask(b"GET / HTTP/1.1\r\nHost: a\r\nBad Field: x\r\n\r\n")
    assert response.status == 400
    (event,) = house.events("server.service")
    assert (event["msg"], event["status"], event["peer"]) == ("request refused", 400, "192.0.2.1")
    assert house.counted() == {("other", "400"): 1}


def test_a_host_that_is_not_ours(house: House) -> None:
    assert house.ask(get().replace(b"a.example", b"other.example")).status == 421


def test_an_error_while_nobody_is_there(house: House) -> None:
    """The handler fails after its client has gone: logged, nothing sent."""

    async def handler(exchange: Exchange) -> None:
        try:
            await exchange.read_all(10)
        except Cancelled:
            raise ValueError("in the clean-up") from None

    house.service.hosts = HostTable([], handler)
    client = house.connect()
    client.send(get("/", "Content-Length: 5"))
    house.rig.settle()
    client.close()
    house.rig.until(lambda: bool(house.counted()))
    assert house.events("server.service")[0]["lvl"] == "error"
    assert house.counted() == {("GET", "499"): 1}


def test_one_that_ends_quietly_when_its_client_has_gone(house: House) -> None:
    async def handler(exchange: Exchange) -> None:
        try:
            await exchange.read_all(10)
        except Cancelled:
            pass

    house.service.hosts = HostTable([], handler)
    client = house.connect()
    client.send(get("/", "Content-Length: 5"))
    house.rig.settle()
    client.close()
    house.rig.until(lambda: bool(house.counted()))
    assert house.events("server.service") == []
    assert house.counted() == {("GET", "499"): 1}


# --- connections -----------------------------------------------------------------------------------------------------


def test_connections_are_known_and_idle_ones_in_order(house: House) -> None:
    first, second = house.connect(), house.connect()
    one, two = house.rig.drivers
    idle = IdleConnections(house.service.connections)
    assert house.service.connections == {one, two}
    assert len(idle) == 2
    house.rig.later(1)
    house.ask(get(), first)
    assert idle.longest(5) == [two, one]
    assert idle.longest(1) == [two]
    second.send(get("/read", "Content-Length: 5", method="POST"))
    house.rig.settle()
    assert idle.longest(5) == [one]
    assert house.metrics.accepted.value == 2
    assert house.metrics.connections.value == 2
    for client in (first, second):
        client.close()
    house.rig.until(lambda: not house.service.connections)
    assert len(idle) == 0
    assert idle.pick() is None
    assert house.metrics.connections.value == 0


def test_who_has_to_make_room(house: House) -> None:
    """The one idle longest as it is now, not as it was when the others were looked at."""
    clients = []
    for _ in range(4):
        clients.append(house.connect())
        house.rig.later(1)
    one, two, three, four = house.rig.drivers
    idle = IdleConnections(house.service.connections)
    assert idle.pick() is one
    one.abort()
    house.ask(get(), clients[1])  # has become the latest
    clients[2].send(get("/read", "Content-Length: 5", method="POST"))
    house.rig.settle()  # busy
    assert idle.pick() is four
    four.abort()
    assert idle.pick() is two
    two.abort()
    assert idle.pick() is None
    assert house.service.connections == {three}
