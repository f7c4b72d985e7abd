# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The resolver against a scripted server on loopback; its time is a fake clock's."""

from __future__ import annotations

import pathlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sws.base.errors import UsageError
from sws.net.dns_client import FORGED_MAXIMUM, PENALTY_SECONDS
from sws.net.hosts_file import Address, HostsFile
from sws.net.resolv_conf import ResolverConfig
from sws.net.resolver import FAILURE_TTL, ResolveError, ResolveErrorKind, Resolver, ResolverLimits
from sws.net.resolver_cache import STALE_TTL, ResolverCache
from sws.os.tasks import Cancelled
from tests.kit.dns_server import Asked, DnsRig, DnsServer, record, response, wire_name

NOT_FOUND, SERVER_FAILURE, TIMEOUT = ResolveErrorKind.NOT_FOUND, ResolveErrorKind.SERVER_FAILURE, ResolveErrorKind.TIMEOUT


@pytest.fixture
def rig() -> Iterator[DnsRig]:
    with DnsRig() as rig:
        yield rig
        assert rig.errors == []


@pytest.fixture
def server(rig: DnsRig) -> DnsServer:
    server = rig.server()
    server.add("a.example", "A", "192.0.2.1", "192.0.2.2", ttl=100)
    server.add("a.example", "AAAA", "2001:db8::1", ttl=200)
    server.add("four.example", "A", "192.0.2.4")
    server.add("six.example", "AAAA", "2001:db8::6")
    server.add("alias.example", "CNAME", "deep.example")
    server.add("deep.example", "CNAME", "a.example", ttl=60)
    return server


def make(rig: DnsRig, *servers: DnsServer, **options: Any) -> Resolver:
    """A resolver; what is no setting of a configuration goes to the resolver itself."""
    own = {key: options.pop(key) for key in ("hosts", "cache", "limits", "entropy") if key in options}
    own.setdefault("hosts", HostsFile("/nonexistent"))
    settings = {"timeout": 1.0, **options}
    resolver = Resolver(rig.loop, ResolverConfig(servers=tuple(server.address for server in servers), **settings), **own)
    rig.at_end.append(resolver.close)
    return resolver


def shown(addresses: list[Address]) -> list[str]:
    return [address.host for address in addresses]


def kind(error: BaseException) -> ResolveErrorKind:
    assert isinstance(error, ResolveError), repr(error)
    return error.kind


def only_a(then: Callable[[Asked], None]) -> Callable[[Asked], None]:
    """A script for the A question; AAAA is answered with nothing."""
    return lambda asked: then(asked) if asked.type == "A" else asked.answer()


A1 = record("a.example", "A", "192.0.2.1")


# --- what is found -------------------------------------------------------------------------------------------------------


def test_both_families(rig: DnsRig, server: DnsServer) -> None:
    resolver = make(rig, server)
    assert rig.run(resolver.resolve("a.example", 80)) == [
        Address("2001:db8::1", 80, socket.AF_INET6, 200),
        Address("192.0.2.1", 80, socket.AF_INET, 100),
        Address("192.0.2.2", 80, socket.AF_INET, 100),
    ]
    assert server.names() == [("a.example", "AAAA"), ("a.example", "A")]
    assert all(asked.edns == 1232 for asked in server.asked)
    assert len({asked.peer[1] for asked in server.asked}) == 2
    assert len({asked.id for asked in server.asked}) == 2


def test_over_ipv6(rig: DnsRig) -> None:
    server = rig.server("::1")
    server.add("a.example", "A", "192.0.2.1")
    assert shown(rig.run(make(rig, server).resolve("a.example"))) == ["192.0.2.1"]


@pytest.mark.parametrize(("family", "expected"), [("ipv4", ["192.0.2.1", "192.0.2.2"]), ("ipv6", ["2001:db8::1"])])
def test_one_family(rig: DnsRig, server: DnsServer, family: str, expected: list[str]) -> None:
    assert shown(rig.run(make(rig, server).resolve("a.example", family=family))) == expected
    assert len(server.asked) == 1


def test_names_of_one_family(rig: DnsRig, server: DnsServer) -> None:
    resolver = make(rig, server)
    assert shown(rig.run(resolver.resolve("six.example"))) == ["2001:db8::6"]
    assert shown(rig.run(resolver.resolve("four.example"))) == ["192.0.2.4"]
    assert kind(rig.fail(resolver.resolve("six.example", family="ipv4"))) is NOT_FOUND


def test_no_such_name(rig: DnsRig, server: DnsServer) -> None:
    resolver = make(rig, server)
    error = rig.fail(resolver.resolve("none.example"))
    assert kind(error) is NOT_FOUND
    assert str(error) == "none.example: no such name, or no address of that family"
    rig.fail(resolver.resolve("none.example"))
    assert len(server.asked) == 2  # it is remembered


def test_aliases(rig: DnsRig, server: DnsServer) -> None:
    found = rig.run(make(rig, server).resolve("alias.example"))
    assert shown(found) == ["2001:db8::1", "192.0.2.1", "192.0.2.2"]
    assert {address.ttl for address in found} == {60}


def test_an_alias_that_leads_out_of_the_message_is_asked_for(rig: DnsRig, server: DnsServer) -> None:
    def script(asked: Asked) -> None:
        if asked.name == "x.example":
            asked.answer(record("x.example", "CNAME", "a.example", 7))
        else:
            server.from_zone(asked)

    server.script = script
    found = rig.run(make(rig, server).resolve("x.example", family="ipv4"))
    assert (shown(found), found[0].ttl) == (["192.0.2.1", "192.0.2.2"], 7)


def test_aliases_without_end(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: asked.answer(record(asked.name, "CNAME", "x" + asked.name))
    error = rig.fail(make(rig, server).resolve("x.example", family="ipv4"))
    assert kind(error) is SERVER_FAILURE
    assert len(server.asked) == 8


def test_aliases_in_a_circle(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: asked.answer(record("a.example", "CNAME", "b.example"), record("b.example", "CNAME", "a.example"))
    assert kind(rig.fail(make(rig, server).resolve("a.example"))) is SERVER_FAILURE


# --- what needs no server ------------------------------------------------------------------------------------------------


def test_local_names(rig: DnsRig, server: DnsServer, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("192.0.2.77 here.example\n192.0.2.78 a.example\n")
    resolver = make(rig, server, hosts=HostsFile(str(path)))
    assert rig.run(resolver.resolve("192.0.2.1", 80))[0].sockaddr == ("192.0.2.1", 80)
    assert rig.run(resolver.resolve("fe80::1%1", 80))[0].sockaddr == ("fe80::1", 80, 0, 1)
    assert shown(rig.run(resolver.resolve("localhost"))) == ["::1", "127.0.0.1"]
    assert shown(rig.run(resolver.resolve("x.localhost", family="ipv4"))) == ["127.0.0.1"]
    assert shown(rig.run(resolver.resolve("here.example"))) == ["192.0.2.77"]
    for name, family in (("192.0.2.1", "ipv6"), ("::1", "ipv4"), ("x.invalid", "any")):
        assert kind(rig.fail(resolver.resolve(name, family=family))) is NOT_FOUND
    assert server.asked == []
    assert shown(rig.run(resolver.resolve("a.example", family="ipv6"))) == ["2001:db8::1"]  # the file has none of these


@pytest.mark.parametrize("name", ["", "a b", "ä.example", "a..b", "a" * 64, "a" * 300, "fe80::1%nowhere", "[::1]", "a\n", "1.2.3.4:80"])
def test_what_is_no_name(rig: DnsRig, server: DnsServer, name: str) -> None:
    assert kind(rig.fail(make(rig, server).resolve(name))) is NOT_FOUND
    assert server.asked == []


def test_usage(rig: DnsRig, server: DnsServer) -> None:
    assert isinstance(rig.fail(make(rig, server).resolve("a", family="ipx")), UsageError)
    with pytest.raises(UsageError):
        make(rig)


def test_the_systems_files_by_default(rig: DnsRig, server: DnsServer) -> None:
    resolver = Resolver(rig.loop, ResolverConfig(servers=(server.address,)))
    assert shown(rig.run(resolver.resolve("four.example"))) == ["192.0.2.4"]


# --- completed names -----------------------------------------------------------------------------------------------------


def test_search(rig: DnsRig, server: DnsServer) -> None:
    resolver = make(rig, server, search=("none", "example"))
    assert shown(rig.run(resolver.resolve("four"))) == ["192.0.2.4"]
    assert [name for name, type_ in server.names() if type_ == "A"] == ["four.none", "four.example"]
    assert kind(rig.fail(resolver.resolve("four."))) is NOT_FOUND
    assert shown(rig.run(resolver.resolve("four.example"))) == ["192.0.2.4"]
    assert ("four.example.none", "A") not in server.names()


def test_a_failure_in_the_search_is_remembered(rig: DnsRig, server: DnsServer) -> None:
    def script(asked: Asked) -> None:
        asked.answer(rcode=2) if asked.name.endswith("broken") else server.from_zone(asked)

    server.script = script
    resolver = make(rig, server, search=("broken", "example"))
    assert shown(rig.run(resolver.resolve("four"))) == ["192.0.2.4"]
    assert kind(rig.fail(resolver.resolve("none"))) is SERVER_FAILURE


def test_silence_ends_the_search(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: None
    resolver = make(rig, server, search=("x", "y"), attempts=1)
    running = rig.begin(resolver.resolve("a"))
    rig.settle()
    rig.advance(1.1)
    assert running.done
    assert kind(running.error or ValueError()) is TIMEOUT
    assert {name for name, _ in server.names()} == {"a.x"}


# --- servers that fail ---------------------------------------------------------------------------------------------------


def test_silence_is_asked_again(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: server.from_zone(asked) if len(server.asked) == 2 else None
    resolver = make(rig, server)
    running = rig.begin(resolver.resolve("four.example", family="ipv4"))
    rig.settle()
    rig.advance(0.9)
    assert (len(server.asked), running.done) == (1, False)
    rig.advance(0.2)
    assert shown(running.finish()) == ["192.0.2.4"]
    assert resolver.counters.timeouts == 1
    assert server.asked[0].id != server.asked[1].id


def test_silence_for_ever(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: None
    resolver = make(rig, server, attempts=2)
    running = rig.begin(resolver.resolve("a.example", family="ipv4"))
    rig.settle()
    rig.advance(1.1)
    rig.advance(1.1)
    assert not running.done  # the second round waits twice as long
    rig.advance(1.0)
    assert kind(running.error or ValueError()) is TIMEOUT
    assert (resolver.counters.timeouts, resolver.counters.failures, resolver.flights.value, resolver.waiting.value) == (2, 1, 0, 0)


def test_the_next_server_and_the_penalty(rig: DnsRig, server: DnsServer) -> None:
    silent = rig.server()
    silent.script = lambda asked: None
    resolver = make(rig, silent, server)
    running = rig.begin(resolver.resolve("four.example", family="ipv4"))
    rig.settle()
    rig.advance(1.1)
    assert shown(running.finish()) == ["192.0.2.4"]
    assert len(silent.asked) == 1
    assert shown(rig.run(resolver.resolve("six.example"))) == ["2001:db8::6"]
    assert len(silent.asked) == 1
    rig.advance(PENALTY_SECONDS)
    silent.script = None
    silent.add("late.example", "A", "192.0.2.9")
    assert shown(rig.run(resolver.resolve("late.example", family="ipv4"))) == ["192.0.2.9"]


def test_rotation(rig: DnsRig) -> None:
    servers = [rig.server() for _ in range(3)]
    for server in servers:
        server.script = lambda asked: asked.answer(record(asked.name, "A", "192.0.2.1"))
    resolver = make(rig, *servers, rotate=True)
    for number in range(6):
        rig.run(resolver.resolve(f"n{number}.example", family="ipv4"))
    assert [len(server.asked) for server in servers] == [2, 2, 2]


@pytest.mark.parametrize("rcode", [2, 5, 9])
def test_a_failure_goes_to_the_next_server_at_once(rig: DnsRig, server: DnsServer, rcode: int) -> None:
    failing = rig.server()
    failing.script = lambda asked: asked.answer(rcode=rcode)
    resolver = make(rig, failing, server)
    assert shown(rig.run(resolver.resolve("four.example", family="ipv4"))) == ["192.0.2.4"]
    assert (len(failing.asked), len(server.asked)) == (1, 1)


def test_failures_are_remembered_for_a_moment(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: asked.answer(rcode=2)
    resolver = make(rig, server)
    assert kind(rig.fail(resolver.resolve("four.example", family="ipv4"))) is SERVER_FAILURE
    assert len(server.asked) == 1  # who failed is not asked in the second round
    server.script = None
    assert kind(rig.fail(resolver.resolve("four.example", family="ipv4"))) is SERVER_FAILURE
    rig.advance(FAILURE_TTL)
    assert shown(rig.run(resolver.resolve("four.example", family="ipv4"))) == ["192.0.2.4"]


def test_nobody_listens(rig: DnsRig, server: DnsServer) -> None:
    server.close()
    rig.servers.remove(server)
    assert kind(rig.fail(make(rig, server).resolve("four.example"))) is SERVER_FAILURE


def test_no_route(rig: DnsRig) -> None:
    config = ResolverConfig(servers=(Address("fe80::1", 53, socket.AF_INET6),))  # a link-local address without its link
    resolver = Resolver(rig.loop, config, hosts=HostsFile("/nonexistent"))
    assert kind(rig.fail(resolver.resolve("four.example"))) is SERVER_FAILURE


@pytest.mark.parametrize("rcode", [1, 4])
@pytest.mark.parametrize("question", [b"", None])
def test_without_edns_for_who_refuses_it(rig: DnsRig, server: DnsServer, rcode: int, question: bytes | None) -> None:
    def script(asked: Asked) -> None:
        asked.answer(rcode=rcode, question=question) if asked.edns else server.from_zone(asked)

    server.script = script
    resolver = make(rig, server)
    assert shown(rig.run(resolver.resolve("four.example", family="ipv4"))) == ["192.0.2.4"]
    assert [asked.edns for asked in server.asked] == [1232, 0]
    assert resolver.counters.without_edns == 1


def test_bad_version_of_edns(rig: DnsRig, server: DnsServer) -> None:
    badvers = b"\x00\x00\x29\x04\xd0\x01\x00\x00\x00\x00\x00"
    server.script = lambda asked: asked.answer(additional=(badvers,)) if asked.edns else server.from_zone(asked)
    assert shown(rig.run(make(rig, server).resolve("four.example", family="ipv4"))) == ["192.0.2.4"]


def test_who_refuses_everything(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: asked.answer(rcode=1)
    assert kind(rig.fail(make(rig, server, edns0=False).resolve("four.example"))) is SERVER_FAILURE
    assert [asked.edns for asked in server.asked] == [0, 0]


def test_one_family_is_enough(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: server.from_zone(asked) if asked.type == "A" else asked.answer(rcode=2)
    resolver = make(rig, server)
    assert shown(rig.run(resolver.resolve("a.example"))) == ["192.0.2.1", "192.0.2.2"]
    assert kind(rig.fail(resolver.resolve("none.example"))) is SERVER_FAILURE


# --- forgeries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forged",
    [
        lambda asked: response(asked.raw, A1, query_id=asked.id ^ 1),
        lambda asked: response(asked.raw, A1, question=wire_name("b.example") + b"\x00\x01\x00\x01"),
        lambda asked: response(asked.raw, A1, question=wire_name("a.example") + b"\x00\x1c\x00\x01"),
        lambda asked: response(asked.raw, A1, question=b""),
        lambda asked: response(asked.raw, A1) + b"\x00",
        lambda asked: response(asked.raw, A1)[:-1],
        lambda asked: response(asked.raw, A1, flags=0x0100),
        lambda asked: asked.raw,
        lambda asked: b"",
        lambda asked: b"\xff" * 40,
    ],
)
def test_what_is_no_answer_is_ignored(rig: DnsRig, server: DnsServer, forged: Callable[[Asked], bytes]) -> None:
    server.script = only_a(lambda asked: asked.reply(forged(asked)))
    resolver = make(rig, server)
    running = rig.begin(resolver.resolve("a.example"))
    rig.settle()
    assert not running.done
    assert resolver.counters.ignored == 1
    server.asked[1].answer(record("a.example", "A", "192.0.2.99"))
    assert shown(running.finish()) == ["192.0.2.99"]


def test_other_sources_are_not_heard(rig: DnsRig, server: DnsServer) -> None:
    server.script = only_a(lambda asked: None)
    resolver = make(rig, server)
    running = rig.begin(resolver.resolve("a.example"))
    rig.settle()
    asked = server.asked[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(response(asked.raw, A1), asked.peer)
    rig.settle()
    assert (running.done, resolver.counters.ignored) == (False, 0)
    asked.answer(record("a.example", "A", "192.0.2.99"))
    assert shown(running.finish()) == ["192.0.2.99"]


def test_who_guesses_too_often_makes_us_use_tcp(rig: DnsRig, server: DnsServer) -> None:
    def script(asked: Asked) -> None:
        if asked.tcp:
            asked.answer(record("a.example", "A", "192.0.2.99"))
        else:
            for guess in range(FORGED_MAXIMUM):
                asked.reply(response(asked.raw, A1, query_id=asked.id ^ (guess + 1)))

    server.script = script
    resolver = make(rig, server)
    assert shown(rig.run(resolver.resolve("a.example", family="ipv4"))) == ["192.0.2.99"]
    assert resolver.counters.ignored == FORGED_MAXIMUM
    assert (resolver.counters.tcp_queries, resolver.counters.truncated) == (1, 0)


def test_records_beside_the_question_are_not_kept(rig: DnsRig, server: DnsServer) -> None:
    server.script = only_a(lambda asked: asked.answer(A1, record("bank.example", "A", "203.0.113.66")))
    resolver = make(rig, server)
    assert shown(rig.run(resolver.resolve("a.example"))) == ["192.0.2.1"]
    assert len(resolver.cache) == 1


# --- TCP -----------------------------------------------------------------------------------------------------------------


def many(server: DnsServer) -> list[str]:
    addresses = [f"192.0.2.{number}" for number in range(250)]
    server.add("many.example", "A", *addresses)
    return addresses


def test_truncated_answers_come_over_tcp(rig: DnsRig, server: DnsServer) -> None:
    addresses = many(server)
    resolver = make(rig, server)
    assert shown(rig.run(resolver.resolve("many.example", family="ipv4"))) == addresses
    assert [asked.tcp for asked in server.asked] == [False, True]
    assert (resolver.counters.udp_queries, resolver.counters.tcp_queries, resolver.counters.truncated) == (1, 1, 1)
    assert server.asked[0].raw == server.asked[1].raw


def test_tcp_only(rig: DnsRig, server: DnsServer) -> None:
    resolver = make(rig, server, use_vc=True)
    assert shown(rig.run(resolver.resolve("alias.example"))) == ["2001:db8::1", "192.0.2.1", "192.0.2.2"]
    assert all(asked.tcp for asked in server.asked)
    assert resolver.counters.udp_queries == 0


@pytest.mark.parametrize(
    "script",
    [
        lambda asked: asked.close(),
        lambda asked: [asked.reply(response(asked.raw, A1, query_id=asked.id ^ 1)) for _ in range(FORGED_MAXIMUM)],
        lambda asked: [asked.answer(flags=0x8380) for _ in range(FORGED_MAXIMUM)],
        lambda asked: asked.reply(b""),
    ],
)
def test_tcp_that_does_not_answer(rig: DnsRig, server: DnsServer, script: Callable[[Asked], None]) -> None:
    server.script = script
    assert kind(rig.fail(make(rig, server, use_vc=True).resolve("a.example", family="ipv4"))) is SERVER_FAILURE


def test_tcp_that_answers_late_and_in_pieces(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: asked.reply(response(asked.raw, query_id=asked.id ^ 1))
    running = rig.begin(make(rig, server, use_vc=True).resolve("a.example", family="ipv4"))
    rig.settle()
    assert not running.done
    server.asked[0].answer(A1)
    assert shown(running.finish()) == ["192.0.2.1"]


def test_tcp_in_silence(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: None
    running = rig.begin(make(rig, server, use_vc=True, attempts=1).resolve("a.example", family="ipv4"))
    rig.settle()
    rig.advance(1.1)
    assert kind(running.error or ValueError()) is TIMEOUT


def test_tcp_refused(rig: DnsRig, server: DnsServer) -> None:
    server.close_tcp()
    many(server)
    assert kind(rig.fail(make(rig, server).resolve("many.example", family="ipv4"))) is SERVER_FAILURE


# --- sharing and bounds --------------------------------------------------------------------------------------------------


def test_one_question_for_all_who_have_it(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: None
    resolver = make(rig, server)
    running = [rig.begin(resolver.resolve(name)) for name in ("a.example", "A.Example", "a.example.")]
    rig.settle()
    assert (len(server.asked), resolver.counters.coalesced, resolver.waiting.value) == (2, 4, 6)
    for asked in server.asked:
        server.from_zone(asked)
    assert [shown(each.finish()) for each in running] == [["2001:db8::1", "192.0.2.1", "192.0.2.2"]] * 3
    assert (resolver.flights.value, resolver.waiting.value) == (0, 0)


def test_flights_are_bounded(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: None
    resolver = make(rig, server, limits=ResolverLimits(flights=1))
    running = rig.begin(resolver.resolve("a.example", family="ipv4"))
    assert kind(rig.fail(resolver.resolve("four.example", family="ipv4"))) is SERVER_FAILURE
    assert (resolver.counters.refused, resolver.waiting.value) == (1, 1)
    server.script = None
    rig.settle()
    rig.advance(1.1)
    assert shown(running.finish()) == ["192.0.2.1", "192.0.2.2"]
    assert shown(rig.run(resolver.resolve("four.example", family="ipv4"))) == ["192.0.2.4"]  # a refusal is not remembered


def test_those_who_wait_are_bounded(rig: DnsRig, server: DnsServer) -> None:
    resolver = make(rig, server, limits=ResolverLimits(waiting=1))
    running = rig.begin(resolver.resolve("a.example", family="ipv4"))
    assert kind(rig.fail(resolver.resolve("a.example", family="ipv4"))) is SERVER_FAILURE
    assert shown(running.finish()) == ["192.0.2.1", "192.0.2.2"]


def test_answers_are_kept_for_their_time(rig: DnsRig, server: DnsServer) -> None:
    resolver = make(rig, server, cache=ResolverCache(bytes, stale_while_refresh=0, stale_on_error=0))
    rig.run(resolver.resolve("a.example"))
    rig.advance(99.0)
    assert [address.ttl for address in rig.run(resolver.resolve("a.example", 80))] == [101, 1, 1]
    assert len(server.asked) == 2
    rig.advance(1.0)
    rig.run(resolver.resolve("a.example"))
    assert [type_ for _, type_ in server.names()] == ["AAAA", "A", "A"]


def test_stale_answers_while_one_refreshes(rig: DnsRig, server: DnsServer) -> None:
    resolver = make(rig, server)
    rig.run(resolver.resolve("four.example", family="ipv4"))
    rig.advance(301.0)
    server.zone["four.example", "A"] = [record("four.example", "A", "192.0.2.44")]
    first = rig.begin(resolver.resolve("four.example", family="ipv4"))
    second = rig.begin(resolver.resolve("four.example", family="ipv4"))
    assert (first.done, second.done) == (True, True)  # neither waits
    assert [(address.host, address.ttl) for address in first.finish()] == [("192.0.2.4", STALE_TTL)]
    rig.settle()
    assert len(server.asked) == 2
    assert shown(rig.run(resolver.resolve("four.example", family="ipv4"))) == ["192.0.2.44"]


def test_stale_answers_when_no_server_can(rig: DnsRig, server: DnsServer) -> None:
    resolver = make(rig, server)
    rig.run(resolver.resolve("four.example", family="ipv4"))
    rig.advance(3600.0)
    server.script = lambda asked: asked.answer(rcode=2)
    assert [(address.host, address.ttl) for address in rig.run(resolver.resolve("four.example", family="ipv4"))] == [
        ("192.0.2.4", STALE_TTL)
    ]
    rig.run(resolver.resolve("four.example", family="ipv4"))
    assert len(server.asked) == 2  # not asked again so soon


def test_a_refresh_that_has_no_room_is_put_off(rig: DnsRig, server: DnsServer) -> None:
    resolver = make(rig, server, limits=ResolverLimits(flights=1))
    rig.run(resolver.resolve("four.example", family="ipv4"))
    rig.advance(301.0)
    server.script = lambda asked: None
    rig.begin(resolver.resolve("other.example", family="ipv4"))
    rig.settle()
    for _ in range(2):
        assert shown(rig.run(resolver.resolve("four.example", family="ipv4"))) == ["192.0.2.4"]
    assert [name for name, _ in server.names()] == ["four.example", "other.example"]


# --- parts, and ends -----------------------------------------------------------------------------------------------------


def test_the_first_family_is_told_while_the_other_is_waited_for(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: None
    parts: list[list[str]] = []
    running = rig.begin(make(rig, server).resolve("a.example", on_part=lambda part: parts.append(shown(part))))
    rig.settle()
    server.from_zone(server.asked[1])
    rig.settle()
    assert parts == [["192.0.2.1", "192.0.2.2"]]
    server.from_zone(server.asked[0])
    assert shown(running.finish()) == ["2001:db8::1", "192.0.2.1", "192.0.2.2"]
    assert len(parts) == 1


def test_nothing_is_told_when_both_are_known_or_the_first_has_none(rig: DnsRig, server: DnsServer) -> None:
    parts: list[list[Address]] = []
    resolver = make(rig, server)
    rig.run(resolver.resolve("a.example"))
    rig.run(resolver.resolve("a.example", on_part=parts.append))
    server.script = lambda asked: None
    running = rig.begin(resolver.resolve("four.example", on_part=parts.append))
    rig.settle()
    server.from_zone(server.asked[2])
    rig.settle()
    server.from_zone(server.asked[3])
    running.finish()
    assert parts == []


def test_a_caller_that_went_away(rig: DnsRig, server: DnsServer) -> None:
    """Its questions go on, for the cache; it is told nothing."""
    server.script = lambda asked: None
    parts: list[list[Address]] = []
    resolver = make(rig, server)
    running = rig.begin(resolver.resolve("a.example", on_part=parts.append))
    rig.settle()
    assert running.task is not None
    running.task.cancel()
    rig.settle()
    assert isinstance(running.error, Cancelled)
    for asked in server.asked:
        server.from_zone(asked)
        rig.settle()
    assert (parts, len(resolver.cache), resolver.waiting.value) == ([], 2, 0)


def test_a_caller_that_goes_away_when_it_is_about_to_be_told(rig: DnsRig, server: DnsServer) -> None:
    parts: list[list[Address]] = []
    resolver = make(rig, server)
    rig.run(resolver.resolve("a.example", family="ipv4"))
    server.script = lambda asked: None
    running = rig.begin(resolver.resolve("a.example", on_part=parts.append))
    assert running.task is not None
    running.task.cancel()
    rig.settle()
    assert isinstance(running.error, Cancelled)
    assert len(parts) <= 1


def test_closing(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: None
    resolver = make(rig, server)
    running = rig.begin(resolver.resolve("a.example"))
    rig.settle()
    resolver.close()
    rig.settle()
    assert kind(running.error or ValueError()) is SERVER_FAILURE
    assert (resolver.flights.value, resolver.waiting.value, len(resolver.cache)) == (0, 0, 0)


def test_a_fault_of_ours_is_reported_and_leaves_nobody_waiting() -> None:
    with DnsRig() as rig:
        server = rig.server()

        def broken(_count: int) -> bytes:
            raise ValueError("no entropy")

        assert kind(rig.fail(make(rig, server, entropy=broken).resolve("a.example", family="ipv4"))) is SERVER_FAILURE
        assert [str(error) for error in rig.errors] == ["no entropy"]


def test_many_names_at_once(rig: DnsRig, server: DnsServer) -> None:
    """Fifty names at once, each with its own port, id and answer."""
    for number in range(50):
        server.add(f"n{number}.example", "A", f"192.0.2.{number}")
    resolver = make(rig, server)
    running = [rig.begin(resolver.resolve(f"n{number}.example", family="ipv4")) for number in range(50)]
    assert resolver.flights.value == 50
    assert [shown(each.finish()) for each in running] == [[f"192.0.2.{number}"] for number in range(50)]
