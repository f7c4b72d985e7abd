# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The JSON Schema and the reference page say what the loader does."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from sws.base.errors import ConfigError
from sws.config.keys import walk
from sws.config.loader import parse_config
from sws.config.model import NOT_BUILT, Config
from sws.config.schema import json_schema, reference
from tests.kit.json_schema import faults


def as_json(value: object) -> Any:
    return json.loads(json.dumps(value))


DEFAULTS = as_json(dataclasses.asdict(Config()))

BOTH_ACCEPT: list[Any] = [
    {},
    {"server": None},
    {"server": {"log": None, "static": {"types": None}}},
    DEFAULTS,
    {"server": {"worker": {"processes": 3, "memory": "64 MiB"}, "timeouts": {"idle": "1.5h", "head": 2}}},
    {"server": {"hosts": [{"names": ["a"], "static": None, "limits": {"body": "10kB"}}]}},
    {"server": {"static": {"types": {"md": "text/markdown"}, "max_age": None}}},
]
BOTH_REFUSE: list[Any] = [
    [],
    {"sever": {}},
    {"server": []},
    {"server": {"listen": "http://a:1"}},
    {"server": {"listen": [1]}},
    {"server": {"listen": [""]}},
    {"server": {"tls": {"client_auth": "perhaps"}}},
    {"server": {"root": None}},
    {"server": {"root": 3}},
    {"server": {"worker": {"processes": 1025}}},
    {"server": {"worker": {"processes": -1}}},
    {"server": {"worker": {"processes": True}}},
    {"server": {"worker": {"processes": 1.5}}},
    {"server": {"worker": {"processes": "many"}}},
    {"server": {"worker": {"memory": "64 MiBi"}}},
    {"server": {"log": {"level": "loud"}}},
    {"server": {"log": {"access": 1}}},
    {"server": {"hosts": {}}},
    {"server": {"hosts": [{"names": ["a"], "port": 1}]}},
    {"server": {"static": {"types": {"md": 1}}}},
]


@pytest.mark.parametrize("value", BOTH_ACCEPT)
def test_accepted_by_schema_and_loader(value: Any) -> None:
    assert faults(json_schema(), value) == []
    parse_config(json.dumps(value))


@pytest.mark.parametrize("value", BOTH_REFUSE)
def test_refused_by_schema_and_loader(value: Any) -> None:
    assert faults(json_schema(), value)
    with pytest.raises(ConfigError):
        parse_config(json.dumps(value))


@pytest.mark.parametrize(
    "value", [{"include": "a.yaml"}, {"server": {"include": ["a", "b"]}}, {"server": {"static": {"types": {"include": ["a"]}}}}]
)
def test_include_is_in_every_mapping(value: Any) -> None:
    assert faults(json_schema(), value) == []


def test_variables_may_stand_for_numbers_and_choices() -> None:
    value = {"server": {"worker": {"processes": "${N}"}, "log": {"level": "${L:-info}", "access": "${A}"}}}
    assert faults(json_schema(), value) == []


def test_the_schema_is_json_and_has_every_key() -> None:
    text = json.dumps(json_schema())
    for _path, key in walk(Config):
        assert json.dumps(key.name) in text
        assert json.dumps(key.doc) in text


def test_the_reference_has_every_key_and_what_is_not_built() -> None:
    text = reference()
    lines = text.splitlines()
    for path, _key in walk(Config):
        assert f"``{path}``" in lines
    for path in NOT_BUILT:
        assert f"- ``{path}``" in text
    assert "``server.hosts[].names``" in lines


@pytest.mark.parametrize(
    "line",
    [
        "   Whole number or ``auto``, at least 0, at most 1024.  Default: ``auto``.",
        "   Duration, at least 0.1, at most 3600 seconds.  Default: ``10.0`` seconds.",
        "   Size or ``null``, at least 0 octets.  Default: ``null``.",
        "   Bool.  Default: ``true``.",
        "   List of strings.  Default: ``[index.html]``.",
        "   List of sections.  Default: ``[]``.",
        "   Mapping of words to strings.  Default: ``{}``.",
        "   Section.  Optional.",
        "   Path.  Default: ``./www``.",
        "   Host names; a leading \\*. stands for one or more labels.",
    ],
)
def test_lines_of_the_reference(line: str) -> None:
    assert line in reference().splitlines()
