# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What pyproject.toml cannot say: `SWS_MYPYC=1 pip install 'sws[mypyc]'` compiles the cryptography's scalar kernels.

Without that variable nothing is compiled, and what is built fits every Python.  The compiled modules stand beside their sources, and are
taken because of that (`sws.crypto.selection.is_compiled`); they need mypyc's run-time library, which the extra `mypyc` brings.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from setuptools import setup

KERNELS = ("compiled_aes", "compiled_chacha20", "compiled_ghash", "compiled_poly1305", "scalar_keccak", "scalar_sha2", "scalar_x25519")
COMPILER = "mypy[mypyc]>=2.4"


def options() -> dict[str, Any]:
    """What to build beside the Python sources."""
    if os.environ.get("SWS_MYPYC") != "1":
        return {}
    try:
        from mypyc.build import mypycify
    except ImportError:
        if "egg_info" in sys.argv:  # the build front end asks what to install first
            return {"setup_requires": [COMPILER]}
        raise SystemExit(f"SWS_MYPYC=1 needs {COMPILER} to build") from None
    paths = [f"sws/crypto/kernels/{name}.py" for name in KERNELS]
    return {"ext_modules": mypycify(["--follow-imports=silent", *paths], opt_level="3", group_name="sws_kernels")}


setup(**options())
