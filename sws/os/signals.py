# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signals as callbacks of the loop.

Python runs a signal handler between two bytecodes of the main thread, wherever that is.  Ours only queues the callback and wakes the
poller, so the callback itself runs in a turn, never in the middle of something.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

from sws.os.loop import Loop

__all__ = ["on_signal", "reset_signals"]

_installed: set[int] = set()


def on_signal(loop: Loop, name: str, callback: Callable[[], None]) -> bool:
    """Call `callback` in the loop when the signal comes.

    Args:
      name:  as "SIGTERM".
    Returns: False if this system has no such signal.
    """
    number = getattr(signal, name, None)
    if number is None:
        return False
    signal.signal(number, lambda _number, _frame: loop.call_from_thread(callback))
    _installed.add(number)
    return True


def reset_signals() -> None:
    """Default handling again, for a child after fork."""
    for number in _installed:
        signal.signal(number, signal.SIG_DFL)
    _installed.clear()
