# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signals become callbacks of a turn, whatever thread the kernel gives them to."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from sws.os import signals
from sws.os.loop import Loop
from sws.os.signals import hold_signals, on_signal, release_signals, reset_signals

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has two signals and cannot send them")


@pytest.fixture
def loop() -> Iterator[Loop]:
    before = signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGUSR2)
    loop = Loop()
    yield loop
    reset_signals()
    signal.signal(signal.SIGUSR1, before[0])
    signal.signal(signal.SIGUSR2, before[1])
    loop.close()


def test_a_callback_in_a_turn(loop: Loop) -> None:
    seen: list[str] = []
    assert on_signal(loop, "SIGUSR1", lambda: seen.append("one"))
    assert on_signal(loop, "SIGUSR2", lambda: seen.append("two"))
    os.kill(os.getpid(), signal.SIGUSR2)
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(0)
    assert seen == []
    loop.turn(5)
    loop.turn(0)
    assert sorted(seen) == ["one", "two"]


def test_a_later_callback_replaces(loop: Loop) -> None:
    seen: list[int] = []
    on_signal(loop, "SIGUSR1", lambda: seen.append(1))
    on_signal(loop, "SIGUSR1", lambda: seen.append(2))
    signal.raise_signal(signal.SIGUSR1)
    loop.turn(0)
    assert seen == [2]


def test_a_signal_wakes_the_wait(loop: Loop) -> None:
    seen: list[int] = []
    on_signal(loop, "SIGUSR1", lambda: seen.append(1))
    timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    began = time.monotonic()
    while not seen:
        loop.turn(5)
    assert time.monotonic() - began < 4
    timer.join()


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="needs pthread_sigmask")
def test_a_signal_that_another_thread_gets_wakes_the_wait(loop: Loop) -> None:
    """No system call of this thread is interrupted: just as when the signal comes right before the wait."""
    seen: list[int] = []
    on_signal(loop, "SIGUSR1", lambda: seen.append(1))
    end = threading.Event()

    def other() -> None:
        time.sleep(0.01)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        end.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    began = time.monotonic()
    try:
        while not seen and time.monotonic() - began < 8:
            loop.turn(4)
    finally:
        end.set()
        thread.join()
    assert seen
    assert time.monotonic() - began < 3


def test_what_this_system_has_not(loop: Loop) -> None:
    assert not on_signal(loop, "SIGNOSUCH", lambda: None)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks here")
def test_signals_that_are_held_come_later(loop: Loop) -> None:
    seen: list[int] = []
    on_signal(loop, "SIGUSR1", lambda: seen.append(1))
    hold_signals()
    try:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)  # this thread: others of the process hold nothing
        loop.turn(0.05)
        loop.turn(0)
        assert seen == []
    finally:
        release_signals()
    loop.turn(5)
    loop.turn(0)
    assert seen == [1]


def test_nothing_is_held_without_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "pthread_sigmask")
    release_signals()


def test_reset(loop: Loop) -> None:
    on_signal(loop, "SIGUSR1", lambda: None)
    assert signal.set_wakeup_fd(-1) >= 0
    reset_signals()
    reset_signals()
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    assert signal.set_wakeup_fd(-1) == -1


def test_another_loop_takes_over(loop: Loop) -> None:
    on_signal(loop, "SIGUSR1", lambda: None)
    other = Loop()
    seen: list[int] = []
    on_signal(other, "SIGUSR1", lambda: seen.append(1))
    signal.raise_signal(signal.SIGUSR1)
    other.turn(5)
    other.turn(0)
    assert seen == [1]
    assert signals._wakeup is not None
    signals._drain(signals._wakeup[1])  # nothing there: nothing happens
    reset_signals()
    other.close()
