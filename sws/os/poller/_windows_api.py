# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Windows kernel as `iocp.WindowsApi`, by ctypes.  Never run on a real kernel yet; only the structures' layout is tested.

Facts beside those in `iocp`:

- \\Device\\Afd is opened by NtCreateFile (CreateFile cannot name it); what follows the name is free.  A handle opened so is a
  helper, it carries poll operations for any socket.  The kernel keeps a helper's operations in a list and walks it, so
  helpers are shared by a bounded number of operations only.
- NtDeviceIoControlFile's ApcContext comes back as the packet's lpOverlapped.  It is opaque to the kernel, so it is our key;
  NULL would mean "no packet".  STATUS_SUCCESS and STATUS_PENDING both end in a packet.
- IO_STATUS_BLOCK and AFD_POLL_INFO are written by the kernel at completion: an operation's memory is kept in `_operations`
  until its packet was taken from the port, also by close().
- Without FILE_SKIP_SET_EVENT_ON_HANDLE each completion signals the helper's event for nobody.
- TransmitFile reports to the port that its socket was associated with.  Associating once more is ERROR_INVALID_PARAMETER, and asking
  is cheaper than knowing: a handle's number says nothing once its socket was closed.  Python's send and recv carry no OVERLAPPED and
  so never complete there.  The packet has the OVERLAPPED's address, and the key of the association, which tells it from a poll's.
- ULONG and NTSTATUS have 32 bits, handles and ULONG_PTR those of a pointer, whatever C's `long` is where ctypes runs; hence
  the fixed-width types.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Final, final

from sws.os.poller.base import PollerUnavailable
from sws.os.poller.transfers import FAILED

__all__ = ["NativeWindowsApi", "native_windows_api"]

_IOCTL_AFD_POLL: Final = 0x0001_2024
_SIO_BASE_HANDLE: Final = 0x4800_0022
_SIO_BSP_HANDLE_POLL: Final = 0x4800_001D
_AFD_NAME: Final = "\\Device\\Afd\\Sws"
_SYNCHRONIZE: Final = 0x0010_0000
_FILE_SHARE_READ_WRITE: Final = 3
_FILE_OPEN: Final = 1
_FILE_SKIP_SET_EVENT_ON_HANDLE: Final = 2
_INVALID_HANDLE: Final = ctypes.c_void_p(-1).value or 0
_INFINITE: Final = 0xFFFF_FFFF
_NO_TIMEOUT: Final = (1 << 63) - 1
_WAIT_TIMEOUT: Final = 258
_INVALID_PARAMETER: Final = 87
_IO_PENDING: Final = 997
_POLLS: Final = 0  # keys of associations; a wake-up bears the former
_SENDINGS: Final = 1
_STATUS_PENDING: Final = 0x103
_STATUS_NOT_FOUND: Final = 0xC000_0225
_BATCH: Final = 256
_OPERATIONS_PER_HELPER: Final = 500


class UnicodeString(ctypes.Structure):
    """UNICODE_STRING; the lengths are octets."""

    _fields_ = [("Length", ctypes.c_uint16), ("MaximumLength", ctypes.c_uint16), ("Buffer", ctypes.c_void_p)]


class ObjectAttributes(ctypes.Structure):
    """OBJECT_ATTRIBUTES."""

    _fields_ = [
        ("Length", ctypes.c_uint32),
        ("RootDirectory", ctypes.c_void_p),
        ("ObjectName", ctypes.c_void_p),
        ("Attributes", ctypes.c_uint32),
        ("SecurityDescriptor", ctypes.c_void_p),
        ("SecurityQualityOfService", ctypes.c_void_p),
    ]


class IoStatusBlock(ctypes.Structure):
    """IO_STATUS_BLOCK; Status shares its place with a pointer."""

    _fields_ = [("Status", ctypes.c_size_t), ("Information", ctypes.c_size_t)]


class AfdPollHandleInfo(ctypes.Structure):
    """AFD_POLL_HANDLE_INFO."""

    _fields_ = [("Handle", ctypes.c_void_p), ("Events", ctypes.c_uint32), ("Status", ctypes.c_int32)]


class AfdPollInfo(ctypes.Structure):
    """AFD_POLL_INFO for one socket."""

    _fields_ = [
        ("Timeout", ctypes.c_int64),
        ("NumberOfHandles", ctypes.c_uint32),
        ("Exclusive", ctypes.c_uint32),
        ("Handles", AfdPollHandleInfo * 1),
    ]


class OverlappedEntry(ctypes.Structure):
    """OVERLAPPED_ENTRY."""

    _fields_ = [
        ("CompletionKey", ctypes.c_size_t),
        ("Overlapped", ctypes.c_size_t),
        ("Internal", ctypes.c_size_t),
        ("NumberOfBytesTransferred", ctypes.c_uint32),
    ]


class Overlapped(ctypes.Structure):
    """OVERLAPPED with the offset written out."""

    _fields_ = [
        ("Internal", ctypes.c_size_t),
        ("InternalHigh", ctypes.c_size_t),
        ("Offset", ctypes.c_uint32),
        ("OffsetHigh", ctypes.c_uint32),
        ("hEvent", ctypes.c_void_p),
    ]


class _Helper:
    """A handle of AFD and the number of operations that it carries."""

    __slots__ = ("handle", "load")

    def __init__(self, handle: int) -> None:
        self.handle: Final = handle
        self.load = 0


class _Operation:
    """One poll operation: the memory that the kernel writes to until its packet was taken."""

    __slots__ = ("helper", "info", "status")

    def __init__(self, helper: _Helper, handle: int, events: int) -> None:
        self.helper: Final = helper
        self.status: Final = IoStatusBlock(_STATUS_PENDING, 0)
        self.info: Final = AfdPollInfo(_NO_TIMEOUT, 1, 0, (AfdPollHandleInfo * 1)(AfdPollHandleInfo(handle, events, 0)))


class _Sending:
    """One TransmitFile: its socket and the memory that the kernel writes to until its packet was taken."""

    __slots__ = ("fd", "overlapped")

    def __init__(self, fd: int, offset: int) -> None:
        self.fd: Final = fd
        self.overlapped: Final = Overlapped(0, 0, offset & 0xFFFF_FFFF, offset >> 32, None)


def native_windows_api() -> NativeWindowsApi:
    """This system's Windows.

    Raises: PollerUnavailable if it is none; OSError if it refuses the port.
    """
    if sys.platform == "win32":
        return NativeWindowsApi()
    else:
        raise PollerUnavailable("this system has no completion ports")


@final
class NativeWindowsApi:
    """A completion port and its AFD helpers; see `iocp.WindowsApi` for the methods."""

    __slots__ = ("_helpers", "_kernel32", "_keys_of_sendings", "_mswsock", "_ntdll", "_operations", "_port", "_sendings", "_winsock")

    def __init__(self) -> None:
        self._kernel32: Final = _library("kernel32")
        self._ntdll: Final = _library("ntdll")
        self._winsock: Final = _library("ws2_32")
        self._mswsock: Final = _library("mswsock")
        self._kernel32.CreateIoCompletionPort.restype = ctypes.c_void_p
        self._operations: dict[int, _Operation] = {}
        self._sendings: dict[int, _Sending] = {}  # by key
        self._keys_of_sendings: dict[int, int] = {}  # by the address of their OVERLAPPED
        self._helpers: list[_Helper] = []
        self._port: int = self._created_port(_INVALID_HANDLE, 0, 0)
        try:
            self._helpers.append(self._open_helper())
        except OSError:
            self.close()
            raise

    def base_handle(self, fd: int) -> int:
        handle = self._socket_handle(fd, _SIO_BASE_HANDLE)
        if handle is None:
            below = self._socket_handle(fd, _SIO_BSP_HANDLE_POLL)
            handle = None if below in (None, fd) else self._socket_handle(below, _SIO_BASE_HANDLE)
        if handle is None:
            raise _windows_error(_last_error())
        return handle

    def submit_poll(self, handle: int, events: int, key: int) -> None:
        operation = _Operation(self._lightest_helper(), handle, events)
        info = ctypes.byref(operation.info)
        size = ctypes.c_uint32(ctypes.sizeof(operation.info))
        status = self._ntdll.NtDeviceIoControlFile(
            ctypes.c_void_p(operation.helper.handle),
            None,
            None,
            ctypes.c_void_p(key),
            ctypes.byref(operation.status),
            ctypes.c_uint32(_IOCTL_AFD_POLL),
            info,
            size,
            info,
            size,
        )
        if status not in (0, _STATUS_PENDING):
            raise self._status_error(status)
        operation.helper.load += 1
        self._operations[key] = operation

    def start_transfer(self, fd: int, file: int, offset: int, length: int, key: int) -> None:
        self._associate(fd)
        sending = _Sending(fd, offset)
        address = ctypes.addressof(sending.overlapped)
        self._sendings[key] = sending
        self._keys_of_sendings[address] = key
        done = self._mswsock.TransmitFile(
            ctypes.c_void_p(fd),
            ctypes.c_void_p(_file_handle(file)),
            ctypes.c_uint32(length),
            ctypes.c_uint32(0),
            ctypes.byref(sending.overlapped),
            None,
            ctypes.c_uint32(0),
        )
        if not done:
            code = _last_error()
            if code != _IO_PENDING:
                del self._sendings[key], self._keys_of_sendings[address]
                raise _windows_error(code)

    def cancel(self, key: int) -> None:
        sending = self._sendings.get(key)
        if sending is not None:
            self._kernel32.CancelIoEx(ctypes.c_void_p(sending.fd), ctypes.byref(sending.overlapped))
            return
        operation = self._operations.get(key)
        if operation is None:
            return
        outcome = IoStatusBlock()
        status = self._ntdll.NtCancelIoFileEx(
            ctypes.c_void_p(operation.helper.handle), ctypes.byref(operation.status), ctypes.byref(outcome)
        )
        if status & 0xFFFF_FFFF not in (0, _STATUS_NOT_FOUND):
            raise self._status_error(status)

    def get_completions(self, timeout_ms: int | None) -> list[tuple[int, int]]:
        entries = (OverlappedEntry * _BATCH)()
        taken = ctypes.c_uint32()
        done = self._kernel32.GetQueuedCompletionStatusEx(
            ctypes.c_void_p(self._port),
            entries,
            ctypes.c_uint32(_BATCH),
            ctypes.byref(taken),
            ctypes.c_uint32(_INFINITE if timeout_ms is None else timeout_ms),
            ctypes.c_int32(0),
        )
        if not done:
            code = _last_error()
            if code == _WAIT_TIMEOUT:
                return []
            raise _windows_error(code)
        return [
            self._sent(entry) if entry.CompletionKey == _SENDINGS else self._taken(entry.Overlapped) for entry in entries[: taken.value]
        ]

    def post_wakeup(self) -> None:
        self._kernel32.PostQueuedCompletionStatus(ctypes.c_void_p(self._port), ctypes.c_uint32(0), ctypes.c_void_p(0), None)

    def close(self) -> None:
        port = self._port
        if not port:
            return
        try:
            for key in [*self._operations, *self._sendings]:
                self.cancel(key)
            while (self._operations or self._sendings) and self.get_completions(1000):
                pass
        finally:
            self._port = 0
            for helper in self._helpers:
                self._kernel32.CloseHandle(ctypes.c_void_p(helper.handle))
            self._kernel32.CloseHandle(ctypes.c_void_p(port))

    def _taken(self, key: int) -> tuple[int, int]:
        """What a packet says; frees its operation."""
        operation = self._operations.pop(key, None)
        if operation is None:
            return (key, 0)
        operation.helper.load -= 1
        failed = operation.status.Status & 0xFFFF_FFFF or not operation.info.NumberOfHandles
        return (key, 0 if failed else operation.info.Handles[0].Events)

    def _sent(self, entry: OverlappedEntry) -> tuple[int, int]:
        """What the packet of a TransmitFile says; frees its memory."""
        key = self._keys_of_sendings.pop(entry.Overlapped)
        status = self._sendings.pop(key).overlapped.Internal & 0xFFFF_FFFF
        return (key, FAILED if status else entry.NumberOfBytesTransferred)

    def _associate(self, fd: int) -> None:
        try:
            self._created_port(fd, self._port, _SENDINGS)
        except OSError:
            if _last_error() != _INVALID_PARAMETER:
                raise

    def _socket_handle(self, fd: int | None, control: int) -> int | None:
        handle = ctypes.c_void_p()
        octets = ctypes.c_uint32()
        failed = self._winsock.WSAIoctl(
            ctypes.c_void_p(fd),
            ctypes.c_uint32(control),
            None,
            ctypes.c_uint32(0),
            ctypes.byref(handle),
            ctypes.c_uint32(ctypes.sizeof(handle)),
            ctypes.byref(octets),
            None,
            None,
        )
        return None if failed else handle.value

    def _created_port(self, handle: int, port: int, key: int) -> int:
        """CreateIoCompletionPort: a new port, or, with one given, the association of a handle with it; its packets bear the key."""
        created = self._kernel32.CreateIoCompletionPort(
            ctypes.c_void_p(handle), ctypes.c_void_p(port), ctypes.c_void_p(key), ctypes.c_uint32(0)
        )
        if not created:
            raise _windows_error(_last_error())
        return int(created)

    def _lightest_helper(self) -> _Helper:
        helper = min(self._helpers, key=lambda each: each.load)
        if helper.load >= _OPERATIONS_PER_HELPER:
            helper = self._open_helper()
            self._helpers.append(helper)
        return helper

    def _open_helper(self) -> _Helper:
        octets = _AFD_NAME.encode("utf-16-le")
        buffer = ctypes.create_string_buffer(octets, len(octets))
        name = UnicodeString(len(octets), len(octets), ctypes.cast(buffer, ctypes.c_void_p))
        attributes = ObjectAttributes(
            ctypes.sizeof(ObjectAttributes), None, ctypes.cast(ctypes.pointer(name), ctypes.c_void_p), 0, None, None
        )
        handle = ctypes.c_void_p()
        status = self._ntdll.NtCreateFile(
            ctypes.byref(handle),
            ctypes.c_uint32(_SYNCHRONIZE),
            ctypes.byref(attributes),
            ctypes.byref(IoStatusBlock()),
            None,
            ctypes.c_uint32(0),
            ctypes.c_uint32(_FILE_SHARE_READ_WRITE),
            ctypes.c_uint32(_FILE_OPEN),
            ctypes.c_uint32(0),
            None,
            ctypes.c_uint32(0),
        )
        if status:
            raise self._status_error(status)
        helper = _Helper(handle.value or 0)
        try:
            self._created_port(helper.handle, self._port, _POLLS)
        except OSError:
            self._kernel32.CloseHandle(handle)
            raise
        self._kernel32.SetFileCompletionNotificationModes(handle, ctypes.c_uint8(_FILE_SKIP_SET_EVENT_ON_HANDLE))
        return helper

    def _status_error(self, status: int) -> OSError:
        return _windows_error(self._ntdll.RtlNtStatusToDosError(ctypes.c_int32(status)))


def _library(name: str) -> ctypes.CDLL:
    if sys.platform == "win32":
        return ctypes.WinDLL(name, use_last_error=True)
    else:
        raise PollerUnavailable("this system has no completion ports")


def _file_handle(fd: int) -> int:
    """The handle beneath a descriptor of the C library."""
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.get_osfhandle(fd)
    else:
        raise PollerUnavailable("this system has no file handles")


def _last_error() -> int:
    """What the library call before has left; ctypes saves it, since the interpreter's own calls would change it."""
    if sys.platform == "win32":
        return ctypes.get_last_error()
    else:
        return 0


def _windows_error(code: int) -> OSError:
    if sys.platform == "win32":
        return ctypes.WinError(code)
    else:
        return OSError(code, "Windows error")
