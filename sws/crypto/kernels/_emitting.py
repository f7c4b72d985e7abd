# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the emitters of code for mypyc share: how a function's lines become machine code that is quick."""

from __future__ import annotations

import re

__all__ = ["hoisted", "typed"]

_LARGE = re.compile(r"-?\b0x[0-9A-F]{16}\b")


def typed(lines: list[str], known: set[str]) -> list[str]:
    """The first assignment to each name says that it is a machine integer; `known` have been assigned, and are added to."""
    result = []
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())]
        name, sign, rest = line.lstrip().partition(" = ")
        if sign and name.isidentifier() and name not in known:
            known.add(name)
            line = f"{indent}{name}: i64 = {rest}"
        result.append(line)
    return result


def hoisted(lines: list[str]) -> list[str]:
    """The lines with a name for each literal of 64 bits, and before them what gives the names their values.

    mypyc keeps a literal of more than 62 bits as a Python integer, and converts it wherever it stands.  The names are put together of
    halves, which C does when it compiles.
    """
    constants: dict[str, int] = {}

    def named(found: re.Match[str]) -> str:
        value = int(found[0], 16) & (1 << 64) - 1
        constants.setdefault(name := f"m{value:x}", value)
        return name

    changed = [_LARGE.sub(named, line) for line in lines]
    before = []
    for name, value in constants.items():
        before += [f"{name}: i64 = 0x{value >> 32:X}", f"{name} = {name} << 32 | 0x{value & 0xFFFFFFFF:X}"]
    return before + changed
