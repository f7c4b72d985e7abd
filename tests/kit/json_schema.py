# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The part of JSON Schema 2020-12 that our schema uses, as a validator.  An unknown keyword is an error, so that none is ignored."""

from __future__ import annotations

import re
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_NOTES = {"$schema", "$id", "title", "description", "default"}
_CHECKED = {"type", "properties", "additionalProperties", "items", "anyOf", "enum", "const", "minimum", "maximum", "minLength", "pattern"}


def faults(schema: dict[str, Any], value: Any, path: str = "$") -> list[str]:
    """What is wrong with a value; empty if it is valid."""
    unknown = set(schema) - _NOTES - _CHECKED
    assert not unknown, unknown
    found = _scalar_faults(schema, value, path)
    if "anyOf" in schema and all(faults(option, value, path) for option in schema["anyOf"]):
        found.append(f"{path}: none of the alternatives")
    if isinstance(value, dict):
        found += _object_faults(schema, value, path)
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            found += faults(schema["items"], item, f"{path}[{number}]")
    return found


def _scalar_faults(schema: dict[str, Any], value: Any, path: str) -> list[str]:
    found = []
    if "type" in schema:
        names = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        if not any(_is(name, value) for name in names):
            found.append(f"{path}: not {names}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{path}: not in {schema['enum']}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{path}: not {schema['const']}")
    if _is("number", value):
        if value < schema.get("minimum", value):
            found.append(f"{path}: too small")
        if value > schema.get("maximum", value):
            found.append(f"{path}: too large")
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            found.append(f"{path}: too short")
        if not re.search(schema.get("pattern", ""), value):
            found.append(f"{path}: does not match")
    return found


def _object_faults(schema: dict[str, Any], value: dict[str, Any], path: str) -> list[str]:
    found = []
    properties = schema.get("properties", {})
    for name, item in value.items():
        rest = properties.get(name, schema.get("additionalProperties", True))
        if rest is False:
            found.append(f"{path}: unknown key {name}")
        elif rest is not True:
            found += faults(rest, item, f"{path}.{name}")
    return found


def _is(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES[name])
