# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The errors of the house, one tree.

The rule that every decoder is held to by fuzzers: bytes from outside raise a kind of `PeerError`, `DecodeError`,
`LimitExceeded` or `AuthenticationError`, and nothing else.  `UsageError` is always a fault of the calling code.
"""

from __future__ import annotations

from typing import ClassVar, final

__all__ = [
    "AuthenticationError",
    "ConfigError",
    "DecodeError",
    "H2ConnectionError",
    "H2StreamError",
    "H3ConnectionError",
    "H3StreamError",
    "Http1Error",
    "LimitExceeded",
    "PeerError",
    "QpackDecoderStreamError",
    "QpackDecompressionFailed",
    "QpackEncoderStreamError",
    "QpackError",
    "QuicTransportError",
    "SwsError",
    "TlsAlert",
    "UsageError",
]


class SwsError(Exception):
    """Anything that sws itself raises on purpose."""


class UsageError(SwsError):
    """The caller broke a contract; never caused by bytes from outside."""


class PeerError(SwsError):
    """A peer broke its protocol; subclasses carry the protocol's own error code."""


@final
class Http1Error(PeerError):
    """An HTTP/1.1 message that must be refused.  RFC 9112 §2.2 and after.

    Args:
      status:  what a server answers with (400, 413, 431, 501, 505 …); a client reports it as a bad gateway.
      reason:  a short fixed English phrase for the log; it never repeats the peer's bytes.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason


@final
class TlsAlert(PeerError):
    """A TLS connection that has to end with an alert.  RFC 9846 §6.

    Args:
      description:  AlertDescription, the number that goes to the peer.
      reason:       a short fixed English phrase for the log; it never repeats the peer's bytes.
      against_quic: inside QUIC it is no alert, but PROTOCOL_VIOLATION.  RFC 9001 §4.1.3, §4.4, §4.6.1.
    """

    def __init__(self, description: int, reason: str, against_quic: bool = False) -> None:
        super().__init__(f"alert {int(description)}: {reason}")
        self.description = int(description)
        self.reason = reason
        self.against_quic = against_quic


@final
class H2ConnectionError(PeerError):
    """An HTTP/2 connection that cannot go on.  RFC 9113 §5.4.1.

    Args:
      code:    of RFC 9113 §7 (`sws.proto.h2.ErrorCode`), for GOAWAY.
      reason:  a short fixed English phrase for the log and GOAWAY's debug data; it never repeats the peer's bytes.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"HTTP/2 connection error {code}: {reason}")
        self.code = code
        self.reason = reason


@final
class H2StreamError(PeerError):
    """One HTTP/2 stream that cannot go on.  RFC 9113 §5.4.2.

    Args:
      stream:  its identifier.
      code:    for RST_STREAM.
      reason:  a short fixed English phrase for the log.
    """

    def __init__(self, stream: int, code: int, reason: str) -> None:
        super().__init__(f"HTTP/2 stream {stream} error {code}: {reason}")
        self.stream = stream
        self.code = code
        self.reason = reason


class QpackError(PeerError):
    """QPACK state that cannot go on, and with it the HTTP/3 connection.  RFC 9204 §6.

    Args:
      reason:  a short fixed English phrase for the log; it never repeats the peer's bytes.
    Attributes:
      code:  the HTTP/3 error code to close with.
    """

    code: ClassVar[int]

    def __init__(self, reason: str) -> None:
        super().__init__(f"QPACK error {self.code:#x}: {reason}")
        self.reason = reason


@final
class QpackDecompressionFailed(QpackError):
    """A field section that cannot be interpreted: QPACK_DECOMPRESSION_FAILED.  RFC 9204 §6."""

    code = 0x0200


@final
class QpackEncoderStreamError(QpackError):
    """An instruction on the encoder stream that cannot be: QPACK_ENCODER_STREAM_ERROR.  RFC 9204 §6."""

    code = 0x0201


@final
class QpackDecoderStreamError(QpackError):
    """An instruction on the decoder stream that cannot be: QPACK_DECODER_STREAM_ERROR.  RFC 9204 §6."""

    code = 0x0202


@final
class H3ConnectionError(PeerError):
    """An HTTP/3 connection that cannot go on.  RFC 9114 §8.

    Args:
      code:    of RFC 9114 §8.1 (`sws.proto.h3.ErrorCode`) or RFC 9204 §6, for the application's CONNECTION_CLOSE.
      reason:  a short fixed English phrase for the log and the CONNECTION_CLOSE; it never repeats the peer's bytes.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"HTTP/3 connection error {int(code):#x}: {reason}")
        self.code = int(code)
        self.reason = reason


@final
class H3StreamError(PeerError):
    """One HTTP/3 request stream that cannot go on.  RFC 9114 §8.

    Args:
      stream:  its identifier.
      code:    for RESET_STREAM and STOP_SENDING.
      reason:  a short fixed English phrase for the log.
    """

    def __init__(self, stream: int, code: int, reason: str) -> None:
        super().__init__(f"HTTP/3 stream {stream} error {int(code):#x}: {reason}")
        self.stream = stream
        self.code = int(code)
        self.reason = reason


@final
class QuicTransportError(PeerError):
    """A QUIC connection that cannot go on.  RFC 9000 §11.1.

    Args:
      code:        of RFC 9000 §20.1 (`sws.proto.quic.errors.ErrorCode`), for CONNECTION_CLOSE.
      reason:      a short fixed English phrase for the log and the peer; it never repeats the peer's bytes.
      frame_type:  of the frame that showed the fault; 0 if it was none.
    """

    def __init__(self, code: int, reason: str, frame_type: int = 0) -> None:
        super().__init__(f"QUIC transport error {int(code):#x}: {reason}")
        self.code = int(code)
        self.reason = reason
        self.frame_type = frame_type


@final
class DecodeError(SwsError):
    """Bytes that are not what they should be.

    Args:
      what:    the thing that was being decoded and what is wrong with it.
      offset:  where in the input, in octets.
    """

    def __init__(self, what: str, offset: int = 0) -> None:
        super().__init__(f"{what} at offset {offset}")
        self.what = what
        self.offset = offset


@final
class AuthenticationError(SwsError):
    """A tag, signature or token did not verify: one message, no detail, so that nothing can be learned from it."""

    def __init__(self) -> None:
        super().__init__("authentication failed")


@final
class LimitExceeded(SwsError):
    """Something a peer can make grow reached its bound."""

    def __init__(self, limit: str, value: int, maximum: int) -> None:
        super().__init__(f"{limit}: {value} exceeds {maximum}")
        self.limit = limit
        self.value = value
        self.maximum = maximum


@final
class ConfigError(SwsError):
    """A configuration that cannot be used.

    Args:
      message:  what is wrong, and what would be right.
      file, line:  where it stands, when known (lines count from 1).
      path:     the key's path, as `server.listen[0]`.
    """

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None, path: str | None = None) -> None:
        place = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        where = f"{path}: " if path else ""
        super().__init__(f"{place}{where}{message}")
        self.message = message
        self.file = file
        self.line = line
        self.path = path
