# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Certificate policies along a path.  RFC 5280 §6.1, with the graph of RFC 9618 §5 in place of the tree, which can grow exponentially.

Level i of the graph has, for every policy that holds down to certificate i, one node: its policy, the policies that the next certificate
may name to continue it (they differ where policies were mapped), and its parents.  A node without children is pruned, and a graph without
nodes in its last level is "null": no policy holds for the path.

    explicit_policy, policy_mapping, inhibit_any    after how many more certificates a policy is wanted, mapping is over, anyPolicy is over
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from sws.crypto.x509 import extensions as ext
from sws.crypto.x509 import oids
from sws.crypto.x509.certificate import Certificate
from sws.crypto.x509.extensions import PolicyConstraints
from sws.crypto.x509.refusal import CertificateError, Reason

__all__ = ["check_policies"]

_ANY: Final = oids.ANY_POLICY
_MAXIMUM_NODES: Final = 4096


@final
class _Node:
    """A policy that holds down to a level."""

    __slots__ = ("expected", "parents", "policy")

    def __init__(self, policy: str, parents: list[_Node], expected: frozenset[str] | None = None) -> None:
        self.policy = policy
        self.parents = parents
        self.expected = frozenset((policy,)) if expected is None else expected


@final
class _Graph:
    """The levels, and the three counters."""

    def __init__(self, length: int, wanted: bool) -> None:
        self.levels: list[dict[str, _Node]] = [{_ANY: _Node(_ANY, [])}]
        self.nodes = 1
        self.explicit = 0 if wanted else length + 1
        self.mapping = length + 1
        self.inhibit_any = length + 1

    @property
    def is_null(self) -> bool:
        """Whether no policy holds."""
        return not self.levels[-1]

    def descend(self, certificate: Certificate, depth: int, last: bool) -> None:
        """Steps (d) and (e) of RFC 5280 §6.1.3 as RFC 9618 §5.3 has them."""
        above = self.levels[-1]
        found = certificate.value(oids.CERTIFICATE_POLICIES, ext.decode_policies)
        level: dict[str, _Node] = {}
        if found is not None and above:
            continued: dict[str, list[_Node]] = {}
            for node in above.values():
                for policy in node.expected:
                    continued.setdefault(policy, []).append(node)
            named = {entry.policy for entry in found}
            for policy in named - {_ANY}:
                parents = continued.get(policy) or ([above[_ANY]] if _ANY in above else [])
                if parents:
                    level[policy] = _Node(policy, parents)
            if _ANY in named and (self.inhibit_any or (not last and certificate.is_self_issued)):
                for policy, parents in continued.items():
                    level.setdefault(policy, _Node(policy, parents))
        self._count(len(level), depth)
        self.levels.append(level)

    def _count(self, nodes: int, depth: int) -> None:
        self.nodes += nodes
        if self.nodes > _MAXIMUM_NODES:
            raise CertificateError(Reason.LIMIT, f"more than {_MAXIMUM_NODES} policies", depth)

    def map(self, certificate: Certificate, depth: int) -> None:
        """Steps (a) and (b) of RFC 5280 §6.1.4."""
        mappings = certificate.value(oids.POLICY_MAPPINGS, ext.decode_policy_mappings)
        if mappings is None:
            return
        targets: dict[str, set[str]] = {}
        for issuer, subject in mappings:
            if _ANY in (issuer, subject):
                raise CertificateError(Reason.POLICY, "anyPolicy in a mapping", depth)
            targets.setdefault(issuer, set()).add(subject)
        level = self.levels[-1]
        for issuer, subjects in targets.items():
            if not self.mapping:
                level.pop(issuer, None)
            elif issuer in level:
                level[issuer].expected = frozenset(subjects)
            elif _ANY in level:
                level[issuer] = _Node(issuer, list(level[_ANY].parents), frozenset(subjects))
                self._count(1, depth)

    def step(self, certificate: Certificate, last: bool) -> None:
        """Counters: steps (h), (i), (j) of RFC 5280 §6.1.4, (a) and (b) of §6.1.5."""
        if last or not certificate.is_self_issued:
            self.explicit = max(self.explicit - 1, 0)
            self.mapping = max(self.mapping - 1, 0)
            self.inhibit_any = max(self.inhibit_any - 1, 0)
        limits = certificate.value(oids.POLICY_CONSTRAINTS, ext.decode_policy_constraints) or PolicyConstraints(None, None)
        if limits.require_explicit is not None and (not last or limits.require_explicit == 0):
            self.explicit = min(self.explicit, limits.require_explicit)
        if limits.inhibit_mapping is not None:
            self.mapping = min(self.mapping, limits.inhibit_mapping)
        skip = certificate.value(oids.INHIBIT_ANY_POLICY, ext.decode_inhibit_any_policy)
        if skip is not None:
            self.inhibit_any = min(self.inhibit_any, skip)

    def authority_policies(self) -> frozenset[str]:
        """Policies of the path in the issuers' terms of the topmost level where they were named: RFC 9618 §5.4, (g)(1) to (3)."""
        reached = list(self.levels[-1].values())
        found: set[str] = set()
        seen: set[int] = set()
        if _ANY in self.levels[-1]:
            found.add(_ANY)
        while reached:
            node = reached.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if node.policy != _ANY and any(parent.policy == _ANY for parent in node.parents):
                found.add(node.policy)
            reached.extend(node.parents)
        return frozenset(found)


def check_policies(path: Sequence[Certificate], acceptable: frozenset[str] | None = None, *, wanted: bool = False) -> frozenset[str]:
    """Whether the policies of a path, leaf first, are as its CAs demand.

    Args:
      acceptable:  the policies that will do; None: any.  (user-initial-policy-set)
      wanted:      whether the path must have one at all.  (initial-explicit-policy)
    Returns: the policies that hold for the path, `oids.ANY_POLICY` standing for all; empty if none does.
    Raises:  CertificateError.
    """
    if not wanted and acceptable is None and not any(oids.POLICY_CONSTRAINTS in one.extensions for one in path):
        _check_mappings(path)
        return frozenset()
    graph = _Graph(len(path) - 1, wanted)
    for depth in range(len(path) - 2, -1, -1):
        certificate, last = path[depth], depth == 0
        graph.descend(certificate, depth, last)
        if not graph.explicit and graph.is_null:
            raise CertificateError(Reason.POLICY, "no policy holds, and one is wanted", depth)
        if not last:
            graph.map(certificate, depth)
        graph.step(certificate, last)
    policies = frozenset() if graph.is_null else graph.authority_policies()
    if acceptable is not None:
        policies = acceptable if _ANY in policies else policies & acceptable
    if not graph.explicit and not policies:
        raise CertificateError(Reason.POLICY, "no acceptable policy holds, and one is wanted")
    return policies


def _check_mappings(path: Sequence[Certificate]) -> None:
    """The one thing that is wrong without any demand for a policy."""
    for depth in range(len(path) - 2, 0, -1):
        for pair in path[depth].value(oids.POLICY_MAPPINGS, ext.decode_policy_mappings) or ():
            if _ANY in pair:
                raise CertificateError(Reason.POLICY, "anyPolicy in a mapping", depth)
