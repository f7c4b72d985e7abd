# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Tickets, tokens and 0-RTT from one connection to the next, and what ends them.  RFC 9000 §7.4.1, §8.1.3; RFC 9001 §4.6."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from sws.proto.quic.api import EarlyDataRejected, HandshakeDone
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.packets import decode_long_header
from sws.proto.quic.streams.manager import StreamLimits
from sws.proto.quic.versions import QUIC_V1, QUIC_V2, PacketType
from tests.kit.quic import (
    Idle,
    make_endpoint,
    server_tls,
)
from tests.kit.quic_downloads import network, resumed


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_early_data(loss: float) -> None:
    first, kept = resumed()
    net, app = network(resumption=kept, endpoint=first.endpoint, seed=3)
    net.conditions.loss, net.conditions.until = loss, 2.0
    assert net.client.sends_early_data
    app.ask(net.client)
    net.run(8.0, until=lambda: app.is_done)
    assert app.is_done
    assert app.early
    if not loss:
        assert app.first_octet_at == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize(("given", "resumes"), [(None, True), (QUIC_V2, True), (QUIC_V1, False)])
def test_tickets_and_tokens_are_for_their_version(given: int | None, resumes: bool) -> None:
    """RFC 9369 §5: the negotiated one of the connection that they came in."""
    first, kept = resumed()
    assert kept.version == first.client.version.number == QUIC_V2
    net, app = network(resumption=kept, endpoint=first.endpoint, seed=3, version=given)
    assert net.client.origin.number == (given or QUIC_V2)
    assert (net.client.sends_early_data, bool(net.client.token)) == (resumes, resumes)
    net.run(2.0)
    assert app.is_done
    assert app.early is resumes


@pytest.mark.parametrize(("versions", "resumes"), [((QUIC_V1,), True), ((QUIC_V2, QUIC_V1), False)])
def test_servers_take_no_ticket_of_another_version(versions: tuple[int, ...], resumes: bool) -> None:
    """RFC 9369 §5: the client begins in the version of its ticket, and the server moves to another."""
    one, tls = QuicConfig(versions=(QUIC_V1,)), server_tls(random.Random(5), early=True)
    net, app = network(one, endpoint=make_endpoint(random.Random(6), config=one, tls=tls))
    net.run(3.0)
    (kept, *_) = net.client.take_resumptions()
    config = QuicConfig(versions=versions)
    net, app = network(config, resumption=kept, endpoint=make_endpoint(random.Random(7), config=config, tls=tls), version=QUIC_V1, seed=3)
    assert net.client.sends_early_data
    net.run(2.0)
    assert app.is_done
    assert net.client.version.number == versions[0]
    assert app.early is resumes


def test_tickets_and_tokens_do_not_outlive_version_negotiation() -> None:
    """RFC 9369 §5"""
    _, kept = resumed(QuicConfig(versions=(QUIC_V1,)))
    other = make_endpoint(random.Random(9), config=QuicConfig(versions=(QUIC_V2,)))
    net, app = network(QuicConfig(versions=(QUIC_V1, QUIC_V2)), resumption=kept, endpoint=other, seed=3)
    assert net.client.sends_early_data
    tokens = set()

    def tap(to_server: bool, data: bytes, now: float) -> bytes:
        if to_server and data[:1] >= b"\x80" and (header := decode_long_header(data)).kind is PacketType.INITIAL:
            tokens.add((header.version, bool(header.token)))
        return data

    net.taps.append(tap)
    net.run(2.0)
    assert app.is_done
    assert tokens == {(QUIC_V1, True), (QUIC_V2, False)}


def test_early_data_that_is_refused() -> None:
    _, kept = resumed()
    chance = random.Random(9)
    refusing = make_endpoint(chance, config=QuicConfig(limits=StreamLimits(bidirectional=50)), tls=server_tls(chance, early=True))
    net, app = network(resumption=kept, endpoint=refusing, seed=4)
    idle = Idle()
    net.app = idle
    stream = net.client.open_stream(False)
    net.client.send_stream_data(stream, b"5", True)
    net.run(2.0)
    kinds = [type(event) for event in idle.events]
    assert kinds == [EarlyDataRejected, HandshakeDone]
    app.is_connected = True
    net.app = app
    net.run(2.0)
    assert app.is_done


def test_a_server_that_lowers_what_early_data_relied_on() -> None:
    first, kept = resumed()
    assert kept.parameters is not None
    liar = replace(kept, parameters=replace(kept.parameters, initial_max_data=kept.parameters.initial_max_data + 1))
    net, app = network(resumption=liar, endpoint=first.endpoint, seed=5)
    net.run(2.0)
    assert app.closed is not None
    assert app.closed.code == ErrorCode.PROTOCOL_VIOLATION


def test_a_token_spares_the_retry() -> None:
    first, kept = resumed()
    strict = make_endpoint(random.Random(10), tls=first.endpoint._tls, retry_above=0)
    net, app = network(resumption=kept, endpoint=strict, seed=6)
    net.run(5.0)
    assert app.is_done
    assert net.client.token == kept.token
