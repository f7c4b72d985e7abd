# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What PyPy's JIT is told, where there is one."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from sws.crypto.chacha20 import _load_words
from sws.crypto.kernels import chacha20_words
from sws.crypto.system import allow_long_loops


def test_the_jit_is_told_when_its_kernel_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    jit = ModuleType("pypyjit")
    monkeypatch.setattr(jit, "set_param", told.append, raising=False)
    monkeypatch.setitem(sys.modules, "pypyjit", jit)
    assert _load_words() is chacha20_words
    assert told == ["trace_limit=40000"]


def test_where_there_is_none_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypyjit", None)
    allow_long_loops()
