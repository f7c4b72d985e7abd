# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From file name to Content-Type.  RFC 9110 §8.3 and the IANA Media Types registry.

The table is chosen by hand: what web sites are made of and what people offer for download, under the registered names (JavaScript is
text/javascript, RFC 9239).  Text carries `charset=utf-8`; JSON and its kin do not, since their media types define no such parameter.

Invariants: every value is a well-formed media type; extensions are in lower case without the dot.
Known limits: only the last extension counts, so `a.tar.gz` is gzip.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["CONTENT_TYPES", "DEFAULT_CONTENT_TYPE", "content_type_for"]

DEFAULT_CONTENT_TYPE: Final = b"application/octet-stream"
"""For names without a known extension: a browser offers to save such content and never runs it."""

_TEXT: Final = {
    "asc": "plain", "bat": "plain", "c": "plain", "cc": "plain", "cfg": "plain", "conf": "plain", "cpp": "plain", "css": "css",
    "csv": "csv", "diff": "plain", "go": "plain", "h": "plain", "hpp": "plain", "htm": "html", "html": "html", "ics": "calendar",
    "ifb": "calendar", "ini": "plain", "java": "plain", "js": "javascript", "log": "plain", "markdown": "markdown", "md": "markdown",
    "mjs": "javascript", "patch": "plain", "pl": "plain", "py": "plain", "rb": "plain", "rs": "plain", "sh": "plain", "shtml": "html",
    "srt": "plain", "text": "plain", "toml": "plain", "tsv": "tab-separated-values", "txt": "plain", "vcard": "vcard", "vcf": "vcard",
    "vtt": "vtt",
}  # fmt: skip

_TYPES: Final = {
    "application": {
        "7z": "x-7z-compressed", "apk": "vnd.android.package-archive", "atom": "atom+xml", "bin": "octet-stream", "br": "x-brotli",
        "bz2": "x-bzip2", "cbor": "cbor", "cer": "pkix-cert", "crl": "pkix-crl", "crt": "x-x509-ca-cert",
        "deb": "vnd.debian.binary-package", "der": "x-x509-ca-cert", "dmg": "x-apple-diskimage", "doc": "msword",
        "docx": "vnd.openxmlformats-officedocument.wordprocessingml.document", "dtd": "xml-dtd", "epub": "epub+zip",
        "exe": "octet-stream", "geojson": "geo+json", "gpx": "gpx+xml", "gz": "gzip", "img": "octet-stream", "iso": "octet-stream",
        "jar": "java-archive", "json": "json", "json5": "json5", "jsonld": "ld+json", "kml": "vnd.google-earth.kml+xml",
        "kmz": "vnd.google-earth.kmz", "m3u8": "vnd.apple.mpegurl", "map": "json", "mpd": "dash+xml", "msi": "octet-stream",
        "ndjson": "x-ndjson", "odp": "vnd.oasis.opendocument.presentation", "ods": "vnd.oasis.opendocument.spreadsheet",
        "odt": "vnd.oasis.opendocument.text", "pdf": "pdf", "pem": "x-pem-file", "ppt": "vnd.ms-powerpoint",
        "pptx": "vnd.openxmlformats-officedocument.presentationml.presentation", "ps": "postscript", "rar": "vnd.rar", "rdf": "rdf+xml",
        "rpm": "x-rpm", "rss": "rss+xml", "rtf": "rtf", "sql": "sql", "sqlite": "vnd.sqlite3", "swf": "vnd.adobe.flash.movie",
        "tar": "x-tar", "tgz": "gzip", "torrent": "x-bittorrent", "wasm": "wasm", "webmanifest": "manifest+json", "xht": "xhtml+xml",
        "xhtml": "xhtml+xml", "xls": "vnd.ms-excel", "xlsx": "vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xml": "xml",
        "xsd": "xml", "xsl": "xslt+xml", "xslt": "xslt+xml", "xz": "x-xz", "yaml": "yaml", "yml": "yaml", "zip": "zip", "zst": "zstd",
    },
    "audio": {
        "aac": "aac", "flac": "flac", "m4a": "mp4", "mid": "midi", "midi": "midi", "mp3": "mpeg", "oga": "ogg", "ogg": "ogg",
        "opus": "ogg", "wav": "wav", "weba": "webm",
    },
    "font": {"otf": "otf", "sfnt": "sfnt", "ttc": "collection", "ttf": "ttf", "woff": "woff", "woff2": "woff2"},
    "image": {
        "apng": "apng", "avif": "avif", "bmp": "bmp", "gif": "gif", "heic": "heic", "heif": "heif", "ico": "vnd.microsoft.icon",
        "jfif": "jpeg", "jpeg": "jpeg", "jpg": "jpeg", "jxl": "jxl", "png": "png", "svg": "svg+xml", "tif": "tiff", "tiff": "tiff",
        "webp": "webp",
    },
    "model": {"glb": "gltf-binary", "gltf": "gltf+json", "stl": "stl"},
    "video": {
        "3gp": "3gpp", "avi": "vnd.avi", "m4v": "mp4", "mkv": "matroska", "mov": "quicktime", "mp4": "mp4", "mpeg": "mpeg",
        "mpg": "mpeg", "ogv": "ogg", "ts": "mp2t", "webm": "webm",
    },
}  # fmt: skip

CONTENT_TYPES: Final[Mapping[str, bytes]] = {
    **{extension: f"text/{subtype}; charset=utf-8".encode() for extension, subtype in _TEXT.items()},
    **{extension: f"{kind}/{subtype}".encode() for kind, names in _TYPES.items() for extension, subtype in names.items()},
}
"""Content type by extension, in lower case and without the dot.  To add to it, pass `{**CONTENT_TYPES, "x": b"…"}` on."""


def content_type_for(filename: str, types: Mapping[str, bytes] = CONTENT_TYPES, default: bytes = DEFAULT_CONTENT_TYPE) -> bytes:
    """The Content-Type of a file by the last extension of its name.  RFC 9110 §8.3.

    Args:
      filename:  a name or a path with "/"; the extension is compared without regard to case.
      types:     the table, extensions in lower case without the dot.
      default:   for a name without an extension, or with one that the table does not have.
    """
    stem, dot, extension = filename.rpartition(".")
    if not dot or not stem or stem[-1] == "/":
        return default
    found = types.get(extension)
    return found if found is not None else types.get(extension.lower(), default)
