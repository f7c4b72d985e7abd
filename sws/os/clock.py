# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The system's clocks."""

from __future__ import annotations

import time
from typing import final

__all__ = ["SystemClock"]


@final
class SystemClock:
    """`base.clock.Clock` over the operating system."""

    __slots__ = ()

    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
