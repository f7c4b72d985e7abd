# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Configured addresses with their sockets, and who gets which of the UDP sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, final

from sws.config.addresses import ListenAddress
from sws.os.sockets import ListenError
from sws.server.listener import open_datagrams

__all__ = ["Address", "UdpShare", "adopt_datagrams", "share_datagrams"]

_PLACES: Final = 256  # as many as an octet of a connection ID can tell apart


@final
@dataclass(slots=True)
class Address:
    """A configured address and its sockets.

    Attributes:
      datagrams:  for HTTP/3, one beside each of the others.
      number:     its own among all that there ever were.
    """

    address: ListenAddress
    sockets: list[socket.socket] = field(default_factory=list)
    datagrams: list[socket.socket] = field(default_factory=list)
    number: int = 0


@final
@dataclass(frozen=True, slots=True)
class UdpShare:
    """A UDP socket of a worker's.

    Attributes:
      key:      its number, the same in all processes that have it.
      address:  the number of the address it belongs to.
      place:    among the `count` sockets that share the port.
      sharers:  how many workers of a generation have this very socket.
    """

    sock: socket.socket
    key: int
    address: int
    place: int = 0
    count: int = 1
    sharers: int = 1


def adopt_datagrams(addresses: Iterable[Address], handed: list[socket.socket]) -> None:
    """UDP sockets of a service manager go to the https address of their port; one that was not handed over is opened.

    Raises: ListenError if there is no such address, or no such socket can be had.
    """
    for known in addresses:
        if known.address.is_secure:
            port = known.sockets[0].getsockname()[1]
            mine = next((sock for sock in handed if sock.getsockname()[1] == port), None)
            if mine is not None:
                handed.remove(mine)
            known.datagrams.append(mine or open_datagrams(known.address, reuse_port=False, port=port))
    for sock in handed:
        raise ListenError(f"UDP port {sock.getsockname()[1]} was handed over by the service manager, but no https address has it")


def share_datagrams(known: Address, number: int, workers: int) -> list[UdpShare]:
    """A worker's share: sockets are dealt out in turn; one that there are not enough of goes to everybody."""
    sockets = known.datagrams
    if not sockets:
        return []
    places = range(number, len(sockets), workers) or range(number % len(sockets), number % len(sockets) + 1)
    sharers = 1 if len(sockets) >= workers else workers
    count = min(len(sockets), _PLACES)
    key = known.number << 16
    return [UdpShare(sockets[place], key + place, known.number & 0xFFFF, place % count, count, sharers) for place in places]
