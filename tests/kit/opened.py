# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which files were really opened: the oracle of tests that no request leads out of its folder.

Two observers that must agree.  `os.open` is wrapped for as long as a `Recorder` is active, and the kernel is asked what each new descriptor
is (`/proc/self/fd`), so neither a relative name nor a link hides anything.  And an audit hook, which no caller can get round, counts
every "open", "os.listdir" and "os.scandir" of the process: an open that the wrapper did not see is reported as such.

An audit hook cannot be taken away again, so this module is the one that adds it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, final

import pytest

__all__ = ["Recorder", "has_proc"]

_EVENTS = ("open", "os.listdir", "os.scandir")
_active: Recorder | None = None


def has_proc() -> bool:
    """Whether the kernel tells what a descriptor is."""
    return os.path.isdir("/proc/self/fd")


@final
class Recorder:
    """Within `with`, writes down what is opened outside `root`.

    Attributes:
      outside:  what was opened or listed and is not below the root, as the kernel names it; what went past the wrapper, as "unseen …".
      inside:   how many files and folders below the root were opened.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self.outside: list[str] = []
        self.inside = 0
        self._patch = pytest.MonkeyPatch()
        self._expected = False
        self._open: Callable[..., int] = os.open

    def __enter__(self) -> Recorder:
        global _active
        assert _active is None, "one recorder at a time"
        _install()
        # `os.supports_dir_fd` knows functions by identity; it was read when sws.os.files was imported, so the wrapper may stand in.
        self._patch.setattr(os, "open", self._opening)
        _active = self
        return self

    def __exit__(self, *_: object) -> None:
        global _active
        _active = None
        self._patch.undo()

    def _opening(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        self._expected = True
        try:
            fd = self._open(path, flags, mode, dir_fd=dir_fd)
        finally:
            self._expected = False
        self._judge(os.readlink(f"/proc/self/fd/{fd}"))
        return fd

    def _judge(self, name: str) -> None:
        if name == self.root or name.startswith(self.root + "/"):
            self.inside += 1
        else:
            self.outside.append(name)

    def observe(self, event: str, subject: object) -> None:
        """From the audit hook."""
        if event == "open":
            if self._expected:
                self._expected = False
            else:
                self.outside.append(f"unseen {subject!r}")
        elif isinstance(subject, int):
            self._judge(os.readlink(f"/proc/self/fd/{subject}"))
        else:
            self._judge(os.path.realpath(os.fsdecode(subject)))  # type: ignore[arg-type]


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _active is not None and event in _EVENTS:
        _active.observe(event, arguments[0])


_is_installed = False


def _install() -> None:
    global _is_installed
    if not _is_installed:
        sys.addaudithook(_hook)
        _is_installed = True
