# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading configuration files, and putting `include` in its place.

`include: path`, or a list of paths, may stand in any mapping.  The mappings of the named files are laid below the keys written beside
it: a written key wins over an included one, a later file of the list over an earlier one; nested mappings merge key by key; lists and
single values replace.  A path is relative to the file that names it.  A path with `*`, `?` or `[` is a pattern: its matches are read
in alphabetical order and there may be none.

Bounds: `MAX_OCTETS` a file, `MAX_FILES` files, `MAX_CHAIN` includes in a chain.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from typing import Final, final

from sws.base.errors import ConfigError
from sws.config.nodes import Budget, Entry, Listing, Mapping, Place, Scalar, Value, parse_yaml

__all__ = ["INCLUDE", "MAX_CHAIN", "MAX_FILES", "MAX_OCTETS", "FileReader"]

INCLUDE: Final = "include"
MAX_OCTETS: Final = 1 << 20
MAX_FILES: Final = 256
MAX_CHAIN: Final = 8


@final
@dataclass(slots=True)
class FileReader:
    """Reads the files of one configuration.

    Args:
      environment:  what `${NAME}` is taken from.
    """

    environment: MappingType[str, str]
    _budget: Budget = field(default_factory=Budget)
    _files: int = 0

    def read(self, path: str, directory: str) -> Mapping:
        """A file with its includes.

        Args:
          path:       the file.
          directory:  what its relative paths start from.
        Raises: ConfigError.
        """
        return self.parse(_decode(_read_octets(path, None), path), path, directory)

    def parse(self, text: str, file: str, directory: str) -> Mapping:
        """A text with its includes.  Raises: ConfigError."""
        return self._parse(text, Place(file, 1, directory), (file,), 0)

    def _parse(self, text: str, place: Place, chain: tuple[str, ...], depth: int) -> Mapping:
        """As `parse`; the chain has the files that led here, outermost first."""
        value = parse_yaml(text, place, self.environment, self._budget, depth)
        if value is None or _is_null(value):
            return Mapping(place, {})
        if not isinstance(value, Mapping):
            raise value.place.error("a configuration file is a mapping of keys, as in server: {...}")
        return self._resolve_mapping(value, chain, depth)

    def _resolve(self, value: Value, chain: tuple[str, ...], depth: int) -> Value:
        if isinstance(value, Mapping):
            return self._resolve_mapping(value, chain, depth)
        if isinstance(value, Listing):
            return Listing(value.place, tuple(self._resolve(item, chain, depth + 1) for item in value.items))
        return value

    def _resolve_mapping(self, mapping: Mapping, chain: tuple[str, ...], depth: int) -> Mapping:
        entries = {
            key: Entry(entry.place, self._resolve(entry.value, chain, depth + 1))
            for key, entry in mapping.entries.items()
            if key != INCLUDE
        }
        written = Mapping(mapping.place, entries)
        include = mapping.entries.get(INCLUDE)
        if include is None:
            return written
        below = Mapping(mapping.place, {})
        for name in _names(include):
            for path in _paths(name):
                below = _merged(below, self._included(path, name.place, chain, depth))
        return _merged(below, written)

    def _included(self, path: str, place: Place, chain: tuple[str, ...], depth: int) -> Mapping:
        shown = " -> ".join((*chain, path))
        if os.path.realpath(path) in {os.path.realpath(file) for file in chain}:
            raise place.error(f"the files include each other in a circle: {shown}", INCLUDE)
        if len(chain) > MAX_CHAIN:
            raise place.error(f"more than {MAX_CHAIN} includes in a chain: {shown}", INCLUDE)
        self._files += 1
        if self._files > MAX_FILES:
            raise place.error(f"more than {MAX_FILES} files are included: {shown}", INCLUDE)
        text = _decode(_read_octets(path, place), path)
        return self._parse(text, Place(path, 1, os.path.dirname(path) or "."), (*chain, path), depth)


def _is_null(value: Value) -> bool:
    return isinstance(value, Scalar) and value.is_plain and value.text in ("", "~", "null", "Null", "NULL")


def _names(include: Entry) -> list[Scalar]:
    value = include.value
    items = value.items if isinstance(value, Listing) else (value,)
    names = [item for item in items if isinstance(item, Scalar) and item.text]
    if len(names) != len(items):
        raise include.place.error("include takes a path or a list of paths", INCLUDE)
    return names


def _paths(name: Scalar) -> list[str]:
    """The files that a path or pattern stands for."""
    directory = name.place.directory
    found = sorted(glob.glob(name.text, root_dir=directory)) if glob.has_magic(name.text) else [name.text]
    return [path if directory in ("", ".") else os.path.join(directory, path) for path in found]


def _merged(below: Mapping, above: Mapping) -> Mapping:
    entries = dict(below.entries)
    for key, entry in above.entries.items():
        under = entries.get(key)
        if under is not None and isinstance(under.value, Mapping) and isinstance(entry.value, Mapping):
            entries[key] = Entry(entry.place, _merged(under.value, entry.value))
        else:
            entries[key] = entry
    return Mapping(above.place, entries)


def _read_octets(path: str, place: Place | None) -> bytes:
    try:
        with open(path, "rb") as stream:
            octets = stream.read(MAX_OCTETS + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "not a file name"
        if place is None:
            raise ConfigError(f"the configuration cannot be read: {reason}", file=path) from None
        raise place.error(f"{path} cannot be read: {reason}", INCLUDE) from None
    if len(octets) > MAX_OCTETS:
        raise ConfigError(f"the file is larger than {MAX_OCTETS} octets", file=path)
    return octets


def _decode(octets: bytes, path: str) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("the file is not UTF-8", file=path, line=octets.count(b"\n", 0, error.start) + 1) from None
