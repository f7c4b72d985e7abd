# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Both roles against each other: every way a connection can be made, used and ended."""

from __future__ import annotations

import pytest

from sws.base.errors import UsageError
from sws.proto.tls import ClientAuth, ClientTicket, Psk, TlsConnection
from sws.proto.tls.constants import AlertDescription, CipherSuite, NamedGroup, SignatureScheme
from tests.kit.tls_pair import NOW, alert_of, client, client_config, credential, deliver, policy, server, server_config, talk

A = AlertDescription


def connect(one: TlsConnection, other: TlsConnection, step: int | None = None) -> None:
    talk(one, other, step)
    assert one.complete, (one.alert_sent, other.alert_sent)
    assert other.complete, (one.alert_sent, other.alert_sent)


def exchange(one: TlsConnection, other: TlsConnection, octets: int = 100_000) -> None:
    """Data both ways."""
    one.send([b"question" * (octets // 8)])
    other.send([b"answer" * (octets // 6)])
    assert talk(one, other) == (b"answer" * (octets // 6), b"question" * (octets // 8))


@pytest.mark.parametrize("group", list(NamedGroup))
@pytest.mark.parametrize("suite", list(CipherSuite))
def test_every_suite_and_group(suite: CipherSuite, group: NamedGroup) -> None:
    one, other = client(client_config(suites=(suite,), shares=(group,))), server()
    connect(one, other, step=701)
    assert (one.facts.suite, one.facts.group) == (other.facts.suite, other.facts.group) == (suite, group)
    assert (one.facts.alpn, other.facts.alpn, other.facts.server_name) == (b"http/1.1", b"http/1.1", b"localhost")
    assert one.export(b"label", b"context", 40) == other.export(b"label", b"context", 40) != one.export(b"label", b"", 40)
    exchange(one, other, 40_000)


@pytest.mark.parametrize("algorithm", ["P-256", "P-384", "Ed25519"])
def test_every_kind_of_key(algorithm: str) -> None:
    one = client(client_config(policy=policy(algorithm)))
    other = server(server_config({"credentials": (credential(algorithm),)}))
    connect(one, other)
    assert one.facts.scheme == other.facts.scheme == credential(algorithm).signer.schemes[0]
    assert one.facts.peer == credential(algorithm).chain


def test_octet_by_octet() -> None:
    one, other = client(), server()
    connect(one, other, step=1)
    exchange(one, other, 1000)


def test_the_first_credential_that_the_client_can_verify_is_used() -> None:
    both = (credential("Ed25519"), credential("P-256"))
    one = client(client_config(schemes=(SignatureScheme.ECDSA_SECP256R1_SHA256,)))
    connect(one, server(server_config({"credentials": both})))
    assert one.facts.peer == both[1].chain


def test_the_servers_order_of_suites_and_groups_decides() -> None:
    theirs = server_config(suites=(CipherSuite.TLS_AES_256_GCM_SHA384, CipherSuite.TLS_AES_128_GCM_SHA256), groups=(NamedGroup.SECP256R1,))
    one = client()
    connect(one, server(theirs))
    assert (one.facts.suite, one.facts.group, one.facts.retried) == (CipherSuite.TLS_AES_256_GCM_SHA384, NamedGroup.SECP256R1, True)


@pytest.mark.parametrize("cookie", [True, False])
@pytest.mark.parametrize("step", [None, 100])
def test_a_retry(cookie: bool, step: int | None) -> None:
    one, other = client(client_config(shares=())), server(server_config(cookie=cookie))
    connect(one, other, step)
    assert one.facts.retried
    assert other.facts.retried
    exchange(one, other, 1000)


# --- resumption ----------------------------------------------------------------------------------------------------------


def tickets_from(config: object = None, theirs: object = None) -> list[ClientTicket]:
    one = client(config)  # type: ignore[arg-type]
    connect(one, server(theirs))  # type: ignore[arg-type]
    return list(one.handshake.take_tickets())  # type: ignore[union-attr]


@pytest.mark.parametrize("shares", [(NamedGroup.X25519,), ()])
def test_resumption(shares: tuple[NamedGroup, ...]) -> None:
    first, second = tickets_from()
    assert first.ticket != second.ticket
    for ticket in (first, second, first):
        one, other = client(client_config(ticket=ticket, shares=shares)), server()
        connect(one, other)
        assert one.facts.resumed
        assert other.facts.resumed
        assert one.facts.retried == (not shares)
        exchange(one, other, 1000)
        assert len(one.handshake.take_tickets()) == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("host", "theirs"),
    [
        ({"binding": b"another"}, {}),
        ({"client_auth": ClientAuth.REQUIRE}, {}),
        ({}, {"wall": lambda: NOW + 7201}),
        ({}, {"wall": lambda: NOW - 11}),
        ({}, {"tickets": None}),
        ({}, {"suites": (CipherSuite.TLS_AES_256_GCM_SHA384,)}),
    ],
    ids=["another host", "a certificate is required", "too old", "from the future", "no tickets here", "another hash"],
)
def test_a_ticket_that_is_not_good_here_means_a_full_handshake(host: dict[str, object], theirs: dict[str, object]) -> None:
    ticket = tickets_from(client_config(suites=(CipherSuite.TLS_AES_128_GCM_SHA256,)))[0]
    one, other = client(client_config(ticket=ticket, credential=credential())), server(server_config(host, **theirs))
    connect(one, other)
    assert not one.facts.resumed
    assert not other.facts.resumed


def test_a_client_does_not_offer_a_ticket_that_is_too_old_or_of_another_name() -> None:
    ticket = tickets_from()[0]
    for changes in ({"wall": lambda: NOW + 7201}, {"server_name": b"other.example"}, {"suites": (CipherSuite.TLS_AES_256_GCM_SHA384,)}):
        one = client(client_config(ticket=ticket, **changes))
        assert one.handshake.psk is None  # type: ignore[union-attr]


def test_the_chain_of_a_client_goes_with_its_ticket() -> None:
    theirs = server_config({"client_auth": ClientAuth.REQUIRE})
    ticket = tickets_from(client_config(credential=credential()), theirs)[0]
    one, other = client(client_config(ticket=ticket)), server(theirs)
    connect(one, other)
    assert other.facts.resumed
    assert other.facts.peer == credential().chain


def test_no_tickets_for_a_client_that_could_not_use_them() -> None:
    one = client()
    other = server(server_config({"ticket_count": 0}))
    connect(one, other)
    assert not one.handshake.take_tickets()  # type: ignore[union-attr]


@pytest.mark.parametrize("hash_name", ["sha256", "sha384"])
def test_external_psk(hash_name: str) -> None:
    suite = CipherSuite.TLS_AES_256_GCM_SHA384 if hash_name == "sha384" else CipherSuite.TLS_AES_128_GCM_SHA256
    mine = ClientTicket(b"identity", b"s" * 32, suite, 0, 0, 0, 0, None, None, external=True)
    theirs = server_config({"credentials": ()}, external_psk=lambda who: Psk(b"s" * 32, hash_name, None) if who == b"identity" else None)
    one, other = client(client_config(ticket=mine, suites=(suite,))), server(theirs)
    connect(one, other)
    assert one.facts.resumed
    assert not one.facts.peer
    wrong = ClientTicket(b"identity", b"t" * 32, suite, 0, 0, 0, 0, None, None, external=True)
    one, other = client(client_config(ticket=wrong, suites=(suite,))), server(theirs)
    talk(one, other)
    assert alert_of(other) == A.DECRYPT_ERROR


# --- 0-RTT ---------------------------------------------------------------------------------------------------------------


def early(ticket: ClientTicket, theirs: object, **changes: object) -> tuple[TlsConnection, TlsConnection, bytes]:
    one = client(client_config(ticket=ticket, early=True, **changes))
    other = server(theirs)  # type: ignore[arg-type]
    one.send([b"early"])
    got = talk(one, other)[1]
    one.end_early_data()
    got += talk(one, other)[1]
    assert one.complete, (one.alert_sent, other.alert_sent)
    assert other.complete, (one.alert_sent, other.alert_sent)
    assert one.facts.early == other.facts.early
    one.send([b" late"])
    return one, other, got + talk(one, other)[1]


def test_early_data_is_taken_once() -> None:
    theirs = server_config({"early_data": 1000})
    ticket = tickets_from(None, theirs)[0]
    one, _, got = early(ticket, theirs)
    assert (one.facts.early, got) == (True, b"early late")
    one, _, got = early(ticket, theirs)
    assert (one.facts.early, one.facts.resumed, got) == (False, True, b" late")


@pytest.mark.parametrize(
    ("host", "changes", "theirs"),
    [
        ({"early_data": 0}, {}, {}),
        ({}, {"shares": ()}, {}),
        ({}, {"alpn": (b"h2",)}, {}),
        ({}, {}, {"suites": (CipherSuite.TLS_CHACHA20_POLY1305_SHA256,)}),
        ({}, {"wall": lambda: NOW + 11}, {}),
        ({"binding": b"another"}, {}, {}),
    ],
    ids=["refused here", "retry", "another protocol", "another suite", "an age that is off", "no resumption"],
)
def test_early_data_that_is_refused_is_skipped(host: dict[str, object], changes: dict[str, object], theirs: dict[str, object]) -> None:
    usual = server_config({"early_data": 1000}, suites=(CipherSuite.TLS_AES_128_GCM_SHA256,))
    ticket = tickets_from(None, usual)[0]
    refusing = server_config({"early_data": 1000, **host}, **{"suites": (CipherSuite.TLS_AES_128_GCM_SHA256,), **theirs})
    one, _, got = early(ticket, refusing, **changes)
    assert (one.facts.early, got) == (False, b" late")


def test_more_early_data_than_allowed() -> None:
    theirs = server_config({"early_data": 1000})
    ticket = tickets_from(None, theirs)[0]
    one, other = client(client_config(ticket=ticket, early=True)), server(theirs)
    one.send([bytes(1001)])
    talk(one, other)
    assert alert_of(other) == A.UNEXPECTED_MESSAGE


# --- client certificates ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["P-256", "P-384", "Ed25519"])
@pytest.mark.parametrize("compress", [True, False])
def test_client_certificates(algorithm: str, compress: bool) -> None:
    theirs = server_config({"client_auth": ClientAuth.REQUIRE, "policy": policy(algorithm, "clientAuth")}, compress_certificates=compress)
    one, other = client(client_config(credential=credential(algorithm))), server(theirs)
    connect(one, other)
    assert other.facts.peer == credential(algorithm).chain
    assert one.facts.authorities


@pytest.mark.parametrize(("auth", "says"), [(ClientAuth.REQUEST, None), (ClientAuth.REQUIRE, A.CERTIFICATE_REQUIRED)])
def test_a_client_without_a_certificate(auth: ClientAuth, says: A | None) -> None:
    one, other = client(), server(server_config({"client_auth": auth}))
    talk(one, other)
    assert alert_of(other) == says
    assert other.complete == (says is None)
    assert not other.facts.peer


@pytest.mark.parametrize(
    ("mine", "says"),
    [(("P-256", "stranger"), A.UNKNOWN_CA), (("P-384", "stranger"), A.UNKNOWN_CA)],
)
def test_a_client_with_a_certificate_that_is_not_believed(mine: tuple[str, str], says: A) -> None:
    one = client(client_config(credential=credential(*mine)))
    other = server(server_config({"client_auth": ClientAuth.REQUEST}))
    talk(one, other)
    assert alert_of(other) == says
    assert one.alert_received is not None
    assert one.alert_received.description == says


def test_a_certificate_after_the_handshake() -> None:
    theirs = server_config({"policy": policy(purpose="clientAuth")})
    one, other = client(client_config(credential=credential(), post_handshake_auth=True)), server(theirs)
    connect(one, other)
    other.request_certificate()
    other.request_certificate()
    talk(one, other)
    assert other.facts.peer == credential().chain
    exchange(one, other, 1000)
    one, other = client(client_config(credential=credential())), server(theirs)
    connect(one, other)
    with pytest.raises(UsageError, match="does not authenticate"):
        other.request_certificate()


def test_late_requests_are_bounded_and_may_be_answered_with_nothing() -> None:
    theirs = server_config({"policy": policy(purpose="clientAuth"), "client_auth": ClientAuth.REQUEST})
    one, other = client(client_config(post_handshake_auth=True)), server(theirs)
    connect(one, other)
    for _ in range(4):
        other.request_certificate()
    with pytest.raises(UsageError, match="too many"):
        other.request_certificate()
    talk(one, other)
    assert not other.failed
    assert not other.facts.peer


def test_a_server_that_is_not_believed() -> None:
    one, other = client(client_config(policy=policy(name="stranger"))), server()
    talk(one, other)
    assert alert_of(one) == A.UNKNOWN_CA
    one, other = client(client_config(server_name=b"other.example")), server()
    talk(one, other)
    assert alert_of(one) == A.CERTIFICATE_UNKNOWN


# --- no agreement ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mine", "theirs", "host", "says"),
    [
        ({"suites": (0x1301,)}, {"suites": (0x1302,)}, {}, A.HANDSHAKE_FAILURE),
        ({"groups": (0x17,), "shares": (0x17,)}, {"groups": (0x1D,)}, {}, A.HANDSHAKE_FAILURE),
        ({"schemes": (0x0804,)}, {}, {}, A.HANDSHAKE_FAILURE),
        ({"alpn": (b"h3",)}, {}, {}, A.NO_APPLICATION_PROTOCOL),
        ({}, {"choose_host": lambda _facts: None}, {}, A.UNRECOGNIZED_NAME),
    ],
)
def test_nothing_in_common(mine: dict[str, object], theirs: dict[str, object], host: dict[str, object], says: A) -> None:
    one, other = client(client_config(**mine)), server(server_config(host, **theirs))
    talk(one, other)
    assert alert_of(other) == says
    assert one.alert_received is not None
    assert one.alert_received.description == says
    assert other.facts.peer == ()


def test_no_alpn_on_either_side_is_no_failure() -> None:
    one, other = client(client_config(alpn=())), server()
    connect(one, other)
    assert one.facts.alpn is None
    one, other = client(), server(server_config({"alpn": ()}))
    connect(one, other)
    assert other.facts.alpn is None


# --- life and end ------------------------------------------------------------------------------------------------------------


def test_key_updates_both_ways() -> None:
    one, other = client(), server()
    connect(one, other)
    for updater in (one, other, one, one, other):
        updater.update_keys()
        exchange(one, other, 500)
    one.update_keys()
    other.update_keys()
    exchange(one, other, 500)


def test_keys_are_updated_before_they_are_worn_out() -> None:
    one, other = client(key_records=8), server(key_records=8)
    connect(one, other)
    before = [keys.handshake.traffic.ours for keys in (one, other)]  # type: ignore[union-attr]
    for _ in range(10):
        exchange(one, other, 60_000)
    assert all(keys.handshake.traffic.ours not in before for keys in (one, other))  # type: ignore[union-attr]


def test_padding_hides_lengths() -> None:
    sizes = set()
    for content in (b"a", b"b" * 400):
        one, other = client(padding=512), server()
        connect(one, other)
        one.send([content])
        wire = b"".join(one.data_to_send(1 << 16))
        assert deliver(wire, other) == content
        sizes.add(len(wire))
    assert len(sizes) == 1


@pytest.mark.parametrize("limit", [63, 64, 1000])
def test_record_size_limit_is_kept(limit: int) -> None:
    one, other = client(client_config(record_limit=limit)), server()
    connect(one, other)
    assert other.facts.record_size == limit
    other.send([bytes(5000)])
    wire = b"".join(other.data_to_send(1 << 16))
    assert len(wire) // (5 + limit + 17) <= 5000 // limit + 1
    assert deliver(wire, one) == bytes(5000)


def test_records_are_small_first_and_after_a_pause_then_large() -> None:
    one, other = client(), server()
    connect(one, other)

    def sizes(octets: int) -> list[int]:
        other.send([bytes(octets)])
        wire, found = b"".join(other.data_to_send(1 << 20)), []
        while wire:
            size = 5 + int.from_bytes(wire[3:5], "big")
            found.append(size)
            wire = wire[size:]
        return found

    first = sizes(100_000)
    assert first[0] < 1400
    assert max(first) == 16384 + 22
    assert set(sizes(16384 * 3)) == {16384 + 22}
    other.now += 2
    assert sizes(3000)[0] < 1400


def test_budget_bounds_what_is_sealed() -> None:
    one, other = client(), server()
    connect(one, other)
    other.send([bytes(200_000)])
    wire = b"".join(other.data_to_send(65536))
    assert 65536 <= len(wire) < 68500
    assert other.pending == 200_000 - 65536


def test_close_notify_each_half_by_itself() -> None:
    one, other = client(), server()
    connect(one, other)
    one.send([b"last"])
    one.close()
    assert talk(one, other)[1] == b"last"
    assert other.peer_closed
    assert not other.truncated
    assert one.wants_close
    other.send([b"answer"])
    assert talk(one, other)[0] == b"answer"
    other.close()
    talk(one, other)
    assert one.peer_closed
    with pytest.raises(UsageError, match="closed"):
        one.send([b"more"])


def test_an_end_without_close_notify_is_a_truncation() -> None:
    one, other = client(), server()
    connect(one, other)
    other.receive_eof(0.0)
    assert other.truncated
    assert other.receive(b"anything", 0.0) == []


def test_abandoning_sends_nothing() -> None:
    one, other = client(), server()
    connect(one, other)
    one.send([b"unsent"])
    one.abandon()
    assert one.data_to_send(1000) == []
    assert one.wants_close
    assert not one.can_send_data


def test_what_cannot_be_done_yet() -> None:
    one, other = client(), server()
    with pytest.raises(UsageError, match="exporter"):
        one.export(b"x", b"", 8)
    with pytest.raises(UsageError, match="exporter"):
        other.export(b"x", b"", 8)
    for end in (one, other):
        with pytest.raises(UsageError, match="after the handshake"):
            end.update_keys()
    with pytest.raises(UsageError, match="a server asks"):
        one.request_certificate()
    with pytest.raises(UsageError, match="a client sends"):
        other.end_early_data()
    other.close()
    assert b"".join(other.data_to_send(100)) == bytes.fromhex("15030300020100")


def test_key_log_lines_are_the_same_on_both_sides() -> None:
    logs: list[list[tuple[str, bytes, bytes]]] = [[], []]
    theirs = server_config({"early_data": 100}, keylog=lambda *line: logs[1].append(line))
    ticket = tickets_from(None, theirs)[0]
    logs[1].clear()
    one, other = client(client_config(ticket=ticket, early=True, keylog=lambda *line: logs[0].append(line))), server(theirs)
    one.end_early_data()
    connect(one, other)
    assert sorted(logs[0]) == sorted(logs[1])
    assert {line[0] for line in logs[0]} == {
        "CLIENT_EARLY_TRAFFIC_SECRET",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
        "EXPORTER_SECRET",
    }
    assert len({line[1] for line in logs[0]}) == 1


def test_stapled_response_reaches_the_policy() -> None:
    seen: list[bytes | None] = []
    inner = policy()

    class Watching:
        authorities: tuple[bytes, ...] = ()

        def check(self, chain: list[bytes], ocsp: bytes | None, server_name: bytes | None) -> object:
            seen.append(ocsp)
            return inner.check(chain, ocsp, server_name)

    mine = credential()
    stapled = type(mine)(mine.chain, mine.signer, b"response")
    for offered in (stapled, mine):
        connect(client(client_config(policy=Watching())), server(server_config({"credentials": (offered,)})))
    assert seen == [b"response", None]
