# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The log: one JSON object (or one line of text) per event, written once a turn.

Every line has `ts` (UTC, RFC 3339), `lvl`, `mod`, `msg`; a request's line has `latency_us` besides.  Lines collect in memory and leave
in one write at the end of the loop's turn, so a busy server makes one system call for many requests.  A log that cannot be
written (disk full, broken pipe) never stops the service: lines are dropped and counted, and the count is logged once writing works again.

Strings from peers go through the JSON string encoder in either format, so a line feed in a header cannot forge a line.
Files are made with mode 0640 and opened for appending: several workers may share one.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from enum import IntEnum
from json.encoder import encode_basestring_ascii as quote
from typing import Final, final

__all__ = ["LEVELS", "Level", "Logger", "Value"]

Value = str | int | float | bool | None

_BUFFER_MAXIMUM: Final = 1 << 20


class Level(IntEnum):
    """How grave an event is."""

    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40


LEVELS: Final = {level.name.lower(): level for level in Level}


def _render(value: Value) -> str:
    if isinstance(value, str):
        return quote(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    return str(value)


@final
class Logger:
    """Formats, collects and writes.

    Args:
      level:  the least grave level that is written.
      json:   one JSON object a line; else text for people.
      path:   a file, or None for standard error.
      wall:   the clock for `ts`.
    Raises: OSError if the file cannot be opened.
    """

    def __init__(
        self, level: Level = Level.INFO, *, json: bool = True, path: str | None = None, wall: Callable[[], float] = time.time
    ) -> None:
        self.level = level
        self.json = json
        self.path = path
        self.dropped = 0
        self._wall = wall
        self._fd = 2
        self._lines: list[str] = []
        self._size = 0
        self._second = -1
        self._prefix = ""
        self._torn = False  # the last write ended within a line
        self.reopen()

    def reopen(self) -> None:
        """Open the file anew, after a rotation moved the old one away.  Raises: OSError; the old file then stays in use."""
        if self.path is not None:
            self.flush()
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
            if self._fd != 2:
                os.close(self._fd)
            self._fd = fd
            self._torn = False

    def _timestamp(self) -> str:
        now = self._wall()
        second = int(now)
        if second != self._second:
            self._second = second
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._prefix}.{int((now - second) * 1000):03d}Z"

    def log(self, level: Level, module: str, message: str, values: Mapping[str, Value] | None = None) -> None:
        """One event.

        Args:
          module:   which part of the house speaks.
          message:  fixed text; what varies goes into `values`.
        """
        if level < self.level:
            return
        self.write(self._format(level, module, message, values))
        if level >= Level.ERROR:
            self.flush()

    def _format(self, level: Level, module: str, message: str, values: Mapping[str, Value] | None) -> str:
        if self.json:
            rest = "".join([f',"{name}":{_render(value)}' for name, value in values.items()]) if values else ""
            return f'{{"ts":"{self._timestamp()}","lvl":"{level.name.lower()}","mod":"{module}","msg":{quote(message)}{rest}}}\n'
        rest = "".join([f" {name}={_render(value)}" for name, value in values.items()]) if values else ""
        return f"{self._timestamp()} {level.name:<5} {module}: {message}{rest}\n"

    def debug(self, module: str, message: str, values: Mapping[str, Value] | None = None) -> None:
        """An event for those who look for a fault."""
        self.log(Level.DEBUG, module, message, values)

    def info(self, module: str, message: str, values: Mapping[str, Value] | None = None) -> None:
        """An event of normal work."""
        self.log(Level.INFO, module, message, values)

    def warn(self, module: str, message: str, values: Mapping[str, Value] | None = None) -> None:
        """An event that somebody should look at some time."""
        self.log(Level.WARN, module, message, values)

    def error(self, module: str, message: str, values: Mapping[str, Value] | None = None) -> None:
        """An event that somebody should look at now."""
        self.log(Level.ERROR, module, message, values)

    def access(self, head: str, tail: str) -> None:
        """A request's line, already rendered around `ts`: the quick way for one line a request.

        Args:
          head:  what stands before the timestamp.
          tail:  what stands behind it, line feed included.
        """
        self.write(f"{head}{self._timestamp()}{tail}")

    def write(self, line: str) -> None:
        """A finished line."""
        if self._size > _BUFFER_MAXIMUM:
            self.flush()
        self._lines.append(line)
        self._size += len(line)

    def flush(self) -> None:
        """Write what has collected; never raises."""
        if not self._lines:
            return
        lines, self._lines, self._size = self._lines, [], 0
        lost = self.dropped
        if lost:  # the report leaves with what follows it, so it cannot be lost itself
            lines.append(self._format(Level.WARN, "observe.logger", "log lines were lost", {"count": lost}))
        data = "".join(lines).encode("ascii", "backslashreplace")
        if self._torn:
            data = b"\n" + data
        rest = data
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError:
            self.dropped += rest.count(b"\n") - (lost > 0)
            if rest is not data:
                self._torn = not data.endswith(b"\n", 0, len(data) - len(rest))
            elif self._torn:
                self.dropped -= 1  # the line feed that was to end the torn line
            return
        self._torn = False
        self.dropped -= lost

    def close(self) -> None:
        """Flush and close the file."""
        self.flush()
        if self._fd != 2:
            os.close(self._fd)
            self._fd = 2
            self.path = None
