# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From exec to the first octet of a response: `python -m bench.startup`"""

from __future__ import annotations

import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from bench.servers import HERE, free_port, make_site


def once(site: pathlib.Path) -> float:
    """Seconds until the first octet, connecting as soon as the port answers."""
    port = free_port()
    command = [sys.executable, "-m", "sws", "start", "--root", str(site), "--listen", f"http://127.0.0.1:{port}", "--workers", "1"]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    begin = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                    client.sendall(b"GET /f/1.txt HTTP/1.1\r\nHost: a\r\n\r\n")
                    if client.recv(1):
                        return time.perf_counter() - begin
            except ConnectionRefusedError:
                time.sleep(0.002)
    finally:
        process.terminate()
        process.wait(20)


def main() -> None:
    """Median of some starts."""
    with tempfile.TemporaryDirectory() as folder:
        site = make_site(pathlib.Path(folder))
        values = sorted(once(site) for _ in range(9))
    print(f"start to first octet: median {statistics.median(values):.3f} s, {values[0]:.3f} .. {values[-1]:.3f}")


if __name__ == "__main__":
    main()
