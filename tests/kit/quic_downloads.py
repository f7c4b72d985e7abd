# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A client that downloads one octet from a server in memory, and one that comes back to it."""

from __future__ import annotations

import random

from sws.proto.quic.client import Resumption
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.endpoint import Endpoint
from tests.kit.quic import Conditions, Download, Network, Serve, make_client, make_endpoint, server_tls

__all__ = ["network", "resumed"]


def network(
    client_config: QuicConfig | None = None,
    server_config: QuicConfig | None = None,
    resumption: Resumption | None = None,
    version: int | None = None,
    endpoint: Endpoint | None = None,
    seed: int = 1,
    **others: int,
) -> tuple[Network, Download]:
    """A download of one octet that has not begun."""
    chance = random.Random(seed)
    app = Download([1])
    client = make_client(chance, client_config, resumption=resumption, version=version)
    if endpoint is None:
        endpoint = make_endpoint(chance, config=server_config, tls=server_tls(chance, early=True), **others)  # type: ignore[arg-type]
    return Network(seed, Conditions(), client, app, endpoint, Serve()), app


def resumed(config: QuicConfig | None = None) -> tuple[Network, Resumption]:
    """A first connection, and what its client keeps of it."""
    net, app = network(config, config, retry_above=64)
    net.run(3.0)
    assert app.is_done
    kept = net.client.take_resumptions()
    assert len(kept) == 2
    assert kept[0].token
    return net, kept[0]
