# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Connection IDs that say whose they are, and endpoints that set aside what is another's.  RFC 9000 §5.1, §5.2.2, §10.3"""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Callable

import pytest

from sws.base.datagrams import DatagramIn
from sws.base.errors import UsageError
from sws.proto.quic.endpoint import Endpoint
from sws.proto.quic.packets import decode_long_header
from sws.proto.quic.routing import ID_LENGTH, NOBODY, IdMaker, first_octet, owner_of
from tests.kit.quic import CLIENT, SERVER, Download, Network, Serve, make_client, make_endpoint
from tests.kit.quic import Conditions as Way

KEY = bytes(range(32))


def expected_owner(connection_id: bytes) -> int:
    """By the definition."""
    mask = hmac.digest(KEY, b"sws id" + connection_id[:6], hashlib.sha256)[:2]
    return int.from_bytes(bytes(a ^ b for a, b in zip(connection_id[6:], mask, strict=True)), "big")


@pytest.mark.parametrize(("place", "count"), [(0, 1), (1, 2), (2, 7), (255, 256)])
def test_ids_tell_place_and_process(place: int, count: int) -> None:
    for process in (1, 300, 0xFFFF):
        maker = IdMaker(KEY, process, place, count, random.Random(process).randbytes)
        ids = [maker.make() for _ in range(50)]
        assert {len(connection_id) for connection_id in ids} == {ID_LENGTH}
        assert {connection_id[0] % count for connection_id in ids} == {place}
        assert {expected_owner(connection_id) for connection_id in ids} == {process}
        assert {owner_of(KEY, connection_id) for connection_id in ids} == {process}
        assert len(set(ids)) == 50
        assert expected_owner(maker.make(True)) == NOBODY


def test_ids_do_not_show_what_they_have_in_common() -> None:
    """Nor does another key, or another octet, tell the same process."""
    maker = IdMaker(KEY, 5, 0, 1, random.Random(1).randbytes)
    ids = [maker.make() for _ in range(200)]
    assert len({connection_id[6:] for connection_id in ids}) > 190
    changed = [bytes((c[0] ^ 1,)) + c[1:] for c in ids]
    assert sum(owner_of(KEY, c) == 5 for c in changed) <= 1
    assert sum(owner_of(KEY[::-1], c) == 5 for c in ids) <= 1


def test_first_octets_lead_to_their_place() -> None:
    for count in (1, 3, 100, 256):
        for place in range(count):
            octets = {first_octet(place, count, chance) for chance in range(256)}
            assert octets == set(range(place, 256 // count * count, count))


@pytest.mark.parametrize(("process", "place", "count"), [(0, 0, 1), (0x10000, 0, 1), (1, 1, 1), (1, -1, 1), (1, 0, 257)])
def test_numbers_out_of_range(process: int, place: int, count: int) -> None:
    with pytest.raises(UsageError):
        IdMaker(KEY, process, place, count, bytes)


# --- endpoints -------------------------------------------------------------------------------------------------------


def endpoint(process: int, others: tuple[int, ...] = (), newcomers: int | None = None, seed: int = 0, **options: object) -> Endpoint:
    """One that knows of other processes."""

    def elsewhere(destination: bytes, is_newcomer: bool) -> int | None:
        owner = owner_of(KEY, destination) if len(destination) == ID_LENGTH else 0
        if owner in others:
            return owner
        return newcomers if is_newcomer else None

    return make_endpoint(random.Random(process + seed), id_key=KEY, process=process, elsewhere=elsewhere, **options)  # type: ignore[arg-type]


def initial(seed: int = 1) -> DatagramIn:
    """A client's first datagram."""
    return DatagramIn(make_client(random.Random(seed)).datagrams_to_send(0.0, 1 << 16)[0].data, SERVER, CLIENT, 2)


def test_a_handshake_whose_packets_come_to_two_processes() -> None:
    """Every other datagram is read by the wrong one, and handed on by its ID or, for the first ones, by what it was told."""
    owner = endpoint(7)
    reader = endpoint(8, others=(7,), newcomers=7)
    handed: list[DatagramIn] = []
    read: list[DatagramIn] = []

    class Both:
        """In front of the two."""

        def __getattr__(self, name: str) -> object:
            return getattr(owner, name)

        def receive(self, datagrams: list[DatagramIn], now: float) -> list[object]:
            touched: list[object] = []
            for datagram in datagrams:
                read.append(datagram)
                if len(read) % 2:
                    touched += owner.receive([datagram], now)
                else:
                    assert reader.receive([datagram], now) == []
                    strays = reader.take_strays()
                    assert [whose for whose, _ in strays] == [7]
                    assert strays[0][1] is datagram
                    handed.append(datagram)
                    touched += owner.receive([datagram], now, True)
            return touched

    client = make_client(random.Random(9))
    app = Download([500_000, 10, 0])
    network = Network(4, Way(), client, app, Both(), Serve())  # type: ignore[arg-type]
    network.run(5.0)
    assert app.is_done
    assert len(handed) >= 5
    assert (len(reader), reader.replies(), reader.take_strays()) == (0, [], [])


def test_what_was_handed_on_is_handed_on_no_more() -> None:
    there = endpoint(8, others=(7,), newcomers=7)
    lost = IdMaker(KEY, 7, 0, 1, random.Random(1).randbytes).make()
    short = DatagramIn(b"\x41" + lost + bytes(40), SERVER, CLIENT)
    assert there.receive([short], 0.0) == []
    assert (len(there.take_strays()), there.replies()) == (1, [])
    there.receive([short], 0.0, True)
    assert there.take_strays() == []
    assert len(there.replies()) == 1  # whoever is asked for the second time says that there is no such connection
    assert len(there.receive([initial()], 0.0, True)) == 1


def test_ids_of_processes_that_are_gone_get_a_stateless_reset() -> None:
    here = endpoint(8, others=(7,))
    for process in (6, 8, NOBODY):
        gone = IdMaker(KEY, process or 1, 0, 1, random.Random(process).randbytes).make(process == NOBODY)
        here.receive([DatagramIn(b"\x41" + gone + bytes(40), SERVER, CLIENT)], 0.0)
    assert (len(here.take_strays()), len(here.replies())) == (0, 3)


def test_strays_are_bounded() -> None:
    here = endpoint(8, newcomers=7)
    here.receive([initial()] * 2000, 0.0)
    assert len(here.take_strays()) == 1024
    assert here.take_strays() == []


def test_packets_of_the_handshake_that_are_nobodys_are_dropped() -> None:
    first = initial().data
    handshake, early = bytes((0xE0,)) + first[1:], bytes((0xD0,)) + first[1:]
    here = endpoint(8)
    assert here.receive([DatagramIn(packet, SERVER, CLIENT) for packet in (handshake, early)], 0.0) == []
    assert (here.take_strays(), here.replies(), len(here)) == ([], [], 0)


def test_the_id_of_a_retry_is_anybodys() -> None:
    here = endpoint(8, retry_above=0)
    here.receive([initial()], 0.0)
    (retry,) = here.replies()
    source = retry.data[7 + retry.data[5] :][: retry.data[6 + retry.data[5]]]
    assert expected_owner(source) == NOBODY
    # Another process accepts who comes back with it.
    client = make_client(random.Random(1))
    client.datagrams_to_send(0.0, 1 << 16)
    client.receive([DatagramIn(retry.data, CLIENT, SERVER)], 0.1)
    again = client.datagrams_to_send(0.1, 1 << 16)[0].data
    assert decode_long_header(again).destination == source
    there = endpoint(9, others=(8,), retry_above=0)
    (connection,) = there.receive([DatagramIn(again, SERVER, CLIENT)], 0.1)
    assert there.first_ids() == [source]
    assert there.knows(again)
    assert not there.knows(initial(3).data)
    assert there.knows(b"\x41" + connection.first_id + bytes(20))
    assert not there.knows(b"")


@pytest.mark.parametrize(
    ("shut", "is_handed_on", "accepted", "replies"),
    [
        (lambda e: None, False, 1, 0),
        (lambda e: e.shut(), False, 0, 1),
        (lambda e: e.shut(), True, 0, 1),
        (lambda e: e.shut(silently=True), False, 0, 0),
        (lambda e: e.shut(silently=True), True, 1, 0),
    ],
)
def test_newcomers_at_a_closed_door(shut: Callable[[Endpoint], None], is_handed_on: bool, accepted: int, replies: int) -> None:
    """Refused at the end; left to the successor at a reload, unless that one sent it here: by chance an ID may look like one of ours."""
    here = endpoint(8)
    shut(here)
    assert len(here.receive([initial()], 0.0, is_handed_on)) == accepted
    assert (len(here.replies()), here.refused) == (replies, 1 - accepted)
