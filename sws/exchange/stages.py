# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Stages that need nothing but the exchange: bounds in time and size, the way to https."""

from __future__ import annotations

from typing import Final

from sws.base.engine import Fields
from sws.base.errors import Http1Error
from sws.exchange.exchange import Exchange, Handler
from sws.exchange.pipeline import Stage
from sws.os.loop import Loop
from sws.proto.http.fields import content_length
from sws.proto.http.url import QUERY_SAFE, percent_encode

__all__ = ["alternative_service", "content_limit", "https_redirect", "response_deadline", "strict_transport_security"]


_LOCALS_MAXIMUM: Final = 64
_TARGET_SAFE: Final = QUERY_SAFE + b"%"


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


def https_redirect(port: int) -> Stage:
    """308 from http to the same target under https.  RFC 9110 §15.4.9; a request without a host cannot be led anywhere."""
    suffix = b"" if port == 443 else b":%d" % port

    async def stage(exchange: Exchange, next_handler: Handler) -> None:
        request = exchange.request
        host = request.authority
        if request.scheme != b"http" or not host or not request.target.startswith(b"/"):
            await next_handler(exchange)
            return
        name = host[: host.find(b"]") + 1] if host.startswith(b"[") else host.partition(b":")[0]
        exchange.respond(308, ((b"location", b"https://" + name + suffix + percent_encode(request.target, _TARGET_SAFE)),))

    return stage


def strict_transport_security(seconds: int) -> Stage:
    """Strict-Transport-Security on every response over TLS.  RFC 6797 §7.1, §7.2: never over plain HTTP."""
    fields = ((b"strict-transport-security", b"max-age=%d" % seconds),)

    async def stage(exchange: Exchange, next_handler: Handler) -> None:
        if exchange.request.scheme == b"https":
            exchange.extra = fields
        await next_handler(exchange)

    return stage


def alternative_service(seconds: int) -> Stage:
    """Alt-Svc on every response over TLS that is not HTTP/3 itself: the same port speaks it over UDP.  RFC 7838 §3, RFC 9114 §3.1.1."""
    by_local: dict[str, Fields] = {}

    async def stage(exchange: Exchange, next_handler: Handler) -> None:
        facts = exchange.facts
        if exchange.request.scheme == b"https" and facts.protocol != "h3":
            fields = by_local.get(facts.local)
            if fields is None:
                if len(by_local) >= _LOCALS_MAXIMUM:
                    by_local.clear()
                port = facts.local.rpartition(":")[2].encode("ascii")
                fields = by_local[facts.local] = ((b"alt-svc", b'h3=":%b"; ma=%d' % (port, seconds)),)
            exchange.extra = (*exchange.extra, *fields) if exchange.extra else fields
        await next_handler(exchange)

    return stage
