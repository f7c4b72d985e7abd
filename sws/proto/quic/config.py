# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What both roles of QUIC are told before a connection begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, final

from sws.proto.quic.qlog import QlogTrace
from sws.proto.quic.recovery.congestion import CongestionController
from sws.proto.quic.recovery.cubic import Cubic
from sws.proto.quic.streams.manager import StreamLimits
from sws.proto.quic.streams.send import ReadFile
from sws.proto.quic.versions import DEFAULT_VERSIONS

__all__ = ["MakeController", "QuicConfig"]

MakeController: TypeAlias = Callable[[int], CongestionController]
"""From the size of datagrams."""


@final
@dataclass(frozen=True, slots=True)
class QuicConfig:
    """Of a listener or of one client connection.

    Attributes:
      versions:         best first.
      limits:           what the peer may use of us.
      idle_timeout:     seconds; 0 for none.
      datagram_payload: largest UDP payload that we send and search for; 1200 to 65,527.
      probe_mtu:        search for larger datagrams than 1200 octets.
      datagram_frame:   largest DATAGRAM frame that we take; 0 for none.
      ecn:              mark what we send, and answer marks.
      congestion:       makes the controller of a path.
      initial_rtt:      seconds, before anything is known.
      read_file:        for spans of files.
      key_update_after: packets sealed under one key before it is changed; 0: only as the AEAD's limit asks.
      disable_migration: tell the peer not to migrate.
      qlog:             makes a trace for a connection, or None; called with the original destination ID and whether we are the client.
    """

    versions: tuple[int, ...] = DEFAULT_VERSIONS
    limits: StreamLimits = field(default_factory=StreamLimits)
    idle_timeout: float = 30.0
    datagram_payload: int = 1452
    probe_mtu: bool = True
    datagram_frame: int = 0
    ecn: bool = True
    congestion: MakeController = Cubic
    initial_rtt: float = 0.333
    read_file: ReadFile | None = None
    key_update_after: int = 0
    disable_migration: bool = False
    qlog: Callable[[bytes, bool], QlogTrace | None] | None = None
