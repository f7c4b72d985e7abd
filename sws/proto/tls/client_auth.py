# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server's flight as the client takes it, the client's own, and what comes after.  RFC 9846 §4.3 to §4.6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from sws.base.errors import TlsAlert, UsageError
from sws.base.handshake import Direction, HandshakeComplete, PeerParameters
from sws.crypto.constant_time import equal
from sws.proto.tls import extensions as ext
from sws.proto.tls.config import ClientTicket
from sws.proto.tls.constants import AlertDescription, ExtensionType, HandshakeType, Level
from sws.proto.tls.core import EarlyData, State
from sws.proto.tls.hello import encode_handshake
from sws.proto.tls.keyupdate import TrafficSecrets
from sws.proto.tls.messages import (
    ZLIB,
    CertificateMessage,
    CertificateRequest,
    compress_certificate,
    decode_certificate,
    decode_certificate_request,
    decode_certificate_verify,
    decode_compressed_certificate,
    decode_encrypted_extensions,
    decode_new_session_ticket,
    encode_certificate,
    encode_certificate_verify,
)
from sws.proto.tls.schedule import Transcript, finished_data, psk_from_ticket
from sws.proto.tls.signatures import PeerKey, signed_content
from sws.proto.tls.tickets import LIFETIME_MAXIMUM

if TYPE_CHECKING:
    from sws.proto.tls.client import ClientHandshake

__all__ = ["Connected", "ExpectEncryptedExtensions", "end_early_data"]

_T: Final = HandshakeType
_X: Final = ExtensionType
_TICKETS_MAXIMUM: Final = 16
_LATE_REQUESTS: Final = 8


def _illegal(why: str) -> TlsAlert:
    return TlsAlert(AlertDescription.ILLEGAL_PARAMETER, why)


@final
class ExpectEncryptedExtensions:
    """§4.3.1."""

    level = Level.HANDSHAKE
    expected = frozenset((int(_T.ENCRYPTED_EXTENSIONS),))

    def __init__(self, hs: ClientHandshake, server_secret: bytes) -> None:
        self._hs = hs
        self._secret = server_secret

    def receive(self, message: bytes) -> State:
        """What the server agreed to."""
        hs = self._hs
        facts, config = hs.core.facts, hs.config
        found = decode_encrypted_extensions(message)
        offered = (hs.hello.extensions if hs.hello is not None else None) or {}
        for kind in found:
            if kind not in offered:
                raise TlsAlert(AlertDescription.UNSUPPORTED_EXTENSION, "an extension that was not asked for")
        hs.core.transcript.add(message)
        self._alpn(found)
        if _X.SERVER_NAME in found:
            ext.decode_empty(found[_X.SERVER_NAME], "server_name")
        if _X.SUPPORTED_GROUPS in found:
            ext.decode_list16_u16(found[_X.SUPPORTED_GROUPS], "supported_groups")
        if _X.RECORD_SIZE_LIMIT in found:
            facts.record_size = min(facts.record_size, ext.decode_record_size_limit(found[_X.RECORD_SIZE_LIMIT]) - 1)
        self._early(found)
        if config.quic is not None:
            parameters = found.get(_X.QUIC_TRANSPORT_PARAMETERS)
            if parameters is None:
                raise TlsAlert(AlertDescription.MISSING_EXTENSION, "no QUIC transport parameters")
            hs.core.events.append(PeerParameters(parameters))
        return _ExpectFinished(hs, self._secret) if facts.resumed else _ExpectCertificateOrRequest(hs, self._secret)

    def _alpn(self, found: ext.Extensions) -> None:
        facts, config = self._hs.core.facts, self._hs.config
        body = found.get(_X.ALPN)
        if body is not None:
            names = ext.decode_alpn(body)
            if len(names) != 1:
                raise TlsAlert(AlertDescription.DECODE_ERROR, "not one application protocol")
            if names[0] not in config.alpn:
                if config.quic is not None:  # RFC 9001 §8.1
                    raise TlsAlert(AlertDescription.NO_APPLICATION_PROTOCOL, "an application protocol that was not offered")
                raise _illegal("an application protocol that was not offered")
            facts.alpn = names[0]
        elif config.quic is not None:
            raise TlsAlert(AlertDescription.NO_APPLICATION_PROTOCOL, "QUIC without ALPN")

    def _early(self, found: ext.Extensions) -> None:
        hs = self._hs
        facts = hs.core.facts
        if _X.EARLY_DATA in found:
            ext.decode_empty(found[_X.EARLY_DATA], "early_data")
            ticket = hs.psk
            if not facts.resumed or ticket is None or facts.suite != ticket.suite or facts.alpn != ticket.alpn:
                raise _illegal("early data accepted under other parameters")
            facts.early = True
        elif hs.early_data is EarlyData.ACCEPTED:
            hs.early_data = EarlyData.REJECTED


def _certificates(hs: ClientHandshake) -> frozenset[int]:
    both = (int(_T.CERTIFICATE), int(_T.COMPRESSED_CERTIFICATE))
    return frozenset(both if hs.config.compress_certificates else both[:1])


@final
class _ExpectCertificateOrRequest:
    """After EncryptedExtensions of a full handshake."""

    level = Level.HANDSHAKE

    def __init__(self, hs: ClientHandshake, secret: bytes) -> None:
        self._hs = hs
        self._secret = secret
        self.expected = _certificates(hs) | {int(_T.CERTIFICATE_REQUEST)}

    def receive(self, message: bytes) -> State:
        """A CertificateRequest, or the chain at once."""
        hs = self._hs
        if message[0] != _T.CERTIFICATE_REQUEST:
            return _ExpectCertificate(hs, self._secret).receive(message)
        request = decode_certificate_request(message)
        if request.context:
            raise _illegal("a context in the handshake")
        hs.core.facts.authorities = _check_request(request)
        hs.request = request
        hs.core.transcript.add(message)
        return _ExpectCertificate(hs, self._secret)


def _check_request(request: CertificateRequest) -> tuple[bytes, ...]:
    """Whose certificates the server takes, as far as it says so."""
    body = request.extensions.get(_X.SIGNATURE_ALGORITHMS)
    if body is None:
        raise TlsAlert(AlertDescription.MISSING_EXTENSION, "a CertificateRequest without signature_algorithms")
    ext.decode_list16_u16(body, "signature_algorithms")
    authorities = request.extensions.get(_X.CERTIFICATE_AUTHORITIES)
    return tuple(ext.decode_certificate_authorities(authorities)) if authorities is not None else ()


@final
class _ExpectCertificate:
    """The server's chain."""

    level = Level.HANDSHAKE

    def __init__(self, hs: ClientHandshake, secret: bytes) -> None:
        self._hs = hs
        self._secret = secret
        self.expected = _certificates(hs)

    def receive(self, message: bytes) -> State:
        """A Certificate, compressed or not."""
        hs = self._hs
        found: CertificateMessage = (
            decode_compressed_certificate(message) if message[0] == _T.COMPRESSED_CERTIFICATE else decode_certificate(message)
        )
        if found.context:
            raise _illegal("a context in the server's Certificate")
        if not found.entries:
            raise TlsAlert(AlertDescription.DECODE_ERROR, "the server showed no certificate")  # §4.4.2.4
        chain = tuple(entry.certificate for entry in found.entries)
        key = hs.config.policy.check(chain, found.entries[0].ocsp, hs.config.server_name)
        hs.core.facts.peer = chain
        hs.core.transcript.add(message)
        return _ExpectCertificateVerify(hs, self._secret, key)


@final
class _ExpectCertificateVerify:
    """Proof of the server's key."""

    level = Level.HANDSHAKE
    expected = frozenset((int(_T.CERTIFICATE_VERIFY),))

    def __init__(self, hs: ClientHandshake, secret: bytes, key: PeerKey) -> None:
        self._hs = hs
        self._secret = secret
        self._key = key

    def receive(self, message: bytes) -> State:
        """§4.4.3."""
        hs = self._hs
        scheme, signature = decode_certificate_verify(message)
        if scheme not in hs.config.schemes:
            raise _illegal("a signature scheme that was not offered")
        if scheme not in self._key.schemes:
            raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "a signature scheme that does not go with the key")
        if not self._key.verify(scheme, signed_content(hs.core.transcript.digest(), True), signature):
            raise TlsAlert(AlertDescription.DECRYPT_ERROR, "the server's signature does not verify")
        hs.core.facts.scheme = scheme
        hs.core.transcript.add(message)
        return _ExpectFinished(hs, self._secret)


@final
class _ExpectFinished:
    """The end of the server's flight; ours follows."""

    level = Level.HANDSHAKE
    expected = frozenset((int(_T.FINISHED),))

    def __init__(self, hs: ClientHandshake, secret: bytes) -> None:
        self._hs = hs
        self._secret = secret

    def receive(self, message: bytes) -> State:
        """The server's Finished."""
        hs = self._hs
        core, schedule = hs.core, hs.schedule
        expected = finished_data(core.suite.hash_name, self._secret, core.transcript.digest())
        if len(message) - 4 != len(expected):
            raise TlsAlert(AlertDescription.DECODE_ERROR, "Finished of the wrong length")
        if not equal(message[4:], expected):
            raise TlsAlert(AlertDescription.DECRYPT_ERROR, "Finished does not verify")
        core.transcript.add(message)
        if schedule is None:
            raise UsageError("no key schedule")
        schedule.advance(None)
        digest = core.transcript.digest()
        hs.secrets = schedule.derive(b"c ap traffic", digest), schedule.derive(b"s ap traffic", digest)
        hs.exporter_secret = schedule.derive(b"exp master", digest)
        core.log("CLIENT_TRAFFIC_SECRET_0", hs.secrets[0])
        core.log("SERVER_TRAFFIC_SECRET_0", hs.secrets[1])
        core.log("EXPORTER_SECRET", hs.exporter_secret)
        core.install(Level.APPLICATION, Direction.READ, hs.secrets[1])
        if not core.facts.early or hs.config.quic is not None or hs.early_ended:
            _send_flight(hs)
        return Connected(hs)


def end_early_data(hs: ClientHandshake) -> None:
    """EndOfEarlyData leaves now if the server's flight has come, with it otherwise.  §4.5"""
    if hs.early_ended or hs.early_data is EarlyData.NONE:
        return
    hs.early_ended = True
    if hs.schedule is not None and hs.secrets[0]:
        _send_flight(hs)


def _send_flight(hs: ClientHandshake) -> None:
    """[EndOfEarlyData] [Certificate [CertificateVerify]] Finished, and the keys around them."""
    core, schedule = hs.core, hs.schedule
    if schedule is None:
        raise UsageError("no key schedule")
    if core.facts.early and hs.config.quic is None:
        core.send(Level.EARLY, encode_handshake(_T.END_OF_EARLY_DATA, b""))
    if hs.config.quic is None:
        core.install(Level.HANDSHAKE, Direction.WRITE, hs.our_finished_base)
    if hs.request is not None:
        for message in _authenticate(hs, hs.request, core.transcript.fork()):
            core.send(Level.HANDSHAKE, message)
    verify = finished_data(core.suite.hash_name, hs.our_finished_base, core.transcript.digest())
    core.send(Level.HANDSHAKE, encode_handshake(_T.FINISHED, verify))
    core.install(Level.APPLICATION, Direction.WRITE, hs.secrets[0])
    hs.resumption_secret = schedule.derive(b"res master", core.transcript.digest())
    hs.traffic = TrafficSecrets(core, hs.secrets[0], hs.secrets[1])
    hs.schedule = None
    hs.secrets = (b"", b"")
    hs.our_finished_base = b""
    core.events.append(HandshakeComplete(core.facts.alpn))


def _authenticate(hs: ClientHandshake, request: CertificateRequest, transcript: Transcript) -> list[bytes]:
    """Certificate and CertificateVerify; an empty Certificate if we have none that suits.  §4.4.2.3"""
    schemes = ext.decode_list16_u16(request.extensions[_X.SIGNATURE_ALGORITHMS], "signature_algorithms")
    credential = hs.config.credential
    scheme = None if credential is None else credential.scheme_for(schemes)
    if credential is None or scheme is None:
        return [encode_certificate(request.context, ())]
    message = encode_certificate(request.context, credential.chain)
    offered = request.extensions.get(_X.COMPRESS_CERTIFICATE)
    if offered is not None and hs.config.compress_certificates and ZLIB in ext.decode_list8_u16(offered, "compress_certificate"):
        packed = compress_certificate(message)
        message = packed if len(packed) < len(message) else message
    transcript.add(message)
    return [message, encode_certificate_verify(scheme, credential.signer.sign(scheme, signed_content(transcript.digest(), False)))]


@final
class Connected:
    """After the handshake."""

    level = Level.APPLICATION

    def __init__(self, hs: ClientHandshake) -> None:
        self._hs = hs
        self._requests = 0
        expected = {int(_T.NEW_SESSION_TICKET)}
        if hs.config.quic is None:
            expected.add(int(_T.KEY_UPDATE))
        if hs.config.quic is not None or hs.config.post_handshake_auth:
            expected.add(int(_T.CERTIFICATE_REQUEST))
        self.expected = frozenset(expected)

    def receive(self, message: bytes) -> State:
        """A ticket, a KeyUpdate, or a late CertificateRequest."""
        hs = self._hs
        if message[0] == _T.NEW_SESSION_TICKET:
            self._keep_ticket(message)
        elif message[0] == _T.KEY_UPDATE:
            if hs.traffic is None:
                raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "a KeyUpdate before our Finished")
            hs.traffic.receive(message)
        else:
            self._answer(message)
        return self

    def _keep_ticket(self, message: bytes) -> None:
        hs = self._hs
        ticket = decode_new_session_ticket(message)
        if hs.config.quic is not None and ticket.early_data not in (0, 0xFFFFFFFF):
            # RFC 9001 §4.6.1
            raise TlsAlert(AlertDescription.ILLEGAL_PARAMETER, "an early data size that QUIC does not allow", True)
        if not ticket.lifetime or not hs.resumption_secret:
            return
        facts = hs.core.facts
        del hs.tickets[: 1 - _TICKETS_MAXIMUM]
        hs.tickets.append(
            ClientTicket(
                ticket.ticket,
                psk_from_ticket(hs.core.suite.hash_name, hs.resumption_secret, ticket.nonce),
                facts.suite,
                min(ticket.lifetime, LIFETIME_MAXIMUM),
                ticket.age_add,
                ticket.early_data,
                int(hs.config.wall() * 1000),
                hs.config.server_name,
                facts.alpn,
                facts.peer,
            )
        )

    def _answer(self, message: bytes) -> None:
        """§4.6.2."""
        hs = self._hs
        if hs.config.quic is not None:
            raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "a certificate request after the handshake", True)  # RFC 9001 §4.4
        request = decode_certificate_request(message)
        _check_request(request)
        self._requests += 1
        if self._requests > _LATE_REQUESTS or hs.traffic is None:
            raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "certificate requests without end")
        transcript = hs.core.transcript.fork()
        transcript.add(message)
        answer = _authenticate(hs, request, transcript.fork())
        for part in answer:
            transcript.add(part)
            hs.core.send_after(part)
        verify = finished_data(hs.core.suite.hash_name, hs.traffic.ours, transcript.digest())
        hs.core.send_after(encode_handshake(_T.FINISHED, verify))
