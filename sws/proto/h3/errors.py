# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Error codes of streams and connections.  RFC 9114 §8.1, RFC 9297 §5.2."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ErrorCode"]


class ErrorCode(IntEnum):
    """Why a stream or connection ended.  Codes that are not here are treated as H3_NO_ERROR (§9)."""

    H3_DATAGRAM_ERROR = 0x33
    H3_NO_ERROR = 0x0100
    H3_GENERAL_PROTOCOL_ERROR = 0x0101
    H3_INTERNAL_ERROR = 0x0102
    H3_STREAM_CREATION_ERROR = 0x0103
    H3_CLOSED_CRITICAL_STREAM = 0x0104
    H3_FRAME_UNEXPECTED = 0x0105
    H3_FRAME_ERROR = 0x0106
    H3_EXCESSIVE_LOAD = 0x0107
    H3_ID_ERROR = 0x0108
    H3_SETTINGS_ERROR = 0x0109
    H3_MISSING_SETTINGS = 0x010A
    H3_REQUEST_REJECTED = 0x010B
    H3_REQUEST_CANCELLED = 0x010C
    H3_REQUEST_INCOMPLETE = 0x010D
    H3_MESSAGE_ERROR = 0x010E
    H3_CONNECT_ERROR = 0x010F
    H3_VERSION_FALLBACK = 0x0110

    @classmethod
    def name_of(cls, code: int) -> str:
        """The name of a code, H3_NO_ERROR for one that is not known."""
        return cls(code).name if code in _KNOWN else cls.H3_NO_ERROR.name


_KNOWN = frozenset(int(code) for code in ErrorCode)
