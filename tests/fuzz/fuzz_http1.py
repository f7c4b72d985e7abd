# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fuzzes both ends of HTTP/1.1.  Run: python -m tests.fuzz.fuzz_http1 --executions N --seconds S --seed K

Oracles for a server's input: no exception leaves the engine; whole and cut at random it reads the same; answering early (so that content
is drained) never shows another request than answering late; what it accepts h11 accepts with the same method, target and content, but for
the differences that `_H11_DIFFERS` lists; and what it read, written again by our client, is read the same.
For a client's input: no exception, the same however cut, and what it accepts h11 accepts with the same status and content.
"""

from __future__ import annotations

import json
import os
import random
import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import h11

from sws.base.engine import (
    Aborted,
    BodyChunk,
    Ended,
    Event,
    Fields,
    Refused,
    RequestHead,
    RequestStarted,
    ResponseStarted,
    Trailers,
    TunnelOpened,
)
from sws.proto.http1 import Http1Limits
from tests.fuzz.kit import Target, main
from tests.kit.http1_peer import ask, joined, make_client, make_server, serve
from tests.kit.incremental import cut_at_random
from tests.kit.vectors import EXTRA_VARIABLE, load_vectors

__all__ = ["TARGETS"]

_LIMITS: Final = Http1Limits(request_line=400, head=2000, fields=20, body=3000, chunk_extensions=80, window=50, drain=100, requests=5)
_SPACE_BEFORE_COLON: Final = re.compile(rb"(?m)^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]+:")
_H11_LIMIT: Final = 1 << 20


@dataclass
class _Read:
    """One message as somebody read it."""

    method: bytes
    target: bytes
    content: bytes = b""
    trailers: Fields = field(default_factory=list)
    complete: bool = False
    head: RequestHead | None = None


# --- what our server read, and h11's -----------------------------------------------------------------------------------


def _ours(events: list[Event]) -> list[_Read]:
    found: dict[int, _Read] = {}
    for event in events:
        if isinstance(event, RequestStarted):
            head = event.request
            found[event.stream] = _Read(head.method, head.target or head.authority, complete=event.ended, head=head)
        elif isinstance(event, BodyChunk):
            found[event.stream].content += event.data
        elif isinstance(event, Trailers):
            found[event.stream].trailers = event.fields
        elif isinstance(event, Ended):
            found[event.stream].complete = True
        elif not isinstance(event, Refused | Aborted):
            raise AssertionError(f"an event that a server has not: {event}")
    return [message for message in found.values() if message.complete]


def _h11_server(data: bytes) -> tuple[list[_Read], str]:
    """What h11 reads, answering each request, and why it stopped.

    h11 does not skip the empty lines of RFC 9112 §2.2, so it is spared them, as many as we take; nor does it know keep-alive in
    HTTP/1.0, so it goes on there in any case.
    """
    found: list[_Read] = []
    try:
        while True:
            connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_H11_LIMIT)
            connection.receive_data(re.sub(rb"\A(?:\r\n){1,2}", b"", data))
            event = None
            while not isinstance(event, h11.EndOfMessage):
                event = connection.next_event()
                if isinstance(event, h11.Request):
                    found.append(_Read(event.method, event.target))
                elif isinstance(event, h11.Data):
                    found[-1].content += bytes(event.data)
                elif not isinstance(event, h11.EndOfMessage):
                    return found, "more"
            found[-1].complete = True
            found[-1].trailers = list(event.headers)
            if connection.their_state is h11.MUST_CLOSE and connection.their_http_version != b"1.0":
                return found, "closed"
            data = connection.trailing_data[0]
    except h11.RemoteProtocolError as error:
        return found, str(error)


#: Where h11 refuses what RFC 9112 has us take: a part of h11's message -> whether the octets are of that kind, and why.
_H11_DIFFERS: Final[list[tuple[str, Callable[[bytes], bool]]]] = [
    # §7.1.1: chunk-ext begins with BWS, which a recipient must parse (RFC 9110 §5.6.3); h11 wants ";" at once.
    ("illegal chunk header", lambda data: re.search(rb"[0-9A-Fa-f][ \t]+;", data) is not None),
]


def _check_server(data: bytes, chance: random.Random) -> str:
    events = serve([data], limits=_LIMITS)
    segments = cut_at_random(data, chance)
    assert serve(segments, limits=_LIMITS) == events, f"cut otherwise it reads otherwise: {segments}"
    messages = _ours(events)
    _check_early(data, events)
    if messages:
        theirs, stopped = _h11_server(data)
        for index, message in enumerate(messages):
            if index >= len(theirs) or not theirs[index].complete:
                assert any(part in stopped and applies(data) for part, applies in _H11_DIFFERS), f"h11 does not take it: {stopped}"
                break
            _compare(message, theirs[index])
        _check_again(chance.choice(messages))
    if any(isinstance(event, Refused | Aborted) for event in events):
        return "refused" if not messages else "accepted, then refused"
    return "accepted" if messages else "waiting"


def _compare(ours: _Read, theirs: _Read) -> None:
    assert (ours.method, ours.content, list(ours.trailers)) == (theirs.method, theirs.content, list(theirs.trailers))
    absolute = re.fullmatch(rb"https?://[^/?]*(.*)", theirs.target, re.IGNORECASE)
    if absolute is None or ours.method == b"CONNECT":
        assert ours.target == theirs.target
    else:
        path = absolute[1] if absolute[1].startswith(b"/") else b"/" + absolute[1]
        assert ours.target in (path, b"*")


def _check_early(data: bytes, late: list[Event]) -> None:
    """Every request is answered when its head is there; its content is drained or the connection closed."""
    engine = make_server(_LIMITS)
    heads: list[RequestHead] = []
    for segment in (data[: len(data) // 2], data[len(data) // 2 :]):
        events = engine.receive(segment, 0.0)
        while events:
            again = False
            for event in events:
                if isinstance(event, RequestStarted):
                    heads.append(event.request)
                    engine.send_headers(event.stream, 200, (), ended=True)
                    again = True
                elif isinstance(event, Refused) and engine.next_timeout() is None and not engine.wants_close:
                    engine.send_headers(event.stream, event.status, (), ended=True)
            events = engine.receive(b"", 0.0) if again else []
    usual = [event.request for event in late if isinstance(event, RequestStarted)]
    assert heads == usual[: len(heads)], "answered early it reads other requests"


def _check_again(message: _Read) -> None:
    """Written by our client, the message is read as it was."""
    head = message.head
    assert head is not None
    own = (b"transfer-encoding", b"content-length", b"host", b"expect")  # any Expect goes in HTTP/1.0, not in 1.1
    fields = [(b"host", head.authority or b"a"), *(pair for pair in head.fields if pair[0] not in own)]
    chunked = bool(message.trailers) or len(message.content) % 2 == 1
    if message.content and not chunked:
        fields.append((b"content-length", b"%d" % len(message.content)))
    client = make_client()
    ended = not message.content and not chunked
    stream = client.send_request(head.method, message.target, fields, 0.0, ended=ended)
    if not ended:
        client.send_data(stream, message.content, ended=not message.trailers)
        if message.trailers:
            client.send_trailers(stream, message.trailers)
    (again,) = _ours(serve([joined(client.data_to_send(0.0))]))
    assert again.head is not None
    assert (again.method, again.target, again.content, list(again.trailers)) == (
        message.method,
        message.target,
        message.content,
        list(message.trailers),
    )
    assert [pair for pair in again.head.fields if pair[0] not in own] == [pair for pair in head.fields if pair[0] not in own]


# --- the client ----------------------------------------------------------------------------------------------------------


def _check_client(data: bytes, chance: random.Random) -> str:
    method = chance.choice((b"GET", b"GET", b"HEAD", b"CONNECT"))
    eof = chance.random() < 0.5
    events = ask([data], method=method, eof=eof, limits=_LIMITS)
    segments = cut_at_random(data, chance)
    assert ask(segments, method=method, eof=eof, limits=_LIMITS) == events, f"cut otherwise it reads otherwise: {segments}"
    if any(isinstance(event, Aborted) for event in events):
        return "given up"
    started = [event for event in events if isinstance(event, ResponseStarted)]
    if not started:
        return "waiting"
    if any(isinstance(event, TunnelOpened) for event in events):
        return "tunnel"
    complete = started[0].ended or any(isinstance(event, Ended) for event in events)
    if not complete:
        return "incomplete"
    content = b"".join(event.data for event in events if isinstance(event, BodyChunk))
    status, theirs, problem = _h11_client(data, method, eof)
    if "illegal header line" in problem:  # RFC 9112 §5.1: white space before a colon is dropped from responses
        head, end, rest = data.partition(b"\r\n\r\n")  # the content may look like fields, and stays as it is
        status, theirs, problem = _h11_client(_SPACE_BEFORE_COLON.sub(rb"\1:", head) + end + rest, method, eof)
        if "illegal header line" in problem:  # behind a 1xx head
            return "accepted, not by h11"
    if "Transfer-Encoding" in problem or "Content-Length" in problem:
        # RFC 9112 §6.3 items 1 and 2: these have no content whatever their fields say; h11 reads the fields first.
        assert method in (b"HEAD", b"CONNECT") or started[0].status in (204, 304)
        return "accepted, not by h11"
    if problem and any(part in problem and applies(data) for part, applies in _H11_DIFFERS):
        return "accepted, not by h11"
    assert (started[0].status, content) == (status, theirs), f"h11 reads otherwise: {status} {problem}"
    return "accepted"


def _h11_client(data: bytes, method: bytes, eof: bool) -> tuple[int, bytes, str]:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_H11_LIMIT)
    connection.send(h11.Request(method=method, target="a:443" if method == b"CONNECT" else "/", headers=[("host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    if eof:
        connection.receive_data(b"")
    status, content = 0, b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                content += bytes(event.data)
            elif not isinstance(event, h11.InformationalResponse):
                return status, content, "" if isinstance(event, h11.EndOfMessage) else "incomplete"
    except h11.RemoteProtocolError as error:
        return status, content, str(error)


# --- corpus, dictionary, grammar -----------------------------------------------------------------------------------------


def _extra(kind: str) -> list[bytes]:
    root = os.environ.get(EXTRA_VARIABLE)
    if not root:
        return []
    folder = os.path.join(root, "http", "llhttp")
    found: list[bytes] = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            found += [b64decode(case["input"]) + b"\r\n" for case in json.load(file) if case["type"].startswith(kind)]
    return found


def _pick(chance: random.Random, usual: bytes, *others: bytes) -> bytes:
    """Mostly the first."""
    return usual if chance.random() < 0.75 else chance.choice(others)


def _field_lines(chance: random.Random) -> list[bytes]:
    names = (b"Accept", b"X-Y", b"Cookie", b"User-Agent", b"Via", b"Upgrade", b"Connection")
    values = (b"a", b"b, c", b"", b" d\t", b"\xff", b"close", b"keep-alive", b"x" * 300, b"upgrade", b'"q\\"r"')
    return [
        chance.choice(names) + b":" + _pick(chance, b" ", b"", b"\t", b"  ") + chance.choice(values)
        for _ in range(chance.choice((0, 0, 1, 2, 5)))
    ]


def _chunked(chance: random.Random) -> bytes:
    parts: list[bytes] = []
    for _ in range(chance.choice((0, 1, 1, 2, 6))):
        data = bytes(chance.choices(b"ab\r\n0", k=chance.choice((1, 2, 10, 60, 200))))
        extension = _pick(chance, b"", b";a", b';a="b;c"', b" ; a = b", b";a=b;c", b";" + b"d" * 90)
        parts.append(_pick(chance, b"%x" % len(data), b"%X" % len(data), b"00%x" % len(data)) + extension + b"\r\n" + data + b"\r\n")
    trailers = b"".join(line + b"\r\n" for line in _field_lines(chance)) if chance.random() < 0.3 else b""
    return b"".join(parts) + b"0\r\n" + trailers + b"\r\n"


def _request(chance: random.Random) -> bytes:
    method = _pick(chance, b"GET", b"POST", b"HEAD", b"OPTIONS", b"CONNECT", b"PUT", b"x!")
    target = _pick(chance, b"/", b"/a/b?c=d", b"*", b"http://b/x", b"http://b", b"a:443", b"/%41%", b"/%2f", b"/[]|", b"//", b"https://b/")
    version = _pick(chance, b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1")
    lines = [
        method + b" " + target + b" " + version,
        _pick(chance, b"Host: a", b"Host: a:80", b"Host: [::1]", b"Host:", b"X: y", b"Host: a,b"),
    ]
    lines += _field_lines(chance)
    content = b""
    framing = chance.randrange(5)
    if framing == 1:
        content = bytes(chance.choices(b"ab\r\nGET", k=chance.choice((0, 1, 10, 200))))
        lines.append(b"Content-Length: %d" % len(content))
    elif framing == 2:
        content = _chunked(chance)
        lines.append(_pick(chance, b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"transfer-encoding:\tCHUNKED "))
    if chance.random() < 0.1:
        lines.append(chance.choice((b"Expect: 100-continue", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Connection: close")))
    return b"\r\n".join(lines) + b"\r\n\r\n" + content


def _requests(chance: random.Random) -> bytes:
    return b"".join(_pick(chance, b"", b"\r\n", b"\r\n\r\n\r\n") + _request(chance) for _ in range(chance.choice((1, 1, 2, 3))))


def _responses(chance: random.Random) -> bytes:
    heads: list[bytes] = []
    for status in [103, 100][: chance.choice((0, 0, 0, 1, 2))] + [chance.choice((200, 200, 204, 304, 404, 101, 199, 599, 600))]:
        lines = [
            _pick(chance, b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.9", b"HTTP/2.0") + b" %d" % status + _pick(chance, b" OK", b" ", b"", b" \xff")
        ]
        lines += _field_lines(chance)
        heads.append(b"\r\n".join(lines))
    content = bytes(chance.choices(b"ab\r\n", k=chance.choice((0, 1, 100))))
    framing = chance.randrange(4)
    if framing == 1:
        heads[-1] += b"\r\nContent-Length: %d" % len(content)
    elif framing == 2:
        content = _chunked(chance)
        heads[-1] += b"\r\nTransfer-Encoding: chunked"
    return b"\r\n\r\n".join([*heads, content])


_DICTIONARY: Final[Sequence[bytes]] = [
    *(
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b"\x00",
        b": ",
        b"0\r\n\r\n",
        b"5\r\nhello\r\n",
        b";a=b",
        b"\xff",
        b"http://",
        b"%00",
    ),
    *(b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: a\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n"),
    *(b"Expect: 100-continue\r\n", b"chunked", b"identity", b"ffffffffffffffff", b"00000000", b"18446744073709551616"),
    *(b"HTTP/1.1", b"HTTP/1.0", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\n"),
]

_OWN: Final = [bytes.fromhex(case["input"]) for case in load_vectors("http1", "smuggling", keys=("input",))]

TARGETS: Final = (
    Target("http1-server", _check_server, _OWN + _extra("request"), _DICTIONARY, _requests),
    Target(
        "http1-client",
        _check_client,
        _extra("response") or [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
        _DICTIONARY,
        _responses,
    ),
)

if __name__ == "__main__":
    main(TARGETS)
