# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Rows of `bench.crypto`: what is raced against what.  A module here has `rows()`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from sws.crypto.selection import IS_PYPY, is_compiled

__all__ = ["Bars", "Row", "bars"]

Bars: TypeAlias = tuple[float | None, float | None]
"""Gate and aim."""

_COMPILED: Final = is_compiled("sws.crypto.kernels.compiled_chacha20")


def bars(cpython: Bars = (None, None), pypy: Bars = (None, None), mypyc: Bars = (None, None)) -> Bars:
    """Those of what runs this."""
    return pypy if IS_PYPY else mypyc if _COMPILED else cpython


@dataclass(frozen=True, slots=True)
class Row:
    """One race.

    Attributes:
      ours, peer:  do the same work once; another input each time they are called.
      openssl:     the same through `cryptography`, for the fraction of its speed.
      octets:      of the work; 0 for operations.
      gate, aim:   the bar on this interpreter, ours over peer, and what is aimed at.
    """

    name: str
    ours: Callable[[], object]
    peer: Callable[[], object] | None
    openssl: Callable[[], object] | None
    octets: int
    gate: float | None
    aim: float | None
