# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The truth about real descriptors, for fake kernels: who is ready, and which open file a number means now."""

from __future__ import annotations

import math
import os
import select
from collections.abc import Mapping
from dataclasses import dataclass

READ = 1
WRITE = 2

_POLLRDHUP = 0x2000
"""Linux's; PyPy's module has no name for it."""

_ASK = {READ: select.POLLIN | _POLLRDHUP, WRITE: select.POLLOUT, READ | WRITE: select.POLLIN | _POLLRDHUP | select.POLLOUT}


@dataclass(frozen=True)
class State:
    """How a descriptor stands: what would not block, the peer's end of stream, both directions ended, an error."""

    readable: bool
    writable: bool
    ended: bool
    hung_up: bool
    failed: bool


def open_file(fd: int) -> tuple[int, int] | None:
    """What tells one open file from the next bearer of its number; None if closed."""
    try:
        facts = os.fstat(fd)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def states(wanted: Mapping[int, int], timeout: float | None) -> dict[int, State]:
    """Wait until one of some descriptors, {fd: READ and/or WRITE}, is ready; the states of those that are."""
    poll = select.poll()
    for fd, mask in wanted.items():
        poll.register(fd, _ASK[mask])
    found = poll.poll(None if timeout is None else math.ceil(max(0, timeout) * 1000))
    return {
        fd: State(
            bool(events & (select.POLLIN | select.POLLHUP | select.POLLERR)),
            bool(events & (select.POLLOUT | select.POLLHUP | select.POLLERR)),
            bool(events & (_POLLRDHUP | select.POLLHUP)),
            bool(events & select.POLLHUP),
            bool(events & select.POLLERR),
        )
        for fd, events in found
        if not events & select.POLLNVAL
    }
