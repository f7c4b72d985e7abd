# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HANDSHAKE_DONE.  RFC 9000 §19.20."""

from __future__ import annotations

from typing import Final

from sws.proto.quic.frames.types import FrameType

__all__ = ["HANDSHAKE_DONE"]

HANDSHAKE_DONE: Final = bytes((FrameType.HANDSHAKE_DONE,))
