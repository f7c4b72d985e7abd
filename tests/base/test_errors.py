# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import pytest

from sws.base.errors import (
    AuthenticationError,
    ConfigError,
    DecodeError,
    Http1Error,
    LimitExceeded,
    PeerError,
    SwsError,
    UsageError,
)


def test_one_tree() -> None:
    errors = [
        UsageError("x"),
        Http1Error(400, "no"),
        DecodeError("what", 3),
        AuthenticationError(),
        LimitExceeded("octets", 5, 4),
        ConfigError("no"),
    ]
    assert all(isinstance(error, SwsError) for error in errors)
    assert [isinstance(error, PeerError) for error in errors] == [False, True, False, False, False, False]


def test_what_they_carry() -> None:
    http1 = Http1Error(431, "too much")
    assert (http1.status, http1.reason, str(http1)) == (431, "too much", "431: too much")
    decode = DecodeError("a length", 7)
    assert (decode.what, decode.offset, str(decode)) == ("a length", 7, "a length at offset 7")
    assert DecodeError("x").offset == 0
    limit = LimitExceeded("octets", 5, 4)
    assert (limit.limit, limit.value, limit.maximum, str(limit)) == ("octets", 5, 4, "octets: 5 exceeds 4")
    assert str(AuthenticationError()) == "authentication failed"


@pytest.mark.parametrize(
    ("file", "line", "path", "text"),
    [
        (None, None, None, "no"),
        ("a.yaml", None, None, "a.yaml: no"),
        ("a.yaml", 3, None, "a.yaml:3: no"),
        (None, 3, "server.listen[0]", "server.listen[0]: no"),
        ("a.yaml", 3, "server", "a.yaml:3: server: no"),
    ],
)
def test_where_a_configuration_is_wrong(file: str | None, line: int | None, path: str | None, text: str) -> None:
    error = ConfigError("no", file=file, line=line, path=path)
    assert (error.message, error.file, error.line, error.path, str(error)) == ("no", file, line, path, text)
