# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From a configuration to handlers: the chain of each virtual host.

    own pages ▸ deadline ▸ content limit ▸ redirect to https ▸ HSTS ▸ Alt-Svc ▸ facts ▸ files

Each stage stands in a host's chain only if the host's configuration uses it.
"""

from __future__ import annotations

from sws.config.addresses import parse_listen
from sws.config.model import Config, HostConfig, StaticConfig
from sws.exchange.exchange import Handler
from sws.exchange.pages import set_language
from sws.exchange.pipeline import Stage, compile_chain
from sws.exchange.stages import alternative_service, content_limit, https_redirect, response_deadline, strict_transport_security
from sws.handlers.errorpages import OwnPages
from sws.handlers.facts import FACTS_PATH, ServerFacts
from sws.handlers.hotfiles import HotStore
from sws.handlers.static import StaticFiles, StaticOptions
from sws.os.files import LinkPolicy, Root
from sws.os.loop import Loop
from sws.server.hosts import HostTable
from sws.server.service import misdirected

__all__ = ["build_hosts"]


def _files(root: Root, static: StaticConfig, store: HotStore) -> StaticFiles:
    options = StaticOptions(
        index=static.index,
        listing=static.listing,
        hidden=static.hidden,
        types=static.types,
        max_age=static.max_age,
        revalidate=static.revalidate,
        suffixes=static.suffixes,
        fallback=static.fallback,
        precompressed=static.precompressed,
    )
    return StaticFiles(root, options, store)


def _chain(config: Config, host: HostConfig, loop: Loop, store: HotStore) -> Handler:
    server = config.server
    static = host.static or server.static
    root = Root(host.root or server.root, LinkPolicy(static.links))
    stages: list[Stage] = []
    if static.errors:
        stages.append(OwnPages(root, {int(status): path for status, path in static.errors.items()}))
    if host.timeouts.response is not None:
        stages.append(response_deadline(loop, host.timeouts.response))
    if host.limits.body is not None and host.limits.body < server.limits.body:
        stages.append(content_limit(host.limits.body))
    handler: Handler = _files(root, static, store)
    if server.tls.redirect:
        stages.append(https_redirect(next(address.port for address in map(parse_listen, server.listen) if address.is_secure)))
    if server.tls.hsts is not None and not server.tls.self_signed:
        stages.append(strict_transport_security(int(server.tls.hsts)))
    if server.http3.enabled and server.http3.advertise and any(parse_listen(url).is_secure for url in server.listen):
        stages.append(alternative_service(int(server.http3.advertise)))
    if server.facts:
        stages.append(ServerFacts(FACTS_PATH, loop.poller_name))
    return compile_chain(stages, handler)


def build_hosts(config: Config, loop: Loop) -> HostTable[Handler]:
    """All virtual hosts.  Raises: OSError if a root cannot be opened."""
    server = config.server
    set_language(server.locale_default)
    store = HotStore(server.worker.cache)
    default = misdirected if server.unknown_host == "refuse" else _chain(config, HostConfig(), loop, store)
    return HostTable([(host.names, _chain(config, host, loop, store)) for host in server.hosts], default)
