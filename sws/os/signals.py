# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signals as callbacks of the loop.

Python runs a signal handler between two bytecodes of the main thread, wherever that is.  Ours only queues the callback and wakes the
poller, so the callback itself runs in a turn, never in the middle of something.

That is not enough when the signal comes just before the poller's system call, or when the kernel gives it to another thread: no system call
of the main thread is interrupted then, and Python's handler waits until it runs again.  So the interpreter's C handler, which runs at
once wherever the signal arrives, writes to a socket that the loop watches (`signal.set_wakeup_fd`).

A process just forked has its parent's handlers, which wake the parent's loop: signals wait (`hold_signals`) until it has its own.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from typing import Final

from sws.os.loop import Loop
from sws.os.poller.base import READ

__all__ = ["hold_signals", "on_signal", "release_signals", "reset_signals"]

_HELD: Final = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1")

_installed: set[int] = set()
_wakeup: tuple[Loop, socket.socket, socket.socket] | None = None


def on_signal(loop: Loop, name: str, callback: Callable[[], None]) -> bool:
    """Call `callback` in the loop when the signal comes.

    Args:
      name:  as "SIGTERM".
    Returns: False if this system has no such signal.
    """
    number = getattr(signal, name, None)
    if number is None:
        return False
    _watch_wakeup(loop)
    signal.signal(number, lambda _number, _frame: loop.call_from_thread(callback))
    _installed.add(number)
    return True


def hold_signals() -> None:
    """Signals that end, reload or reopen wait until `release_signals`; before a fork, in the parent."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [getattr(signal, name) for name in _HELD])


def release_signals() -> None:
    """Signals come again, and those that waited: after a fork, in the parent at once and in the child when it can deal with them."""
    if hasattr(signal, "pthread_sigmask"):  # else nothing was held: there is no fork
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [getattr(signal, name) for name in _HELD])


def reset_signals() -> None:
    """Default handling again, for a child after fork; the loop, whose poller the parent shares, is not told."""
    for number in _installed:
        signal.signal(number, signal.SIG_DFL)
    _installed.clear()
    _close_wakeup()


def _watch_wakeup(loop: Loop) -> None:
    global _wakeup
    if _wakeup is not None and _wakeup[0] is loop:
        return
    _close_wakeup()
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    _wakeup = loop, near, far
    loop.watch(near.fileno(), READ, lambda _mask: _drain(near))
    signal.set_wakeup_fd(far.fileno(), warn_on_full_buffer=False)


def _drain(near: socket.socket) -> None:
    try:
        near.recv(4096)
    except OSError:
        pass


def _close_wakeup() -> None:
    global _wakeup
    if _wakeup is not None:
        signal.set_wakeup_fd(-1)
        _wakeup[1].close()
        _wakeup[2].close()
        _wakeup = None
