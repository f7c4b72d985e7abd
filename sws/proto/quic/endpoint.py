# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A server's endpoint: from datagrams to connections, and what is said to those who have none.  RFC 9000 §5.2.2, §6.1, §8.1, §10.3.

    connection ID known            ─▶ its connection
    Initial of a version we speak  ─▶ Retry, while many handshakes are under way and there is no token; else a new connection
    another version                ─▶ Version Negotiation
    ends in a client's reset token ─▶ the connection that has used its ID (§10.3.1)
    another process's              ─▶ set aside for it (`take_strays`), unless it was handed on already
    anything else                  ─▶ stateless reset, smaller than what it answers

IDs of ours say whose they are (proto.quic.routing).  Their stateless reset tokens are made from them and a key that all workers share, so
that none needs to be kept, and whoever meets an ID whose process is gone can say so.
The client's first ID stays routed to its connection too, so that a late copy of its Initial makes no second one.  Handshakes under way are
counted and bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, final

from sws.base.datagrams import DatagramIn, DatagramOut
from sws.base.errors import DecodeError, UsageError
from sws.crypto.hmac import find_keyed
from sws.crypto.system import Entropy, system_entropy
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.frames import encode_connection_close
from sws.proto.quic.packets import (
    INITIAL_MINIMUM,
    LongHeader,
    decode_long_header,
    encode_long_header,
    encode_version_negotiation,
    invariant_ids,
)
from sws.proto.quic.protection import TAG, PacketKeys, initial_secrets, seal_packets
from sws.proto.quic.retry import encode_retry
from sws.proto.quic.routing import ID_LENGTH, IdMaker
from sws.proto.quic.server import Acceptance, ServerConnection
from sws.proto.quic.tokens import TokenBox, TokenFacts, TokenKind
from sws.proto.quic.versions import VERSIONS, PacketType
from sws.proto.tls.config import ServerConfig
from sws.proto.tls.constants import CipherSuite

__all__ = ["Endpoint", "EndpointConfig", "destination_of", "reset_token"]

_RESET_MINIMUM: Final = 21
_RESETS_A_SECOND: Final = 100
_STRAYS_MAXIMUM: Final = 1024


def _nobody(_destination: bytes, _is_newcomer: bool) -> int | None:
    return None


def reset_token(mac: Callable[[bytes], bytes], connection_id: bytes) -> bytes:
    """The stateless reset token of a connection ID, by HMAC under the key for that.  RFC 9000 §10.3.2"""
    return mac(b"sws reset" + connection_id)[:16]


@final
@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """Of one worker's listener.

    Attributes:
      reset_key:    of stateless reset tokens; SECRET, shared by all workers.
      id_key:       of connection IDs; SECRET, shared by all workers.
      process:      number of this process, in its connection IDs.
      place, count: of the socket among those that share the port, likewise.
      tokens:       makes and checks address validation tokens; None: no Retry, no NEW_TOKEN.
      retry_above:  handshakes under way from which on clients without token get a Retry; 0: always.
      new_maximum:  handshakes under way at most; beyond, clients are refused.
      maximum:      connections at most.
      preferred:    address that clients are asked to move to.
      elsewhere:    given a destination ID that is unknown here, and whether a client made it up for its first packets: the process whose
                    it is; None if there is no other.
    """

    reset_key: bytes = field(default=b"", repr=False)
    id_key: bytes = field(default=b"", repr=False)
    process: int = 1
    place: int = 0
    count: int = 1
    tokens: TokenBox | None = None
    retry_above: int = 64
    new_maximum: int = 512
    maximum: int = 65536
    preferred: tuple[bytes, int, bytes, int] | None = None
    elsewhere: Callable[[bytes, bool], int | None] = _nobody


@final
class Endpoint:
    """The connections of one UDP socket in the server's role.

    Args:
      quic, tls:  for its connections.
      on_new:     is given each new connection.
    """

    __slots__ = (
        "_by_id",
        "_by_token",
        "_config",
        "_entropy",
        "_ids",
        "_is_silent",
        "_made",
        "_make_id",
        "_new",
        "_quic",
        "_replies",
        "_reset_mac",
        "_resets",
        "_resets_since",
        "_strays",
        "_tls",
        "_tokens",
        "is_shut",
        "on_new",
        "refused",
    )

    def __init__(
        self,
        quic: QuicConfig,
        tls: ServerConfig,
        config: EndpointConfig,
        on_new: Callable[[ServerConnection], None],
        entropy: Entropy = system_entropy,
    ) -> None:
        if len(config.reset_key) < 16:
            raise UsageError("a key of stateless reset tokens has 16 octets at least")
        self._quic = quic
        self._tls = tls
        self._config = config
        self._entropy = entropy
        self._by_id: dict[bytes, ServerConnection] = {}
        self._ids: dict[ServerConnection, set[bytes]] = {}
        self._by_token: dict[bytes, ServerConnection] = {}
        self._tokens: dict[ServerConnection, list[bytes]] = {}
        self._new: set[ServerConnection] = set()
        self._made: set[ServerConnection] = set()
        self._replies: list[DatagramOut] = []
        self._strays: list[tuple[int, DatagramIn]] = []
        self._make_id = IdMaker(config.id_key, config.process, config.place, config.count, entropy).make
        self._reset_mac = find_keyed("sha256")(config.reset_key)
        self._is_silent = False
        self._resets = 0
        self._resets_since = 0.0
        self.on_new = on_new
        self.is_shut = False
        self.refused = 0

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def connections(self) -> list[ServerConnection]:
        """All of them."""
        return list(self._ids)

    def shut(self, silently: bool = False) -> None:
        """Refuse new connections; silently if somebody else takes them."""
        self.is_shut = True
        self._is_silent = silently

    def knows(self, data: bytes) -> bool:
        """Whether a datagram is of a connection that is here."""
        return (data[1 : 1 + ID_LENGTH] if data[:1] < b"\x80" else destination_of(data)) in self._by_id

    def is_beginning(self, data: bytes) -> bool:
        """Whether a datagram with a long header may begin a handshake, or go on with one that has public-key operations before it."""
        connection = self._by_id.get(destination_of(data))
        return connection is None or connection.is_costly

    def first_ids(self) -> list[bytes]:
        """The IDs that clients whose handshakes are under way made up: packets with them do not say whose they are."""
        return [connection.acceptance.current for connection in self._new]

    # --- in ----------------------------------------------------------------------------------------------------------

    def receive(self, datagrams: Sequence[DatagramIn], now: float, is_handed_on: bool = False) -> list[ServerConnection]:
        """A batch; returns the connections that it went to: each is to be asked for events, datagrams and its time-out.

        Args:
          is_handed_on:  another process read them and found them to be ours: they are handed on no more.
        """
        batches: dict[ServerConnection, list[DatagramIn]] = {}
        by_id = self._by_id
        for datagram in datagrams:
            data = datagram.data
            if not data:
                continue
            connection = by_id.get(data[1 : 1 + ID_LENGTH] if data[0] < 0x80 else destination_of(data))
            if connection is None:
                connection = self._by_token.get(self._token_name(data[-16:])) if self._by_token else None
            if connection is None:
                connection = self._unknown(datagram, now, is_handed_on)
                if connection is None:
                    continue
            batch = batches.get(connection)
            if batch is None:
                batches[connection] = [datagram]
            else:
                batch.append(datagram)
        touched = []
        for connection, batch in batches.items():
            connection.receive(batch, now)
            if connection in self._made and not self._greet(connection):
                continue
            touched.append(connection)
            if connection in self._new and (connection.is_handshake_complete or connection.is_closed):
                self._new.discard(connection)
        return touched

    def _greet(self, connection: ServerConnection) -> bool:
        """A connection just made: it is one only if an Initial packet was authenticated; what a broken one says is believed of nobody."""
        self._made.discard(connection)
        if connection.received[0].largest < 0 and not connection.is_closed:
            self.forget(connection)
            return False
        self.on_new(connection)
        return True

    def replies(self) -> list[DatagramOut]:
        """What is said to those without a connection."""
        replies, self._replies = self._replies, []
        return replies

    def take_strays(self) -> list[tuple[int, DatagramIn]]:
        """What other processes should have got, with their numbers."""
        strays, self._strays = self._strays, []
        return strays

    def forget(self, connection: ServerConnection) -> None:
        """A connection that is over: nothing is routed to it any more."""
        for connection_id in self._ids.pop(connection, ()):
            self._by_id.pop(connection_id, None)
        for name in self._tokens.pop(connection, ()):
            self._by_token.pop(name, None)
        self._new.discard(connection)

    def _token_name(self, token: bytes) -> bytes:
        """What a stateless reset token is looked up by: how long that takes tells nothing of the token."""
        return self._reset_mac(b"sws peer's reset" + token)

    def _watch_tokens(self, connection: ServerConnection) -> None:
        """A client's stateless resets are known by nothing but their tokens.  §10.3.1"""
        for name in self._tokens.pop(connection, ()):
            self._by_token.pop(name, None)
        self._tokens[connection] = names = [self._token_name(token) for token in connection.remote_ids.tokens()]
        self._by_token.update(dict.fromkeys(names, connection))

    # --- without connection ------------------------------------------------------------------------------------------

    def _is_stray(self, datagram: DatagramIn, destination: bytes, is_newcomer: bool) -> bool:
        """Another process's: set aside, within bounds."""
        whose = self._config.elsewhere(destination, is_newcomer)
        if whose is None:
            return False
        if len(self._strays) < _STRAYS_MAXIMUM:
            self._strays.append((whose, datagram))
        return True

    def _unknown(self, datagram: DatagramIn, now: float, is_handed_on: bool) -> ServerConnection | None:
        data = datagram.data
        if data[0] < 0x80:
            if is_handed_on or not self._is_stray(datagram, data[1 : 1 + ID_LENGTH], False):
                self._stateless_reset(datagram, now)
            return None
        try:
            version, destination, source, _ = invariant_ids(data, 0)
            if version == 0:
                return None
            if version not in self._quic.versions:
                if len(data) >= INITIAL_MINIMUM:
                    chance = self._entropy(1)[0]
                    reserved = 0x0A0A0A0A | int.from_bytes(self._entropy(4), "big") & 0xF0F0F0F0
                    packet = encode_version_negotiation(source, destination, (*self._quic.versions, reserved), chance)
                    self._reply(datagram, packet)
                return None
            header = decode_long_header(data)
        except DecodeError:
            return None
        is_newcomer = header.kind is not PacketType.HANDSHAKE
        if not is_handed_on and self._is_stray(datagram, header.destination, is_newcomer):
            return None
        if header.kind is not PacketType.INITIAL or len(data) < INITIAL_MINIMUM or len(header.destination) < 8:
            return None
        return self._accept(datagram, header, now, is_handed_on)

    def _accept(self, datagram: DatagramIn, header: LongHeader, now: float, is_handed_on: bool) -> ServerConnection | None:
        config = self._config
        facts = None
        if config.tokens is not None:
            facts = config.tokens.open(header.token, datagram.remote, header.version) if header.token else None
            if facts is not None and facts.kind is TokenKind.RETRY and facts.retried != header.destination:
                facts = None
                self._refuse(datagram, header, ErrorCode.INVALID_TOKEN)
                return None
            if facts is None and len(self._new) >= config.retry_above:
                retried = self._make_id(True)
                token = config.tokens.seal_retry(datagram.remote, header.version, header.destination, retried)
                packet = encode_retry(VERSIONS[header.version], header.source, retried, header.destination, token, self._entropy(1)[0])
                self._reply(datagram, packet)
                return None
        is_shut = self.is_shut and not (self._is_silent and is_handed_on)  # who was sent to us by mistake has nobody else
        if is_shut or len(self._new) >= config.new_maximum or len(self._ids) >= config.maximum:
            self.refused += 1
            if not self._is_silent:
                self._refuse(datagram, header, ErrorCode.CONNECTION_REFUSED)
            return None
        return self._make(datagram, header, facts, now)

    def _make(self, datagram: DatagramIn, header: LongHeader, facts: TokenFacts | None, now: float) -> ServerConnection:
        config = self._config
        ids: set[bytes] = set()
        first_id = self._fresh_id()
        is_retried = facts is not None and facts.kind is TokenKind.RETRY
        acceptance = Acceptance(
            facts.original if facts is not None and is_retried else header.destination,
            header.destination,
            header.source,
            facts is not None,
            reset_token(self._reset_mac, first_id),
            None if config.tokens is None else config.tokens.seal_new_token,
            config.preferred,
        )

        def make_id() -> tuple[bytes, bytes]:
            """A fresh ID, which leads here from now on, and its stateless reset token."""
            connection_id = self._fresh_id()
            ids.add(connection_id)
            self._by_id[connection_id] = connection
            return connection_id, reset_token(self._reset_mac, connection_id)

        def retire_id(connection_id: bytes) -> None:
            ids.discard(connection_id)
            self._by_id.pop(connection_id, None)

        connection = ServerConnection(
            self._quic,
            self._tls,
            acceptance,
            VERSIONS[header.version],
            datagram.local,
            datagram.remote,
            first_id,
            make_id,
            retire_id,
            self._entropy,
            now,
        )
        connection.remote_ids.on_used = partial(self._watch_tokens, connection)
        for connection_id in (first_id, header.destination):
            ids.add(connection_id)
            self._by_id[connection_id] = connection
        self._ids[connection] = ids
        self._new.add(connection)
        self._made.add(connection)
        return connection

    def _fresh_id(self) -> bytes:
        while True:
            connection_id = self._make_id()
            if connection_id not in self._by_id:
                return connection_id

    def _refuse(self, datagram: DatagramIn, header: LongHeader, code: ErrorCode) -> None:
        """CONNECTION_CLOSE in an Initial packet, without keeping anything.  §5.2.2"""
        version = VERSIONS[header.version]
        _, secret = initial_secrets(version, header.destination)
        keys = PacketKeys(version, int(CipherSuite.TLS_AES_128_GCM_SHA256), secret)
        frame = encode_connection_close(code, 0, b"", False)
        ours = self._fresh_id()
        packet = encode_long_header(version, PacketType.INITIAL, header.source, ours, b"", len(frame) + TAG, 0)
        self._reply(datagram, seal_packets(keys, [(packet, 0, frame)])[0])

    def _stateless_reset(self, datagram: DatagramIn, now: float) -> None:
        """§10.3: smaller than what it answers, so that two endpoints cannot go on for ever, and not too many of them."""
        data = datagram.data
        if len(data) < _RESET_MINIMUM + 1:
            return
        if now - self._resets_since >= 1.0:
            self._resets_since, self._resets = now, 0
        self._resets += 1
        if self._resets > _RESETS_A_SECOND:
            return
        size = min(len(data) - 1, 41)
        chance = bytearray(self._entropy(size - 16))
        chance[0] = chance[0] & 0x3F | 0x40
        self._reply(datagram, bytes(chance) + reset_token(self._reset_mac, data[1 : 1 + ID_LENGTH]))

    def _reply(self, datagram: DatagramIn, data: bytes) -> None:
        if len(self._replies) < 256:
            self._replies.append(DatagramOut(data, len(data), datagram.local, datagram.remote))


def destination_of(data: bytes) -> bytes:
    """The destination ID of a long header, empty if it is cut short."""
    return data[6 : 6 + data[5]] if len(data) > 6 else b""
