# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A ClientHello as the server understands it, and what the server picks from it.  RFC 9846 §4.1.1, §4.2, §9.2.

`read_offer` decodes every extension that we know and refuses what may not be; its checks are in the order in which a server that reads
front to back would come to them: version first, because everything else means something only in TLS 1.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from sws.base.errors import TlsAlert
from sws.proto.tls import extensions as ext
from sws.proto.tls.constants import LEGACY_VERSION, TLS13, AlertDescription, ExtensionType
from sws.proto.tls.hello import ClientHello
from sws.proto.tls.messages import ZLIB

__all__ = ["ClientOffer", "check_second_hello", "pick", "pick_alpn", "pick_group", "read_offer"]

_PSK_DHE_KE: Final = 1
_X: Final = ExtensionType
#: Groups of older versions that "MUST NOT be offered or negotiated" (appendix B.3.1.4), and the explicit curves of RFC 4492.  Clients that
#: speak older versions too do name them: beside other groups they are ignored.
_OBSOLETE: Final = frozenset((*range(0x0001, 0x0017), *range(0x001A, 0x001D), 0xFF01, 0xFF02))
#: What a second ClientHello may change.  §4.1.2
_MAY_CHANGE: Final = frozenset((_X.KEY_SHARE, _X.EARLY_DATA, _X.COOKIE, _X.PRE_SHARED_KEY, _X.PADDING))


@final
@dataclass(frozen=True, slots=True)
class ClientOffer:
    """The extensions of a ClientHello, decoded.

    Attributes:
      shares:     group → key; None without the extension.
      psk:        None unless the client offers one that it would use with a key exchange (psk_dhe_ke).
      psk_only:   it offers PSKs, but none in a mode that we have.
    """

    hello: ClientHello
    groups: tuple[int, ...]
    shares: ext.KeyShares | None
    schemes: tuple[int, ...]
    server_name: bytes | None
    alpn: tuple[bytes, ...]
    psk: ext.PskOffer | None
    modes: bytes
    early_data: bool
    cookie: bytes | None
    record_size: int | None
    compress: bool
    ocsp: bool
    post_handshake_auth: bool
    quic: bytes | None


def _illegal(why: str) -> TlsAlert:
    return TlsAlert(AlertDescription.ILLEGAL_PARAMETER, why)


def _missing(why: str) -> TlsAlert:
    return TlsAlert(AlertDescription.MISSING_EXTENSION, why)


def _check_version(hello: ClientHello) -> ext.Extensions:
    found = hello.extensions
    if found is None or _X.SUPPORTED_VERSIONS not in found:
        raise TlsAlert(AlertDescription.PROTOCOL_VERSION, "the client does not speak TLS 1.3")
    if TLS13 not in ext.decode_list8_u16(found[_X.SUPPORTED_VERSIONS], "supported_versions"):
        raise TlsAlert(AlertDescription.PROTOCOL_VERSION, "the client does not speak TLS 1.3")
    if hello.version != LEGACY_VERSION:
        raise TlsAlert(AlertDescription.PROTOCOL_VERSION, "legacy_version is not 0x0303")
    if hello.compression != b"\0":
        raise _illegal("compression in a ClientHello of TLS 1.3")
    return found


def _check_mandatory(found: ext.Extensions) -> None:
    """§9.2."""
    if (_X.SUPPORTED_GROUPS in found) != (_X.KEY_SHARE in found):
        raise _missing("supported_groups and key_share come together")
    if _X.PRE_SHARED_KEY not in found:
        if _X.SIGNATURE_ALGORITHMS not in found or _X.SUPPORTED_GROUPS not in found:
            raise _missing("neither a PSK nor the means to do without")
    else:
        if next(reversed(found)) != _X.PRE_SHARED_KEY:
            raise _illegal("pre_shared_key is not the last extension")
        if _X.PSK_KEY_EXCHANGE_MODES not in found:
            raise _missing("pre_shared_key without psk_key_exchange_modes")


def _check_shares(groups: Sequence[int], shares: ext.KeyShares) -> None:
    """Every share is of a group that was named.  §4.2.8; that they stand in the same order is the client's duty, nothing hangs on it."""
    if not set(shares).issubset(groups):
        raise _illegal("a key share of a group that was not named")


def read_offer(hello: ClientHello) -> ClientOffer:
    """Raises: TlsAlert, DecodeError."""
    found = _check_version(hello)
    _check_mandatory(found)

    def body(kind: int) -> bytes | None:
        return found.get(kind)

    groups = ext.decode_list16_u16(found[_X.SUPPORTED_GROUPS], "supported_groups") if _X.SUPPORTED_GROUPS in found else ()
    schemes = ext.decode_list16_u16(found[_X.SIGNATURE_ALGORITHMS], "signature_algorithms") if _X.SIGNATURE_ALGORITHMS in found else ()
    if _X.SIGNATURE_ALGORITHMS_CERT in found:
        ext.decode_list16_u16(found[_X.SIGNATURE_ALGORITHMS_CERT], "signature_algorithms_cert")
    if _X.CERTIFICATE_AUTHORITIES in found:
        ext.decode_certificate_authorities(found[_X.CERTIFICATE_AUTHORITIES])
    shares = None
    if _X.KEY_SHARE in found:
        shares = ext.decode_key_shares(found[_X.KEY_SHARE])
        _check_shares(groups, shares)
    for kind, what in ((_X.EARLY_DATA, "early_data"), (_X.POST_HANDSHAKE_AUTH, "post_handshake_auth")):
        if kind in found:
            ext.decode_empty(found[kind], what)
    modes = ext.decode_psk_modes(found[_X.PSK_KEY_EXCHANGE_MODES]) if _X.PSK_KEY_EXCHANGE_MODES in found else b""
    psk = ext.decode_pre_shared_key(found[_X.PRE_SHARED_KEY]) if _X.PRE_SHARED_KEY in found else None
    name, alpn, cookie = body(_X.SERVER_NAME), body(_X.ALPN), body(_X.COOKIE)
    size, compress, ocsp = body(_X.RECORD_SIZE_LIMIT), body(_X.COMPRESS_CERTIFICATE), body(_X.STATUS_REQUEST)
    return ClientOffer(
        hello,
        groups,
        shares,
        schemes,
        ext.decode_server_name(name) if name is not None else None,
        tuple(ext.decode_alpn(alpn)) if alpn is not None else (),
        psk if _PSK_DHE_KE in modes else None,
        modes,
        _X.EARLY_DATA in found,
        ext.decode_cookie(cookie) if cookie is not None else None,
        ext.decode_record_size_limit(size) if size is not None else None,
        compress is not None and ZLIB in ext.decode_list8_u16(compress, "compress_certificate"),
        ocsp is not None and ext.decode_status_request(ocsp),
        _X.POST_HANDSHAKE_AUTH in found,
        body(_X.QUIC_TRANSPORT_PARAMETERS),
    )


def pick(ours: Sequence[int], theirs: Sequence[int]) -> int | None:
    """The first of ours that they have too."""
    for value in ours:
        if value in theirs:
            return value
    return None


def pick_group(ours: Sequence[int], offer: ClientOffer) -> tuple[int, bool]:
    """The group to use, and whether its share is there: one that saves a round trip wins.

    Raises: TlsAlert handshake_failure if there is none in common, illegal_parameter if obsolete ones are all there is.
    """
    for group in ours:
        if offer.shares and group in offer.shares:
            return group, True
    group_to_ask = pick(ours, offer.groups)
    if group_to_ask is None:
        if not _OBSOLETE.isdisjoint(offer.groups):
            raise _illegal("obsolete groups only")
        raise TlsAlert(AlertDescription.HANDSHAKE_FAILURE, "no group in common")
    return group_to_ask, False


def pick_alpn(ours: Sequence[bytes], theirs: Sequence[bytes]) -> bytes | None:
    """The protocol; None if either side does not ask.  RFC 7301 §3.2.  Raises: TlsAlert no_application_protocol."""
    if not ours or not theirs:
        return None
    for name in ours:
        if name in theirs:
            return name
    raise TlsAlert(AlertDescription.NO_APPLICATION_PROTOCOL, "no application protocol in common")


def check_second_hello(first: ClientHello, second: ClientHello, group: int, cookie: bytes | None) -> None:
    """That a client changed what it was asked to, and nothing else.  §4.1.2, §4.1.4.  Raises: TlsAlert, DecodeError."""
    before, after = first.extensions or {}, second.extensions or {}
    same = (first.random, first.session_id, first.suites, first.compression) == (
        second.random,
        second.session_id,
        second.suites,
        second.compression,
    )
    kept = [[item for item in found.items() if item[0] not in _MAY_CHANGE] for found in (before, after)]
    if not same or kept[0] != kept[1]:  # their order too
        raise _illegal("the second ClientHello is not the first")
    if _X.EARLY_DATA in after:
        raise _illegal("early data after a HelloRetryRequest")
    shares = ext.decode_key_shares(after.get(_X.KEY_SHARE, b"\0\0"))
    if list(shares) != [group]:
        raise _illegal("not the one key share that was asked for")
    body = after.get(_X.COOKIE)
    if body is None and cookie is not None:
        raise _missing("no cookie")
    if body is not None and ext.decode_cookie(body) != cookie:
        raise _illegal("another cookie")
