# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From the tree of a file to the model's dataclasses, by the annotations and bounds of the model.

The wanted type decides how a scalar is read, so `yes` is true where a bool is wanted and a word where a string is.  Otherwise strict, by
the core schema of YAML 1.2.2 §10.3: what looks like a number, a bool or null is no string without quotes, and what stands in quotes is
no number; a bool is not an int; numbers with leading zeros (octal to some readers) are refused.  Values from the environment or a
command line have no quotes to go by: there the wanted type alone decides.

Durations are numbers of seconds or `250ms 30s 5m 1h 7d`; sizes are numbers of octets or `10kB 64KiB 1MB 1MiB 2GiB 1TB`.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar, final, get_origin

from sws.base.errors import ConfigError
from sws.config.keys import Alternatives, Key, alternatives, item_kind, keys_of, section_of, walk
from sws.config.model import NOT_BUILT, Config
from sws.config.nodes import Listing, Mapping, Place, Scalar, Value

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["Converter", "check_built", "unknown_key"]

T = TypeVar("T")

_INT_RE: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})|0x[0-9a-fA-F]{1,16}|0o[0-7]{1,21}")
_FLOAT_RE: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL_RE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|0x[0-9a-fA-F]+|0o[0-7]+")
_QUANTITY_RE: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?) ?([A-Za-z]+)")
_TRUE: Final = frozenset(("true", "True", "TRUE"))
_FALSE: Final = frozenset(("false", "False", "FALSE"))
_YES: Final = _TRUE | {"yes", "Yes", "YES", "on", "On", "ON"}
_NO: Final = _FALSE | {"no", "No", "NO", "off", "Off", "OFF"}
_NULL: Final = frozenset(("", "~", "null", "Null", "NULL"))
_UNITS: Final = {
    "seconds": {"ms": (1, 1000), "s": (1, 1), "m": (60, 1), "h": (3600, 1), "d": (86400, 1)},
    "octets": {"B": (1, 1)}
    | {prefix + "B": (1000**power, 1) for power, prefix in enumerate("kMGT", 1)}
    | {prefix + "iB": (1024**power, 1) for power, prefix in enumerate("KMGT", 1)},
}
_UNIT_HINT: Final = {"seconds": "a duration such as 250ms, 30s, 5m or 1h", "octets": "a size such as 512B, 64KiB, 1MB or 2GiB"}
_INDEX_RE: Final = re.compile(r"\[\d+\]")


@final
@dataclass(slots=True)
class Converter:
    """Converts one tree.

    Args:
      directory:  what a default path starts from.
    Attributes:
      nodes:  path -> the value written there; for errors found later.
    """

    directory: str
    nodes: dict[str, Value] = field(default_factory=dict)

    def section(self, kind: type[T], value: Value, path: str = "") -> T:
        """A dataclass from a mapping; nothing at all is an empty mapping.  Raises: ConfigError."""
        if _is_null(value):
            value = Mapping(value.place, {})
        if not isinstance(value, Mapping):
            raise value.place.error("expected a mapping of keys", path)
        keys = keys_of(kind)
        for name, entry in value.entries.items():
            if name not in keys:
                raise unknown_key(kind, name, path, entry.place)
        found: dict[str, object] = {}
        for name, key in keys.items():
            here = f"{path}.{name}" if path else name
            entry_here = value.entries.get(name)
            found[name] = self._default(key, value.place, here) if entry_here is None else self.value(key, key.kind, entry_here.value, here)
        return kind(**found)

    def _default(self, key: Key, place: Place, path: str) -> object:
        inner = section_of(key.kind)
        if inner is not None and key.default is not None:
            return self.section(inner, Mapping(place, {}), path)
        if key.is_path and isinstance(key.default, str):
            return _resolved(key.default, self.directory)
        return key.default

    def value(self, key: Key, kind: object, value: Value, path: str) -> object:
        """What a key holds, from what is written.  Raises: ConfigError."""
        self.nodes[path] = value
        choice = alternatives(kind)
        if choice.is_optional and _is_null(value):
            return None
        inner = section_of(kind)
        if inner is not None:
            return self.section(inner, value, path)
        item = item_kind(choice.kind)
        if item is not None:
            return self._list(key, item, value, path)
        if get_origin(choice.kind) is dict:
            return self._dict(key, value, path)
        return self._scalar(key, choice, value, path)

    def _list(self, key: Key, item: object, value: Value, path: str) -> tuple[object, ...]:
        if not isinstance(value, Listing):
            example = value.shown.strip("'\"") if isinstance(value, Scalar) and not _is_null(value) else ""
            raise value.place.error(f"expected a list: write [{example}]", path)
        return tuple(self.value(key, item, entry, f"{path}[{number}]") for number, entry in enumerate(value.items))

    def _dict(self, key: Key, value: Value, path: str) -> dict[str, object]:
        if _is_null(value):
            return {}
        if not isinstance(value, Mapping):
            raise value.place.error("expected a mapping of words to words", path)
        return {name: self.value(key, str, entry.value, f"{path}.{name}") for name, entry in value.entries.items()}

    def _scalar(self, key: Key, choice: Alternatives, value: Value, path: str) -> object:
        if not isinstance(value, Scalar):
            raise value.place.error(f"expected {_wanted(key, choice)}, not a {'list' if isinstance(value, Listing) else 'mapping'}", path)
        if value.text in choice.words:
            return value.text
        found = _READERS[choice.kind](value, key)
        if found is None:
            raise value.place.error(f"expected {_wanted(key, choice)}, not {_seen(value)}{_quote_hint(choice, value)}", path)
        if isinstance(found, (int, float)):
            _check_bounds(key, found, value, path)
        elif key.choices and found not in key.choices:
            near = _suggestion(value.text, key.choices)
            raise value.place.error(f"expected one of {', '.join(key.choices)}, not {value.shown}{near}", path)
        return _resolved(found, value.place.directory) if key.is_path and isinstance(found, str) else found


def unknown_key(section: type, name: str, path: str, place: Place) -> ConfigError:
    """The error for a key that a section does not have: not built, misspelt, or at home elsewhere."""
    here = f"{path}.{name}" if path else name
    check_built(here, place)
    message = f"unknown key {name!r}"
    near = _suggestion(name, tuple(keys_of(section)))
    if near:
        return place.error(message + near, here)
    elsewhere = [other for other, _ in walk(Config) if other.rpartition(".")[2] == name]
    if elsewhere:
        return place.error(f"{message}; it belongs to {' or '.join(elsewhere)}", here)
    return place.error(f"{message}; known here are {', '.join(keys_of(section))}", here)


def check_built(path: str, place: Place) -> None:
    """Raises: ConfigError if a key is, or is below, one whose feature is not built yet."""
    plain = _INDEX_RE.sub("", path)
    for key, feature in NOT_BUILT.items():
        if plain == key or plain.startswith(key + "."):
            raise place.error(f"{feature} {'are' if ' and ' in feature else 'is'} not built yet, so this key cannot be honoured", path)


# --- scalars -------------------------------------------------------------------------------------------------------------


def _is_null(value: Value) -> bool:
    return isinstance(value, Scalar) and value.is_plain and value.text in _NULL


def _is_core_typed(text: str) -> bool:
    """Whether a plain scalar is a number, a bool or null to YAML."""
    return text in _NULL or text in _TRUE or text in _FALSE or _FLOAT_RE.fullmatch(text) is not None or bool(_SPECIAL_RE.fullmatch(text))


def _read_str(value: Scalar, _key: Key) -> str | None:
    if not value.text or (value.is_plain and not value.is_flexible and _is_core_typed(value.text)):
        return None
    return value.text


def _read_bool(value: Scalar, _key: Key) -> bool | None:
    if not (value.is_plain or value.is_flexible):
        return None
    return True if value.text in _YES else False if value.text in _NO else None


def _read_int(value: Scalar, key: Key) -> int | None:
    if (value.is_plain or value.is_flexible) and _INT_RE.fullmatch(value.text):
        return int(value.text, 0)
    found = _quantity(value.text, key.unit)
    return None if found is None or found.denominator != 1 else int(found)


def _read_float(value: Scalar, key: Key) -> float | None:
    found = _quantity(value.text, key.unit)
    if found is not None:
        return float(found)
    if not (value.is_plain or value.is_flexible) or not _FLOAT_RE.fullmatch(value.text):
        return None
    number = float(value.text)
    return number if math.isfinite(number) else None


_READERS: Final[dict[object, Callable[[Scalar, Key], object]]] = {str: _read_str, bool: _read_bool, int: _read_int, float: _read_float}


def _quantity(text: str, unit: str | None) -> Fraction | None:
    match = _QUANTITY_RE.fullmatch(text)
    if match is None or unit is None:
        return None
    factor = _UNITS[unit].get(match.group(2))
    if factor is None:
        return None
    from fractions import Fraction  # here, as it brings in decimal: start-up time

    return Fraction(match.group(1)) * Fraction(*factor)


def _resolved(path: str, directory: str) -> str:
    if os.path.isabs(path) or directory in ("", "."):
        return path
    return os.path.join(directory, path.removeprefix("./"))


# --- words for errors ----------------------------------------------------------------------------------------------------


def _check_bounds(key: Key, number: float, value: Scalar, path: str) -> None:
    low, high = key.minimum, key.maximum
    if (low is None or number >= low) and (high is None or number <= high):
        return
    bounds = [f"at least {low}"] if low is not None else []
    if high is not None:
        bounds.append(f"at most {high}")
    raise value.place.error(f"must be {' and '.join(bounds)}{f' {key.unit}' if key.unit else ''}, not {value.shown}", path)


def _wanted(key: Key, choice: Alternatives) -> str:
    names: dict[object, str] = {str: "a string", bool: "true or false", int: "a whole number", float: "a finite number"}
    parts = [_UNIT_HINT[key.unit] if key.unit else f"one of {', '.join(key.choices)}" if key.choices else names[choice.kind], *choice.words]
    if choice.is_optional:
        parts.append("null")
    return " or ".join(parts)


def _seen(value: Scalar) -> str:
    return "nothing" if not value.text else value.shown if value.is_plain else f"the string {value.shown}"


def _quote_hint(choice: Alternatives, value: Scalar) -> str:
    if choice.kind is str:
        return "; write it in quotes" if value.text else ""
    is_typed = not value.is_plain and bool(value.text) and _is_core_typed(value.text)
    return "; leave out the quotes" if is_typed else ""


def _suggestion(word: str, known: tuple[str, ...]) -> str:
    import difflib  # here, as it is only wanted for an error

    near = difflib.get_close_matches(word, known, n=1)
    return f", did you mean {near[0]!r}?" if near else ""
