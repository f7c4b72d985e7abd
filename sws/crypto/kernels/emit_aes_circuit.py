# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emits `aes_circuit.py`: SubBytes as a circuit of AND and XOR, and MixColumns for the four places that the rows can stand in.

The circuit is Boyar and Peralta's (A depth-16 circuit for the AES S-box, 2011): 115 gates for the inversion in a tower of fields between
two linear layers.  The affine constant 0x63 is left out; whoever uses the circuit adds it to the round keys.

A gate that is used once is written inside the expression that uses it, and a name is used again as soon as its value is dead: both keep
the number of live integers, and with it the memory that a round touches, small.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

__all__ = ["PLACES", "TARGET", "Move", "circuit", "moves", "source"]

TARGET: Final = "aes_circuit.py"

# x0 is the most significant bit of the argument, s0 of the result.
_CIRCUIT: Final = """
y14=x3^x5 y13=x0^x6 y9=x0^x3 y8=x0^x5 t0=x1^x2 y1=t0^x7 y4=y1^x3 y12=y13^y14 y2=y1^x0 y5=y1^x6 y3=y5^y8 t1=x4^y12
y15=t1^x5 y20=t1^x1 y6=y15^x7 y10=y15^t0 y11=y20^y9 y7=x7^y11 y17=y10^y11 y19=y10^y8 y16=t0^y11 y21=y13^y16 y18=x0^y16
t2=y12&y15 t3=y3&y6 t4=t3^t2 t5=y4&x7 t6=t5^t2 t7=y13&y16 t8=y5&y1 t9=t8^t7 t10=y2&y7 t11=t10^t7 t12=y9&y11 t13=y14&y17
t14=t13^t12 t15=y8&y10 t16=t15^t12 t17=t4^t14 t18=t6^t16 t19=t9^t14 t20=t11^t16 t21=t17^y20 t22=t18^y19 t23=t19^y21 t24=t20^y18
t25=t21^t22 t26=t21&t23 t27=t24^t26 t28=t25&t27 t29=t28^t22 t30=t23^t24 t31=t22^t26 t32=t31&t30 t33=t32^t24 t34=t23^t33
t35=t27^t33 t36=t24&t35 t37=t36^t34 t38=t27^t36 t39=t29&t38 t40=t25^t39 t41=t40^t37 t42=t29^t33 t43=t29^t40 t44=t33^t37 t45=t42^t41
z0=t44&y15 z1=t37&y6 z2=t33&x7 z3=t43&y16 z4=t40&y1 z5=t29&y7 z6=t42&y11 z7=t45&y17 z8=t41&y10 z9=t44&y12 z10=t37&y3 z11=t33&y4
z12=t43&y13 z13=t40&y5 z14=t29&y2 z15=t42&y9 z16=t45&y14 z17=t41&y8
t46=z15^z16 t47=z10^z11 t48=z5^z13 t49=z9^z10 t50=z2^z12 t51=z2^z5 t52=z7^z8 t53=z0^z3 t54=z6^z7 t55=z16^z17 t56=z12^t48
t57=t50^t53 t58=z4^t46 t59=z3^t54 t60=t46^t57 t61=z14^t57 t62=t52^t58 t63=t49^t58 t64=z4^t59 t65=t61^t62 t66=z1^t63
s0=t59^t63 s6=t56^t62 s7=t48^t60 t67=t64^t65 s3=t53^t66 s4=t51^t66 s5=t47^t65 s1=t64^s3 s2=t55^t67
"""

PLACES: Final = 16
"""Places of a state: 4 * row + column."""


@dataclass(frozen=True)
class Move:
    """Some places of a state, moved together.

    Attributes:
      offset:  how many places to the right (towards place 0); to the left if negative.
      mask:    bit p is set for each place p that is kept: of the result when moving right, of the argument when moving left.
      whole:   the shift alone leaves nothing else, so that no mask is needed.
    """

    offset: int
    mask: int
    whole: bool


def moves(down: int, across: int) -> list[Move]:
    """What brings to (row, column) what stands at (row + down, column + across), both modulo 4."""
    kept: dict[int, int] = {}
    for place in range(PLACES):
        origin = 4 * ((place // 4 + down) % 4) + (place + across) % 4
        offset = origin - place
        kept[offset] = kept.get(offset, 0) | 1 << (place if offset > 0 else origin)
    return [Move(offset, mask, offset > 0 and mask == (1 << (PLACES - offset)) - 1) for offset, mask in sorted(kept.items())]


def source() -> str:
    """The module's text."""
    places = [f"({', '.join(str(move.mask) for move in _turn(turn) if not move.whole)})," for turn in range(4)]
    parts = [_HEAD, *(f"    {line}" for line in places), *_TAIL, *_sub_bytes()]
    for turn in range(4):
        parts += _mix(turn)
    return "\n".join(parts).rstrip() + "\n"


_HEAD: Final = '''# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emitted by `emit_aes_circuit.py`; do not edit.  SubBytes and MixColumns on bit-planes.  FIPS 197 §5.1.1, §5.1.3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

__all__ = ["PLACE_MASKS", "Planes", "mix_0", "mix_1", "mix_2", "mix_3", "sub_bytes"]

Planes: TypeAlias = tuple[int, int, int, int, int, int, int, int]

PLACE_MASKS: Final = ('''

_TAIL: Final = (")", '"""The places that the masks of `mix_0` .. `mix_3` keep, a bit each."""', "")


def _turn(turn: int) -> list[Move]:
    return moves(1, turn) + moves(2, 2 * turn % 4)


def _planes(name: str) -> str:
    return ", ".join(f"{name}{bit}" for bit in range(8))


def _gates() -> dict[str, tuple[str, str, str]]:
    gates = {}
    for left, operator, right, name in ((g[2], g[3], g[4], g[1]) for g in re.finditer(r"(\w+)=(\w+)([&^])(\w+)", _CIRCUIT)):
        gates[name] = (left, operator, right)
    return gates


class _Writer:
    """Writes gates as statements, each before its first use, and gives names back after the last."""

    def __init__(self) -> None:
        self.gates = _gates()
        self.uses = Counter(name for left, _, right in self.gates.values() for name in (left, right))
        self.uses.update(f"s{bit}" for bit in range(8))
        self.inline = {name for name in self.gates if self.uses[name] == 1 and not name.startswith("s")}
        self.names = {f"x{7 - bit}": f"a{bit}" for bit in range(8)}
        self.free: list[str] = []
        self.lines: list[str] = []

    def write(self, gate: str) -> None:
        """The statement of a gate that has a name of its own, after those that it needs."""
        if gate in self.names:
            return
        for needed in self._needed(gate):
            self.write(needed)
        text = self._expression(gate)
        name = self.free.pop() if self.free else f"v{len(self.names)}"
        self.names[gate] = name
        self.lines.append(f"{name} = {text}")

    def _needed(self, gate: str) -> list[str]:
        found: list[str] = []
        for name in self.gates[gate][::2]:
            if name in self.inline:
                found += self._needed(name)
            elif name in self.gates:
                found.append(name)
        return found

    def _expression(self, gate: str) -> str:
        left, operator, right = self.gates[gate]
        return f"{self._operand(left, operator)} {operator} {self._operand(right, operator)}"

    def _operand(self, name: str, operator: str) -> str:
        if name in self.inline:
            text = self._expression(name)
            return text if self.gates[name][1] == operator and operator == "&" else f"({text})"
        self.uses[name] -= 1
        known = self.names[name]
        if not self.uses[name]:
            self.free.append(known)
        return known


def circuit() -> tuple[list[str], list[str]]:
    """The statements of the circuit on a0 … a7, least significant first, and the names that hold the result then."""
    writer = _Writer()
    for gate in writer.gates:
        if gate not in writer.inline:
            writer.write(gate)
    return writer.lines, [writer.names[f"s{7 - bit}"] for bit in range(8)]


def _sub_bytes() -> list[str]:
    lines, names = circuit()
    arguments = ", ".join(f"a{bit}: int" for bit in range(8))
    results = ", ".join(names)
    return [
        "",
        f"def sub_bytes({arguments}) -> Planes:",
        '    """SubBytes of every octet, least significant plane first, without the constant 0x63."""',
        *[f"    {line}" for line in lines],
        f"    return {results}",
        "",
    ]


def _moved(name: str, turn_moves: list[Move], masks: str) -> str:
    terms = []
    for index, move in enumerate(turn_moves):
        if move.offset > 0:
            shifted = f"({name} >> n{move.offset})"
            terms.append(shifted if move.whole else f"({shifted[1:-1]} & {masks}{index})")
        else:
            terms.append(f"(({name} & {masks}{index}) << n{-move.offset})")
    return " | ".join(terms)


def _names(turn_moves: list[Move], masks: str) -> list[str]:
    return [f"{masks}{index}" for index, move in enumerate(turn_moves) if not move.whole]


def _mix(turn: int) -> list[str]:
    once, twice = moves(1, turn), moves(2, 2 * turn % 4)
    shifts = sorted({abs(move.offset) for move in once + twice})
    lines = [
        "",
        f"def mix_{turn}(planes: Planes, key: Sequence[int], shifts: Sequence[int], masks: Sequence[int]) -> Planes:",
        f'    """MixColumns and AddRoundKey after {turn} rounds (modulo 4) whose ShiftRows was left out."""',
        f"    {_planes('s')} = planes",
        f"    {_planes('k')} = key",
        f"    {', '.join(f'n{n}' for n in shifts)} = {', '.join(f'shifts[{n}]' for n in shifts)}",
        f"    {', '.join(_names(once, 'p') + _names(twice, 'q'))} = masks",
    ]
    for bit in range(8):
        lines.append(f"    t{bit} = {_moved(f's{bit}', once, 'p')}")
        lines.append(f"    s{bit} ^= t{bit}")
    for bit in range(8):
        terms = [f"k{bit}", f"t{bit}", f"({_moved(f's{bit}', twice, 'q')})", f"s{(bit - 1) % 8}"]
        if bit in (1, 3, 4):
            terms.append("s7")
        lines.append(f"    t{bit} = {' ^ '.join(terms)}")
    lines += [f"    return {_planes('t')}", ""]
    return lines
