# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What only the collector could free."""

from __future__ import annotations

import gc
from collections import Counter

__all__ = ["left_to_the_collector"]


def left_to_the_collector() -> list[str]:
    """Kinds of objects of this project that refer to each other and that nobody has; with their numbers."""
    before = gc.get_debug()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        found = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.garbage)
    finally:
        gc.set_debug(before)
        gc.garbage.clear()
    gc.collect()
    return sorted(f"{count} {kind}" for kind, count in found.items() if kind.startswith("sws."))
