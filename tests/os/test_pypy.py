# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PyPy starts once more with its collector set, once only, and nobody else does."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sws.os.pypy import ROOM, start_again


def replacements(environment: dict[str, str], implementation: str) -> list[tuple[str, list[str]]]:
    made: list[tuple[str, list[str]]] = []

    def replace(path: str, arguments: list[str]) -> None:
        made.append((path, list(arguments)))

    start_again(environment, replace, implementation)
    return made


@pytest.mark.skipif(os.name != "posix", reason="another process would have another number")
def test_pypy_starts_once_more() -> None:
    environment = {"A": "b"}
    assert replacements(environment, "pypy") == [(sys.executable, [sys.executable, *sys.orig_argv[1:]])]
    assert environment == {"A": "b", "PYPY_GC_MIN": ROOM}
    assert replacements(environment, "pypy") == []


@pytest.mark.parametrize(("environment", "implementation"), [({"PYPY_GC_MIN": "64MB"}, "pypy"), ({}, "cpython")])
def test_who_has_said_something_and_who_is_no_pypy(environment: dict[str, str], implementation: str) -> None:
    before = dict(environment)
    assert replacements(environment, implementation) == []
    assert environment == before


@pytest.mark.skipif(os.name != "posix", reason="execv")
def test_arguments_and_process_stay() -> None:
    """In a real process, which is told that it is PyPy."""
    code = (
        "import os, sys; from sws.os.pypy import start_again;"
        "print(os.getpid(), os.environ.get('PYPY_GC_MIN'), sys.argv[1:], flush=True);"
        "start_again(implementation='pypy')"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYPY_GC_MIN"}
    done = subprocess.run([sys.executable, "-c", code, "x", "y z"], env=environment, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first.split(" ", 1)[0] == second.split(" ", 1)[0]
    assert first.endswith(" None ['x', 'y z']")
    assert second.endswith(f" {ROOM} ['x', 'y z']")
