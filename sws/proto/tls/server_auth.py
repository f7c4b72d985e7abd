# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The client's flight as the server takes it, and what comes after: tickets, key updates, late authentication.  RFC 9846 §4.4 to §4.6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from sws.base.errors import TlsAlert, UsageError
from sws.base.handshake import Direction, HandshakeComplete
from sws.crypto.constant_time import equal
from sws.proto.tls import extensions as ext
from sws.proto.tls.config import ClientAuth
from sws.proto.tls.constants import AlertDescription, ExtensionType, HandshakeType, Level
from sws.proto.tls.core import State
from sws.proto.tls.keyupdate import TrafficSecrets
from sws.proto.tls.messages import (
    ZLIB,
    CertificateMessage,
    NewSessionTicket,
    decode_certificate,
    decode_certificate_verify,
    decode_compressed_certificate,
    encode_certificate_request,
    encode_new_session_ticket,
)
from sws.proto.tls.schedule import Transcript, finished_data, psk_from_ticket
from sws.proto.tls.signatures import PeerKey, signed_content
from sws.proto.tls.tickets import LIFETIME_MAXIMUM, Session

if TYPE_CHECKING:
    from sws.proto.tls.server import ServerHandshake

__all__ = ["Connected", "after_flight", "certificate_request", "request_late_certificate"]

_T: Final = HandshakeType
_LATE_MAXIMUM: Final = 4
_PSK_DHE_KE: Final = 1
_QUIC_EARLY: Final = 0xFFFFFFFF  # RFC 9001 §4.6.1


def after_flight(hs: ServerHandshake, handshake_secret: bytes, asked: bool) -> State:
    """The state that waits for what the client sends next."""
    rest: State = _ExpectCertificate(hs) if asked else _ExpectFinished(hs)
    if hs.core.facts.early:
        return _ExpectEndOfEarlyData(hs, handshake_secret, rest) if hs.config.quic is None else _quic_early(hs, handshake_secret, rest)
    return rest


def _quic_early(hs: ServerHandshake, secret: bytes, rest: State) -> State:
    """QUIC has no EndOfEarlyData: packets tell.  RFC 9001 §8.3"""
    hs.core.install(Level.HANDSHAKE, Direction.READ, secret)
    return rest


@final
class _ExpectEndOfEarlyData:
    """§4.5."""

    level = Level.EARLY
    expected = frozenset((int(_T.END_OF_EARLY_DATA),))

    def __init__(self, hs: ServerHandshake, secret: bytes, rest: State) -> None:
        self._hs = hs
        self._secret = secret
        self._rest = rest

    def receive(self, message: bytes) -> State:
        """The end of 0-RTT data: handshake keys from here on."""
        if len(message) != 4:
            raise TlsAlert(AlertDescription.DECODE_ERROR, "EndOfEarlyData has no body")
        self._hs.core.transcript.add(message)
        self._hs.core.install(Level.HANDSHAKE, Direction.READ, self._secret)
        return self._rest


def _decode(hs: ServerHandshake, message: bytes) -> CertificateMessage:
    if message[0] == _T.COMPRESSED_CERTIFICATE:
        return decode_compressed_certificate(message)
    return decode_certificate(message)


def _certificates(hs: ServerHandshake) -> frozenset[int]:
    both = (int(_T.CERTIFICATE), int(_T.COMPRESSED_CERTIFICATE))
    return frozenset(both if hs.config.compress_certificates else both[:1])


def _judge(hs: ServerHandshake, found: CertificateMessage) -> PeerKey:
    policy = hs.host.policy
    if policy is None:
        raise TlsAlert(AlertDescription.INTERNAL_ERROR, "client certificates are asked for without a policy")
    key = policy.check([entry.certificate for entry in found.entries], found.entries[0].ocsp, None)
    hs.core.facts.peer = tuple(entry.certificate for entry in found.entries)
    return key


def _verify(hs: ServerHandshake, key: PeerKey, message: bytes, transcript: Transcript) -> None:
    """CertificateVerify.  §4.4.3"""
    scheme, signature = decode_certificate_verify(message)
    if scheme not in hs.config.schemes:
        raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "a signature scheme that was not offered")
    if scheme not in key.schemes:
        raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "a signature scheme that does not go with the key")
    if not key.verify(scheme, signed_content(transcript.digest(), False), signature):
        raise TlsAlert(AlertDescription.DECRYPT_ERROR, "the client's signature does not verify")


@final
class _ExpectCertificate:
    """After a CertificateRequest in the handshake."""

    level = Level.HANDSHAKE

    def __init__(self, hs: ServerHandshake) -> None:
        self._hs = hs
        self.expected = _certificates(hs)

    def receive(self, message: bytes) -> State:
        """The client's chain; an empty one is refused where a certificate is required."""
        hs = self._hs
        found = _decode(hs, message)
        if found.context:
            raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "a context in the handshake")
        if not found.entries:
            if hs.host.client_auth is ClientAuth.REQUIRE:
                raise TlsAlert(AlertDescription.CERTIFICATE_REQUIRED, "the client showed no certificate")
            hs.core.transcript.add(message)
            return _ExpectFinished(hs)
        key = _judge(hs, found)
        hs.core.transcript.add(message)
        return _ExpectCertificateVerify(hs, key)


@final
class _ExpectCertificateVerify:
    """After the client's chain."""

    level = Level.HANDSHAKE
    expected = frozenset((int(_T.CERTIFICATE_VERIFY),))

    def __init__(self, hs: ServerHandshake, key: PeerKey) -> None:
        self._hs = hs
        self._key = key

    def receive(self, message: bytes) -> State:
        """Proof of the client's key."""
        _verify(self._hs, self._key, message, self._hs.core.transcript)
        self._hs.core.transcript.add(message)
        return _ExpectFinished(self._hs)


def _check_finished(hs: ServerHandshake, base: bytes, message: bytes, transcript: Transcript) -> None:
    expected = finished_data(hs.core.suite.hash_name, base, transcript.digest())
    if len(message) - 4 != len(expected):
        raise TlsAlert(AlertDescription.DECODE_ERROR, "Finished of the wrong length")
    if not equal(message[4:], expected):
        raise TlsAlert(AlertDescription.DECRYPT_ERROR, "Finished does not verify")


@final
class _ExpectFinished:
    """The last message of the handshake."""

    level = Level.HANDSHAKE
    expected = frozenset((int(_T.FINISHED),))

    def __init__(self, hs: ServerHandshake) -> None:
        self._hs = hs

    def receive(self, message: bytes) -> State:
        """The client's Finished: application keys, tickets."""
        hs = self._hs
        core = hs.core
        _check_finished(hs, hs.their_finished_base, message, core.transcript)
        core.transcript.add(message)
        schedule = hs.schedule
        if schedule is None:
            raise UsageError("no key schedule")
        hs.resumption_secret = schedule.derive(b"res master", core.transcript.digest())
        core.install(Level.APPLICATION, Direction.READ, hs.secrets[0])
        hs.traffic = TrafficSecrets(core, hs.secrets[1], hs.secrets[0])
        hs.schedule = None
        hs.secrets = (b"", b"")
        hs.their_finished_base = b""
        hs.first_hello = None
        core.events.append(HandshakeComplete(core.facts.alpn))
        send_tickets(hs)
        return Connected(hs)


def send_tickets(hs: ServerHandshake) -> None:
    """NewSessionTicket, as many as the host gives out; one after a resumption.  §4.6.1"""
    config, core, host = hs.config, hs.core, hs.host
    offer = hs.offer
    if config.tickets is None or offer is None or (offer.modes and _PSK_DHE_KE not in offer.modes):  # §4.2.9
        return
    lifetime = min(config.ticket_lifetime, LIFETIME_MAXIMUM)
    now = int(config.wall() * 1000)
    born = now if core.facts.session is None else core.facts.session.born
    lifetime = min(lifetime, LIFETIME_MAXIMUM - (now - born) // 1000)
    if lifetime <= 0:
        return
    early = 0 if not host.early_data else host.early_data if config.quic is None else _QUIC_EARLY
    made: list[tuple[bytes, Session]] = []
    for number in range(min(1, host.ticket_count) if core.facts.resumed else host.ticket_count):
        nonce = bytes((number,))
        age_add = int.from_bytes(config.entropy(4), "big")
        psk = psk_from_ticket(core.suite.hash_name, hs.resumption_secret, nonce)
        session = Session(core.facts.suite, psk, now, age_add, lifetime, host.binding, core.facts.alpn or b"", early, born, core.facts.peer)
        made.append((nonce, session))
    for (nonce, session), ticket in zip(made, config.tickets.seal_many([session for _, session in made]), strict=False):
        core.send_after(encode_new_session_ticket(NewSessionTicket(lifetime, session.age_add, nonce, ticket, early)))


@final
class Connected:
    """After the handshake."""

    level = Level.APPLICATION

    def __init__(self, hs: ServerHandshake) -> None:
        self._hs = hs
        expected = set() if hs.config.quic is not None else {int(_T.KEY_UPDATE)}  # RFC 9001 §6: KeyUpdate is no message of QUIC's
        if hs.late_contexts:
            expected |= _certificates(hs)
        self.expected = frozenset(expected)

    def receive(self, message: bytes) -> State:
        """KeyUpdate, or the beginning of an answer to a late CertificateRequest."""
        hs = self._hs
        if message[0] == _T.KEY_UPDATE:
            if hs.traffic is not None:
                hs.traffic.receive(message)
            return self
        found = _decode(hs, message)
        request = hs.late_contexts.pop(found.context, None)
        if request is None:
            raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "an answer to no request")
        transcript = hs.core.transcript.fork()
        transcript.add(request)
        transcript.add(message)
        base = hs.traffic.theirs if hs.traffic is not None else b""
        if not found.entries:
            if hs.host.client_auth is ClientAuth.REQUIRE:
                raise TlsAlert(AlertDescription.CERTIFICATE_REQUIRED, "the client showed no certificate")
            return _LateFinished(hs, transcript, base)
        return _LateCertificateVerify(hs, transcript, base, _judge(hs, found))


@final
class _LateCertificateVerify:
    """§4.6.2: nothing else may come between."""

    level = Level.APPLICATION
    expected = frozenset((int(_T.CERTIFICATE_VERIFY),))

    def __init__(self, hs: ServerHandshake, transcript: Transcript, base: bytes, key: PeerKey) -> None:
        self._hs = hs
        self._transcript = transcript
        self._base = base
        self._key = key

    def receive(self, message: bytes) -> State:
        """Proof of the client's key."""
        _verify(self._hs, self._key, message, self._transcript)
        self._transcript.add(message)
        return _LateFinished(self._hs, self._transcript, self._base)


@final
class _LateFinished:
    """The end of an answer."""

    level = Level.APPLICATION
    expected = frozenset((int(_T.FINISHED),))

    def __init__(self, hs: ServerHandshake, transcript: Transcript, base: bytes) -> None:
        self._hs = hs
        self._transcript = transcript
        self._base = base

    def receive(self, message: bytes) -> State:
        """The client's Finished over its answer, under its application traffic secret.  §4.4"""
        _check_finished(self._hs, self._base, message, self._transcript)
        return Connected(self._hs)


def certificate_request(hs: ServerHandshake, context: bytes) -> bytes:
    """§4.3.2."""
    extensions: list[tuple[int, bytes]] = [(ExtensionType.SIGNATURE_ALGORITHMS, ext.encode_list16_u16(hs.config.schemes))]
    policy = hs.host.policy
    if policy is not None and policy.authorities:
        names = b"".join([ext.encode_vector16(name) for name in policy.authorities])
        extensions.append((ExtensionType.CERTIFICATE_AUTHORITIES, ext.encode_vector16(names)))
    if hs.config.compress_certificates:
        extensions.append((ExtensionType.COMPRESS_CERTIFICATE, ext.encode_list8_u16((ZLIB,))))
    return encode_certificate_request(context, extensions)


def request_late_certificate(hs: ServerHandshake) -> None:
    """CertificateRequest after the handshake.  Raises: UsageError where the client did not offer it, or too many are under way."""
    if hs.offer is None or not hs.offer.post_handshake_auth or not isinstance(hs.feed.state, Connected) or hs.config.quic is not None:
        raise UsageError("the client does not authenticate after the handshake")
    if len(hs.late_contexts) >= _LATE_MAXIMUM:
        raise UsageError("too many requests are under way")
    context = hs.config.entropy(16)
    request = certificate_request(hs, context)
    hs.late_contexts[context] = request
    hs.core.send_after(request)
    hs.feed.state = Connected(hs)
