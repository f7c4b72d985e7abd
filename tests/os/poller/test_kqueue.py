# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is kqueue's own, on a fake kernel: two knotes per descriptor, changes that fail, one-shots over both filters."""

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Iterator

import pytest

from sws.os.poller.base import ERROR, ONESHOT, READ, WRITE, PollerBroken, PollerUnavailable
from sws.os.poller.kqueue import KqueuePoller
from tests.kit.fake_kqueue import FakeKqueueApi

BOTH = READ | WRITE
ADD, DELETE, ADD_ONCE = FakeKqueueApi.KQ_EV_ADD, FakeKqueueApi.KQ_EV_DELETE, FakeKqueueApi.KQ_EV_ADD | FakeKqueueApi.KQ_EV_ONESHOT
FOR_READ, FOR_WRITE = FakeKqueueApi.KQ_FILTER_READ, FakeKqueueApi.KQ_FILTER_WRITE


@pytest.fixture
def api() -> FakeKqueueApi:
    return FakeKqueueApi()


@pytest.fixture
def poller(api: FakeKqueueApi) -> Iterator[KqueuePoller]:
    made = KqueuePoller(api)
    api.kernel.log.clear()
    api.kernel.calls = 0
    yield made
    made.close()


@pytest.fixture
def near() -> Iterator[socket.socket]:
    near, far = socket.socketpair()
    with near, far:
        yield near


@pytest.mark.skipif(hasattr(select, "kqueue"), reason="this system has a kqueue")
def test_unavailable_where_there_is_none() -> None:
    with pytest.raises(PollerUnavailable, match="no kqueue"):
        KqueuePoller()


def test_unavailable_without_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PollerUnavailable, match="too many"):
        KqueuePoller(FakeKqueueApi(OSError(errno.EMFILE, "too many")))

    def refuse() -> None:
        raise OSError(errno.EMFILE, "no pair")

    monkeypatch.setattr(socket, "socketpair", refuse)
    with pytest.raises(PollerUnavailable, match="no pair"):
        KqueuePoller(FakeKqueueApi())


def test_arming_and_waiting_is_one_system_call(poller: KqueuePoller, api: FakeKqueueApi, near: socket.socket) -> None:
    poller.arm(near.fileno(), READ)
    poller.arm(near.fileno(), WRITE)
    assert poller.poll(0) == [(near.fileno(), WRITE)]
    assert api.kernel.calls == 1
    assert api.kernel.log == [(near.fileno(), FOR_WRITE, ADD)]
    poller.poll(0)
    assert len(api.kernel.log) == 1


def test_the_difference_is_sent(poller: KqueuePoller, api: FakeKqueueApi, near: socket.socket) -> None:
    fd = near.fileno()
    poller.arm(fd, BOTH)
    poller.poll(0)
    api.kernel.log.clear()
    poller.arm(fd, READ)
    poller.poll(0)
    assert api.kernel.log == [(fd, FOR_READ, ADD), (fd, FOR_WRITE, DELETE)]
    api.kernel.log.clear()
    poller.arm(fd, READ | ONESHOT)
    poller.poll(0)
    assert api.kernel.log == [(fd, FOR_READ, DELETE), (fd, FOR_READ, ADD_ONCE)]
    api.kernel.log.clear()
    poller.disarm(fd)
    poller.poll(0)
    assert api.kernel.log == [(fd, FOR_READ, DELETE)]


def test_the_direction_that_did_not_report_is_deleted(poller: KqueuePoller, api: FakeKqueueApi, near: socket.socket) -> None:
    poller.arm(near.fileno(), BOTH | ONESHOT)
    assert poller.poll(0) == [(near.fileno(), WRITE)]
    assert (near.fileno(), FOR_READ) in api.kernel.knotes()
    assert poller.poll(0) == []
    assert (near.fileno(), FOR_READ) not in api.kernel.knotes()
    api.kernel.log.clear()
    poller.poll(0)
    assert api.kernel.log == []


def test_a_one_shot_with_nothing_left_sends_no_deletion(poller: KqueuePoller, api: FakeKqueueApi, near: socket.socket) -> None:
    poller.arm(near.fileno(), WRITE | ONESHOT)
    assert poller.poll(0) == [(near.fileno(), WRITE)]
    api.kernel.log.clear()
    assert poller.poll(0) == []
    assert api.kernel.log == []


def test_a_full_event_list_loses_nothing(poller: KqueuePoller, api: FakeKqueueApi) -> None:
    near, far = socket.socketpair()
    with near, far:
        far.send(b"a")
        api.kernel.batch = 1
        poller.arm(near.fileno(), BOTH | ONESHOT)
        ((fd, mask),) = poller.poll(0)
        assert fd == near.fileno()
        assert mask in (READ, WRITE)
        assert poller.poll(0) == []
        assert near.fileno() not in {ident for ident, _ in api.kernel.knotes()}


def test_what_cannot_be_watched_is_reported_as_failed_while_armed(poller: KqueuePoller) -> None:
    device = os.open(os.devnull, os.O_RDWR)
    poller.arm(device, BOTH)
    for _ in range(2):
        assert poller.poll(None) == [(device, BOTH | ERROR)]
    poller.arm(device, READ | ONESHOT)
    assert poller.poll(None) == [(device, READ | ERROR)]
    assert poller.armed() == {}
    assert poller.poll(0) == []
    os.close(device)


def test_a_socket_error_is_an_error_and_an_end_of_stream_is_not(poller: KqueuePoller, api: FakeKqueueApi) -> None:
    near, far = socket.socketpair()
    with near, far:
        near.send(b"unread")
        poller.arm(near.fileno(), READ)
        far.shutdown(socket.SHUT_WR)
        assert poller.poll(0) == [(near.fileno(), READ)]
        far.close()  # with unread data: a reset
        assert poller.poll(0) == [(near.fileno(), READ | ERROR)]
        poller.arm(near.fileno(), WRITE)
        assert poller.poll(0) == [(near.fileno(), WRITE | ERROR)]


def test_an_interruption_is_an_empty_answer(poller: KqueuePoller, api: FakeKqueueApi) -> None:
    api.kernel.fail_with = InterruptedError()
    assert poller.poll(None) == []


def test_a_failure_of_the_queue_is_broken(poller: KqueuePoller, api: FakeKqueueApi) -> None:
    api.kernel.fail_with = OSError(errno.EBADF, "bad queue")
    with pytest.raises(PollerBroken, match="bad queue"):
        poller.poll(None)
