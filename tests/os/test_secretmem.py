# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Memory for private keys: on the kernel that is there, and on kernels that refuse one call after the other."""

from __future__ import annotations

import copy
import ctypes
import errno
import gc
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterable

import pytest

from sws.base.errors import UsageError
from sws.os import secretmem
from sws.os.secretmem import SecretBuffer, SystemCalls, available_kind, system_calls

SECRET = bytes(range(1, 101))
REAL = system_calls()
needs_libc = pytest.mark.skipif(REAL is None, reason="the C library cannot be called here")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/smaps"), reason="no /proc with smaps here")


class Kernel:
    """Memory of ctypes in the place of mappings; refuses the calls that it is told to, and remembers the others.

    Args:
      refuses:  names of calls; "map" refuses secret mappings, "map -1" anonymous ones, "advise 18" that advice.
    """

    def __init__(self, refuses: Iterable[str] = ()) -> None:
        self.refuses = set(refuses)
        self.calls: list[str] = []
        self.descriptors: list[int] = []
        self.mapped: dict[int, ctypes.Array[ctypes.c_char]] = {}
        self.left = b""

    def _say(self, call: str) -> None:
        self.calls.append(call)
        if call in self.refuses:
            raise OSError(errno.ENOSYS, call)

    def memfd_secret(self) -> int:
        self._say("memfd_secret")
        if "ftruncate" in self.refuses:
            self.descriptors.append(os.open(os.devnull, os.O_RDWR))
        else:
            with tempfile.TemporaryFile() as file:
                self.descriptors.append(os.dup(file.fileno()))
        return self.descriptors[-1]

    def map(self, descriptor: int, length: int) -> int:
        self._say("map -1" if descriptor < 0 else "map")
        if descriptor >= 0:
            assert os.fstat(descriptor).st_size == length
        memory = ctypes.create_string_buffer(length)
        self.mapped[ctypes.addressof(memory)] = memory
        return ctypes.addressof(memory)

    def unmap(self, address: int, length: int) -> None:
        self._say("unmap")
        memory = self.mapped.pop(address)
        assert len(memory) == length
        self.left = memory.raw

    def lock(self, address: int, length: int) -> None:
        self._say("lock")
        assert len(self.mapped[address]) == length

    def advise(self, address: int, length: int, advice: int) -> None:
        self._say(f"advise {advice}")
        assert len(self.mapped[address]) == length

    def write(self, address: int, octets: bytes | bytearray) -> None:
        self.mapped[address][: len(octets)] = bytes(octets)  # type: ignore[assignment]

    def read_into(self, target: bytearray, address: int) -> None:
        target[:] = self.mapped[address].raw[: len(target)]

    def open_descriptors(self) -> int:
        """How many of those given out were not closed."""
        count = 0
        for descriptor in self.descriptors:
            try:
                os.fstat(descriptor)
                count += 1
            except OSError:
                pass
        return count


LOCKED = ["map -1", "lock", *(["advise 16", "advise 18"] if sys.platform == "linux" else [])]


@pytest.mark.parametrize(
    ("refuses", "kind", "calls"),
    [
        ((), "memfd_secret", ["memfd_secret", "map", "advise 10"]),
        (("memfd_secret",), "locked", ["memfd_secret", *LOCKED]),
        (("ftruncate",), "locked", ["memfd_secret", *LOCKED]),
        (("map",), "locked", ["memfd_secret", "map", *LOCKED]),
        (("advise 10",), "locked", ["memfd_secret", "map", "advise 10", "unmap", *LOCKED]),
        (("memfd_secret", "map -1"), "plain", ["memfd_secret", "map -1"]),
        (("memfd_secret", "lock"), "plain", ["memfd_secret", "map -1", "lock", "unmap"]),
        pytest.param(
            ("memfd_secret", "advise 16"),
            "plain",
            ["memfd_secret", *LOCKED[:3], "unmap"],
            marks=pytest.mark.skipif(sys.platform != "linux", reason="advice is Linux's"),
        ),
        pytest.param(
            ("memfd_secret", "advise 18"),
            "plain",
            ["memfd_secret", *LOCKED, "unmap"],
            marks=pytest.mark.skipif(sys.platform != "linux", reason="advice is Linux's"),
        ),
    ],
)
def test_the_best_kind_that_works(refuses: tuple[str, ...], kind: str, calls: list[str]) -> None:
    kernel = Kernel(refuses)
    buffer = SecretBuffer(SECRET, kernel)
    assert (buffer.kind, kernel.calls) == (kind, calls)
    assert kernel.open_descriptors() == 0
    assert len(kernel.mapped) == (kind != "plain")
    with buffer.use() as octets:
        assert octets == SECRET
    assert octets == bytes(len(SECRET))
    with buffer.use() as octets:
        assert octets == SECRET  # only the copy was overwritten
    buffer.close()
    assert kernel.mapped == {}
    if kind != "plain":
        assert kernel.left.strip(b"\0") == b""  # wiped before it was given back
    with pytest.raises(UsageError, match="wiped"), buffer.use():
        pass
    buffer.close()
    assert available_kind(Kernel(refuses)) == kind


def test_a_copy_is_overwritten_when_the_block_fails() -> None:
    buffer = SecretBuffer(SECRET, Kernel())
    with pytest.raises(ZeroDivisionError), buffer.use() as octets:
        raise ZeroDivisionError
    assert octets == bytes(len(SECRET))
    buffer.close()


def test_plain_memory_is_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secretmem, "_known", [None])
    made: list[bytearray] = []
    wipe = secretmem._wipe_plain

    def seen(octets: bytearray, owner: int) -> None:
        made.append(octets)
        wipe(octets, owner)

    monkeypatch.setattr(secretmem, "_wipe_plain", seen)
    buffer = SecretBuffer(SECRET)
    assert buffer.kind == available_kind() == "plain"
    with buffer.use() as octets:
        assert octets == SECRET
    made.clear()
    buffer.close()
    assert made == [bytearray(len(SECRET))]


@pytest.mark.parametrize("refuses", [(), ("memfd_secret",), ("memfd_secret", "lock")])
def test_wiped_when_nobody_has_it(refuses: tuple[str, ...]) -> None:
    kernel = Kernel(refuses)
    buffer = SecretBuffer(SECRET, kernel)
    del buffer
    gc.collect()
    assert kernel.mapped == {}


def test_larger_than_a_page() -> None:
    kernel = Kernel()
    secret = bytes(range(256)) * 33
    buffer = SecretBuffer(bytearray(secret), kernel)
    assert [len(memory) % 4096 for memory in kernel.mapped.values()] == [0]
    with buffer.use() as octets:
        assert octets == secret
    buffer.close()
    assert kernel.left == bytes(len(kernel.left))


def test_content_is_not_shown_copied_or_pickled() -> None:
    for kernel in (Kernel(), Kernel(("memfd_secret", "map -1"))):
        buffer = SecretBuffer(SECRET, kernel)
        assert repr(buffer) == f"SecretBuffer(100 octets, {buffer.kind})"
        assert len(buffer) == 100
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(UsageError):
                attempt(buffer)
        buffer.close()
    with pytest.raises(UsageError):
        SecretBuffer(b"", Kernel())


@pytest.mark.parametrize("refuses", [(), ("memfd_secret",), ("memfd_secret", "lock")])
def test_another_process_neither_uses_nor_wipes(refuses: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(refuses)
    buffer, second = SecretBuffer(SECRET, kernel), SecretBuffer(SECRET, kernel)
    held = list(kernel.mapped)
    with monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: 1)
        with pytest.raises(UsageError, match="another process"), buffer.use():
            pass
        second.close()
        assert list(kernel.mapped) == held
        assert all(memory.raw.startswith(SECRET) for memory in kernel.mapped.values())
    with buffer.use() as octets:
        assert octets == SECRET
    buffer.close()


# --- real kernels ---------------------------------------------------------------------------------------------------------


class Without:
    """The real calls but for memfd_secret, so that the second kind is met where the first is there too."""

    def __init__(self, real: SystemCalls) -> None:
        self._real = real
        for name in ("map", "unmap", "lock", "advise", "write", "read_into"):
            setattr(self, name, getattr(real, name))

    def memfd_secret(self) -> int:
        raise OSError(errno.ENOSYS, "not here")

    def __getattr__(self, name: str) -> object:
        raise AttributeError(name)


def kernels() -> list[tuple[str, SystemCalls]]:
    found: list[tuple[str, SystemCalls]] = []
    if REAL is not None:
        without: SystemCalls = Without(REAL)  # type: ignore[assignment]
        found = [(kind, calls) for kind, calls in (("memfd_secret", REAL), ("locked", without)) if available_kind(calls) == kind]
    return found


def flags_at(address: int) -> set[str]:
    """VmFlags of the mapping there; "" for none."""
    inside = False
    with open("/proc/self/smaps", encoding="ascii") as file:
        for line in file:
            head = line.split()[0]
            if "-" in head and not head.endswith(":"):
                first, last = (int(part, 16) for part in head.split("-"))
                inside = first <= address < last
            elif inside and line.startswith("VmFlags:"):
                return set(line.split()[1:])
    return set()


@needs_libc
def test_there_is_a_real_kind() -> None:
    """Whatever else the kernel refuses, one page of locked memory is there; where not even that is, the tests below test nothing."""
    assert kernels()


@pytest.mark.parametrize(("kind", "calls"), kernels(), ids=lambda value: value if isinstance(value, str) else "")
@needs_proc
def test_real_memory(kind: str, calls: SystemCalls) -> None:
    buffer = SecretBuffer(SECRET, calls)
    address = buffer._address
    assert flags_at(address) >= {"memfd_secret": {"sh", "lo", "dd", "dc"}, "locked": {"lo", "dd", "wf"}}[kind]
    with buffer.use() as octets:
        assert octets == SECRET
    with open("/proc/self/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        if kind == "memfd_secret":
            with pytest.raises(OSError):
                memory.read(len(SECRET))
        else:
            assert memory.read(len(SECRET)) == SECRET
    assert not any("secretmem" in os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if _is_there(name))
    buffer.close()
    assert not flags_at(address) & {"dc", "wf"}


def _is_there(name: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{name}")


@needs_fork
@pytest.mark.parametrize(("kind", "calls"), kernels(), ids=lambda value: value if isinstance(value, str) else "")
def test_real_children(kind: str, calls: SystemCalls) -> None:
    """A child has no key, and its closing does not take the parent's."""
    buffer = SecretBuffer(SECRET, calls)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with buffer.use():
                pass
        except UsageError:
            buffer.close()
            if kind == "memfd_secret":
                code = int("dc" in flags_at(buffer._address))
            else:
                seen = bytearray(len(SECRET))
                calls.read_into(seen, buffer._address)
                code = int(sys.platform == "linux" and any(seen))
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with buffer.use() as octets:
        assert octets == SECRET
    buffer.close()


@needs_libc
@pytest.mark.skipif(sys.platform != "linux", reason="limits of locked memory are tried on Linux")
def test_where_the_limit_of_locked_memory_is_reached() -> None:
    """One page may be locked, and CAP_IPC_LOCK is given up: the second buffer is plain, and works."""
    script = (
        "import ctypes, resource, sys\n"
        "from sws.os.secretmem import SecretBuffer, available_kind\n"
        "available_kind()\n"  # imports what nobody may not read
        "libc = ctypes.CDLL(None)\n"
        "libc.setresuid(65534, 65534, 65534)\n"
        "page = resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_MEMLOCK, (page, page))\n"
        "buffers = [SecretBuffer(b'secret'), SecretBuffer(b'secret')]\n"
        "with buffers[1].use() as octets:\n"
        "    assert octets == b'secret'\n"
        "print(*[buffer.kind for buffer in buffers])\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment).stdout
    assert output.split()[0] in ("memfd_secret", "locked")
    assert output.split()[1] == "plain"


@needs_libc
def test_an_architecture_without_a_number() -> None:
    from sws.os._libc import LibcCalls

    with pytest.raises(OSError) as caught:
        LibcCalls(None).memfd_secret()
    assert caught.value.errno == errno.ENOSYS
    calls = LibcCalls(None)
    assert SecretBuffer(SECRET, calls).kind in ("locked", "plain")
    with pytest.raises(OSError):
        calls.map(-1, 0)


def test_the_real_calls_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[SystemCalls | None] = []
    monkeypatch.setattr(secretmem, "_known", [])
    monkeypatch.setattr(secretmem, "system_calls", lambda: looked.append(None))
    assert [SecretBuffer(SECRET).kind for _ in range(2)] == ["plain", "plain"]
    assert looked == [None]


def test_where_the_c_library_cannot_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sws.os._libc", None)
    assert system_calls() is None
