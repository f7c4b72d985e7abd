# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A bounded set of digests in memory that forked processes share: what has been seen once is seen by all.

Made before the fork, as an anonymous shared mapping; a lock file that is already unlinked keeps processes apart, so a process that dies
holding it lets go of it.  Entries end by themselves.  Made for tickets of TLS that may carry 0-RTT data once (RFC 9846 §8.1).

    slot = expiry (8) | digest (24),  a bucket of `_WAYS` slots is chosen by the digest's first octets

When every slot of a bucket is taken by an entry that still counts, `add` says False: refusing costs a round trip, forgetting would cost
safety.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import tempfile
from typing import Final, final

__all__ = ["SharedSet"]

_SLOT: Final = struct.Struct("<d24s")
_WAYS: Final = 8


@final
class SharedSet:
    """Add-once set.

    Args:
      slots:  how many entries at most, in octets 32 times as many.
    """

    def __init__(self, slots: int = 1 << 14) -> None:
        self._buckets = max(1, slots // _WAYS)
        self._memory = mmap.mmap(-1, self._buckets * _WAYS * _SLOT.size)
        self._lock_file = tempfile.TemporaryFile(prefix="sws-lock-") if hasattr(os, "fork") else None  # noqa: SIM115

    def add(self, item: bytes, until: float, now: float) -> bool:
        """Remember an item until a time; True if it was not there and there was room."""
        digest = hashlib.sha256(item).digest()[:24]
        base = int.from_bytes(digest[:6], "big") % self._buckets * _WAYS * _SLOT.size
        self._lock()
        try:
            free = -1
            for offset in range(base, base + _WAYS * _SLOT.size, _SLOT.size):
                expiry, known = _SLOT.unpack_from(self._memory, offset)
                if expiry <= now:
                    free = offset if free < 0 else free
                elif known == digest:
                    return False
            if free < 0:
                return False
            _SLOT.pack_into(self._memory, free, until, digest)
            return True
        finally:
            self._unlock()

    def _lock(self) -> None:
        if self._lock_file is not None:
            import fcntl

            fcntl.lockf(self._lock_file, fcntl.LOCK_EX)

    def _unlock(self) -> None:
        if self._lock_file is not None:
            import fcntl

            fcntl.lockf(self._lock_file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Release this process's view."""
        self._memory.close()
        if self._lock_file is not None:
            self._lock_file.close()
