# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The system's entropy: what engines that may not look for it are given."""

from __future__ import annotations

import os

__all__ = ["random_bytes"]


def random_bytes(count: int) -> bytes:
    """So many octets from the operating system's generator, fit for keys."""
    return os.urandom(count)
