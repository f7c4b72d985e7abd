# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ClientHello, ServerHello and HelloRetryRequest on the wire.  RFC 9846 §4.1.

    ClientHello   0303 random session_id<0..32> suites<2..> compression<1..> extensions
    ServerHello   0303 random session_id<0..32> suite compression extensions    (a HelloRetryRequest if Random says so)

What the values mean is decided in `server` and `client`; here only the syntax is checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from sws.base.errors import DecodeError
from sws.base.reader import Reader
from sws.proto.tls.constants import HELLO_RETRY_RANDOM, LEGACY_VERSION, HandshakeType
from sws.proto.tls.extensions import Extensions, decode_extensions, encode_extensions, encode_vector16, numbers16

__all__ = ["ClientHello", "ServerHello", "decode_client_hello", "decode_server_hello", "encode_handshake"]


def encode_handshake(kind: int, body: bytes) -> bytes:
    """A handshake message: type, length of three octets, body.  §4."""
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


@final
@dataclass(frozen=True, slots=True)
class ClientHello:
    """§4.1.2.

    Attributes:
      message:     all octets, its header included.
      extensions:  in the order of the wire; None if the message ends before them (a client of TLS 1.2 or older).
    """

    version: int
    random: bytes
    session_id: bytes
    suites: tuple[int, ...]
    compression: bytes
    extensions: Extensions | None
    message: bytes

    def encode(self) -> bytes:
        """The message that these values make; `message` is not looked at."""
        body = b"".join(
            (
                self.version.to_bytes(2, "big"),
                self.random,
                bytes((len(self.session_id),)),
                self.session_id,
                encode_vector16(b"".join([suite.to_bytes(2, "big") for suite in self.suites])),
                bytes((len(self.compression),)),
                self.compression,
                b"" if self.extensions is None else encode_extensions(self.extensions.items()),
            )
        )
        return encode_handshake(HandshakeType.CLIENT_HELLO, body)


def find_extension(message: bytes, number: int) -> bytes | None:
    """The body of an extension of a ClientHello, found by lengths alone; None if it is not there, or the message is broken.

    For who has to look into a ClientHello before TLS does, which says what is wrong with it.
    """
    end = len(message)
    at = 38  # header, version, random
    for octets in (1, 2, 1):  # session ID, suites, compression methods
        at += octets + int.from_bytes(message[at : at + octets], "big")
    at += 2
    while at + 4 <= end:
        kind = int.from_bytes(message[at : at + 2], "big")
        after = at + 4 + int.from_bytes(message[at + 2 : at + 4], "big")
        if kind == number:
            return message[at + 4 : after] if after <= end else None
        at = after
    return None


def decode_client_hello(message: bytes) -> ClientHello:
    """Raises: DecodeError; TlsAlert illegal_parameter for extensions that stand twice or where they may not."""
    reader = Reader(message, 4)
    version = reader.u16("legacy_version")
    random = reader.take(32, "random")
    session_id = reader.vector(1, "legacy_session_id")
    if len(session_id) > 32:
        raise DecodeError("legacy_session_id: more than 32 octets", reader.offset)
    suites = reader.vector(2, "cipher_suites", 2)
    if len(suites) % 2:
        raise DecodeError("cipher_suites: an odd length", reader.offset)
    compression = reader.vector(1, "compression methods", 1)
    extensions = None
    if reader.remaining:
        extensions = decode_extensions(reader, "client_hello")
        reader.finish("ClientHello")
    return ClientHello(version, random, session_id, numbers16(suites), compression, extensions, message)


@final
@dataclass(frozen=True, slots=True)
class ServerHello:
    """§4.1.3; a HelloRetryRequest (§4.1.4) if `is_retry`."""

    version: int
    random: bytes
    session_id: bytes
    suite: int
    compression: int
    extensions: Extensions

    @property
    def is_retry(self) -> bool:
        """Whether this asks for another ClientHello."""
        return self.random == HELLO_RETRY_RANDOM

    def encode(self) -> bytes:
        """The whole message."""
        body = b"".join(
            (
                LEGACY_VERSION.to_bytes(2, "big"),
                self.random,
                bytes((len(self.session_id),)),
                self.session_id,
                self.suite.to_bytes(2, "big"),
                b"\0",
                encode_extensions(self.extensions.items()),
            )
        )
        return encode_handshake(HandshakeType.SERVER_HELLO, body)


def decode_server_hello(message: bytes) -> ServerHello:
    """Raises: DecodeError; TlsAlert illegal_parameter for extensions that stand twice.  Their places are not checked yet."""
    reader = Reader(message, 4)
    version = reader.u16("legacy_version")
    random = reader.take(32, "random")
    session_id = reader.vector(1, "legacy_session_id_echo")
    if len(session_id) > 32:
        raise DecodeError("legacy_session_id_echo: more than 32 octets", reader.offset)
    suite = reader.u16("cipher_suite")
    compression = reader.u8("compression method")
    extensions: Extensions = {}
    if reader.remaining:
        extensions = decode_extensions(reader, None)  # of which version the message is, they have to say first
        reader.finish("ServerHello")
    return ServerHello(version, random, session_id, suite, compression, extensions)
