# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server's handshake.  RFC 9846 §2, §4, appendix A.2.

    ExpectHello ─▶ (HelloRetryRequest) ExpectSecondHello ─▶ flight ─▶ [ExpectEndOfEarlyData]
      ─▶ [ExpectCertificate ─▶ ExpectCertificateVerify] ─▶ ExpectFinished ─▶ Connected
      ─▶ [LateCertificateVerify ─▶ LateFinished ─▶ Connected]

The states are in `server_hello` (up to our flight), `server_auth` (the client's flight) and here (what comes after).  Every state has
`hs`, this object, for what has to be remembered from one to the next.
"""

from __future__ import annotations

from typing import final

from sws.base.errors import TlsAlert, UsageError
from sws.base.handshake import HandshakeEvent
from sws.crypto import hashes
from sws.crypto.hkdf import expand_label
from sws.proto.tls.config import ClientAuth, ServerConfig, TlsHost
from sws.proto.tls.core import Core, EarlyData, Failed, MessageFeed
from sws.proto.tls.hello import ClientHello
from sws.proto.tls.keyupdate import TrafficSecrets
from sws.proto.tls.offer import ClientOffer
from sws.proto.tls.schedule import KeySchedule
from sws.proto.tls.server_auth import request_late_certificate
from sws.proto.tls.server_hello import ExpectHello

__all__ = ["ServerHandshake", "export"]


@final
class ServerHandshake:
    """A `HandshakeCore` in the server's role.

    Args:
      config:      of the listener.
      parameters:  transport parameters of this very connection, where the configuration is one for QUIC.
    """

    __slots__ = (
        "config",
        "cookie",
        "core",
        "early_data",
        "exporter_secret",
        "feed",
        "first_hello",
        "host",
        "late_contexts",
        "offer",
        "parameters",
        "resumption_secret",
        "schedule",
        "secrets",
        "their_finished_base",
        "traffic",
    )

    def __init__(self, config: ServerConfig, parameters: bytes | None = None) -> None:
        self.config = config
        self.parameters = config.quic if parameters is None else parameters
        self.core = Core(config.keylog)
        self.early_data = EarlyData.NONE
        self.host = TlsHost(())
        self.first_hello: ClientHello | None = None
        self.cookie: bytes | None = None
        self.offer: ClientOffer | None = None
        self.schedule: KeySchedule | None = None
        self.secrets: tuple[bytes, bytes] = (b"", b"")  # application traffic, client's and server's
        self.their_finished_base = b""
        self.exporter_secret = b""
        self.resumption_secret = b""
        self.traffic: TrafficSecrets | None = None
        self.late_contexts: dict[bytes, bytes] = {}
        self.feed = MessageFeed(self.core, ExpectHello(self))

    def receive(self, level: int, data: bytes, now: float) -> list[HandshakeEvent]:
        """Handshake octets in order at a level."""
        events = self.feed.receive(level, data, now)
        if self.traffic is not None and self.is_connected:
            self.traffic.settle()
        return events

    @property
    def is_connected(self) -> bool:
        """Whether the handshake is over and has not failed."""
        return self.traffic is not None and not isinstance(self.feed.state, Failed)

    @property
    def awaits_certificate(self) -> bool:
        """Whether the client was asked for a certificate and the handshake is not over: public-key operations follow."""
        return self.traffic is None and self.host.client_auth is not ClientAuth.NONE and not self.core.facts.resumed

    @property
    def uses_compatibility_mode(self) -> bool:
        """Whether the client's hello had a session id to echo.  Appendix D.4"""
        hello = self.first_hello or (self.offer.hello if self.offer is not None else None)
        return hello is not None and bool(hello.session_id)

    def export(self, label: bytes, context: bytes, length: int) -> bytes:
        """Keying material of the connection; SECRET.  §7.5.  Raises: UsageError before our Finished was sent."""
        if not self.exporter_secret:
            raise UsageError("the exporter secret is not known yet")
        return export(self.core.suite.hash_name, self.exporter_secret, label, context, length)

    def update_keys(self) -> list[HandshakeEvent]:
        """Change our keys and ask for the same."""
        if self.traffic is None or not self.is_connected:
            raise UsageError("keys are updated after the handshake")
        self.core.events = []
        self.traffic.update()
        return self.core.events

    def request_certificate(self) -> list[HandshakeEvent]:
        """Ask the client for a certificate after the handshake.  §4.6.2.  Raises: UsageError if it did not offer that."""
        self.core.events = []
        request_late_certificate(self)
        return self.core.events

    def fail(self, alert: TlsAlert) -> list[HandshakeEvent]:
        """End with an alert that the record layer found cause for."""
        self.core.events = []
        self.feed.fail(alert)
        return self.core.events


def export(hash_name: str, exporter_secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """TLS-Exporter.  §7.5; SECRET."""
    empty = hashes.new(hash_name).digest()
    digest = hashes.new(hash_name)
    digest.update(context)
    secret = expand_label(hash_name, exporter_secret, label, empty, len(empty))
    return expand_label(hash_name, secret, b"exporter", digest.digest(), length)
