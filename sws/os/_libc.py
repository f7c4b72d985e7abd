# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The calls of the C library that `secretmem` makes, by ctypes.

memfd_secret(2) has no wrapper in the C library and goes by its number.  Addresses are numbers here: what is mapped is never an object of
Python that could be printed, pickled or given back by the garbage collector.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
from typing import Final, final

__all__ = ["LibcCalls"]

_FAILED: Final = ctypes.c_void_p(-1).value
_CLOEXEC: Final = 0o2000000
"""O_CLOEXEC of Linux on the architectures that have memfd_secret, which takes it as its flag."""


@final
class LibcCalls:
    """`secretmem.SystemCalls`, real.

    Args:
      memfd_secret:  the number of the system call; None where there is none.
    Raises: OSError, TypeError or AttributeError if the C library cannot be had or lacks a function.
    """

    def __init__(self, memfd_secret: int | None) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._number = memfd_secret
        self._syscall = library.syscall
        self._syscall.restype = ctypes.c_long
        self._mmap = library.mmap
        # off_t is a long where it goes through this function: 0 is all that is ever given
        self._mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
        self._mmap.restype = ctypes.c_void_p
        self._munmap, self._mlock, self._madvise = library.munmap, library.mlock, library.madvise
        self._munmap.argtypes = self._mlock.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
        self._madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)

    @staticmethod
    def _check(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result

    def memfd_secret(self) -> int:
        """A descriptor of secret memory, without a size yet."""
        if self._number is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        return self._check(self._syscall(ctypes.c_long(self._number), ctypes.c_uint(_CLOEXEC)))

    def map(self, descriptor: int, length: int) -> int:
        """The address of a shared mapping of a descriptor, or of a private anonymous one for −1."""
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS if descriptor < 0 else mmap.MAP_SHARED
        address: int | None = self._mmap(None, length, mmap.PROT_READ | mmap.PROT_WRITE, flags, descriptor, 0)
        if address is None or address == _FAILED:
            self._check(-1)
        assert address is not None
        return address

    def unmap(self, address: int, length: int) -> None:
        """Give a mapping back."""
        self._check(self._munmap(address, length))

    def lock(self, address: int, length: int) -> None:
        """mlock(2)."""
        self._check(self._mlock(address, length))

    def advise(self, address: int, length: int, advice: int) -> None:
        """madvise(2)."""
        self._check(self._madvise(address, length, advice))

    @staticmethod
    def write(address: int, octets: bytes | bytearray) -> None:
        """Copy into memory."""
        source = octets if isinstance(octets, bytes) else (ctypes.c_char * len(octets)).from_buffer(octets)
        ctypes.memmove(address, source, len(octets))

    @staticmethod
    def read_into(target: bytearray, address: int) -> None:
        """Copy out of memory, as many octets as the target has."""
        ctypes.memmove((ctypes.c_char * len(target)).from_buffer(target), address, len(target))
