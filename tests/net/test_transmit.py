# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files sent by TransmitFile through the whole driver: IocpPoller over the fake Windows kernel, everything else real."""

from __future__ import annotations

import errno
import os
import pathlib
from collections.abc import Iterator

import pytest

from sws.os import loop as loop_module
from sws.os.poller.base import Poller
from sws.os.poller.choose import fallback
from sws.os.poller.iocp import IocpPoller
from sws.os.poller.select import SelectPoller
from tests.kit.driver import Rig, get
from tests.kit.fake_afd import FakeWindows
from tests.kit.handlers import descriptors, of_file

LENGTH = 1_500_000


@pytest.fixture(autouse=True)
def no_descriptor_leaks() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() == before


@pytest.fixture
def content(tmp_path: pathlib.Path) -> bytes:
    data = os.urandom(LENGTH)
    (tmp_path / "file").write_bytes(data)
    return data


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "file"


def test_two_files_on_one_connection(content: bytes, path: pathlib.Path) -> None:
    """Pipelined, the second behind the first; all octets by transfers but the rest that is too short for one."""
    windows = FakeWindows()
    with Rig(of_file(path), tcp=True, buffer=65536, poller=IocpPoller(windows)) as rig:
        client = rig.connect()
        client.send(get("/1") + get("/2"))
        rig.until(lambda: len(client.received) > 2 * LENGTH)
        assert [response.content for response in client.responses()] == [content, content]
        assert sum(length for _, _, length in windows.transferred) >= 2 * LENGTH - (1 << 17)
        assert len(windows.transferred) >= 4
        assert rig.service.errors == [None, None]
        assert rig.errors == []


def test_no_turn_is_spent_while_the_kernel_sends(content: bytes, path: pathlib.Path) -> None:
    """AFD would call the socket writable; a loop that asked would spin."""
    with Rig(of_file(path), tcp=True, buffer=65536, poller=IocpPoller(FakeWindows())) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get())
        for _ in range(50):
            rig.loop.turn(0.001)
        calls: list[int] = []
        send_span = rig.loop.send_span
        rig.loop.send_span = lambda sock, span: calls.append(1) or send_span(sock, span)  # type: ignore[func-returns-value]
        for _ in range(50):
            rig.loop.turn(0.001)
        assert calls == []
        client.reading = True
        rig.until(lambda: len(client.received) > LENGTH)
        assert client.responses()[0].content == content


def test_a_client_that_takes_nothing_is_given_up_and_its_transfer_cancelled(content: bytes, path: pathlib.Path) -> None:
    windows = FakeWindows()
    with Rig(of_file(path), tcp=True, buffer=65536, poller=IocpPoller(windows)) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get())
        rig.settle()
        assert windows.outstanding() == 2, "the transfer, and the poll that would tell of a reset"
        rig.later(31)
        assert rig.service.closed_count == 1
        rig.loop.turn(0)
        assert windows.outstanding() == 0


def test_a_reset_ends_it(content: bytes, path: pathlib.Path) -> None:
    windows = FakeWindows()
    with Rig(of_file(path), tcp=True, buffer=65536, poller=IocpPoller(windows)) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get())
        rig.settle()
        client.reset_now()
        rig.until(lambda: rig.service.closed_count == 1)
        assert windows.outstanding() == 0
        assert rig.errors == []


def test_a_file_that_is_shorter_than_declared_resets(content: bytes, path: pathlib.Path) -> None:
    with Rig(of_file(path, length=LENGTH + 300_000), tcp=True, poller=IocpPoller(FakeWindows())) as rig:
        client = rig.connect()
        client.send(get())
        rig.until(lambda: client.eof)
        assert client.reset


def test_without_means_files_are_read_and_sent(content: bytes, path: pathlib.Path) -> None:
    windows = FakeWindows()
    windows.refuse_transfer = OSError(errno.EINVAL, "no such call")
    with Rig(of_file(path), tcp=True, buffer=65536, poller=IocpPoller(windows)) as rig:
        client = rig.connect()
        client.send(get())
        rig.until(lambda: len(client.received) > LENGTH)
        assert client.responses()[0].content == content


def test_a_port_that_breaks_takes_the_transfers_under_way_with_it(
    content: bytes, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How much of them left is not known: these connections are reset, later files are read and sent by the next poller."""

    def to_select(broken: Poller) -> Poller:
        return fallback(broken, ("iocp", "select"), lambda _name: SelectPoller())

    monkeypatch.setattr(loop_module, "fallback", to_select)
    windows = FakeWindows()
    with Rig(of_file(path), tcp=True, buffer=65536, poller=IocpPoller(windows)) as rig:
        first, second = rig.connect(), rig.connect()
        first.reading = False
        first.send(get())
        rig.settle()
        begun = list(windows.transferred)
        windows.refuse_take = OSError(errno.EBADF, "no port")
        rig.loop.turn(0)
        assert rig.loop.poller_name == "select"
        first.reading = True
        rig.until(lambda: first.eof)
        assert first.reset
        second.send(get())
        rig.until(lambda: len(second.received) > LENGTH)
        assert second.responses()[0].content == content
        assert windows.transferred == begun
