# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Message heads: accept quickly, explain slowly.  RFC 9112 §2 to §5.

The quick path is two regular expressions that match only what the grammar allows.  `_FIELD` matches one whole field line from line
start to CRLF and can match no `\\n` but its last octet; so a field section is well-formed exactly when it has as many
matches as it has `\\n`.  Anything else goes to `explain_*`, which reads line by line to find the status and the reason, and which may be
slow because the connection ends with it.

Refused here, among others, because another recipient could read it differently (§11.2): bare CR or LF, obs-fold (§5.2), white space
before the colon (§5.1), white space before the first field (§2.2), doubled spaces in the start line (§3), control characters and NUL.
"""

from __future__ import annotations

import re
from typing import Final

from sws.base.engine import Field
from sws.base.errors import Http1Error

__all__ = ["check_partial_head", "parse_fields", "parse_request_line", "parse_status_line", "unfold"]

_TCHAR: Final = rb"!#$%&'*+\-.^_`|~0-9A-Za-z"
_FIELD: Final = re.compile(rb"^([" + _TCHAR + rb"]+): ?([^\x00-\x08\x0a-\x1f\x7f]*)\r\n", re.MULTILINE)
_REQUEST_LINE: Final = re.compile(rb"([" + _TCHAR + rb"]+) ([\x21-\x7e]+) HTTP/1\.([0-9])")
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([0-9]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?")
_VERSION: Final = re.compile(rb"HTTP/[0-9]\.[0-9]")
_TOKEN: Final = re.compile(rb"[" + _TCHAR + rb"]+")
_BARE: Final = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")
_METHOD_START: Final = re.compile(rb"[" + _TCHAR + rb"]*")
_FOLD: Final = re.compile(rb"[ \t]*\r\n[ \t]+")
_SPACE_BEFORE_COLON: Final = re.compile(rb"^([" + _TCHAR + rb"]+)[ \t]+:", re.MULTILINE)


def parse_request_line(line: bytes) -> tuple[bytes, bytes, int]:
    """The request line, without its CRLF.  RFC 9112 §3.

    Returns: method, request-target, version (10 or 11; a higher minor version is treated as 1.1, RFC 9110 §2.5).
    Raises:  Http1Error 400 or 505.
    """
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise _explain_request_line(line)
    method, target, minor = match.groups()
    return method, target, 10 if minor == b"0" else 11


def _explain_request_line(line: bytes) -> Http1Error:
    parts = line.split(b" ")
    if _BARE.search(line) or b"\r" in line:
        return Http1Error(400, "bare CR or LF in the request line")
    if not _TOKEN.fullmatch(parts[0]):
        return Http1Error(400, "the method is not a token")
    if len(parts) == 3 and parts[1] and _VERSION.fullmatch(parts[2]):
        if parts[2][5:6] != b"1":
            return Http1Error(505, "HTTP version not supported")
        return Http1Error(400, "octets in the request-target that a URI cannot have")
    if len(parts) == 2:
        return Http1Error(400, "a request line without version")
    return Http1Error(400, "malformed request line")


def parse_status_line(line: bytes) -> tuple[int, int, bytes]:
    """The status line, without its CRLF.  RFC 9112 §4.

    Returns: version, status code, reason phrase.
    Raises:  Http1Error 502.
    """
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise Http1Error(502, "malformed status line")
    minor, status, reason = match.groups()
    return 10 if minor == b"0" else 11, int(status), reason or b""


def parse_fields(section: bytes, maximum: int, status: int = 400) -> list[Field]:
    """A field section: field lines, each with its CRLF, without the empty line.  RFC 9112 §5.

    Args:
      maximum:  how many fields there may be.
      status:   of the error for a malformed line.
    Returns: (name in lower case, value without surrounding white space) in order.
    Raises:  Http1Error `status` or 431.
    """
    found = _FIELD.findall(section)
    if len(found) != section.count(b"\n"):
        raise _explain_fields(section, status)
    if len(found) > maximum:
        raise Http1Error(431, "too many fields")
    if b"  " in section or b"\t" in section or b" \r\n" in section:
        return [(name.lower(), value.strip(b" \t")) for name, value in found]
    return [(name.lower(), value) for name, value in found]


def _explain_fields(section: bytes, status: int) -> Http1Error:
    if _BARE.search(section):
        return Http1Error(status, "bare CR or LF in a field line")
    for line in section.split(b"\r\n")[:-1]:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t"):
            return Http1Error(status, "a field line that begins with white space (obs-fold)")
        if not colon:
            return Http1Error(status, "a field line without a colon")
        if name != name.rstrip(b" \t"):
            return Http1Error(status, "white space before the colon of a field")
        if not _TOKEN.fullmatch(name):
            return Http1Error(status, "a field name that is not a token")
        if re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", value):
            return Http1Error(status, "a control character in a field value")
    return Http1Error(status, "malformed field section")


def unfold(section: bytes) -> bytes:
    """A response's field section made strict: white space before a colon goes (§5.1), folds become one space (§5.2).

    In this order, so that a fold between a name and its colon, which is in no grammar, stays refused.
    """
    if section[:1] in (b" ", b"\t"):
        return section
    return _FOLD.sub(b" ", _SPACE_BEFORE_COLON.sub(rb"\1:", section))


def check_partial_head(part: bytes | bytearray, start: int, limits_line: int, limits_head: int) -> None:
    """Refuse a head that is not complete yet when nothing that follows could mend it.

    Of several faults the one that showed first is raised, so that the same octets give the same status however they were cut.
    Args:
      part:   what has arrived; `start` is where the octets begin that were not checked before.
    Raises: Http1Error 400, 414 or 431.
    """
    bare = _BARE.search(part, max(0, start - 1))
    line_end = part.find(b"\r\n", 0, limits_line + 2)
    bound = limits_line + 2 if line_end < 0 else line_end + limits_head + 4
    method = _METHOD_START.match(part)
    method_end = 0 if method is None else method.end()
    in_method = method_end == len(part) or (method_end > 0 and part[method_end] == 0x20)
    if bare is None and len(part) < bound and in_method:
        return
    faults: list[tuple[int, int, str]] = []  # octets after which it shows, status, reason
    if bare is not None:
        faults.append((bare.end() + (bare[0] == b"\r"), 400, "bare CR or LF in the head"))
    if not in_method:
        faults.append((method_end + 1, 400, "the method is not a token"))
    if len(part) >= bound:
        faults.append((bound, 414, "the request line is too long") if line_end < 0 else (bound, 431, "the field section is too large"))
    _, status, reason = min(faults)
    raise Http1Error(status, reason)
