# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server, state by state: what it does not expect there, and the alert for it.  RFC 9846 §4, §5, §6, appendix A.2."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sws.proto.tls import ClientAuth
from sws.proto.tls.constants import AlertDescription
from sws.proto.tls.messages import compress_certificate, encode_certificate, encode_certificate_verify
from sws.proto.tls.signatures import signed_content
from tests.kit.tls_pair import authority, credential, policy, server, server_config
from tests.kit.tls_peer import ALERT, CCS, DATA, HANDSHAKE, HELLO_RETRY, RawClient, message, vector

A = AlertDescription
MESSAGES = {
    "ClientHello": message(1, b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + b"\0\0"),
    "ServerHello": message(2, b"\3\3" + bytes(32) + b"\0\x13\1\0\0\0"),
    "HelloRetryRequest": message(2, b"\3\3" + HELLO_RETRY + b"\0\x13\1\0\0\0"),
    "HelloRequest": message(0),
    "NewSessionTicket": message(4, bytes(13)),
    "EndOfEarlyData": message(5),
    "EncryptedExtensions": message(8, b"\0\0"),
    "Certificate": message(11, bytes(4)),
    "CertificateRequest": message(13, b"\0\0\0"),
    "CertificateVerify": message(15, b"\4\3\0\0"),
    "Finished": message(20, bytes(32)),
    "KeyUpdate": message(24, b"\0"),
    "CompressedCertificate": message(25, bytes(9)),
    "message_hash": message(254, bytes(32)),
    "unknown": message(99),
    "ServerKeyExchange of TLS 1.2": message(12),
    "ServerHelloDone of TLS 1.2": message(14),
    "ClientKeyExchange of TLS 1.2": message(16),
}


def asking() -> RawClient:
    return RawClient(server(server_config({"client_auth": ClientAuth.REQUEST})))


def certificate_of(peer: RawClient) -> bytes:
    return encode_certificate(b"", credential().chain)


def verify_of(peer: RawClient, transcript: bytes | None = None) -> bytes:
    content = signed_content(peer.hash() if transcript is None else transcript, False)
    return encode_certificate_verify(0x0403, credential().signer.sign(0x0403, content))


def at_start() -> RawClient:
    return RawClient(server())


def after_retry() -> RawClient:
    peer = at_start()
    peer.send_hello(peer.hello(x51=b"\0\0"))
    assert peer.kinds == [2]
    return peer


def early_accepted() -> RawClient:
    config = server_config({"early_data": 1000})
    first = RawClient(server(config)).connect()
    ticket, psk, age_add = first.ticket()
    peer = RawClient(server(config))
    peer.send_message(peer.hello_with_psk(ticket, psk, age_add, x42=b"", x16=None))
    peer.start_early()
    peer.receive()
    assert peer.engine.facts.early
    return peer


def certificate_asked() -> RawClient:
    peer = asking()
    peer.send_hello()
    assert peer.kinds == [2, 8, 13, 11, 15, 20]
    return peer


def certificate_shown() -> RawClient:
    peer = certificate_asked()
    peer.send_message(certificate_of(peer))
    return peer


def certificate_proved() -> RawClient:
    peer = certificate_shown()
    peer.send_message(verify_of(peer))
    return peer


def flight_sent() -> RawClient:
    peer = at_start()
    peer.send_hello()
    return peer


def connected() -> RawClient:
    return at_start().connect()


def late_asked() -> RawClient:
    peer = RawClient(server(server_config({"policy": policy(purpose="clientAuth"), "client_auth": ClientAuth.REQUEST})))
    peer.send_hello(peer.hello(x49=b""))
    peer.send_message(message(11, bytes(4)))
    peer.send_finished()
    peer.engine.request_certificate()
    peer.receive()
    return peer


def late_context(peer: RawClient) -> bytes:
    request = [text for text in peer.messages if text[0] == 13][-1]
    return request[5 : 5 + request[4]]


def late_shown() -> RawClient:
    peer = late_asked()
    peer.transcript += [text for text in peer.messages if text[0] == 13][-1]
    peer.send_message(encode_certificate(late_context(peer), credential().chain))
    return peer


def late_proved() -> RawClient:
    peer = late_shown()
    peer.send_message(verify_of(peer))
    return peer


STATES: dict[str, tuple[Callable[[], RawClient], set[str]]] = {
    "start": (at_start, {"ClientHello"}),
    "after HelloRetryRequest": (after_retry, {"ClientHello"}),
    "early data accepted": (early_accepted, {"EndOfEarlyData"}),
    "certificate asked for": (certificate_asked, {"Certificate", "CompressedCertificate"}),
    "certificate shown": (certificate_shown, {"CertificateVerify"}),
    "certificate proved": (certificate_proved, {"Finished"}),
    "flight sent": (flight_sent, {"Finished"}),
    "connected": (connected, {"KeyUpdate"}),
    "late certificate asked for": (late_asked, {"KeyUpdate", "Certificate", "CompressedCertificate"}),
    "late certificate shown": (late_shown, {"CertificateVerify"}),
    "late certificate proved": (late_proved, {"Finished"}),
}


def alert_after(peer: RawClient, action: Callable[[], None]) -> int | None:
    """The engine's alert, and that it took nothing more after it."""
    action()
    peer.receive()
    if peer.alert is not None:
        assert peer.engine.wants_close
        peer.send_raw(b"\x17\3\3\0\x20" + bytes(32))
        count = len(peer.records)
        peer.receive()
        assert len(peer.records) == count, "an alert is the last thing that is said"
    return peer.alert


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("state", STATES)
def test_messages_that_a_state_does_not_expect(state: str, name: str) -> None:
    make, expected = STATES[state]
    peer = make()
    said = alert_after(peer, lambda: peer.send_message(MESSAGES[name]))
    if name in expected:
        assert said != A.UNEXPECTED_MESSAGE
    else:
        assert said == A.UNEXPECTED_MESSAGE


#: (state, record) -> alert; None where it is put up with.
RECORDS: list[tuple[str, int, bytes, A | None]] = [
    ("start", DATA, b"data", A.UNEXPECTED_MESSAGE),
    ("start", CCS, b"\1", A.UNEXPECTED_MESSAGE),
    ("start", 24, b"heartbeat", A.UNEXPECTED_MESSAGE),
    ("start", HANDSHAKE, b"", A.UNEXPECTED_MESSAGE),
    ("start", ALERT, b"", A.UNEXPECTED_MESSAGE),
    ("start", ALERT, b"\2", A.DECODE_ERROR),
    ("start", ALERT, b"\2\x28\2\x28", A.DECODE_ERROR),
    ("after HelloRetryRequest", CCS, b"\1", None),
    ("after HelloRetryRequest", CCS, b"\2", A.UNEXPECTED_MESSAGE),
    ("after HelloRetryRequest", CCS, b"\1\1", A.UNEXPECTED_MESSAGE),
    ("after HelloRetryRequest", DATA, b"data", A.UNEXPECTED_MESSAGE),
    ("flight sent", DATA, b"data", A.UNEXPECTED_MESSAGE),
    ("flight sent", HANDSHAKE, b"", A.UNEXPECTED_MESSAGE),
    ("flight sent", CCS, b"\1", A.UNEXPECTED_MESSAGE),
    ("flight sent", 0, b"", A.UNEXPECTED_MESSAGE),
    ("flight sent", 99, b"data", A.UNEXPECTED_MESSAGE),
    ("certificate asked for", DATA, b"data", A.UNEXPECTED_MESSAGE),
    ("connected", DATA, b"data", None),
    ("connected", CCS, b"\1", A.UNEXPECTED_MESSAGE),
    ("connected", HANDSHAKE, b"", A.UNEXPECTED_MESSAGE),
    ("connected", ALERT, b"", A.UNEXPECTED_MESSAGE),
    ("connected", ALERT, b"\1\0\0", A.DECODE_ERROR),
    ("connected", 0, b"", A.UNEXPECTED_MESSAGE),
    ("late certificate shown", DATA, b"data", None),
]


@pytest.mark.parametrize(("state", "kind", "payload", "says"), RECORDS)
def test_records_in_states(state: str, kind: int, payload: bytes, says: A | None) -> None:
    peer = STATES[state][0]()
    assert alert_after(peer, lambda: peer.send(kind, payload)) == says


@pytest.mark.parametrize(
    ("state", "kind", "payload", "says"),
    [
        ("flight sent", CCS, b"\1", None),
        ("flight sent", CCS, b"\0", A.UNEXPECTED_MESSAGE),
        ("flight sent", HANDSHAKE, MESSAGES["Finished"], A.UNEXPECTED_MESSAGE),
        ("connected", CCS, b"\1", A.UNEXPECTED_MESSAGE),
        ("connected", HANDSHAKE, MESSAGES["KeyUpdate"], A.UNEXPECTED_MESSAGE),
        ("connected", ALERT, b"\1\0", A.UNEXPECTED_MESSAGE),
        ("connected", DATA, b"without protection", A.BAD_RECORD_MAC),
        ("flight sent", DATA, b"without protection", A.BAD_RECORD_MAC),
    ],
)
def test_records_without_protection_where_there_are_keys(state: str, kind: int, payload: bytes, says: A | None) -> None:
    peer = STATES[state][0]()
    assert alert_after(peer, lambda: peer.send_plain(kind, payload)) == says


def test_an_alert_without_protection_of_a_client_that_has_no_keys_yet() -> None:
    peer = flight_sent()
    peer.send_plain(ALERT, b"\2\x2f")
    assert peer.engine.alert_received is not None
    assert peer.engine.alert_received.description == A.ILLEGAL_PARAMETER
    other = flight_sent()  # and no closure
    assert alert_after(other, lambda: other.send_plain(ALERT, b"\1\0")) == A.UNEXPECTED_MESSAGE
    peer = certificate_shown()  # but not of one that has shown that it has
    assert alert_after(peer, lambda: peer.send_plain(ALERT, b"\2\x2f")) == A.UNEXPECTED_MESSAGE


@pytest.mark.parametrize("state", [state for state in STATES if state != "early data accepted"])
def test_an_alert_of_the_client_ends_every_state(state: str) -> None:
    peer = STATES[state][0]()
    assert alert_after(peer, lambda: peer.send(ALERT, b"\1\x2a")) is None  # fatal, whatever its level says: §6
    assert peer.engine.failed
    assert peer.engine.alert_received is not None
    assert peer.engine.alert_received.description == A.BAD_CERTIFICATE


@pytest.mark.parametrize("state", ["start", "flight sent", "connected"])
def test_close_notify_in_every_state(state: str) -> None:
    peer = STATES[state][0]()
    peer.send(ALERT, b"\1\0")
    assert peer.engine.peer_closed
    assert not peer.engine.failed


def test_user_canceled_is_put_up_with_a_few_times() -> None:
    peer = connected()
    for _ in range(4):
        peer.send(ALERT, b"\1\x5a")
    peer.send(DATA, b"data")
    assert peer.plain == [b"data"]
    assert alert_after(peer, lambda: peer.send(ALERT, b"\1\x5a")) == A.UNEXPECTED_MESSAGE


# --- messages and records that do not fit --------------------------------------------------------------------------------


def test_messages_and_records_cross_in_every_way() -> None:
    peer = at_start()
    hello = peer.hello()
    for at in range(len(hello)):
        peer.send(HANDSHAKE, hello[at : at + 1])
    peer.transcript += hello
    peer.receive()
    finished = peer.finished(peer.secrets[0])
    for part in (finished[:1], finished[1:5], finished[5:]):
        peer.send(HANDSHAKE, part)
    assert peer.engine.complete


@pytest.mark.parametrize(
    ("kind", "payload"),
    [(DATA, b"data"), (ALERT, b"\1\0"), (CCS, b"\1")],
)
def test_nothing_comes_inside_a_message(kind: int, payload: bytes) -> None:
    peer = connected()
    peer.send(HANDSHAKE, MESSAGES["KeyUpdate"][:3])
    action = (lambda: peer.send_plain(kind, payload)) if kind == CCS else (lambda: peer.send(kind, payload))
    assert alert_after(peer, action) == A.UNEXPECTED_MESSAGE


@pytest.mark.parametrize(
    ("state", "tail"),
    [("start", b"\x14"), ("flight sent", b"\x18\0\0\1\0"), ("early data accepted", b"\x14")],
)
def test_a_message_does_not_span_a_change_of_keys(state: str, tail: bytes) -> None:
    peer = STATES[state][0]()
    if state == "start":
        text = peer.hello()
    elif state == "flight sent":
        text = peer.finished(peer.secrets[0])
    else:
        text = message(5)
    peer.transcript += text
    assert alert_after(peer, lambda: peer.send(HANDSHAKE, text + tail)) == A.UNEXPECTED_MESSAGE


def test_key_update_is_the_last_of_its_record() -> None:
    peer = connected()
    assert alert_after(peer, lambda: peer.send(HANDSHAKE, MESSAGES["KeyUpdate"] + MESSAGES["KeyUpdate"])) == A.UNEXPECTED_MESSAGE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (message(24, b"\2"), A.ILLEGAL_PARAMETER),
        (message(24, b""), A.DECODE_ERROR),
        (message(24, b"\0\0"), A.DECODE_ERROR),
        (b"\x18\xff\xff\xff", A.DECODE_ERROR),
    ],
)
def test_malformed_key_updates(text: bytes, says: A) -> None:
    peer = connected()
    assert alert_after(peer, lambda: peer.send(HANDSHAKE, text)) == says


def test_key_update_that_asks_is_answered_once_with_new_keys() -> None:
    peer = connected()
    for _ in range(3):
        keys = peer.write
        assert keys is not None
        peer.send(HANDSHAKE, message(24, b"\1"))
        peer.write = keys.updated()
    before = len(peer.messages)
    peer.receive()
    assert peer.messages[before:] == [message(24, b"\0")] * 3
    peer.engine.send([b"under new keys"])
    peer.receive()
    assert peer.data == b"under new keys"
    peer.send(DATA, b"and theirs")
    assert peer.plain == [b"and theirs"]


def test_key_updates_without_end() -> None:
    peer = connected()
    for _ in range(32):
        keys = peer.write
        assert keys is not None
        peer.send(HANDSHAKE, MESSAGES["KeyUpdate"])
        peer.write = keys.updated()
    assert not peer.engine.failed
    assert alert_after(peer, lambda: peer.send(HANDSHAKE, MESSAGES["KeyUpdate"])) == A.UNEXPECTED_MESSAGE


def test_a_key_update_in_the_middle_of_a_batch() -> None:
    peer = connected()
    keys = peer.write
    assert keys is not None
    wire = peer.record(DATA, b"before") + peer.record(HANDSHAKE, message(24, b"\0"))
    peer.write = keys.updated()
    peer.send_raw(wire + peer.record(DATA, b"after") + peer.record(DATA, b"!"))
    assert b"".join(peer.plain) == b"beforeafter!"


@pytest.mark.parametrize("state", ["flight sent", "connected"])
def test_records_that_do_not_open(state: str) -> None:
    peer = STATES[state][0]()
    record = bytearray(peer.record(DATA, b"data"))
    record[-1] ^= 1
    assert alert_after(peer, lambda: peer.send_raw(bytes(record))) == A.BAD_RECORD_MAC


@pytest.mark.parametrize("size", [0, 1, 15, 16])
def test_records_too_short_to_be_protected(size: int) -> None:
    peer = connected()
    assert alert_after(peer, lambda: peer.send_raw(b"\x17\3\3" + vector(2, bytes(size)))) == A.BAD_RECORD_MAC


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (b"\x16\3\1\x40\1", A.RECORD_OVERFLOW),
        (b"\x17\3\3\x41\1", A.RECORD_OVERFLOW),
        (b"\x80\x2e\1\3\1", A.UNEXPECTED_MESSAGE),
        (b"GET /", A.UNEXPECTED_MESSAGE),
        (b"\xff\3\3\0\1", A.UNEXPECTED_MESSAGE),
    ],
)
def test_headers_that_cannot_be_one_are_refused_before_their_content_comes(header: bytes, says: A) -> None:
    peer = at_start()
    assert alert_after(peer, lambda: peer.send_raw(header)) == says


def test_what_comes_before_a_bad_header_counts() -> None:
    peer = connected()
    peer.send_raw(peer.record(DATA, b"good") + b"\x17\3\3\xff\xff")
    peer.receive()
    assert peer.plain == [b"good"]
    assert peer.alert == A.RECORD_OVERFLOW


@pytest.mark.parametrize(
    ("size", "padding", "says"), [(16384, 0, None), (16385, 0, A.RECORD_OVERFLOW), (100, 16284, None), (0, 16384, None)]
)
def test_sizes_of_records(size: int, padding: int, says: A | None) -> None:
    peer = connected()
    assert alert_after(peer, lambda: peer.send(DATA, bytes(size), padding)) == says
    assert sum(map(len, peer.plain)) == (size if says is None else 0)


def test_the_record_size_limit_that_was_announced_holds() -> None:
    peer = RawClient(server(server_config(record_limit=100)))
    peer.connect(peer.hello(x28=b"\x40\1"))
    assert b"\0\x1c\0\2\0\x65" in peer.find(8)
    peer.send(DATA, bytes(100))
    assert alert_after(peer, lambda: peer.send(DATA, bytes(101))) == A.RECORD_OVERFLOW


def test_records_that_carry_nothing_are_counted() -> None:
    peer = connected()
    for _ in range(32):
        peer.send(DATA, b"", padding=3)
    peer.send(DATA, b"something")
    for _ in range(32):
        peer.send(DATA, b"")
    assert peer.alert is None
    assert alert_after(peer, lambda: peer.send(DATA, b"")) == A.UNEXPECTED_MESSAGE


def test_change_cipher_specs_are_counted() -> None:
    peer = flight_sent()
    for _ in range(32):
        peer.send_plain(CCS, b"\1")
    assert alert_after(peer, lambda: peer.send_plain(CCS, b"\1")) == A.UNEXPECTED_MESSAGE


# --- the client's flight ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (message(20, bytes(32)), A.DECRYPT_ERROR),
        (message(20, bytes(31)), A.DECODE_ERROR),
        (message(20, bytes(33)), A.DECODE_ERROR),
        (message(20), A.DECODE_ERROR),
    ],
)
@pytest.mark.parametrize("state", ["flight sent", "late certificate proved"])
def test_a_finished_that_is_wrong(state: str, text: bytes, says: A) -> None:
    peer = STATES[state][0]()
    assert alert_after(peer, lambda: peer.send_message(text)) == says


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"\1x" + bytes(3), A.ILLEGAL_PARAMETER),  # a context
        (b"\0\0\0", A.DECODE_ERROR),
        (b"\0\0\0\1", A.DECODE_ERROR),
        (b"\0" + vector(3, b"\0\0\0\0\0"), A.DECODE_ERROR),  # an empty certificate
        (b"\0" + vector(3, vector(3, b"x") + b"\0\0"), A.BAD_CERTIFICATE),
        (b"\0" + vector(3, vector(3, b"x") + b"\0\0") + b"!", A.DECODE_ERROR),
        (b"\0" + vector(3, vector(3, b"x") + vector(2, b"\0\x33\0\0")), A.ILLEGAL_PARAMETER),  # key_share may not stand there
        (b"\0" + vector(3, vector(3, b"x") + vector(2, b"\0\5\0\0\0\5\0\0")), A.ILLEGAL_PARAMETER),  # twice
        (b"\0" + vector(3, (vector(3, b"x") + b"\0\0") * 40), A.BAD_CERTIFICATE),
    ],
)
def test_malformed_certificates(body: bytes, says: A) -> None:
    peer = certificate_asked()
    assert alert_after(peer, lambda: peer.send_message(message(11, body))) == says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (message(25, b"\0\2" + b"\0\0\4" + vector(3, b"x")), A.ILLEGAL_PARAMETER),  # Brotli was not offered
        (message(25, b"\0\1" + b"\0\0\4" + vector(3, b"x")), A.BAD_CERTIFICATE),
        (message(25, b"\0\1" + b"\xff\xff\xff" + vector(3, b"x")), A.BAD_CERTIFICATE),
        (message(25, b"\0\1" + b"\0\0\4" + vector(3, b"")), A.DECODE_ERROR),
        (message(25, b"\0\1"), A.DECODE_ERROR),
        (b"\x19\xff\xff\xff", A.BAD_CERTIFICATE),
    ],
)
def test_malformed_compressed_certificates(text: bytes, says: A) -> None:
    peer = certificate_asked()
    assert alert_after(peer, lambda: peer.send_message(text)) == says


@pytest.mark.parametrize("change", [-1, 1])
def test_a_compressed_certificate_of_another_length_than_declared(change: int) -> None:
    peer = certificate_asked()
    text = bytearray(compress_certificate(certificate_of(peer)))
    length = int.from_bytes(text[6:9], "big") + change
    text[6:9] = length.to_bytes(3, "big")
    assert alert_after(peer, lambda: peer.send_message(bytes(text))) == A.BAD_CERTIFICATE


def test_a_compressed_certificate_is_taken() -> None:
    peer = certificate_asked()
    peer.send_message(compress_certificate(certificate_of(peer)))
    peer.send_message(verify_of(peer))
    peer.send_finished()
    assert peer.engine.facts.peer == credential().chain


def test_compression_that_was_not_offered() -> None:
    peer = RawClient(server(server_config({"client_auth": ClientAuth.REQUEST}, compress_certificates=False)))
    peer.send_hello()
    assert alert_after(peer, lambda: peer.send_message(compress_certificate(certificate_of(peer)))) == A.UNEXPECTED_MESSAGE


@pytest.mark.parametrize(
    ("scheme", "says"),
    [
        (0x0401, A.ILLEGAL_PARAMETER),  # PKCS#1 v1.5
        (0x0203, A.ILLEGAL_PARAMETER),  # SHA-1
        (0x0804, A.ILLEGAL_PARAMETER),  # RSA, for a key that is none
        (0x0503, A.ILLEGAL_PARAMETER),  # P-384, for a key of P-256
        (0x0403, A.DECRYPT_ERROR),
    ],
)
def test_a_signature_that_is_wrong(scheme: int, says: A) -> None:
    peer = certificate_shown()
    assert alert_after(peer, lambda: peer.send_message(encode_certificate_verify(scheme, b"\x30\6\2\1\1\2\1\1"))) == says


def test_a_signature_over_another_transcript() -> None:
    peer = certificate_shown()
    assert alert_after(peer, lambda: peer.send_message(verify_of(peer, bytes(32)))) == A.DECRYPT_ERROR


def test_the_servers_signature_is_not_taken_for_the_clients() -> None:
    peer = certificate_shown()
    signature = credential().signer.sign(0x0403, signed_content(peer.hash(), True))
    assert alert_after(peer, lambda: peer.send_message(encode_certificate_verify(0x0403, signature))) == A.DECRYPT_ERROR


def test_a_late_answer_to_no_request_or_twice() -> None:
    peer = late_asked()
    assert alert_after(peer, lambda: peer.send_message(encode_certificate(b"other", ()))) == A.ILLEGAL_PARAMETER
    peer = late_proved()
    peer.send_message(peer.finished(peer.application[0]))
    assert not peer.engine.failed
    text = encode_certificate(late_context(peer), credential().chain)
    assert alert_after(peer, lambda: peer.send_message(text)) == A.UNEXPECTED_MESSAGE


def test_a_late_certificate_may_be_refused_where_none_is_required_and_not_where_one_is() -> None:
    peer = late_asked()
    peer.transcript += [text for text in peer.messages if text[0] == 13][-1]
    peer.send_message(encode_certificate(late_context(peer), ()))
    peer.send_message(peer.finished(peer.application[0]))
    assert not peer.engine.failed
    peer = RawClient(server(server_config({"client_auth": ClientAuth.REQUIRE})))
    peer.send_hello(peer.hello(x49=b""))
    peer.send_message(certificate_of(peer))
    peer.send_message(verify_of(peer))
    peer.send_finished()
    peer.engine.request_certificate()
    peer.receive()
    assert alert_after(peer, lambda: peer.send_message(encode_certificate(late_context(peer), ()))) == A.CERTIFICATE_REQUIRED


def test_the_authorities_that_are_asked_for_are_the_roots() -> None:
    peer = certificate_asked()
    assert authority("P-256", "localhost")[1].subject.der in peer.find(13)


# --- early data ------------------------------------------------------------------------------------------------------------


def test_end_of_early_data_has_no_body() -> None:
    peer = early_accepted()
    assert alert_after(peer, lambda: peer.send_message(message(5, b"x"))) == A.DECODE_ERROR


def test_early_data_up_to_its_end() -> None:
    peer = early_accepted()
    peer.send(DATA, b"early")
    peer.send_message(message(5))
    peer.use_handshake_keys()
    peer.send_finished()
    assert peer.engine.complete
    assert peer.plain == [b"early"]


def test_finished_instead_of_end_of_early_data() -> None:
    peer = early_accepted()
    assert alert_after(peer, lambda: peer.send_message(peer.finished(peer.secrets[0]))) == A.UNEXPECTED_MESSAGE


def test_early_data_that_is_refused_is_skipped_but_not_without_end() -> None:
    config = server_config({"early_data": 0})
    first = RawClient(server(config)).connect()
    ticket, psk, age_add = first.ticket()
    peer = RawClient(server(config))
    peer.send_message(peer.hello_with_psk(ticket, psk, age_add, x42=b""))
    peer.start_early()
    peer.receive()
    for _ in range(3):
        peer.send(DATA, bytes(4000))
    keys = peer.write
    peer.use_handshake_keys()
    peer.send_finished()
    assert peer.engine.complete
    peer.write = keys
    assert alert_after(peer, lambda: peer.send(DATA, bytes(10))) == A.BAD_RECORD_MAC  # not after a record that did open
    peer = RawClient(server(config))
    peer.send_message(peer.hello_with_psk(ticket, psk, age_add, x42=b""))
    peer.start_early()
    peer.receive()
    peer.send(DATA, bytes(16000))
    assert alert_after(peer, lambda: peer.send(DATA, bytes(1000))) == A.BAD_RECORD_MAC


def test_early_data_before_a_retry_is_skipped_but_not_without_end() -> None:
    peer = at_start()
    peer.send_hello(peer.hello(x51=b"\0\0", x42=b"", x41=b"\0\7\0\1x\0\0\0\0\0\x21\x20" + bytes(32)))
    peer.send_plain(DATA, bytes(16000))
    assert peer.alert is None
    assert alert_after(peer, lambda: peer.send_plain(DATA, bytes(1000))) == A.BAD_RECORD_MAC
