# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Policies along a path: RFC 5280 §6.1 and RFC 9618; the expected outcomes follow from the text's steps, and `openssl verify` agrees."""

from __future__ import annotations

import pathlib
import subprocess
from collections.abc import Sequence

import pytest

from sws.crypto.x509 import Certificate, CertificateError, Extension, Reason, encode, oids
from sws.crypto.x509.policies import check_policies
from tests.crypto.x509.chains import NOW, bare
from tests.kit.peers import peer

A, B, C, ANY = "1.2.3.1", "1.2.3.2", "1.2.3.3", oids.ANY_POLICY


def path(*levels: Sequence[Extension], own: bool = False) -> tuple[Certificate, ...]:
    """Leaf first; each level says what its certificate has, the topmost being below the root."""
    names = ["Root"] + ["Same" if own else f"C{n}" for n in range(len(levels) - 1)] + ["L"]
    found = [bare("Root", "Root", 0, key=0, ca=True)]
    for number, extensions in enumerate(levels):
        last = number == len(levels) - 1
        usual = [] if last else [encode.basic_constraints(True)]
        found.append(bare(names[number + 1], names[number], number, key=number + 1, extensions=[*usual, *extensions]))
    return tuple(reversed(found))


def P(*policies: str) -> Extension:
    return encode.certificate_policies(policies)


def M(*pairs: tuple[str, str]) -> Extension:
    return encode.policy_mappings(pairs)


REQUIRE = encode.policy_constraints(require_explicit=0)
INHIBIT_MAPPING = encode.policy_constraints(inhibit_mapping=0)
INHIBIT_ANY = encode.inhibit_any_policy(0)

CASES = {
    "same": (([P(A)], [P(A)]), {A}),
    "none": (([], []), None),
    "other": (([P(A)], [P(B)]), None),
    "leaf-without": (([P(A)], []), None),
    "several": (([P(A, B)], [P(B, C)]), {B}),
    "any-above": (([P(ANY)], [P(A)]), {A}),
    "any-below": (([P(A)], [P(ANY)]), {A}),
    "any-both": (([P(ANY)], [P(ANY)]), {ANY}),
    "any-inhibited": (([P(ANY), INHIBIT_ANY], [P(ANY)]), None),
    "any-inhibited-named": (([P(ANY), INHIBIT_ANY], [P(A)]), {A}),
    "mapped": (([P(A), M((A, B))], [P(B)]), {A}),
    "mapped-away": (([P(A), M((A, B))], [P(A)]), None),
    "mapped-to-two": (([P(A), M((A, B), (A, C))], [P(B)]), {A}),
    "mapped-from-any": (([P(ANY), M((A, B))], [P(B)]), {A}),
    "mapping-inhibited": (([P(A, B), INHIBIT_MAPPING], [P(A), M((A, B))], [P(B)]), None),
    "mapping-inhibited-untouched": (([P(A, B), INHIBIT_MAPPING], [P(A, B), M((A, C))], [P(B)]), {B}),
    "three": (([P(A, B)], [P(A)], [P(A)]), {A}),
    "three-mapped-twice": (([P(A), M((A, B))], [P(B), M((B, C))], [P(C)]), {A}),
}


@pytest.mark.parametrize("name", CASES)
def test_policies(name: str) -> None:
    levels, wanted = CASES[name]
    chain = path(*levels)
    if wanted is None:
        assert check_policies(chain, frozenset((A, B, C))) == frozenset()
        with pytest.raises(CertificateError) as caught:
            check_policies(chain, wanted=True)
        assert caught.value.reason is Reason.POLICY
    else:
        assert check_policies(chain, wanted=True) == wanted
        if ANY not in wanted:
            with pytest.raises(CertificateError, match="no acceptable policy"):
                check_policies(chain, frozenset(("1.2.9",)), wanted=True)


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_openssl_agrees(name: str, tmp_path: pathlib.Path) -> None:
    levels, wanted = CASES[name]
    leaf, *others, root = path(*levels)
    (tmp_path / "leaf").write_text(leaf.to_pem())
    (tmp_path / "others").write_text("".join(one.to_pem() for one in others))
    (tmp_path / "root").write_text(root.to_pem())
    command = [
        "verify",
        "-explicit_policy",
        "-policy_check",
        "-policy",
        ANY,
        "-attime",
        str(NOW),
        "-CAfile",
        "root",
        "-untrusted",
        "others",
        "leaf",
    ]
    done = subprocess.run([peer("openssl"), *command], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode == 0) is (wanted is not None), done.stderr


def test_a_certificate_demands_a_policy() -> None:
    with pytest.raises(CertificateError, match="one is wanted"):
        check_policies(path([P(A), REQUIRE], [P(B)]))
    assert check_policies(path([P(A), REQUIRE], [P(A)])) == {A}
    later = encode.policy_constraints(require_explicit=5)
    assert check_policies(path([P(A), later], [P(B)])) == frozenset()
    with pytest.raises(CertificateError):
        check_policies(path([P(A)], [REQUIRE]))


def test_any_policy_is_not_mapped() -> None:
    for pair in ((ANY, A), (A, ANY)):
        for wanted in (False, True):
            with pytest.raises(CertificateError, match="anyPolicy in a mapping"):
                check_policies(path([P(A), M(pair)], [P(A)]), wanted=wanted)
    assert check_policies(path([P(A), M((A, B))], [P(B)])) == frozenset()


def test_self_issued_certificates_do_not_count() -> None:
    """inhibitAnyPolicy 0 above a self-issued certificate: anyPolicy goes on there.  RFC 5280 §6.1.3 (d)(2)."""
    chain = path([P(A), INHIBIT_ANY], [P(ANY)], [P(A)], own=True)
    assert chain[1].is_self_issued
    assert check_policies(chain, wanted=True) == {A}


def test_many_policies_end() -> None:
    """RFC 9618: what would be a tree of exponential size is a graph, and that is bounded."""
    many = [f"1.2.{n}" for n in range(400)]
    pairs = [(one, other) for one in many[:20] for other in many[:20]]
    chain = path(*([[P(*many[:20]), M(*pairs)]] * 8), [P(*many[:20])])
    assert check_policies(chain, wanted=True) == set(many[:20])
    with pytest.raises(CertificateError) as caught:
        check_policies(path(*([[P(*many)]] * 11)), wanted=True)
    assert caught.value.reason is Reason.LIMIT
