# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading test vectors: our own under `vectors/`, third-party sets under the folder that SWS_EXTRA_VECTORS names.

A file of ours is `{"source": {"rfc", "section"}, "tests": [{"id", "comment", …inputs…, "result"}]}`; octets are lower-case hex.
Call `load_vectors` with literal area and name: `tests/test_vectors_read.py` finds the calls in the sources, and a vector file that
no call names is a failure.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

__all__ = ["EXTRA_VARIABLE", "READ", "VECTORS", "extra_json", "extra_vectors", "load_vectors"]

VECTORS: Final = Path(__file__).resolve().parents[2] / "vectors"
EXTRA_VARIABLE: Final = "SWS_EXTRA_VECTORS"
READ: Final[set[str]] = set()
"""The files of ours that this process has read, as `area/name`."""

_FRAME: Final = frozenset(("id", "comment", "result"))


def load_vectors(area: str, name: str, keys: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The tests of `vectors/<area>/<name>.json`.

    Args:
      area, name:  literals in the calling source.
      keys:        the inputs of every test, beside `id`, `comment` and `result`; a test may leave none out and have no others.
    Returns: the tests as they stand in the file.
    Raises:  ValueError for a file that is not in the form above, an unknown or missing key, or an id used twice.
    """
    path = VECTORS / area / f"{name}.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    if set(document) != {"source", "tests"} or set(document["source"]) != {"rfc", "section"}:
        raise ValueError(f"{area}/{name}: a vector file has source (rfc, section) and tests, nothing else")
    wanted = _FRAME | set(keys)
    tests: list[dict[str, Any]] = document["tests"]
    seen: set[str] = set()
    for test in tests:
        if set(test) != wanted:
            raise ValueError(f"{area}/{name} {test.get('id')}: unknown or missing keys {sorted(set(test) ^ wanted)}")
        if test["id"] in seen:
            raise ValueError(f"{area}/{name}: the id {test['id']} is used twice")
        seen.add(test["id"])
    if not tests:
        raise ValueError(f"{area}/{name}: no tests")
    READ.add(f"{area}/{name}")
    return tests


def extra_vectors(*parts: str) -> Path:
    """The path of a third-party file or folder; skips the test without SWS_EXTRA_VECTORS, fails it if the path is missing there."""
    root = os.environ.get(EXTRA_VARIABLE)
    if not root:
        pytest.skip(f"{EXTRA_VARIABLE} is not set: {'/'.join(parts)} not run")
    path = Path(root, *parts)
    if not path.exists():
        pytest.fail(f"{EXTRA_VARIABLE} is set, but {'/'.join(parts)} is missing there")
    return path


def extra_json(*parts: str) -> Any:
    """The content of a third-party JSON file, found as `extra_vectors` does; lone surrogates are kept."""
    return json.loads(extra_vectors(*parts).read_text(encoding="utf-8"))
