# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Python peers' application, as ASGI and as RSGI: answers the files of a folder from memory, with the same fields sws sends."""

import os
import pathlib

FOLDER = pathlib.Path(os.environ["BENCH_ROOT"])
FILES = {f"/f/{path.name}": path.read_bytes() for path in (FOLDER / "f").iterdir()}
HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"last-modified", b"Sun, 22 Nov 2026 22:54:43 GMT"),
    (b"etag", b'"18ea7ff3324fe5f1-400-20c102"'),
    (b"accept-ranges", b"bytes"),
    (b"content-length", b"1024"),
]


async def app(scope, receive, send):
    """ASGI."""
    body = FILES.get(scope["path"])
    if body is None:
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": body})


RSGI_HEADERS = [(name.decode("ascii"), value.decode("ascii")) for name, value in HEADERS]


async def rsgi(scope, protocol):
    """RSGI, granian's own interface."""
    body = FILES.get(scope.path)
    if body is None:
        protocol.response_empty(404, [])
    else:
        protocol.response_bytes(200, RSGI_HEADERS, body)
