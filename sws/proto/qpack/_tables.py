# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What RFC 9204 prints: the static table (Appendix A), as runs of one name and its values."""

from __future__ import annotations

from typing import Final

from sws.base.engine import Field

__all__ = ["ENTRY_OVERHEAD", "NAME_INDEX", "STATIC_INDEX", "STATIC_TABLE"]

ENTRY_OVERHEAD: Final = 32
"""What an entry counts for beside its octets.  RFC 9204 §3.2.1."""

_RUNS: Final = """
:authority=
:path=/
age=0
content-disposition=
content-length=0
cookie=
date=
etag=
if-modified-since=
if-none-match=
last-modified=
link=
location=
referer=
set-cookie=
:method=CONNECT|DELETE|GET|HEAD|OPTIONS|POST|PUT
:scheme=http|https
:status=103|200|304|404|503
accept=*/*|application/dns-message
accept-encoding=gzip, deflate, br
accept-ranges=bytes
access-control-allow-headers=cache-control|content-type
access-control-allow-origin=*
cache-control=max-age=0|max-age=2592000|max-age=604800|no-cache|no-store|public, max-age=31536000
content-encoding=br|gzip
content-type=application/dns-message|application/javascript|application/json|application/x-www-form-urlencoded
content-type=image/gif|image/jpeg|image/png|text/css|text/html; charset=utf-8|text/plain|text/plain;charset=utf-8
range=bytes=0-
strict-transport-security=max-age=31536000|max-age=31536000; includesubdomains|max-age=31536000; includesubdomains; preload
vary=accept-encoding|origin
x-content-type-options=nosniff
x-xss-protection=1; mode=block
:status=100|204|206|302|400|403|421|425|500
accept-language=
access-control-allow-credentials=FALSE|TRUE
access-control-allow-headers=*
access-control-allow-methods=get|get, post, options|options
access-control-expose-headers=content-length
access-control-request-headers=content-type
access-control-request-method=get|post
alt-svc=clear
authorization=
content-security-policy=script-src 'none'; object-src 'none'; base-uri 'none'
early-data=1
expect-ct=
forwarded=
if-range=
origin=
purpose=prefetch
server=
timing-allow-origin=*
upgrade-insecure-requests=1
user-agent=
x-forwarded-for=
x-frame-options=deny|sameorigin
"""

#: Index -> field.
STATIC_TABLE: Final[tuple[Field, ...]] = tuple(
    (name.encode(), value.encode())
    for name, _, values in (run.partition("=") for run in _RUNS.strip().split("\n"))
    for value in values.split("|")
)
#: Field -> index.
STATIC_INDEX: Final[dict[Field, int]] = {field: index for index, field in enumerate(STATIC_TABLE)}
#: Name -> the first index that has it.
NAME_INDEX: Final[dict[bytes, int]] = {name: index for index, (name, _) in reversed(list(enumerate(STATIC_TABLE)))}
