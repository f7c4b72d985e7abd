# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which implementation of each primitive is used: chosen once, when the primitive's module is imported.

    kind      ref       the readable twin, in specification order
              lanes     big-integer lanes: many words in one Python integer (CPython)
              scalar    unrolled code on machine-sized integers (PyPy)
              compiled  the same, of which mypyc made machine code when this was installed
              stdlib    the standard library has this very primitive (hashlib)

    SWS_KERNELS=auto    the first one that is usable here, in the order that the primitive's module prefers
                pure    not `stdlib`
                ct      not `stdlib`, and none that indexes memory by a secret
                ref     the readable twin

A primitive's module lists its kernels in order of preference with `choose`, and takes its functions from what comes back:

    _kernel = choose("chacha20", [Kernel("lanes", load_lanes), Kernel("scalar", load_scalar), Kernel("ref", load_ref)])

`load` imports and returns the implementation, so a kernel that is not chosen is never imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Final, Generic, NamedTuple, TypeVar

from sws.base.errors import UsageError
from sws.crypto.system import wanted_kernels

__all__ = ["IS_PYPY", "MODES", "Kernel", "check_mode", "choose", "is_compiled", "kernels_in_use", "together"]

T = TypeVar("T")

MODES: Final = ("auto", "pure", "ct", "ref")
IS_PYPY: Final = sys.implementation.name == "pypy"

_in_use: dict[str, str] = {}


class Kernel(NamedTuple, Generic[T]):
    """One implementation of a primitive.

    Attributes:
      kind:            see above.
      load:            imports and returns it.
      secret_indexed:  it reads tables at places that depend on secrets.
      usable:          False where it does not work, or is known to be slower than the next.
    """

    kind: str
    load: Callable[[], T]
    secret_indexed: bool = False
    usable: bool = True


def is_compiled(module: str) -> bool:
    """Whether a module was compiled when this was installed (SWS_MYPYC=1, see setup.py) and can be used; it is not imported."""
    if IS_PYPY:
        return False
    package = module.rpartition(".")[0]
    found = PathFinder.find_spec(module, import_module(package).__path__ if package else None)
    if found is None or found.origin is None or found.origin.endswith(".py"):
        return False
    return PathFinder.find_spec("librt") is not None


def check_mode(mode: str) -> str:
    """The mode.  Raises: UsageError if it is none."""
    if mode not in MODES:
        raise UsageError(f"SWS_KERNELS is {mode!r}, not one of {', '.join(MODES)}")
    return mode


def choose(primitive: str, kernels: Sequence[Kernel[T]], mode: str | None = None) -> T:
    """The implementation to use.

    Args:
      kernels:  in order of preference; the last one is the readable twin, which always works.
      mode:     None takes the operator's.
    Raises: UsageError for a mode that is none.
    """
    wanted = check_mode(wanted_kernels() if mode is None else mode)
    for kernel in kernels:
        if _is_allowed(kernel, wanted):
            if mode is None:
                _in_use[primitive] = kernel.kind
            return kernel.load()
    raise UsageError(f"{primitive} has no kernel for SWS_KERNELS={wanted}")


def _is_allowed(kernel: Kernel[T], mode: str) -> bool:
    if mode == "ref":
        return kernel.kind == "ref"
    if not kernel.usable or (mode in ("pure", "ct") and kernel.kind == "stdlib"):
        return False
    return not (mode == "ct" and kernel.secret_indexed)


def together(primitives: Sequence[str], kind: str, load: Callable[[], T]) -> T | None:
    """What does the work of several primitives at once, where each of them uses its kernel of that kind; else None."""
    return load() if all(_in_use.get(primitive) == kind for primitive in primitives) else None


def kernels_in_use() -> dict[str, str]:
    """Primitive -> kind, of those imported so far."""
    return dict(sorted(_in_use.items()))
