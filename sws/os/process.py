# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Facts and settings of this process and machine, each behind a fallback."""

from __future__ import annotations

import gc
import os
from typing import Final

__all__ = ["can_fork", "cores", "raise_descriptor_limit", "resident_octets", "settle_memory"]

_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096

can_fork: Final = hasattr(os, "fork")


def settle_memory() -> None:
    """What lives as long as the process is taken out of the collector's sight; what comes and goes is freed by its counts.

    Exchanges hold no cycles once they are over, so the collector finds little: it may look less often.  PyPy's collector needs none of it.
    """
    if hasattr(gc, "freeze"):
        gc.collect()
        gc.freeze()
        gc.set_threshold(20000, 20, 50)


def cores() -> int:
    """How many processors this process may use.  PyPy has no sched_getaffinity."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def resident_octets() -> int:
    """Resident memory of this process; its peak where the system tells only that, 0 where it tells nothing."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        pass
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


def raise_descriptor_limit() -> int:
    """Lift the soft limit on descriptors to the hard one.

    Returns: the limit in force, 0 if unknown.
    """
    try:
        import resource
    except ImportError:
        return 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            return hard
        except (OSError, ValueError):
            pass
    return soft
