# SPDX-License-Identifier: Apache-2.0 OR MIT
"""UTCTime and GeneralizedTime as DER and RFC 5280 §4.1.2.5 have them: to the second, in UTC, with a Z.  X.690 §11.7 and §11.8.

A time is a number of seconds since 1970 everywhere outside this file, leap seconds not counted, negative before.
"""

from __future__ import annotations

from typing import Final

from sws.base.errors import DecodeError, UsageError
from sws.crypto.asn1.tags import GENERALIZED_TIME, UTC_TIME

__all__ = ["EARLIEST", "LATEST", "decode_time", "encode_time", "format_time"]

EARLIEST: Final = -62167219200
"""0000-01-01T00:00:00Z."""
LATEST: Final = 253402300799
"""9999-12-31T23:59:59Z, which RFC 5280 §4.1.2.5 gives to what has no end."""
_UTC_FIRST: Final = -631152000
"""1950-01-01, the earliest UTCTime."""
_UTC_END: Final = 2524608000
"""2050-01-01, from where on GeneralizedTime is used."""
_MONTHS: Final = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAY: Final = 86400


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the Gregorian calendar, counted in years that begin with March."""
    year -= month < 3
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * ((month + 9) % 12) + 2) // 5 + day - 1 - 719468


def _date(days: int) -> tuple[int, int, int]:
    """Year, month, day of that many days from 1970-01-01."""
    days += 719468
    era, day = divmod(days, 146097)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    return year + 400 * era + (month > 9), (month + 2) % 12 + 1, day - (153 * month + 2) // 5 + 1


def decode_time(tag: int, content: bytes, offset: int = 0) -> int:
    """Seconds since 1970.

    Args:
      tag:      of UTCTime or GeneralizedTime.
      content:  YYMMDDhhmmssZ with years 1950 … 2049, or YYYYMMDDhhmmssZ.
      offset:   for the error.
    Raises: DecodeError for any other form, and for a date or a time of day that does not exist.
    """
    year_digits = 2 if tag == UTC_TIME else 4
    if len(content) != year_digits + 11 or content[-1] != 0x5A or not content[:-1].isdigit():
        raise DecodeError("a time that is not [YY]YYMMDDhhmmssZ", offset)
    year = int(content[:year_digits])
    if year_digits == 2:
        year += 1900 if year >= 50 else 2000
    month, day, hour, minute, second = (int(content[at : at + 2]) for at in range(year_digits, year_digits + 10, 2))
    last = 29 if month == 2 and _is_leap(year) else _MONTHS[month] if 0 < month < 13 else 0
    if not 0 < day <= last or hour > 23 or minute > 59 or second > 59:
        raise DecodeError("a date or a time of day that does not exist", offset)
    return _days(year, month, day) * _DAY + hour * 3600 + minute * 60 + second


def _fields(seconds: int) -> tuple[int, ...]:
    if not EARLIEST <= seconds <= LATEST:
        raise UsageError(f"a time of {seconds} seconds since 1970")
    days, rest = divmod(seconds, _DAY)
    return *_date(days), rest // 3600, rest // 60 % 60, rest % 60


def encode_time(seconds: int, generalized: bool | None = None) -> tuple[int, bytes]:
    """Tag and content.

    Args:
      generalized:  None: UTCTime from 1950 to 2049, GeneralizedTime otherwise, as RFC 5280 §4.1.2.5 has it.
    Raises: UsageError for years before 0 or after 9999, and for a UTCTime of a year that it cannot say.
    """
    year, *rest = _fields(seconds)
    in_utc = _UTC_FIRST <= seconds < _UTC_END
    tail = b"%02d%02d%02d%02d%02dZ" % tuple(rest)
    if generalized or (generalized is None and not in_utc):
        return GENERALIZED_TIME, b"%04d" % year + tail
    if not in_utc:
        raise UsageError("UTCTime has the years 1950 to 2049 only")
    return UTC_TIME, b"%02d" % (year % 100) + tail


def format_time(seconds: int) -> str:
    """As RFC 3339 writes it: 2030-01-31T23:59:59Z."""
    year, month, day, hour, minute, second = _fields(seconds)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
