# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The file that says under which number the master runs."""

from __future__ import annotations

import os

__all__ = ["remove_pid_file", "write_pid_file"]


def write_pid_file(path: str) -> None:
    """Write this process's number; what was there is replaced at once.  Raises: OSError."""
    temporary = f"{path}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o644)
    with os.fdopen(fd, "w") as file:
        file.write(f"{os.getpid()}\n")
    os.replace(temporary, path)


def remove_pid_file(path: str) -> None:
    """Remove it, unless another process has written its own number there since."""
    try:
        with open(path) as file:
            is_ours = file.read().strip() == str(os.getpid())
        if is_ours:
            os.unlink(path)
    except OSError:
        pass
