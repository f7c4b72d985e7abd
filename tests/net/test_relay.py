# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Processes of one server played in one: whose a datagram is, handing it on, taking over."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator, Sequence

import pytest

from sws.base.datagrams import DatagramIn
from sws.net.relay import Member, Membership, Relay
from sws.os.inbox import make_inbox, post
from sws.os.loop import Loop
from sws.os.poller.choose import choose_poller
from sws.proto.quic.routing import IdMaker
from tests.kit.clock import FakeClock

KEY = bytes(range(32))
LOCAL, REMOTE = ("127.0.0.1", 443), ("2001:db8::7", 50000)


def id_of(process: int, seed: int = 1) -> bytes:
    return IdMaker(KEY, process, 0, 1, random.Random(seed).randbytes).make()


class House:
    """Processes that share a loop and a clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.loop = Loop(choose_poller(), self.clock)
        self.inboxes: dict[int, tuple[socket.socket, socket.socket]] = {}
        self.members: dict[int, Process] = {}

    def inbox(self, process: int) -> tuple[socket.socket, socket.socket]:
        """Of a process, made when it is first spoken of."""
        if process not in self.inboxes:
            self.inboxes[process] = make_inbox()
        return self.inboxes[process]

    def add(self, process: int, number: int, others: dict[int, tuple[bool, bool]], keys: Sequence[int] = (), start: bool = True) -> Process:
        """A process that knows others: process -> (older, knows us)."""
        reader, writer = self.inbox(process)
        known = []
        for other, (older, knows_us) in others.items():
            inbox = self.inbox(other)[1].dup()
            at = self.members[other].number if other in self.members else other % 10
            known.append(Member(other, at, inbox, older, knows_us))
        made = Process(self, Membership(process, number, reader, writer, known), keys)
        self.members[process] = made
        if start:
            made.start()
        return made

    def turn(self, seconds: float = 0.0) -> None:
        """Time goes by, and messages arrive."""
        self.clock.advance(seconds)
        for _ in range(4):
            self.loop.turn(0)

    def close(self) -> None:
        for process in self.members.values():
            if not process.is_gone:
                process.relay.close()
        for reader, writer in self.inboxes.values():
            reader.close()
            writer.close()
        self.loop.close()


class Process:
    """One, with what its relay told it."""

    def __init__(self, house: House, membership: Membership, keys: Sequence[int]) -> None:
        self.number = membership.number
        self.counts: dict[str, int] = {}
        self.delivered: list[tuple[int, DatagramIn]] = []
        self.released: list[tuple[int, ...]] = []
        self.first_ids: list[bytes] = []
        self.reads = 0
        self.is_gone = False
        self._keys = keys
        self.relay = Relay(house.loop, membership, KEY, self._count)

    def _count(self, result: str, count: int) -> None:
        self.counts[result] = self.counts.get(result, 0) + count

    def start(self) -> None:
        self.relay.start(
            self._keys, self._deliver, lambda keys, _process: self.released.append(tuple(keys)), lambda: self.first_ids, self._ready
        )

    def _deliver(self, address: int, datagrams: list[DatagramIn]) -> None:
        self.delivered += [(address, datagram) for datagram in datagrams]

    def _ready(self) -> None:
        self.reads += 1

    def leave(self) -> None:
        self.is_gone = True
        self.relay.close()


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.close()


SIBLINGS = (False, True)
OLD = (True, False)
STRANGER = (False, False)


def test_datagrams_are_handed_on_as_they_came(house: House) -> None:
    one = house.add(11, 1, {12: SIBLINGS})
    other = house.add(12, 2, {11: SIBLINGS})
    assert (one.reads, other.reads) == (1, 1)
    sizes = [1200, 1200, 700, 1200, 30, 1300, 0, 1]
    datagrams = [DatagramIn(bytes((n,)) * size, LOCAL, REMOTE, 2) for n, size in enumerate(sizes) if size]
    datagrams.append(DatagramIn(b"x", REMOTE, LOCAL, 1))
    one.relay.hand_on(77, [(12, datagram) for datagram in datagrams])
    house.turn()
    assert other.delivered == [(77, datagram) for datagram in datagrams]
    assert (one.counts, other.counts) == ({"sent": 8}, {"received": 8})
    assert one.delivered == []


def test_many_small_ones_need_few_messages(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    one = house.add(11, 1, {12: SIBLINGS})
    other = house.add(12, 2, {11: SIBLINGS})
    sent: list[int] = []
    monkeypatch.setattr(
        "sws.net.relay.post", lambda inbox, message, enclosed=None: sent.append(len(message)) or post(inbox, message, enclosed)
    )
    monkeypatch.setattr("sws.net.relay.MESSAGE_OCTETS", 60000)
    one.relay.hand_on(1, [(12, DatagramIn(bytes(1200), LOCAL, REMOTE)) for _ in range(100)])
    house.turn()
    assert len(other.delivered) == 100
    assert len(sent) == 3
    assert max(sent) <= 60000


def test_a_full_inbox_costs_datagrams_and_nothing_else(house: House) -> None:
    one = house.add(11, 1, {12: SIBLINGS})
    other = house.add(12, 2, {11: SIBLINGS}, start=False)
    for n in range(2000):
        one.relay.hand_on(1, [(12, DatagramIn(bytes(1200), (LOCAL[0], n), REMOTE))])
    assert one.counts["dropped"] > 0
    assert one.counts["sent"] + one.counts["dropped"] == 2000
    other.start()
    while other.counts.get("received", 0) < one.counts["sent"]:
        house.turn()
    assert [datagram.local[1] for _, datagram in other.delivered] == list(range(one.counts["sent"]))


def test_whose_it_is(house: House) -> None:
    one = house.add(11, 1, {10: SIBLINGS, 9: (True, True)}).relay
    assert one.whose(id_of(10), False) == 10
    assert one.whose(id_of(9), True) == 9
    assert one.whose(id_of(11), False) is None  # ours
    assert one.whose(id_of(8), False) is None  # nobody's
    assert one.whose(id_of(10)[:7], False) is None
    assert one.whose(b"", True, 2) is None
    # What clients made up, where two processes read one socket: by the first octet.
    assert one.whose(bytes(9), True, 2) == 10
    assert one.whose(b"\1" * 9, True, 2) is None
    assert one.whose(b"\1" * 9, False, 2) is None
    assert one.whose(bytes(9), True) is None


def test_the_dead_are_forgotten(house: House) -> None:
    one = house.add(11, 1, {10: SIBLINGS})
    other = house.add(10, 0, {11: SIBLINGS})
    other.leave()
    one.relay.hand_on(1, [(10, DatagramIn(b"x", LOCAL, REMOTE))] * 2)
    one.relay.hand_on(1, [(10, DatagramIn(b"x", LOCAL, REMOTE))])
    assert one.counts == {"dropped": 3}
    assert one.relay.whose(id_of(10), False) is None
    assert one.relay.whose(bytes(9), True, 2) is None


# --- taking over -----------------------------------------------------------------------------------------------------


def test_a_new_generation_reads_once_the_old_one_leaves(house: House) -> None:
    old = house.add(11, 0, {}, [65536, 65537])
    old.first_ids = [b"initial1", b"by a client"]
    assert old.reads == 1
    new = house.add(12, 0, {11: OLD}, [65536])
    house.turn(1.0)
    assert (new.reads, old.released) == (0, [])  # others of the new generation may still fail
    old.relay.retire()
    house.turn()
    assert (new.reads, old.released) == (1, [(65536,)])
    assert new.relay.whose(b"by a client", True) == 11
    assert new.relay.whose(b"by a client", False) is None
    # Both can hand on to each other.
    new.relay.hand_on(1, [(11, DatagramIn(b"to the old", LOCAL, REMOTE))])
    old.relay.hand_on(1, [(12, DatagramIn(b"to the new", LOCAL, REMOTE))])
    house.turn()
    assert (len(old.delivered), len(new.delivered)) == (1, 1)
    old.leave()
    assert new.relay.whose(b"by a client", True) == 11
    new.relay.hand_on(1, [(11, DatagramIn(b"to the old", LOCAL, REMOTE))])
    assert new.relay.whose(b"by a client", True) is None
    house.turn(60)
    assert new.reads == 1


def test_an_old_one_that_leaves_first_is_asked_later(house: House) -> None:
    old = house.add(11, 0, {}, [1])
    old.relay.retire()
    assert old.released == []
    new = house.add(12, 0, {11: OLD}, [1])
    house.turn()
    assert (new.reads, old.released) == (1, [(1,)])
    # A question that came twice is answered twice, and the sockets are left once.
    third = house.add(13, 1, {11: OLD, 12: STRANGER}, [1])
    house.turn()
    assert (third.reads, old.released) == (1, [(1,)])


def test_an_old_one_that_dies_is_not_waited_for(house: House) -> None:
    old = house.add(11, 0, {}, [1])
    new = house.add(12, 0, {11: OLD}, [1])
    house.turn()
    old.relay.retire = lambda: None  # type: ignore[method-assign]  # it is killed
    old.leave()
    house.turn()
    assert new.reads == 0
    house.turn(0.1)
    assert new.reads == 1


def test_an_old_one_that_closes_lets_go(house: House) -> None:
    old = house.add(11, 0, {}, [1])
    new = house.add(12, 0, {11: OLD}, [1])
    house.turn()
    old.leave()
    house.turn()
    assert (new.reads, old.released) == (1, [(1,)])


def test_patience_has_an_end(house: House) -> None:
    house.add(11, 0, {}, [1])
    new = house.add(12, 0, {11: OLD}, [1])
    for _ in range(250):
        house.turn(0.1)
    assert new.reads == 1


def test_many_handshakes_under_way_come_in_parts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sws.net.relay.MESSAGE_OCTETS", 100)
    old = house.add(11, 0, {}, [1])
    old.first_ids = [random.Random(n).randbytes(20) for n in range(100)]
    lost = [0]

    def some(inbox: object, message: bytes, enclosed: object = None) -> bool:
        """Every tenth message finds a full inbox."""
        lost[0] += 1
        return bool(lost[0] % 10) and post(inbox, message, enclosed)  # type: ignore[arg-type]

    monkeypatch.setattr("sws.net.relay.post", some)
    new = house.add(12, 0, {11: OLD}, [1])
    old.relay.retire()
    for _ in range(10):
        house.turn(0.1)
    assert new.reads == 1
    assert {new.relay.whose(first, True) for first in old.first_ids} == {11}


def test_who_takes_a_dead_ones_place_introduces_itself(house: House) -> None:
    """And serves at once: its siblings do not leave."""
    one = house.add(10, 0, {11: SIBLINGS}, [1])
    dead = house.add(11, 1, {10: SIBLINGS}, [1])
    dead.leave()
    again = house.add(21, 1, {10: STRANGER}, [1])
    assert again.reads == 1
    house.turn()
    assert one.relay.whose(id_of(21), False) == 21
    assert one.relay.whose(b"\1" * 9, True, 2) == 21
    assert again.relay.whose(bytes(9), True, 2) == 10
    assert one.released == []
    before = again.reads
    house.turn(1.0)
    assert again.reads == before


def test_an_older_process_is_served_as_long_as_it_lives(house: House) -> None:
    """Who is to end reads for those that gave it their sockets: their connections would starve."""
    old = house.add(1, 0, {}, keys=(7,))
    new = house.add(2, 0, {1: (True, False)}, keys=(7,))
    house.turn()
    assert new.relay.ask_for_older()
    house.turn()
    assert (old.delivered, old.counts) == ([], {})  # it is asked nothing but whether it lives
    assert not old.relay.ask_for_older()  # what is younger does not count
    old.leave()
    house.inboxes[1][1].close()
    assert not new.relay.ask_for_older()
