# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import UsageError
from sws.proto.http.date import format_http_date, parse_http_date
from tests.kit.vectors import load_vectors

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JULY_2026 = int((datetime(2026, 7, 1, tzinfo=UTC) - _EPOCH).total_seconds())
_FIRST = int((datetime(1, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
_LAST = int((datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - _EPOCH).total_seconds())


def test_vectors() -> None:
    for case in load_vectors("http", "date", keys=("value", "now")):
        assert parse_http_date(bytes.fromhex(case["value"]), case["now"]) == case["result"], case["id"]


def test_format_of_the_rfc() -> None:
    assert format_http_date(784_111_777) == b"Sun, 06 Nov 1994 08:49:37 GMT"


@given(st.integers(_FIRST, _LAST))
def test_format_agrees_with_datetime(seconds: int) -> None:
    moment = _EPOCH + timedelta(seconds=seconds)
    expected = f"{moment:%a, %d %b} {moment.year:04} {moment:%H:%M:%S} GMT".encode()
    assert format_http_date(seconds) == expected
    assert parse_http_date(expected) == seconds


@given(st.integers(0, 4_000_000_000))
def test_format_agrees_with_email_utils(seconds: int) -> None:
    assert format_http_date(seconds) == formatdate(seconds, usegmt=True).encode()


def test_every_day_of_four_centuries() -> None:
    day = datetime(1900, 1, 1, tzinfo=UTC)
    seconds = int((day - _EPOCH).total_seconds())
    for _ in range(0, 146_097, 7):
        assert format_http_date(seconds)[5:16] == f"{day:%d %b %Y}".encode()
        day += timedelta(days=7)
        seconds += 7 * 86_400


@given(st.datetimes(datetime(1976, 7, 1, 0, 0, 1), datetime(2076, 7, 1)))
def test_the_obsolete_forms_agree_with_datetime(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    seconds = int((moment - _EPOCH).total_seconds())
    assert parse_http_date(f"{moment:%A, %d-%b-%y %H:%M:%S} GMT".encode(), _JULY_2026) == seconds
    assert parse_http_date(f"{moment:%a %b} {moment.day:2} {moment:%H:%M:%S} {moment.year}".encode()) == seconds


def test_year_zero_and_the_first_days() -> None:
    assert parse_http_date(b"Sat, 01 Jan 0000 00:00:00 GMT") == _FIRST - 366 * 86_400
    assert format_http_date(_FIRST - 366 * 86_400) == b"Sat, 01 Jan 0000 00:00:00 GMT"


@pytest.mark.parametrize("seconds", [_FIRST - 366 * 86_400 - 1, _LAST + 1])
def test_years_past_four_digits_are_the_callers_fault(seconds: int) -> None:
    with pytest.raises(UsageError):
        format_http_date(seconds)


@given(st.binary(max_size=40), st.none() | st.integers(_FIRST, _LAST))
def test_any_octets_give_a_number_or_none(value: bytes, now: int | None) -> None:
    parse_http_date(value, now)
