# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whose a connection ID is, among the processes that serve one address.  RFC 9000 §5.1, §5.1.1.

    place · chance (5) · process (2) ⊕ mask          mask = HMAC(key, the six octets before), its first two octets

place     the first octet is, modulo the count of the sockets that share the port, the place of the socket that the kernel shall choose
          (os.steering reads it there); which of the octets with that remainder is chance
process   the number of the process that has the connection.  Every worker of every generation has one of its own, so that a datagram that
          came to another can be handed on.  NOBODY is that of IDs which any process may answer: those of a Retry

The mask hides what connections have in common from who looks on, and makes a number that somebody invents come out as chance: few of the
65,536 are of a living process.  A forged ID that happens to name one costs one handing-on and then a stateless reset, as to the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from sws.base.errors import UsageError
from sws.crypto.hmac import find_keyed
from sws.crypto.system import Entropy

__all__ = ["ID_LENGTH", "NOBODY", "IdMaker", "first_octet", "owner_of"]

ID_LENGTH: Final = 8
NOBODY: Final = 0
_OPEN: Final = 6  # octets in front of the masked number


def first_octet(place: int, count: int, chance: int) -> int:
    """One of the octets that lead to a place among `count`, of 256 at most."""
    return place + count * (chance % (256 // count))


def _mask(mac: Callable[[bytes], bytes], front: bytes) -> int:
    return int.from_bytes(mac(b"sws id" + front)[:2], "big")


def owner_of(key: bytes, connection_id: bytes) -> int:
    """The number of the process that made an ID of ours; chance for any other of that length."""
    return int.from_bytes(connection_id[_OPEN:ID_LENGTH], "big") ^ _mask(find_keyed("sha256")(key), connection_id[:_OPEN])


@final
class IdMaker:
    """Makes the IDs of one process for one socket.

    Args:
      key:      shared by all processes; SECRET.
      process:  1 to 65,535.
      place:    of the socket, among `count` that share the port.
    """

    __slots__ = ("_count", "_entropy", "_mac", "_place", "_process")

    def __init__(self, key: bytes, process: int, place: int, count: int, entropy: Entropy) -> None:
        if not (1 <= process <= 0xFFFF and 0 <= place < count <= 256):
            raise UsageError("a process has a number of 16 bits, a place one below the count, which is 256 at most")
        self._mac = find_keyed("sha256")(key)
        self._process = process
        self._place = place
        self._count = count
        self._entropy = entropy

    def make(self, is_anybodys: bool = False) -> bytes:
        """A fresh ID."""
        chance = self._entropy(_OPEN)
        front = bytes((first_octet(self._place, self._count, chance[0]),)) + chance[1:]
        return front + ((NOBODY if is_anybodys else self._process) ^ _mask(self._mac, front)).to_bytes(2, "big")
