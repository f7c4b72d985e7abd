# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ClientHello as the server judges it: extensions malformed, missing, doubled, misplaced; the second hello.  RFC 9846 §4.1, §4.2, §9.2"""

from __future__ import annotations

import random

import pytest

from sws.proto.tls.constants import AlertDescription
from tests.kit.tls_pair import NOW, server, server_config
from tests.kit.tls_peer import HANDSHAKE, HELLO_RETRY, RawClient, extension, message, u16s, vector

A = AlertDescription
SHARE = vector(2, b"\0\x1d" + vector(2, RawClient(server()).public))
#: What is changed in a usual hello, and the alert; None where that does no harm.
HELLOS: list[tuple[str, dict[str, object], A | None]] = [
    # the fixed part
    ("legacy_version 3.1", {"version": b"\3\1"}, A.PROTOCOL_VERSION),
    ("legacy_version 3.4", {"version": b"\3\4"}, A.PROTOCOL_VERSION),
    ("session id", {"session_id": bytes(32)}, None),
    ("session id too long", {"session_id": bytes(33)}, A.DECODE_ERROR),
    ("unknown suites beside", {"suites": (0x0A0A, 0x1301, 0xC02F)}, None),
    ("no suite", {"suites": ()}, A.DECODE_ERROR),
    ("only unknown suites", {"suites": (0xC02F, 0x1304)}, A.HANDSHAKE_FAILURE),
    ("compression", {"compression": b"\0\1"}, A.ILLEGAL_PARAMETER),
    ("only compression", {"compression": b"\1"}, A.ILLEGAL_PARAMETER),
    ("no compression method", {"compression": b""}, A.DECODE_ERROR),
    ("no extensions", {"extensions": b""}, A.PROTOCOL_VERSION),
    ("empty extensions", {"extensions": b"\0\0"}, A.PROTOCOL_VERSION),
    ("extensions cut off", {"extensions": b"\0\5\0\0\0\5\0"}, A.DECODE_ERROR),
    ("octets behind the extensions", {"extensions": b"\0\0\0"}, A.DECODE_ERROR),
    # supported_versions
    ("TLS 1.2 only", {"x43": b"\2\3\3"}, A.PROTOCOL_VERSION),
    ("drafts of TLS 1.3", {"x43": b"\4\x7f\x1c\3\3"}, A.PROTOCOL_VERSION),
    ("TLS 1.2 and TLS 1.3 and GREASE", {"x43": b"\6\x3a\x3a\3\4\3\3"}, None),
    ("versions of an odd length", {"x43": b"\3\3\4\3"}, A.DECODE_ERROR),
    ("no version", {"x43": b"\0"}, A.DECODE_ERROR),
    ("versions with an octet behind", {"x43": b"\2\3\4\0"}, A.DECODE_ERROR),
    # groups and shares
    ("groups without shares", {"x51": None}, A.MISSING_EXTENSION),
    ("shares without groups", {"x10": None}, A.MISSING_EXTENSION),
    ("neither", {"x10": None, "x51": None}, A.MISSING_EXTENSION),
    ("no group", {"x10": b"\0\0"}, A.DECODE_ERROR),
    ("groups of an odd length", {"x10": b"\0\3\0\x1d\0"}, A.DECODE_ERROR),
    ("an unknown group beside", {"x10": b"\0\4\x2a\x2a\0\x1d"}, None),
    ("no group that we have", {"x10": b"\0\2\0\x1e", "x51": b"\0\0"}, A.HANDSHAKE_FAILURE),
    ("obsolete groups only", {"x10": b"\0\4\0\x15\0\x13", "x51": b"\0\0"}, A.ILLEGAL_PARAMETER),
    ("an obsolete group beside", {"x10": b"\0\4\0\x15\0\x1d"}, None),
    ("a share of a group that is not named", {"x10": b"\0\2\0\x17"}, A.ILLEGAL_PARAMETER),
    ("shares in another order", {"x10": b"\0\4\0\x17\0\x1d", "x51": vector(2, SHARE[2:] + b"\0\x17\0\1\4")}, None),
    ("two shares of a group", {"x51": vector(2, SHARE[2:] * 2)}, A.ILLEGAL_PARAMETER),
    ("an empty share", {"x51": b"\0\4\0\x1d\0\0"}, A.ILLEGAL_PARAMETER),
    ("a share that is too short", {"x51": b"\0\5\0\x1d\0\1x"}, A.ILLEGAL_PARAMETER),
    ("a share that is too long", {"x51": vector(2, b"\0\x1d" + vector(2, bytes(33)))}, A.ILLEGAL_PARAMETER),
    ("a share of small order", {"x51": vector(2, b"\0\x1d" + vector(2, bytes(32)))}, A.ILLEGAL_PARAMETER),
    ("shares cut off", {"x51": b"\0\x26\0\x1d\0\x20"}, A.DECODE_ERROR),
    ("shares with an octet behind", {"x51": SHARE + b"\0"}, A.DECODE_ERROR),
    ("P-256 not on the curve", {"x10": b"\0\2\0\x17", "x51": vector(2, b"\0\x17" + vector(2, b"\4" + bytes(64)))}, A.ILLEGAL_PARAMETER),
    ("P-256 compressed", {"x10": b"\0\2\0\x17", "x51": vector(2, b"\0\x17" + vector(2, b"\2" + bytes(32)))}, A.ILLEGAL_PARAMETER),
    ("P-384 of the size of P-256", {"x10": b"\0\2\0\x18", "x51": vector(2, b"\0\x18" + vector(2, b"\4" * 65))}, A.ILLEGAL_PARAMETER),
    ("ML-KEM of the wrong size", {"x10": b"\0\2\x11\xec", "x51": vector(2, b"\x11\xec" + vector(2, bytes(1215)))}, A.ILLEGAL_PARAMETER),
    ("ML-KEM out of range", {"x10": b"\0\2\x11\xec", "x51": vector(2, b"\x11\xec" + vector(2, b"\xff" * 1216))}, A.ILLEGAL_PARAMETER),
    (
        "ML-KEM with X25519 of small order",
        {"x10": b"\0\2\x11\xec", "x51": vector(2, b"\x11\xec" + vector(2, bytes(1216)))},
        A.ILLEGAL_PARAMETER,
    ),
    # signatures
    ("no signature algorithms", {"x13": None}, A.MISSING_EXTENSION),
    ("an empty list of them", {"x13": b"\0\0"}, A.DECODE_ERROR),
    ("of an odd length", {"x13": b"\0\3\4\3\4"}, A.DECODE_ERROR),
    ("none that our key has", {"x13": b"\0\4\x08\x04\2\1"}, A.HANDSHAKE_FAILURE),
    ("PKCS#1 only", {"x13": b"\0\2\4\1"}, A.HANDSHAKE_FAILURE),
    ("GREASE among them", {"x13": b"\0\4\x1a\x1a\4\3"}, None),
    ("signature_algorithms_cert", {"x50": b"\0\2\4\1"}, None),
    ("signature_algorithms_cert malformed", {"x50": b"\0\1\4"}, A.DECODE_ERROR),
    # names
    ("no server name", {"x0": None}, None),
    ("an empty server name", {"x0": b""}, A.DECODE_ERROR),
    ("an empty list of names", {"x0": b"\0\0"}, A.DECODE_ERROR),
    ("an empty name", {"x0": b"\0\3\0\0\0"}, A.DECODE_ERROR),
    ("two names", {"x0": vector(2, (b"\0" + vector(2, b"a")) * 2)}, A.DECODE_ERROR),
    ("another type of name", {"x0": vector(2, b"\1" + vector(2, b"a"))}, A.DECODE_ERROR),
    ("a name with a NUL", {"x0": vector(2, b"\0" + vector(2, b"a\0b"))}, A.ILLEGAL_PARAMETER),
    ("a name that is not ASCII", {"x0": vector(2, b"\0" + vector(2, b"\xe9"))}, A.ILLEGAL_PARAMETER),
    ("a name of 256 octets", {"x0": vector(2, b"\0" + vector(2, b"a" * 256))}, A.ILLEGAL_PARAMETER),
    # protocols
    ("ALPN", {"x16": vector(2, b"\2h2")}, None),
    ("ALPN of others", {"x16": vector(2, b"\2h9\4spdy")}, A.NO_APPLICATION_PROTOCOL),
    ("an empty ALPN list", {"x16": b"\0\0"}, A.DECODE_ERROR),
    ("an empty protocol name", {"x16": b"\0\1\0"}, A.DECODE_ERROR),
    ("ALPN cut off", {"x16": b"\0\3\5h2"}, A.DECODE_ERROR),
    ("ALPN with an octet behind", {"x16": vector(2, b"\2h2") + b"\0"}, A.DECODE_ERROR),
    # others that we know
    ("status_request", {"x5": b"\1\0\0\0\0"}, None),
    ("status_request of another type", {"x5": b"\7whatever"}, None),
    ("status_request cut off", {"x5": b"\1\0\0"}, A.DECODE_ERROR),
    ("an empty status_request", {"x5": b""}, A.DECODE_ERROR),
    ("record_size_limit", {"x28": b"\x10\0"}, None),
    ("record_size_limit below 64", {"x28": b"\0\x3f"}, A.ILLEGAL_PARAMETER),
    ("record_size_limit beyond what there is", {"x28": b"\xff\xff"}, None),
    ("record_size_limit malformed", {"x28": b"\x40"}, A.DECODE_ERROR),
    ("compress_certificate", {"x27": b"\4\0\1\0\2"}, None),
    ("compress_certificate malformed", {"x27": b"\1\0"}, A.DECODE_ERROR),
    ("certificate_authorities", {"x47": vector(2, vector(2, b"0\0"))}, None),
    ("an empty list of authorities", {"x47": b"\0\0"}, A.DECODE_ERROR),
    ("post_handshake_auth", {"x49": b""}, None),
    ("post_handshake_auth with a body", {"x49": b"\0"}, A.DECODE_ERROR),
    ("PSK modes without PSK", {"x45": b"\3\0\1\x4a"}, None),
    ("no PSK mode", {"x45": b"\0"}, A.DECODE_ERROR),
    ("early data without PSK", {"x42": b""}, None),
    ("early data with a body", {"x42": b"\0"}, A.DECODE_ERROR),
    ("a cookie that nobody gave", {"x44": b"\0\1c"}, A.ILLEGAL_PARAMETER),
    ("an empty cookie", {"x44": b"\0\0"}, A.DECODE_ERROR),
    ("padding", {"x21": bytes(300)}, None),
    ("oid_filters", {"x48": b"\0\0"}, A.ILLEGAL_PARAMETER),
    ("unknown extensions", {"x2570": b"", "x65281": b"\0", "x23": b"", "x11": b"\1\0", "x35": b""}, None),
    # pre_shared_key
    ("PSK without modes", {"x45": None, "x41": b"\0\7\0\1x\0\0\0\0\0\x21\x20" + bytes(32)}, A.MISSING_EXTENSION),
    ("PSK that we do not know", {"x41": b"\0\7\0\1x\0\0\0\0\0\x21\x20" + bytes(32)}, None),
    ("PSK in no mode that we have", {"x45": b"\1\0", "x41": b"\0\7\0\1x\0\0\0\0\0\x21\x20" + bytes(32)}, None),
    ("no identity", {"x41": b"\0\0\0\x21\x20" + bytes(32)}, A.DECODE_ERROR),
    ("an empty identity", {"x41": b"\0\6\0\0\0\0\0\0\0\x21\x20" + bytes(32)}, A.DECODE_ERROR),
    ("no binder", {"x41": b"\0\7\0\1x\0\0\0\0\0\0"}, A.DECODE_ERROR),
    ("a binder that is too short", {"x41": b"\0\7\0\1x\0\0\0\0\0\x20\x1f" + bytes(31)}, A.DECODE_ERROR),
    ("more binders than identities", {"x41": b"\0\7\0\1x\0\0\0\0\0\x42" + (b"\x20" + bytes(32)) * 2}, A.ILLEGAL_PARAMETER),
    ("PSK with an octet behind", {"x41": b"\0\7\0\1x\0\0\0\0\0\x21\x20" + bytes(33)}, A.DECODE_ERROR),
]


def answer(text: bytes, **options: object) -> RawClient:
    peer = RawClient(server(**options))  # type: ignore[arg-type]
    peer.send_raw(b"".join(peer.record(HANDSHAKE, text[at : at + 16000]) for at in range(0, len(text), 16000)))
    peer.transcript += text
    peer.receive()
    return peer


@pytest.mark.parametrize(("changes", "says"), [case[1:] for case in HELLOS], ids=[case[0] for case in HELLOS])
def test_hellos(changes: dict[str, object], says: A | None) -> None:
    peer = RawClient(server())
    got = answer(peer.hello(**changes))  # type: ignore[arg-type]
    assert got.alert == says
    assert got.kinds[:1] == ([2] if says is None else [])


@pytest.mark.parametrize("kind", [0, 10, 13, 43, 45, 51, 0x1A1A])
def test_an_extension_twice(kind: int) -> None:
    peer = RawClient(server())
    items = [*peer.extensions().items(), (kind, peer.extensions().get(kind, b""))]
    if kind == 0x1A1A:
        items.append(items[-1])
    assert answer(peer.hello(items)).alert == A.ILLEGAL_PARAMETER


def test_pre_shared_key_is_last() -> None:
    peer = RawClient(server())
    items = [(41, b"\0\7\0\1x\0\0\0\0\0\x21\x20" + bytes(32)), *peer.extensions().items()]
    assert answer(peer.hello(items)).alert == A.ILLEGAL_PARAMETER


def test_every_length_of_a_cut_hello_is_refused_or_waited_for() -> None:
    whole = RawClient(server()).hello(x16=vector(2, b"\2h2"))
    for size in range(1, len(whole) - 4):
        cut = message(1, whole[4 : 4 + size])
        assert answer(cut).alert in (A.DECODE_ERROR, A.PROTOCOL_VERSION), size
    assert answer(message(1, whole[4:] + b"\0")).alert == A.DECODE_ERROR


def test_the_order_of_extensions_does_not_matter() -> None:
    chance = random.Random(5)
    for _ in range(10):
        peer = RawClient(server())
        items = [*peer.extensions().items(), (0x2A2A, b"x"), (5, b"\1\0\0\0\0")]
        chance.shuffle(items)
        assert peer.connect(peer.hello(items)).engine.complete


def test_a_hello_of_almost_the_largest_size() -> None:
    peer = RawClient(server())
    assert answer(peer.hello(x21=bytes(65000))).kinds[0] == 2
    assert answer(b"\1\x02\x08\0" + bytes(100)).alert == A.DECODE_ERROR  # more than any hello can have


@pytest.mark.parametrize("echo", [b"", b"s" * 32])
def test_the_answer(echo: bytes) -> None:
    peer = RawClient(server())
    peer.send_hello(peer.hello(session_id=echo, x28=b"\x40\1", x27=b"\2\0\1", x5=b"\1\0\0\0\0"))
    hello = peer.find(2)
    assert hello[4:6] == b"\3\3"
    assert hello[38 : 39 + len(echo)] == vector(1, echo)
    assert hello[39 + len(echo) :][:3] == b"\x13\1\0"
    assert [kind for kind, _ in peer.records][:2] == ([22, 20] if echo else [22, 22])  # compatibility mode: appendix D.4
    found = peer.find(8)
    assert extension(28, b"\x40\1") in found
    assert extension(0) in found
    assert peer.kinds == [2, 8, 25, 15, 20]


def test_a_cookie_where_none_was_given() -> None:
    peer = RawClient(server(server_config(cookie=False)))
    peer.send_hello(peer.hello(x51=b"\0\0"))
    peer.send_hello(peer.hello(x44=b"\0\1c"))
    assert peer.alert == A.ILLEGAL_PARAMETER


@pytest.mark.parametrize("name", [b"LOCALHOST", b"localhost"])
def test_names_are_compared_in_lower_case(name: bytes) -> None:
    peer = RawClient(server())
    peer.connect(peer.hello(x0=vector(2, b"\0" + vector(2, name))))
    assert peer.engine.facts.server_name == b"localhost"


# --- the second hello ----------------------------------------------------------------------------------------------------


def retried() -> tuple[RawClient, bytes]:
    """After a HelloRetryRequest, with its cookie."""
    peer = RawClient(server())
    peer.send_hello(peer.hello(x51=b"\0\0", x21=bytes(10), x42=None))
    request = peer.find(2)
    assert request[6:38] == HELLO_RETRY
    at = request.index(b"\0\x2c") + 4
    return peer, request[at : at + int.from_bytes(request[at - 2 : at], "big")]


def test_a_second_hello_that_is_right() -> None:
    peer, cookie = retried()
    assert peer.connect(peer.hello(x44=cookie)).engine.facts.retried


SECOND: list[tuple[str, dict[str, object], A]] = [
    ("no share", {"x51": b"\0\0"}, A.ILLEGAL_PARAMETER),
    ("another share", {"x10": b"\0\4\0\x1d\0\x17", "x51": vector(2, b"\0\x17" + vector(2, b"\4" * 65))}, A.ILLEGAL_PARAMETER),
    ("another random", {"random": b"r" * 32}, A.ILLEGAL_PARAMETER),
    ("another session id", {"session_id": b"s"}, A.ILLEGAL_PARAMETER),
    ("other suites", {"suites": (0x1301, 0x1302)}, A.ILLEGAL_PARAMETER),
    ("other groups", {"x10": b"\0\4\0\x1d\0\x17"}, A.ILLEGAL_PARAMETER),
    ("another name", {"x0": vector(2, b"\0" + vector(2, b"other"))}, A.ILLEGAL_PARAMETER),
    ("another protocol", {"x16": vector(2, b"\2h2")}, A.ILLEGAL_PARAMETER),
    ("an extension less", {"x45": None}, A.ILLEGAL_PARAMETER),
    ("an extension more", {"x2570": b""}, A.ILLEGAL_PARAMETER),
    ("early data", {"x42": b""}, A.ILLEGAL_PARAMETER),
    ("no cookie", {"x44": None}, A.MISSING_EXTENSION),
    ("another cookie", {"x44": vector(2, b"other")}, A.ILLEGAL_PARAMETER),
    ("TLS 1.2", {"x43": b"\2\3\3"}, A.PROTOCOL_VERSION),
]


@pytest.mark.parametrize(("changes", "says"), [case[1:] for case in SECOND], ids=[case[0] for case in SECOND])
def test_second_hellos(changes: dict[str, object], says: A) -> None:
    peer, cookie = retried()
    peer.send_hello(peer.hello(**{"x44": cookie, **changes}))  # type: ignore[arg-type]
    assert peer.alert == says


def test_a_second_hello_in_another_order() -> None:
    peer, cookie = retried()
    items = [*reversed(peer.extensions().items()), (44, cookie)]
    peer.send_hello(peer.hello(items))
    assert peer.alert == A.ILLEGAL_PARAMETER


def test_no_third_hello() -> None:
    peer, cookie = retried()
    peer.send_hello(peer.hello(x44=cookie))
    peer.send_message(peer.hello(x44=cookie))
    peer.receive()
    assert peer.alert == A.UNEXPECTED_MESSAGE


# --- tickets ---------------------------------------------------------------------------------------------------------------


def test_only_the_binder_of_the_chosen_identity_is_checked_and_it_has_to_be_right() -> None:
    config = server_config()
    ticket, psk, age_add = RawClient(server(config)).connect().ticket()
    peer = RawClient(server(config))
    text = bytearray(peer.hello_with_psk(ticket, psk, age_add))
    text[-1] ^= 1
    peer.send_hello(bytes(text))
    assert peer.alert == A.DECRYPT_ERROR
    peer = RawClient(server(config))
    peer.send_hello(peer.hello_with_psk(ticket, psk, age_add))
    peer.send_finished()
    assert peer.engine.facts.resumed
    assert peer.kinds[:3] == [2, 8, 20]


@pytest.mark.parametrize("change", ["name", "nonce", "tag", "short"])
def test_a_ticket_that_is_not_ours_is_ignored(change: str) -> None:
    config = server_config()
    ticket, psk, age_add = RawClient(server(config)).connect().ticket()
    at = {"name": 0, "nonce": 20, "tag": len(ticket) - 1, "short": 0}[change]
    broken = ticket[:20] if change == "short" else ticket[:at] + bytes((ticket[at] ^ 1,)) + ticket[at + 1 :]
    peer = RawClient(server(config))
    text = peer.hello_with_psk(broken, psk, age_add)
    peer.psk = None
    peer.send_hello(text)
    peer.send_finished()
    assert not peer.engine.facts.resumed


@pytest.mark.parametrize(("modes", "count"), [(b"\1\1", 2), (None, 2), (b"\1\0", 0), (b"\2\0\1", 2)])
def test_tickets_go_to_clients_that_could_use_them(modes: bytes | None, count: int) -> None:
    peer = RawClient(server())
    peer.connect(peer.hello(x45=modes))
    assert peer.kinds.count(4) == count


def test_resumption_does_not_make_a_session_live_for_ever() -> None:
    moment = [NOW]
    config = server_config(wall=lambda: moment[0], ticket_lifetime=604800)
    peer = RawClient(server(config)).connect()
    for _ in range(6):
        ticket, psk, age_add = peer.ticket()
        moment[0] += 100_000
        peer = RawClient(server(config))
        peer.send_hello(peer.hello_with_psk(ticket, psk, age_add + 100_000_000))
        peer.send_finished()
        assert peer.engine.facts.resumed
    assert int.from_bytes(peer.find(4)[4:8], "big") == 604800 - 600_000


def test_no_certificate_and_no_psk() -> None:
    peer = RawClient(server(server_config({"credentials": ()})))
    peer.send_hello()
    assert peer.alert == A.HANDSHAKE_FAILURE
    assert u16s(()) == b""
