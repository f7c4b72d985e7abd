# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A poller without a kernel, for tests: it reports what it was told, and never waits.

    injected   {fd: READ | WRITE | ERROR}: how things stand, until changed by the next inject() of that descriptor
    timeouts   what poll() was asked to wait, oldest first
    wakes      how often wake() was called

Readiness is a level, as in a kernel: inject(fd, READ) keeps fd readable for all polls to come, inject(fd, 0) ends it.
What is not armed is not reported but is kept.
"""

from __future__ import annotations

from typing import Final, final

from sws.os.poller.base import ERROR, ONESHOT, PollerBroken, checked_mask, reported_mask

__all__ = ["StubPoller"]


@final
class StubPoller:
    """The deterministic poller; see `base.Poller` for the methods.  Answers are in the order of arming."""

    __slots__ = ("_closed", "_injected", "_interests", "timeouts", "wakes")

    name: Final = "stub"
    transfers: Final = None

    def __init__(self) -> None:
        self._interests: dict[int, int] = {}
        self._injected: dict[int, int] = {}
        self._closed = False
        self.timeouts: Final[list[float | None]] = []
        self.wakes = 0

    def inject(self, fd: int, mask: int) -> None:
        """Say how things stand with a descriptor: any of READ, WRITE and ERROR, or 0."""
        self._injected[fd] = mask

    def arm(self, fd: int, mask: int) -> None:
        self._check_open()
        self._interests[fd] = checked_mask(mask)

    def disarm(self, fd: int) -> None:
        self._interests.pop(fd, None)

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        self._check_open()
        self.timeouts.append(timeout)
        ready = []
        for fd, interest in self._interests.items():
            injected = self._injected.get(fd, 0)
            mask = reported_mask(interest, injected, bool(injected & ERROR))
            if mask:
                ready.append((fd, mask))
        for fd, _ in ready:
            if self._interests[fd] & ONESHOT:
                del self._interests[fd]
        return ready

    def wake(self) -> None:
        self.wakes += 1

    def close(self) -> None:
        self._closed = True

    def fileno(self) -> int:
        """-1: there is no kernel behind it."""
        return -1

    def armed(self) -> dict[int, int]:
        return dict(self._interests)

    def _check_open(self) -> None:
        if self._closed:
            raise PollerBroken("this poller is closed")
