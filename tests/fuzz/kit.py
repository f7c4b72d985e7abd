# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A mutation fuzzer in a hundred lines: a seeded mutator, a budget loop, and a command line that every target shares.

A target is a function that is given octets and a source of chance and raises when an oracle is broken.  The loop prints the input of the
first failure in hex, with the seed of that very execution, so that `replay` shows it again.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["FuzzFailure", "Mutator", "Report", "Target", "fuzz", "main"]

_INTERESTING: Final = b'\x00\t\n\x0b\x0c\r "%,/:;=?\\\x7f\x80\xff0159afx'


class FuzzFailure(AssertionError):
    """An oracle was broken; the message has what is needed to see it again."""


@dataclass(frozen=True)
class Target:
    """What a fuzzer runs.

    Attributes:
      name:        for the report.
      check:       (octets, chance) -> a word for the statistics; raises when something is wrong.
      corpus:      inputs to begin with.
      dictionary:  pieces to put in.
      generate:    makes a new input from a grammar.
    """

    name: str
    check: Callable[[bytes, random.Random], str]
    corpus: Sequence[bytes]
    dictionary: Sequence[bytes]
    generate: Callable[[random.Random], bytes]


@dataclass
class Report:
    """How much was run, and what came out."""

    name: str
    executions: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        outcomes = ", ".join(f"{word} {count}" for word, count in self.outcomes.most_common())
        return f"{self.name}: {self.executions} executions in {self.seconds:.1f} s ({outcomes})"


class Mutator:
    """Changes octets: flips, cuts, copies, pieces of the dictionary, splices of two inputs."""

    def __init__(self, corpus: Sequence[bytes], dictionary: Sequence[bytes], maximum: int = 4096) -> None:
        self._corpus = corpus
        self._dictionary = dictionary
        self._maximum = maximum

    def mutate(self, data: bytes, chance: random.Random) -> bytes:
        """One to four changes."""
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
            self._change(changed, chance)
        return bytes(changed[: self._maximum])

    def _change(self, data: bytearray, chance: random.Random) -> None:
        at = chance.randint(0, len(data))
        length = min(len(data) - at, chance.choice((1, 1, 2, 4, 16, 64)))
        kind = chance.randrange(8)
        if kind == 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            data[at : at + 1] = bytes([chance.choice(_INTERESTING)])
        elif kind == 2:
            data[at:at] = bytes([chance.choice(_INTERESTING)])
        elif kind == 3:
            del data[at : at + length]
        elif kind == 4:
            data[at:at] = data[at : at + length] * chance.choice((1, 1, 2, 8))
        elif kind == 5:
            data[at:at] = chance.choice(self._dictionary)
        elif kind == 6:
            other = chance.choice(self._corpus)
            data[at:] = other[chance.randint(0, len(other)) :]
        else:
            start = chance.randint(0, len(data))
            data[at:at] = data[start : start + length]


def fuzz(target: Target, *, executions: int, seconds: float, seed: int) -> Report:
    """Runs a target until one of the two budgets is used up.

    Raises: FuzzFailure for the first broken oracle.
    """
    report = Report(target.name)
    mutator = Mutator(target.corpus, target.dictionary)
    started = time.monotonic()
    while report.executions < executions and report.seconds < seconds:
        chance = random.Random(f"{seed}/{report.executions}")
        data = target.generate(chance) if chance.random() < 0.5 else chance.choice(target.corpus)
        if chance.random() < 0.8:
            data = mutator.mutate(data, chance)
        try:
            outcome = target.check(data, chance)
        except Exception as error:
            note = (
                f"{target.name}: seed {seed}, execution {report.executions}: {type(error).__name__}: {error}\ninput: {data.hex()}\n{data!r}"
            )
            raise FuzzFailure(note) from error
        report.outcomes[outcome] += 1
        report.executions += 1
        if not report.executions & 63:
            report.seconds = time.monotonic() - started
    report.seconds = time.monotonic() - started
    return report


def main(targets: Sequence[Target]) -> None:
    """`--executions N --seconds S --seed K [--target NAME]`: runs each target with that budget."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--executions", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=900.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", choices=[target.name for target in targets])
    options = parser.parse_args()
    for target in targets:
        if options.target in (None, target.name):
            print(fuzz(target, executions=options.executions, seconds=options.seconds, seed=options.seed), flush=True)
