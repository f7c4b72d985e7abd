# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whole connections over a simulated network: every run ends in success or a declared error, whatever the network does."""

from __future__ import annotations

import random

import pytest

from sws.proto.quic.config import QuicConfig
from sws.proto.quic.recovery.cubic import Cubic
from sws.proto.quic.recovery.newreno import NewReno
from sws.proto.quic.versions import QUIC_V1, QUIC_V2
from tests.kit.quic import Conditions, Download, Network, Serve, make_client, make_endpoint

#: What a connection may end with if the network is too bad; anything else is a fault of ours.
DECLARED = {"idle timeout", "the path could not be validated", "done"}


def run(
    seed: int, conditions: Conditions, sizes: list[int], config: QuicConfig | None = None, seconds: float = 120.0, **others: int
) -> Network:
    """One connection that downloads, closes, and is forgotten at both ends."""
    chance = random.Random(seed)
    client = make_client(chance, config)
    endpoint = make_endpoint(chance, config=config, **others)  # type: ignore[arg-type]
    app = Download(sizes)
    network = Network(seed, conditions, client, app, endpoint, Serve())
    network.run(seconds, until=lambda: app.closed is not None)
    assert app.closed is not None, f"seed {seed}: nothing came of it by {network.now}"
    assert app.closed.reason in DECLARED, (seed, app.closed)
    network.run(200.0)
    assert client.is_over
    assert len(endpoint) == 0
    return network


def draw(seed: int) -> tuple[Conditions, list[int], QuicConfig, dict[str, int]]:
    """A network, what to do over it, and with what settings."""
    chance = random.Random(f"draw {seed}")
    delay = chance.choice((0.0005, 0.01, 0.05, 0.15))
    conditions = Conditions(
        delay=delay,
        jitter=chance.choice((0.0, 0.0, delay / 4, delay * 2)),
        loss=chance.choice((0.0, 0.01, 0.05, 0.2)),
        duplicate=chance.choice((0.0, 0.02, 0.2)),
        corrupt=chance.choice((0.0, 0.01, 0.1)),
        reorder=chance.choice((0.0, 0.05, 0.3)),
        mtu=chance.choice((1200, 1280, 1400, 1500, 9000)),
        rate=chance.choice((0.0, 0.0, 1e5, 1e6)),
        queue=chance.choice((20_000, 100_000)),
        mark_above=chance.choice((0, 10_000)),
        black_hole=chance.choice((None, None, (0.0, 1.0), (delay * 3, delay * 3 + 2.0))),
        rebind_at=chance.choice((None, None, delay * 5, delay * 9)),
        until=30.0,
    )
    sizes = [chance.choice((0, 1, 100, 5_000, 60_000)) for _ in range(chance.randrange(1, 6))]
    config = QuicConfig(
        versions=chance.choice(((QUIC_V2, QUIC_V1), (QUIC_V1,), (QUIC_V1, QUIC_V2))),
        congestion=chance.choice((Cubic, NewReno)),
        key_update_after=chance.choice((0, 0, 20)),
        datagram_payload=chance.choice((1200, 1452, 4000)),
        ecn=chance.random() < 0.7,
    )
    return conditions, sizes, config, {"retry_above": chance.choice((0, 64))}


@pytest.mark.parametrize("seed", range(24))
def test_networks_of_all_kinds(seed: int) -> None:
    conditions, sizes, config, others = draw(seed)
    run(seed, conditions, sizes, config, **others)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("block", range(20))
def test_thousands_of_networks(block: int) -> None:
    done = 0
    for seed in range(1000 + 150 * block, 1000 + 150 * (block + 1)):
        conditions, sizes, config, others = draw(seed)
        network = run(seed, conditions, sizes, config, **others)
        done += network.app.is_done  # type: ignore[attr-defined]
    assert done > 100
