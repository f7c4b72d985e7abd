# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The chain of stages before a handler, compiled once per virtual host.

A stage is `async def stage(exchange, next_handler)`: it answers itself, or awaits the next.  A host's chain holds only the stages
it uses, so an unused one costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from sws.exchange.exchange import Exchange, Handler

__all__ = ["Stage", "compile_chain"]

Stage = Callable[[Exchange, Handler], Coroutine[Any, Any, None]]


def _bind(stage: Stage, next_handler: Handler) -> Handler:
    def step(exchange: Exchange) -> Coroutine[Any, Any, None]:
        return stage(exchange, next_handler)

    return step


def compile_chain(stages: Sequence[Stage], handler: Handler) -> Handler:
    """One handler that runs the stages in order, then `handler`."""
    for stage in reversed(stages):
        handler = _bind(stage, handler)
    return handler
