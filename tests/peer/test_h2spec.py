# SPDX-License-Identifier: Apache-2.0 OR MIT
"""h2spec, an HTTP/2 conformance suite by other hands, over clear text and TLS, its strict cases included.

It is in no distribution's packages, so where it is not on the path this is not run, in CI neither; the kinds of its cases are in
tests/kit/h2_cases.py.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess

import pytest

from tests.kit.server import serving

pytestmark = [pytest.mark.peer, pytest.mark.slow]


def test_all_its_cases(tmp_path: pathlib.Path) -> None:
    h2spec = shutil.which("h2spec")
    if h2spec is None:
        pytest.skip("peer missing: h2spec")
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "index.html").write_text("content that takes more than one small window\n" * 20)
    (tmp_path / "sws.yaml").write_text(
        "server: {listen: ['http://127.0.0.1:0', 'https://127.0.0.1:0'], tls: {self_signed: true}, log: {access: false}, "
        "worker: {processes: 1}}\n"
    )
    with serving([], tmp_path, count=2) as server:
        for url, options in zip(server.urls, ([], ["--tls", "--insecure"]), strict=True):
            port = url.rpartition(":")[2]
            out = subprocess.run([h2spec, "--strict", "--port", port, *options], capture_output=True, text=True, check=False).stdout
            counts = re.search(r"(\d+) tests, (\d+) passed, 0 skipped, 0 failed", out)
            assert counts is not None, out[-4000:]
            assert counts[1] == counts[2]
            assert int(counts[1]) > 140
        server.stop()
    assert b'"lvl":"error"' not in server.err
