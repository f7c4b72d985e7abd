# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The log: one JSON object (or one line of text) per event, written once a turn.

Every line has `ts` (UTC, RFC 3339), `lvl`, `mod`, `msg`; a request's line has `latency_us` besides.  Lines collect in memory and leave
in one write at the end of the loop's turn, so a busy server makes one system call for many requests.  A log that cannot be
written (disk full, broken pipe) never stops the service: lines are dropped and counted, and the count is logged once writing works again.
Nor does a pipe that nobody reads: what it does not take waits, up to a bound, from which on new lines are dropped (observe.sink).

Strings from peers go through the JSON string encoder in either format, so a line feed in a header cannot forge a line.
Several workers may share a file.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from enum import IntEnum
from json.encoder import encode_basestring_ascii as quote
from typing import Final, final

from sws.observe.sink import Sink

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
        self._sink = Sink(path)
        self._lines: list[str] = []
        self._held = b""  # whoever reads has not taken it yet
        self._held_losses = 0  # that are reported in there
        self._size = 0  # of both
        self._second = -1
        self._prefix = ""
        self._torn = False  # the last write ended within a line

    def reopen(self) -> None:
        """Open the file anew, after a rotation moved the old one away.  Raises: OSError; the old file then stays in use."""
        if self.path is not None:
            self.flush()
            sink = Sink(self.path)
            self._sink.close()
            self._sink = sink
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
            if self._size > _BUFFER_MAXIMUM:
                self.dropped += 1
                return
        self._lines.append(line)
        self._size += len(line)

    def flush(self) -> None:
        """Write what has collected, as far as whoever reads takes it; never raises, never waits."""
        if (self._held and not self._push()) or not self._lines:
            return
        lines, self._lines, self._size = self._lines, [], 0
        lost = self.dropped
        if lost:  # the report leaves with what follows it, so it cannot be lost itself
            lines.append(self._format(Level.WARN, "observe.logger", "log lines were lost", {"count": lost}))
            self.dropped = 0
        self._held = "".join(lines).encode("ascii", "backslashreplace")
        self._held_losses = lost
        if self._torn:
            self._held = b"\n" + self._held
        self._push()

    def _push(self) -> bool:
        """Write what is held; whether nothing of it is left."""
        try:
            while self._held:
                count = self._sink.write(self._held)
                self._torn = self._held[count - 1 : count] != b"\n"
                self._held = self._held[count:]
        except BlockingIOError:
            pass
        except OSError:
            losses, report = self._held_losses, 1 if self._held_losses else 0
            self.dropped += self._held.count(b"\n") - self._held.startswith(b"\n") - report + losses
            self._held = b""
        self._size = len(self._held) + sum(map(len, self._lines))
        return not self._held

    def close(self) -> None:
        """Flush and close the file."""
        self.flush()
        self._sink.close()
        self.path = None
