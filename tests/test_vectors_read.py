# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every file under `vectors/` is named by a test, and every file that a test names exists.

The calls of `load_vectors` are found in the sources, not at run time, so that the test holds in a partial or distributed run too.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from tests.kit import vectors
from tests.kit.vectors import VECTORS, extra_vectors, load_vectors

_TESTS = Path(__file__).resolve().parent


def _named_files() -> tuple[set[str], list[str]]:
    """Files that `load_vectors` calls name, as `area/name`; and the calls that do not name one by literals."""
    named: set[str] = set()
    unclear: list[str] = []
    for source in sorted(_TESTS.rglob("*.py")):
        if source == Path(__file__).resolve():
            continue
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            function = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", None)
            if function != "load_vectors":
                continue
            values = [argument.value for argument in node.args[:2] if isinstance(argument, ast.Constant)]
            if len(values) == 2:
                named.add("/".join(map(str, values)))
            else:
                unclear.append(f"{source.relative_to(_TESTS)}:{node.lineno}")
    return named, unclear


def _present_files() -> set[str]:
    return {path.relative_to(VECTORS).with_suffix("").as_posix() for path in VECTORS.rglob("*.json")}


def test_every_call_names_its_file_by_literals() -> None:
    assert _named_files()[1] == []


def test_no_vector_file_is_left_unread() -> None:
    assert _present_files() - _named_files()[0] == set()


def test_no_named_vector_file_is_missing() -> None:
    assert _named_files()[0] - _present_files() == set()


def test_only_json_lies_under_vectors() -> None:
    assert [path for path in VECTORS.rglob("*") if path.is_file() and path.suffix != ".json"] == []


_SOURCE = {"rfc": 9110, "section": "1"}
_CASE = {"id": "a", "comment": "", "input": "00", "result": None}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"source": _SOURCE, "tests": [_CASE | {"other": 1}]}, "unknown or missing keys"),
        ({"source": _SOURCE, "tests": [{"id": "a", "comment": "", "result": None}]}, "unknown or missing keys"),
        ({"source": _SOURCE, "tests": [_CASE, _CASE]}, "used twice"),
        ({"source": _SOURCE, "tests": []}, "no tests"),
        ({"source": _SOURCE, "tests": [_CASE], "extra": 1}, "nothing else"),
        ({"source": {"rfc": 9110}, "tests": [_CASE]}, "nothing else"),
    ],
)
def test_the_loader_refuses(document: object, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "VECTORS", tmp_path)
    (tmp_path / "area").mkdir()
    (tmp_path / "area" / "name.json").write_text(json.dumps(document))
    with pytest.raises(ValueError, match=message):
        load_vectors("area", "name", keys=("input",))


def test_the_loader_records_what_it_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "VECTORS", tmp_path)
    monkeypatch.setattr(vectors, "READ", set())
    (tmp_path / "area").mkdir()
    (tmp_path / "area" / "name.json").write_text(json.dumps({"source": _SOURCE, "tests": [_CASE]}))
    assert load_vectors("area", "name", keys=("input",)) == [_CASE]
    assert set(vectors.READ) == {"area/name"}


def test_extra_vectors_skips_without_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(vectors.EXTRA_VARIABLE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="not set"):
        extra_vectors("http", "x.json")


def test_extra_vectors_fails_on_a_missing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(vectors.EXTRA_VARIABLE, str(tmp_path))
    assert extra_vectors() == tmp_path
    with pytest.raises(pytest.fail.Exception, match="missing"):
        extra_vectors("http", "x.json")
