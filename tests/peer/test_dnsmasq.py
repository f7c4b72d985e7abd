# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The resolver against dnsmasq: a server and an encoder by other hands."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from sws.net.hosts_file import Address, HostsFile
from sws.net.resolv_conf import ResolverConfig
from sws.net.resolver import ResolveError, ResolveErrorKind, Resolver
from tests.kit.dns_server import DnsRig
from tests.kit.peers import peer

pytestmark = [pytest.mark.peer, pytest.mark.slow]

MANY = [f"192.0.2.{number}" for number in range(1, 251)]
START_SECONDS = 10.0


def _free_port() -> int:
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        udp.bind(tcp.getsockname())
        port: int = tcp.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    folder = tmp_path_factory.mktemp("dnsmasq")
    folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.environ.get("PATH", "") + ":/usr/sbin:/sbin")  # where Debian puts it, and users do not look
        program = peer("dnsmasq")
    (folder / "hosts").write_text("".join(f"{address} many.example\n" for address in MANY))
    (folder / "hosts").chmod(0o644)
    port = _free_port()
    process = subprocess.Popen(
        [
            program, "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--log-facility=-", "--no-resolv", "--no-hosts",
            f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--user=", "--local=/example/", "--local-ttl=90",
            f"--addn-hosts={folder / 'hosts'}", "--host-record=a.example,192.0.2.1,2001:db8::1", "--host-record=six.example,2001:db8::6",
            "--cname=alias.example,middle.example", "--cname=middle.example,a.example", "--txt-record=text.example,words",
            "--dns-rr=web.example,65,000100",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        _wait_until_started(process)
        yield Address("127.0.0.1", port, socket.AF_INET)
    finally:
        process.terminate()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def _wait_until_started(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    said = b""
    until = time.monotonic() + START_SECONDS
    while b"read " not in said:
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))
        data = os.read(process.stdout.fileno(), 4096) if ready else b""
        assert data, f"dnsmasq said {said!r}"
        said += data


@pytest.fixture
def rig() -> Iterator[DnsRig]:
    with DnsRig() as rig:
        yield rig


@pytest.fixture
def resolver(rig: DnsRig, server: Address) -> Resolver:
    return Resolver(rig.loop, ResolverConfig(servers=(server,), search=("example",)), hosts=HostsFile("/nonexistent"))


def hosts(addresses: list[Address]) -> list[str]:
    return [address.host for address in addresses]


def not_found(rig: DnsRig, resolver: Resolver, name: str, family: str = "any") -> bool:
    error = rig.fail(resolver.resolve(name, family=family))
    return isinstance(error, ResolveError) and error.kind is ResolveErrorKind.NOT_FOUND


def test_addresses_of_both_families(rig: DnsRig, resolver: Resolver) -> None:
    found = rig.run(resolver.resolve("a.example", 80))
    assert [address.sockaddr for address in found] == [("2001:db8::1", 80, 0, 0), ("192.0.2.1", 80)]
    assert all(1 <= address.ttl <= 90 for address in found)
    assert resolver.counters.ignored == resolver.counters.tcp_queries == 0


def test_a_chain_of_aliases(rig: DnsRig, resolver: Resolver) -> None:
    assert hosts(rig.run(resolver.resolve("alias.example"))) == ["2001:db8::1", "192.0.2.1"]


def test_a_name_with_ipv6_only(rig: DnsRig, resolver: Resolver) -> None:
    assert hosts(rig.run(resolver.resolve("six.example"))) == ["2001:db8::6"]
    assert not_found(rig, resolver, "six.example", "ipv4")


def test_no_such_name_and_names_without_addresses(rig: DnsRig, resolver: Resolver) -> None:
    for name in ("none.example", "text.example", "web.example"):
        assert not_found(rig, resolver, name)


def test_completion(rig: DnsRig, resolver: Resolver) -> None:
    assert hosts(rig.run(resolver.resolve("six"))) == ["2001:db8::6"]


def test_many_records_come_over_tcp(rig: DnsRig, resolver: Resolver) -> None:
    assert sorted(hosts(rig.run(resolver.resolve("many.example")))) == sorted(MANY)
    assert (resolver.counters.truncated, resolver.counters.tcp_queries) == (1, 1)


def test_tcp_only(rig: DnsRig, server: Address) -> None:
    resolver = Resolver(rig.loop, ResolverConfig(servers=(server,), use_vc=True), hosts=HostsFile("/nonexistent"))
    assert hosts(rig.run(resolver.resolve("alias.example"))) == ["2001:db8::1", "192.0.2.1"]
    assert (resolver.counters.udp_queries, resolver.counters.tcp_queries) == (0, 2)


def test_without_edns(rig: DnsRig, server: Address) -> None:
    resolver = Resolver(rig.loop, ResolverConfig(servers=(server,), edns0=False), hosts=HostsFile("/nonexistent"))
    assert hosts(rig.run(resolver.resolve("a.example"))) == ["2001:db8::1", "192.0.2.1"]


def test_other_names_are_refused(rig: DnsRig, resolver: Resolver) -> None:
    """It has no server to ask."""
    error = rig.fail(resolver.resolve("a.other."))
    assert isinstance(error, ResolveError)
    assert error.kind is ResolveErrorKind.SERVER_FAILURE
