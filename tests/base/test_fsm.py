# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from enum import IntEnum

import pytest

from sws.base.errors import UsageError
from sws.base.fsm import TransitionTable


class _Light(IntEnum):
    RED = 0
    GREEN = 1
    DARK = 2
    BROKEN = 3


class _Input(IntEnum):
    TURN = 0
    FLASH = 1
    FAIL = 2


_ROWS = {
    (_Light.RED, _Input.TURN): _Light.GREEN,
    (_Light.GREEN, _Input.TURN): _Light.RED,
    (_Light.GREEN, _Input.FLASH): _Light.RED,
    (_Light.GREEN, _Input.FAIL): _Light.DARK,
}


def test_steps() -> None:
    table = TransitionTable("light", _Light.RED, _ROWS)
    assert table.step((_Light.RED, _Input.TURN)) is _Light.GREEN
    assert table.step((_Light.RED, _Input.FAIL)) is None
    assert table.step((_Light.DARK, _Input.TURN)) is None
    assert table.rows == _ROWS
    assert table.reachable() == {_Light.RED, _Light.GREEN, _Light.DARK}


def test_the_table_is_its_own() -> None:
    rows = dict(_ROWS)
    table = TransitionTable("light", _Light.RED, rows)
    rows.clear()
    assert table.step((_Light.RED, _Input.TURN)) is _Light.GREEN


def test_unreachable_states_are_refused() -> None:
    with pytest.raises(UsageError, match=r"light: unreachable .*BROKEN"):
        TransitionTable("light", _Light.RED, {**_ROWS, (_Light.BROKEN, _Input.TURN): _Light.RED})


def test_dot() -> None:
    """Graphviz's language: https://graphviz.org/doc/info/lang.html"""
    assert TransitionTable("light", _Light.RED, _ROWS).to_dot() == (
        "digraph light {\n"
        "  rankdir=LR;\n"
        "  node [shape=box, style=rounded];\n"
        "  RED [penwidth=2];\n"
        '  RED -> GREEN [label="TURN"];\n'
        '  GREEN -> RED [label="TURN, FLASH"];\n'
        '  GREEN -> DARK [label="FAIL"];\n'
        "}\n"
    )
