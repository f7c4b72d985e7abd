# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The model's dataclasses as tables of keys: what the loader, the schema and the reference page walk over.

A kind is a resolved annotation.  `alternatives` takes a union apart; what is left of it besides None and literal words is one type.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, final, get_args, get_origin, get_type_hints

__all__ = ["Alternatives", "Key", "alternatives", "item_kind", "keys_of", "section_of", "walk"]


@final
@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section.

    Attributes:
      kind:     the annotation.
      default:  its value when it is not written.
      unit:     "seconds" or "octets".
    """

    name: str
    kind: object
    default: object
    doc: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    unit: str | None
    is_path: bool


@final
@dataclass(frozen=True, slots=True)
class Alternatives:
    """What a key may hold: None, some words, and values of one type."""

    is_optional: bool
    words: tuple[str, ...]
    kind: object


def keys_of(section: type) -> dict[str, Key]:
    """The keys of a section by name, in the order of the model."""
    return _keys_of(section)


@cache
def _keys_of(section: Any) -> dict[str, Key]:
    hints = get_type_hints(section)
    found: dict[str, Key] = {}
    for entry in fields(section):
        default: object = entry.default if entry.default_factory is MISSING else entry.default_factory()
        metadata = entry.metadata
        found[entry.name] = Key(
            name=entry.name,
            kind=hints[entry.name],
            default=default,
            doc=metadata["doc"],
            minimum=metadata.get("minimum"),
            maximum=metadata.get("maximum"),
            choices=tuple(metadata.get("choices") or ()),
            unit=metadata.get("unit"),
            is_path=metadata.get("is_path", False),
        )
    return found


def alternatives(kind: object) -> Alternatives:
    """A union taken apart."""
    members = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    words = tuple(word for member in members if get_origin(member) is Literal for word in get_args(member))
    types = [member for member in members if member is not NoneType and get_origin(member) is not Literal]
    return Alternatives(NoneType in members, words, types[0])


def item_kind(kind: object) -> object | None:
    """The kind of a list's items; None if it is not a list."""
    return get_args(kind)[0] if get_origin(kind) is tuple else None


def section_of(kind: object) -> type[Any] | None:
    """The dataclass that a kind is, or may be; None for plain values and lists."""
    inner = alternatives(kind).kind
    return inner if isinstance(inner, type) and is_dataclass(inner) else None


def walk(section: type, path: str = "") -> Iterator[tuple[str, Key]]:
    """Every key below a section with its path, sections before what is in them; `[]` stands for an index."""
    for key in keys_of(section).values():
        here = f"{path}.{key.name}" if path else key.name
        yield here, key
        item = item_kind(key.kind)
        inner = section_of(key.kind if item is None else item)
        if inner is not None:
            yield from walk(inner, here if item is None else f"{here}[]")
