# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The client's handshake.  RFC 9846 §2, §4, appendix A.1.

    start() ─ ClientHello ─▶ ExpectServerHello ─▶ [second ClientHello ─▶ ExpectServerHello] ─▶ ExpectEncryptedExtensions
      ─▶ [ExpectCertificateOrRequest ─▶ ExpectCertificate ─▶ ExpectCertificateVerify] ─▶ ExpectFinished ─ our flight ─▶ Connected

The states up to the ServerHello are in `client_hello`, the others in `client_auth`.  Every state has `hs`, this object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from sws.base.errors import TlsAlert, UsageError
from sws.base.handshake import HandshakeEvent
from sws.proto.tls.client_auth import end_early_data
from sws.proto.tls.client_hello import ExpectServerHello, first_hello
from sws.proto.tls.config import ClientConfig, ClientTicket
from sws.proto.tls.core import Core, EarlyData, Failed, MessageFeed
from sws.proto.tls.groups import Offer
from sws.proto.tls.hello import ClientHello
from sws.proto.tls.keyupdate import TrafficSecrets
from sws.proto.tls.messages import CertificateRequest
from sws.proto.tls.schedule import KeySchedule
from sws.proto.tls.server import export

__all__ = ["ClientHandshake"]


@final
class ClientHandshake:
    """A `HandshakeCore` in the client's role.

    Args:
      config:  of this one connection.
    """

    __slots__ = (
        "config",
        "core",
        "early_data",
        "early_ended",
        "exporter_secret",
        "feed",
        "hello",
        "offers",
        "our_finished_base",
        "psk",
        "request",
        "resumption_secret",
        "schedule",
        "secrets",
        "tickets",
        "traffic",
    )

    def __init__(self, config: ClientConfig) -> None:
        self.config = config
        self.core = Core(config.keylog)
        self.early_data = EarlyData.NONE
        self.early_ended = False
        self.hello: ClientHello | None = None
        self.offers: dict[int, Offer] = {}
        self.psk: ClientTicket | None = None
        self.schedule: KeySchedule | None = None
        self.secrets: tuple[bytes, bytes] = (b"", b"")  # application traffic, client's and server's
        self.our_finished_base = b""
        self.exporter_secret = b""
        self.resumption_secret = b""
        self.request: CertificateRequest | None = None
        self.traffic: TrafficSecrets | None = None
        self.tickets: list[ClientTicket] = []
        self.feed = MessageFeed(self.core, ExpectServerHello(self, retried=False))

    def start(self, now: float) -> list[HandshakeEvent]:
        """The ClientHello, and the keys of 0-RTT data if there is to be some."""
        self.core.now = now
        self.core.events = []
        first_hello(self)
        return self.core.events

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
    def uses_compatibility_mode(self) -> bool:
        """Whether our hello had a session id.  Appendix D.4"""
        return self.hello is not None and bool(self.hello.session_id)

    def take_tickets(self) -> Sequence[ClientTicket]:
        """The tickets that came since the last call; SECRET."""
        found, self.tickets = self.tickets, []
        return found

    def export(self, label: bytes, context: bytes, length: int) -> bytes:
        """Keying material of the connection; SECRET.  §7.5.  Raises: UsageError before the server's Finished came."""
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

    def end_early_data(self) -> list[HandshakeEvent]:
        """No more 0-RTT data comes: the rest of our flight may leave once the server's has come."""
        self.core.events = []
        end_early_data(self)
        return self.core.events

    def fail(self, alert: TlsAlert) -> list[HandshakeEvent]:
        """End with an alert that the record layer found cause for."""
        self.core.events = []
        self.feed.fail(alert)
        return self.core.events
