# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Writes every generated kernel: `python -m sws.crypto.kernels.generate`, or with `--check` says which are not what their emitter writes.

An emitter is a module `emit_<name>` beside this one with `TARGET`, the file that it writes, and `source()`, its text.  What is emitted is
committed, so that it can be read, and typed, so that mypyc can make C of it; `tests/crypto/test_generated.py` holds the two together.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["emitters", "stale"]

_HERE = Path(__file__).resolve().parent


def emitters() -> list[ModuleType]:
    """All modules that write a kernel, by name."""
    return [importlib.import_module(f"sws.crypto.kernels.{path.stem}") for path in sorted(_HERE.glob("emit_*.py"))]


def stale() -> list[str]:
    """The files that are not what their emitter writes."""
    found = []
    for emitter in emitters():
        path = _HERE / emitter.TARGET
        if not path.exists() or path.read_text(encoding="utf-8") != emitter.source():
            found.append(emitter.TARGET)
    return found


def main(arguments: list[str]) -> int:
    """The command."""
    if arguments == ["--check"]:
        for name in stale():
            sys.stderr.write(f"{name} is not what its emitter writes\n")
        return 1 if stale() else 0
    for emitter in emitters():
        (_HERE / emitter.TARGET).write_text(emitter.source(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
