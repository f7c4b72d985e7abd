# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Paths that reorder packets.  RFC 9002 §6.1.1, §6.1.2"""

from __future__ import annotations

import random

import pytest

from sws.proto.quic.config import QuicConfig
from sws.proto.quic.recovery.reordering import (
    PACKET_THRESHOLD,
    PACKET_THRESHOLD_MAXIMUM,
    TIME_THRESHOLD,
    TIME_THRESHOLD_MAXIMUM,
    GivenUp,
    Reordering,
)
from tests.kit.quic import Conditions, Download, Network, Serve, make_client, make_endpoint
from tests.proto.quic.test_recovery import detection, send


def test_thresholds_grow_to_what_would_have_spared_a_packet_and_no_further() -> None:
    reordering = Reordering()
    assert (reordering.packets, reordering.share) == (PACKET_THRESHOLD, TIME_THRESHOLD)
    reordering.learn(7, 0.12, 0.1)
    assert reordering.packets == 8
    assert reordering.share == pytest.approx(1.35)
    reordering.learn(2, 0.01, 0.1)  # less than it knows
    assert reordering.packets == 8
    assert reordering.share == pytest.approx(1.35)
    reordering.learn(10**6, 5.0, 0.1)
    assert (reordering.packets, reordering.share) == (PACKET_THRESHOLD_MAXIMUM, TIME_THRESHOLD_MAXIMUM)
    other = Reordering()
    other.learn(3, 1.0, 0.0)
    assert (other.packets, other.share) == (4, TIME_THRESHOLD)


def test_what_was_given_up_is_remembered_for_four_round_trips_and_is_bounded() -> None:
    given_up = GivenUp()
    assert given_up.take([(0, 100)], 0.0, 0.1) == []
    for number in range(3):
        given_up.add(number, number / 10)
    assert given_up.take([(1, 5)], 0.2, 0.1) == [(1, 0.1), (2, 0.2)]
    assert given_up.take([(0, 5)], 0.5, 0.1) == []  # number 0 was sent five round trips ago
    for number in range(1000):
        given_up.add(number, 1.0)
    assert [number for number, _ in given_up.take([(0, 1000)], 1.0, 0.1)] == list(range(488, 1000))
    given_up.add(1, 1.0)
    given_up.clear()
    assert given_up.take([(0, 1000)], 1.0, 0.1) == []


def test_a_packet_that_comes_late_makes_the_next_wait_longer() -> None:
    loss, owner = detection()
    space = loss.spaces[2]
    send(loss, owner, range(12))
    loss.on_ack(space, [(5, 5)], 0.0, None, 0.1)
    assert [first for first, _, _ in owner.gone] == [0, 100, 200]
    loss.on_ack(space, [(0, 5)], 0.0, None, 0.11)  # they come after all, 0 last
    assert loss.reordering.packets == 6
    assert loss.reordering.share == pytest.approx(1.1 * TIME_THRESHOLD)
    loss.on_ack(space, [(11, 11), (0, 5)], 0.0, None, 0.11)
    assert [first for first, _, _ in owner.gone] == [0, 100, 200]  # 6 is five below: once lost, now waited for
    loss.on_timeout(space.loss_time or 0.0)
    assert [first for first, _, _ in owner.gone][3:] == [600, 700, 800, 900, 1000]


def test_another_path_and_another_beginning_know_nothing_of_it() -> None:
    loss, owner = detection()
    space = loss.spaces[2]
    send(loss, owner, range(5))
    loss.on_ack(space, [(4, 4)], 0.0, None, 0.1)
    loss.on_ack(space, [(0, 4)], 0.0, None, 0.11)
    assert loss.reordering.packets == 5
    loss.change_path(loss.rtt, loss.congestion, loss.pacer, loss.ecn, loss.mtu)
    assert loss.reordering.packets == PACKET_THRESHOLD
    send(loss, owner, range(5, 10))
    loss.on_ack(space, [(9, 9)], 0.0, None, 0.2)
    loss.forget(2)
    loss.on_ack(space, [(5, 9)], 0.0, None, 0.21)
    assert loss.reordering.packets == PACKET_THRESHOLD


@pytest.mark.parametrize("seed", [1, 2])
def test_a_transfer_over_a_path_that_reorders(seed: int) -> None:
    """5 ms there, up to 10 ms more for each datagram: 1 MB took six seconds when each that was overtaken was taken for lost."""
    chance = random.Random(seed)
    config = QuicConfig()
    app = Download([1_000_000])
    net = Network(
        seed, Conditions(delay=0.005, jitter=0.01), make_client(chance, config), app, make_endpoint(chance, config=config), Serve()
    )
    net.run(10.0, until=lambda: app.is_done)
    assert app.is_done
    assert net.now < 3.0
    assert net.server.loss.losses < 40
