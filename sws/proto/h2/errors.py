# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Error codes of RST_STREAM and GOAWAY.  RFC 9113 §7."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ErrorCode"]


class ErrorCode(IntEnum):
    """Why a stream or connection ended.  Codes that are not here are treated as INTERNAL_ERROR (§7)."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD

    @classmethod
    def name_of(cls, code: int) -> str:
        """The name of a code, INTERNAL_ERROR for one that is not known."""
        return cls(code).name if code <= cls.HTTP_1_1_REQUIRED else cls.INTERNAL_ERROR.name
