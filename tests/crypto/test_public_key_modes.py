# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every public-key primitive under every choice of kernels, and what importing them costs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sws.crypto.selection import is_compiled

CODE = """
import sys
from sws.crypto import ecdh, ecdsa, ed25519, rsa, x25519
from sws.crypto.selection import kernels_in_use
used = kernels_in_use()
a, b = bytes(range(32)), bytes(range(1, 33))
print(x25519.exchange(a, x25519.public(b)).hex())
print(ed25519.sign(a, b"m").hex(), ed25519.verify(ed25519.public(a), b"m", ed25519.sign(a, b"m")))
for curve, octets in (("P-256", 32), ("P-384", 48)):
    key = ecdsa.EcPrivateKey(curve, bytes(range(1, octets + 1)))
    signature = ecdsa.sign(key, b"m", "sha256", None)
    print(signature.hex(), ecdsa.verify(ecdsa.public(key), b"m", signature, "sha256"), ecdh.exchange(key, ecdsa.public(key)).hex())
print(*(used[name] for name in ("x25519", "weierstrass", "ed25519")), any("_tables_" in name and "sha" not in name for name in sys.modules))
"""


def run(code: str, mode: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | {"SWS_KERNELS": mode})
    return done.stdout.splitlines()


@pytest.mark.slow
def test_all_modes_compute_the_same() -> None:
    fast, careful, twins = (run(CODE, mode) for mode in ("auto", "ct", "ref"))
    assert fast[:-1] == careful[:-1] == twins[:-1]
    kind = "compiled" if is_compiled("sws.crypto.kernels.scalar_x25519") else "lanes"
    assert fast[-1] == f"{kind} lanes lanes True"
    assert careful[-1] == f"{kind} ref ref False", "no table is read at secret places"
    assert twins[-1] == "ref ref ref False"


def test_no_table_is_decoded_at_import() -> None:
    code = "from sws.crypto import ecdh, ecdsa, ed25519, rsa, x25519; import sys; print(*(m for m in sys.modules if '_tables_' in m))"
    assert "25519" not in (loaded := run(code, "auto")[0])
    assert "_p256" not in loaded
    assert "_p384" not in loaded
