# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A client that makes TLS handshakes: OpenSSL through Python's ssl, several processes of it at a time (`load`).

`python -m bench.tls_client PORT SECONDS (full|resumed)` prints how many it made and in how many seconds.  The hybrid group, which the
OpenSSL of the day may lack, is asked for by Node.js instead (`node_load`).
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
import time

from bench.servers import HERE, on_core

__all__ = ["client_context", "load", "node_load", "node_program", "open_tls"]

REQUEST = b"GET /f/1.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"

_NODE = """
const tls = require('tls');
const [port, seconds, group, suite] = process.argv.slice(1);
const options = {port: +port, host: '127.0.0.1', rejectUnauthorized: false, ecdhCurve: group, ciphers: suite, minVersion: 'TLSv1.3'};
let count = 0;
const begin = Date.now(), end = begin + seconds * 1000;
function next() {
  if (Date.now() >= end) return;
  const socket = tls.connect(options, () => { count += 1; socket.end(); });
  socket.on('data', () => {});
  socket.on('error', (error) => { console.error(error.message); process.exit(1); });
  socket.on('close', next);
}
for (let i = 0; i < 4; i++) next();
process.on('exit', () => console.log(count, (Date.now() - begin) / 1000));
"""


def client_context() -> ssl.SSLContext:
    """One that checks nothing; suite and group come from the environment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def open_tls(context: ssl.SSLContext, port: int, session: ssl.SSLSession | None = None, source: str | None = None) -> ssl.SSLSocket:
    """A connection with its handshake done."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=None if source is None else (source, 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        return context.wrap_socket(sock, session=session)
    except BaseException:
        sock.close()
        raise


def _session(context: ssl.SSLContext, port: int) -> ssl.SSLSession | None:
    with open_tls(context, port) as sock:
        sock.sendall(REQUEST)
        sock.recv(4096)
        return sock.session


def run(port: int, seconds: float, count: int, resumed: bool) -> tuple[int, float]:
    """Handshakes for so long, or so many; each connection is closed by both ends."""
    context = client_context()
    session = _session(context, port) if resumed else None
    made = 0
    begin = time.perf_counter()
    while made < count if count else time.perf_counter() - begin < seconds:
        sock = open_tls(context, port, session)
        if resumed and not sock.session_reused:
            raise RuntimeError("not resumed")
        sock.unwrap().close()
        made += 1
    return made, time.perf_counter() - begin


def load(
    port: int, seconds: float, environment: dict[str, str], *, resumed: bool = False, processes: int = 4, count: int = 0
) -> tuple[int, float]:
    """Several of this at once on core 1.  Returns: handshakes in all, and a second."""
    command = [sys.executable, "-m", "bench.tls_client", str(port), str(seconds), "resumed" if resumed else "full", str(count // processes)]
    everything = {**os.environ, **environment, "PYTHONPATH": str(HERE.parent)}
    running = [subprocess.Popen(on_core(1, command), env=everything, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return _sum(running)


def node_program() -> str | None:
    """A Node.js with OpenSSL 3.5 or later."""
    for path in (os.environ.get("SWS_NODE"), str(HERE.parent / ".peers/node_modules/node/bin/node"), shutil.which("node")):
        if path and os.access(path, os.X_OK):
            version = subprocess.run([path, "-p", "process.versions.openssl"], capture_output=True, text=True, check=True).stdout.split(".")
            if (int(version[0]), int(version[1])) >= (3, 5):
                return path
    return None


def node_load(program: str, port: int, seconds: float, group: str, suite: str) -> tuple[int, float]:
    """The same by Node.js, with four connections at a time."""
    command = on_core(1, [program, "-e", _NODE, str(port), str(seconds), group, suite])
    return _sum([subprocess.Popen(command, stdout=subprocess.PIPE, text=True)])


def _sum(running: list[subprocess.Popen[str]]) -> tuple[int, float]:
    total, rate = 0, 0.0
    for process in running:
        out = process.communicate()[0]
        if process.returncode:
            raise RuntimeError(f"the load generator failed: {out}")
        made, seconds = out.split()
        total += int(made)
        rate += int(made) / float(seconds)
    return total, rate


if __name__ == "__main__":
    print(*run(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[4]), sys.argv[3] == "resumed"))
