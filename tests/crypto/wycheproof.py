# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading Wycheproof files: every case, with its group, under SWS_EXTRA_VECTORS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.kit.vectors import extra_json

__all__ = ["cases"]


def cases(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(group, test) of `crypto/wycheproof/<name>.json`."""
    for group in extra_json("crypto", "wycheproof", f"{name}.json")["testGroups"]:
        for test in group["tests"]:
            yield group, test
