# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Transport error codes.  RFC 9000 §20.1, RFC 9368 §10.2."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ErrorCode", "crypto_error"]


class ErrorCode(IntEnum):
    """What CONNECTION_CLOSE of type 0x1c carries."""

    NO_ERROR = 0x00
    INTERNAL_ERROR = 0x01
    CONNECTION_REFUSED = 0x02
    FLOW_CONTROL_ERROR = 0x03
    STREAM_LIMIT_ERROR = 0x04
    STREAM_STATE_ERROR = 0x05
    FINAL_SIZE_ERROR = 0x06
    FRAME_ENCODING_ERROR = 0x07
    TRANSPORT_PARAMETER_ERROR = 0x08
    CONNECTION_ID_LIMIT_ERROR = 0x09
    PROTOCOL_VIOLATION = 0x0A
    INVALID_TOKEN = 0x0B
    APPLICATION_ERROR = 0x0C
    CRYPTO_BUFFER_EXCEEDED = 0x0D
    KEY_UPDATE_ERROR = 0x0E
    AEAD_LIMIT_REACHED = 0x0F
    NO_VIABLE_PATH = 0x10
    VERSION_NEGOTIATION_ERROR = 0x11
    CRYPTO_ERROR = 0x0100  # .. 0x01ff: plus a TLS alert


def crypto_error(alert: int) -> int:
    """The code that carries a TLS alert.  RFC 9001 §4.8."""
    return ErrorCode.CRYPTO_ERROR | alert
