# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PADDING.  RFC 9000 §19.1."""

from __future__ import annotations

__all__ = ["skip_padding"]


def skip_padding(data: bytes, at: int) -> int:
    """The offset behind all PADDING frames from an offset on."""
    size = len(data)
    return size - len(data[at:].lstrip(b"\0"))
