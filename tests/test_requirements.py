# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The lists of MUSTs: every entry has a section, and a test that exists, or a reason why it does not apply here.

A file is `docs/requirements/rfcNNNN.yaml`: {rfc, title, requirements: [{section, level, what, symbol, test} | {section, level, what,
not-applicable}]}.  `test` is "path::function" below the checkout, or a list of such.
"""

from __future__ import annotations

import ast
import functools
import importlib
import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).parent.parent
FILES = sorted((ROOT / "docs" / "requirements").glob("rfc*.yaml"))


@functools.cache
def functions(path: str) -> set[str]:
    """Names of the test functions of a file, methods of classes as Class::method."""
    names: set[str] = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names.update(f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef))
    return names


def has_test(reference: str) -> bool:
    """Whether "path::function" exists."""
    path, _, name = reference.partition("::")
    return (ROOT / path).is_file() and name in functions(path)


def has_symbol(reference: str) -> bool:
    """Whether "sws.module:name.attribute" exists."""
    module, _, name = reference.partition(":")
    found: object = importlib.import_module(module)
    for part in name.split("."):
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_requirement_is_held(path: pathlib.Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert f"rfc{document['rfc']}" == path.stem
    problems = []
    for entry in document["requirements"]:
        where = f"§{entry.get('section')} {entry.get('what')}"
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)*|[A-Z](\.[0-9]+)*", str(entry.get("section"))):
            problems.append(f"{where}: no section")
        if entry.get("level") not in ("MUST", "MUST NOT"):
            problems.append(f"{where}: no level")
        if "not-applicable" in entry:
            if not entry["not-applicable"] or "test" in entry:
                problems.append(f"{where}: a reason, and no test")
            continue
        tests = entry.get("test") or []
        tests = [tests] if isinstance(tests, str) else tests
        problems += [f"{where}: no test {name}" for name in tests if not has_test(name)]
        if not tests:
            problems.append(f"{where}: no test")
        if not has_symbol(str(entry.get("symbol"))):
            problems.append(f"{where}: no symbol {entry.get('symbol')}")
    assert problems == []


def test_readme_shows_the_counts() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in FILES:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))["requirements"]
        tested = sum("test" in entry for entry in entries)
        assert f"| RFC {path.stem[3:]} | {tested} | {len(entries) - tested} |" in readme


def test_there_are_lists() -> None:
    assert FILES
