# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP-date, the timestamp of HTTP fields.  RFC 9110 §5.6.7.

A timestamp here is a whole number of seconds since 1970-01-01T00:00:00Z, without leap seconds.  One form is written
(IMF-fixdate); three are read.  Both directions are arithmetic on the proleptic Gregorian calendar: the number of days before
1 January of year y is 365·y plus one for every leap year before y.

Invariants: `parse_http_date(format_http_date(t)) == t` for every t of the years 0000 to 9999.
Known limits: a day name need not fit its date, since only the date carries meaning and §5.6.7 asks for robust readers.
"""

from __future__ import annotations

import re
from typing import Final

from sws.base.errors import UsageError

__all__ = ["format_http_date", "parse_http_date"]

_DAY_SECONDS: Final = 86_400
_DAY_NAMES: Final = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_MONTH_NAMES: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTHS: Final = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_DAYS_BEFORE_MONTH: Final = tuple(sum(_MONTH_DAYS[:month]) for month in range(13))
_TWO_DIGITS: Final = tuple(b"%02d" % number for number in range(100))


def _days_before_year(year: int) -> int:
    """Days from 0000-01-01 to January 1st of `year` (year 0 is a leap year)."""
    past = year - 1
    return 365 * year + past // 4 - past // 100 + past // 400 + 1


_EPOCH_DAY: Final = _days_before_year(1970)
_FIRST_SECOND: Final = -_EPOCH_DAY * _DAY_SECONDS
_LAST_SECOND: Final = (_days_before_year(10_000) - _EPOCH_DAY) * _DAY_SECONDS - 1

_NAME: Final = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_NAME: Final = rb"(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
_MONTH: Final = rb"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_TIME: Final = rb"([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)"
_IMF_FIXDATE: Final = re.compile(_NAME + rb", (\d\d) " + _MONTH + rb" (\d{4}) " + _TIME + rb" GMT")
_RFC850_DATE: Final = re.compile(_LONG_NAME + rb", (\d\d)-" + _MONTH + rb"-(\d\d) " + _TIME + rb" GMT")
_ASCTIME_DATE: Final = re.compile(_NAME + rb" " + _MONTH + rb" (\d\d| \d) " + _TIME + rb" (\d{4})")


def format_http_date(seconds: int) -> bytes:
    """Writes an IMF-fixdate.  RFC 9110 §5.6.7.

    Args:
      seconds:  since 1970-01-01T00:00:00Z; the years 0000 to 9999.
    Returns: 29 octets, as `Sun, 06 Nov 1994 08:49:37 GMT`.
    Raises:  UsageError if the year has no four digits.
    """
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        raise UsageError("an HTTP-date has a four-digit year")
    days, rest = divmod(seconds, _DAY_SECONDS)
    year, month, day = _civil(days + _EPOCH_DAY)
    minutes, second = divmod(rest, 60)
    hour, minute = divmod(minutes, 60)
    two = _TWO_DIGITS
    return b"%b, %b %b %04d %b:%b:%b GMT" % (
        _DAY_NAMES[(days + 3) % 7], two[day], _MONTH_NAMES[month - 1], year, two[hour], two[minute], two[second]
    )  # fmt: skip


def parse_http_date(value: bytes, now: int | None = None) -> int | None:
    """Reads an HTTP-date in any of its three forms, case-sensitively.  RFC 9110 §5.6.7.

    Args:
      value:     the field value, without white space around it.
      now:    seconds since the epoch, to place the two-digit year of an rfc850-date: a date more than 50 years ahead is one of
              the century before.  None places 70..99 in the 20th century and 00..69 in the 21st.
    Returns: seconds since 1970-01-01T00:00:00Z, or None if `value` is not an HTTP-date.  The leap second 23:59:60 equals
      the first second of the next day.
    """
    match = _IMF_FIXDATE.fullmatch(value)
    if match is not None:
        day, month, year, hour, minute, second = match.groups()
        return _timestamp(int(year), _MONTHS[month], int(day), hour, minute, second)
    match = _RFC850_DATE.fullmatch(value)
    if match is not None:
        day, month, year, hour, minute, second = match.groups()
        full_year = _full_year(int(year), _MONTHS[month], int(day), hour, minute, second, now)
        return _timestamp(full_year, _MONTHS[month], int(day), hour, minute, second)
    match = _ASCTIME_DATE.fullmatch(value)
    if match is not None:
        month, day, hour, minute, second, year = match.groups()
        return _timestamp(int(year), _MONTHS[month], int(day), hour, minute, second)
    return None


def _full_year(two_digits: int, month: int, day: int, hour: bytes, minute: bytes, second: bytes, now: int | None) -> int:
    """The year that a two-digit year stands for, seen from `now`."""
    if now is None:
        return two_digits + (1900 if two_digits >= 70 else 2000)
    days, rest = divmod(now, _DAY_SECONDS)
    now_year, now_month, now_day = _civil(days + _EPOCH_DAY)
    year = now_year - now_year % 100 + two_digits
    ahead = (year, month, day, int(hour) * 3600 + int(minute) * 60 + int(second)) > (now_year + 50, now_month, now_day, rest)
    return year - 100 if ahead else year


def _timestamp(year: int, month: int, day: int, hour: bytes, minute: bytes, second: bytes) -> int | None:
    """Seconds since the epoch; None for a day that its month lacks, and for a leap second anywhere but 23:59:60."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= _MONTH_DAYS[month - 1] + (leap and month == 2):
        return None
    if second == b"60" and (hour != b"23" or minute != b"59"):
        return None
    days = _days_before_year(year) - _EPOCH_DAY + _DAYS_BEFORE_MONTH[month - 1] + (leap and month > 2) + day - 1
    return days * _DAY_SECONDS + int(hour) * 3600 + int(minute) * 60 + int(second)


def _civil(day_number: int) -> tuple[int, int, int]:
    """Year, month and day of the day `day_number` after 0000-01-01."""
    year = day_number * 400 // 146_097
    while _days_before_year(year + 1) <= day_number:
        year += 1
    while _days_before_year(year) > day_number:
        year -= 1
    rest = day_number - _days_before_year(year)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if leap and rest >= 59:
        if rest == 59:
            return year, 2, 29
        rest -= 1
    month = rest // 32 + 1
    if rest >= _DAYS_BEFORE_MONTH[month]:
        month += 1
    return year, month, rest - _DAYS_BEFORE_MONTH[month - 1] + 1
