# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What cipher suites and groups are called in the configuration: their IANA names."""

from __future__ import annotations

from typing import Final

__all__ = ["GROUP_NAMES", "SUITE_NAMES"]

SUITE_NAMES: Final = {
    "TLS_AES_128_GCM_SHA256": 0x1301,
    "TLS_AES_256_GCM_SHA384": 0x1302,
    "TLS_CHACHA20_POLY1305_SHA256": 0x1303,
}
GROUP_NAMES: Final = {"X25519MLKEM768": 0x11EC, "x25519": 0x001D, "secp256r1": 0x0017, "secp384r1": 0x0018}
