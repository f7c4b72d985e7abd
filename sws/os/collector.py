# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PyPy's garbage collector, set for a server.

PyPy collects its old objects whenever the heap has grown by four fifths.  A server's heap is small and nearly all that it makes dies
young, but the little that is alive when the nursery is full counts as old: so some 30 MB of garbage make it walk through everything,
several times a second under load.  Measured: 5 to 10 % of the time of small requests, a third of that of bulk over TLS.  With `ROOM`
before the first walk that is nearly nothing; what it costs is memory, up to `ROOM` a worker.

PyPy takes this from its environment, and only when it starts; so it is started once more, in the same process.
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
