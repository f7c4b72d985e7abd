# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Building and believing paths: cross-signing, loops, many CAs of one name, explosions; each ends within its limit, with its reason."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from sws.base.errors import UsageError
from sws.crypto.asn1 import writer
from sws.crypto.x509 import (
    Certificate,
    CertificateError,
    Extension,
    GeneralName,
    KeyUsage,
    Kind,
    Limits,
    Name,
    Reason,
    Roots,
    encode,
    oids,
    verify_chain,
)
from sws.crypto.x509.constraints import Spent, check_names
from sws.crypto.x509.general_names import OtherName, dns, ip
from tests.crypto.x509.chains import DAY, NOW, authority, bare, leaf

ROOT = authority("Root", 0)
BELOW = ("Sub", 1, ("Root", 0))
SUB = authority(*BELOW)
LEAF = leaf(BELOW)  # type: ignore[arg-type]


def reason(certificate: Certificate, others: Sequence[Certificate], roots: Sequence[Certificate] = (ROOT,), **options: object) -> Reason:
    begin = time.perf_counter()
    with pytest.raises(CertificateError) as caught:
        verify_chain(certificate, others, roots, **({"now": NOW} | options))  # type: ignore[arg-type]
    assert time.perf_counter() - begin < 5
    return caught.value.reason


def test_a_path() -> None:
    unrelated = authority("Else", 3)
    assert verify_chain(LEAF, [unrelated, SUB], [ROOT], now=NOW, name="a.example") == (LEAF, SUB, ROOT)
    assert verify_chain(LEAF, [SUB, ROOT], Roots([ROOT]), now=NOW + 0.5, name="A.example.", purpose=None) == (LEAF, SUB, ROOT)
    assert verify_chain(LEAF, [], [SUB], now=NOW) == (LEAF, SUB)
    assert verify_chain(LEAF, [], [LEAF], now=NOW) == (LEAF,)
    assert reason(LEAF, []) is Reason.UNKNOWN_ISSUER
    assert reason(LEAF, [SUB], [unrelated]) is Reason.UNKNOWN_ISSUER
    assert reason(LEAF, [SUB], name="b.example") is Reason.NAME_MISMATCH
    assert reason(LEAF, [SUB], purpose="clientAuth") is Reason.PURPOSE
    with pytest.raises(UsageError, match="purpose"):
        verify_chain(LEAF, [SUB], [ROOT], now=NOW, purpose="nonsense")
    with pytest.raises(UsageError, match="neither"):
        verify_chain(LEAF, [SUB], [ROOT], now=NOW, name="a b")


def test_times_to_the_second() -> None:
    one = bare("L", "Root", 0, not_before=NOW, not_after=NOW + DAY)
    for moment in (NOW, NOW + 0.9, NOW + DAY, NOW + DAY + 0.9):
        assert verify_chain(one, [], [ROOT], now=moment)
    assert reason(one, [], now=NOW - 1) is Reason.NOT_YET_VALID
    assert reason(one, [], now=NOW - 0.5) is Reason.NOT_YET_VALID
    assert reason(one, [], now=NOW + DAY + 1) is Reason.EXPIRED


def test_signatures() -> None:
    forged = bare("L", "Root", 5)
    assert reason(forged, []) is Reason.BAD_SIGNATURE
    two = Certificate(LEAF.der.replace(writer.oid("1.2.840.10045.4.3.2"), writer.oid("1.2.840.10045.4.3.3"), 1))
    assert reason(two, [SUB]) is Reason.MALFORMED
    for oid, found in (("1.2.840.10045.4.3.1", Reason.SIGNATURE_ALGORITHM), ("1.2.840.10045.4.3.9", Reason.SIGNATURE_ALGORITHM)):
        weak = Certificate(LEAF.der.replace(writer.oid("1.2.840.10045.4.3.2"), writer.oid(oid)))
        assert reason(weak, [SUB]) is found


@pytest.mark.parametrize(
    ("extensions", "found"),
    [
        ((), Reason.NOT_A_CA),
        ((encode.basic_constraints(False),), Reason.NOT_A_CA),
        ((encode.basic_constraints(True), encode.key_usage((KeyUsage.CRL_SIGN,))), Reason.KEY_USAGE),
        ((encode.basic_constraints(True), encode.extended_key_usage(("clientAuth",))), Reason.PURPOSE),
        ((encode.basic_constraints(True), Extension("1.2.3", True, b"")), Reason.CRITICAL_EXTENSION),
        ((encode.basic_constraints(True), Extension(oids.KEY_USAGE, True, b"\x05\x00")), Reason.MALFORMED),
        ((encode.basic_constraints(True), encode.extended_key_usage(("anyExtendedKeyUsage",))), None),
        ((encode.basic_constraints(True),), None),
    ],
)
def test_issuers(extensions: Sequence[Extension], found: Reason | None) -> None:
    middle = bare("Middle", "Root", 0, key=4, extensions=extensions)
    one = bare("L", "Middle", 4)
    if found is None:
        assert verify_chain(one, [middle], [ROOT], now=NOW) == (one, middle, ROOT)
    else:
        assert reason(one, [middle]) is found


@pytest.mark.parametrize(
    ("extensions", "found"),
    [
        ((encode.key_usage((KeyUsage.KEY_AGREEMENT,)),), Reason.KEY_USAGE),
        ((encode.key_usage((KeyUsage.KEY_CERT_SIGN, KeyUsage.DIGITAL_SIGNATURE)),), Reason.KEY_USAGE),
        ((encode.extended_key_usage(("codeSigning",)),), Reason.PURPOSE),
        ((Extension("1.2.3", True, b""),), Reason.CRITICAL_EXTENSION),
        ((encode.key_usage((KeyUsage.DIGITAL_SIGNATURE,)),), None),
    ],
)
def test_leaves(extensions: Sequence[Extension], found: Reason | None) -> None:
    one = bare("L", "Root", 0, extensions=extensions)
    if found is None:
        assert verify_chain(one, [], [ROOT], now=NOW)
    else:
        assert reason(one, []) is found


def test_path_lengths() -> None:
    """RFC 5280 §4.2.1.9: intermediates that are not self-issued count."""
    short = bare("Short", "Root", 0, key=1, extensions=[encode.basic_constraints(True, 0)])
    below = bare("Below", "Short", 1, key=2, ca=True)
    own = bare("Short", "Short", 1, key=3, ca=True)
    assert reason(bare("L", "Below", 2), [short, below]) is Reason.PATH_LENGTH
    one = bare("L", "Short", 3)
    assert verify_chain(one, [short, own], [ROOT], now=NOW) == (one, own, short, ROOT)


def test_the_hint_comes_first_but_others_are_tried() -> None:
    """Two roots with one name: authorityKeyIdentifier says which; a wrong hint costs time only."""
    first, second = authority("Twin", 1), authority("Twin", 2)
    one = leaf(("Twin", 2))
    assert verify_chain(one, [], [first, second], now=NOW, limits=Limits(signatures=1)) == (one, second)
    misled = bare("L", "Twin", 2, further=[encode.authority_key_identifier(encode.key_identifier(first.spki))])
    assert verify_chain(misled, [], [first, second], now=NOW) == (misled, second)
    broken = bare("Twin", "Twin", 1, key=1, extensions=[Extension(oids.SUBJECT_KEY_IDENTIFIER, False, b"x")])
    assert verify_chain(one, [], [broken, second], now=NOW) == (one, second)


def test_cross_signed() -> None:
    """The newer root is known only under an older one; an expired cross-certificate beside does no harm."""
    crossed = bare("New", "Root", 0, key=1, ca=True)
    expired = bare("New", "Root", 0, key=1, ca=True, not_after=NOW - 1)
    one = bare("L", "New", 1)
    for offered in ([expired, crossed], [crossed, expired]):
        assert verify_chain(one, offered, [ROOT], now=NOW) == (one, crossed, ROOT)
    assert reason(one, [expired]) is Reason.EXPIRED


# --- pathological -----------------------------------------------------------------------------------------------------------


def test_loops_end() -> None:
    loop = [bare("A", "B", 2, key=1, ca=True), bare("B", "A", 1, key=2, ca=True)]
    assert reason(bare("L", "A", 1), loop) is Reason.UNKNOWN_ISSUER
    selfish = bare("A", "A", 1, key=1, ca=True)
    assert reason(bare("L", "A", 1), [selfish]) is Reason.UNKNOWN_ISSUER


@pytest.mark.slow
def test_many_of_one_name() -> None:
    """Every one signs every other: paths without number."""
    many = [bare("X", "X", signer, key=key, ca=True, serial=100 * signer + key) for signer in range(1, 8) for key in range(1, 8)]
    assert reason(bare("L", "X", 1), many) is Reason.LIMIT
    assert reason(bare("L", "X", 1), many, limits=Limits(signatures=10**6)) is Reason.LIMIT
    assert reason(LEAF, [SUB] * 129) is Reason.LIMIT


def test_many_roots_that_are_judged() -> None:
    """A path that reaches roots again and again, and is not believed for its names: judged a bounded number of times."""
    bad = encode.name_constraints(excluded=[dns("example")])
    roots = [bare("R", "R", 1, key=1, extensions=[encode.basic_constraints(True), bad], serial=serial) for serial in range(1, 50)]
    one = bare("L", "R", 1)
    assert reason(one, [], roots) is Reason.LIMIT
    assert reason(one, [], roots[:5]) is Reason.NAME_CONSTRAINTS


def test_too_long() -> None:
    chain = [bare(f"C{n}", f"C{n + 1}", n + 1, key=n, ca=True) for n in range(1, 12)]
    root = bare("C12", "C12", 12, key=12, ca=True)
    one = bare("L", "C1", 1)
    assert reason(one, chain, [root]) is Reason.UNKNOWN_ISSUER
    assert len(verify_chain(one, chain, [root], now=NOW, limits=Limits(intermediates=11))) == 13


def test_constraints_explode() -> None:
    names = [dns(f"h{n}.example") for n in range(600)]
    subtrees = encode.name_constraints(permitted=[dns(f"d{n}.example") for n in range(600)])
    middle = bare("Many", "Root", 0, key=1, extensions=[encode.basic_constraints(True), subtrees])
    one = bare("L", "Many", 1, further=[encode.subject_alt_name(names)])
    assert reason(one, [middle]) is Reason.LIMIT


# --- name constraints -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("permitted", "excluded", "names", "allowed"),
    [
        (("example",), (), ("a.example", "example"), True),
        (("example",), (), ("anexample.org",), False),
        (("example",), (), ("notexample",), False),
        ((".example.org",), (), ("a.example.org",), True),
        ((".example.org",), (), ("example.org",), False),
        ((), ("example",), ("a.example",), False),
        ((), ("example",), ("a.test",), True),
        (("a.example",), (), ("*.a.example",), True),
        (("x.a.example",), (), ("*.a.example",), False),
        ((), ("x.a.example",), ("*.a.example",), False),
        ((), ("y.x.a.example",), ("*.a.example",), True),
        (("10.0.0.0/8",), (), ("10.1.2.3",), True),
        (("10.0.0.0/8",), (), ("11.1.2.3",), False),
        (("10.0.0.0/8",), (), ("a.example",), True),
        ((), ("10.0.0.0/8",), ("::1",), True),
        ((), ("2001:db8::/32",), ("2001:db8::5",), False),
    ],
)  # fmt: skip
def test_constraints(permitted: Sequence[str], excluded: Sequence[str], names: Sequence[str], allowed: bool) -> None:
    limits = encode.name_constraints([subtree(one) for one in permitted], [subtree(one) for one in excluded])
    middle = bare("M", "Root", 0, key=1, extensions=[encode.basic_constraints(True), limits])
    one = bare("L", "M", 1, further=[encode.subject_alt_name(encode.host_names(names))])
    if allowed:
        assert verify_chain(one, [middle], [ROOT], now=NOW) == (one, middle, ROOT)
    else:
        assert reason(one, [middle]) is Reason.NAME_CONSTRAINTS


def subtree(text: str) -> object:
    import ipaddress

    if "/" not in text:
        return dns(text)
    network = ipaddress.ip_network(text)
    return ip(str(network.network_address))._replace(value=network.network_address.packed + network.netmask.packed)


def test_comparisons_are_counted() -> None:
    limits = encode.name_constraints(permitted=[dns("example")])
    middle = bare("M", "Root", 0, key=1, extensions=[encode.basic_constraints(True), limits])
    spent = Spent(3)
    check_names((bare("L", "M", 1), middle, ROOT), spent)
    assert spent.comparisons == 3  # a subject, its one attribute, and a host, with one subtree
    with pytest.raises(CertificateError, match="comparisons"):
        check_names((bare("L", "M", 1), middle, ROOT), spent)


def mail(text: str) -> GeneralName:
    return GeneralName(Kind.RFC822_NAME, text)


def uri(text: str) -> GeneralName:
    return GeneralName(Kind.URI, text)


@pytest.mark.parametrize(
    ("base", "name", "allowed"),
    [
        (mail("me@a.example"), mail("me@A.example"), True),
        (mail("me@a.example"), mail("Me@a.example"), False),
        (mail("a.example"), mail("me@a.example"), True),
        (mail("a.example"), mail("me@b.a.example"), False),
        (mail(".a.example"), mail("me@b.a.example"), True),
        (mail(".a.example"), mail("me@a.example"), False),
        (mail("a.example"), mail("no address"), False),
        (mail("a b@c"), mail("me@a.example"), False),
        (uri("a.example"), uri("http://a.example/x"), True),
        (uri("a.example"), uri("http://me@A.example:80?x"), True),
        (uri(".example"), uri("http://a.example"), True),
        (uri("a.example"), uri("http://b.example/"), False),
        (uri("a.example"), uri("http://192.0.2.1/"), False),
        (uri("a.example"), uri("http://[::1]/"), False),
        (uri("a.example"), uri("urn:a.example"), False),
        (dns("a b"), dns("a.example"), False),
        (dns(""), dns("a.example"), True),
        (
            GeneralName(Kind.OTHER_NAME, OtherName("1.2.3", writer.NULL)),
            GeneralName(Kind.OTHER_NAME, OtherName("1.2.3", writer.NULL)),
            False,
        ),
        (GeneralName(Kind.REGISTERED_ID, "1.2.3"), GeneralName(Kind.REGISTERED_ID, "1.2.3"), False),
        (GeneralName(Kind.X400_ADDRESS, b""), GeneralName(Kind.X400_ADDRESS, b""), False),
    ],
)
def test_constraints_on_other_names(base: GeneralName, name: GeneralName, allowed: bool) -> None:
    """RFC 5280 §4.2.1.10: mail boxes, URIs; what cannot be compared is refused."""
    middle = bare("M", "Root", 0, key=1, extensions=[encode.basic_constraints(True), encode.name_constraints(permitted=[base])])
    one = bare("L", "M", 1, further=[encode.subject_alt_name([name])])
    if allowed:
        assert verify_chain(one, [middle], [ROOT], now=NOW) == (one, middle, ROOT)
    else:
        assert reason(one, [middle]) is Reason.NAME_CONSTRAINTS


def test_mail_boxes_of_the_subject_where_there_are_no_alternative_names() -> None:
    limits = encode.name_constraints(permitted=[mail("a.example")])
    middle = bare("M", "Root", 0, key=1, extensions=[encode.basic_constraints(True), limits])
    for box, allowed in (("me@a.example", True), ("me@b.example", False)):
        subject = Name.build([("CN", "x"), ("emailAddress", box)])
        one = bare(subject, "M", 1, extensions=())
        if allowed:
            assert verify_chain(one, [middle], [ROOT], now=NOW)
        else:
            assert reason(one, [middle]) is Reason.NAME_CONSTRAINTS


def test_roots() -> None:
    malformed = Certificate(ROOT.der.replace(ROOT.subject_der, writer.element(0x30, b"\x30" + ROOT.subject_der[3:])))
    roots = Roots([malformed, ROOT, ROOT, SUB])
    assert list(roots) == [ROOT, SUB]
    assert len(roots) == 2
    assert ROOT in roots
    assert LEAF not in roots
