# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading a configuration: file or text -> `Config`, or one `ConfigError` that says file, line, key and what would be right.

    text --nodes--> tree --include--> one tree --convert--> dataclasses --checks--> Config

Relative paths in a file start from that file's folder, so that a configuration means the same wherever the server is started; those
of command-line flags (`override`) start from the current folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping as MappingType
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from sws.base.errors import ConfigError, UsageError
from sws.config.checks import check, check_paths
from sws.config.convert import Converter, check_built, unknown_key
from sws.config.include import FileReader
from sws.config.keys import keys_of
from sws.config.model import Config
from sws.config.nodes import Entry, Listing, Mapping, Place, Scalar, Value, has_control

__all__ = ["SEARCHED", "check_paths", "find_config", "load_config", "override", "parse_config"]

#: Where a configuration is looked for when none is named.
SEARCHED: Final = ("./sws.yaml", "/etc/sws/sws.yaml")

_NOWHERE: Final = Place(None, None, ".")


def load_config(path: str, *, environment: MappingType[str, str] | None = None) -> Config:
    """The configuration in a file.

    Args:
      path:         of a YAML file.
      environment:  what `${NAME}` is taken from; None is the process's own.
    Raises: ConfigError.
    """
    directory = os.path.dirname(os.path.abspath(path))
    reader = FileReader(os.environ if environment is None else environment)
    return _checked(reader.read(path, directory), directory)


def parse_config(text: str, *, file: str = "<config>", directory: str = ".", environment: MappingType[str, str] | None = None) -> Config:
    """The configuration in a text.

    Args:
      file:         how errors name the text.
      directory:    what relative paths in it start from; "." leaves them as they are.
      environment:  as for `load_config`.
    Raises: ConfigError.
    """
    reader = FileReader(os.environ if environment is None else environment)
    return _checked(reader.parse(text, file, directory), directory)


def find_config() -> str | None:
    """The first of `SEARCHED` that is there."""
    return next((path for path in SEARCHED if os.path.exists(path)), None)


def override(config: Config, changes: MappingType[str, object]) -> Config:
    """A configuration with some keys replaced, as command-line flags do.

    Args:
      changes:  path -> value, as in {"server.worker.processes": 2}; strings are read as in a file, so "30s" is a duration.
    Raises: ConfigError, without file and line; UsageError for a value that no file could hold.
    """
    converter = Converter(".")
    for path, change in changes.items():
        config = _replaced(config, path.split("."), change, path, converter)
    check(config, converter.nodes)
    return config


def _checked(mapping: Mapping, directory: str) -> Config:
    converter = Converter(directory)
    config = converter.section(Config, mapping)
    check(config, converter.nodes)
    return config


def _replaced(section: Any, names: list[str], change: object, path: str, converter: Converter) -> Any:
    """A section with the key `names` below it replaced."""
    name, *rest = names
    check_built(path, _NOWHERE)
    key = keys_of(type(section)).get(name)
    if key is None:
        parent = path.removesuffix(".".join(names)).removesuffix(".")
        raise unknown_key(type(section), name, parent, _NOWHERE)
    if not rest:
        return replace(section, **{name: converter.value(key, key.kind, _node(change, path), path)})
    inner = getattr(section, name)
    if not is_dataclass(inner):
        raise ConfigError(f"{name} has no keys of its own", path=path)
    return replace(section, **{name: _replaced(inner, rest, change, path, converter)})


def _node(value: object, path: str) -> Value:
    """A Python value as if it had been read from a file."""
    if value is None:
        return Scalar(_NOWHERE, "", "null", is_plain=True)
    if isinstance(value, str):
        if has_control(value):
            raise ConfigError("a value must be one line of Unicode text without control characters", path=path)
        return Scalar(_NOWHERE, value, repr(value), is_plain=False, is_flexible=True)
    if isinstance(value, (bool, int, float)):
        text = str(value).lower()
        return Scalar(_NOWHERE, text, text, is_plain=True)
    if isinstance(value, (tuple, list)):
        return Listing(_NOWHERE, tuple(_node(item, path) for item in value))
    if is_dataclass(value):
        value = {entry.name: getattr(value, entry.name) for entry in fields(value)}
    if isinstance(value, dict):
        return Mapping(_NOWHERE, {str(name): Entry(_NOWHERE, _node(item, path)) for name, item in value.items()})
    raise UsageError(f"{path}: a {type(value).__name__} cannot be a configuration value")
