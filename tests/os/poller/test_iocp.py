# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is the completion port's own, on a fake kernel: operations submitted, cancelled and stale; and the structures' layout."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import sys
from collections.abc import Iterator

import pytest

from sws.base.errors import UsageError
from sws.os.poller import _windows_api
from sws.os.poller.base import ERROR, ONESHOT, READ, WRITE, PollerBroken, PollerUnavailable
from sws.os.poller.iocp import (
    AFD_POLL_ABORT,
    AFD_POLL_ACCEPT,
    AFD_POLL_CONNECT_FAIL,
    AFD_POLL_DISCONNECT,
    AFD_POLL_LOCAL_CLOSE,
    AFD_POLL_RECEIVE,
    AFD_POLL_SEND,
    IocpPoller,
)
from tests.kit.fake_afd import FakeWindows

BOTH = READ | WRITE
READ_EVENTS = 0x1 | 0x8 | 0x80 | 0x10 | 0x20 | 0x100
WRITE_EVENTS = 0x4 | 0x10 | 0x20 | 0x100


class ScriptedWindows(FakeWindows):
    """Completions are what a test puts into `packets`, by descriptor."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: dict[int, int] = {}

    def submit_poll(self, handle: int, events: int, key: int) -> None:
        self.submitted.append((handle, events, key))

    def get_completions(self, timeout_ms: int | None) -> list[tuple[int, int]]:
        taken = [(key, self.packets.pop(handle)) for handle, _, key in reversed(self.submitted) if handle in self.packets]
        self.waits.append(timeout_ms)
        return taken


@pytest.fixture
def windows() -> FakeWindows:
    return FakeWindows()


@pytest.fixture
def poller(windows: FakeWindows) -> Iterator[IocpPoller]:
    made = IocpPoller(windows)
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        yield near, far


Pair = tuple[socket.socket, socket.socket]


@pytest.mark.skipif(sys.platform == "win32", reason="this system has completion ports")
def test_unavailable_elsewhere() -> None:
    with pytest.raises(PollerUnavailable, match="no completion ports"):
        IocpPoller()


def test_unavailable_if_the_port_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError(errno.EACCES, "access denied")

    monkeypatch.setattr("sws.os.poller.iocp.native_windows_api", refuse)
    with pytest.raises(PollerUnavailable, match="access denied"):
        IocpPoller()


@pytest.mark.parametrize(("mask", "events"), [(READ, READ_EVENTS), (WRITE, WRITE_EVENTS), (BOTH | ONESHOT, READ_EVENTS | WRITE_EVENTS)])
def test_events_asked_for(poller: IocpPoller, windows: FakeWindows, pair: Pair, mask: int, events: int) -> None:
    poller.arm(pair[0].fileno(), mask)
    assert windows.submitted == []
    poller.poll(0)
    assert [(fd, asked) for fd, asked, _ in windows.submitted] == [(pair[0].fileno(), events)]


@pytest.mark.parametrize(
    ("events", "mask"),
    [
        (AFD_POLL_RECEIVE, READ),
        (AFD_POLL_ACCEPT, READ),
        (AFD_POLL_DISCONNECT, READ),
        (AFD_POLL_SEND, WRITE),
        (AFD_POLL_SEND | AFD_POLL_RECEIVE, BOTH),
        (AFD_POLL_ABORT, BOTH | ERROR),
        (AFD_POLL_CONNECT_FAIL, BOTH | ERROR),
        (AFD_POLL_LOCAL_CLOSE, 0),
        (0, 0),
    ],
)
def test_events_reported(pair: Pair, events: int, mask: int) -> None:
    windows = ScriptedWindows()
    poller = IocpPoller(windows)
    fd = pair[0].fileno()
    poller.arm(fd, BOTH)
    windows.packets[windows.base_handle(fd)] = events
    assert poller.poll(0) == ([(fd, mask)] if mask else [])
    assert poller.poll(0) == []
    assert len(windows.submitted) == 2, "a level is asked for again at the next poll"
    poller.close()


def test_an_idle_socket_is_submitted_once(poller: IocpPoller, windows: FakeWindows, pair: Pair) -> None:
    poller.arm(pair[0].fileno(), READ)
    for _ in range(5):
        poller.poll(0)
    poller.arm(pair[0].fileno(), READ | ONESHOT)
    poller.poll(0)
    assert len(windows.submitted) == 1
    assert windows.cancelled == []


def test_a_spent_one_shot_has_no_operation(poller: IocpPoller, windows: FakeWindows, pair: Pair) -> None:
    poller.arm(pair[0].fileno(), WRITE | ONESHOT)
    assert poller.poll(0) == [(pair[0].fileno(), WRITE)]
    poller.poll(0)
    assert windows.outstanding() == 0
    assert len(windows.submitted) == 1


def test_a_changed_mask_cancels_and_the_stale_completion_is_dropped(poller: IocpPoller, windows: FakeWindows, pair: Pair) -> None:
    fd = pair[0].fileno()
    poller.arm(fd, READ)
    poller.poll(0)
    poller.arm(fd, WRITE)
    assert windows.cancelled == [windows.submitted[0][2]]
    assert poller.poll(0) == [(fd, WRITE)]
    assert windows.outstanding() == 0


def test_a_completion_that_races_with_disarm_is_dropped(pair: Pair) -> None:
    windows = ScriptedWindows()
    poller = IocpPoller(windows)
    fd = pair[0].fileno()
    poller.arm(fd, READ)
    poller.poll(0)
    windows.packets[windows.base_handle(fd)] = AFD_POLL_RECEIVE
    poller.disarm(fd)
    assert poller.poll(0) == []
    poller.close()


def test_a_failed_cancellation_is_no_matter(poller: IocpPoller, windows: FakeWindows, pair: Pair) -> None:
    poller.arm(pair[0].fileno(), READ)
    poller.poll(0)
    windows.refuse_cancel = OSError(errno.EINVAL, "invalid")
    poller.disarm(pair[0].fileno())
    pair[1].send(b"a")
    assert poller.poll(0) == []


def test_only_sockets(poller: IocpPoller, pair: Pair) -> None:
    reader, writer = os.pipe()
    with pytest.raises(UsageError, match="WSAENOTSOCK"):
        poller.arm(reader, READ)
    poller.arm(pair[0].fileno(), READ)
    os.close(reader)
    os.close(writer)
    fd = pair[0].fileno()
    pair[0].close()
    with pytest.raises(UsageError):
        poller.arm(fd, READ)
    assert poller.armed() == {}


def test_refusal_to_submit_is_broken_and_the_interest_is_kept(poller: IocpPoller, windows: FakeWindows, pair: Pair) -> None:
    windows.refuse_submit = OSError(errno.ENOMEM, "no quota")
    poller.arm(pair[0].fileno(), WRITE)
    with pytest.raises(PollerBroken, match="no quota"):
        poller.poll(0)
    assert poller.armed() == {pair[0].fileno(): WRITE}
    windows.refuse_submit = None
    assert poller.poll(0) == [(pair[0].fileno(), WRITE)]


def test_a_broken_port(poller: IocpPoller, windows: FakeWindows) -> None:
    windows.refuse_take = OSError(errno.EBADF, "no port")
    with pytest.raises(PollerBroken, match="no port"):
        poller.poll(0)


@pytest.mark.parametrize(("timeout", "asked"), [(None, None), (0, 0), (-1, 0), (0.0001, 1), (0.0101, 11), (1e12, 2_000_000_000)])
def test_timeouts_round_up_to_milliseconds(poller: IocpPoller, windows: FakeWindows, timeout: float | None, asked: int | None) -> None:
    poller.wake()
    poller.poll(timeout)
    assert windows.waits == [asked]


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="the layout of 64-bit Windows")
@pytest.mark.parametrize(
    ("structure", "size", "offsets"),
    [
        (_windows_api.UnicodeString, 16, {"Length": 0, "MaximumLength": 2, "Buffer": 8}),
        (
            _windows_api.ObjectAttributes,
            48,
            {"Length": 0, "RootDirectory": 8, "ObjectName": 16, "Attributes": 24, "SecurityDescriptor": 32},
        ),
        (_windows_api.IoStatusBlock, 16, {"Status": 0, "Information": 8}),
        (_windows_api.AfdPollHandleInfo, 16, {"Handle": 0, "Events": 8, "Status": 12}),
        (_windows_api.AfdPollInfo, 32, {"Timeout": 0, "NumberOfHandles": 8, "Exclusive": 12, "Handles": 16}),
        (_windows_api.Overlapped, 32, {"Internal": 0, "InternalHigh": 8, "Offset": 16, "OffsetHigh": 20, "hEvent": 24}),
        (_windows_api.OverlappedEntry, 32, {"CompletionKey": 0, "Overlapped": 8, "Internal": 16, "NumberOfBytesTransferred": 24}),
    ],
)
def test_layout_of_the_kernels_structures(structure: type[ctypes.Structure], size: int, offsets: dict[str, int]) -> None:
    assert ctypes.sizeof(structure) == size
    assert {name: getattr(structure, name).offset for name in offsets} == offsets
