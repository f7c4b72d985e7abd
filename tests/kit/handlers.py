# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Handlers that tests of connections use again and again."""

from __future__ import annotations

import os
import pathlib

from sws.exchange.exchange import Exchange, Handler

__all__ = ["descriptors", "echo", "hello", "of_file"]


def descriptors() -> int:
    """How many this process has open, where that can be seen."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


async def hello(exchange: Exchange) -> None:
    """Say hello to the path."""
    exchange.respond(200, ((b"content-type", b"text/plain"),), b"hello " + exchange.path)


async def echo(exchange: Exchange) -> None:
    """Send the content back as it comes."""
    exchange.start(200, ())
    while data := await exchange.read():
        await exchange.send(data)
    await exchange.finish()


def of_file(path: pathlib.Path, *, length: int | None = None, closing: list[int] | None = None) -> Handler:
    """A handler that sends a whole file with a declared length; `closing` gets the descriptors that it closed."""

    async def handler(exchange: Exchange) -> None:
        fd = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(fd).st_size if length is None else length
            exchange.start(200, ((b"content-length", b"%d" % size),))
            await exchange.send_file(fd, 0, size)
        finally:
            os.close(fd)
            if closing is not None:
                closing.append(fd)

    return handler
