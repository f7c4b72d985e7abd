# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The configuration described for machines and for people: a JSON Schema (2020-12) and a reference page, both from the model.

The schema is for editors.  It is a little wider than the loader: rules between keys, the forms of names and addresses, and
`${NAME}` in place of numbers and words are only known to the loader; where a number, a bool or a choice is wanted the schema takes a
text with a `$` too.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Final, TypeAlias, get_origin

from sws.config.include import INCLUDE
from sws.config.keys import Alternatives, Key, alternatives, item_kind, keys_of, section_of, walk
from sws.config.model import NOT_BUILT, Config

__all__ = ["Json", "json_schema", "reference"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_QUANTITY: Final = {
    "seconds": "^[0-9]{1,18}([.][0-9]{1,9})? ?(ms|s|m|h|d)$",
    "octets": "^[0-9]{1,18}([.][0-9]{1,9})? ?([kMGT]?B|[KMGT]iB)$",
}
_VARIABLE: Final[dict[str, Json]] = {"type": "string", "pattern": "[$]"}
_INCLUDE_SHAPE: Final[dict[str, Json]] = {
    "description": "Files whose keys are laid below the ones written here.",
    "anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string", "minLength": 1}}],
}
_TYPES: Final[dict[object, str]] = {str: "string", bool: "boolean", int: "integer", float: "number"}


def json_schema() -> dict[str, Json]:
    """The JSON Schema of a configuration file."""
    schema: dict[str, Json] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:sws:configuration",
        "title": "Selenia Web Server configuration",
    }
    schema.update(_section_schema(Config))
    schema["type"] = ["object", "null"]
    return schema


def reference() -> str:
    """Every key with type, default and meaning, as reStructuredText."""
    lines = [
        "Configuration keys",
        "==================",
        "",
        "Made from the configuration's own classes.  ``include: path`` (a path, a pattern, or a list of them) may stand in any mapping.",
        "",
    ]
    for path, key in walk(Config):
        lines += [f"``{path}``", f"   {_kind_text(key)}.  {_default_text(key)}", "", f"   {_rest(key.doc)}", ""]
    lines += ["Not built yet", "-------------", "", "These keys are known and refused:", ""]
    lines += [f"- ``{path}``: {feature}" for path, feature in NOT_BUILT.items()]
    return "\n".join(lines) + "\n"


# --- schema --------------------------------------------------------------------------------------------------------------


def _section_schema(section: type) -> dict[str, Json]:
    properties: dict[str, Json] = {name: _key_schema(key) for name, key in keys_of(section).items()}
    properties[INCLUDE] = _INCLUDE_SHAPE
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _key_schema(key: Key) -> dict[str, Json]:
    schema: dict[str, Json] = {"description": key.doc, "default": _json(key.default)}
    choice = alternatives(key.kind)
    inner, item = section_of(key.kind), item_kind(choice.kind)
    if inner is not None:
        schema.update(_section_schema(inner))
        schema["type"] = ["object", "null"]
    elif item is not None:
        inner = section_of(item)
        schema["type"] = "array"
        schema["items"] = {"type": "string", "minLength": 1} if inner is None else _section_schema(inner)
    elif get_origin(choice.kind) is dict:
        schema["type"] = ["object", "null"]
        schema["additionalProperties"] = {"type": "string", "minLength": 1}
        schema["properties"] = {INCLUDE: _INCLUDE_SHAPE}
    else:
        schema.update(_scalar_schema(key, choice))
    return schema


def _scalar_schema(key: Key, choice: Alternatives) -> dict[str, Json]:
    own: dict[str, Json] = {"type": _TYPES[choice.kind]}
    if key.minimum is not None:
        own["minimum"] = key.minimum
    if key.maximum is not None:
        own["maximum"] = key.maximum
    if key.choices:
        own["enum"] = list(key.choices)
    elif choice.kind is str:
        own["minLength"] = 1
    forms: list[Json] = [own]
    if key.unit is not None:
        forms.append({"type": "string", "pattern": _QUANTITY[key.unit]})
    forms += [{"const": word} for word in choice.words]
    if choice.is_optional:
        forms.append({"type": "null"})
    if choice.kind is not str or key.choices:
        forms.append(_VARIABLE)
    return own if len(forms) == 1 else {"anyOf": forms}


def _json(value: object) -> Json:
    """A default as JSON has it."""
    if is_dataclass(value):
        return {entry.name: _json(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _json(item) for name, item in value.items()}
    assert value is None or isinstance(value, (str, int, float)), "a default that no file could hold"
    return value


# --- reference -----------------------------------------------------------------------------------------------------------


def _rest(text: str) -> str:
    """A doc line, whose code stands in single backticks, as reStructuredText."""
    return text.replace("*", "\\*").replace("`", "``")


def _kind_text(key: Key) -> str:
    choice = alternatives(key.kind)
    item = item_kind(choice.kind)
    if section_of(key.kind) is not None:
        return "Section"
    if item is not None:
        return "List of strings" if section_of(item) is None else "List of sections"
    if get_origin(choice.kind) is dict:
        return "Mapping of words to strings"
    names: dict[object, str] = {str: "string", bool: "bool", int: "whole number", float: "number"}
    kind = {"seconds": "duration", "octets": "size"}.get(key.unit or "", "path" if key.is_path else names[choice.kind])
    kinds = [
        f"one of {', '.join(f'``{word}``' for word in key.choices)}" if key.choices else kind,
        *(f"``{word}``" for word in choice.words),
    ]
    if choice.is_optional:
        kinds.append("``null``")
    text = " or ".join(kinds)
    return text[0].upper() + text[1:] + _bounds_text(key)


def _bounds_text(key: Key) -> str:
    parts = [] if key.minimum is None else [f"at least {key.minimum}"]
    if key.maximum is not None:
        parts.append(f"at most {key.maximum}")
    unit = f" {key.unit}" if key.unit and parts else ""
    return (", " + ", ".join(parts) + unit) if parts else ""


def _default_text(key: Key) -> str:
    if section_of(key.kind) is not None:
        return "Optional." if key.default is None else "Its keys have defaults."
    value = key.default
    if isinstance(value, tuple):
        return f"Default: ``[{', '.join(str(item) for item in value)}]``."
    words: dict[object, str] = {None: "null", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else str(value)
    return f"Default: ``{text}``{f' {key.unit}' if key.unit and value is not None else ''}."
