# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Datagrams of QUIC between the processes of one server, and how one generation takes over from another.  RFC 9000 §5.1.

A UDP socket is read by one process at a time (or by the few that share it); what is another's is handed on through its inbox
(os.inbox), with both addresses and the ECN bits.  What was handed on is never handed on again.  Who has it:

    an ID that a process made    says so itself (proto.quic.routing)
    one that a client made up    for its first packets: who reads the socket; of several that share one, the one whose number is the first
                                 octet modulo their count.  But while a handshake is under way that began before a reload: who began it

Taking over, so that nothing is lost and no handshake is torn in two:

    new ── GREETING: my inbox; the sockets that I shall read ──▶ every older process, again and again
    old    once it shall leave, reads those sockets no more
    new ◀── YIELD: first IDs of handshakes under way ── old         until then datagrams wait in the kernel
    new    reads, when all older ones have yielded or are gone

A process that replaces a dead one greets its siblings likewise, so that they learn of its inbox; it need not wait for them.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, final

from sws.base.datagrams import Address, DatagramIn
from sws.os.inbox import MESSAGE_OCTETS, InboxGone, post, take
from sws.os.loop import Loop
from sws.os.poller.base import READ
from sws.proto.quic.routing import ID_LENGTH, owner_of

__all__ = ["Member", "Membership", "Relay"]

_GREETING: Final = 1
_YIELD: Final = 2
_DATAGRAMS: Final = 3
_NOTHING: Final = b"\0"  # whoever it reaches lives
_GREETING_HEAD: Final = struct.Struct("!BHH?H")
_YIELD_HEAD: Final = struct.Struct("!BHH")
_DATAGRAMS_HEAD: Final = struct.Struct("!BHBH")
_HEADS: Final = 64
_AGAIN_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 20.0
_FIRST_IDS_MAXIMUM: Final = 8192


@final
@dataclass(slots=True)
class Member:
    """Another process.

    Attributes:
      process:  its number in connection IDs.
      number:   which worker of its generation it is.
      older:    of an older generation: it has to yield before its sockets are read here.
      knows_us: has our inbox already.
    """

    process: int
    number: int
    inbox: socket.socket
    older: bool = False
    knows_us: bool = True


@final
@dataclass(slots=True)
class Membership:
    """This process, and the others that live."""

    process: int
    number: int
    reader: socket.socket
    writer: socket.socket
    others: list[Member]

    def leave(self) -> None:
        """Take no part any more."""
        for sock in (self.reader, self.writer, *(member.inbox for member in self.others)):
            sock.close()


@final
class Relay:
    """One process's part.

    Args:
      id_key:   of connection IDs; SECRET.
      observe:  told of each datagram: sent, received, dropped; and how many.
    """

    def __init__(self, loop: Loop, membership: Membership, id_key: bytes, observe: Callable[[str, int], None]) -> None:
        self._loop = loop
        self._us = membership
        self._key = id_key
        self._observe = observe
        self._members = {member.process: member for member in membership.others}
        self._numbers = {member.number: member.process for member in membership.others if not member.older}
        self._numbers[membership.number] = membership.process
        self._first_ids: dict[bytes, int] = {}
        self._keys: Sequence[int] = ()
        self._awaited: dict[int, set[bytes]] = {m.process: set() for m in membership.others if m.older or not m.knows_us}
        self._begun = 0.0
        self._is_ready = False
        self._is_leaving = False
        self._released: set[int] = set()
        self._deliver: Callable[[int, list[DatagramIn]], None] = lambda _address, _datagrams: None
        self._release: Callable[[Sequence[int], int], None] = lambda _keys, _process: None
        self._under_way: Callable[[], list[bytes]] = list
        self._ready: Callable[[], None] = lambda: None
        self._greeters: dict[int, Sequence[int]] = {}

    def start(
        self,
        keys: Sequence[int],
        deliver: Callable[[int, list[DatagramIn]], None],
        release: Callable[[Sequence[int], int], None],
        under_way: Callable[[], list[bytes]],
        ready: Callable[[], None],
    ) -> None:
        """Begin to take part.

        Args:
          keys:       of the sockets that this process will read.
          deliver:    takes what others handed on, for an address's number.
          release:    stops reading sockets, which a process will read from then on.
          under_way:  the IDs that clients made up whose handshakes are not complete.
          ready:      called when the sockets may be read.
        """
        self._keys, self._deliver, self._release, self._under_way, self._ready = keys, deliver, release, under_way, ready
        self._begun = self._loop.now
        self._loop.watch(self._us.reader.fileno(), READ, self._on_message)
        self._greet()

    def close(self) -> None:
        """Take part no more; successors that wait need not wait longer."""
        self.retire()
        self._loop.unwatch(self._us.reader.fileno())
        self._us.others = list(self._members.values())
        self._us.leave()
        self._members.clear()
        self._awaited.clear()

    # --- whose a datagram is -----------------------------------------------------------------------------------------

    def whose(self, destination: bytes, is_newcomer: bool, sharers: int = 1) -> int | None:
        """The living process that has what is unknown here; None if this one has to deal with it.

        Args:
          sharers:  how many processes of a generation read the socket.
        """
        owner = None
        if is_newcomer:
            owner = self._first_ids.get(destination)
        if owner is None and len(destination) == ID_LENGTH:
            owner = owner_of(self._key, destination)
            if owner not in self._members:
                owner = None
        if owner is None and is_newcomer and sharers > 1 and destination:
            owner = self._numbers.get(destination[0] % sharers)
        return owner if owner in self._members else None

    # --- handing on --------------------------------------------------------------------------------------------------

    def hand_on(self, address: int, strays: Sequence[tuple[int, DatagramIn]]) -> None:
        """Send datagrams to the processes that have them."""
        group: list[DatagramIn] = []
        octets, whom = 0, -1
        for process, datagram in strays:
            if group and (process != whom or octets + len(datagram.data) > MESSAGE_OCTETS - _HEADS or not _is_alike(group, datagram)):
                self._post_datagrams(whom, address, group)
                group, octets = [], 0
            whom = process
            group.append(datagram)
            octets += len(datagram.data)
        if group:
            self._post_datagrams(whom, address, group)

    def _post_datagrams(self, process: int, address: int, group: list[DatagramIn]) -> None:
        first = group[0]
        head = _DATAGRAMS_HEAD.pack(_DATAGRAMS, address, first.ecn, len(first.data)) + _encode(first.local) + _encode(first.remote)
        sent = self._post(process, head + b"".join([datagram.data for datagram in group]))
        self._observe("sent" if sent else "dropped", len(group))

    def _post(self, process: int, message: bytes, enclosed: socket.socket | None = None) -> bool:
        member = self._members.get(process)
        if member is None:
            return False
        try:
            return post(member.inbox, message, enclosed)
        except InboxGone:
            self._gone(member)
            return False

    def _gone(self, member: Member) -> None:
        """It lives no more: its connections are nobody's, and nobody waits for it."""
        del self._members[member.process]
        member.inbox.close()
        if self._numbers.get(member.number) == member.process:
            del self._numbers[member.number]
        self._awaited.pop(member.process, None)
        self._greeters.pop(member.process, None)

    def ask_for_older(self) -> bool:
        """Whether processes of an older generation live, which is tried: datagrams of their connections come to us."""
        for member in [member for member in self._members.values() if member.older]:
            self._post(member.process, _NOTHING)
        return any(member.older for member in self._members.values())

    # --- messages ----------------------------------------------------------------------------------------------------

    def _on_message(self, _ready: int) -> None:
        for message, enclosed in take(self._us.reader):
            kind = message[0]
            if kind == _DATAGRAMS:
                address, datagrams = _read_datagrams(message)
                self._observe("received", len(datagrams))
                self._deliver(address, datagrams)
            elif kind == _YIELD:
                self._yielded(message)
            elif kind == _GREETING and enclosed is not None:
                self._greeted(message, enclosed)

    def _greeted(self, message: bytes, inbox: socket.socket) -> None:
        _, process, number, is_sibling, count = _GREETING_HEAD.unpack_from(message)
        keys = struct.unpack_from(f"!{count}I", message, _GREETING_HEAD.size)
        if process in self._members:
            inbox.close()
        else:
            self._members[process] = Member(process, number, inbox)
            if is_sibling:
                self._numbers[number] = process
        if is_sibling:
            self._yield_to(process, ())
        elif self._is_leaving:
            self._yield_to(process, keys)
        else:
            self._greeters[process] = keys

    def retire(self) -> None:
        """Successors may have the sockets, those that asked and those that will."""
        self._is_leaving = True
        greeters, self._greeters = self._greeters, {}
        for process, keys in greeters.items():
            self._yield_to(process, keys)

    def _yield_to(self, process: int, keys: Sequence[int]) -> None:
        if keys and not self._released.issuperset(keys):
            self._released.update(keys)
            self._release(keys, process)
        ids = [bytes((len(first),)) + first for first in self._under_way()] if keys else []
        head = _YIELD_HEAD.pack(_YIELD, self._us.process, len(ids))
        part = head
        for entry in ids:
            if len(part) + len(entry) > MESSAGE_OCTETS:
                self._post(process, part)
                part = head
            part += entry
        self._post(process, part)

    def _greet(self) -> None:
        """Ask who has not answered; read when nobody is left to wait for."""
        for process in list(self._awaited):
            member = self._members[process]
            head = _GREETING_HEAD.pack(_GREETING, self._us.process, self._us.number, not member.older, len(self._keys))
            self._post(process, head + struct.pack(f"!{len(self._keys)}I", *self._keys), self._us.writer)
        is_late = self._loop.now - self._begun > _PATIENCE_SECONDS
        if not self._is_ready and (is_late or not any(self._members[process].older for process in self._awaited)):
            self._is_ready = True
            self._ready()
        if self._awaited and not is_late:
            self._loop.call_later(_AGAIN_SECONDS, self._greet)

    def _yielded(self, message: bytes) -> None:
        _, process, total = _YIELD_HEAD.unpack_from(message)
        ids = self._awaited.get(process)
        if ids is None:
            return
        at = _YIELD_HEAD.size
        while at < len(message):
            end = at + 1 + message[at]
            ids.add(message[at + 1 : end])
            at = end
        if len(ids) < total:
            return  # in several messages, or one was lost: the next greeting brings them again
        del self._awaited[process]
        for first in ids:
            if len(self._first_ids) < _FIRST_IDS_MAXIMUM:
                self._first_ids[first] = process
        if not self._is_ready and not any(self._members[other].older for other in self._awaited):
            self._is_ready = True
            self._ready()


def _is_alike(group: list[DatagramIn], datagram: DatagramIn) -> bool:
    """One more of the same path and size, or a smaller one at the end, as of segmentation offload."""
    first, last = group[0], group[-1]
    return (
        len(first.data) == len(last.data) >= len(datagram.data)
        and first.remote == datagram.remote
        and first.local == datagram.local
        and first.ecn == datagram.ecn
    )


def _encode(address: Address) -> bytes:
    host, port = address
    packed = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    return bytes((len(packed),)) + packed + port.to_bytes(2, "big")


def _read_address(message: bytes, at: int) -> tuple[Address, int]:
    end = at + 1 + message[at]
    host = socket.inet_ntop(socket.AF_INET6 if message[at] == 16 else socket.AF_INET, message[at + 1 : end])
    return (host, int.from_bytes(message[end : end + 2], "big")), end + 2


def _read_datagrams(message: bytes) -> tuple[int, list[DatagramIn]]:
    _, address, ecn, segment = _DATAGRAMS_HEAD.unpack_from(message)
    local, at = _read_address(message, _DATAGRAMS_HEAD.size)
    remote, at = _read_address(message, at)
    return address, [DatagramIn(message[i : i + segment], local, remote, ecn) for i in range(at, len(message), segment)]
