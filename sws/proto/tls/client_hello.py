# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The client up to the ServerHello.  RFC 9846 §4.1, §4.2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from sws.base.errors import TlsAlert
from sws.base.handshake import Direction
from sws.crypto import hashes
from sws.proto.tls import extensions as ext
from sws.proto.tls.client_auth import ExpectEncryptedExtensions
from sws.proto.tls.config import ClientTicket
from sws.proto.tls.constants import (
    LEGACY_VERSION,
    TLS13,
    AlertDescription,
    ExtensionType,
    HandshakeType,
    Level,
    SignatureScheme,
)
from sws.proto.tls.core import EarlyData, State, unexpected
from sws.proto.tls.groups import finish, offer
from sws.proto.tls.hello import ClientHello, ServerHello, decode_server_hello
from sws.proto.tls.messages import ZLIB
from sws.proto.tls.schedule import KeySchedule, finished_data
from sws.proto.tls.suites import SUITES

if TYPE_CHECKING:
    from sws.proto.tls.client import ClientHandshake

__all__ = ["ExpectServerHello", "first_hello"]

_X: Final = ExtensionType
#: Signatures in certificates may be these too.  §4.2.3
_CERTIFICATE_SCHEMES: Final = (SignatureScheme.RSA_PKCS1_SHA256, SignatureScheme.RSA_PKCS1_SHA384, SignatureScheme.RSA_PKCS1_SHA512)


def _illegal(why: str) -> TlsAlert:
    return TlsAlert(AlertDescription.ILLEGAL_PARAMETER, why)


def first_hello(hs: ClientHandshake) -> None:
    """Send the ClientHello."""
    config, core = hs.config, hs.core
    core.client_random = config.entropy(32)
    session_id = b"" if config.quic is not None else config.entropy(32)  # appendix D.4, not for QUIC (RFC 9001 §8.4)
    hs.offers = {group: offer(group, config.entropy) for group in config.groups if group in config.shares}
    hs.psk = _usable_ticket(hs)
    extensions = _extensions(hs)
    hello = ClientHello(LEGACY_VERSION, core.client_random, session_id, config.suites, b"\0", extensions, b"")
    hs.hello = _with_binders(hs, hello)
    core.send(Level.INITIAL, hs.hello.message)
    if _X.EARLY_DATA in (hs.hello.extensions or {}) and hs.psk is not None:
        suite = SUITES[hs.psk.suite]
        core.suite = suite
        core.facts.suite = suite.number
        digest = hashes.digest(suite.hash_name, hs.hello.message)
        early = KeySchedule(suite.hash_name, hs.psk.psk).derive(b"c e traffic", digest)
        core.log("CLIENT_EARLY_TRAFFIC_SECRET", early)
        core.install(Level.EARLY, Direction.WRITE, early)
        hs.early_data = EarlyData.ACCEPTED  # until the server says otherwise


def _usable_ticket(hs: ClientHandshake) -> ClientTicket | None:
    """§4.2.11.1, §4.6.1: not past its lifetime, for this very server name."""
    ticket = hs.config.ticket
    if ticket is None or ticket.suite not in SUITES:
        return None
    age = int(hs.config.wall() * 1000) - ticket.received
    if not ticket.external and (age > ticket.lifetime * 1000 or ticket.server_name != hs.config.server_name):
        return None
    hashes = [SUITES[suite].hash_name for suite in hs.config.suites]
    return ticket if SUITES[ticket.suite].hash_name in hashes else None


def _extensions(hs: ClientHandshake) -> ext.Extensions:
    config = hs.config
    found: ext.Extensions = {}
    if config.server_name is not None:
        found[_X.SERVER_NAME] = ext.encode_server_name(config.server_name)
    found[_X.SUPPORTED_VERSIONS] = ext.encode_list8_u16((TLS13,))
    found[_X.SUPPORTED_GROUPS] = ext.encode_list16_u16(config.groups)
    found[_X.SIGNATURE_ALGORITHMS] = ext.encode_list16_u16(config.schemes)
    found[_X.SIGNATURE_ALGORITHMS_CERT] = ext.encode_list16_u16((*config.schemes, *_CERTIFICATE_SCHEMES))
    found[_X.KEY_SHARE] = ext.encode_vector16(ext.encode_key_shares((group, own.share) for group, own in hs.offers.items()))
    found[_X.STATUS_REQUEST] = b"\1\0\0\0\0"
    if config.alpn:
        found[_X.ALPN] = ext.encode_alpn(config.alpn)
    if config.compress_certificates:
        found[_X.COMPRESS_CERTIFICATE] = ext.encode_list8_u16((ZLIB,))
    if config.post_handshake_auth and config.quic is None:
        found[_X.POST_HANDSHAKE_AUTH] = b""
    if config.quic is None:
        found[_X.RECORD_SIZE_LIMIT] = (config.record_limit + 1).to_bytes(2, "big")
    else:
        found[_X.QUIC_TRANSPORT_PARAMETERS] = config.quic
    found[_X.PSK_KEY_EXCHANGE_MODES] = b"\1\1"
    ticket = hs.psk
    if ticket is not None and config.early and ticket.early_data and ticket.suite in config.suites:
        found[_X.EARLY_DATA] = b""
    return found


def _with_binders(hs: ClientHandshake, hello: ClientHello) -> ClientHello:
    """The hello as it leaves: with pre_shared_key last, if there is a ticket, and its binder over all before it.  §4.2.11.2"""
    extensions = dict(hello.extensions or {})
    extensions.pop(_X.PRE_SHARED_KEY, None)
    ticket = hs.psk
    binders = b""
    if ticket is not None:
        suite = SUITES[ticket.suite]
        age = 0 if ticket.external else (int(hs.config.wall() * 1000) - ticket.received + ticket.age_add) % (1 << 32)
        identities = ext.encode_psk_identities(((ticket.ticket, age),))
        binders = ext.encode_vector16(bytes((suite.hash_length,)) + bytes(suite.hash_length))
        extensions[_X.PRE_SHARED_KEY] = identities + binders
    whole = ClientHello(hello.version, hello.random, hello.session_id, hello.suites, hello.compression, extensions, b"")
    message = whole.encode()
    if ticket is not None:
        suite = SUITES[ticket.suite]
        truncated = message[: -len(binders)]
        schedule = KeySchedule(suite.hash_name, ticket.psk)
        base = schedule.derive_empty(b"ext binder" if ticket.external else b"res binder")
        retried = hs.core.facts.retried
        digest = hs.core.transcript.digest_with(truncated) if retried else hashes.digest(suite.hash_name, truncated)
        binder = finished_data(suite.hash_name, base, digest)
        message = message[: -len(binder)] + binder
    return ClientHello(hello.version, hello.random, hello.session_id, hello.suites, hello.compression, extensions, message)


@final
class ExpectServerHello:
    """A ServerHello, or once a HelloRetryRequest."""

    level = Level.INITIAL
    expected = frozenset((int(HandshakeType.SERVER_HELLO),))

    def __init__(self, hs: ClientHandshake, retried: bool) -> None:
        self._hs = hs
        self._retried = retried

    def receive(self, message: bytes) -> State:
        """Check what both have in common, then go on by kind."""
        hs = self._hs
        answer = decode_server_hello(message)
        if hs.hello is None:
            raise unexpected("an answer without a ClientHello")
        _check_answer(hs.hello, answer)
        if answer.is_retry:
            if self._retried:
                raise unexpected("a second HelloRetryRequest")
            return _hello_again(hs, answer, message)
        if self._retried and answer.suite != hs.core.facts.suite:
            raise _illegal("another cipher suite than in the HelloRetryRequest")
        return _agree(hs, answer, message)


def _check_answer(hello: ClientHello, answer: ServerHello) -> None:
    selected = answer.extensions.get(_X.SUPPORTED_VERSIONS)
    if selected is None:
        if answer.random[-8:] in (b"DOWNGRD\1", b"DOWNGRD\0"):
            raise _illegal("a downgrade")  # §4.1.3
        raise TlsAlert(AlertDescription.PROTOCOL_VERSION, "the server does not speak TLS 1.3")
    if ext.decode_u16(selected, "selected_version") != TLS13:
        raise _illegal("a version that was not offered")
    if answer.version != LEGACY_VERSION:
        raise TlsAlert(AlertDescription.PROTOCOL_VERSION, "legacy_version is not 0x0303")
    ext.check_places(answer.extensions, "hello_retry_request" if answer.is_retry else "server_hello")
    offered = hello.extensions or {}
    for kind in answer.extensions:
        if kind not in offered and kind != _X.COOKIE:
            raise TlsAlert(AlertDescription.UNSUPPORTED_EXTENSION, "an extension that was not asked for")
    if answer.session_id != hello.session_id:
        raise _illegal("another session id")
    if answer.suite not in hello.suites:
        raise _illegal("a cipher suite that was not offered")
    if answer.compression:
        raise _illegal("compression")


def _hello_again(hs: ClientHandshake, request: ServerHello, message: bytes) -> State:
    """The second ClientHello.  §4.1.4"""
    core, config, hello = hs.core, hs.config, hs.hello
    if hello is None:
        raise unexpected("an answer without a ClientHello")
    wanted = request.extensions.get(_X.KEY_SHARE)
    cookie = request.extensions.get(_X.COOKIE)
    if wanted is None and cookie is None:
        raise _illegal("a HelloRetryRequest that changes nothing")
    core.choose_suite(request.suite)
    core.transcript.retry()
    core.transcript.add(message)
    core.facts.retried = True
    if hs.early_data is not EarlyData.NONE:
        hs.early_data = EarlyData.REJECTED
    extensions = dict(hello.extensions or {})
    extensions.pop(_X.EARLY_DATA, None)
    if wanted is not None:
        group = ext.decode_u16(wanted, "selected_group")
        if group not in config.groups or group in hs.offers:
            raise _illegal("a group that was not named, or whose share is there")
        hs.offers = {group: offer(group, config.entropy)}
        extensions[_X.KEY_SHARE] = ext.encode_vector16(ext.encode_key_shares(((group, hs.offers[group].share),)))
    if cookie is not None:
        ext.decode_cookie(cookie)
        extensions[_X.COOKIE] = cookie
    if hs.psk is not None and SUITES[hs.psk.suite].hash_name != core.suite.hash_name:
        hs.psk = None
    again = ClientHello(hello.version, hello.random, hello.session_id, hello.suites, hello.compression, extensions, b"")
    hs.hello = _with_binders(hs, again)
    core.send(Level.INITIAL, hs.hello.message)
    return ExpectServerHello(hs, retried=True)


def _agree(hs: ClientHandshake, answer: ServerHello, message: bytes) -> State:
    """Keys for the handshake."""
    core = hs.core
    core.choose_suite(answer.suite)
    psk = _selected_psk(hs, answer)
    share = answer.extensions.get(_X.KEY_SHARE)
    if share is None:  # we offer psk_dhe_ke only
        raise TlsAlert(AlertDescription.MISSING_EXTENSION if psk is None else AlertDescription.ILLEGAL_PARAMETER, "no key share")
    entry = ext.decode_key_shares(ext.encode_vector16(share))
    if len(entry) != 1 or next(iter(entry)) not in hs.offers:
        raise _illegal("a key share of a group that none was sent for")
    group = next(iter(entry))
    core.facts.group = group
    core.facts.resumed = psk is not None
    hs.schedule = schedule = KeySchedule(core.suite.hash_name, None if psk is None else psk.psk)
    schedule.advance(finish(hs.offers[group], entry[group]))
    hs.offers.clear()
    if psk is None:
        hs.psk = None
    else:
        core.facts.peer = psk.peer
    core.transcript.add(message)
    digest = core.transcript.digest()
    ours, theirs = schedule.derive(b"c hs traffic", digest), schedule.derive(b"s hs traffic", digest)
    core.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", ours)
    core.log("SERVER_HANDSHAKE_TRAFFIC_SECRET", theirs)
    core.install(Level.HANDSHAKE, Direction.READ, theirs)
    if hs.config.quic is not None:  # acknowledgements of Handshake packets leave before our flight does (RFC 9001 §4.1.4)
        core.install(Level.HANDSHAKE, Direction.WRITE, ours)
    hs.our_finished_base = ours
    return ExpectEncryptedExtensions(hs, theirs)


def _selected_psk(hs: ClientHandshake, answer: ServerHello) -> ClientTicket | None:
    selected = answer.extensions.get(_X.PRE_SHARED_KEY)
    if selected is None:
        return None
    if hs.psk is None or ext.decode_u16(selected, "selected_identity") != 0:
        raise _illegal("a PSK that was not offered")
    if SUITES[hs.psk.suite].hash_name != hs.core.suite.hash_name:
        raise _illegal("a cipher suite that does not go with the PSK")
    return hs.psk
