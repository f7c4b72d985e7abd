# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every listening socket of a server, as the master owns them.

Every address has as many sockets as there were ever workers; one for a unix socket, and where SO_REUSEPORT is missing.  They are made here
once and inherited; none is closed while its address stays configured, because closing one drops the connections in its queue.  Fewer
workers just means that some have several.

Sockets for more workers are made before those workers.  A TCP socket begins to listen when its worker accepts; over UDP newcomers are
steered past these sockets until all the workers are there (`settle`).  If they never come, the sockets go again (`shrink`), since nobody
would read what arrives there.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Collection, Iterator
from typing import Final, final

from sws.config.addresses import parse_listen
from sws.config.model import Config
from sws.os.sockets import activated_sockets
from sws.server.addresses import Address, UdpShare, adopt_datagrams, share_datagrams
from sws.server.listener import open_beside, open_datagrams, open_for_newcomer, open_listener, shown_url

__all__ = ["ListeningSockets"]

_HAS_REUSEPORT: Final = hasattr(socket, "SO_REUSEPORT") and sys.platform.startswith("linux")


@final
class ListeningSockets:
    """Those of all addresses that are or were configured, by the URL that the configuration has."""

    def __init__(self) -> None:
        self._addresses: dict[str, Address] = {}
        self._made = 0
        self._before: dict[str, int] = {}  # sockets that somebody reads

    def adopt_activated(self, config: Config) -> None:
        """Sockets of a service manager stand for the configured addresses, in order; UDP sockets for the https address of their port.

        Raises: ListenError for a UDP socket that belongs to none.
        """
        handed = activated_sockets(dict(os.environ), os.getpid())
        for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
            os.environ.pop(name, None)
        streams = [sock for sock in handed if sock.type == socket.SOCK_STREAM]
        for sock, url in zip(streams, config.server.listen, strict=False):
            self._addresses[url] = self._numbered(Address(parse_listen(url), [sock]))
        if config.server.http3.enabled:
            adopt_datagrams(self._addresses.values(), [sock for sock in handed if sock not in streams])

    def _numbered(self, known: Address) -> Address:
        self._made += 1
        known.number = self._made
        return known

    def ensure(self, config: Config, workers: int) -> None:
        """Make those that are missing.  Raises: ListenError."""
        for url in config.server.listen:
            known = self._addresses.get(url)
            if known is None:
                address = parse_listen(url)
                shared = workers > 1 and _HAS_REUSEPORT and not address.is_unix
                if shared and address.port:
                    open_listener(address, reuse_port=False).close()  # SO_REUSEPORT would share the port with a stranger
                beside = open_beside(address, reuse_port=shared, datagrams=config.server.http3.enabled)
                known = self._addresses[url] = self._numbered(Address(address, *beside))
                self._grow(known, workers if shared else 1)
            elif len(known.sockets) > 1:
                self._grow(known, workers)

    def settle(self) -> None:
        """Workers read all of them: newcomers may come to any."""
        for known in self._addresses.values():
            self._steer(known)
        self._before = {url: len(known.sockets) for url, known in self._addresses.items()}

    def shrink(self) -> None:
        """The workers of those that were added did not come."""
        for url, count in self._before.items():
            known = self._addresses.get(url)
            if known is not None:
                for sock in (*known.sockets[count:], *known.datagrams[count:]):
                    sock.close()
                del known.sockets[count:], known.datagrams[count:]

    def _grow(self, known: Address, workers: int) -> None:
        is_new = len(known.sockets) == 1
        while len(known.sockets) < workers:
            port = known.sockets[0].getsockname()[1]
            known.sockets.append(open_for_newcomer(known.address, port))
            if known.datagrams:
                known.datagrams.append(open_datagrams(known.address, reuse_port=True, port=port))
        if is_new:
            self._steer(known)

    @staticmethod
    def _steer(known: Address) -> None:
        if len(known.datagrams) > 1:
            from sws.os.steering import steer  # here: who serves no https does not pay for it at the start

            steer(known.datagrams[0], len(known.datagrams))  # where it cannot be had, workers hand on to each other

    def streams_of(self, config: Config, number: int, workers: int) -> list[socket.socket]:
        """A worker's share: sockets are dealt out in turn; a shared one goes to everybody."""
        share: list[socket.socket] = []
        for url in config.server.listen:
            sockets = self._addresses[url].sockets
            share.extend(sockets[number::workers] or [sockets[number % len(sockets)]])
        return share

    def datagrams_of(self, config: Config, number: int, workers: int) -> list[UdpShare]:
        """A worker's share of the UDP sockets."""
        return [share for url in config.server.listen for share in share_datagrams(self._addresses[url], number, workers)]

    def has_datagrams(self, config: Config) -> bool:
        """HTTP/3 is served."""
        return any(self._addresses[url].datagrams for url in config.server.listen)

    def secure_of(self, share: list[socket.socket]) -> list[socket.socket]:
        """Those of a worker's sockets on which TLS is spoken."""
        secure = [sock for known in self._addresses.values() if known.address.is_secure for sock in known.sockets]
        return [sock for sock in share if sock in secure]

    def urls(self, config: Config) -> list[str]:
        """The addresses as they were really bound."""
        return [shown_url(known.address, known.sockets[0]) for known in map(self._addresses.__getitem__, config.server.listen)]

    def close_unused(self, config: Config) -> None:
        """Close those of addresses that are not configured any more."""
        for url in set(self._addresses) - set(config.server.listen):
            _close(self._addresses.pop(url))

    def close(self) -> None:
        """Close all."""
        for known in self._addresses.values():
            _close(known)

    def keep_only(self, share: Collection[socket.socket]) -> None:
        """In a worker: only its own, or an address that is taken out of the configuration would stay open there."""
        for sock in self._all():
            if sock not in share:
                sock.close()

    def _all(self) -> Iterator[socket.socket]:
        for known in self._addresses.values():
            yield from known.sockets
            yield from known.datagrams


def _close(known: Address) -> None:
    for sock in (*known.sockets, *known.datagrams):
        sock.close()
    if known.address.is_unix:
        try:
            os.unlink(known.address.host)
        except OSError:
            pass
