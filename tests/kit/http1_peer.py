# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Drives the HTTP/1.1 engines for tests: a server that answers everything, a client that asks in order, events in a normal form."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from sws.base.engine import (
    Aborted,
    BodyChunk,
    Ended,
    Event,
    Fields,
    FileSpan,
    Output,
    Refused,
    RequestStarted,
    ResponseStarted,
)
from sws.proto.http1 import ClientConnection, Http1Limits, IdlePolicy, ServerConnection

__all__ = [
    "DATE",
    "LIMITS",
    "ask",
    "content_of",
    "in_normal_form",
    "joined",
    "make_client",
    "make_server",
    "requests_of",
    "serve",
]

DATE: Final = b"Sun, 06 Nov 1994 08:49:37 GMT"
LIMITS: Final = Http1Limits()


def make_server(limits: Http1Limits = LIMITS, *, now: float = 0.0, idle: float = 60.0, scheme: bytes = b"http") -> ServerConnection:
    """A server engine with a fixed date."""
    return ServerConnection(now, limits=limits, idle=IdlePolicy(idle), date=lambda: DATE, scheme=scheme)


def make_client(limits: Http1Limits = LIMITS, *, now: float = 0.0) -> ClientConnection:
    """A client engine."""
    return ClientConnection(now, limits=limits)


def joined(outputs: Iterable[Output]) -> bytes:
    """What would leave, file spans read."""
    return b"".join(os.pread(part.fd, part.length, part.offset) if isinstance(part, FileSpan) else part for part in outputs)


def in_normal_form(events: Iterable[Event]) -> list[Event]:
    """Adjacent chunks merged, reasons dropped, and no content of a message that went wrong later: how much of it was delivered
    before the fault was seen depends on the cuts."""
    normal: list[Event] = []
    for event in events:
        last = normal[-1] if normal else None
        if isinstance(event, BodyChunk) and isinstance(last, BodyChunk) and last.stream == event.stream:
            normal[-1] = BodyChunk(event.stream, last.data + event.data)
        elif isinstance(event, Refused | Aborted):
            if isinstance(last, BodyChunk) and last.stream == event.stream:
                normal.pop()
            normal.append(replace(event, reason=""))
        else:
            normal.append(event)
    return normal


def content_of(events: Iterable[Event], stream: int | None = None) -> bytes:
    """All content, or that of one stream."""
    return b"".join(event.data for event in events if isinstance(event, BodyChunk) and stream in (None, event.stream))


def requests_of(events: Iterable[Event]) -> list[RequestStarted]:
    """The heads."""
    return [event for event in events if isinstance(event, RequestStarted)]


def serve(
    segments: Sequence[bytes],
    *,
    limits: Http1Limits = LIMITS,
    tunnel: bool = False,
    eof: bool = False,
    scheme: bytes = b"http",
    status: int = 200,
    check: Callable[[ServerConnection], None] = lambda engine: None,
) -> list[Event]:
    """Feeds a server that answers each complete request without content, at once.

    Args:
      tunnel:  answer CONNECT with 200 and an offered Upgrade with 101, else like any other request.
      eof:     the client closes its half at the end.
      check:   called after each segment.
    Returns: the events in normal form.
    """
    engine = make_server(limits, scheme=scheme)
    seen: list[Event] = []
    heads: dict[int, RequestStarted] = {}

    def handle(events: list[Event]) -> None:
        while events:
            seen.extend(events)
            again = False
            for event in events:
                if isinstance(event, BodyChunk):
                    engine.consumed(event.stream, len(event.data))
                    again = True
                elif isinstance(event, RequestStarted):
                    heads[event.stream] = event
                    if event.ended:
                        again = answer(event)
                elif isinstance(event, Ended) and event.stream in heads:
                    again = answer(heads[event.stream])
                elif isinstance(event, Refused):
                    engine.send_headers(event.stream, event.status, (), ended=True)
                    assert engine.wants_close
            events = engine.receive(b"", 0.0) if again else []

    def answer(event: RequestStarted) -> bool:
        heads.pop(event.stream, None)
        head = event.request
        if tunnel and head.method == b"CONNECT":
            engine.send_headers(event.stream, 200, ())
        elif tunnel and b"upgrade" in head.index and head.version == 11:
            engine.send_informational(event.stream, 101, ((b"upgrade", head.index[b"upgrade"]),))
        else:
            engine.send_headers(event.stream, 405 if head.method == b"CONNECT" else status, (), ended=True)
        return True

    for segment in segments:
        handle(engine.receive(segment, 0.0))
        check(engine)
    if eof:
        handle(engine.receive_eof(0.0))
    return in_normal_form(seen)


def ask(
    segments: Sequence[bytes],
    *,
    method: bytes = b"GET",
    fields: Fields = ((b"host", b"a"),),
    eof: bool = False,
    limits: Http1Limits = LIMITS,
    again: bool = False,
) -> list[Event]:
    """Feeds a client that has sent one request, or, with `again`, sends the next as soon as it may.

    Returns: the events in normal form.
    """
    engine = make_client(limits)
    target = b"a:443" if method == b"CONNECT" else b"/"
    engine.send_request(method, target, fields, 0.0, ended=True)
    engine.data_to_send(0.0)
    seen: list[Event] = []

    def handle(events: list[Event]) -> None:
        while events:
            seen.extend(events)
            more = False
            for event in events:
                if isinstance(event, BodyChunk):
                    engine.consumed(event.stream, len(event.data))
                    more = True
            if again and engine.is_idle and any(isinstance(event, Ended | ResponseStarted) for event in events):
                engine.send_request(method, target, fields, 0.0, ended=True)
                more = True
            events = engine.receive(b"", 0.0) if more else []

    for segment in segments:
        handle(engine.receive(segment, 0.0))
    if eof:
        handle(engine.receive_eof(0.0))
    return in_normal_form(seen)
