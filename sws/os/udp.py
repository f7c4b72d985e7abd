# SPDX-License-Identifier: Apache-2.0 OR MIT
"""UDP sockets of a client: one for each query.

A connected socket is given a fresh local port by the kernel, out of its ephemeral range and unpredictable, and takes datagrams from
the connected address alone: the second half of what RFC 5452 §4.5 and §9.1 want; the first is an unpredictable id in the query.

An ICMP error about an earlier datagram is reported by the next call on a connected socket, so sending and receiving may both raise
ConnectionRefusedError where nobody listens.
"""

from __future__ import annotations

import socket
from typing import Final

__all__ = ["LARGEST_DATAGRAM", "connect_udp", "receive_batch"]

LARGEST_DATAGRAM: Final = 65535
_BATCH: Final = 16


def connect_udp(host: str, port: int, scope_id: int = 0) -> socket.socket:
    """A non-blocking UDP socket connected to an IP address.

    Args:
      host:      an IPv4 or IPv6 address without a zone.
      scope_id:  the interface of a link-local IPv6 address.
    Raises: OSError if there is no route, descriptor or port.
    """
    is_ipv6 = ":" in host
    sock = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.connect((host, port, 0, scope_id) if is_ipv6 else (host, port))
    except OSError:
        sock.close()
        raise
    return sock


def receive_batch(sock: socket.socket, maximum: int = _BATCH) -> list[bytes]:
    """The datagrams that are queued, at most `maximum`.

    Raises: OSError if the kernel reports one before the first datagram.
    """
    received: list[bytes] = []
    try:
        while len(received) < maximum:
            received.append(sock.recv(LARGEST_DATAGRAM))
    except BlockingIOError:
        pass
    except OSError:
        if not received:
            raise
    return received
