# SPDX-License-Identifier: Apache-2.0 OR MIT
"""MUSTs of RFC 9002 that no other test shows; docs/requirements/rfc9002.yaml says which is which."""

from __future__ import annotations

import pytest

from sws.proto.quic.recovery.loss import ELICITING, IN_FLIGHT, LossDetection
from sws.proto.quic.recovery.rtt import GRANULARITY, RttEstimate
from tests.kit.quic import connect
from tests.proto.quic.test_recovery import Heard, detection, send


def test_no_sample_without_a_packet_that_asked_for_acknowledgement() -> None:
    """§5.1"""
    loss, owner = detection()
    space = loss.spaces[2]
    send(loss, owner, range(1), flags=IN_FLIGHT)
    loss.on_ack(space, [(0, 0)], 0.0, None, 0.1)
    assert not loss.rtt.has_sample
    send(loss, owner, range(1, 3), at=0.2)
    loss.on_ack(space, [(2, 2)], 0.0, None, 0.3)
    loss.on_ack(space, [(1, 2)], 0.0, None, 0.9)  # the largest of these was acknowledged before
    assert (loss.rtt.has_sample, loss.rtt.latest) == (True, pytest.approx(0.1))


def test_times_are_no_smaller_than_the_clock() -> None:
    """§6.1.2, §6.2.1"""
    rtt = RttEstimate()
    for _ in range(50):
        rtt.update(1e-6, 0.0, True)
    assert rtt.loss_delay() >= GRANULARITY
    assert rtt.probe_timeout() >= GRANULARITY


def put(loss: LossDetection, index: int, at: float) -> None:
    """A packet that asks for acknowledgement, in a space."""
    space = loss.spaces[index]
    loss.on_sent(space, space.next_number, at, 1200, ELICITING | IN_FLIGHT, ((Heard(), 0, 1, 0),))
    space.next_number += 1


def test_the_earlier_space_is_probed_and_application_data_once_confirmed() -> None:
    """§6.2.1"""
    loss, _ = detection()
    loss.is_confirmed = False
    put(loss, 2, 0.0)
    assert loss.next_timeout(0.0) is None
    put(loss, 1, 0.2)
    put(loss, 0, 0.1)
    due = loss.next_timeout(0.2)
    assert due == pytest.approx(0.1 + 0.999)
    assert loss.on_timeout(due) == 0
    loss.discard(0)
    assert loss.next_timeout(0.2) == pytest.approx(0.2 + 0.999)  # §6.2.2: anew, without back-off
    loss.discard(1)
    assert loss.next_timeout(0.2) is None
    loss.is_confirmed = True
    assert loss.next_timeout(0.2) == pytest.approx(0.999 + 0.025)


def test_no_probe_while_a_packet_waits_to_be_lost() -> None:
    """§6.2.1"""
    loss, owner = detection()
    send(loss, owner, range(2))
    send(loss, owner, range(2, 3), at=0.01)
    loss.on_ack(loss.spaces[2], [(1, 1)], 0.0, None, 0.1)
    due = loss.next_timeout(0.1)
    assert due == loss.spaces[2].loss_time
    assert loss.on_timeout(due) is None
    assert (loss.pto_count, owner.gone) == (0, [(0, 100, 0)])
    probed = loss.next_timeout(due)
    assert probed is not None
    assert probed > due


@pytest.mark.parametrize("is_eliciting", [True, False])
def test_persistent_congestion_is_between_packets_that_asked_for_acknowledgement(is_eliciting: bool) -> None:
    """§7.6.2"""
    loss, owner = detection()
    send(loss, owner, range(1))
    loss.on_ack(loss.spaces[2], [(0, 0)], 0.0, None, 0.1)
    send(loss, owner, range(1, 7), at=0.2, gap=0.5, flags=IN_FLIGHT | is_eliciting)
    send(loss, owner, range(7, 8), at=3.4)
    loss.on_ack(loss.spaces[2], [(7, 7)], 0.0, None, 3.5)
    assert (loss.congestion.window == 2400) is is_eliciting


def test_nothing_leaves_beyond_the_window_but_probes() -> None:
    """§7, §7.5, §6.2.4: those ask for acknowledgement, count, and are there even with nothing to say again."""
    network = connect()
    client = network.client
    loss = client.loss
    network.conditions.black_hole = (0.0, 1e9)
    client.send_stream_data(client.open_stream(False), bytes(100_000), True)
    for _ in range(20):
        network.now += 0.005
        client.datagrams_to_send(network.now, 1 << 16)
        assert loss.in_flight <= loss.congestion.window
    assert loss.in_flight > loss.congestion.window - loss.mtu.size
    full = loss.in_flight
    for _ in range(3):
        while not client.sender.probes[2]:
            due = client.next_timeout()
            assert due is not None
            network.now = max(network.now, due)
            client.handle_timeout(network.now)
        before = loss.spaces[2].eliciting
        assert client.datagrams_to_send(network.now, 1 << 16)
        assert loss.in_flight > full
        assert loss.spaces[2].eliciting - before == 2
        full = loss.in_flight
        assert client.datagrams_to_send(network.now, 1 << 16) == []
    idle = connect().client
    idle.sender.probes[2] = 1
    assert idle.datagrams_to_send(idle.now, 1 << 16)
    assert idle.loss.spaces[2].eliciting == 1
