# SPDX-License-Identifier: Apache-2.0 OR MIT
"""State machines as literal tables.

A machine is `{(State, Input): State}` with one enum for the states and one for the inputs.  There are no side conditions: a pair
that is not in the table is refused, and `TransitionTable.step` says so by returning None; the caller turns that into the error
its RFC asks for.  The documentation draws the very table that runs (`to_dot`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Generic, TypeVar, final

from sws.base.errors import UsageError

__all__ = ["TransitionTable"]

S = TypeVar("S", bound=IntEnum)
I = TypeVar("I", bound=IntEnum)  # noqa: E741 - the input alphabet


@final
class TransitionTable(Generic[S, I]):
    """A checked table of transitions.

    Args:
      name:     for the drawing.
      initial:  where the machine starts.
      rows:     the transitions.
    Raises: UsageError if a state cannot be reached from `initial`.
    """

    __slots__ = ("_rows", "initial", "name", "step")

    def __init__(self, name: str, initial: S, rows: Mapping[tuple[S, I], S]) -> None:
        self.name = name
        self.initial = initial
        self._rows = dict(rows)
        #: step((state, input)) -> the next state, or None where the table refuses the pair.
        self.step = self._rows.get
        unreached = {source for source, _ in self._rows} - self.reachable()
        if unreached:
            raise UsageError(f"{name}: unreachable {sorted(s.name for s in unreached)}")

    @property
    def rows(self) -> Mapping[tuple[S, I], S]:
        """The transitions, for tests and drawings."""
        return self._rows

    def reachable(self) -> set[S]:
        """The states that some sequence of inputs leads to."""
        seen = {self.initial}
        grew = True
        while grew:
            targets = {target for (source, _), target in self._rows.items() if source in seen}
            grew = not targets <= seen
            seen |= targets
        return seen

    def to_dot(self) -> str:
        """The table as a Graphviz digraph; parallel edges share one arrow."""
        edges: dict[tuple[str, str], list[str]] = {}
        for (source, given), target in self._rows.items():
            edges.setdefault((source.name, target.name), []).append(given.name)
        lines = [f"digraph {self.name} {{", "  rankdir=LR;", "  node [shape=box, style=rounded];", f"  {self.initial.name} [penwidth=2];"]
        lines += [f'  {tail} -> {head} [label="{", ".join(labels)}"];' for (tail, head), labels in edges.items()]
        return "\n".join([*lines, "}", ""])
