# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server up to its flight: ClientHello, HelloRetryRequest, resumption, and everything we say in answer.  RFC 9846 §4.1 to §4.4.

The order of decisions: version and form (`offer.read_offer`), cipher suite, PSK, group, host, ALPN, early data.  The cipher suite comes
before the PSK, so that only PSKs of its hash are looked at (§4.2.11, implementor's note).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from sws.base.errors import TlsAlert
from sws.base.handshake import Direction, PeerParameters
from sws.crypto.constant_time import equal
from sws.proto.tls import extensions as ext
from sws.proto.tls.config import ClientAuth, ClientHelloFacts, TlsHost
from sws.proto.tls.constants import (
    HELLO_RETRY_RANDOM,
    LEGACY_VERSION,
    TLS13,
    AlertDescription,
    ExtensionType,
    HandshakeType,
    Level,
)
from sws.proto.tls.core import EarlyData, State, unexpected
from sws.proto.tls.groups import respond
from sws.proto.tls.hello import ServerHello, decode_client_hello, encode_handshake
from sws.proto.tls.messages import (
    compress_certificate,
    encode_certificate,
    encode_certificate_verify,
    encode_encrypted_extensions,
)
from sws.proto.tls.offer import ClientOffer, check_second_hello, pick, pick_alpn, pick_group, read_offer
from sws.proto.tls.schedule import KeySchedule, finished_data
from sws.proto.tls.server_auth import after_flight, certificate_request
from sws.proto.tls.signatures import Credential, signed_content
from sws.proto.tls.suites import SUITES
from sws.proto.tls.tickets import Psk, Session

if TYPE_CHECKING:
    from sws.proto.tls.server import ServerHandshake

__all__ = ["ExpectHello"]

_X: Final = ExtensionType
_FRESHNESS_MS: Final = 10_000  # §8.3: how far a ticket's age may be from the client's word of it
_HELLO: Final = frozenset((int(HandshakeType.CLIENT_HELLO),))


@final
class ExpectHello:
    """The first message."""

    level = Level.INITIAL
    expected = _HELLO

    def __init__(self, hs: ServerHandshake) -> None:
        self._hs = hs

    def receive(self, message: bytes) -> State:
        """A ClientHello."""
        hs = self._hs
        offer = read_offer(decode_client_hello(message))
        hs.core.client_random = offer.hello.random
        if offer.cookie is not None:  # §4.2.2: clients must not
            raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "a cookie in the first ClientHello")
        suite = pick(hs.config.suites, offer.hello.suites)
        if suite is None:
            raise TlsAlert(AlertDescription.HANDSHAKE_FAILURE, "no cipher suite in common")
        group, has_share = pick_group(hs.config.groups, offer)
        if not has_share:
            hs.core.choose_suite(suite)
            hs.core.transcript.add(message)
            return _ask_again(hs, offer, group)
        return _answer(hs, offer, suite, group)


@final
class ExpectSecondHello:
    """After a HelloRetryRequest.  §4.1.4"""

    level = Level.INITIAL
    expected = _HELLO

    def __init__(self, hs: ServerHandshake, group: int) -> None:
        self._hs = hs
        self._group = group

    def receive(self, message: bytes) -> State:
        """The second ClientHello."""
        hs = self._hs
        hello = decode_client_hello(message)
        if hs.first_hello is None:
            raise unexpected("a second ClientHello without a first")
        offer = read_offer(hello)
        check_second_hello(hs.first_hello, hello, self._group, hs.cookie)
        return _answer(hs, offer, hs.core.facts.suite, self._group)


def _ask_again(hs: ServerHandshake, offer: ClientOffer, group: int) -> State:
    """HelloRetryRequest."""
    core = hs.core
    core.transcript.retry()
    core.facts.retried = True
    hs.first_hello = offer.hello
    extensions: ext.Extensions = {_X.KEY_SHARE: group.to_bytes(2, "big")}
    if hs.config.cookie:
        hs.cookie = hs.config.entropy(16)
        extensions[_X.COOKIE] = ext.encode_vector16(hs.cookie)
    extensions[_X.SUPPORTED_VERSIONS] = TLS13.to_bytes(2, "big")
    request = ServerHello(LEGACY_VERSION, HELLO_RETRY_RANDOM, offer.hello.session_id, core.facts.suite, 0, extensions)
    core.send(Level.INITIAL, request.encode())
    if offer.early_data:
        hs.early_data = EarlyData.RETRIED
    return ExpectSecondHello(hs, group)


# --- the answer ------------------------------------------------------------------------------------------------------


def _choose_host(hs: ServerHandshake, offer: ClientOffer) -> TlsHost:
    host = hs.config.choose_host(ClientHelloFacts(offer.server_name, offer.alpn, offer.schemes))
    if host is None:
        raise TlsAlert(AlertDescription.UNRECOGNIZED_NAME, "no host of that name")
    return host


def _answer(hs: ServerHandshake, offer: ClientOffer, suite: int, group: int) -> State:
    core, config = hs.core, hs.config
    core.choose_suite(suite)
    hs.offer = offer
    hs.host = host = _choose_host(hs, offer)
    facts = core.facts
    facts.server_name = offer.server_name
    if config.quic is not None and offer.quic is None:
        raise TlsAlert(AlertDescription.MISSING_EXTENSION, "no QUIC transport parameters")  # RFC 9001 §8.2
    if config.quic is None and offer.quic is not None:
        raise TlsAlert(AlertDescription.UNSUPPORTED_EXTENSION, "QUIC transport parameters without QUIC")  # RFC 9001 §8.2
    facts.alpn = pick_alpn(host.alpn, offer.alpn)
    if config.quic is not None and facts.alpn is None:
        raise TlsAlert(AlertDescription.NO_APPLICATION_PROTOCOL, "QUIC without ALPN")  # RFC 9001 §8.1
    facts.group = group
    if offer.record_size is not None:
        facts.record_size = min(facts.record_size, offer.record_size - 1)
    chosen = _choose_psk(hs, offer)
    hs.schedule = KeySchedule(core.suite.hash_name, None if chosen is None else chosen[1].key)
    facts.resumed = chosen is not None
    if chosen is not None and chosen[1].session is not None:
        facts.session = chosen[1].session
        facts.peer = chosen[1].session.peer
    if offer.quic is not None and config.quic is not None:
        core.events.append(PeerParameters(offer.quic))
    credential = _choose_credential(hs, offer) if chosen is None else None
    accepts_early = _accepts_early(hs, offer, chosen)
    core.transcript.add(offer.hello.message)
    if offer.early_data:
        hs.early_data = EarlyData.ACCEPTED if accepts_early else EarlyData.REJECTED
    facts.early = accepts_early
    if accepts_early:
        early = hs.schedule.derive(b"c e traffic", core.transcript.digest())
        core.log("CLIENT_EARLY_TRAFFIC_SECRET", early)
        core.install(Level.EARLY, Direction.READ, early)
    shares = offer.shares or {}
    share, secret = respond(group, shares[group], config.entropy)
    _send_hello(hs, offer, group, share, None if chosen is None else chosen[0])
    hs.schedule.advance(secret)
    return _send_flight(hs, offer, credential)


def _send_hello(hs: ServerHandshake, offer: ClientOffer, group: int, share: bytes, identity: int | None) -> None:
    extensions: ext.Extensions = {}
    if identity is not None:
        extensions[_X.PRE_SHARED_KEY] = identity.to_bytes(2, "big")
    extensions[_X.KEY_SHARE] = ext.encode_key_shares(((group, share),))
    extensions[_X.SUPPORTED_VERSIONS] = TLS13.to_bytes(2, "big")
    random = hs.config.entropy(32)
    hello = ServerHello(LEGACY_VERSION, random, offer.hello.session_id, hs.core.facts.suite, 0, extensions)
    hs.core.send(Level.INITIAL, hello.encode())


# --- pre-shared keys -------------------------------------------------------------------------------------------------


def _choose_psk(hs: ServerHandshake, offer: ClientOffer) -> tuple[int, Psk] | None:
    """The first identity that we know and that suits; its binder is checked, and only its.  §4.2.11"""
    if offer.psk is None:
        return None
    identities, binders, binders_size = offer.psk
    for index, (identity, _age) in enumerate(identities[:8]):
        psk = _known_psk(hs, identity)
        if psk is None or psk.hash_name != hs.core.suite.hash_name:
            continue
        schedule = KeySchedule(psk.hash_name, psk.key)
        base = schedule.derive_empty(b"ext binder" if psk.session is None else b"res binder")
        digest = hs.core.transcript.digest_with(offer.hello.message[:-binders_size])
        if not equal(finished_data(psk.hash_name, base, digest), binders[index]):
            raise TlsAlert(AlertDescription.DECRYPT_ERROR, "a PSK binder that does not verify")
        return index, psk
    return None


def _known_psk(hs: ServerHandshake, identity: bytes) -> Psk | None:
    config = hs.config
    session = config.tickets.open(identity) if config.tickets is not None else None
    if session is None:
        return config.external_psk(identity)
    now = int(config.wall() * 1000)
    if session.binding != hs.host.binding or session.suite not in SUITES:
        return None
    if now < session.issued - _FRESHNESS_MS or now > session.issued + session.lifetime * 1000:
        return None
    if hs.host.client_auth is ClientAuth.REQUIRE and not session.peer:
        return None
    return Psk(session.psk, SUITES[session.suite].hash_name, session)


def _accepts_early(hs: ServerHandshake, offer: ClientOffer, chosen: tuple[int, Psk] | None) -> bool:
    """§4.2.10, §8: the first PSK, the same suite and ALPN, a fresh hello, and never twice."""
    if not offer.early_data or chosen is None or chosen[0] != 0 or offer.psk is None or hs.core.facts.retried:
        return False
    session: Session | None = chosen[1].session
    if session is None or not session.early_data or not hs.host.early_data:
        return False
    if session.suite != hs.core.facts.suite or session.alpn != (hs.core.facts.alpn or b""):
        return False
    now = int(hs.config.wall() * 1000)
    claimed = (offer.psk[0][0][1] - session.age_add) % (1 << 32)
    if abs(now - session.issued - claimed) > _FRESHNESS_MS:
        return False
    return hs.config.first_use(offer.psk[0][0][0], (session.issued + session.lifetime * 1000) / 1000)


# --- our flight ------------------------------------------------------------------------------------------------------


def _send_flight(hs: ServerHandshake, offer: ClientOffer, credential: tuple[Credential, int] | None) -> State:
    """EncryptedExtensions … Finished, and the keys around them."""
    core = hs.core
    schedule = hs.schedule
    if schedule is None:
        raise unexpected("no key schedule")
    digest = core.transcript.digest()
    theirs = schedule.derive(b"c hs traffic", digest)
    ours = schedule.derive(b"s hs traffic", digest)
    core.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", theirs)
    core.log("SERVER_HANDSHAKE_TRAFFIC_SECRET", ours)
    core.install(Level.HANDSHAKE, Direction.WRITE, ours)
    if not core.facts.early:
        core.install(Level.HANDSHAKE, Direction.READ, theirs)
    core.send(Level.HANDSHAKE, _encrypted_extensions(hs, offer))
    asked = False
    if credential is not None:
        if hs.host.client_auth is not ClientAuth.NONE:
            core.send(Level.HANDSHAKE, certificate_request(hs, b""))
            asked = True
        _send_certificate(hs, offer, *credential)
    hs.their_finished_base = theirs
    core.send(
        Level.HANDSHAKE,
        encode_handshake(HandshakeType.FINISHED, finished_data(core.suite.hash_name, ours, core.transcript.digest())),
    )
    schedule.advance(None)
    digest = core.transcript.digest()
    hs.secrets = schedule.derive(b"c ap traffic", digest), schedule.derive(b"s ap traffic", digest)
    hs.exporter_secret = schedule.derive(b"exp master", digest)
    core.log("CLIENT_TRAFFIC_SECRET_0", hs.secrets[0])
    core.log("SERVER_TRAFFIC_SECRET_0", hs.secrets[1])
    core.log("EXPORTER_SECRET", hs.exporter_secret)
    core.install(Level.APPLICATION, Direction.WRITE, hs.secrets[1])
    return after_flight(hs, theirs, asked)


def _encrypted_extensions(hs: ServerHandshake, offer: ClientOffer) -> bytes:
    facts, config = hs.core.facts, hs.config
    found: list[tuple[int, bytes]] = []
    if offer.server_name is not None and not facts.resumed:
        found.append((_X.SERVER_NAME, b""))  # RFC 6066 §3
    if facts.alpn is not None:
        found.append((_X.ALPN, ext.encode_alpn((facts.alpn,))))
    if offer.record_size is not None and config.quic is None:
        found.append((_X.RECORD_SIZE_LIMIT, (config.record_limit + 1).to_bytes(2, "big")))
    if facts.early:
        found.append((_X.EARLY_DATA, b""))
    if hs.parameters is not None:
        found.append((_X.QUIC_TRANSPORT_PARAMETERS, hs.parameters))
    return encode_encrypted_extensions(found)


def _choose_credential(hs: ServerHandshake, offer: ClientOffer) -> tuple[Credential, int]:
    for credential in hs.host.credentials:
        scheme = credential.scheme_for(offer.schemes)
        if scheme is not None:
            return credential, scheme
    if not offer.schemes:
        raise TlsAlert(AlertDescription.MISSING_EXTENSION, "no signature_algorithms")
    raise TlsAlert(AlertDescription.HANDSHAKE_FAILURE, "no certificate that the client could verify")


def _send_certificate(hs: ServerHandshake, offer: ClientOffer, credential: Credential, scheme: int) -> None:
    core = hs.core
    core.facts.scheme = scheme
    message = encode_certificate(b"", credential.chain, credential.ocsp if offer.ocsp else None)
    if offer.compress and hs.config.compress_certificates:
        packed = compress_certificate(message)
        if len(packed) < len(message):
            message = packed
    core.send(Level.HANDSHAKE, message)
    signature = credential.signer.sign(scheme, signed_content(core.transcript.digest(), True))
    core.send(Level.HANDSHAKE, encode_certificate_verify(scheme, signature))
