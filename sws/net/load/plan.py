# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is asked, made ready beforehand; and which response heads are simple.  RFC 9112 §6.3.

A request's octets are those that the client engine itself makes of it, once.  A response head is *simple* if its status is final, its
version 1.1, the connection goes on, and its content has a known length: then counting octets is all there is to do, and no engine runs.
Whether it is, the engine's own parsers decide when the head is first met; servers repeat their heads (for a second, until Date changes),
so the answer is remembered, octet for octet, for a bounded number of heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, final

from sws.base.engine import Fields, index_fields
from sws.base.errors import Http1Error, UsageError
from sws.proto.http1 import ClientConnection, Http1Limits
from sws.proto.http1.head import parse_fields, parse_status_line
from sws.proto.http1.request import content_length_of, has_token

__all__ = ["LIMITS", "LoadPlan", "PlannedRequest", "plan_requests"]

LIMITS: Final = Http1Limits(body=None, window=1 << 30, head_timeout=1e9, body_timeout=1e9)  # time-outs are the plan's
_HEADS_MAXIMUM: Final = 1024
_HEAD_OCTETS: Final = 2048
_NOT_SIMPLE: Final = (0, -1)


@final
@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One request, ready to be sent again and again.

    Attributes:
      octets:   what leaves.
    """

    method: bytes
    target: bytes
    fields: Fields
    body: bytes | None
    octets: bytes

    def begin(self, engine: ClientConnection, now: float) -> None:
        """Bring an engine into the state in which it would be, had it sent this."""
        stream = engine.send_request(self.method, self.target, self.fields, now, ended=self.body is None)
        if self.body is not None:
            engine.send_data(stream, self.body, ended=True)
        engine.data_to_send(now)


def plan_requests(method: bytes, targets: Sequence[bytes], fields: Fields, body: bytes | None) -> tuple[PlannedRequest, ...]:
    """One for each target.

    Args:
      fields:  with host.
      body:    None for none; its content-length is added.
    Raises: UsageError for what cannot be sent, and for CONNECT.
    """
    if method == b"CONNECT":
        raise UsageError("CONNECT opens a tunnel, which is no load")
    if any(name == b"upgrade" for name, _ in fields):
        raise UsageError("a change of protocol is no load")
    if body is not None and not any(name == b"content-length" for name, _ in fields):
        fields = (*fields, (b"content-length", b"%d" % len(body)))
    planned = []
    for target in targets:
        engine = ClientConnection(0.0, limits=LIMITS)
        stream = engine.send_request(method, target, fields, 0.0, ended=body is None)
        if body is not None:
            engine.send_data(stream, body, ended=True)
        octets = b"".join(part for part in engine.data_to_send(0.0) if isinstance(part, bytes))
        planned.append(PlannedRequest(method, target, fields, body, octets))
    return tuple(planned)


@final
@dataclass(slots=True)
class LoadPlan:
    """A run: what, how much, how long; times in seconds.

    Attributes:
      connections:    how many at once.
      duration:       from the moment when they are open.
      rate:           requests a second, spread evenly, whatever the server does; None: each connection asks as soon as it is answered.
      phase:          when the first of a constant rate is due, after the beginning.
      timeout:        longest wait for one response, and for a connection.
      http:           version, 1, 2 or 3.
      secure:         over TLS, as HTTP/3 always is.
      per_connection: requests that one connection carries before it is replaced; 0: no bound.
    """

    requests: tuple[PlannedRequest, ...]
    connections: int
    duration: float
    rate: float | None = None
    phase: float = 0.0
    timeout: float = 10.0
    per_connection: int = 0
    http: int = 1
    secure: bool = False
    heads: dict[bytes, tuple[int, int]] = field(default_factory=dict)

    def learn(self, head: bytes) -> tuple[int, int]:
        """Status and octets of content after a response head that was not met before, (0, -1) if it is not simple.

        Args:
          head:  without its last two line ends.
        """
        facts = self._look_at(head)
        if len(head) <= _HEAD_OCTETS:
            if len(self.heads) >= _HEADS_MAXIMUM:
                self.heads.clear()
            self.heads[head] = facts
        return facts

    def _look_at(self, head: bytes) -> tuple[int, int]:
        line, _, section = head.partition(b"\r\n")
        try:
            version, status, _ = parse_status_line(line)
            fields = parse_fields(section + b"\r\n" if section else b"", LIMITS.fields, 502)
            index = index_fields(fields)
            if version != 11 or status < 200 or has_token(index.get(b"connection", b""), b"close"):
                return _NOT_SIMPLE
            if self.requests[0].method == b"HEAD" or status in (204, 304):
                return status, 0
            if b"transfer-encoding" in index or b"content-length" not in index:
                return _NOT_SIMPLE
            return status, content_length_of(index[b"content-length"], 502)
        except Http1Error:
            return _NOT_SIMPLE  # the engine will say what is wrong
