# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Memory for private keys: out of reach of other processes, of core dumps and of the swap file, as far as the system has such.

    kind            what it is                                      where it does not go
    memfd_secret    pages out of the kernel's map, memfd_secret(2)  swap, core dumps, /proc/PID/mem, ptrace, the kernel's own reads
    locked          anonymous pages, mlock(2), MADV_DONTDUMP        swap, core dumps
    plain           an object of Python                             -

The best kind that works is taken when a buffer is made; which one it is stands in `kind`.  memfd_secret needs Linux 5.14, and until 6.5
`secretmem.enable=1` at boot.  Both kinds count against RLIMIT_MEMLOCK, one page at least for every buffer; where the limit is reached
the next kind is taken.

Forked processes.  A buffer belongs to the process that made it: `use` refuses elsewhere, and only its maker wipes it, for pages of
memfd_secret are shared after a fork, and a child that wiped would wipe its parent's key.  A child has nothing to read either: the
kernel leaves secret pages out of it (MADV_DONTFORK), and locked ones are zero there (MADV_WIPEONFORK, which secret pages do not take).
Workers lose nothing by that, they read their keys after the fork.

Known limitation: what `use` hands out is a copy in plain memory, for as long as the block runs; and Python makes further ones of it
that nobody can wipe.  docs/keys-in-memory.rst says which.
"""

from __future__ import annotations

import mmap
import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn, Protocol, final

from sws.base.errors import UsageError

__all__ = ["SYSCALL_NUMBERS", "SecretBuffer", "SystemCalls", "available_kind", "system_calls"]

SYSCALL_NUMBERS: Final = {"x86_64": 447, "i686": 447, "aarch64": 447, "riscv64": 447, "riscv32": 447, "loongarch64": 447}
"""memfd_secret by the names that uname has for architectures; those that joined Linux's common numbering have one and the same."""
_IS_LINUX: Final = sys.platform == "linux"
_DONTFORK: Final = 10
_DONTDUMP: Final = 16
_WIPEONFORK: Final = 18
"""madvise(2) of Linux, include/uapi/asm-generic/mman-common.h; the `mmap` module has not all of them."""


class SystemCalls(Protocol):
    """What is asked of the system.  Each raises OSError if the system does not do it."""

    def memfd_secret(self) -> int:
        """A descriptor of secret memory, without a size yet."""

    def map(self, descriptor: int, length: int) -> int:
        """The address of a shared mapping of a descriptor, or of a private anonymous one for −1."""

    def unmap(self, address: int, length: int) -> None:
        """Give a mapping back."""

    def lock(self, address: int, length: int) -> None:
        """mlock(2)."""

    def advise(self, address: int, length: int, advice: int) -> None:
        """madvise(2)."""

    def write(self, address: int, octets: bytes | bytearray) -> None:
        """Copy into memory."""

    def read_into(self, target: bytearray, address: int) -> None:
        """Copy out of memory, as many octets as the target has."""


def system_calls() -> SystemCalls | None:
    """Those of the C library; None where Python cannot call it."""
    try:
        from sws.os._libc import LibcCalls

        return LibcCalls(SYSCALL_NUMBERS.get(os.uname().machine) if _IS_LINUX else None)
    except (ImportError, AttributeError, OSError, TypeError):
        return None


@final
class SecretBuffer:
    """Octets that are secret.

    Attributes:
      kind:  "memfd_secret", "locked" or "plain".

    Wiped by `close`, when nothing refers to the buffer any more, and at the end of the interpreter.  Its content is not in `repr`, and it
    is neither compared, pickled nor copied.
    """

    __slots__ = ("__weakref__", "_address", "_calls", "_octets", "_owner", "_plain", "_release", "kind")

    def __init__(self, octets: bytes | bytearray, calls: SystemCalls | None = None) -> None:
        """Args:
          octets:  copied, at least one; SECRET.  Wiping this argument is the caller's.
          calls:   of the system; None: the real ones.
        Raises: UsageError for no octets.
        """
        if not octets:
            raise UsageError("a secret without octets")
        self._octets: Final = len(octets)
        self._owner: Final = os.getpid()
        self._calls = _real_calls() if calls is None else calls
        self._plain = bytearray()
        self.kind, self._address = _mapped(self._calls, self._octets)
        if self._calls is None or not self._address:
            self._plain = bytearray(octets)
            self._release: weakref.finalize[..., SecretBuffer] = weakref.finalize(self, _wipe_plain, self._plain, self._owner)
        else:
            self._calls.write(self._address, octets)
            self._release = weakref.finalize(self, _wipe, self._calls, self._address, self._octets, self._owner)

    @contextmanager
    def use(self) -> Iterator[bytearray]:
        """A copy, which is overwritten when the block ends: `with buffer.use() as octets`.

        Raises: UsageError after `close`, and in a process that did not make the buffer.
        """
        if not self._release.alive:
            raise UsageError("a secret that was wiped")
        if os.getpid() != self._owner:
            raise UsageError("a secret of another process")
        copy = bytearray(self._octets)
        try:
            if self._calls is not None and self._address:
                self._calls.read_into(copy, self._address)
            else:
                copy[:] = self._plain
            yield copy
        finally:
            copy[:] = bytes(len(copy))

    def close(self) -> None:
        """Wipe and give back; more than once does no harm."""
        self._release()

    def __len__(self) -> int:
        return self._octets

    def __repr__(self) -> str:
        return f"SecretBuffer({self._octets} octets, {self.kind})"

    def __reduce__(self) -> NoReturn:
        raise UsageError("a secret is not copied")


def available_kind(calls: SystemCalls | None = None) -> str:
    """The kind that a buffer made now has."""
    probe = SecretBuffer(b"\x00", calls)
    probe.close()
    return probe.kind


# --- getting and giving back ----------------------------------------------------------------------------------------------

_known: list[SystemCalls | None] = []


def _real_calls() -> SystemCalls | None:
    if not _known:
        _known.append(system_calls())
    return _known[0]


def _pages(octets: int) -> int:
    return -(-octets // mmap.PAGESIZE) * mmap.PAGESIZE


def _mapped(calls: SystemCalls | None, octets: int) -> tuple[str, int]:
    """The best kind that works, and its address; 0 for plain memory."""
    if calls is not None:
        for kind, attempt in (("memfd_secret", _map_secret), ("locked", _map_locked)):
            try:
                return kind, attempt(calls, _pages(octets))
            except OSError:
                continue
    return "plain", 0


def _map_secret(calls: SystemCalls, length: int) -> int:
    """The descriptor is closed at once: whoever can have it can have the memory."""
    descriptor = calls.memfd_secret()
    try:
        os.ftruncate(descriptor, length)
        address = calls.map(descriptor, length)
    finally:
        os.close(descriptor)
    return _guarded(calls, address, length, (_DONTFORK,))


def _map_locked(calls: SystemCalls, length: int) -> int:
    address = calls.map(-1, length)
    try:
        calls.lock(address, length)
    except OSError:
        calls.unmap(address, length)
        raise
    return _guarded(calls, address, length, (_DONTDUMP, _WIPEONFORK) if _IS_LINUX else ())


def _guarded(calls: SystemCalls, address: int, length: int, advices: tuple[int, ...]) -> int:
    try:
        for advice in advices:
            calls.advise(address, length, advice)
    except OSError:
        calls.unmap(address, length)
        raise
    return address


def _wipe(calls: SystemCalls, address: int, octets: int, owner: int) -> None:
    """Nothing in a child: there the pages are not, or something else may be at their place."""
    if os.getpid() == owner:
        calls.write(address, bytes(octets))
        calls.unmap(address, _pages(octets))


def _wipe_plain(octets: bytearray, owner: int) -> None:
    if os.getpid() == owner:
        octets[:] = bytes(len(octets))
