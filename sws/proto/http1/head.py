# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Message heads: accept quickly, explain slowly.  RFC 9112 §2 to §5.

A field section is split at LF and each line, its CR at the end, looked at by itself, in up to three ways, the quickest first:

- A client sends most lines again and again, like `Accept: */*`.  `_lines` maps each one met before, whole, to its field; a line gets in
  there only after the grammar accepted it, and only if its name is one of `_REPEATED`: values that are secrets (cookies,
  credentials) are not kept.
- `_names` maps each name met before, as it was spelled, to lower case; here too the grammar came first, so that one look-up both
  checks and lowers it.  Then a value without control characters is right.
- `_FIELD` is the grammar itself.  If it does not match, `_explain_fields` finds the status and the reason and may be slow, because the
  connection ends with it.

Refused here, among others, because another recipient could read it differently (§11.2): bare CR or LF, obs-fold (§5.2), white space
before the colon (§5.1), white space before the first field (§2.2), doubled spaces in the start line (§3), control characters and NUL.
"""

from __future__ import annotations

import re
from typing import Final

from sws.base.engine import Field
from sws.base.errors import Http1Error

__all__ = ["check_partial_head", "parse_fields", "parse_lines", "parse_request_line", "parse_status_line", "unfold"]

_TCHAR: Final = rb"!#$%&'*+\-.^_`|~0-9A-Za-z"
#: 0 for what a field value may consist of, 1 for control characters.
_CONTROLS: Final = bytes(octet != 9 and (octet < 32 or octet == 127) for octet in range(256))
_NAMES_MAXIMUM: Final = 1024
_NAME_LENGTH: Final = 64
_LINES_MAXIMUM: Final = 1024
_LINE_LENGTH: Final = 320
_FIELD: Final = re.compile(rb"([" + _TCHAR + rb"]+): ?([^\x00-\x08\x0a-\x1f\x7f]*)\r")
_REQUEST_LINE: Final = re.compile(rb"([" + _TCHAR + rb"]+) ([\x21-\x7e]+) HTTP/1\.([0-9])")
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([0-9]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?")
_VERSION: Final = re.compile(rb"HTTP/[0-9]\.[0-9]")
_TOKEN: Final = re.compile(rb"[" + _TCHAR + rb"]+")
_BARE: Final = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")
_METHOD_START: Final = re.compile(rb"[" + _TCHAR + rb"]*")
_FOLD: Final = re.compile(rb"\r\n[ \t]+")  # white space before it may stay: to look for that as well would be quadratic
_SPACE_BEFORE_COLON: Final = re.compile(rb"^([" + _TCHAR + rb"]+)[ \t]+:", re.MULTILINE)

# The usual names, lower and capitalised, are known from the start, so that junk sent first cannot push them onto the slow path.
_USUAL_NAMES: Final = (
    b"accept accept-encoding accept-language access-control-request-headers access-control-request-method authorization cache-control "
    b"connection content-encoding content-length content-type cookie date dnt expect forwarded from host if-match if-modified-since "
    b"if-none-match if-range if-unmodified-since keep-alive origin pragma priority proxy-authorization range referer sec-ch-ua "
    b"sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user te traceparent tracestate trailer "
    b"transfer-encoding upgrade upgrade-insecure-requests user-agent via x-forwarded-for x-forwarded-host x-forwarded-proto "
    b"x-real-ip x-requested-with"
).split()
_names: dict[bytes, bytes] = {spelled: name for name in _USUAL_NAMES for spelled in (name, name.title())}
#: Fields whose lines come again in the next request, and are no secret.
_REPEATED: Final = frozenset(
    b"accept accept-encoding accept-language cache-control connection dnt forwarded host keep-alive origin pragma priority sec-ch-ua "
    b"sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user te upgrade-insecure-requests "
    b"user-agent via x-forwarded-host x-forwarded-proto x-requested-with".split()
)
_lines: dict[bytes, Field] = {}


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
    lines = section.split(b"\n")
    lines.pop()
    if len(lines) > maximum:
        raise _explain_fields(section, status) if section.count(b"\r\n") != len(lines) else Http1Error(431, "too many fields")
    try:
        return parse_lines(lines)
    except ValueError:
        raise _explain_fields(section, status) from None


def parse_lines(lines: list[bytes]) -> list[Field]:
    """Field lines, each with the CR of its end.  Raises: ValueError if one is malformed."""
    known = _lines.get
    return [known(line) or _parse_field(line) for line in lines]


def _parse_field(line: bytes) -> Field:
    """A field line that is not known as a whole.  Raises: ValueError."""
    name, _, value = line.partition(b": ")
    lower = _names.get(name)
    # The only control character is the CR at the end; else, or with a new name or no space behind the colon, look closer.
    if lower is None or not value.endswith(b"\r") or value.translate(_CONTROLS).find(1) != len(value) - 1:
        lower, value = _parse_slowly(line)
    field = (lower, value.strip())  # of white space only SP, HTAB and the CR can be there, as §5.1 wants
    if lower in _REPEATED and len(line) <= _LINE_LENGTH:
        if len(_lines) >= _LINES_MAXIMUM:  # whoever fills it with junk costs others one slower request
            _lines.clear()
        _lines[line] = field
    return field


def _parse_slowly(line: bytes) -> Field:
    """Accepts exactly the grammar, and learns names."""
    match = _FIELD.fullmatch(line)
    if match is None:
        raise ValueError
    name, value = match.groups()
    lower = name.lower()
    if len(_names) < _NAMES_MAXIMUM and len(name) <= _NAME_LENGTH:
        _names[name] = lower
    return lower, value


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
