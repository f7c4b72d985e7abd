# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Log lines: their shape, that nobody can forge one, and what happens when they cannot be written."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sws.observe.logger import LEVELS, Level, Logger

NOW = 1767225600.123456
STAMP = "2026-01-01T00:00:00.123Z"

HOSTILE = [
    'quote " backslash \\ end',
    'x\n{"ts":"2026-01-01T00:00:00.000Z","lvl":"error","mod":"forged","msg":"forged"}',
    "\r\n\t\0\x1b[31mred\x7f\x85",
    "\u2028\u2029\u202e\ufeff grüße 日本 \U0001f600",
    "\ud800 \udcff surrogates",
    "a=b c=d",
]


class Log:
    """A logger on a file, on a clock that stands still."""

    def __init__(self, path: pathlib.Path, level: Level = Level.INFO, json: bool = True) -> None:
        self.path = path
        self.now = NOW
        self.logger = Logger(level, json=json, path=str(path), wall=lambda: self.now)

    def text(self) -> str:
        self.logger.flush()
        return self.path.read_bytes().decode("ascii")

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def log(tmp_path: pathlib.Path) -> Iterator[Log]:
    log = Log(tmp_path / "log")
    yield log
    log.logger.close()


def test_one_object_a_line(log: Log) -> None:
    log.logger.info("mod.name", "something", {"a": 1, "b": "x", "c": None, "d": True, "e": False, "f": 1.5})
    log.logger.warn("m", "no values")
    log.logger.error("m", "bad", {})
    assert log.text().splitlines()[0].startswith('{"ts":"')
    assert log.events() == [
        {"ts": STAMP, "lvl": "info", "mod": "mod.name", "msg": "something", "a": 1, "b": "x", "c": None, "d": True, "e": False, "f": 1.5},
        {"ts": STAMP, "lvl": "warn", "mod": "m", "msg": "no values"},
        {"ts": STAMP, "lvl": "error", "mod": "m", "msg": "bad"},
    ]


def test_text_for_people(tmp_path: pathlib.Path) -> None:
    log = Log(tmp_path / "log", json=False)
    log.logger.info("mod", "something", {"a": 1, "b": "x y"})
    log.logger.warn("mod", "else")
    assert log.text() == f'{STAMP} INFO  mod: something a=1 b="x y"\n{STAMP} WARN  mod: else\n'
    log.logger.close()


def test_the_time_is_utc_with_milliseconds(log: Log) -> None:
    for log.now in (NOW, NOW + 0.876, NOW + 0.8766, 0.0, 1e9 + 0.9999999):
        log.logger.info("m", "x")
    assert [event["ts"] for event in log.events()] == [
        STAMP,
        "2026-01-01T00:00:00.999Z",
        "2026-01-01T00:00:01.000Z",
        "1970-01-01T00:00:00.000Z",
        "2001-09-09T01:46:40.999Z",
    ]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("as_json", [True, False])
def test_what_a_peer_says_stays_within_its_line(tmp_path: pathlib.Path, text: str, as_json: bool) -> None:
    log = Log(tmp_path / "log", json=as_json)
    log.logger.info("m", "said", {"what": text, "more": 1})
    if as_json:
        assert log.events() == [{"ts": STAMP, "lvl": "info", "mod": "m", "msg": "said", "what": text, "more": 1}]
    written = log.text()
    assert written.count("\n") == 1
    assert written.endswith("\n")
    assert re.search(r"[\x00-\x09\x0b-\x1f]", written) is None
    log.logger.close()


@pytest.mark.parametrize("text", HOSTILE)
def test_messages_are_quoted_too(log: Log, text: str) -> None:
    log.logger.info("m", text)
    assert log.events()[0]["msg"] == text


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_has_not(log: Log, number: float) -> None:
    log.logger.info("m", "x", {"n": number})
    assert log.events()[0]["n"] is None


@pytest.mark.parametrize("number", [0.1, -2.5, 1e15, 1e300, -1e300, 5e-324, 10**30, -1])
def test_numbers_that_it_has(log: Log, number: float) -> None:
    log.logger.info("m", "x", {"n": number})
    assert log.events()[0]["n"] == number


def test_levels(tmp_path: pathlib.Path) -> None:
    for level in Level:
        log = Log(tmp_path / level.name, level)
        log.logger.debug("m", "debug")
        log.logger.info("m", "info")
        log.logger.warn("m", "warn")
        log.logger.error("m", "error")
        assert [event["msg"] for event in log.events()] == ["debug", "info", "warn", "error"][list(Level).index(level) :]
        log.logger.close()
    assert LEVELS == {"debug": Level.DEBUG, "info": Level.INFO, "warn": Level.WARN, "error": Level.ERROR}


def test_lines_leave_together_but_errors_at_once(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[bytes] = []
    real = os.write

    def write(fd: int, data: bytes) -> int:
        writes.append(data)
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    for _ in range(3):
        log.logger.info("m", "x")
    assert writes == []
    log.logger.error("m", "now")
    assert len(writes) == 1
    assert writes[0].count(b"\n") == 4
    log.logger.flush()
    assert len(writes) == 1


def test_the_access_line(log: Log) -> None:
    log.logger.access('{"ts":"', '","x":1}\n')
    assert log.text() == f'{{"ts":"{STAMP}","x":1}}\n'


def test_the_file_is_for_its_owner_and_group(tmp_path: pathlib.Path) -> None:
    before = os.umask(0)
    try:
        log = Log(tmp_path / "log")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o640
    assert not os.get_inheritable(log.logger._sink._fd)
    log.logger.close()


def test_rotation(log: Log, tmp_path: pathlib.Path) -> None:
    log.logger.info("m", "old")
    os.rename(log.path, tmp_path / "log.1")
    log.logger.info("m", "still old")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    log.logger.reopen()
    if before:
        assert len(os.listdir("/proc/self/fd")) == before
    log.logger.info("m", "new")
    assert [event["msg"] for event in log.events()] == ["new"]
    assert [json.loads(line)["msg"] for line in (tmp_path / "log.1").read_text().splitlines()] == ["old", "still old"]


def test_a_file_that_cannot_be_reopened_leaves_the_old_one_in_use(log: Log, tmp_path: pathlib.Path) -> None:
    log.logger.path = str(tmp_path / "no" / "such")
    with pytest.raises(FileNotFoundError):
        log.logger.reopen()
    log.logger.info("m", "still here")
    assert [event["msg"] for event in log.events()] == ["still here"]


def test_two_loggers_append_to_one_file(log: Log) -> None:
    other = Log(log.path)
    log.logger.info("m", "a")
    log.logger.flush()
    other.logger.info("m", "b")
    assert [event["msg"] for event in other.events()] == ["a", "b"]
    other.logger.close()


def test_standard_error_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[tuple[int, bytes]] = []

    def write(fd: int, data: bytes) -> int:
        writes.append((fd, data))
        return len(data)

    monkeypatch.setattr(os, "write", write)
    logger = Logger()
    logger.reopen()
    logger.info("m", "x")
    logger.close()
    assert writes[0][0] == 2
    assert json.loads(writes[0][1])["msg"] == "x"


# --- when it cannot be written ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_costs_lines_not_the_service(tmp_path: pathlib.Path) -> None:
    logger = Logger(path="/dev/full")
    for _ in range(5):
        logger.info("m", "lost")
    logger.flush()
    logger.flush()
    assert logger.dropped == 5
    logger.error("m", "lost too")
    assert logger.dropped == 6
    logger.path = str(tmp_path / "log")
    logger.reopen()
    logger.info("m", "fine again")
    logger.close()
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(event["msg"], event.get("count")) for event in events] == [("fine again", None), ("log lines were lost", 6)]
    assert events[1]["lvl"] == "warn"
    assert logger.dropped == 0


def test_the_report_of_lost_lines_comes_at_any_level(tmp_path: pathlib.Path) -> None:
    log = Log(tmp_path / "log", Level.ERROR)
    log.logger.dropped = 3
    log.logger.error("m", "x")
    assert [event.get("count") for event in log.events()] == [None, 3]
    log.logger.close()


class Disk:
    """`os.write` with room for so many octets, then ENOSPC; at most `most` in one call."""

    def __init__(self, room: int, most: int = 1 << 30) -> None:
        self.room = room
        self.most = most
        self.content = b""

    def __call__(self, _fd: int, data: bytes) -> int:
        count = min(len(data), self.room, self.most)
        if count == 0:
            raise OSError(errno.ENOSPC, "full")
        self.room -= count
        self.content += data[:count]
        return count


def test_partial_writes_go_on(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(1 << 20, most=7)
    monkeypatch.setattr(os, "write", disk)
    log.logger.info("m", "x")
    log.logger.flush()
    assert json.loads(disk.content)["msg"] == "x"


@pytest.mark.parametrize("room", range(200))
def test_a_disk_that_fills_within_a_line(log: Log, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Wherever it happens: every other line stays whole, and those lost are counted to the last one."""
    disk = Disk(room)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", disk)
        for name in ("a", "b", "c"):
            log.logger.info("m", name)
        log.logger.flush()
        log.logger.info("m", "d")
        log.logger.flush()
        disk.room = 1 << 20
        log.logger.info("m", "e")
        log.logger.flush()
        log.logger.info("m", "f")
        log.logger.flush()
    whole, lost = [], 0
    for line in disk.content.decode().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # torn
        whole.append(event["msg"])
        lost += event.get("count", 0)
    # a line that lacked nothing but its line feed was counted as lost, and is whole after all
    assert lost + sum(name in whole for name in "abcd") in (4, 5)
    assert [name for name in whole if name in ("e", "f")] == ["e", "f"]
    assert log.logger.dropped == 0


# --- when nobody reads -----------------------------------------------------------------------------------------------

UNREAD = """
import sys, time
from sws.observe.logger import Logger
logger = Logger()
began = time.monotonic()
for number in range(30_000):
    logger.info("m", "line", {"number": number, "padding": "x" * 100})
    if not number % 10:
        logger.flush()
assert time.monotonic() - began < 30
print(logger.dropped, flush=True)
sys.stdin.readline()  # until somebody has read
while logger.dropped or logger._held:
    logger.info("m", "late")
    logger.flush()
    time.sleep(0.01)
logger.close()
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="a pipe is opened anew by its name in /proc")
@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_who_does_not_read_standard_error_stops_nobody(kind: str) -> None:
    """Lines wait, then are dropped and counted; what is read at last is whole lines, and says how many are missing."""
    if kind == "pipe":
        reading, writing = os.pipe()
    else:
        one, other = socket.socketpair()
        reading, writing = one.detach(), other.detach()
    process = subprocess.Popen([sys.executable, "-c", UNREAD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=writing)
    os.close(writing)
    assert process.stdin is not None
    assert process.stdout is not None
    dropped = int(process.stdout.readline())
    assert dropped > 1000
    process.stdin.write(b"\n")
    process.stdin.close()
    with open(reading, "rb") as file:
        events = [json.loads(line) for line in file]
    assert process.wait(30) == 0
    process.stdout.close()
    numbers = [event["number"] for event in events if event["msg"] == "line"]
    assert numbers == sorted(numbers)
    lost = sum(event["count"] for event in events if event["msg"] == "log lines were lost")
    assert lost + len(numbers) + sum(event["msg"] == "late" for event in events) >= 30_000
    assert lost >= dropped


def test_standard_error_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fstat(_fd: int) -> None:
        raise OSError(errno.EBADF, "closed")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", fstat)
        patch.setattr(os, "write", Disk(0))
        logger = Logger()
        logger.error("m", "nobody hears it")
    assert logger.dropped == 1
    logger.dropped = 0
    logger.close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_whose_reader_leaves(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "log")
    with pytest.raises(OSError, match="No such device"):  # nobody reads there: opening would wait for ever
        Logger(path=str(tmp_path / "log"))
    reading = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    logger = Logger(path=str(tmp_path / "log"))
    for _ in range(2000):
        logger.info("m", "x" * 100)
    logger.flush()
    waiting = len(logger._held)
    assert waiting > 0
    part = os.read(reading, 4096)
    assert part.startswith(b'{"ts"')
    os.close(reading)
    logger.flush()  # EPIPE: what waited is lost
    assert logger._held == b""
    assert 0 < logger.dropped <= 2000
    reading = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    logger.info("m", "again")
    logger.close()
    with open(reading, "rb") as file:
        again, report = file.read().splitlines()[-2:]
    assert json.loads(again)["msg"] == "again"
    assert json.loads(report)["count"] > 0


def test_what_waits_is_bounded(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "x" * 1000 + "\n"
    most = 0
    for _ in range(5000):
        log.logger.write(line)
        most = max(most, log.logger._size)
    assert most < 1.1 * (1 << 20)
    monkeypatch.setattr(os, "write", Disk(0))
    for _ in range(5000):
        log.logger.write(line)
    assert log.logger._size < 1.1 * (1 << 20)
    assert log.logger.dropped > 2000
