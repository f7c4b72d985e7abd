# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requirements of the DNS RFCs on a stub resolver that no other test shows, one by one; see docs/requirements/."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from sws.base.errors import DecodeError
from sws.net.hosts_file import HostsFile
from sws.net.resolv_conf import ResolverConfig
from sws.net.resolver import ResolveError, ResolveErrorKind, Resolver
from sws.net.resolver_cache import ResolverCache
from sws.proto.dns import RecordType, decode_message, encode_message, make_query, name_from_text, name_to_text
from tests.kit.dns_server import Asked, DnsRig, DnsServer, record, response, soa

A1 = record("a.example", "A", "192.0.2.1")


@pytest.fixture
def rig() -> Iterator[DnsRig]:
    with DnsRig() as rig:
        yield rig
        assert rig.errors == []


@pytest.fixture
def server(rig: DnsRig) -> DnsServer:
    return rig.server()


def make(rig: DnsRig, server: DnsServer, **options: object) -> Resolver:
    """A resolver of that server."""
    resolver = Resolver(rig.loop, ResolverConfig(servers=(server.address,)), hosts=HostsFile("/nonexistent"), **options)  # type: ignore[arg-type]
    rig.at_end.append(resolver.close)
    return resolver


def test_rfc1035_4_1_1_reserved_bits_are_zero() -> None:
    for query_id in (0, 0xFFFF):
        query = encode_message(make_query(query_id, name_from_text("a.example"), RecordType.A))
        assert query[2:4] == b"\x01\x00"  # RD alone; Z among those that are not set


def test_rfc1035_7_3_a_late_answer_to_an_earlier_transmission_is_not_taken_for_another_query(rig: DnsRig, server: DnsServer) -> None:
    """Each transmission has a port of its own, so the earlier one's answer arrives nowhere, and the later one's is awaited."""
    server.script = lambda asked: None
    running = rig.begin(make(rig, server).resolve("a.example", family="ipv4"))
    rig.settle()
    rig.advance(5.1)
    assert len(server.asked) == 2
    server.asked[0].answer(record("a.example", "A", "192.0.2.66"))
    rig.settle()
    assert not running.done
    server.asked[1].answer(A1)
    assert [address.host for address in running.finish()] == ["192.0.2.1"]


def test_rfc2181_8_a_ttl_with_its_highest_bit_set_counts_as_zero_or_capped(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: asked.answer(record("a.example", "A", "192.0.2.1", ttl=0xFFFFFFFF))
    (address,) = rig.run(make(rig, server).resolve("a.example", family="ipv4"))
    assert 0 <= address.ttl <= 604_800


def test_rfc2181_11_labels_are_any_octets() -> None:
    """On the wire; that the names of hosts are letters, digits and hyphens is RFC 1123's, and checked where a host is asked for."""
    label = bytes(octet for octet in range(256) if octet not in b".")[:63]
    owner = bytes([len(label)]) + label + b"\0"
    octets = response(encode_message(make_query(1, name_from_text("a.example"), RecordType.A)))
    message = decode_message(octets[:6] + b"\0\1" + octets[8:] + owner + b"\0\x01\0\x01\0\0\0\x01\0\x04\x01\x02\x03\x04")
    assert message.answers[0].name == owner
    assert name_to_text(owner)


def test_rfc2308_5_a_name_error_is_remembered_for_all_types(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: asked.answer(rcode=3, authority=(soa("example", 60, 60),))
    resolver = make(rig, server)
    for _ in range(2):
        for family in ("ipv4", "ipv6", "any"):
            assert isinstance(rig.fail(resolver.resolve("none.example", family=family)), ResolveError)
    assert len(server.asked) == 1
    rig.advance(61)  # not a moment longer than its time
    server.script = lambda asked: asked.answer(record("none.example", "A", "192.0.2.1")) if asked.type == "A" else asked.answer()
    assert [address.host for address in rig.run(resolver.resolve("none.example"))] == ["192.0.2.1"]


def test_rfc2308_5_no_data_is_remembered_for_its_type_only(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: asked.answer(A1) if asked.type == "A" else asked.answer(authority=(soa("example"),))
    resolver = make(rig, server)
    for _ in range(2):
        assert isinstance(rig.fail(resolver.resolve("a.example", family="ipv6")), ResolveError)
        assert len(rig.run(resolver.resolve("a.example", family="ipv4"))) == 1
    assert [asked.type for asked in server.asked] == ["AAAA", "A"]


def test_rfc2308_5_a_name_error_takes_the_place_of_an_answer(rig: DnsRig, server: DnsServer) -> None:
    """No stale address of a name that is known to be gone."""
    server.script = lambda asked: asked.answer(record("a.example", "A", "192.0.2.1", ttl=10))
    resolver = make(rig, server)
    rig.run(resolver.resolve("a.example", family="ipv4"))
    server.script = lambda asked: asked.answer(rcode=3, authority=(soa("example", 60, 60),))
    rig.advance(11)
    assert len(rig.run(resolver.resolve("a.example", family="ipv4"))) == 1  # stale, while it is asked for (RFC 8767)
    rig.settle()
    error = rig.fail(resolver.resolve("a.example", family="ipv4"))
    assert isinstance(error, ResolveError)
    assert error.kind is ResolveErrorKind.NOT_FOUND


def test_rfc5452_9_2_ids_are_all_of_sixteen_bits_and_new_each_time(rig: DnsRig, server: DnsServer) -> None:
    """Each takes two fresh octets of entropy, whatever they are."""
    drawn = iter([0x0000, 0xFFFF, 0x8001, 0x1234])
    values: list[int] = []

    def entropy(count: int) -> bytes:
        assert count == 2
        values.append(next(drawn))
        return values[-1].to_bytes(2, "big")

    server.script = lambda asked: asked.answer(record(asked.name, asked.type, "192.0.2.1" if asked.type == "A" else "2001:db8::1"))
    resolver = make(rig, server, entropy=entropy, cache=ResolverCache(bytes))
    for name in ("a.example", "b.example"):
        rig.run(resolver.resolve(name))
    assert [int.from_bytes(asked.raw[:2], "big") for asked in server.asked] == values == [0x0000, 0xFFFF, 0x8001, 0x1234]


def test_rfc5452_9_2_outstanding_queries_have_ports_of_their_own(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: None
    resolver = make(rig, server)
    for number in range(50):
        rig.begin(resolver.resolve(f"n{number}.example"))
    rig.until(lambda: len(server.asked) == 100)
    ports = [asked.peer[1] for asked in server.asked]
    assert len(set(ports)) == 100
    assert all(port >= 1024 for port in ports)
    steps = {second - first for first, second in itertools.pairwise(ports)}
    assert len(steps) > 10  # no sequence


def test_rfc6891_5_no_extended_labels() -> None:
    with pytest.raises(DecodeError):
        decode_message(b"\0\1\x80\0\0\1\0\0\0\0\0\0" + b"\x41\x08\xff\0" + b"\0\1\0\1")
    for text in ("a.example", "_x.example", "xn--bcher-kva.example"):
        name = name_from_text(text)
        position = 0
        while name[position]:
            assert name[position] < 64
            position += 1 + name[position]


@pytest.mark.parametrize("size", [0, 1, 511, 512, 65535])
def test_rfc6891_6_unknown_options_and_any_size_are_no_hindrance(rig: DnsRig, server: DnsServer, size: int) -> None:
    """An option we do not know is ignored; what a server says of its own buffer limits nothing that we send (far below 512)."""
    option = b"\xfd\xe9\x00\x03abc"
    opt = b"\0\0\x29" + size.to_bytes(2, "big") + bytes(4) + len(option).to_bytes(2, "big") + option
    server.script = lambda asked: asked.answer(record(asked.name, "A", "192.0.2.1"), additional=(opt,))
    resolver = make(rig, server)
    for name in ("a.example", "b.example"):
        assert len(rig.run(resolver.resolve(name, family="ipv4"))) == 1
    assert [asked.edns for asked in server.asked] == [1232, 1232]  # nothing was remembered of it


def test_rfc6891_6_1_1_opt_is_not_cached(rig: DnsRig, server: DnsServer) -> None:
    seen: list[Asked] = []

    def script(asked: Asked) -> None:
        seen.append(asked)
        opt = b"\0\0\x29\x10\0\0\0\0\0\0\0"
        asked.answer(record("a.example", "A", "192.0.2.1", ttl=100), additional=(opt, record("x.example", "A", "192.0.2.9")))

    server.script = script
    resolver = make(rig, server)
    rig.run(resolver.resolve("a.example", family="ipv4"))
    assert len(resolver.cache) == 1
    assert len(rig.run(resolver.resolve("a.example", family="ipv4"))) == 1
    assert len(seen) == 1


def test_rfc7766_7_answers_in_another_order(rig: DnsRig, server: DnsServer) -> None:
    """Over TCP too: what comes first and answers another question is passed over."""
    waiting: list[Asked] = []

    def script(asked: Asked) -> None:
        if asked.tcp:
            waiting.append(asked)
        else:
            asked.answer(flags=0x8380)

    server.script = script
    resolver = make(rig, server)
    one, other = rig.begin(resolver.resolve("a.example", family="ipv4")), rig.begin(resolver.resolve("b.example", family="ipv4"))
    rig.until(lambda: len(waiting) == 2)
    first, second = waiting
    second.reply(response(first.raw, record(first.name, "A", "192.0.2.66")))  # an answer, and not to this connection's query
    second.answer(record(second.name, "A", "192.0.2.2"))
    first.answer(record(first.name, "A", "192.0.2.1"))
    found = {name: running.finish()[0].host for name, running in (("a", one), ("b", other))}
    assert found == {first.name[0]: "192.0.2.1", second.name[0]: "192.0.2.2"}


def test_rfc7766_6_2_a_connection_is_closed_as_soon_as_it_has_answered(rig: DnsRig, server: DnsServer) -> None:
    server.script = lambda asked: asked.answer(A1) if asked.tcp else asked.answer(flags=0x8380)
    rig.run(make(rig, server).resolve("a.example", family="ipv4"))
    rig.until(lambda: not server._connections)
