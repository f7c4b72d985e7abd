# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from http import HTTPMethod, HTTPStatus

from sws.proto.http.method import (
    IDEMPOTENT_METHODS,
    REGISTERED_METHODS,
    SAFE_METHODS,
    UNSELECTIVE_METHODS,
    is_idempotent,
    is_safe,
)
from sws.proto.http.status import REASONS, Status, has_no_content, reason_phrase

# Names that RFC 9110 changed and older standard libraries still spell the old way, and codes reserved without meaning.
_RENAMED = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}


def test_the_standard_library_agrees() -> None:
    for theirs in HTTPStatus:
        if theirs == 418:
            assert theirs.value not in REASONS
            continue
        assert REASONS[theirs.value].decode() == _RENAMED.get(theirs.value, theirs.phrase), theirs
    assert set(REASONS) == {theirs.value for theirs in HTTPStatus} - {418} == {int(status) for status in Status}


def test_reason_phrases() -> None:
    assert reason_phrase(Status.OK) == b"OK"
    assert reason_phrase(299) == b""


def test_statuses_without_content() -> None:
    assert [status for status in range(100, 600) if has_no_content(status)] == [*range(100, 200), 204, 304]


def test_methods_of_the_rfc() -> None:
    """RFC 9110 §9.2.1 and §9.2.2."""
    assert {b"GET", b"HEAD", b"OPTIONS", b"TRACE"} <= SAFE_METHODS < IDEMPOTENT_METHODS < REGISTERED_METHODS
    assert {b"PUT", b"DELETE"} <= IDEMPOTENT_METHODS - SAFE_METHODS
    assert {b"POST", b"CONNECT", b"PATCH"} <= REGISTERED_METHODS - IDEMPOTENT_METHODS
    assert {b"CONNECT", b"OPTIONS", b"TRACE"} == UNSELECTIVE_METHODS
    assert {method.value.encode() for method in HTTPMethod} <= REGISTERED_METHODS
    assert b"PRI" not in REGISTERED_METHODS


def test_predicates_are_case_sensitive() -> None:
    assert is_safe(b"GET")
    assert not is_safe(b"get")
    assert is_idempotent(b"PUT")
    assert not is_idempotent(b"POST")
