# SPDX-License-Identifier: Apache-2.0 OR MIT
"""resolv.conf(5): its lines, its defaults, and what short names stand for."""

from __future__ import annotations

import pathlib
import socket

import pytest

from sws.base.errors import DecodeError
from sws.net.hosts_file import Address
from sws.net.resolv_conf import ResolverConfig, candidate_names, load_resolv_conf, parse_resolv_conf
from sws.proto.dns import name_to_text

HERE = Address("127.0.0.1", 53, socket.AF_INET)


def test_nothing_gives_the_defaults() -> None:
    assert parse_resolv_conf("") == ResolverConfig(servers=(HERE,), search=(), ndots=1, timeout=5.0, attempts=2)
    assert parse_resolv_conf("", "host").search == ()
    assert parse_resolv_conf("", "host.sub.example").search == ("sub.example",)


def test_everything() -> None:
    text = """\
; a comment
# another
nameserver 192.0.2.53
nameserver\t2001:db8::53   trailing
nameserver fe80::53%1
nameserver 192.0.2.54
search a.example b.example
options ndots:2 timeout:3 attempts:4 rotate
options use-vc edns0 trust-ad
sortlist 130.155.160.0
"""
    assert parse_resolv_conf(text, "host.example") == ResolverConfig(
        servers=(
            Address("192.0.2.53", 53, socket.AF_INET),
            Address("2001:db8::53", 53, socket.AF_INET6),
            Address("fe80::53", 53, socket.AF_INET6, scope_id=1),
        ),
        search=("a.example", "b.example"),
        ndots=2,
        timeout=3.0,
        attempts=4,
        rotate=True,
        use_vc=True,
    )


@pytest.mark.parametrize(
    ("text", "search"),
    [
        ("domain a.example b.example", ("a.example",)),
        ("domain a.example\nsearch b.example", ("b.example",)),
        ("search a.example\ndomain b.example", ("b.example",)),
        ("search a.example\nsearch b.example c.example", ("b.example", "c.example")),
        ("search a.example\nsearch\ndomain", ("a.example",)),
        (" search a.example", ()),
        ("searching a.example", ()),
        ("search " + " ".join(f"n{number}" for number in range(40)), tuple(f"n{number}" for number in range(32))),
    ],
)
def test_the_last_search_counts(text: str, search: tuple[str, ...]) -> None:
    assert parse_resolv_conf(text).search == search


@pytest.mark.parametrize(
    ("text", "ndots", "timeout", "attempts"),
    [
        ("options ndots:99 timeout:99 attempts:99", 15, 30.0, 5),
        ("options ndots:0 timeout:0 attempts:0", 0, 1.0, 1),
        ("options ndots:x timeout:-1 attempts:", 1, 5.0, 2),
        ("options ndots:² timeout:12345678901 unknown:3", 1, 5.0, 2),
        ("options", 1, 5.0, 2),
    ],
)
def test_numbers(text: str, ndots: int, timeout: float, attempts: int) -> None:
    config = parse_resolv_conf(text)
    assert (config.ndots, config.timeout, config.attempts) == (ndots, timeout, attempts)


def test_nonsense_is_left_out() -> None:
    assert parse_resolv_conf("nameserver\nnameserver dns.example\n\n   \nwhat is this") == ResolverConfig()


def test_files(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "resolv.conf"
    assert load_resolv_conf(str(path), "") == ResolverConfig()
    path.write_bytes(b"# \xff\nnameserver 192.0.2.1\n")
    assert load_resolv_conf(str(path), "").servers == (Address("192.0.2.1", 53, socket.AF_INET),)
    assert load_resolv_conf(str(path)).search in ((), (socket.gethostname().partition(".")[2],))


CONFIG = ResolverConfig(search=("b.example", "c.example.", "x..y", "localhost", "B.example"))


@pytest.mark.parametrize(
    ("text", "ndots", "expected"),
    [
        ("a", 1, ["a.b.example.", "a.c.example.", "a.B.example.", "a."]),
        ("a.x", 1, ["a.x.", "a.x.b.example.", "a.x.c.example.", "a.x.B.example."]),
        ("a.x", 2, ["a.x.b.example.", "a.x.c.example.", "a.x.B.example.", "a.x."]),
        ("a.", 1, ["a."]),
        ("a.x.", 5, ["a.x."]),
        ("a", 0, ["a.", "a.b.example.", "a.c.example.", "a.B.example."]),
    ],
)
def test_candidates(text: str, ndots: int, expected: list[str]) -> None:
    config = ResolverConfig(search=CONFIG.search, ndots=ndots)
    assert [name_to_text(name) for name in candidate_names(text, config)] == expected


def test_completions_that_are_too_long_are_left_out() -> None:
    long = ".".join(["a" * 63] * 3 + ["b" * 55])
    assert [name_to_text(name) for name in candidate_names(long, CONFIG)] == [long + "."]


def test_no_name_has_no_candidates() -> None:
    with pytest.raises(DecodeError):
        candidate_names("a..b", CONFIG)
