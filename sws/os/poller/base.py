# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What every poller promises.

A poller holds an *interest* for each descriptor, a mask of the bits below, and reports which descriptors are ready.

    armed      the interest in force: {fd: READ and/or WRITE, with EXCLUSIVE or ONESHOT as arm() got them}
    reported   what poll() returns for a descriptor: a non-empty part of READ | WRITE, plus ERROR if the kernel said so

Invariants, held for all pollers by one suite (tests/os/poller/test_contract.py):

- Level-triggered: while a descriptor stays ready, each poll() reports it again.
- A direction that is not armed is never reported; a descriptor appears at most once in one answer.
- ERROR never comes alone.  It comes with every armed direction, so that a handler that knows only READ and WRITE
  goes on, and meets the failure in its read or write.
- ONESHOT: one report (of one direction or both), then nothing, not even errors, until arm() again.
- disarm() comes before close().  If it did not, nothing breaks: the closed descriptor is not reported, and arm() works for
  the next bearer of its number.  But epoll knows open files, not numbers, and goes on reporting one that survives in a
  duplicate or in a child process, and select knows only numbers and takes the next bearer for the old one.
- Only arm, disarm and poll touch the interests, and only from the thread that polls; wake() may come from anywhere.

A poller is created after fork(): a kernel queue shared by two processes is either useless (kqueue is not inherited)
or harmful (epoll interests are changed for both).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, final

from sws.base.errors import SwsError, UsageError

if TYPE_CHECKING:
    from sws.os.poller.transfers import Transfers

__all__ = [
    "ERROR",
    "EXCLUSIVE",
    "LONGEST_WAIT",
    "ONESHOT",
    "READ",
    "WRITE",
    "Poller",
    "PollerBroken",
    "PollerUnavailable",
    "bounded_wait",
    "checked_mask",
    "reported_mask",
]

READ: Final = 1
"""Readable, or closed by the peer, or failed, so that a read will tell."""

WRITE: Final = 2
"""Writable, or failed, so that a write will tell."""

ERROR: Final = 4
"""Reported only, never armed: EPOLLERR, EPOLLHUP and their like."""

EXCLUSIVE: Final = 8
"""A hint for arm(): wake only some of the processes that wait for this listening socket; ignored where unknown."""

ONESHOT: Final = 16
"""For arm(): one report, then silence until arm() again."""

LONGEST_WAIT: Final = 2_000_000.0
"""Seconds, about 23 days: what every kernel can count, even in milliseconds in 31 bits."""


@final
class PollerUnavailable(SwsError):
    """This kind of poller cannot be had here; another kind may."""


@final
class PollerBroken(SwsError):
    """The kernel's queue itself failed; its interests are still in armed(), for a successor (`choose.fallback`)."""


class Poller(Protocol):
    """Waits for descriptors: the native contract, under which `adapter.PollerSelector` puts a selector's face."""

    @property
    def name(self) -> str:
        """Which kind: "epoll", "kqueue", "iocp", "select" or "stub"."""
        ...

    @property
    def transfers(self) -> Transfers | None:
        """Files that the kernel sends by itself and whose end it tells; None where sendfile(2) does better."""
        ...

    def arm(self, fd: int, mask: int) -> None:
        """Add or replace the interest in a descriptor.

        Args:
          fd:    an open descriptor (a socket handle on Windows).
          mask:  READ and/or WRITE; with ONESHOT or EXCLUSIVE as wanted.
        Raises:  UsageError for an impossible mask or a descriptor that cannot be polled, LimitExceeded if there is no
                 room for one more, PollerBroken if the queue itself failed.
        """
        ...

    def disarm(self, fd: int) -> None:
        """Forget a descriptor; one that is unknown, or already closed, is fine."""
        ...

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Wait until something is ready.

        Args:
          timeout:  seconds; None waits for ever, 0 or less does not wait.  Rounded up to what the kernel can count, never
                    down, and cut to the longest wait the kernel can count, so [] may come early after some days.
        Returns: pairs of descriptor and reported mask, [] after the timeout, a wake() or an interruption.
        Raises:  PollerBroken if the queue itself failed.
        """
        ...

    def wake(self) -> None:
        """Make the poll() that runs, or else the next one, return at once; from any thread or signal handler."""
        ...

    def close(self) -> None:
        """Release the kernel's queue; again is fine, and a wake() afterwards too."""
        ...

    def fileno(self) -> int:
        """The queue's own descriptor, or -1 for a poller without one."""
        ...

    def armed(self) -> dict[int, int]:
        """A copy of all interests in force, also of a broken poller; a one-shot that was reported is not among them."""
        ...


def checked_mask(mask: int) -> int:
    """The mask, if arm() accepts it.

    Raises: UsageError if neither READ nor WRITE is in it, or something that cannot be armed.
    """
    if not mask & (READ | WRITE) or mask & ~(READ | WRITE | EXCLUSIVE | ONESHOT):
        raise UsageError(f"cannot arm mask {mask:#x}: READ and/or WRITE, with EXCLUSIVE or ONESHOT, is wanted")
    return mask


def reported_mask(armed: int, ready: int, failed: bool) -> int:
    """What to report: the armed directions that are ready, or all of them and ERROR after a failure; 0 means nothing."""
    return armed & (READ | WRITE) | ERROR if failed else armed & ready & (READ | WRITE)


def bounded_wait(timeout: float | None, shortest: float) -> float | None:
    """A timeout that a kernel can count: 0 stays 0, less than one unit of its clock becomes one, so that nobody spins.

    Args:
      timeout:   seconds, or None for ever; negative counts as 0.
      shortest:  the unit of the kernel's clock, in seconds.
    """
    if timeout is None:
        return None
    return min(max(timeout, shortest), LONGEST_WAIT) if timeout > 0 else 0.0
