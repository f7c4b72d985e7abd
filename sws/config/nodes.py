# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From YAML text to a bounded tree in which every value knows where it stands.  YAML 1.2.2 §3.2, §7.

PyYAML's scanner and parser make events; the tree is built from them here, so that depth and count are bounded before anything
is built and every mark is kept.  A `Value` is a `Scalar`, a `Listing` or a `Mapping`; each has a `Place`: file, line, and the folder
that relative paths of that file start from.

Bounds: `MAX_NODES` nodes over all files of one configuration, an alias counting as often as what it stands for; `MAX_DEPTH` levels.

Substitution happens on the text of a scalar, before anything else looks at it: `${NAME}`, `${NAME:-default}` (unset or empty), `$$`.
What came from the environment may be a secret: `Scalar.shown` is what errors quote, always the text as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, final

import yaml

from sws.base.errors import ConfigError

__all__ = ["MAX_DEPTH", "MAX_NODES", "Budget", "Entry", "Listing", "Mapping", "Place", "Scalar", "Value", "has_control", "parse_yaml"]

MAX_NODES: Final = 100_000
MAX_DEPTH: Final = 32

_CORE_TAGS: Final = {
    "scalar": frozenset("tag:yaml.org,2002:" + name for name in ("str", "int", "float", "bool", "null")),
    "list": frozenset({"tag:yaml.org,2002:seq"}),
    "mapping": frozenset({"tag:yaml.org,2002:map"}),
}
_DOLLAR_RE: Final = re.compile(r"\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?")
_CONTROL_RE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands.

    Attributes:
      file:       as errors name it; None for values that come from no file.
      line:       from 1.
      directory:  what relative paths start from; "." is the current folder.
    """

    file: str | None
    line: int | None
    directory: str

    def error(self, message: str, path: str | None = None) -> ConfigError:
        """An error about this place."""
        return ConfigError(message, file=self.file, line=self.line, path=path or None)


@final
@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value, not yet typed.

    Attributes:
      text:         after substitution.
      shown:        what errors quote.
      is_plain:     written without quotes, so that it may be a number, true or null.
      is_flexible:  came from the environment or a command line, so that quotes say nothing of its type.
    """

    place: Place
    text: str
    shown: str
    is_plain: bool
    is_flexible: bool = False
    size: int = 1
    height: int = 0


@final
@dataclass(frozen=True, slots=True)
class Listing:
    """A YAML sequence.

    Attributes:
      size:    values and keys in it, itself included.
      height:  levels below it.
    """

    place: Place
    items: tuple[Value, ...]
    size: int = 1
    height: int = 0


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """A key's place and its value."""

    place: Place
    value: Value


@final
@dataclass(frozen=True, slots=True)
class Mapping:
    """A YAML mapping, merge keys resolved; `size` and `height` as for a `Listing`."""

    place: Place
    entries: dict[str, Entry]
    size: int = 1
    height: int = 0


Value: TypeAlias = Scalar | Listing | Mapping


@final
@dataclass(slots=True)
class Budget:
    """What all files of one configuration may cost together."""

    nodes: int = MAX_NODES

    def spend(self, count: int, place: Place) -> None:
        """Raises: ConfigError when nothing is left."""
        self.nodes -= count
        if self.nodes < 0:
            raise place.error(f"the configuration is too large: more than {MAX_NODES} values, aliases counted each time they are used")


def has_control(text: str) -> bool:
    """Whether a text has control characters, line breaks or surrogates: nothing in a configuration needs them."""
    return _CONTROL_RE.search(text) is not None


def parse_yaml(text: str, place: Place, environment: MappingType[str, str], budget: Budget, depth: int = 0) -> Value | None:
    """The one document of a text; None if there is none.

    Args:
      place:        the text's file and folder.
      environment:  what `${NAME}` is taken from.
      budget:       shared by all files of a configuration.
      depth:        the level at which the document will stand.
    Raises: ConfigError.
    """
    file = place.file
    try:
        return _Builder(yaml.SafeLoader(text), place, environment, budget).document(depth)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(f"not YAML: {_fault(error)}", file=file, line=mark.line + 1 if mark else 1) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError("not YAML: a character that YAML does not allow", file=file, line=line) from None


def _fault(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's words, without the marks' snippets."""
    problem = error.problem or "a syntax error"
    if "'\\t'" in problem:
        return "a tab where only spaces may indent"
    return f"{error.context}, {problem}" if error.context else problem


@final
@dataclass(slots=True)
class _Builder:
    """Builds the tree of one text from its events."""

    loader: yaml.SafeLoader
    start: Place
    environment: MappingType[str, str]
    budget: Budget
    anchors: dict[str, Value | None] = field(default_factory=dict)

    def document(self, depth: int) -> Value | None:
        self._next()  # the stream's start
        if self._ends(yaml.StreamEndEvent):
            return None
        self._next()
        value = self._value(depth)
        self._next()
        if not self._ends(yaml.StreamEndEvent):
            raise self._place(self._next()).error("a second YAML document: a configuration file has one")
        return value

    def _next(self) -> Any:
        """The next event; PyYAML's types do not tell its kinds apart."""
        event = self._peek()
        self.loader.get_event()  # type: ignore[no-untyped-call]
        return event

    def _peek(self) -> Any:
        try:
            return self.loader.peek_event()  # type: ignore[no-untyped-call]
        except (ValueError, OverflowError):  # an escape past U+10FFFF, a version of 5000 digits
            raise ConfigError("not YAML: a number out of range", file=self.start.file, line=self.loader.line + 1) from None

    def _ends(self, kind: type[yaml.Event]) -> bool:
        return isinstance(self._peek(), kind)

    def _place(self, event: Any) -> Place:
        return Place(self.start.file, event.start_mark.line + 1, self.start.directory)

    def _value(self, depth: int) -> Value:
        event: Any = self._next()
        place = self._place(event)
        if depth > MAX_DEPTH:
            raise place.error(f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent):
            value = self._alias(str(event.anchor), place)
            if depth + value.height > MAX_DEPTH:
                raise place.error(f"nested more than {MAX_DEPTH} levels deep")
            self.budget.spend(value.size, place)
            return value
        anchor: str | None = event.anchor
        if anchor is not None:
            if anchor in self.anchors:
                raise place.error(f"the anchor &{anchor} is there twice")
            self.anchors[anchor] = None
        self.budget.spend(1, place)
        value = self._built(event, place, depth)
        if anchor is not None:
            self.anchors[anchor] = value
        return value

    def _built(self, event: Any, place: Place, depth: int) -> Value:
        if isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event.tag, "list", place)
            return self._listing(place, depth)
        if isinstance(event, yaml.MappingStartEvent):
            self._check_tag(event.tag, "mapping", place)
            return self._mapping(place, depth)
        self._check_tag(event.tag, "scalar", place)
        is_plain = event.style is None
        if event.tag is not None and event.tag != "!":
            is_plain = event.tag != "tag:yaml.org,2002:str"
        return self._substituted(event.value, is_plain and event.tag != "!", place)

    def _check_tag(self, tag: str | None, kind: str, place: Place) -> None:
        if tag is not None and tag != "!" and tag not in _CORE_TAGS[kind]:
            raise place.error(f"the tag {tag.replace('tag:yaml.org,2002:', '!!', 1)} is not allowed here")

    def _alias(self, anchor: str, place: Place) -> Value:
        if anchor not in self.anchors:
            raise place.error(f"*{anchor} stands for an anchor that is not above it")
        value = self.anchors[anchor]
        if value is None:
            raise place.error(f"*{anchor} would contain itself")
        return value

    def _listing(self, place: Place, depth: int) -> Listing:
        items: list[Value] = []
        while not self._ends(yaml.SequenceEndEvent):
            items.append(self._value(depth + 1))
        self._next()
        return Listing(place, tuple(items), 1 + sum(item.size for item in items), 1 + max((item.height for item in items), default=0))

    def _mapping(self, place: Place, depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        merged: list[Mapping] = []
        while not self._ends(yaml.MappingEndEvent):
            event = self._next()
            key_place = self._place(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise key_place.error("a key must be a single word")
            self._check_tag(event.tag, "scalar", key_place)
            key: str = event.value
            self.budget.spend(1, key_place)
            value = self._value(depth + 1)
            if key == "<<" and event.style is None:
                merged += self._merge_sources(value, key_place)
            elif key in entries:
                raise key_place.error(f"the key {key!r} is there twice, first in line {entries[key].place.line}")
            elif has_control(key):
                raise key_place.error("a key must not have control characters")
            else:
                entries[key] = Entry(key_place, value)
        self._next()
        for source in merged:
            entries = {**source.entries, **entries}
        values = [entry.value for entry in entries.values()]
        return Mapping(place, entries, 1 + sum(1 + value.size for value in values), 1 + max((value.height for value in values), default=0))

    @staticmethod
    def _merge_sources(value: Value, place: Place) -> list[Mapping]:
        sources = value.items if isinstance(value, Listing) else (value,)
        found = [source for source in sources if isinstance(source, Mapping)]
        if len(found) != len(sources):
            raise place.error("<< merges a mapping or a list of mappings, as in <<: *name")
        return found

    # --- substitution ------------------------------------------------------------------------------------------------

    def _substituted(self, written: str, is_plain: bool, place: Place) -> Scalar:
        parts: list[str] = []
        position = 0
        is_flexible = False
        for match in _DOLLAR_RE.finditer(written):
            parts.append(written[position : match.start()])
            position = match.end()
            if match.group(1) is not None:
                parts.append("$")
                continue
            parts.append(self._variable(match.group(2), match.group(3), place))
            is_flexible = True
        text = "".join(parts) + written[position:]
        if has_control(text):
            raise place.error("a value must be one line of Unicode text without control characters")
        shown = repr(written if len(written) <= 60 else written[:60] + "...")
        return Scalar(place, text, shown, is_plain, is_flexible)

    def _variable(self, name: str | None, default: str | None, place: Place) -> str:
        if name is None:
            raise place.error("a dollar sign begins ${NAME} or ${NAME:-default} (in quotes inside { }); write $$ for the sign itself")
        value = self.environment.get(name, "")
        if default is not None:
            return value or default
        if name not in self.environment:
            raise place.error(f"the environment variable {name} is not set; ${{{name}:-default}} gives it a default")
        return value
