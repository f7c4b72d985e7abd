# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PyPy, set for a server: its garbage collector, and why not its compiler.

Collector.  PyPy collects its old objects whenever the heap has grown by four fifths.  A server's heap is small and nearly all that it makes
dies young, but the little that is alive when the nursery is full counts as old: so some 30 MB of garbage make it walk through everything,
several times a second under load.  Measured: 5 to 10 % of the time of small requests, a third of that of bulk over TLS.  With `ROOM`
before the first walk that is nearly nothing; what it costs is memory, up to `ROOM` a worker.  PyPy takes this from its environment, when it
starts and not later; so it is started once more, in the same process.

Compiler.  It is left as it is.  PyPy compiles what has run often, but makes its counters fade with each collection of the nursery, so that
only what runs often *in a short time* is ever compiled.  What a server does once for a connection runs a few times between two collections,
and is interpreted for ever: a handshake of HTTP/3 took 5.5 ms after 13,000 of them.  With counters that do not fade (`--jit decay=0`) it
takes 3.5 ms after 7000 and 3.0 ms after 10,000, requests and bulk are as quick as before; a nursery of 128 MB,
which is collected less often, brought one run there and another not.  But PyPy 7.3.19 aborted in 7 of 70 runs of tests with that, and in
none of 22 without, by an assertion in `_opimpl_getfield_gc_any_pureornot`.  Others met that without any option, where it is traced to what
a signal sets in the middle of a trace, and it is open (PyPy's issues 4946 and 5293); who has more compiled meets it more often.  So it is
for whoever starts PyPy to say.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, MutableMapping
from typing import Final

__all__ = ["ROOM", "start_again"]

ROOM: Final = "256MB"
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
