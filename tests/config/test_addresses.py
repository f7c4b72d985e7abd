# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Listening addresses and host names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import ConfigError
from sws.config.addresses import ListenAddress, host_fault, parse_listen


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port"),
    [
        ("http://127.0.0.1:8080", "http", "127.0.0.1", 8080),
        ("http://localhost:0", "http", "localhost", 0),
        ("HTTP://LocalHost:65535/", "http", "localhost", 65535),
        ("http://[::]:80", "http", "::", 80),
        ("http://[2001:DB8::1]:80", "http", "2001:db8::1", 80),
        ("http://[fe80::1%eth0]:80", "http", "fe80::1%eth0", 80),
        ("http://[fe80::1%25Eth0]:80", "http", "fe80::1%Eth0", 80),
        ("http://[fe80::1%25]:80", "http", "fe80::1%25", 80),
        ("unix:/run/sws.sock", "unix", "/run/sws.sock", 0),
    ],
)
def test_parsed(url: str, scheme: str, host: str, port: int) -> None:
    address = parse_listen(url)
    assert address == ListenAddress(url, scheme, host, port)
    assert address.is_unix is (scheme == "unix")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "write http://HOST:PORT"),
        ("127.0.0.1:80", "write http://HOST:PORT"),
        ("ftp://a:1", "write http://HOST:PORT"),
        ("http://a:1/path", "write http://HOST:PORT"),
        ("http://a:1?q", "write http://HOST:PORT"),
        ("http://u@a:1", "write http://HOST:PORT"),
        ("http://::1:80", "write http://HOST:PORT"),
        ("http://a:\n1", "write http://HOST:PORT"),
        ("http://a:1\n", "write http://HOST:PORT"),
        ("http://localhost", "no port"),
        ("http://localhost:", "no port"),
        ("http://localhost:65536", "0 to 65535"),
        ("http://localhost:" + "9" * 5000, "0 to 65535"),
        ("http://:80", "host is missing"),
        ("http://*:80", "for every address"),
        ("http://a..b:80", "labels"),
        ("http://1.2.3:80", "four numbers"),
        ("http://[1.2.3.4]:80", "IPv6"),
        ("http://[]:80", "IPv6"),
        ("http://[fe80::1%]:80", "zone"),
        ("http://[fe80::1%a b]:80", "zone"),
        ("http://b\u00fccher:80", "punycode"),
        ("https://a", "no port"),
        ("unix:", "at most 104"),
        ("unix:/" + "a" * 104, "at most 104"),
        ("unix:/a\0b", "at most 104"),
        ("unix:/\ud800", "at most 104"),
        ("unix:run.sock", "begins with a slash"),
    ],
)
def test_refused(url: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_listen(url)
    assert says in caught.value.message
    assert caught.value.path == "server.listen"


def test_an_error_shows_what_it_is_told_to() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_listen("secret", shown="'${URL}'")
    assert "secret" not in str(caught.value)
    assert "'${URL}'" in str(caught.value)


@pytest.mark.parametrize(
    "name", ["a", "example.org", "EXAMPLE.org.", "*.example.org", "xn--bcher-kva.example", "127.0.0.1", "[::1]", "[2001:DB8::1]", "1a.2b"]
)
def test_host_names(name: str) -> None:
    assert host_fault(name) is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "labels"),
        (".", "labels"),
        ("*.", "labels"),
        ("a..b", "labels"),
        ("-a", "labels"),
        ("a-", "labels"),
        ("a_b", "labels"),
        ("a b", "labels"),
        ("a" * 64, "labels"),
        ("a." * 127 + "aa", "labels"),
        ("*", "only in front"),
        ("a.*.b", "only in front"),
        ("*.*.b", "only in front"),
        ("example.org:80", "without a port"),
        ("::1", r"write it as [::1]"),
        ("[0:0::1]", r"write it as [::1]"),
        ("[::1]:80", r"write it as [::1]"),
        ("[::1%eth0]", "IPv6"),
        ("[x]", "IPv6"),
        ("256.1.1.1", "IPv4"),
        ("*.1.2.3.4", "IPv4"),
        ("b\u00fccher.example", "punycode"),
    ],
)
def test_host_faults(name: str, says: str) -> None:
    fault = host_fault(name)
    assert fault is not None
    assert says in fault


@given(st.one_of(st.text(max_size=40), st.text(alphabet="htp:/[]*.%0159aunix-", max_size=30).map(lambda rest: "http://" + rest)))
def test_any_text_is_an_address_or_a_config_error(url: str) -> None:
    try:
        address = parse_listen(url)
    except ConfigError:
        return
    assert 0 <= address.port <= 65535
    assert address.host
