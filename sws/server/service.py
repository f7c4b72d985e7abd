# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a worker answers with: hosts and their chains, the access log, the request metrics.

Implements `net.driver.Service`.  An exchange's handler may fail in three ways: with an `Http1Error` or `DecodeError`, which have a
status; with `Cancelled`, when its connection is gone; with anything else, which is logged with its trace and answered with 500 if
no response was begun.  The worker survives all three.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Coroutine
from json.encoder import encode_basestring_ascii as quote
from typing import Any, Final, final

from sws.base.errors import DecodeError, Http1Error, LimitExceeded, UsageError
from sws.exchange.exchange import Exchange, Handler
from sws.exchange.pages import respond_error
from sws.net.service import ConnectionDriver
from sws.observe.logger import Level, Logger
from sws.observe.metrics import Counter, Histogram, Registry
from sws.os.tasks import Cancelled
from sws.proto.http.method import REGISTERED_METHODS
from sws.server.hosts import HostTable

__all__ = ["HttpService", "Metrics", "misdirected"]

_SHOWN_MAXIMUM: Final = 1024
_SHOWN_LENGTH: Final = 512
_COUNTED_MAXIMUM: Final = 1000
_SAFE_EARLY: Final = (b"GET", b"HEAD", b"OPTIONS")
CLIENT_GONE: Final = 499  # nginx's number for a client that left before it was answered
_BUCKETS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5)


@final
class Metrics:
    """The metrics of a worker.  Their names are part of the product's contract."""

    def __init__(self, worker: int) -> None:
        self.registry = Registry()
        self.requests = self.registry.counter("sws_http_requests_total", "Requests answered.", ("method", "status"))
        self.durations = self.registry.histogram("sws_http_request_duration_seconds", "From head to response.", _BUCKETS, ("method",))
        active = self.registry.gauge("sws_conn_active", "Open connections.", ("worker",))
        self.connections = active.labels(str(worker))
        self.idle = self.registry.gauge("sws_conn_idle", "Connections between requests.").labels()
        handshakes = self.registry.counter("sws_tls_handshake_total", "TLS handshakes completed.", ("version",))
        self.handshakes = handshakes.labels("1.3")
        self._staples = self.registry.counter("sws_tls_ocsp_total", "OCSP responses asked for.", ("result",))
        self.ocsp_answered = lambda result: self._staples.labels(result).add()
        self.accepted = self.registry.counter("sws_conn_accepted_total", "Connections accepted.").labels()
        self.evicted = self.registry.counter("sws_conn_evicted_total", "Idle connections closed for want of room.").labels()
        self._defended = self.registry.counter("sws_http2_defended_total", "Times a defence of HTTP/2 acted.", ("kind",))
        self._forwarded = self.registry.counter("sws_quic_forwarded_total", "Datagrams handed on between processes.", ("result",))
        self.newcomers_dropped = self.registry.counter("sws_quic_newcomers_dropped_total", "First datagrams that found no room.").labels()
        self.pauses = self.registry.counter("sws_accept_pauses_total", "Times that accepting paused for want of descriptors.").labels()

    def forwarded(self, result: str, count: int) -> None:
        """Datagrams of QUIC were sent to another process, received from one, or dropped since its inbox was full."""
        self._forwarded.labels(result).add(count)

    def http2_defended(self, kind: str) -> None:
        """A bound of an HTTP/2 connection was reached."""
        self._defended.labels(kind).add()


async def misdirected(exchange: Exchange) -> None:
    """421 for a host that is not ours.  RFC 9110 §15.5.20."""
    respond_error(exchange, 421)


async def too_early(exchange: Exchange) -> None:
    """425 for what may be a replay and must not happen twice.  RFC 8470 §5.2."""
    respond_error(exchange, 425)


@final
class HttpService:
    """Answers all exchanges of one worker.

    Args:
      hosts:       authority -> handler.
      logger, access_log:  where events go, and whether each request is one.
      policies:  authority -> client authentication that its host asks for; a request for another than the handshake met is misdirected,
                 or one host's certificate would open another's door (CVE-2025-23419 and its like).
    """

    def __init__(
        self,
        hosts: HostTable[Handler],
        logger: Logger,
        metrics: Metrics,
        *,
        access_log: bool,
        policies: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.hosts = hosts
        self._policies = policies
        self._logger = logger
        self._metrics = metrics
        self._access_log = access_log and logger.level <= Level.INFO
        self._shown: dict[bytes, str] = {}
        self._counted: dict[tuple[bytes, int], tuple[Counter, Histogram]] = {}
        self.connections: set[ConnectionDriver] = set()

    def handle(self, exchange: Exchange) -> Coroutine[Any, Any, None]:
        """Give the exchange to its host's chain."""
        request = exchange.request
        if request.early and request.method not in _SAFE_EARLY:
            return too_early(exchange)
        if self._policies is not None and exchange.facts.policy not in (None, self._policies(request.authority)):
            return misdirected(exchange)
        return self.hosts[exchange.request.authority](exchange)

    async def refuse(self, exchange: Exchange, status: int, reason: str) -> None:
        """Answer a request that the engine refused."""
        self._logger.warn("server.service", "request refused", {"status": status, "reason": reason, "peer": exchange.facts.address})
        respond_error(exchange, status)

    def finished(self, exchange: Exchange, error: BaseException | None) -> None:
        """The handler is through: mend what it left undone, count it, log it."""
        if error is not None or exchange.status == 0:
            self._failed(exchange, error)
        elapsed = exchange.elapsed
        if exchange.status == 0:
            exchange.status = CLIENT_GONE
        counter, histogram = self._counted.get((exchange.request.method, exchange.status)) or self._children(exchange)
        counter.value += 1
        histogram.observe(elapsed)
        if self._access_log:
            self._log_access(exchange, elapsed)

    def _failed(self, exchange: Exchange, error: BaseException | None) -> None:
        if isinstance(error, Cancelled) or (error is None and exchange.is_dead):
            return
        if error is None:
            error = UsageError("the handler ended without an answer")
        status = error.status if isinstance(error, Http1Error) else 400 if isinstance(error, (DecodeError, LimitExceeded)) else 500
        if status == 500:
            trace = "".join(traceback.format_exception(error))[-4000:]
            self._logger.error("server.service", "a handler failed", {"error": repr(error), "trace": trace})
        else:
            self._logger.warn("server.service", "request refused", {"status": status, "reason": str(error), "peer": exchange.facts.address})
        if exchange.status == 0 and not exchange.is_dead:
            respond_error(exchange, status)

    def _children(self, exchange: Exchange) -> tuple[Counter, Histogram]:
        """The metrics' children of a method and status that were not counted together before."""
        method, status = exchange.request.method, exchange.status
        name = method.decode("ascii") if method in REGISTERED_METHODS else "other"
        children = (self._metrics.requests.labels(name, str(status)), self._metrics.durations.labels(name))
        if len(self._counted) < _COUNTED_MAXIMUM:
            self._counted[method, status] = children
        return children

    def _log_access(self, exchange: Exchange, elapsed: float) -> None:
        request = exchange.request
        index = request.index
        facts = exchange.facts
        microseconds = int(elapsed * 1e6)
        if not self._logger.json:
            shown = quote(f"{request.method.decode('latin-1')} {request.target.decode('latin-1')}")
            rest = f"{facts.address} {shown} {exchange.status} {exchange.sent} {microseconds}us\n"
            self._logger.access("", f" INFO  http.access: {rest}")
            return
        agent = index.get(b"user-agent")
        referer = index.get(b"referer")
        more = "" if agent is None else f',"agent":{self._quoted(agent)}'
        if referer is not None:
            more += f',"referer":{quote(referer.decode("latin-1"))}'
        self._logger.access(
            '{"ts":"',
            f'","lvl":"info","mod":"http.access","msg":"request","latency_us":{microseconds},"status":{exchange.status},'
            f'"method":{self._quoted(request.method)},"target":{quote(request.target.decode("latin-1"))},'
            f'"host":{self._quoted(request.authority)},"octets":{exchange.sent},"protocol":"{facts.protocol}","peer":"{facts.address}"{more}}}\n',
        )

    def _quoted(self, value: bytes) -> str:
        """A value that comes again and again (agent, host, method) as a JSON string, remembered within bounds."""
        shown = self._shown.get(value)
        if shown is None:
            shown = quote(value.decode("latin-1"))
            if len(self._shown) >= _SHOWN_MAXIMUM:
                self._shown.clear()
            if len(value) <= _SHOWN_LENGTH:
                self._shown[value] = shown
        return shown

    def opened(self, driver: ConnectionDriver) -> None:
        """A connection was accepted."""
        self.connections.add(driver)
        self._metrics.accepted.add()
        self._metrics.connections.set(len(self.connections))

    def closed(self, driver: ConnectionDriver) -> None:
        """The connection is gone."""
        self.connections.discard(driver)
        self._metrics.connections.set(len(self.connections))
