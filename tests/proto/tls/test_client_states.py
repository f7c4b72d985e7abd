# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The client, state by state: what it does not expect there, and the alert for it.  RFC 9846 §4, §5, §6, appendix A.1."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sws.proto.tls import ClientTicket
from sws.proto.tls.constants import AlertDescription
from sws.proto.tls.messages import encode_certificate, encode_certificate_verify
from sws.proto.tls.signatures import signed_content
from tests.kit.tls_pair import NOW, alert_of, client, client_config, credential
from tests.kit.tls_peer import ALERT, CCS, DATA, HANDSHAKE, RawServer, extension, message, u16s, vector
from tests.proto.tls.test_server_states import MESSAGES as COMMON
from tests.proto.tls.test_server_states import alert_after as _alert_after

A = AlertDescription
MESSAGES = {
    **COMMON,
    "NewSessionTicket": message(4, bytes(8) + b"\0" + vector(2, b"ticket") + b"\0\0"),
    "CertificateRequest": message(13, b"\0" + vector(2, extension(13, b"\0\2\4\3"))),
}
SHARE = (51, b"\0\x1d" + vector(2, RawServer(client()).public))
VERSION = (43, b"\3\4")
PSK = ClientTicket(b"identity", b"s" * 32, 0x1301, 7200, 7, 1000, int(NOW * 1000), b"localhost", b"http/1.1")


def alert_after(peer: RawServer, action: Callable[[], None]) -> int | None:
    return _alert_after(peer, action)  # type: ignore[arg-type]


def at_start() -> RawServer:
    return RawServer(client(client_config(groups=(0x1D, 0x17))))


def after_retry() -> RawServer:
    peer = RawServer(client(client_config(groups=(0x1D, 0x17), shares=(0x17,))))
    peer.send_retry(peer.retry_request(VERSION, (51, b"\0\x1d")))
    return peer


def hello_said() -> RawServer:
    peer = at_start()
    peer.send_server_hello()
    return peer


def extensions_said() -> RawServer:
    peer = hello_said()
    peer.send_message(message(8, b"\0\0"))
    return peer


def certificate_asked() -> RawServer:
    peer = extensions_said()
    peer.send_message(MESSAGES["CertificateRequest"])
    return peer


def certificate_shown() -> RawServer:
    peer = extensions_said()
    peer.send_message(encode_certificate(b"", credential().chain))
    return peer


def prove(peer: RawServer) -> None:
    content = signed_content(peer.hash(), True)
    peer.send_message(encode_certificate_verify(0x0403, credential().signer.sign(0x0403, content)))


def certificate_proved() -> RawServer:
    peer = certificate_shown()
    prove(peer)
    return peer


def connected() -> RawServer:
    peer = certificate_proved()
    peer.send_finished()
    assert peer.engine.complete
    return peer


def resuming() -> RawServer:
    """After EncryptedExtensions of a resumption."""
    peer = RawServer(client(client_config(ticket=PSK)))
    peer.send_server_hello(peer.server_hello(extensions=(VERSION, SHARE, (41, b"\0\0"))), psk=PSK.psk)
    peer.send_message(message(8, b"\0\0"))
    return peer


STATES: dict[str, tuple[Callable[[], RawServer], set[str]]] = {
    "start": (at_start, {"ServerHello", "HelloRetryRequest"}),
    "after HelloRetryRequest": (after_retry, {"ServerHello"}),
    "hello said": (hello_said, {"EncryptedExtensions"}),
    "extensions said": (extensions_said, {"Certificate", "CompressedCertificate", "CertificateRequest"}),
    "certificate asked for": (certificate_asked, {"Certificate", "CompressedCertificate"}),
    "certificate shown": (certificate_shown, {"CertificateVerify"}),
    "certificate proved": (certificate_proved, {"Finished"}),
    "resuming": (resuming, {"Finished"}),
    "connected": (connected, {"KeyUpdate", "NewSessionTicket"}),
}


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("state", STATES)
def test_messages_that_a_state_does_not_expect(state: str, name: str) -> None:
    make, expected = STATES[state]
    peer = make()
    said = alert_after(peer, lambda: peer.send_message(MESSAGES[name]))
    if name in expected:
        assert said != A.UNEXPECTED_MESSAGE
    elif state == "after HelloRetryRequest" and name == "HelloRetryRequest":
        assert said is not None
    else:
        assert said == A.UNEXPECTED_MESSAGE


def test_a_second_retry() -> None:
    peer = after_retry()
    assert alert_after(peer, lambda: peer.send_message(peer.retry_request(VERSION, (44, b"\0\1c")))) == A.UNEXPECTED_MESSAGE


@pytest.mark.parametrize(
    ("state", "kind", "payload", "says"),
    [
        ("start", DATA, b"data", A.UNEXPECTED_MESSAGE),
        ("start", HANDSHAKE, b"", A.UNEXPECTED_MESSAGE),
        ("hello said", DATA, b"data", A.UNEXPECTED_MESSAGE),
        ("certificate proved", DATA, b"data", A.UNEXPECTED_MESSAGE),
        ("connected", DATA, b"data", None),
        ("connected", 0, b"", A.UNEXPECTED_MESSAGE),
    ],
)
def test_records_in_states(state: str, kind: int, payload: bytes, says: A | None) -> None:
    peer = STATES[state][0]()
    assert alert_after(peer, lambda: peer.send(kind, payload)) == says


@pytest.mark.parametrize(
    ("state", "kind", "payload", "says"),
    [
        ("start", CCS, b"\1", None),
        ("hello said", CCS, b"\1", None),
        ("hello said", CCS, b"\2", A.UNEXPECTED_MESSAGE),
        ("connected", CCS, b"\1", A.UNEXPECTED_MESSAGE),
        ("hello said", ALERT, b"\2\x28", A.UNEXPECTED_MESSAGE),
        ("hello said", HANDSHAKE, MESSAGES["EncryptedExtensions"], A.UNEXPECTED_MESSAGE),
    ],
)
def test_records_without_protection(state: str, kind: int, payload: bytes, says: A | None) -> None:
    peer = STATES[state][0]()
    assert alert_after(peer, lambda: peer.send_plain(kind, payload)) == says


@pytest.mark.parametrize("state", STATES)
def test_an_alert_of_the_server_ends_every_state(state: str) -> None:
    peer = STATES[state][0]()
    assert alert_after(peer, lambda: peer.send(ALERT, b"\2\x28")) is None
    assert peer.engine.alert_received is not None
    assert peer.engine.alert_received.description == A.HANDSHAKE_FAILURE


# --- ServerHello -------------------------------------------------------------------------------------------------------------

SERVER_HELLOS: list[tuple[str, dict[str, object], A | None]] = [
    ("right", {}, None),
    ("legacy_version", {"version": b"\3\2"}, A.PROTOCOL_VERSION),
    ("TLS 1.2", {"extensions": ()}, A.PROTOCOL_VERSION),
    ("TLS 1.2 of one that could do more", {"extensions": (), "random": bytes(24) + b"DOWNGRD\1"}, A.ILLEGAL_PARAMETER),
    ("TLS 1.1 of one that could do more", {"extensions": (), "random": bytes(24) + b"DOWNGRD\0"}, A.ILLEGAL_PARAMETER),
    ("another version selected", {"extensions": ((43, b"\3\3"), SHARE)}, A.ILLEGAL_PARAMETER),
    ("a version malformed", {"extensions": ((43, b"\3"), SHARE)}, A.DECODE_ERROR),
    ("another session id", {"session_id": b"x" * 32}, A.ILLEGAL_PARAMETER),
    ("no session id", {"session_id": b""}, A.ILLEGAL_PARAMETER),
    ("a suite that was not offered", {"suite": 0x1304}, A.ILLEGAL_PARAMETER),
    ("compression", {"compression": 1}, A.ILLEGAL_PARAMETER),
    ("no share", {"extensions": (VERSION,)}, A.MISSING_EXTENSION),
    ("a share of another group", {"extensions": (VERSION, (51, b"\0\x17" + vector(2, b"\4" * 65)))}, A.ILLEGAL_PARAMETER),
    ("a share of the wrong size", {"extensions": (VERSION, (51, b"\0\x1d" + vector(2, bytes(31))))}, A.ILLEGAL_PARAMETER),
    ("a share of small order", {"extensions": (VERSION, (51, b"\0\x1d" + vector(2, bytes(32))))}, A.ILLEGAL_PARAMETER),
    ("a share with an octet behind", {"extensions": (VERSION, (51, SHARE[1] + b"\0"))}, A.DECODE_ERROR),
    ("an extension twice", {"extensions": (VERSION, VERSION, SHARE)}, A.ILLEGAL_PARAMETER),
    ("an extension that may not stand there", {"extensions": (VERSION, SHARE, (16, b"\0\3\2h2"))}, A.ILLEGAL_PARAMETER),
    ("a cookie", {"extensions": (VERSION, SHARE, (44, b"\0\1c"))}, A.ILLEGAL_PARAMETER),
    ("an unknown extension", {"extensions": (VERSION, SHARE, (0x2A2A, b""))}, A.UNSUPPORTED_EXTENSION),
    ("a PSK that was not offered", {"extensions": (VERSION, SHARE, (41, b"\0\0"))}, A.UNSUPPORTED_EXTENSION),
]


@pytest.mark.parametrize(("changes", "says"), [case[1:] for case in SERVER_HELLOS], ids=[case[0] for case in SERVER_HELLOS])
def test_server_hellos(changes: dict[str, object], says: A | None) -> None:
    peer = at_start()
    assert alert_after(peer, lambda: peer.send_message(peer.server_hello(**changes))) == says  # type: ignore[arg-type]


def test_a_cut_server_hello() -> None:
    whole = at_start().server_hello(session_id=b"")
    for size in range(1, len(whole) - 4):
        peer = at_start()
        text = message(2, whole[4 : 4 + size])
        assert alert_after(peer, lambda peer=peer, text=text: peer.send_message(text)) in (A.DECODE_ERROR, A.PROTOCOL_VERSION)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("selected", "suite", "share", "says"),
    [
        (b"\0\1", 0x1301, True, A.ILLEGAL_PARAMETER),
        (b"\0\0", 0x1302, True, A.ILLEGAL_PARAMETER),  # of another hash
        (b"\0\0", 0x1303, True, None),  # of the same hash
        (b"\0\0", 0x1301, False, A.ILLEGAL_PARAMETER),  # psk_ke was not offered
        (b"\0", 0x1301, True, A.DECODE_ERROR),
    ],
)
def test_a_psk_selected(selected: bytes, suite: int, share: bool, says: A | None) -> None:
    peer = RawServer(client(client_config(ticket=PSK)))
    extensions = (VERSION, *((SHARE,) if share else ()), (41, selected))
    assert alert_after(peer, lambda: peer.send_message(peer.server_hello(suite=suite, extensions=extensions))) == says


# --- HelloRetryRequest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extensions", "facts", "says"),
    [
        (((51, b"\0\x17"),), {}, None),
        (((44, b"\0\1c"),), {}, None),
        ((), {}, A.ILLEGAL_PARAMETER),
        (((51, b"\0\x1d"),), {}, A.ILLEGAL_PARAMETER),  # its share is there
        (((51, b"\0\x18"),), {}, A.ILLEGAL_PARAMETER),  # was not named
        (((51, b"\0\x17\0"),), {}, A.DECODE_ERROR),
        (((44, b"\0\0"),), {}, A.DECODE_ERROR),
        (((51, b"\0\x17"), (0, b"")), {}, A.ILLEGAL_PARAMETER),
        (((51, b"\0\x17"), (0x2A2A, b"")), {}, A.UNSUPPORTED_EXTENSION),
        (((51, b"\0\x17"),), {"suite": 0x1304}, A.ILLEGAL_PARAMETER),
        (((51, b"\0\x17"),), {"session_id": b""}, A.ILLEGAL_PARAMETER),
    ],
)
def test_retry_requests(extensions: tuple[tuple[int, bytes], ...], facts: dict[str, object], says: A | None) -> None:
    peer = at_start()
    peer.retry()
    assert alert_after(peer, lambda: peer.send_message(peer.retry_request(VERSION, *extensions, **facts))) == says
    if says is None:
        assert peer.kinds == [1, 1]
        assert (b"\0\x2c\0\3\0\1c" in peer.client_hello) == (extensions[0][0] == 44)


def test_another_suite_than_in_the_retry() -> None:
    peer = after_retry()
    assert alert_after(peer, lambda: peer.send_message(peer.server_hello(suite=0x1303))) == A.ILLEGAL_PARAMETER


def test_another_group_than_in_the_retry() -> None:
    peer = after_retry()
    share = (51, b"\0\x17" + vector(2, b"\4" * 65))
    assert alert_after(peer, lambda: peer.send_message(peer.server_hello(extensions=(VERSION, share)))) == A.ILLEGAL_PARAMETER


def test_a_ticket_of_another_hash_is_not_offered_again() -> None:
    peer = RawServer(client(client_config(ticket=PSK)))
    assert b"identity" in peer.client_hello
    peer.send_retry(peer.retry_request(VERSION, (44, b"\0\1c"), suite=0x1302))
    assert b"identity" not in peer.client_hello


# --- the server's flight ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (extension(16, b"\0\x09\x08http/1.1"), None),
        (extension(16, b"\0\3\2h2"), A.ILLEGAL_PARAMETER),  # was not offered
        (extension(16, b"\0\x0c\2h2\x08http/1.1"), A.DECODE_ERROR),  # two
        (extension(16, b"\0\0"), A.DECODE_ERROR),
        (extension(0), None),
        (extension(0, b"x"), A.DECODE_ERROR),
        (extension(10, b"\0\2\0\x17"), None),
        (extension(10, b"\0\1\0"), A.DECODE_ERROR),
        (extension(28, b"\x40\1"), None),
        (extension(28, b"\0\x3f"), A.ILLEGAL_PARAMETER),
        (extension(42), A.UNSUPPORTED_EXTENSION),  # no early data was sent
        (extension(51, SHARE[1]), A.ILLEGAL_PARAMETER),
        (extension(13, b"\0\2\4\3"), A.ILLEGAL_PARAMETER),
        (extension(0x2A2A), A.UNSUPPORTED_EXTENSION),
        (extension(0) * 2, A.ILLEGAL_PARAMETER),
        (b"\0", A.DECODE_ERROR),
    ],
)
def test_encrypted_extensions(block: bytes, says: A | None) -> None:
    peer = hello_said()
    assert alert_after(peer, lambda: peer.send_message(message(8, vector(2, block)))) == says


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"\1c" + vector(2, extension(13, b"\0\2\4\3")), A.ILLEGAL_PARAMETER),
        (b"\0\0\0", A.MISSING_EXTENSION),
        (b"\0" + vector(2, extension(13, b"\0\0")), A.DECODE_ERROR),
        (b"\0" + vector(2, extension(13, b"\0\2\4\3") + extension(47, b"\0\0")), A.DECODE_ERROR),
        (b"\0" + vector(2, extension(13, b"\0\2\4\3") + extension(0x2A2A, b"x")), None),
        (b"\0" + vector(2, extension(13, b"\0\2\4\3") + extension(51, b"x")), A.ILLEGAL_PARAMETER),
        (b"\0", A.DECODE_ERROR),
    ],
)
def test_certificate_requests(body: bytes, says: A | None) -> None:
    peer = extensions_said()
    assert alert_after(peer, lambda: peer.send_message(message(13, body))) == says


def test_a_request_is_answered_with_nothing_by_who_has_nothing() -> None:
    peer = certificate_asked()
    peer.send_message(encode_certificate(b"", credential().chain))
    prove(peer)
    peer.send_finished()
    assert peer.kinds[1:] == [11, 20]
    assert peer.find(11) == message(11, bytes(4))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"\0\0\0\0", A.DECODE_ERROR),  # no certificate: §4.4.2.4
        (b"\1c\0\0\0", A.ILLEGAL_PARAMETER),
        (b"\0" + vector(3, vector(3, b"x") + b"\0\0"), A.BAD_CERTIFICATE),
        (b"\0" + vector(3, vector(3, b"x") + vector(2, extension(5, b"\1\0\0\0"))), A.DECODE_ERROR),  # an empty OCSP response
        (b"\0" + vector(3, vector(3, b"x") + vector(2, extension(5, b"\2\0\0\1x"))), A.DECODE_ERROR),
    ],
)
def test_certificates(body: bytes, says: A) -> None:
    peer = extensions_said()
    assert alert_after(peer, lambda: peer.send_message(message(11, body))) == says


@pytest.mark.parametrize(("scheme", "says"), [(0x0401, A.ILLEGAL_PARAMETER), (0x0804, A.ILLEGAL_PARAMETER), (0x0403, A.DECRYPT_ERROR)])
def test_signatures(scheme: int, says: A) -> None:
    peer = certificate_shown()
    assert alert_after(peer, lambda: peer.send_message(encode_certificate_verify(scheme, b"\x30\6\2\1\1\2\1\1"))) == says


@pytest.mark.parametrize(("size", "says"), [(32, A.DECRYPT_ERROR), (31, A.DECODE_ERROR)])
def test_a_finished_that_is_wrong(size: int, says: A) -> None:
    peer = certificate_proved()
    assert alert_after(peer, lambda: peer.send_message(message(20, bytes(size)))) == says


@pytest.mark.parametrize("state", ["hello said", "extensions said"])
def test_no_message_spans_a_change_of_keys(state: str) -> None:
    peer = at_start() if state == "hello said" else certificate_proved()
    text = peer.server_hello() if state == "hello said" else peer.finished(peer.secrets[1])
    peer.transcript += text
    peer.send(HANDSHAKE, text + b"\x08")
    assert alert_of(peer.engine) == A.UNEXPECTED_MESSAGE


# --- after the handshake ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (bytes(8) + b"\0" + vector(2, b"t") + b"\0\0", None),
        (bytes(8) + b"\0" + vector(2, b"t") + vector(2, extension(42, bytes(4))), None),
        (bytes(8) + b"\0" + vector(2, b"t") + vector(2, extension(42, bytes(3))), A.DECODE_ERROR),
        (bytes(8) + b"\0" + vector(2, b"t") + vector(2, extension(0x2A2A)), None),
        (bytes(8) + b"\0" + vector(2, b"t") + vector(2, extension(51)), A.ILLEGAL_PARAMETER),
        (bytes(8) + b"\0" + b"\0\0" + b"\0\0", A.DECODE_ERROR),
        (bytes(8), A.DECODE_ERROR),
    ],
)
def test_tickets(body: bytes, says: A | None) -> None:
    peer = connected()
    assert alert_after(peer, lambda: peer.send(HANDSHAKE, message(4, body))) == says


def test_tickets_are_kept_within_bounds() -> None:
    peer = connected()
    for number in range(100):
        peer.send(HANDSHAKE, message(4, b"\0\0\1\0" + bytes(4) + b"\0" + vector(2, b"ticket %d" % number) + b"\0\0"))
    kept = peer.engine.handshake.take_tickets()  # type: ignore[union-attr]
    assert [ticket.ticket for ticket in kept] == [b"ticket %d" % number for number in range(84, 100)]
    assert kept[0].lifetime == 256


@pytest.mark.parametrize("offered", [True, False])
def test_a_late_request(offered: bool) -> None:
    peer = RawServer(client(client_config(post_handshake_auth=offered, credential=credential())))
    peer.send_server_hello()
    peer.send_message(message(8, b"\0\0"))
    peer.send_message(encode_certificate(b"", credential().chain))
    prove(peer)
    peer.send_finished()
    before = len(peer.messages)
    request = message(13, b"\1c" + vector(2, extension(13, b"\0\2\4\3")))
    said = alert_after(peer, lambda: peer.send(HANDSHAKE, request))
    assert said == (None if offered else A.UNEXPECTED_MESSAGE)
    if offered:
        assert [text[0] for text in peer.messages[before:]] == [11, 15, 20]
        assert peer.messages[before][4:6] == b"\1c"
        assert alert_after(peer, lambda: peer.send(HANDSHAKE, message(13, b"\0\0\0"))) == A.MISSING_EXTENSION


def test_a_ticket_for_longer_than_seven_days_is_used_for_seven() -> None:
    peer = connected()
    peer.send(HANDSHAKE, message(4, b"\xff" * 4 + bytes(4) + b"\0" + vector(2, b"t") + b"\0\0"))
    assert peer.engine.handshake.take_tickets()[0].lifetime == 604800  # type: ignore[union-attr]


def test_early_data_leaves_before_the_answer_and_is_over_after_a_retry() -> None:
    peer = RawServer(client(client_config(ticket=PSK, early=True, shares=(0x17,))))
    assert peer.engine.can_send_data
    peer.engine.send([b"early"])
    peer.receive()
    assert peer.records[-1][0] == DATA
    peer.send_retry(peer.retry_request(VERSION, (51, b"\0\x1d")))
    assert not peer.engine.can_send_data
    assert extension(42) not in peer.client_hello


def test_hello_of_the_client() -> None:
    hello = at_start().client_hello
    for expected in (u16s((0x1301, 0x1302, 0x1303)), extension(43, b"\2\3\4"), extension(45, b"\1\1"), extension(5, b"\1\0\0\0\0")):
        assert expected in hello
    assert hello[38] == 32
