# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who may import whom: the one allow-table, enforced by walking every module's syntax tree.

A package may import from the lower floors and along the edges named for its own floor.  Change the table in the same commit as the design.
"""

from __future__ import annotations

import ast
import pathlib

import pytest

SOURCE = pathlib.Path(__file__).parent.parent / "sws"

FLOOR = {
    "base": 0,
    "crypto": 1,
    "coding": 1,
    "vm": 1,
    "proto": 2,
    "os": 2,
    "net": 3,
    "exchange": 3,
    "config": 3,
    "observe": 3,
    "security": 4,
    "handlers": 4,
    "server": 5,
    "conform": 6,
    "cli": 7,
}

#: On the same floor: importer -> what it may import.
SAME_FLOOR = {
    "net": {"exchange", "observe"},
    "exchange": {"config", "observe"},
}

#: Inside proto: importer -> what it may import.
PROTO = {
    "dns": set(),
    "http": set(),
    "http1": {"http"},
    "hpack": set(),
    "h2": {"http", "hpack"},
    "qpack": {"hpack"},
    "h3": {"http", "qpack", "quic"},
    "tls": set(),
    "quic": {"tls"},
    "websocket": {"http"},
}

#: Floors without time, entropy, threads or I/O: these are arguments there.
PURE = {"base", "crypto", "coding", "vm", "proto"}
IMPURE_MODULES = {"socket", "selectors", "select", "time", "random", "threading", "logging", "asyncio", "ssl", "os", "secrets"}

#: The one file of a pure floor that takes from the system what nobody handed in.
FROM_THE_SYSTEM = ("crypto", "system")

RUN_TIME_PACKAGES = {"yaml": {"config"}, "click": {"cli"}}


def modules() -> list[pathlib.Path]:
    """Every source file of a room."""
    return sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE)


def imports(path: pathlib.Path) -> set[str]:
    """Dotted names of all modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            if node.module == "sws":
                found.update(f"sws.{alias.name}" for alias in node.names)
    return found


def problem(importer: tuple[str, ...], imported: str) -> str | None:
    """Why the import is not allowed, or None."""
    room = importer[0]
    parts = imported.split(".")
    if parts[0] != "sws":
        if room in PURE and parts[0] in IMPURE_MODULES and importer != FROM_THE_SYSTEM:
            return f"{parts[0]} does not belong into {room}"
        if parts[0] in RUN_TIME_PACKAGES and room not in RUN_TIME_PACKAGES[parts[0]]:
            return f"{parts[0]} is for {RUN_TIME_PACKAGES[parts[0]]} only"
        return None
    if len(parts) == 1 or parts[1] in ("_version", "__version__"):
        return None
    target = parts[1]
    if target not in FLOOR:
        return f"{target} has no floor"
    if target == room:
        if room == "proto" and len(parts) > 2 and parts[2] != importer[1] and parts[2] not in PROTO[importer[1]]:
            return f"proto/{importer[1]} may not import proto/{parts[2]}"
        if (
            room == "handlers"
            and len(importer) > 1
            and len(parts) > 2
            and parts[2] not in ("listing", "hotfiles", "fileresponse", importer[1])
        ):
            return "handlers do not import each other"
        return None
    if {room, target} == {"proto", "os"}:
        return "proto and os never meet"
    if FLOOR[target] < FLOOR[room] or target in SAME_FLOOR.get(room, set()):
        return None
    return f"{room} (floor {FLOOR[room]}) may not import {target} (floor {FLOOR[target]})"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path: pathlib.Path) -> None:
    relative = path.relative_to(SOURCE).with_suffix("").parts
    problems = [text for name in sorted(imports(path)) if (text := problem(relative, name))]
    assert problems == []


def test_every_room_has_a_floor() -> None:
    assert {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"} <= set(FLOOR)


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        (("proto", "http1", "server"), "sws.os.loop", False),
        (("os", "loop"), "sws.proto.http", False),
        (("base", "errors"), "sws.crypto.aead", False),
        (("proto", "tls", "x"), "time", False),
        (("crypto", "x25519"), "os", False),
        (("crypto", "system"), "os", True),
        (("proto", "http", "x"), "sws.proto.http1", False),
        (("observe", "x"), "sws.net.driver", False),
        (("server", "x"), "yaml", False),
        (("net", "x"), "sws.exchange.exchange", True),
        (("cli", "x"), "sws.server.master", True),
    ],
)
def test_the_table_itself(importer: tuple[str, ...], imported: str, allowed: bool) -> None:
    assert (problem(importer, imported) is None) is allowed


def test_no_module_shadows_the_standard_library_at_top_level() -> None:
    import sys

    top = {path.stem for path in SOURCE.glob("*.py")} - {"__init__", "__main__"}
    assert not top & sys.stdlib_module_names


def test_every_source_file_says_its_licence() -> None:
    root = SOURCE.parent
    files = [path for folder in ("sws", "tests", "bench", "docs", "man") for path in (root / folder).rglob("*.py")]
    line = "# SPDX-License-Identifier: Apache-2.0 OR MIT"
    assert [str(path) for path in files if not path.read_text(encoding="utf-8").startswith(line)] == []
