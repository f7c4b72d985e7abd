# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A folder with canaries around it, and a grammar of request targets that try to reach them.

    target     = form path [ tail ]                         form: origin, absolute, network path, none at all …
    path       = 1*8( separator component )
    separator  = "/" in all its disguises: encoded once and twice, backslash, overlong, full width, empty segment, "/./" …
    component  = a name of the tree, an upward step, or a name from outside; then mutated: encoded per octet, encoded twice, overlong,
                 other case, NFD, NUL and other controls appended, dots and spaces of Windows, streams, zero-width octets …

Everything comes from one `random.Random`, so a number names a target for ever.
"""

from __future__ import annotations

import os
import pathlib
import random
import unicodedata
from collections.abc import Callable
from typing import Final, final

__all__ = ["CANARY", "TargetGrammar", "make_trapped_tree"]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CANARY: Final = b"CANARY-MUST-NOT-LEAVE"

_DIRECTORIES: Final = ("a", "a/b", "a/b/c", "idx", "grüße", ".well-known", ".git", "we ird")
_FILES: Final = (
    "f",
    "f.txt",
    "a/f",
    "a/b/f.html",
    "a/b/c/deep",
    "idx/x",
    "grüße/ä.txt",
    ".well-known/acme",
    "Readme.TXT",
    "we ird/100%.txt",
)
#: Links below the root: (name, target).  Those of `_INNER` stay inside by way of "..", the others must not be followed.
_INNER: Final = (("in", "a/f"), ("a/b/back", "../../f.txt"), ("a/b/c/home", "../.."), ("chain", "chain2"), ("chain2", "a/b"))
_OUTER: Final = (
    ("out", "../secret"),
    ("up", ".."),
    ("a/up3", "../../.."),
    ("slow", "chain/../../../secret"),
    ("gone", "nothing/../../secret"),
    ("beside", "../www-other"),
    ("loop", "loop"),
    ("loop1", "loop2/x"),
    ("loop2", "loop1"),
    ("proc", "/proc/self/root"),
    ("top", "/"),
    ("idx/index.html", "../../secret"),
    ("f.txt.gz", "../secret"),
    ("noext.html", "../secret"),
)
_OUTSIDE_NAMES: Final = (
    "secret",
    "www",
    "www-other",
    "www-other/secret",
    "etc/passwd",
    "etc",
    "passwd",
    "proc/self/environ",
    "proc/self/cwd/secret",
)
_UP: Final = _words(r"""
    .. .. .. %2e%2e %2E%2e .%2e %2e. %252e%252e %252e. %25%32%65%25%32%65 %c0%ae%c0%ae %c0%2e%c0%2e %e0%80%ae%e0%80%ae
    %f0%80%80%ae%f0%80%80%ae %fc%80%80%80%80%ae %ef%bc%8e%ef%bc%8e %e2%80%a5 %e2%80%a6 %u002e%u002e %uff0e%uff0e ..%00 %00.. .%00.
    ..%01 ..%09 ..%0d%0a ..%20 ..; ..;x=y ... .... ..::$DATA ..%5c ..%5c.. ..%2f ..%2f.. %2e%2e%2f ..\ ..\.. %%32e%%32e ..%c2%85
    .%e2%80%8b. ..%ef%bb%bf ~ ~root . %2e
""") + ("",)
_SEPARATORS: Final = _words(r"""
    // /// /./ /%2e/ %2f %2F %252f %25%32%66 \ %5c %5C %255c %c0%af %c0%2f %e0%80%af %f0%80%80%af %c1%9c %ef%bc%8f %e2%88%95
    %e2%81%84 %ef%bc%bc ;/ %00/ /%00 %20/ ?/ #/ %3f/ %23/ /x/../ \/ /\
""")
_PREFIXES: Final = _words(r"""
    http://a.example http://a.example:80 HTTP://A.EXAMPLE http:// http: http:/// file:// file:///.. ftp://a.example
    http://a.example@b http://a.example\ //a.example /// . .. \ * a.example:80 ? # %2f %2e%2e C: /C: /file:// /%5c%5c
    /http://a.example
""") + ("",)
_TAILS: Final = _words(r"""
    ? ?/../../secret # #/../secret / // /. /.. /%2e%2e %00 %00.html . .. %20 ::$DATA ;x ~1 \ % %2 %zz
""")
_ENDS: Final = _words(r"""
    %00 %00.txt %0a %7f . .. %20 %20. ::$DATA :x ~1 %e2%80%8b %ef%bb%bf %cc%88 ;a %c2%a0 .html .gz / %ff
""")


def make_trapped_tree(folder: pathlib.Path) -> pathlib.Path:
    """Fill a folder with canaries and, in the midst, a root.  Returns: the root."""
    root = folder / "www"
    for name in _DIRECTORIES:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        (root / name).write_bytes(b"inside " + name.encode())
    (root / ".git" / "config").write_bytes(CANARY)  # inside, and hidden
    (folder / "www-other").mkdir()
    for name in ("secret", "passwd", "f", "f.txt", "index.html", "www-other/secret", "www-other/f", "a"):
        (folder / name).write_bytes(CANARY)
    for name, target in (*_INNER, *_OUTER, ("abs", str(root / "f")), ("absout", str(folder / "secret")), ("absdir", str(folder))):
        (root / name).symlink_to(target)
    os.mkfifo(root / "fifo")
    return root


def _encode(text: str) -> str:
    """What a client that knows its grammar sends."""
    return "".join(
        chr(octet) if octet < 128 and (chr(octet).isalnum() or octet in b"/.-_~") else f"%{octet:02x}" for octet in text.encode()
    )


_NAMES: Final = tuple(
    _encode(name)
    for name in (
        *_DIRECTORIES,
        *_FILES,
        *(link for link, _ in (*_INNER, *_OUTER)),
        "abs",
        "absout",
        "absdir",
        "fifo",
        ".git/config",
        "noext",
        "nothing",
    )
)
_OUTSIDE: Final = tuple(map(_encode, _OUTSIDE_NAMES))


@final
class TargetGrammar:
    """Targets without end.

    Args:
      seed:  the same seed gives the same targets.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._mutations: tuple[Callable[[str], str], ...] = (
            self._escape_some,
            self._escape_twice,
            self._escape_thrice,
            self._overlong,
            self._other_case,
            self._decompose,
            self._end,
            self._half_escape,
        )

    def target(self) -> bytes:
        """One request target: anything that a request line can hold between its two spaces."""
        choose = self._random.random
        text = self._random.choice(_PREFIXES) if choose() < 0.15 else ""
        for _ in range(self._random.randint(1, 8) if choose() < 0.7 else 1):
            text += "/" if choose() < 0.85 else self._random.choice(_SEPARATORS)
            text += self._component()
        if choose() < 0.2:
            text += self._random.choice(_TAILS)
        raw = text.encode("utf-8", "surrogateescape")
        return raw.translate(None, b" \r\n\0") or b"/"

    def _component(self) -> str:
        kind = self._random.random()
        if kind < 0.35:
            text = self._random.choice(_UP)
        elif kind < 0.8:
            text = self._random.choice(_NAMES)
        else:
            text = self._random.choice(_OUTSIDE)
        while self._random.random() < 0.12:
            text = self._random.choice(self._mutations)(text)
        return text

    # --- mutations: text in its sent form, to text in its sent form ------------------------------------------------

    def _escape_some(self, text: str) -> str:
        return "".join(f"%{ord(c):02x}" if ord(c) < 128 and c != "%" and self._random.random() < 0.5 else c for c in text)

    def _escape_twice(self, text: str) -> str:
        return self._escape_some(text).replace("%", "%25")

    def _escape_thrice(self, text: str) -> str:
        return self._escape_twice(text).replace("%", "%25")

    def _overlong(self, text: str) -> str:
        if not text:
            return text
        place = self._random.randrange(len(text))
        octet = ord(text[place]) & 0x7F
        wide = (bytes((0xC0 | octet >> 6, 0x80 | octet & 63)), bytes((0xE0, 0x80 | octet >> 6, 0x80 | octet & 63)))
        return text[:place] + "".join(f"%{o:02x}" for o in self._random.choice(wide)) + text[place + 1 :]

    def _other_case(self, text: str) -> str:
        return self._random.choice((text.upper(), text.lower(), text.title(), text.swapcase()))

    def _decompose(self, text: str) -> str:
        """Another Unicode form of what the escapes spell; or full-width letters."""
        if self._random.random() < 0.5:
            return "".join(_encode(chr(ord(c) + 0xFEE0)) if 0x21 <= ord(c) < 0x7F and c != "%" else c for c in text)
        octets = bytearray()
        pieces = text.split("%")
        octets += pieces[0].encode("utf-8", "surrogateescape")
        for piece in pieces[1:]:
            try:
                octets += bytes.fromhex(piece[:2]) + piece[2:].encode("utf-8", "surrogateescape")
            except ValueError:
                return text
        return _encode(unicodedata.normalize(self._random.choice(("NFD", "NFKC")), octets.decode("utf-8", "replace")))

    def _end(self, text: str) -> str:
        return text + self._random.choice(_ENDS)

    def _half_escape(self, text: str) -> str:
        place = self._random.randint(0, len(text))
        return text[:place] + self._random.choice(("%", "%2", "%g0", "%u0", "\x80", "\xff", "\t", "\x7f")) + text[place:]
