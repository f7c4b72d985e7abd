# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The two things that cryptography takes from the system when nobody hands them in: entropy, and the operator's choice of kernels.

Everything else in `sws.crypto` is a function of its arguments; this is the one file there that may import `os`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, TypeAlias

__all__ = ["Entropy", "system_entropy", "wanted_kernels"]

Entropy: TypeAlias = Callable[[int], bytes]
"""Gives as many octets as it is asked for, fit for keys."""

system_entropy: Final[Entropy] = os.urandom


def wanted_kernels() -> str:
    """The value of SWS_KERNELS, `auto` if it is not set."""
    return os.environ.get("SWS_KERNELS", "auto")
