# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The wake-up channel: never blocks, never fails, and is empty after drain()."""

from __future__ import annotations

import select

import pytest

from sws.os.poller._wake import WakeChannel


def is_readable(channel: WakeChannel) -> bool:
    return bool(select.select([channel], [], [], 0)[0])


@pytest.mark.parametrize("notifications", [1, 3, 4096, 20_000])
def test_drain_forgets_all_notifications(notifications: int) -> None:
    channel = WakeChannel()
    assert not is_readable(channel)
    for _ in range(notifications):
        channel.notify()
    assert is_readable(channel)
    channel.drain()
    assert not is_readable(channel)
    channel.drain()
    channel.notify()
    assert is_readable(channel)
    channel.close()


def test_closed_is_harmless() -> None:
    channel = WakeChannel()
    channel.close()
    channel.close()
    channel.notify()
    channel.drain()
    assert channel.fileno() == -1
