# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What cryptography takes from the system when nobody hands it in: entropy, the operator's choice of kernels, patience of PyPy's JIT.

Everything else in `sws.crypto` is a function of its arguments; this is the one file there that may import `os`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Final, TypeAlias

__all__ = ["Entropy", "allow_long_loops", "system_entropy", "wanted_kernels"]

Entropy: TypeAlias = Callable[[int], bytes]
"""Gives as many octets as it is asked for, fit for keys."""

system_entropy: Final[Entropy] = os.urandom


def wanted_kernels() -> str:
    """The value of SWS_KERNELS, `auto` if it is not set."""
    return os.environ.get("SWS_KERNELS", "auto")


def allow_long_loops() -> None:
    """PyPy's JIT gives up on loops of more than 6000 operations, or cuts them in pieces that never come together again.

    All rounds of ChaCha20 written out are some 20000 as it counts them, before it drops most.  Measured over a first transfer of 64 MiB by
    QUIC: half the processor time; SHA-256 gains four tenths.  Elsewhere nothing happens.
    """
    try:
        jit = import_module("pypyjit")
    except ImportError:
        return
    jit.set_param("trace_limit=40000")
