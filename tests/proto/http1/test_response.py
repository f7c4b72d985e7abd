# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Response heads as octets.  RFC 9112 §4, §5."""

from __future__ import annotations

import pytest

from sws.base.errors import UsageError
from sws.proto.http1.response import encode_fields, plan_head


def test_plans() -> None:
    plan = plan_head(200, ((b"content-length", b"5"), (b"x", b"y"), (b"connection", b"close")))
    assert plan.block == b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx: y\r\n"
    assert (plan.content_length, plan.has_date, plan.close, plan.upgrade) == (5, False, True, False)
    assert plan_head(200, ((b"content-length", b"5"), (b"x", b"y"), (b"connection", b"close"))) is plan
    assert plan_head(299, [(b"date", b"x")]).has_date


def test_every_octet_that_may_be_sent() -> None:
    def sent(name: bytes, value: bytes) -> bool:
        try:
            return encode_fields(((name, value),)) == name + b": " + value + b"\r\n"
        except UsageError:
            return False

    names = {octet for octet in range(256) if sent(b"a%c" % octet, b"b")}
    assert names == set(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
    values = {octet for octet in range(256) if sent(b"a", b"b%cc" % octet)}
    assert values == {9} | set(range(0x20, 0x7F)) | set(range(0x80, 0x100))
    ends = {octet for octet in range(256) if sent(b"a", b"%c" % octet)}
    assert ends == set(range(0x21, 0x7F)) | set(range(0x80, 0x100))
    assert sent(b"a", b"")


def test_upgrade_brings_its_connection_option() -> None:
    """RFC 9110 §7.8."""
    assert plan_head(426, ((b"upgrade", b"x"),)).block.endswith(b"upgrade: x\r\nconnection: upgrade\r\n")
    with pytest.raises(UsageError):
        plan_head(200, ((b"connection", b"upgrade"), (b"upgrade", b"x")))
