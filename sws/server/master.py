# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The master: owns the listening sockets, keeps workers alive, reloads without losing a request.

    sockets       made here once and inherited (server.sockets)
    generation    the workers made from one reading of the configuration
    reload        read and check the configuration ▸ make new sockets ▸ fork the new generation ▸ wait until all of it accepts ▸
                  tell the old one to finish.  A step that fails leaves the old generation serving.
    respawn       a worker that dies is replaced, with a growing pause when it dies young

The master does nothing else: it turns no request, so nothing a client sends can end it.  It watches its workers by one pipe each
(ready) and SIGCHLD; they watch it by the end of a pipe (parent).
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from sws.base.errors import SwsError
from sws.config.addresses import parse_listen
from sws.config.model import Config
from sws.observe.logger import LEVELS, Logger
from sws.os.loop import Loop
from sws.os.poller.base import READ
from sws.os.process import can_fork, cores
from sws.os.signals import hold_signals, on_signal, release_signals, reset_signals
from sws.server.members import Members, Seat
from sws.server.pid_file import remove_pid_file, write_pid_file
from sws.server.sockets import ListeningSockets
from sws.server.worker import Worker, serve_in_child

if TYPE_CHECKING:
    from sws.server.tlssetup import TlsShared

__all__ = ["Master", "open_logger", "worker_count"]

_READY_SECONDS: Final = 15.0
_YOUNG_SECONDS: Final = 5.0
_PAUSE_MAXIMUM: Final = 30.0


def worker_count(config: Config) -> int:
    """How many workers the configuration asks for on this machine."""
    wanted = config.server.worker.processes
    if not can_fork:
        return 0
    return cores() if wanted == "auto" else wanted


def open_logger(config: Config) -> Logger:
    """The log of the configuration.  Raises: OSError if its file cannot be opened."""
    log = config.server.log
    return Logger(LEVELS[log.level], json=log.format == "json", path=log.file)


@final
@dataclass(slots=True, eq=False)
class _Child:
    """A worker as the master sees it."""

    pid: int
    number: int
    generation: int
    born: float
    ready_fd: int
    seat: Seat | None = None
    is_ready: bool = False
    leaving: bool = False


@final
class Master:
    """Runs a configuration until SIGTERM.

    Args:
      config:   checked.
      reload:   reads the configuration anew.  Raises: ConfigError.
      announce: called once with the URLs that are listened on, when every worker accepts.
    """

    def __init__(self, config: Config, reload: Callable[[], Config], announce: Callable[[list[str]], None]) -> None:
        self._config = config
        self._read_config = reload
        self._announce: Callable[[list[str]], None] | None = announce
        self._logger = open_logger(config)
        self._sockets = ListeningSockets()
        self._children: dict[int, _Child] = {}
        self._generation = 0
        self._wanted = worker_count(config)
        self._stopping = False
        self._reloading = False
        self._deaths = 0
        self._exit_code = 0
        self._parent_pipe = os.pipe()
        self._previous = (config, self._wanted)
        self._pid_path = config.server.pid_file
        self._tls_shared: TlsShared | None = None
        self._members = Members()
        self.loop: Loop

    # --- sockets -------------------------------------------------------------------------------------------------

    def open_sockets(self) -> None:
        """Make every socket of the configuration.  Raises: ListenError, ConfigError."""
        self._sockets.adopt_activated(self._config)
        self._prepare_tls(self._config)
        self._sockets.ensure(self._config, max(1, self._wanted))

    def _prepare_tls(self, config: Config) -> None:
        """What workers share, before the first of them; and whether keys and certificates can be used, before any of them fails."""
        if any(parse_listen(url).is_secure for url in config.server.listen):
            from sws.server.tlssetup import TlsContext, TlsShared

            first = self._tls_shared is None
            if self._tls_shared is None:
                self._tls_shared = TlsShared(config)
            tried = TlsContext(config, self._tls_shared, time.time)
            tried.close()
            if first and tried.key_memory:
                self._logger.info("server.tls", "private keys held", {"memory": tried.key_memory})

    def urls(self) -> list[str]:
        """The addresses as they were really bound."""
        return self._sockets.urls(self._config)

    # --- running -------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Serve until told to stop.  Returns: the exit code."""
        if self._pid_path is not None:
            write_pid_file(self._pid_path)
        try:
            return self._run_alone() if self._wanted == 0 else self._run_workers()
        finally:
            if self._pid_path is not None:
                remove_pid_file(self._pid_path)
            self._sockets.close()
            self._logger.close()

    def _run_alone(self) -> int:
        """Everything in this process: for systems without fork, and for a debugger."""
        share = self._sockets.streams_of(self._config, 0, 1)
        datagrams = self._sockets.datagrams_of(self._config, 0, 1)
        worker = Worker(self._config, share, 0, self._logger, self._sockets.secure_of(share), self._tls_shared, datagrams)
        for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
            on_signal(worker.loop, name, worker.drain)
        on_signal(worker.loop, "SIGUSR1", worker.reopen_log)
        on_signal(worker.loop, "SIGHUP", lambda: self._logger.warn("server.master", "a reload needs worker processes"))
        worker.start()
        self._announce_once()
        worker.run()
        return 0

    def _run_workers(self) -> int:
        self.loop = Loop()
        self.loop.on_error = lambda error: self._logger.error("server.master", "an internal error", {"error": repr(error)})
        self.loop.add_turn_hook(self._flush_log)
        on_signal(self.loop, "SIGTERM", self.stop)
        on_signal(self.loop, "SIGINT", self.stop)
        on_signal(self.loop, "SIGHUP", self.reload)
        on_signal(self.loop, "SIGUSR1", self._reopen_logs)
        on_signal(self.loop, "SIGCHLD", self._reap)
        self._start_generation()
        self.loop.run()
        self.loop.close()
        return self._exit_code

    def _flush_log(self) -> None:
        self._logger.flush()  # not bound once: a reload changes the logger

    def _announce_once(self) -> None:
        if self._announce is not None:
            announce, self._announce = self._announce, None
            announce(self.urls())

    # --- workers -------------------------------------------------------------------------------------------------

    def _start_generation(self) -> None:
        self._generation += 1
        self._seat_and_fork(list(range(self._wanted)))
        generation = self._generation
        self.loop.call_later(_READY_SECONDS, lambda: self._check_ready(generation))

    def _seat_and_fork(self, numbers: list[int]) -> None:
        """Fork workers that know of each other."""
        if not self._sockets.has_datagrams(self._config):
            for number in numbers:
                self._fork(number, None)
            return
        if self._generation > 1:
            for name in ("sws.server.http2", "sws.server.http3"):  # who takes over shall have nothing to load
                importlib.import_module(name)
        for seat in self._members.seat(numbers, self._generation):
            self._fork(seat.number, seat)

    def _fork(self, number: int, seat: Seat | None) -> None:
        ready_read, ready_write = os.pipe()
        self._logger.flush()
        sys.stdout.flush()
        sys.stderr.flush()
        hold_signals()
        try:
            pid = os.fork()
            if pid == 0:
                self._become_worker(number, seat, ready_read, ready_write)
        finally:
            release_signals()
        os.close(ready_write)
        if seat is not None:
            seat.reader.close()
        child = _Child(pid, number, self._generation, self.loop.now, ready_read, seat)
        self._children[pid] = child
        self.loop.watch(ready_read, READ, lambda _mask: self._on_ready(child))

    def _become_worker(self, number: int, seat: Seat | None, ready_read: int, ready_write: int) -> None:
        """In the child: never returns."""
        code = 1
        try:
            reset_signals()
            self.loop.close()
            os.close(ready_read)
            os.close(self._parent_pipe[1])
            for other in self._children.values():
                if other.ready_fd >= 0:
                    os.close(other.ready_fd)
            share = self._sockets.streams_of(self._config, number, self._wanted)
            datagrams = self._sockets.datagrams_of(self._config, number, self._wanted)
            self._sockets.keep_only([*share, *(udp.sock for udp in datagrams)])
            secure = self._sockets.secure_of(share)
            membership = self._members.take(seat)
            make = lambda: Worker(  # noqa: E731
                self._config, share, number, open_logger(self._config), secure, self._tls_shared, datagrams, membership
            )
            code = serve_in_child(make, ready_write, self._parent_pipe[0])
        except (SwsError, OSError) as error:
            self._logger.error("server.worker", "a worker cannot start", {"error": str(error)})
        except BaseException as error:
            trace = "".join(traceback.format_exception(error))[-4000:]
            self._logger.error("server.worker", "a worker failed", {"error": repr(error), "trace": trace})
        finally:
            self._logger.flush()
            os._exit(code)

    def _on_ready(self, child: _Child) -> None:
        data = os.read(child.ready_fd, 1)
        self.loop.unwatch(child.ready_fd)
        os.close(child.ready_fd)
        child.ready_fd = -1
        if not data:
            return  # it died: SIGCHLD tells
        child.is_ready = True
        current = [c for c in self._children.values() if c.generation == self._generation and c.is_ready and not c.leaving]
        if len(current) == self._wanted:
            self._generation_is_ready()

    def _generation_is_ready(self) -> None:
        self._announce_once()
        self._sockets.settle()
        for child in self._children.values():
            if child.generation < self._generation and not child.leaving:
                child.leaving = True
                _kill(child.pid, "SIGQUIT")
        if self._reloading:
            self._reloading = False
            self._sockets.close_unused(self._config)
            self._logger.info("server.master", "reloaded", {"generation": self._generation, "workers": self._wanted})

    def _check_ready(self, generation: int) -> None:
        late = [c for c in self._children.values() if c.generation == generation and not c.is_ready]
        if late and generation == self._generation and not self._stopping:
            self._logger.error("server.master", "workers did not become ready", {"count": len(late)})
            for child in late:
                _kill(child.pid, "SIGKILL")

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            child = self._children.pop(pid, None)
            if child is not None:
                if child.seat is not None:
                    self._members.leave(child.seat)
                self._buried(child, status)
        if self._stopping and not self._children:
            self.loop.stop()

    def _buried(self, child: _Child, status: int) -> None:
        if child.ready_fd >= 0:
            self.loop.unwatch(child.ready_fd)
            os.close(child.ready_fd)
        code = os.waitstatus_to_exitcode(status)
        if self._stopping or child.leaving:
            if code != 0:
                self._exit_code = self._exit_code or 1
            return
        self._logger.error("server.master", "a worker died", {"pid": child.pid, "code": code})
        if self._reloading and child.generation == self._generation:
            self._abandon_reload()
            return
        if not child.is_ready and self._announce is not None:
            self._exit_code = 1  # it never came up: a fault of the configuration or the machine
            self.stop()
            return
        self._deaths = self._deaths + 1 if self.loop.now - child.born < _YOUNG_SECONDS else 0
        pause = min(_PAUSE_MAXIMUM, 0.1 * 2**self._deaths) if self._deaths else 0.0
        self.loop.call_later(pause, lambda: self._respawn(child))

    def _respawn(self, child: _Child) -> None:
        if not self._stopping and child.generation == self._generation:
            self._seat_and_fork([child.number])

    # --- signals -------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Let the workers finish, then end; those that do not are killed after the grace time."""
        if self._stopping:
            return
        self._stopping = True
        for child in self._children.values():
            _kill(child.pid, "SIGTERM")
        self.loop.call_later(self._config.server.timeouts.shutdown + 2.0, self._kill_rest)
        if not self._children:
            self.loop.stop()

    def _kill_rest(self) -> None:
        for child in self._children.values():
            _kill(child.pid, "SIGKILL")

    def reload(self) -> None:
        """Read the configuration anew and hand over to a new generation."""
        if self._stopping or self._reloading:
            self._logger.warn("server.master", "a reload is under way already")
            return
        self._previous = (self._config, self._wanted)
        try:
            config = self._read_config()
            wanted = worker_count(config)
            if wanted == 0:
                raise SwsError("processes: 0 takes effect at the next start only")
            self._prepare_tls(config)
            self._sockets.ensure(config, wanted)
            logger = open_logger(config)
        except (SwsError, OSError) as error:
            self._logger.error("server.master", "the reload failed, the old configuration stays", {"error": str(error)})
            self._sockets.shrink()
            self._sockets.close_unused(self._config)
            return
        self._logger.close()
        self._logger = logger
        self._config = config
        self._wanted = wanted
        self._reloading = True
        self._start_generation()

    def _abandon_reload(self) -> None:
        """A new worker could not live: end the new generation, keep the old."""
        self._reloading = False
        failed = self._generation
        self._config, self._wanted = self._previous
        for child in self._children.values():
            if child.generation == failed:
                child.leaving = True
                _kill(child.pid, "SIGTERM")
            else:
                child.generation = failed + 1
                if child.seat is not None:
                    child.seat.generation = failed + 1
        self._generation = failed + 1
        self._sockets.shrink()
        self._sockets.close_unused(self._config)
        self._logger.error("server.master", "the reload failed, the old configuration stays", {"error": "a new worker died"})

    def _reopen_logs(self) -> None:
        try:
            self._logger.reopen()
        except OSError as error:
            self._logger.error("server.master", "the log cannot be reopened", {"error": str(error)})
        for child in self._children.values():
            _kill(child.pid, "SIGUSR1")


def _kill(pid: int, name: str) -> None:
    try:
        os.kill(pid, getattr(signal, name))
    except ProcessLookupError:
        pass
