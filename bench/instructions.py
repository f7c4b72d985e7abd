# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/3 handshakes in instructions, which are repeatable where time is not, beside hypercorn's.  `python -m bench.instructions`

Both servers run under callgrind (Debian: valgrind), which counts while a client of ngtcp2 asks for a file of 1 KiB, a connection each.  The
second column is what is spent inside CPython's integers, in C: interpreted, that is our cryptography, and no other way of writing Python
makes it less, only fewer operations do.  Hypercorn's cryptography is C with instructions made for it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.h3 import ask, client_of, is_answered_soon, make_pair, servers
from bench.servers import free_port, make_site

WARM = 25
COUNTED = 40
_LINE = re.compile(r"\s*([\d,]+) \([ \d.]+%\)\s+(.*)")
# What its loops call, too: they look for signals once a digit.
_INTEGERS = re.compile(r"longobject\.c:|PyErr_CheckSignals|PyThread_get_thread_ident|:_PyLong_")


def count(folder: Path, command: list[str]) -> tuple[float, float]:
    """Instructions of a connection with one request, and those of them in integers."""
    port, out = free_port(), folder / "callgrind"
    watched = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
    command = [*watched, *(part.replace("PORT", str(port)) for part in command)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    client = client_of(port, 1)
    if not is_answered_soon(client, server, 60):
        server.kill()
        sys.exit("no answer")
    for _ in range(WARM):
        ask(client, 1)
    switch(server.pid, "on")
    answered = sum(ask(client, 1) for _ in range(COUNTED))
    time.sleep(0.3)  # the last client has gone, and what it said last may still have to be read
    switch(server.pid, "off")
    server.terminate()
    server.wait()
    said = subprocess.run(["callgrind_annotate", "--threshold=100", str(out)], capture_output=True, text=True, check=True).stdout
    found = [(int(line[1].replace(",", "")), line[2]) for line in map(_LINE.match, said.splitlines()) if line is not None]
    whole = next(number for number, name in found if name == "PROGRAM TOTALS")
    return whole / answered, sum(number for number, name in found if _INTEGERS.search(name)) / answered


def switch(pid: int, to: str) -> None:
    """Count, or do not."""
    subprocess.run(["callgrind_control", "-i", to, str(pid)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> None:
    """Count and print."""
    argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0]).parse_args()
    for program in ("gtlsclient", "valgrind"):
        if shutil.which(program) is None:
            sys.exit(f"{program} (Debian: ngtcp2-client, valgrind) is needed")
    os.environ["PYTHONHASHSEED"] = "0"
    for name in ("sws", "hypercorn"):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            site = make_site(folder / "site")
            make_pair(folder)
            os.environ["BENCH_ROOT"] = str(site)
            whole, integers = count(folder, servers(folder, site)[name])
            print(f"{name:<10} {whole / 1e6:6.2f} million instructions a handshake, {integers / 1e6:6.2f} of them in integers", flush=True)


if __name__ == "__main__":
    main()
