# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The floor under every server on this interpreter: `python -m bench.bare PORT` reads whatever comes and sends one prepared response.

No HTTP is understood, no file is looked for, no time-out is armed: one `recv`, one `send`, and a poll for each batch.  What a real server
takes beyond this is its own doing; what this takes is the kernel's and the interpreter's.
"""

from __future__ import annotations

import select
import socket
import sys

_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1024\r\nlast-modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    b'etag: "18866f0bbd416000-400-210137"\r\naccept-ranges: bytes\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n'
)
_RESPONSE = _HEAD + b"x" * 1024


def _accept_all(listener: socket.socket, poll: select.epoll, connections: dict[int, socket.socket]) -> None:
    while True:
        try:
            connection = listener.accept()[0]
        except BlockingIOError:
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connections[connection.fileno()] = connection
        poll.register(connection.fileno(), select.EPOLLIN)


def _receive(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(65536))
    except OSError:
        return False


def main() -> None:
    """Answer until killed."""
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
    listener.setblocking(False)
    poll = select.epoll()
    poll.register(listener.fileno(), select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    while True:
        asked = []
        for descriptor, _ in poll.poll(-1, 64):
            connection = connections.get(descriptor)
            if connection is None:
                _accept_all(listener, poll, connections)
            elif _receive(connection):
                asked.append(connection)
            else:
                del connections[descriptor]
                connection.close()
        for connection in asked:
            try:
                connection.send(_RESPONSE)
            except OSError:
                pass  # the next poll tells


if __name__ == "__main__":
    main()
