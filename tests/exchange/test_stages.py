# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Chains of stages, and the stages that bound time and size, over real connections."""

from __future__ import annotations

import pytest

from sws.base.errors import Http1Error
from sws.exchange.exchange import Exchange, Handler
from sws.exchange.pipeline import Stage, compile_chain
from sws.exchange.stages import content_limit, response_deadline
from tests.kit.driver import Rig, get


def named(name: str, diary: list[str], answer: bool = False) -> Stage:
    async def stage(exchange: Exchange, next_handler: Handler) -> None:
        diary.append(f"{name} in")
        if answer:
            exchange.respond(200, (), name.encode())
        else:
            await next_handler(exchange)
        diary.append(f"{name} out")

    return stage


async def hello(exchange: Exchange) -> None:
    exchange.respond(200, (), b"hello")


def test_stages_run_in_order_around_the_handler() -> None:
    diary: list[str] = []
    with Rig(compile_chain([named("a", diary), named("b", diary)], hello)) as rig:
        assert rig.ask(get())[0].content == b"hello"
        assert diary == ["a in", "b in", "b out", "a out"]


def test_a_stage_may_answer_itself() -> None:
    diary: list[str] = []
    with Rig(compile_chain([named("a", diary, True), named("b", diary)], hello)) as rig:
        assert rig.ask(get())[0].content == b"a"
        assert diary == ["a in", "a out"]


def test_no_stages_no_cost() -> None:
    assert compile_chain([], hello) is hello


# --- deadline --------------------------------------------------------------------------------------------------------


def with_deadline(handler: Handler) -> Rig:
    rig = Rig(handler)
    rig.service.handler = compile_chain([response_deadline(rig.loop, 2)], handler)
    return rig


def test_a_quick_handler_leaves_no_timer() -> None:
    with with_deadline(hello) as rig:
        assert rig.ask(get())[0].status == 200
        assert len(rig.loop._timers) == 1  # the connection's


def test_a_handler_that_does_not_begin_in_time() -> None:
    async def handler(exchange: Exchange) -> None:
        await rig.loop.sleep(100)

    with with_deadline(handler) as rig:
        client = rig.connect()
        client.send(get() + get())
        rig.settle()
        rig.later(1.9)
        assert not client.responses()
        rig.later(0.2)
        assert [response.status for response in client.responses()] == [503]
        rig.later(2.1)
        assert [response.status for response in client.responses()] == [503, 503]
        error = rig.service.errors[0]
        assert isinstance(error, Http1Error)
        assert error.status == 503
        assert len(rig.loop._timers) == 1


def test_a_response_that_has_begun_may_take_its_time() -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.start(200, ())
        await rig.loop.sleep(5)
        await exchange.finish()

    with with_deadline(handler) as rig:
        client = rig.connect()
        client.send(get())
        rig.settle()
        rig.later(2.5)
        rig.later(2.6)
        assert [response.status for response in client.responses()] == [200]


# --- size ------------------------------------------------------------------------------------------------------------


async def size(exchange: Exchange) -> None:
    exchange.respond(200, (), b"%d" % len(await exchange.read_all(1 << 20)))


CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("fields", "content", "status"),
    [
        ("Content-Length: 10", b"x" * 10, 200),
        ("Content-Length: 11", b"x" * 11, 413),
        (CHUNKED, b"a\r\n0123456789\r\n0\r\n\r\n", 200),
        (CHUNKED, b"a\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n", 413),
        (CHUNKED, b"b\r\n0123456789x\r\n0\r\n\r\n", 413),
        (CHUNKED, b"ff\r\n" + b"x" * 255 + b"\r\n", 413),
    ],
)
def test_content_is_bounded_declared_or_counted(fields: str, content: bytes, status: int) -> None:
    with Rig(compile_chain([content_limit(10)], size)) as rig:
        (response,) = rig.ask(get("/", fields, method="POST") + content)
        assert response.status == status
        assert response.content == (b"10" if status == 200 else b"the content is too large")


def test_nothing_is_bounded_that_has_no_content() -> None:
    with Rig(compile_chain([content_limit(0)], hello)) as rig:
        assert rig.ask(get())[0].status == 200
