# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Arguments that are octets.

`bytes(5)` would be five zeros, and an array of words is longer than it says: neither may be sealed by accident.
"""

from __future__ import annotations

from sws.base.errors import UsageError
from sws.crypto.hash_types import Octets

__all__ = ["octets"]


def octets(data: Octets) -> bytes:
    """The octets of anything bytes-like.  Raises: UsageError for what is not."""
    if type(data) is bytes:
        return data
    try:
        return memoryview(data).tobytes()
    except TypeError:
        raise UsageError(f"octets wanted, not {type(data).__name__}") from None
