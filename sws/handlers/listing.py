# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A directory as a page for people, or as JSON for programs (`Accept: application/json`).

Names that are not UTF-8 are left out: no request could name them.
"""

from __future__ import annotations

import html
import json
import os
import re
import stat
import time
from collections.abc import Iterable, Sequence
from typing import Final

from sws.base.errors import DecodeError, LimitExceeded
from sws.exchange.pages import STYLE
from sws.proto.http.fields import parse_accept_list
from sws.proto.http.url import percent_encode

__all__ = ["ENTRIES_MAXIMUM", "listing_json", "listing_page", "wants_json"]

ENTRIES_MAXIMUM: Final = 10000
_UNSPEAKABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")  # what proto.http.target refuses in a path
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_TABLE_STYLE: Final = (
    "body{margin-top:4rem}table{border-collapse:collapse;width:100%}td,th{padding:.35rem .6rem;text-align:left;"
    "border-bottom:1px solid #99a4}"
    "td:nth-child(n+2),th:nth-child(n+2){text-align:right;white-space:nowrap;color:#889;font-variant-numeric:tabular-nums}"
    "th{font-weight:600;color:#889}a{text-decoration:none}a:hover{text-decoration:underline}h1 a{color:inherit}"
    "td:first-child,h1{overflow-wrap:anywhere}@media(max-width:36rem){td:nth-child(3),th:nth-child(3){display:none}}"
)


def _size(octets: int) -> str:
    value = float(octets)
    for unit in _UNITS[:-1]:
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} {_UNITS[-1]}"


def _when(seconds: float, form: str) -> str:
    try:
        return time.strftime(form, time.gmtime(seconds))
    except (OSError, OverflowError, ValueError):
        return ""  # a time that no calendar has


def _row(name: str, status: os.stat_result) -> str:
    is_directory = stat.S_ISDIR(status.st_mode)
    shown = html.escape(name + "/" * is_directory)
    # "./" keeps a name such as "javascript:x" from being read as a scheme
    link = html.escape("./" + percent_encode(name.encode()).decode("ascii") + "/" * is_directory)
    when = _when(status.st_mtime, "%Y-%m-%d %H:%M")
    return f'<tr><td><a href="{link}">{shown}</a></td><td>{"" if is_directory else _size(status.st_size)}</td><td>{when}</td></tr>'


def _heading(segments: Sequence[str]) -> str:
    """The path with a link to each folder above."""
    parts = []
    for index, segment in enumerate(segments):
        up = "../" * (len(segments) - 1 - index) or "./"
        parts.append(f'<a href="{up}">{html.escape(segment)}</a>')
    home = "../" * len(segments) or "./"
    return f'<a href="{home}">/</a> ' + " / ".join(parts)


def _shown(entries: Iterable[tuple[str, os.stat_result]], hidden: bool) -> list[tuple[str, os.stat_result]]:
    """Folders first, then files, by name; nothing else, nothing hidden, no name that a request could not have."""
    found = [
        (not stat.S_ISDIR(status.st_mode), name.casefold(), name, status)
        for name, status in entries
        if (hidden or not name.startswith("."))
        and (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode))
        and not _UNSPEAKABLE.search(name)
    ]
    found.sort(key=lambda entry: entry[:3])
    return [(name, status) for _, _, name, status in found]


def wants_json(accept: bytes | None) -> bool:
    """Whether JSON is named and weighs more than HTML.  RFC 9110 §12.5.1."""
    if accept is None:
        return False
    try:
        weights = {media_range.lower(): weight for media_range, _, weight in parse_accept_list(accept)}
    except (DecodeError, LimitExceeded):
        return False
    html_weight = weights.get(b"text/html", weights.get(b"text/*", 0))
    return weights.get(b"application/json", 0) > html_weight


def listing_json(entries: Iterable[tuple[str, os.stat_result]], segments: Sequence[str], hidden: bool) -> bytes:
    """{"path", "entries": [{"name", "type": "directory" | "file", "size", "modified"}]}; times are UTC in the form of RFC 3339."""
    rows = [
        {
            "name": name,
            "type": "directory" if stat.S_ISDIR(status.st_mode) else "file",
            "size": None if stat.S_ISDIR(status.st_mode) else status.st_size,
            "modified": _when(status.st_mtime, "%Y-%m-%dT%H:%M:%SZ") or None,
        }
        for name, status in _shown(entries, hidden)
    ]
    return json.dumps({"path": "/" + "".join(f"{segment}/" for segment in segments), "entries": rows}).encode("ascii")


def listing_page(entries: Iterable[tuple[str, os.stat_result]], segments: Sequence[str], hidden: bool) -> bytes:
    """The page: folders first, then files, by name.

    Args:
      entries:   names and their status; what is neither file nor folder is left out.
      segments:  the directory's own path.
      hidden:    whether to show names that begin with a dot.
    """
    shown = _shown(entries, hidden)
    rows = [_row(name, status) for name, status in shown]
    if segments:
        rows.insert(0, '<tr><td><a href="../">../</a></td><td></td><td></td></tr>')
    title = html.escape("/" + "/".join(segments))
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
        f"<style>{STYLE}{_TABLE_STYLE}</style><h1>{_heading(segments)}</h1>"
        f"<table><thead><tr><th>Name</th><th>Size</th><th>Changed (UTC)</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f"<hr><small>{len(shown)} {'entry' if len(shown) == 1 else 'entries'} · sws</small></html>\n"
    )
    return page.encode("utf-8", "replace")
