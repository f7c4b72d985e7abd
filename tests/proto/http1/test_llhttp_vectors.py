# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The cases of llhttp against both engines.

What llhttp refuses we refuse; what it reads we read the same: method, target, version, fields, content.  Where we differ on purpose
a rule below says so, with the RFC's section.  A rule looks at the input alone, never at our result; a request that a rule refuses must be
refused with the status of such a rule.  llhttp does not look at Host: a case without one must be refused with 400, and is
run again with a Host put in, so that the rest of it still binds.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from sws.base.engine import (
    Aborted,
    BodyChunk,
    Ended,
    Event,
    Informational,
    Refused,
    RequestStarted,
    ResponseStarted,
    Trailers,
    TunnelOpened,
)
from sws.base.errors import DecodeError
from sws.proto.http.target import parse_target
from tests.kit.http1_peer import make_client, serve
from tests.kit.incremental import octets
from tests.kit.vectors import extra_json, extra_vectors

_LINE: Final = re.compile(rb"([^ \r\n]+) ([^ \r\n]+) (HTTP)/([0-9])\.([0-9])\r\n")


@dataclass
class Message:
    """What one side read of a message."""

    start: tuple[str, ...] = ()
    fields: list[tuple[str, str]] = field(default_factory=list)
    content: str = ""
    complete: bool = False


# --- reading the vectors ---------------------------------------------------------------------------------------------


def _cases(kind: str) -> list[dict[str, Any]]:
    try:
        folder = extra_vectors("http", "llhttp")
    except pytest.skip.Exception:
        return []
    cases: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.json")):
        cases += extra_json("http", "llhttp", path.name)
    return [case for case in cases if case["type"].partition("-")[0] == kind and not case.get("lenient")]


def _params(kind: str) -> list[Any]:
    return [pytest.param(case, id=f"{case['file']}: {case['name']}") for case in _cases(kind)]


def _input_of(case: dict[str, Any]) -> bytes:
    """The octets; the vectors were cut before the last line end, which the offsets of the log give away."""
    data = base64.b64decode(case["input"])
    last = max((int(offset) for line in case["log"] for offset in re.findall(r"off=([0-9]+)", line)), default=0)
    return data + b"\r\n" if last > len(data) else data


def _value(text: str) -> str:
    """White space around a value is no part of it, and a fold is one space (RFC 9112 §5.1, §5.2)."""
    return re.sub(r"[ \t]*\r\n[ \t]+", " ", text).strip(" \t")


def _expected(case: dict[str, Any]) -> list[Message]:
    found: list[Message] = []
    for message in case["messages"]:
        if not message.get("headers_complete"):
            continue
        version = message.get("version", "")
        start = (message["method"], message["url"], version) if "method" in message else (str(message["status_code"]), version)
        fields = [(name.lower(), _value(value)) for name, value in message["headers"]]
        found.append(Message(start, fields, message.get("body", ""), message.get("complete", False)))
    return found


def test_the_vectors_are_there() -> None:
    extra_vectors("http", "llhttp")
    assert len(_cases("request")) > 30
    assert len(_cases("response")) > 30


# --- requests --------------------------------------------------------------------------------------------------------


@dataclass
class Sent:
    """The first request of the octets that has not been looked at: what the rules want to know, read without strictness."""

    data: bytes

    def __post_init__(self) -> None:
        self.blank = len(self.data) - len(self.data.lstrip(b"\r\n"))
        head, _, self.rest = self.data.lstrip(b"\r\n").partition(b"\r\n\r\n")
        self.line, _, self.section = head.partition(b"\r\n")
        self.parts = self.line.split(b" ")
        self.method, self.target = self.parts[0], self.parts[1] if len(self.parts) > 1 else b""
        self.protocol = self.parts[-1]
        self.version = 11 if re.fullmatch(rb"HTTP/1\.[1-9]", self.protocol) else 10

    def values(self, name: bytes) -> list[bytes]:
        return [
            value.strip(b" \t").lower()
            for line in self.section.split(b"\r\n")
            for key, colon, value in [line.partition(b":")]
            if colon and key.lower() == name
        ]

    @property
    def codings(self) -> list[bytes]:
        return [coding.strip() for value in self.values(b"transfer-encoding") for coding in value.split(b",")]

    @property
    def has_content(self) -> bool:
        return bool(self.codings) or any(length.strip(b"0") for length in self.values(b"content-length"))


@dataclass(frozen=True)
class Rule:
    """Requests that llhttp takes and we refuse."""

    status: int
    reason: str
    applies: Callable[[Sent], bool]


_TRAILER: Final = re.compile(
    rb"\n0+[^\n]*\r\n(?:[^\r\n]+\r\n)*(?:content-length|transfer-encoding|host|trailer|connection):", re.IGNORECASE
)

_REFUSED: Final = [
    Rule(400, "HTTP/0.9 has no version: RFC 9112 §3", lambda sent: len(sent.parts) < 3),
    Rule(400, "ICE, RTSP and others are not HTTP: RFC 9112 §2.3", lambda sent: not sent.protocol.startswith(b"HTTP/")),
    Rule(505, "another major version: RFC 9110 §15.6.6", lambda sent: bool(re.fullmatch(rb"HTTP/[02-9]\.[0-9]", sent.protocol))),
    Rule(400, "more than one Host: RFC 9112 §3.2", lambda sent: len(sent.values(b"host")) > 1),
    Rule(
        400,
        "octets that RFC 3986 has nowhere, a fragment included: RFC 9112 §3.2",
        lambda sent: re.search(rb'[^\x21-\x7e]|["#<>\\]|%(?![0-9A-Fa-f]{2})', sent.target) is not None,
    ),
    Rule(400, "user information: RFC 9110 §4.2.4", lambda sent: re.match(rb"[a-z]+://[^/?#]*@", sent.target, re.IGNORECASE) is not None),
    Rule(400, "the asterisk-form is for OPTIONS: RFC 9112 §3.2.4", lambda sent: sent.target == b"*" and sent.method != b"OPTIONS"),
    Rule(
        400,
        "a target in no form that the method may have: RFC 9112 §3.2",
        lambda sent: sent.method != b"CONNECT" and re.match(rb"/|\*|https?://", sent.target, re.IGNORECASE) is None,
    ),
    Rule(
        400,
        "CONNECT wants host and port: RFC 9112 §3.2.3",
        lambda sent: sent.method == b"CONNECT" and re.search(rb":[0-9]+$", sent.target) is None,
    ),
    Rule(400, "CONNECT has no content: RFC 9110 §9.3.6", lambda sent: sent.method == b"CONNECT" and sent.has_content),
    Rule(
        421,
        "https without TLS: RFC 9110 §7.4",
        lambda sent: sent.target.lower().startswith(b"https://"),
    ),
    Rule(400, "obs-fold: RFC 9112 §5.2", lambda sent: re.search(rb"\n[ \t]", b"\n" + sent.section) is not None),
    Rule(
        400,
        "control characters in a value: RFC 9110 §5.5",
        lambda sent: re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", sent.section) is not None,
    ),
    Rule(
        501,
        "transfer codings beside chunked: RFC 9112 §6.1",
        lambda sent: any(coding != b"chunked" for coding in sent.codings),
    ),
    Rule(400, "chunked is not last, or twice: RFC 9112 §6.1", lambda sent: b"chunked" in sent.codings[:-1]),
    Rule(400, "Transfer-Encoding in HTTP/1.0: RFC 9112 §6.1", lambda sent: bool(sent.codings) and sent.version == 10),
    Rule(
        411,
        "HTTP/1.0 content without a length: RFC 9110 §15.5.12",
        lambda sent: sent.version == 10 and sent.method in (b"POST", b"PUT", b"PATCH") and not sent.values(b"content-length"),
    ),
    Rule(
        417,
        "another expectation: RFC 9110 §10.1.1",
        lambda sent: sent.version == 11 and sent.values(b"expect") not in ([], [b"100-continue"]),
    ),
    Rule(400, "a trailer that may not be one: RFC 9110 §6.5.1", lambda sent: _TRAILER.search(b"\n" + sent.rest) is not None),
    Rule(400, "more empty lines than the one of RFC 9112 §2.2 and one to spare", lambda sent: sent.blank > 4),
]


def _takes_more(case: dict[str, Any], data: bytes) -> str | None:
    """Why we take a request that llhttp refuses."""
    sent = Sent(data)
    reason = case["error"]["reason"] if case["error"] else ""
    if _LINE.match(data.lstrip(b"\r\n")) is None:
        return None
    if "method" in reason.lower() and sent.protocol.startswith(b"HTTP/1."):
        return "any token is a method: RFC 9110 §9.1, RFC 9112 §3"
    if "version" in reason.lower() and re.fullmatch(rb"HTTP/1\.[2-9]", sent.protocol):
        return "a higher minor version is read as 1.1: RFC 9110 §2.5"
    return None


def _stops_at_close(case: dict[str, Any], messages: list[Message]) -> bool:
    """llhttp faults octets behind `Connection: close`; a server does not look at them (RFC 9112 §9.6)."""
    last = messages[-1] if messages else Message()
    closes = any(name == "connection" and "close" in value.lower() for name, value in last.fields)
    return case["outcome"] == "error" and last.complete and closes


def _requests_read(events: list[Event]) -> tuple[list[Message], int | None, bool]:
    """Messages, the status of the refusal (0 for an abort), and whether a tunnel's octets came."""
    messages: dict[int, Message] = {}
    status: int | None = None
    tunnel = False
    for event in events:
        if isinstance(event, RequestStarted):
            head = event.request
            target = head.authority if head.method == b"CONNECT" else head.target
            start = (head.method.decode(), target.decode("latin-1"), "1.0" if head.version == 10 else "1.1")
            fields = [(name.decode(), value.decode("latin-1")) for name, value in head.fields]
            messages[event.stream] = Message(start, fields, "", event.ended)
        elif isinstance(event, BodyChunk):
            if messages[event.stream].complete:
                tunnel = True
            else:
                messages[event.stream].content += event.data.decode("latin-1")
        elif isinstance(event, Trailers):
            messages[event.stream].fields += [(name.decode(), value.decode("latin-1")) for name, value in event.fields]
        elif isinstance(event, Ended):
            messages[event.stream].complete = True
        elif isinstance(event, Refused):
            status = event.status
        else:
            assert isinstance(event, Aborted)
            status = 0
    return list(messages.values()), status, tunnel


def _heads(data: bytes, expected: list[Message]) -> Iterator[bytes]:
    """Where each request of the case begins."""
    yield data
    rest = data
    for message in expected[:-1]:
        _, _, rest = rest.lstrip(b"\r\n").partition(b"\r\n\r\n")
        rest = rest[len(message.content) :]
        yield rest


def _with_host(data: bytes) -> bytes:
    """A Host put into every request that has none."""
    return re.sub(
        rb"(?m)^([A-Z-]+ [^ \r\n]+ HTTP/1\.[1-9]\r\n)((?:[^\r\n]+\r\n)*)",
        lambda match: match[0] if re.search(rb"(?mi)^host:", match[2]) else match[1] + b"Host: inserted\r\n" + match[2],
        data,
    )


@pytest.mark.parametrize("case", _params("request"))
def test_request(case: dict[str, Any]) -> None:
    data = _input_of(case)
    if Sent(data).version == 11 and not Sent(data).values(b"host") and _expected(case):
        assert _requests_read(serve([data], eof=True))[1] not in (None, 505), "taken without Host"
    data = _with_host(data)
    expected = _expected(case)
    failed = case["outcome"] == "error"
    stops = _stops_at_close(case, expected)
    whole = serve([data], tunnel=True, eof=failed and not stops)
    assert serve(octets(data), tunnel=True, eof=failed and not stops) == whole
    messages, status, tunnel = _requests_read(whole)
    for message in messages:
        message.fields = [pair for pair in message.fields if pair != ("host", "inserted")]
    rules = [rule for rest in _heads(data, expected) for rule in _REFUSED if rule.applies(Sent(rest))]
    if failed and not stops:
        if _takes_more(case, data) is None:
            assert status is not None, "llhttp refuses it"
        return
    if rules and status is not None:
        assert status in {rule.status for rule in rules}
        return
    assert not rules, "a rule says that this is refused"
    assert status is None
    assert len(messages) >= len(expected)
    for ours, theirs in zip(messages, expected, strict=False):
        absolute = re.match(r"https?://[^/?]*([^#]*)", theirs.start[1])
        if absolute:
            theirs.start = (theirs.start[0], absolute[1] if absolute[1].startswith("/") else "/" + absolute[1], theirs.start[2])
        assert ours == theirs
    assert tunnel == (case["outcome"] == "pause_or_upgrade" and not data.endswith(b"\r\n\r\n"))


# --- responses -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ResponseRule:
    """Responses that llhttp takes and we do not."""

    reason: str
    applies: Callable[[bytes], bool]


def _response_fields(data: bytes, name: bytes) -> list[bytes]:
    return [
        value.strip().lower()
        for value in re.findall(rb"(?im)^" + name + rb"[ \t]*:([^\r\n]*)\r\n", data.partition(b"\r\n\r\n")[0] + b"\r\n")
    ]


def _other_codings(data: bytes) -> bool:
    codings = [coding.strip() for value in _response_fields(data, b"transfer-encoding") for coding in value.split(b",")]
    return bool(codings) and codings != [b"chunked"]


def _has(pattern: bytes) -> Callable[[bytes], bool]:
    return lambda data: re.search(pattern, data) is not None


_ANOTHER_HEAD: Final = rb"(?s)\r\n\r\n.*\r\nHTTP/1\.[01] [0-9]+ "
_NOT_TAKEN: Final = [
    ResponseRule("ICE, RTSP and HTTP of another major version are not HTTP/1: RFC 9112 §2.3", _has(rb"\A\s*(?!HTTP/1\.)[A-Z]")),
    ResponseRule("an empty line may stand before a request only: RFC 9112 §2.2", _has(rb"\A\r\n|\r\n\r\n\r\nHTTP/")),
    ResponseRule("an empty line behind content is octets outside of a response: RFC 9112 §6.3", _has(_ANOTHER_HEAD)),
    ResponseRule("transfer codings beside chunked: RFC 9112 §6.1", _other_codings),
    ResponseRule("Transfer-Encoding in HTTP/1.0: RFC 9112 §6.1", _has(rb"(?is)\AHTTP/1\.0 .*\r\ntransfer-encoding[ \t]*:")),
    ResponseRule("a status code outside of 100 to 599: RFC 9110 §15", _has(rb"\AHTTP/1\.[0-9] [06-9]")),
    ResponseRule("a trailer that may not be one: RFC 9110 §6.5.1", _has(rb"(?s)\r\n\r\n.*" + _TRAILER.pattern.replace(b"(?i)", b""))),
    ResponseRule(
        "octets behind a response that has no content: RFC 9112 §9.2", _has(rb"(?s)\AHTTP/1\.[01] (?:204|304|101) .*(?<!\r\n\r\n)\Z")
    ),
]


def _forgiven(data: bytes) -> bool:
    """RFC 9112 §5.1, §5.2: in responses white space before a colon and folds are mended."""
    head = data.partition(b"\r\n\r\n")[0]
    return re.search(rb"(?m)^[!-9;-~]+[ \t]+:|\r\n[ \t]+[^\r\n]", head.partition(b"\r\n")[2]) is not None


def _responses(segments: list[bytes], method: bytes, switches: bool, eof: bool) -> tuple[list[Message], bool, bool]:
    """Feeds a client that asks again as often as it may.  Returns: messages, whether it gave up, whether a tunnel was opened."""
    engine = make_client()
    fields = [(b"host", b"a")] + ([(b"connection", b"upgrade"), (b"upgrade", b"h2c")] if switches else [])
    engine.send_request(method, b"/", fields, 0.0, ended=True)
    messages: list[Message] = []
    aborted = tunnel = False
    for segment in [*segments, None]:
        if segment is None and not eof:
            break
        events = engine.receive_eof(0.0) if segment is None else engine.receive(segment, 0.0)
        for event in events:
            if isinstance(event, ResponseStarted | Informational):
                read = [(name.decode(), value.decode("latin-1")) for name, value in event.fields]
                complete = isinstance(event, Informational) or event.ended
                messages.append(Message((str(event.status),), read, "", complete))
            elif isinstance(event, BodyChunk):
                engine.consumed(event.stream, len(event.data))
                if not tunnel:
                    messages[-1].content += event.data.decode("latin-1")
            elif isinstance(event, Trailers):
                messages[-1].fields += [(name.decode(), value.decode("latin-1")) for name, value in event.fields]
            elif isinstance(event, Ended):
                messages[-1].complete = True
            elif isinstance(event, TunnelOpened):
                tunnel = messages[-1].complete = True
            else:
                assert isinstance(event, Aborted)
                aborted = True
        if engine.is_idle:
            engine.send_request(method, b"/", fields, 0.0, ended=True)
    return messages, aborted, tunnel


@pytest.mark.parametrize("case", _params("response"))
def test_response(case: dict[str, Any]) -> None:
    data = _input_of(case)
    expected = _expected(case)
    failed = case["outcome"] == "error"
    stops = _stops_at_close(case, expected)
    method = b"HEAD" if case["meta"].get("skipBody") else b"GET"
    switches = any(message.start[0] == "101" for message in expected)
    messages, aborted, tunnel = _responses(octets(data), method, switches, eof=failed and not stops)
    if failed and not stops:
        assert aborted or _forgiven(data), "llhttp refuses it"
        return
    rules = [rule.reason for rule in _NOT_TAKEN if rule.applies(data)]
    if aborted:
        assert rules, "given up without a rule"
        return
    assert len(messages) == len(expected)
    for ours, theirs in zip(messages, expected, strict=True):
        theirs.start = theirs.start[:1]
        if theirs.start == ("100",):
            theirs.complete = True
        assert ours == theirs
    assert tunnel == (case["outcome"] == "pause_or_upgrade")


# --- targets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", _params("url"))
def test_url(case: dict[str, Any]) -> None:
    """Request targets; llhttp takes fragments, user information and zones, which none may have (RFC 9112 §3.2, RFC 9110 §4.2.4)."""
    data = base64.b64decode(case["input"])
    if case["error"] or re.search(rb"#|//[^/]*@|\[[^]]*%", data):
        with pytest.raises(DecodeError):
            parse_target(b"GET", data)
        return
    found = parse_target(b"GET", data)
    parts = {
        "schema": found.scheme,
        "host": None if found.authority is None else bytes(found.authority),
        "path": found.path,
        "query": found.query,
    }
    assert {name: value.decode() for name, value in parts.items() if value is not None} == case["components"]


# --- Content-Length --------------------------------------------------------------------------------------------------


def _lengths() -> list[Any]:
    try:
        cases = extra_json("http", "wpt-mime", "content-lengths.json")
    except pytest.skip.Exception:
        return []
    return [pytest.param(case, id=repr(case["input"])) for case in cases]


@pytest.mark.parametrize("case", _lengths())
def test_content_lengths(case: dict[str, Any]) -> None:
    """What browsers expect of responses.  A server refuses all but one number on one line (RFC 9112 §6.3, RFC 9110 §8.6); a client also
    takes the same number repeated; neither looks over a value that is no number, which browsers ignore."""
    lines = case["input"].encode() + b"\r\n"
    values = [line.partition(b":")[2].strip(b" \t") for line in case["input"].encode().split(b"\r\n")]
    members = [member.strip() for value in values for member in value.split(b",")]
    numbers = all(member.isdigit() for member in members)
    content = b"x" * 42

    events = serve([b"POST / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n" + content], eof=True)
    if len(members) == 1 and numbers:
        assert len([event for event in events if isinstance(event, BodyChunk)]) == 1
        assert _requests_read(events)[0][0].content == "x" * case["output"]
    else:
        assert events == [Refused(1, 400, "")]

    segments = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + lines + b"\r\n", content]
    messages, aborted, _ = _responses(segments, b"GET", False, False)
    if numbers and case["output"] is not None:
        assert messages[0].complete
        assert messages[0].content == "x" * case["output"]
    else:
        assert aborted
        assert not messages
