# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is the stub's own: injected levels, and the record of what was asked."""

from __future__ import annotations

from sws.os.poller.base import ERROR, ONESHOT, READ, WRITE
from sws.os.poller.stub import StubPoller


def test_injection_is_a_level_until_changed() -> None:
    poller = StubPoller()
    poller.arm(5, READ)
    poller.inject(5, READ | WRITE)
    assert poller.poll(None) == [(5, READ)]
    assert poller.poll(1.5) == [(5, READ)]
    poller.inject(5, 0)
    assert poller.poll(0) == []
    assert poller.timeouts == [None, 1.5, 0]


def test_what_is_not_armed_is_kept() -> None:
    poller = StubPoller()
    poller.inject(5, READ)
    assert poller.poll(0) == []
    poller.arm(5, READ | ONESHOT)
    assert poller.poll(0) == [(5, READ)]
    assert poller.poll(0) == []


def test_an_error_comes_with_each_armed_direction() -> None:
    poller = StubPoller()
    poller.arm(5, WRITE)
    poller.inject(5, ERROR)
    assert poller.poll(0) == [(5, WRITE | ERROR)]


def test_answers_are_in_the_order_of_arming_and_wakes_are_counted() -> None:
    poller = StubPoller()
    for fd in (9, 3, 7):
        poller.arm(fd, READ)
        poller.inject(fd, READ)
    poller.wake()
    assert poller.poll(0) == [(9, READ), (3, READ), (7, READ)]
    assert poller.wakes == 1
