# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What connections and the server see of each other: the server answers exchanges, and counts, drains and closes connections."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from sws.exchange.exchange import Exchange

__all__ = ["ConnectionDriver", "Service"]


class ConnectionDriver(Protocol):
    """A connection as those see it who count, drain and close connections: net.driver.StreamDriver, and net.h3.Http3Driver."""

    idle_since: float

    @property
    def exchanges(self) -> int:
        """How many exchanges are under way."""

    def shutdown(self, patience: float = 0.0) -> None:
        """Finish what is under way and close."""

    def abort(self) -> None:
        """Close at once."""


class Service(Protocol):
    """What answers exchanges: server.service.HttpService."""

    def handle(self, exchange: Exchange) -> Coroutine[Any, Any, None]:
        """Answer."""

    def refuse(self, exchange: Exchange, status: int, reason: str) -> Coroutine[Any, Any, None]:
        """Answer a request whose head or content could not be accepted."""

    def finished(self, exchange: Exchange, error: BaseException | None) -> None:
        """The handler is through; `error` is what it failed with."""

    def closed(self, driver: ConnectionDriver) -> None:
        """The connection is gone."""
