# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The shape of QUIC engines: datagrams and time in, datagrams and a deadline out.  See base/engine.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, final

__all__ = [
    "Address",
    "DatagramEngine",
    "DatagramIn",
    "DatagramOut",
]


Address: TypeAlias = tuple[str, int]


@final
@dataclass(slots=True)
class DatagramIn:
    """A datagram as it came: its address pair and ECN bits."""

    data: bytes
    local: Address
    remote: Address
    ecn: int = 0


@final
@dataclass(slots=True)
class DatagramOut:
    """Datagrams of one size for one path, ready for segmentation offload: all of `segment` octets but the last."""

    data: bytes
    segment: int
    local: Address
    remote: Address
    ecn: int = 0


class DatagramEngine(Protocol):
    """A QUIC endpoint's connection: datagrams and time in, datagrams and a deadline out."""

    def receive(self, datagrams: Sequence[DatagramIn], now: float) -> None:
        """Datagrams that arrived in one batch."""

    def datagrams_to_send(self, now: float, budget: int) -> list[DatagramOut]:
        """At most `budget` octets that may leave now."""

    def next_timeout(self) -> float | None:
        """When `handle_timeout` must be called."""

    def handle_timeout(self, now: float) -> None:
        """Loss detection, idle time-out, pacing."""
