# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Status codes and their reason phrases.  RFC 9110 §15 and the IANA HTTP Status Code Registry.

`Status` holds the registered codes under their registered names; a status code of a message is a plain int of 100 to 999, since
codes outside the registry are legal (§15: treated as the x00 of their class).
Known limits: 306 and 418 are reserved without meaning and left out, as are temporary registrations.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Final, final

__all__ = ["REASONS", "Status", "has_no_content", "reason_phrase"]


@final
@unique
class Status(IntEnum):
    """The registered status codes.  RFC 9110 §15 unless noted."""

    CONTINUE = 100
    SWITCHING_PROTOCOLS = 101
    PROCESSING = 102  # RFC 2518
    EARLY_HINTS = 103  # RFC 8297
    OK = 200
    CREATED = 201
    ACCEPTED = 202
    NON_AUTHORITATIVE_INFORMATION = 203
    NO_CONTENT = 204
    RESET_CONTENT = 205
    PARTIAL_CONTENT = 206
    MULTI_STATUS = 207  # RFC 4918
    ALREADY_REPORTED = 208  # RFC 5842
    IM_USED = 226  # RFC 3229
    MULTIPLE_CHOICES = 300
    MOVED_PERMANENTLY = 301
    FOUND = 302
    SEE_OTHER = 303
    NOT_MODIFIED = 304
    USE_PROXY = 305
    TEMPORARY_REDIRECT = 307
    PERMANENT_REDIRECT = 308
    BAD_REQUEST = 400
    UNAUTHORIZED = 401
    PAYMENT_REQUIRED = 402
    FORBIDDEN = 403
    NOT_FOUND = 404
    METHOD_NOT_ALLOWED = 405
    NOT_ACCEPTABLE = 406
    PROXY_AUTHENTICATION_REQUIRED = 407
    REQUEST_TIMEOUT = 408
    CONFLICT = 409
    GONE = 410
    LENGTH_REQUIRED = 411
    PRECONDITION_FAILED = 412
    CONTENT_TOO_LARGE = 413
    URI_TOO_LONG = 414
    UNSUPPORTED_MEDIA_TYPE = 415
    RANGE_NOT_SATISFIABLE = 416
    EXPECTATION_FAILED = 417
    MISDIRECTED_REQUEST = 421
    UNPROCESSABLE_CONTENT = 422
    LOCKED = 423  # RFC 4918
    FAILED_DEPENDENCY = 424  # RFC 4918
    TOO_EARLY = 425  # RFC 8470
    UPGRADE_REQUIRED = 426
    PRECONDITION_REQUIRED = 428  # RFC 6585
    TOO_MANY_REQUESTS = 429  # RFC 6585
    REQUEST_HEADER_FIELDS_TOO_LARGE = 431  # RFC 6585
    UNAVAILABLE_FOR_LEGAL_REASONS = 451  # RFC 7725
    INTERNAL_SERVER_ERROR = 500
    NOT_IMPLEMENTED = 501
    BAD_GATEWAY = 502
    SERVICE_UNAVAILABLE = 503
    GATEWAY_TIMEOUT = 504
    HTTP_VERSION_NOT_SUPPORTED = 505
    VARIANT_ALSO_NEGOTIATES = 506  # RFC 2295
    INSUFFICIENT_STORAGE = 507  # RFC 4918
    LOOP_DETECTED = 508  # RFC 5842
    NOT_EXTENDED = 510  # RFC 2774, historic
    NETWORK_AUTHENTICATION_REQUIRED = 511  # RFC 6585


_SPELLED: Final = {
    Status.NON_AUTHORITATIVE_INFORMATION: b"Non-Authoritative Information",
    Status.OK: b"OK",
    Status.IM_USED: b"IM Used",
    Status.URI_TOO_LONG: b"URI Too Long",
    Status.HTTP_VERSION_NOT_SUPPORTED: b"HTTP Version Not Supported",
    Status.MULTI_STATUS: b"Multi-Status",
    Status.UNAVAILABLE_FOR_LEGAL_REASONS: b"Unavailable For Legal Reasons",
}

REASONS: Final[dict[int, bytes]] = {
    int(status): _SPELLED.get(status) or status.name.replace("_", " ").title().encode() for status in Status
}
"""Reason phrase of every registered status code, as the registry spells it."""

_NO_CONTENT: Final = frozenset((*range(100, 200), 204, 304))


def reason_phrase(status: int) -> bytes:
    """The registered reason phrase, or nothing for a code without one (RFC 9112 §4 allows an empty phrase)."""
    return REASONS.get(status, b"")


def has_no_content(status: int) -> bool:
    """Whether a response with this status never has content: 1xx, 204 and 304.  RFC 9110 §6.4.1."""
    return status in _NO_CONTENT
