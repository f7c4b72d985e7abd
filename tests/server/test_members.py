# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Seats of worker processes, and the shares of UDP sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sws.config.addresses import parse_listen
from sws.os.datagrams import open_quic_socket
from sws.os.sockets import ListenError, listen_tcp
from sws.server.addresses import Address, adopt_datagrams, share_datagrams
from sws.server.members import Members

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers need fork")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def test_who_knows_whom() -> None:
    members = Members()
    old = members.seat([0, 1], 1)
    assert [seat.process for seat in old] == [1, 2]
    new = members.seat([0, 1], 2)
    again = members.seat([1], 2)[0]
    assert [seat.process for seat in (*new, again)] == [3, 4, 5]
    membership = members.take(again)  # as its process would, of which this is a part
    assert membership is not None
    assert (membership.process, membership.number) == (5, 1)
    assert [(m.process, m.number, m.older, m.knows_us) for m in membership.others] == [
        (1, 0, True, False),
        (2, 1, True, False),
        (3, 0, False, False),
        (4, 1, False, False),
    ]
    assert all(seat.reader.fileno() < 0 for seat in (*old, *new))
    assert again.reader.fileno() >= 0
    for seat in (*old, *new, again):
        members.leave(seat)
    assert all(member.inbox.fileno() < 0 for member in membership.others)


def test_siblings_know_each_other_from_the_beginning() -> None:
    members = Members()
    one, two = members.seat([0, 1], 1)
    membership = members.take(one)
    assert membership is not None
    assert [(m.process, m.older, m.knows_us) for m in membership.others] == [(2, False, True)]
    members.leave(one)
    members.leave(two)


def test_a_child_without_datagrams_keeps_nothing() -> None:
    members = Members()
    seats = members.seat([0, 1], 1)
    assert members.take(None) is None
    assert all(seat.reader.fileno() < 0 and seat.writer.fileno() < 0 for seat in seats)


def test_numbers_come_round_and_pass_over_the_living(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sws.server.members._NUMBERS", 5)
    members = Members()
    seats = {seat.process: seat for seat in members.seat([0, 1, 2], 1)}
    members.leave(seats.pop(1))
    members.leave(seats.pop(3))
    for expected in (4, 5, 1, 3):
        (seat,) = members.seat([0], 2)
        assert seat.process == expected
        seats[expected] = seat
    members.leave(seats[2])
    assert members.seat([0], 3)[0].process == 2
    for seat in (*seats.values(), *members._seats.values()):
        seat.leave()


# --- addresses -------------------------------------------------------------------------------------------------------


def shares(sockets: int, workers: int) -> list[list[tuple[int, int, int]]]:
    """For each worker: place, count, sharers."""
    known = Address(parse_listen("https://127.0.0.1:443"), [], list(range(sockets)), number=3)  # type: ignore[arg-type]
    found = []
    for number in range(workers):
        mine = share_datagrams(known, number, workers)
        assert all(share.key == (3 << 16) + share.sock and share.address == 3 for share in mine)  # type: ignore[operator]
        found.append([(share.place, share.count, share.sharers) for share in mine])
    return found


def test_shares_of_udp_sockets() -> None:
    assert shares(0, 2) == [[], []]
    assert shares(1, 1) == [[(0, 1, 1)]]
    assert shares(2, 2) == [[(0, 2, 1)], [(1, 2, 1)]]
    assert shares(3, 2) == [[(0, 3, 1), (2, 3, 1)], [(1, 3, 1)]]
    assert shares(1, 3) == [[(0, 1, 3)]] * 3
    assert shares(300, 300)[299] == [(43, 256, 1)]


def test_udp_sockets_of_a_service_manager_go_by_their_port(stack: ExitStack) -> None:
    plain = stack.enter_context(listen_tcp("127.0.0.1", 0))
    secure = stack.enter_context(listen_tcp("127.0.0.1", 0))
    other = stack.enter_context(listen_tcp("127.0.0.1", 0))
    port = secure.getsockname()[1]
    handed = stack.enter_context(open_quic_socket("127.0.0.1", port))
    addresses = [
        Address(parse_listen("http://127.0.0.1:1"), [plain]),
        Address(parse_listen("https://127.0.0.1:2"), [secure]),
        Address(parse_listen("https://127.0.0.1:3"), [other]),
    ]
    adopt_datagrams(addresses, [handed])
    assert [len(known.datagrams) for known in addresses] == [0, 1, 1]
    assert addresses[1].datagrams == [handed]
    opened = stack.enter_context(addresses[2].datagrams[0])
    assert opened.getsockname() == other.getsockname()
    assert opened.type == socket.SOCK_DGRAM


def test_a_udp_socket_that_no_address_has(stack: ExitStack) -> None:
    handed = stack.enter_context(open_quic_socket("127.0.0.1", 0))
    with pytest.raises(ListenError, match=f"UDP port {handed.getsockname()[1]} was handed over"):
        adopt_datagrams([], [handed])
