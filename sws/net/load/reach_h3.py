# SPDX-License-Identifier: Apache-2.0 OR MIT
"""At which of a name's addresses somebody speaks QUIC.  RFC 8999 §6, RFC 9000 §6.

A long header of a version that nobody speaks is answered by any server with Version Negotiation, without a handshake: the address from
which the first such answer comes is the one.  All are asked at once, and again while nobody answers.
"""

from __future__ import annotations

import os
import socket
from functools import partial
from typing import Final, final

from sws.net.connect import ConnectError
from sws.net.hosts_file import Address
from sws.os.loop import Loop
from sws.os.poller.base import READ
from sws.os.tasks import Waiter
from sws.os.udp import connect_udp, receive_batch

__all__ = ["reach_quic"]

_NOBODYS: Final = bytes.fromhex("1a2a3a4a")  # reserved to exercise negotiation, RFC 9000 §15
_SIZE: Final = 1200
_AGAIN_SECONDS: Final = 0.3


async def reach_quic(loop: Loop, where: str, addresses: list[Address], timeout: float) -> Address:
    """The first of the addresses that answers.

    Args:
      where:    for the message of an error.
      timeout:  seconds.
    Raises: ConnectError if none does.
    """
    inquiry = _Inquiry(loop, where)
    try:
        for address in addresses:
            inquiry.add(address)
        inquiry.ask()
        deadline = loop.call_later(timeout, partial(inquiry.end, True))
        try:
            return await inquiry.outcome
        finally:
            deadline.cancel()
    finally:
        inquiry.close()


@final
class _Inquiry:
    """All addresses of one name."""

    def __init__(self, loop: Loop, where: str) -> None:
        self.outcome: Waiter[Address] = Waiter()
        self._loop = loop
        self._where = where
        self._asked: dict[int, tuple[socket.socket, Address, bytes]] = {}
        self._errors: list[tuple[str, OSError]] = []

    def add(self, address: Address) -> None:
        """One more to ask."""
        try:
            sock = connect_udp(address.host, address.port, address.scope_id)
        except OSError as error:
            self._errors.append((str(address), error))
            return
        ids = b"\x08" + os.urandom(8) + b"\x08" + os.urandom(8)
        self._asked[sock.fileno()] = sock, address, ids
        self._loop.watch(sock.fileno(), READ, partial(self._on_ready, sock.fileno()))

    def ask(self) -> None:
        """Everybody who has not been given up."""
        if self.outcome.done:
            return
        for fd, (sock, _, ids) in tuple(self._asked.items()):
            try:
                sock.send((b"\xc0" + _NOBODYS + ids).ljust(_SIZE, b"\0"))
            except BlockingIOError:
                pass
            except OSError as error:
                self._give_up(fd, error)
        if not self._asked:
            self.end(False)
        else:
            self._loop.call_later(_AGAIN_SECONDS, self.ask)

    def _on_ready(self, fd: int, _mask: int) -> None:
        sock, address, ids = self._asked[fd]
        try:
            found = receive_batch(sock)
        except OSError as error:
            self._give_up(fd, error)
            if not self._asked:
                self.end(False)
            return
        expected = bytes(4) + ids[9:] + ids[:9]  # version 0, our ID, the one that we made up for the server
        if any(data[:1] >= b"\x80" and data[1 : 1 + len(expected)] == expected for data in found):
            self.outcome.resolve(address)

    def _give_up(self, fd: int, error: OSError) -> None:
        sock, address, _ = self._asked.pop(fd)
        self._loop.unwatch(fd)
        sock.close()
        self._errors.append((str(address), error))

    def end(self, timed_out: bool) -> None:
        """Nobody answers."""
        self.outcome.reject(ConnectError(self._where, tuple(self._errors), timed_out=timed_out))

    def close(self) -> None:
        """Ask no more."""
        self.outcome.reject(ConnectError(self._where, ()))
        for fd, (sock, _, _) in self._asked.items():
            self._loop.unwatch(fd)
            sock.close()
        self._asked.clear()
