# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PING.  RFC 9000 §19.2."""

from __future__ import annotations

from typing import Final

from sws.proto.quic.frames.types import FrameType

__all__ = ["PING"]

PING: Final = bytes((FrameType.PING,))
