# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files that are made whole or not at all: keys for their owner only, certificates for all to read.

A file that exists is not touched unless that is asked for; then the new one takes its place at once (rename), with permissions of its own,
so that nobody meets half a key, or a new key under old permissions.
"""

from __future__ import annotations

import os

__all__ = ["write_new", "write_over"]


def write_new(path: str, data: bytes, mode: int = 0o600) -> None:
    """Makes a file that must not exist.

    Raises: FileExistsError if there is one, a link without end included; OSError.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(path)
        raise


def write_over(path: str, data: bytes, mode: int = 0o600) -> None:
    """Makes a file, or puts it in the place of the one that is there, at once.  Raises: OSError."""
    fresh = f"{path}.{os.urandom(6).hex()}.new"
    write_new(fresh, data, mode)
    try:
        os.replace(fresh, path)
    except OSError:
        os.unlink(fresh)
        raise
