# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PyPy, set for a server: its garbage collector and its compiler.

Collector.  PyPy collects its old objects whenever the heap has grown by four fifths.  A server's heap is small and nearly all that it makes
dies young, but the little that is alive when the nursery is full counts as old: so some 30 MB of garbage make it walk through everything,
several times a second under load.  Measured: 5 to 10 % of the time of small requests, a third of that of bulk over TLS.  With `ROOM`
before the first walk that is nearly nothing; what it costs is memory, up to `ROOM` a worker.  PyPy takes this from its environment, when it
starts and not later; so it is started once more, in the same process.

Compiler.  PyPy compiles what has run often, but makes its counters fade with each collection of the nursery, so that only what runs often
*in a short time* is ever compiled.  What a server does once for a connection runs a few times between two collections: its counters never
get far, and it is interpreted for ever.  Measured: a handshake of HTTP/3 took 5.5 ms after 13,000 of them, and with counters that do not
fade 3.5 ms after 7000 and 3.0 ms after 10,000; small requests and bulk are as quick as before.  Half of PyPy's thresholds halve the way to
there, but compile so much that is rare that small requests take a third longer for good.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, MutableMapping
from importlib import import_module
from typing import Final

__all__ = ["COMPILER", "ROOM", "compile_what_is_rare", "start_again"]

ROOM: Final = "256MB"
COMPILER: Final = "decay=0"
_SETTING: Final = "PYPY_GC_MIN"


def start_again(
    environment: MutableMapping[str, str] = os.environ,
    replace: Callable[[str, list[str]], object] = os.execv,
    implementation: str = sys.implementation.name,
) -> None:
    """Replace this process by the same with the collector set, unless the environment says something about it, or this is no PyPy.

    Descriptors, working directory and process number stay; call it before there is anything else to lose.
    """
    if implementation != "pypy" or _SETTING in environment or os.name != "posix":
        return
    environment[_SETTING] = ROOM
    replace(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def compile_what_is_rare() -> None:
    """Set PyPy's compiler, in this process and those that it forks, unless the command line did; elsewhere nothing happens."""
    try:
        jit = import_module("pypyjit")
    except ImportError:
        return
    if "--jit" not in sys.orig_argv:
        jit.set_param(COMPILER)
