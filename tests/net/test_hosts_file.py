# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What needs no DNS."""

from __future__ import annotations

import os
import pathlib
import socket

import pytest

from sws.net.hosts_file import Address, HostsFile, literal_address, parse_hosts, special_addresses

V4, V6 = socket.AF_INET, socket.AF_INET6
TEXT = """\
# a comment
127.0.0.1\tlocalhost
192.0.2.1   a.example A  # the first
2001:db8::1 a.example
192.0.2.1   a.example
192.0.2.2   b.example.
fe80::1%1   link
nonsense    c.example
192.0.2.3
  192.0.2.4 indented
"""


def hosts(addresses: list[Address]) -> list[str]:
    return [address.host for address in addresses]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", Address("192.0.2.1", 80, V4)),
        ("2001:DB8::0:1", Address("2001:db8::1", 80, V6)),
        ("::ffff:192.0.2.1", Address("::ffff:192.0.2.1", 80, V6)),
        ("fe80::1%7", Address("fe80::1", 80, V6, scope_id=7)),
        ("fe80::1%lo", Address("fe80::1", 80, V6, scope_id=socket.if_nametoindex("lo"))),
        *((text, None) for text in ("fe80::1%nowhere", "fe80::1%", "fe80::1%0", "fe80::1%4294967296", "fe80::1%²", "192.0.2.1%1")),
        *((text, None) for text in ("a.example", "1.2.3", "0x7f.1", "1.2.3.4.5", "", "[::1]", "::1\0", "127.0.0.01", "%1", "fe80::1%a\0b")),
    ],
)
def test_literals(text: str, expected: Address | None) -> None:
    assert literal_address(text, 80) == expected


def test_the_form_that_sockets_take() -> None:
    assert Address("192.0.2.1", 80, V4).sockaddr == ("192.0.2.1", 80)
    assert Address("fe80::1", 80, V6, scope_id=3).sockaddr == ("fe80::1", 80, 0, 3)
    assert [str(Address("192.0.2.1", 80, V4)), str(Address("::1", 80, V6)), str(Address("fe80::1", 1, V6, scope_id=3))] == [
        "192.0.2.1:80", "[::1]:80", "[fe80::1%3]:1",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST.", "a.localhost", "a.b.localhost."])
def test_localhost_is_loopback(name: str) -> None:
    assert special_addresses(name, 80) == [Address("::1", 80, V6), Address("127.0.0.1", 80, V4)]


@pytest.mark.parametrize("name", ["invalid", "a.invalid.", "x.onion"])
def test_names_that_are_nowhere(name: str) -> None:
    assert special_addresses(name) == []


@pytest.mark.parametrize("name", ["localhost.example", "notlocalhost", "example", ""])
def test_other_names_are_not_special(name: str) -> None:
    assert special_addresses(name) is None


def test_lines() -> None:
    found = parse_hosts(TEXT)
    assert {name: hosts(addresses) for name, addresses in found.items()} == {
        "localhost": ["127.0.0.1"],
        "a.example": ["192.0.2.1", "2001:db8::1"],
        "a": ["192.0.2.1"],
        "b.example": ["192.0.2.2"],
        "link": ["fe80::1"],
        "indented": ["192.0.2.4"],
    }
    assert found["link"][0].scope_id == 1


def test_a_file_is_read_again_when_it_changed(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "hosts"
    file = HostsFile(str(path))
    assert file.lookup("a.example", 100.0) == []
    path.write_text(TEXT)
    assert file.lookup("a.example", 104.9) == []  # not looked at yet
    assert hosts(file.lookup("A.Example.", 105.0, 80)) == ["192.0.2.1", "2001:db8::1"]
    assert file.lookup("a.example", 105.0, 80)[0].port == 80
    assert file.lookup("c.example", 105.0) == []
    assert file.lookup("b.example", 111.0) != []
    assert file.reloads == 1
    path.write_text("192.0.2.9 a.example\n")
    os.utime(path, ns=(1, 1))
    assert hosts(file.lookup("a.example", 112.0)) == ["192.0.2.1", "2001:db8::1"]
    assert hosts(file.lookup("a.example", 116.0)) == ["192.0.2.9"]
    assert file.reloads == 2
    path.unlink()
    assert file.lookup("a.example", 121.0) == []
    path.write_bytes(b"\xff\xfe192.0.2.7 b\n192.0.2.8 a.example \xff\n")
    assert hosts(file.lookup("a.example", 126.0)) == ["192.0.2.8"]
    assert file.reloads == 3
