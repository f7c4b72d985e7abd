# SPDX-License-Identifier: Apache-2.0 OR MIT
"""OCSP responses for our certificates: fetched in the background, verified, kept until they are old, stapled to handshakes.

RFC 6960 §5 of what is asked, RFC 9846 §4.4.2.1 of where it goes.  Handshakes never wait for a responder: they staple what is there.

    start ─▶ ask ─▶ good     ─▶ staple, ask again at half of the answer's time
                 ─▶ revoked  ─▶ say so in the log, staple nothing, ask again after an hour
                 ─▶ no answer, or one that is not believed ─▶ keep what is there while it is fresh, ask again after 1, 2, 4 … 60 minutes

Answers are asked for without a nonce, so that responders may have them ready.  A responder is asked over plain HTTP, as the certificate
says: its answer is signed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final

from sws.base.errors import DecodeError, LimitExceeded, SwsError
from sws.crypto.x509 import Certificate
from sws.crypto.x509.ocsp import OcspError, OcspStatus, check_response, ocsp_request, responder_urls
from sws.net.pool import ClientPool, Origin
from sws.net.response import Request
from sws.observe.logger import Logger
from sws.os.loop import Loop
from sws.os.tasks import Cancelled, start
from sws.os.timers import Timer
from sws.proto.http.url import Uri, parse_uri
from sws.proto.tls import Credential

__all__ = ["Stapler", "can_staple"]

_RESPONSE_MAXIMUM: Final = 1 << 16
_FETCH_SECONDS: Final = 20.0
_RETRY_FIRST: Final = 60.0
_RETRY_LONGEST: Final = 3600.0
_REFRESH_SHORTEST: Final = 60.0
_REFRESH_LONGEST: Final = 86400.0


def _responders(certificate: Certificate) -> tuple[Uri, ...]:
    found = [parse_uri(url.encode("ascii")) for url in responder_urls(certificate)]
    return tuple(uri for uri in found if uri.scheme == b"http" and uri.host)


def can_staple(credential: Credential) -> bool:
    """Whether a certificate names a responder and its issuer comes with it."""
    try:
        chain = [Certificate.from_der(der) for der in credential.chain[:2]]
        return len(chain) > 1 and bool(_responders(chain[0]))
    except (DecodeError, LimitExceeded, UnicodeEncodeError):
        return False


@final
@dataclass(slots=True)
class _Stapled:
    """One certificate that is looked after."""

    credential: Credential
    certificate: Certificate
    issuer: Certificate
    responders: tuple[Uri, ...]
    failures: int = 0
    good_until: float = 0.0
    expiry: Timer | None = field(default=None, repr=False)


@final
class Stapler:
    """Looks after a worker's certificates.

    Args:
      pool:   asks the responders.
      count:  told "good", "revoked" or "failed" for each attempt.
    """

    def __init__(self, loop: Loop, pool: ClientPool, logger: Logger, count: Callable[[str], None]) -> None:
        self._loop = loop
        self._pool = pool
        self._logger = logger
        self._count = count

    def add(self, credential: Credential) -> None:
        """Look after a certificate that `can_staple`."""
        chain = [Certificate.from_der(der) for der in credential.chain[:2]]
        self._ask_soon(_Stapled(credential, chain[0], chain[1], _responders(chain[0])), 0.0)

    def _ask_soon(self, one: _Stapled, delay: float) -> None:
        def ask() -> None:
            start(self._loop, self._ask(one), self._over)

        self._loop.call_later(delay, ask)

    def _over(self, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, Cancelled):
            self._logger.error("server.stapling", "an internal error", {"error": repr(error)})

    async def _ask(self, one: _Stapled) -> None:
        responder = one.responders[one.failures % len(one.responders)]
        try:
            octets = await self._fetch(responder, ocsp_request(one.certificate, one.issuer))
            status = check_response(octets, one.certificate, one.issuer, self._loop.clock.wall())
        except (SwsError, OcspError, OSError, TimeoutError) as error:
            self._failed(one, str(error) or repr(error))
        else:
            one.failures = 0
            self._answered(one, octets, status)

    def _failed(self, one: _Stapled, why: str) -> None:
        delay = min(_RETRY_FIRST * 2**one.failures, _RETRY_LONGEST)
        one.failures = min(one.failures + 1, 30)
        self._count("failed")
        self._logger.warn("server.stapling", "no OCSP response", {"certificate": _shown(one), "why": why, "again_in": delay})
        self._ask_soon(one, delay)

    def _answered(self, one: _Stapled, octets: bytes, status: OcspStatus) -> None:
        now = self._loop.clock.wall()
        until = status.next_update if status.next_update is not None else status.this_update + _REFRESH_LONGEST
        if status.is_good:
            one.credential.ocsp = octets
            one.good_until = until
            self._count("good")
            if one.expiry is not None:
                one.expiry.cancel()
            one.expiry = self._loop.call_later(max(0.0, until - now), lambda: self._expired(one))
            half = (until - status.this_update) / 2
            self._ask_soon(one, min(max(status.this_update + half - now, _REFRESH_SHORTEST), _REFRESH_LONGEST))
            return
        one.credential.ocsp = None
        self._count("revoked")
        self._logger.error("server.stapling", f"the certificate is {status.status.name.lower()}", {"certificate": _shown(one)})
        self._ask_soon(one, _RETRY_LONGEST)

    def _expired(self, one: _Stapled) -> None:
        """No newer answer came in time: a stale one would do harm."""
        one.credential.ocsp = None
        one.expiry = None

    async def _fetch(self, responder: Uri, request: bytes) -> bytes:
        """RFC 6960 appendix A.1, by POST.  Raises: what the pool raises; DecodeError for an answer that is none; TimeoutError."""
        host = (responder.host or b"").decode("ascii")
        port = responder.port or 80
        fields = (
            (b"host", responder.host or b"" if port == 80 else b"%s:%d" % (responder.host or b"", port)),
            (b"content-type", b"application/ocsp-request"),
        )
        target = (responder.path or b"/") + (b"" if responder.query is None else b"?" + responder.query)
        response = await self._pool.request(Origin("http", host.strip("[]"), port), Request(b"POST", target, fields, request))
        timer = self._loop.call_later(_FETCH_SECONDS, response.close)
        try:
            octets = await response.read_all(_RESPONSE_MAXIMUM)
        finally:
            timer.cancel()
        if response.status != 200:
            raise DecodeError(f"the responder answered {response.status}")
        return octets


def _shown(one: _Stapled) -> str:
    return str(one.certificate.subject)
