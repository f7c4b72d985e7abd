# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Stages that need nothing but the exchange: bounds in time and size."""

from __future__ import annotations

from sws.base.errors import Http1Error
from sws.exchange.exchange import Exchange, Handler
from sws.exchange.pipeline import Stage
from sws.os.loop import Loop
from sws.proto.http.fields import content_length

__all__ = ["content_limit", "response_deadline"]


def response_deadline(loop: Loop, seconds: float) -> Stage:
    """503 unless the response's head is sent within `seconds` of the request's."""

    async def stage(exchange: Exchange, next_handler: Handler) -> None:
        def expire() -> None:
            if exchange.status == 0 and exchange.task is not None:
                exchange.task.cancel(Http1Error(503, "the response did not begin in time"))

        timer = loop.call_later(seconds, expire)
        try:
            await next_handler(exchange)
        finally:
            timer.cancel()

    return stage


def content_limit(octets: int) -> Stage:
    """413 for requests whose content is larger than `octets`, whether declared or counted."""

    async def stage(exchange: Exchange, next_handler: Handler) -> None:
        declared = exchange.request.index.get(b"content-length")
        if declared is not None and content_length([declared]) > octets:
            raise Http1Error(413, "the content is too large")
        exchange.content_maximum = octets
        await next_handler(exchange)

    return stage
