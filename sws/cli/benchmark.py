# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`sws benchmark`: what the command line asks for becomes a plan, and the result is shown.  The engine room is sws.net.load."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import click

from sws.base.engine import Field, Fields
from sws.base.errors import DecodeError, UsageError
from sws.net.connect import connect, connect_unix
from sws.net.load.lane import Endpoint
from sws.net.load.plan import LoadPlan, plan_requests
from sws.net.load.report import RunFacts, lines, summary
from sws.net.load.workers import Look, run_load
from sws.net.resolv_conf import load_resolv_conf
from sws.net.resolver import Resolver
from sws.os.loop import Loop
from sws.os.process import can_fork, raise_descriptor_limit
from sws.os.tasks import start
from sws.proto.http.url import Uri, parse_uri

__all__ = ["BenchmarkOptions", "run_benchmark"]

_AGENT: Final = b"sws-benchmark"
_QUIET_SECONDS: Final = 5.0


@final
@dataclass(frozen=True, slots=True)
class BenchmarkOptions:
    """The command line; see `sws benchmark --help`."""

    urls: tuple[str, ...]
    concurrency: int
    duration: float
    http: str = "1"
    rate: float | None = None
    method: str | None = None
    headers: tuple[str, ...] = ()
    body: str | None = None
    timeout: float = 10.0
    requests_per_connection: int = 0
    unix_socket: str | None = None
    workers: int = 1
    json_path: str | None = None
    progress: bool = True


def run_benchmark(options: BenchmarkOptions) -> bool:
    """All of it; results on standard output.

    Returns: whether anything succeeded.
    Raises:  UsageError for what cannot be asked so; other kinds of SwsError, OSError when there is no server or no file.
    """
    if options.http == "3" and options.unix_socket is not None:
        raise UsageError("--http 3: QUIC does not run over unix sockets")
    if options.workers > 1 and not can_fork:
        raise UsageError("--workers: this system cannot fork")
    if options.concurrency < options.workers:
        raise UsageError("--workers: there are fewer connections than that")
    uris = [_parse_url(url, options.http) for url in options.urls]
    if len({(uri.scheme, uri.host, uri.port) for uri in uris}) != 1:
        raise UsageError("--url: all must have the same scheme, host and port")
    method = (options.method or ("GET" if options.body is None else "POST")).encode("latin-1", "replace")
    requests = plan_requests(method, [_target(uri) for uri in uris], _fields(uris[0], options.headers), _body(options.body))
    raise_descriptor_limit()
    endpoint, address = _reach(uris[0], options.http, options.unix_socket, options.timeout)
    plan = LoadPlan(
        requests,
        options.concurrency,
        options.duration,
        rate=options.rate,
        timeout=options.timeout,
        per_connection=options.requests_per_connection,
        http=int(options.http),
        secure=uris[0].scheme == b"https",
    )
    tally = run_load(plan, endpoint, options.workers, _Progress(options).show)
    facts = RunFacts(
        options.urls,
        address,
        method.decode("latin-1"),
        {"1": "1.1"}.get(options.http, options.http),
        options.concurrency,
        options.workers,
        options.duration,
        options.rate,
    )
    _tell(summary(facts, tally), options.json_path)
    return tally.succeeded > 0


# --- what to ask ---------------------------------------------------------------------------------------------------------


def _parse_url(url: str, http: str) -> Uri:
    try:
        uri = parse_uri(url.encode("ascii"))
    except (UnicodeEncodeError, DecodeError):
        raise UsageError(f"--url: {url!r} is no URL (percent-encode what is not ASCII)") from None
    if http == "3":
        if uri.scheme != b"https" or not uri.host:
            raise UsageError(f"--url: {url!r} does not begin with https:// and a host, as HTTP/3 needs")
    elif uri.scheme not in (b"http", b"https") or not uri.host:
        raise UsageError(f"--url: {url!r} does not begin with http:// or https:// and a host")
    if uri.userinfo is not None:
        raise UsageError("--url: credentials belong into a --header")
    return uri


def _default_port(uri: Uri) -> int:
    return 443 if uri.scheme == b"https" else 80


def _target(uri: Uri) -> bytes:
    return (uri.path or b"/") + (b"" if uri.query is None else b"?" + uri.query)


def _fields(uri: Uri, headers: Sequence[str]) -> Fields:
    given: list[Field] = []
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon:
            raise UsageError(f"--header: {header!r} is not NAME:VALUE")
        given.append((name.strip().lower().encode("utf-8"), value.strip().encode("utf-8")))
    names = {name for name, _ in given}
    authority = (uri.host or b"") + (b"" if uri.port in (None, _default_port(uri)) else b":%d" % uri.port)
    own = ((b"host", authority), (b"user-agent", _AGENT), (b"accept", b"*/*"))
    return (*(field for field in own if field[0] not in names), *given)


def _body(body: str | None) -> bytes | None:
    """Octets of the option, or of the file that it names.  Raises: OSError."""
    if body is None:
        return None
    if body.startswith("@"):
        with open(body[1:], "rb") as file:
            return file.read()
    return body.encode("utf-8")


# --- where to ask --------------------------------------------------------------------------------------------------------


def _shown(family: int, address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    return f"[{address[0]}]:{address[1]}" if family == socket.AF_INET6 else f"{address[0]}:{address[1]}"


def _reach(uri: Uri, http: str, unix_path: str | None, timeout: float) -> tuple[Endpoint, str]:
    """Connect once, as any client would: name, Happy Eyeballs.  All load goes where that led.

    Raises: ConnectError, ResolveError.
    """
    loop = Loop()
    found: list[tuple[Endpoint, str]] = []

    async def reach() -> None:
        """One connection that is made and closed: the address that answers."""
        if unix_path is not None:
            (await connect_unix(loop, unix_path, timeout=timeout)).close()
            found.append(((socket.AF_UNIX, unix_path), f"unix:{unix_path}"))
            return
        resolver = Resolver(loop, load_resolv_conf())
        host = (uri.host or b"").decode("ascii").strip("[]")
        port = uri.port or _default_port(uri)
        if http == "3":
            from sws.net.load.reach_h3 import reach_quic  # here: who asks over TCP does not pay for it at the start

            reached = await reach_quic(loop, f"{host}:{port}", await resolver.resolve(host, port), timeout)
            found.append(((reached.family, reached.sockaddr), _shown(reached.family, reached.sockaddr)))
            return
        with await connect(loop, resolver, host, port, timeout=timeout) as sock:
            found.append(((sock.family, sock.getpeername()), _shown(sock.family, sock.getpeername())))

    errors: list[BaseException | None] = []
    start(loop, reach(), errors.append)
    while not errors:
        loop.turn(None)
    loop.close()
    if errors[0] is not None:
        raise errors[0]
    return found[0]


# --- telling -------------------------------------------------------------------------------------------------------------


@final
class _Progress:
    """On a terminal one line that changes, else a line every few seconds; on standard error."""

    def __init__(self, options: BenchmarkOptions) -> None:
        self._duration = options.duration
        self._shown = options.progress
        self._live = sys.stderr.isatty()
        self._last = Look(0.0, 0, 0)
        self._due = _QUIET_SECONDS

    def show(self, look: Look) -> None:
        """A look at the run."""
        if not self._shown or (not self._live and look.seconds < self._due):
            return
        self._due = look.seconds + _QUIET_SECONDS
        passed = look.seconds - self._last.seconds
        rate = (look.done - self._last.done) / passed if passed > 0 else 0.0
        self._last = look
        text = f"{look.seconds:6.1f} of {self._duration:g} s  {look.done} answered  {rate:.0f} a second  {look.failed} failed"
        if self._live:
            is_last = look.seconds + 0.5 >= self._duration
            click.echo(f"\r{text}\x1b[K" + ("\n" if is_last else ""), err=True, nl=False)
        else:
            click.echo(text, err=True)


def _tell(found: dict[str, object], json_path: str | None) -> None:
    """For people, unless JSON goes to standard output."""
    if json_path == "-":
        click.echo(json.dumps(found, indent=2))
        return
    for line in lines(found):
        click.echo(line)
    if json_path is not None:
        with open(json_path, "w", encoding="utf-8") as file:
            file.write(json.dumps(found, indent=2) + "\n")
