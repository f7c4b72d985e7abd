# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Facts of the process, and what stands in for those that a system does not tell."""

from __future__ import annotations

import builtins
import gc
import os
import sys
import types
from collections.abc import Callable

import pytest

from sws.os.process import can_fork, cores, raise_descriptor_limit, resident_octets, settle_memory


def test_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cores() >= 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3, 5}, raising=False)
    assert cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


def test_resident_memory() -> None:
    assert 1 << 20 < resident_octets() < 1 << 40
    assert can_fork is hasattr(os, "fork")


class NoProc:
    """`open` on a system without /proc, or with another one."""

    def __init__(self, content: bytes | None) -> None:
        self.content = content

    def __call__(self, *_: object) -> NoProc:
        if self.content is None:
            raise FileNotFoundError
        return self

    def __enter__(self) -> NoProc:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self) -> bytes:
        return self.content or b""


@pytest.mark.parametrize("content", [None, b"", b"12", b"12 x"])
@pytest.mark.parametrize(("system", "unit"), [("Linux", 1024), ("Darwin", 1)])
def test_resident_memory_without_proc(monkeypatch: pytest.MonkeyPatch, content: bytes | None, system: str, unit: int) -> None:
    resource = types.SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda _who: types.SimpleNamespace(ru_maxrss=5000))
    monkeypatch.setattr(builtins, "open", NoProc(content))
    monkeypatch.setitem(sys.modules, "resource", resource)
    monkeypatch.setattr(os, "uname", lambda: types.SimpleNamespace(sysname=system), raising=False)
    assert resident_octets() == 5000 * unit


def test_without_the_resource_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "open", NoProc(None))
    monkeypatch.setitem(sys.modules, "resource", None)
    assert resident_octets() == 0
    assert raise_descriptor_limit() == 0


def limits(soft: int, hard: int, refuse: Callable[[], Exception] | None = None) -> tuple[types.SimpleNamespace, list[tuple[int, int]]]:
    made: list[tuple[int, int]] = []

    def setrlimit(_which: int, wanted: tuple[int, int]) -> None:
        if refuse is not None:
            raise refuse()
        made.append(wanted)

    return types.SimpleNamespace(RLIMIT_NOFILE=7, getrlimit=lambda _which: (soft, hard), setrlimit=setrlimit), made


def test_the_descriptor_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    resource, made = limits(1024, 4096)
    monkeypatch.setitem(sys.modules, "resource", resource)
    assert raise_descriptor_limit() == 4096
    assert made == [(4096, 4096)]
    resource, made = limits(4096, 4096)
    monkeypatch.setitem(sys.modules, "resource", resource)
    assert raise_descriptor_limit() == 4096
    assert made == []
    for error in (OSError, ValueError):
        resource, made = limits(1024, -1, error)
        monkeypatch.setitem(sys.modules, "resource", resource)
        assert raise_descriptor_limit() == 1024


@pytest.mark.skipif(not hasattr(gc, "freeze"), reason="PyPy's collector has nothing to freeze")
def test_settling_memory() -> None:
    """What is alive is out of the collector's sight."""
    before = gc.get_threshold()
    try:
        settle_memory()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold()[0] > before[0]
        gc.unfreeze()
    finally:
        gc.set_threshold(*before)


def test_a_collector_that_cannot_freeze_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("collected")

    monkeypatch.delattr(gc, "freeze", raising=False)
    monkeypatch.setattr(gc, "collect", refuse)
    settle_memory()
