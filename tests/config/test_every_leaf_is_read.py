# SPDX-License-Identifier: Apache-2.0 OR MIT
"""No key is accepted and ignored: the product reads every one, outside of `sws.config`, by the name of its section.

The source is read as syntax trees.  A local alias (`server = config.server`, `log: LogConfig = ...`, a parameter `static: StaticConfig`,
a loop variable over `server.hosts`) is followed by type: each expression is given the dataclass it evaluates to where that can be told,
and an access counts for a leaf only if it is made on an expression of the leaf's own section.
"""

from __future__ import annotations

import ast
import pathlib
from dataclasses import is_dataclass

import pytest

import sws
from sws.config import model
from sws.config.keys import alternatives, item_kind, keys_of, section_of, walk
from sws.config.model import Config

SECTIONS: dict[str, type] = {name: kind for name, kind in vars(model).items() if isinstance(kind, type) and is_dataclass(kind)}

Reads = set[tuple[type, str]]


def _annotated(annotation: ast.expr | None) -> type | None:
    """The section that an annotation names, in whatever it is wrapped."""
    if annotation is None:
        return None
    names = [node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)]
    return next((SECTIONS[name] for name in names if name in SECTIONS), None)


def _kind_after(section: type, name: str) -> type | None:
    key = keys_of(section).get(name)
    return None if key is None else section_of(key.kind)


class _Reader(ast.NodeVisitor):
    """Collects (section, key) pairs that a module reads."""

    def __init__(self, attributes: dict[str, type]) -> None:
        self.reads: Reads = set()
        self._attributes = attributes  # self.x of any class of the module
        self._scopes: list[dict[str, type | None]] = [{}]

    # What an expression evaluates to.

    def _section(self, node: ast.AST) -> type | None:
        if isinstance(node, ast.Name):
            return next((scope[node.id] for scope in reversed(self._scopes) if node.id in scope), None)
        if isinstance(node, ast.Attribute):
            inner = self._section(node.value)
            if inner is not None:
                return _kind_after(inner, node.attr)
            is_self = isinstance(node.value, ast.Name) and node.value.id == "self"
            return self._attributes.get(node.attr) if is_self else None
        if isinstance(node, ast.BoolOp):
            return next((kind for kind in map(self._section, node.values) if kind is not None), None)
        if isinstance(node, ast.IfExp):
            return self._section(node.body) or self._section(node.orelse)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return SECTIONS.get(node.func.id)
        return None

    def _items(self, node: ast.AST) -> type | None:
        """The section that a list's items are."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("enumerate", "tuple", "list", "reversed"):
            return self._items(node.args[0])
        if isinstance(node, ast.Attribute):
            inner = self._section(node.value)
            key = None if inner is None else keys_of(inner).get(node.attr)
            item = None if key is None else item_kind(alternatives(key.kind).kind)
            return None if item is None else section_of(item)
        return None

    def _bind(self, target: ast.expr, kind: type | None) -> None:
        if isinstance(target, ast.Name):
            self._scopes[-1][target.id] = kind
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self" and kind is not None:
            self._attributes[target.attr] = kind

    # Where names are bound.

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        self._scopes.append({argument.arg: _annotated(argument.annotation) for argument in arguments})
        self.generic_visit(node)
        self._scopes.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        kind = self._section(node.value)
        for target in node.targets:
            self._bind(target, kind)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._bind(node.target, _annotated(node.annotation))
        if isinstance(node.target, ast.Name) and (kind := _annotated(node.annotation)) is not None:
            self._attributes.setdefault(node.target.id, kind)  # a field of a dataclass
        self.generic_visit(node)

    def _loop(self, target: ast.expr, over: ast.expr) -> None:
        kind = self._items(over)
        if kind is not None:
            for name in target.elts if isinstance(target, ast.Tuple) else [target]:
                self._bind(name, kind)

    def visit_For(self, node: ast.For) -> None:
        self._loop(node.target, node.iter)
        self.generic_visit(node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        self._scopes.append({})
        for generator in node.generators:
            self._loop(generator.target, generator.iter)
        self.generic_visit(node)
        self._scopes.pop()

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        inner = self._section(node.value)
        if inner is not None and isinstance(node.ctx, ast.Load):
            self.reads.add((inner, node.attr))
        self.generic_visit(node)


def reads_of(source: str) -> Reads:
    """What a module reads of the configuration; twice over it, as `self` attributes may be used above where they are bound."""
    tree = ast.parse(source)
    attributes: dict[str, type] = {}
    _Reader(attributes).visit(tree)
    reader = _Reader(attributes)
    reader.visit(tree)
    return reader.reads


def reads_of_the_product() -> Reads:
    package = pathlib.Path(sws.__file__).parent
    found: Reads = set()
    for file in package.rglob("*.py"):
        if "config" not in file.relative_to(package).parts[:1]:
            found |= reads_of(file.read_text(encoding="utf-8"))
    return found


def keys_with_sections() -> list[tuple[str, type, str]]:
    found = [("server", Config, "server")]
    for path, key in walk(Config):
        item = item_kind(alternatives(key.kind).kind)
        inner = section_of(key.kind if item is None else item)
        if inner is not None:
            found += [(f"{path}.{name}", inner, name) for name in keys_of(inner)]
    return found


READS = reads_of_the_product()


@pytest.mark.parametrize(("path", "section", "name"), keys_with_sections(), ids=[path for path, _, _ in keys_with_sections()])
def test_every_key_is_read_by_the_product(path: str, section: type, name: str) -> None:
    assert (section, name) in READS, f"{path} is accepted, and nothing outside sws.config reads {section.__name__}.{name}"


@pytest.mark.parametrize(
    ("source", "is_read"),
    [
        ("def f(config: Config):\n    return config.server.timeouts.head", True),
        ("def f(config: Config):\n    server = config.server\n    t = server.timeouts\n    return t.head", True),
        ("def f(config: Config):\n    return config.server.limits.head", False),
        ("def f(config):\n    return config.server.timeouts.head", False),
        ("def f(other: Other):\n    return other.head", False),
        ("def f(config: Config):\n    config = other\n    return config.server.timeouts.head", False),
        (
            "class A:\n    def g(self):\n        return self._t.head\n    def m(self, c: Config):\n        self._t = c.server.timeouts",
            True,
        ),
        ("class A:\n    timeouts: TimeoutsConfig\n    def g(self):\n        return self.timeouts.head", True),
        ("f = lambda config: config.head\ndef g(t: TimeoutsConfig | None): return lambda: t.head", True),
        ("async def g(t: Callable[[], TimeoutsConfig]): return (t or None).head if (t if t else t) else TimeoutsConfig().head", True),
    ],
)
def test_the_scan_tells_a_read_from_a_namesake(source: str, is_read: bool) -> None:
    assert ((model.TimeoutsConfig, "head") in reads_of(source)) is is_read


@pytest.mark.parametrize(
    "source",
    [
        "def f(c: Config):\n    for host in c.server.hosts:\n        print(host.names)",
        "def f(c: Config):\n    for n, host in enumerate(c.server.hosts):\n        print(host.names)",
        "def f(c: Config):\n    return [host.names for host in c.server.hosts]",
        "def f(c: Config):\n    return {h.names for h in c.server.hosts}, {h: 1 for h in c.server.hosts}, (h for h in c.server.hosts)",
    ],
)
def test_the_scan_follows_loops(source: str) -> None:
    assert (model.HostConfig, "names") in reads_of(source)
