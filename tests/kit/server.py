# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A real server process for tests: started by its command line, stopped by SIGTERM."""

from __future__ import annotations

import http.client
import os
import pathlib
import select
import signal as signals
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

ROOT = pathlib.Path(__file__).parent.parent.parent
START_SECONDS = 15.0


class ServerProcess:
    """`python -m sws start …` in a folder of its own.

    Args:
      arguments:  behind `start`.
      cwd:        where it runs.
      before:     a command that runs the server's.
      modules:    a folder whose modules are found before all others: a sitecustomize there can put faults into the server.
      options:    of subprocess.Popen.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        cwd: pathlib.Path,
        before: Sequence[str] = (),
        modules: pathlib.Path | None = None,
        **options: object,
    ) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT) if modules is None else f"{modules}{os.pathsep}{ROOT}",
            "COVERAGE_RCFILE": str(ROOT / "pyproject.toml"),
            "COVERAGE_FILE": coverage_file(),
        }
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "sws", "start", *arguments],
            cwd=cwd,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,  # type: ignore[call-overload]
        )
        os.set_blocking(self.process.stdout.fileno(), False)
        os.set_blocking(self.process.stderr.fileno(), False)
        self.out = b""
        self.err = b""
        self.urls: list[str] = []

    def wait_until_listening(self, count: int = 1) -> ServerProcess:
        """Return once `count` addresses were announced."""
        self.read_until(lambda: self.out.count(b"listening on") >= count and self.out.endswith(b"\n"))
        self.urls = [line.removeprefix("listening on ") for line in self.out.decode().splitlines()]
        return self

    def read_until(self, condition: object, seconds: float = START_SECONDS) -> None:
        """Read both outputs until something holds.  Fails with what was printed."""
        until = time.monotonic() + seconds
        while not condition():  # type: ignore[operator]
            left = until - time.monotonic()
            if left <= 0 or not self._read(left):
                if condition():  # type: ignore[operator]
                    return
                raise AssertionError(f"server said {self.out!r} {self.err!r}, code {self.process.poll()}")

    def _read(self, seconds: float) -> bool:
        streams = [stream for stream in (self.process.stdout, self.process.stderr) if stream and not stream.closed]
        if not streams:
            return False
        ready, _, _ = select.select(streams, [], [], seconds)
        for stream in ready:
            data = stream.read()
            if data == b"":
                stream.close()
            elif stream is self.process.stdout:
                self.out += data or b""
            else:
                self.err += data or b""
        return True

    @property
    def port(self) -> int:
        """Of the first address."""
        return int(self.urls[0].rpartition(":")[2])

    def get(self, path: str = "/", method: str = "GET", **fields: str) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in fields.items()})
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    def signal(self, number: int) -> None:
        """Send a signal to the master."""
        self.process.send_signal(number)

    def stop(self, number: int = signals.SIGTERM, seconds: float = 20.0) -> int:
        """Stop it.  Returns: the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds: float = 20.0) -> int:
        """Wait for its end, reading all it says."""
        until = time.monotonic() + seconds
        while self._read(max(0.0, until - time.monotonic())) and time.monotonic() < until:
            pass
        return self.process.wait(max(0.1, until - time.monotonic()))


def coverage_file() -> str:
    """Where subprocesses put their coverage: beside this process's."""
    return os.environ.get("COVERAGE_FILE", str(ROOT / ".coverage"))


@contextmanager
def serving(
    arguments: Sequence[str], cwd: pathlib.Path, count: int = 1, *, modules: pathlib.Path | None = None, **options: object
) -> Iterator[ServerProcess]:
    """A server that listens, killed at the end if it is still there."""
    server = ServerProcess(arguments, cwd, modules=modules, **options)
    try:
        yield server.wait_until_listening(count)
    finally:
        if server.process.poll() is None:
            server.stop()
        for stream in (server.process.stdout, server.process.stderr):
            if stream and not stream.closed:
                stream.close()
