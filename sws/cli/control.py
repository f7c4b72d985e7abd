# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Talking to a running master by its pid file."""

from __future__ import annotations

import os
import signal
import time
from typing import Final

from sws.base.errors import SwsError

__all__ = ["ControlError", "read_pid", "reload_process", "stop_process"]

_POLL_SECONDS: Final = 0.02


class ControlError(SwsError):
    """The server cannot be reached or did not obey."""


def read_pid(pid_file: str) -> int:
    """The process id in a pid file.  Raises: ControlError if there is none, or no such process."""
    try:
        with open(pid_file, encoding="ascii") as file:
            pid = int(file.read(32))
    except FileNotFoundError:
        raise ControlError(f"{pid_file}: no such pid file, is the server running?") from None
    except (OSError, ValueError) as error:
        raise ControlError(f"{pid_file}: cannot be read as a pid file ({error.__class__.__name__})") from None
    if pid <= 1:
        raise ControlError(f"{pid_file}: not a process id")
    if not _is_alive(pid):
        raise ControlError(f"{pid_file}: process {pid} is not running")
    return pid


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """A process that has ended but was not waited for counts as gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] == b"Z"
    except (OSError, IndexError):
        return False


def _send(pid: int, name: str) -> None:
    number = getattr(signal, name, None)
    if number is None:
        raise ControlError(f"this system has no {name}")
    try:
        os.kill(pid, number)
    except PermissionError:
        raise ControlError(f"no permission to signal process {pid}") from None
    except ProcessLookupError:
        raise ControlError(f"process {pid} is not running") from None


def stop_process(pid_file: str, grace: float) -> None:
    """SIGTERM, then wait; after `grace` seconds SIGKILL.  Raises: ControlError when it had to be killed."""
    pid = read_pid(pid_file)
    _send(pid, "SIGTERM")
    until = time.monotonic() + grace
    while _is_alive(pid):
        if time.monotonic() >= until:
            _send(pid, "SIGKILL")
            raise ControlError(f"process {pid} did not end within {grace:g} s and was killed")
        time.sleep(_POLL_SECONDS)


def reload_process(pid_file: str) -> None:
    """SIGHUP."""
    _send(read_pid(pid_file), "SIGHUP")
