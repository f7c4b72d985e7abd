# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From a leaf to a root: building a path of certificates, and believing it.  RFC 5280 §6, RFC 4158, RFC 9525.

A path is leaf, intermediates, root; each is signed by the next.  Paths are tried depth first: issuers are found by name, those whose
subjectKeyIdentifier is the one that authorityKeyIdentifier hints at before the others, roots before intermediates.  A certificate is put
on the path only if it stands by itself (`checks`) and its signature on the one below verifies; a path that has reached a root is judged as
a whole: names (`constraints`), policies (`policies`), revocation (`revocation`), and where it is asked for the rules of a `Profile`.

What bounds the work, whatever a peer sends: the length of paths; a name with a key is on a path once; signatures verified, certificates
tried, paths judged and names compared, over all paths (`Limits`).  A certificate is looked at by itself once, and a signature is verified
once for a pair of certificate and key.

The root is checked like the others, but for its signature: it is trusted for what it says, not for who has signed it.  A leaf that is
itself among the roots is a path of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from sws.base.errors import DecodeError, LimitExceeded
from sws.crypto.keys.schemes import verify_by_algorithm
from sws.crypto.x509.certificate import Certificate
from sws.crypto.x509.checks import (
    MINIMUM_RSA_BITS,
    check_common,
    check_issuer,
    check_leaf,
    check_name,
    purpose_oid,
    signature_algorithm,
)
from sws.crypto.x509.constraints import MAX_COMPARISONS, Spent, check_names
from sws.crypto.x509.names import Name
from sws.crypto.x509.policies import check_policies
from sws.crypto.x509.profile import Profile, Role, violations
from sws.crypto.x509.refusal import CertificateError, Reason

if TYPE_CHECKING:
    from sws.crypto.x509.crl import CertificateRevocationList

__all__ = ["Limits", "Roots", "verify_chain"]


@final
@dataclass(frozen=True, slots=True)
class Limits:
    """How much a chain may cost.

    Attributes:
      intermediates:     of a path.
      offered:           certificates that are looked at beside the leaf.
      signatures:        verified over all paths.
      tried:             certificates put to the test over all paths.
      paths:             that have reached a root and are judged as a whole.
      comparisons:       of names with name constraints, over all paths.
      minimum_rsa_bits:  of every key.
    """

    intermediates: int = 8
    offered: int = 128
    signatures: int = 64
    tried: int = 1024
    paths: int = 32
    comparisons: int = MAX_COMPARISONS
    minimum_rsa_bits: int = MINIMUM_RSA_BITS


DEFAULT_LIMITS: Final = Limits()


@final
class Roots:
    """Trusted certificates, to be found by name: made once, used for many chains."""

    __slots__ = ("_all", "_by_name")

    def __init__(self, certificates: Iterable[Certificate]) -> None:
        """Certificates with a malformed name are left out: nothing can be issued by them."""
        self._all: set[bytes] = set()
        self._by_name: dict[Name, list[Certificate]] = {}
        for certificate in certificates:
            try:
                name = certificate.subject
            except (DecodeError, LimitExceeded):
                continue
            if certificate.der not in self._all:
                self._all.add(certificate.der)
                self._by_name.setdefault(name, []).append(certificate)

    def named(self, name: Name) -> Sequence[Certificate]:
        """Those with that subject."""
        return self._by_name.get(name, ())

    def __contains__(self, certificate: Certificate) -> bool:
        return certificate.der in self._all

    def __iter__(self) -> Iterator[Certificate]:
        return (certificate for group in self._by_name.values() for certificate in group)

    def __len__(self) -> int:
        return len(self._all)


def verify_chain(
    leaf: Certificate,
    intermediates: Iterable[Certificate],
    roots: Roots | Iterable[Certificate],
    *,
    now: float,
    name: str | None = None,
    purpose: str | None = "serverAuth",
    limits: Limits = DEFAULT_LIMITS,
    profile: Profile = Profile.NONE,
    policies: frozenset[str] | None = None,
    require_policy: bool = False,
    crls: Sequence[CertificateRevocationList] = (),
    require_revocation: bool = False,
) -> tuple[Certificate, ...]:
    """A path from the leaf to a root that is to be believed.

    Args:
      intermediates:  what the peer has sent beside the leaf, in any order; may have certificates that are of no use.
      roots:          trusted certificates; they need not be self-signed.
      now:            seconds since 1970.
      name:           the host to be reached, in A-labels, or its address; None: any.
      purpose:        a name of `oids.PURPOSES` or an identifier; None: any.
      profile:        rules to hold every certificate to, beside what a verifier must see to.
      policies, require_policy:  user-initial-policy-set (None: any) and initial-explicit-policy of RFC 5280 §6.1.1.
      crls:           lists to look for the certificates in; a list of an issuer that cannot be used is a failure.
      require_revocation:  whether there must be such a list for all certificates but the root.
    Returns: leaf … root.
    Raises:  CertificateError if there is none, with the reason that came nearest to success; UsageError for a name or purpose that is none.
    Timing:  variable, all arguments are public.
    """
    trusted = roots if isinstance(roots, Roots) else Roots(roots)
    oid = purpose_oid(purpose)
    moment = int(now // 1)
    check_common(leaf, 0, moment, limits.minimum_rsa_bits)
    check_leaf(leaf, oid)
    if name is not None:
        check_name(leaf, name)

    spent = Spent(limits.comparisons)

    def judge(path: tuple[Certificate, ...]) -> None:
        check_names(path, spent)
        check_policies(path, policies, wanted=require_policy)
        for depth, certificate in enumerate(path):
            role = Role.ROOT if depth and depth == len(path) - 1 else Role.INTERMEDIATE if depth else Role.LEAF
            broken = violations(certificate, role, profile)
            if broken:
                raise CertificateError(Reason.PROFILE, broken[0], depth)
        if crls or require_revocation:
            from sws.crypto.x509.revocation import check_revocation

            check_revocation(path, crls, moment, required=require_revocation)

    return _Search(trusted, intermediates, moment, oid, limits, judge).run(leaf)


if TYPE_CHECKING:
    from collections.abc import Callable

    Judge = Callable[[tuple[Certificate, ...]], None]


@final
class _Search:
    """One search for a path."""

    def __init__(
        self, roots: Roots, intermediates: Iterable[Certificate], now: int, purpose: str | None, limits: Limits, judge: Judge
    ) -> None:
        self._roots = roots
        offered = list(intermediates)
        if len(offered) > limits.offered:
            raise CertificateError(Reason.LIMIT, f"{len(offered)} certificates, {limits.offered} allowed")
        self._offered = Roots(offered)
        self._now = now
        self._purpose = purpose
        self._limits = limits
        self._judge = judge
        self._signatures: dict[tuple[bytes, bytes], bool] = {}
        self._sound: dict[bytes, CertificateError | None] = {}
        self._tried = 0
        self._judged = 0
        self._failure: CertificateError | None = None

    def run(self, leaf: Certificate) -> tuple[Certificate, ...]:
        """The first path that is believed.  Raises: CertificateError."""
        if leaf in self._roots:
            self._judge((leaf,))
            return (leaf,)
        found = self._extend((leaf,), 0)
        if found is not None:
            return found
        raise self._failure or CertificateError(Reason.UNKNOWN_ISSUER, "no issuer that is trusted")

    def _note(self, error: CertificateError) -> None:
        """Keeps the failure of the longest path, the first of its length; an issuer that is merely unknown says least."""
        if error.reason is Reason.LIMIT:
            raise error
        known = self._failure
        if known is None or error.depth > known.depth:
            self._failure = error

    def _extend(self, path: tuple[Certificate, ...], followers: int) -> tuple[Certificate, ...] | None:
        """Tries every issuer of the last certificate; `followers` counts intermediates on the path that are not self-issued."""
        below = path[-1]
        try:
            signature_algorithm(below, len(path) - 1)
        except CertificateError as error:
            self._note(error)
            return None
        for issuer in _hinted(below, self._roots.named(below.issuer)):
            if self._may_issue(issuer, path, followers):
                whole = (*path, issuer)
                try:
                    self._judge_counted(whole)
                except CertificateError as error:
                    self._note(error)
                else:
                    return whole
        if len(path) > self._limits.intermediates:
            self._note(CertificateError(Reason.UNKNOWN_ISSUER, "no root after as many intermediates as are allowed", len(path) - 1))
            return None
        return self._through_intermediates(path, followers)

    def _judge_counted(self, path: tuple[Certificate, ...]) -> None:
        self._judged += 1
        if self._judged > self._limits.paths:
            raise CertificateError(Reason.LIMIT, f"more than {self._limits.paths} paths", len(path) - 1)
        self._judge(path)

    def _through_intermediates(self, path: tuple[Certificate, ...], followers: int) -> tuple[Certificate, ...] | None:
        below = path[-1]
        for issuer in _hinted(below, self._offered.named(below.issuer)):
            if issuer in self._roots or any(issuer.spki == one.spki and issuer.subject == one.subject for one in path):
                continue
            if self._may_issue(issuer, path, followers):
                found = self._extend((*path, issuer), followers + (not issuer.is_self_issued))
                if found is not None:
                    return found
        return None

    def _may_issue(self, issuer: Certificate, path: tuple[Certificate, ...], followers: int) -> bool:
        """Whether a certificate stands as the issuer of the last one of the path."""
        depth = len(path)
        self._tried += 1
        if self._tried > self._limits.tried:
            raise CertificateError(Reason.LIMIT, f"more than {self._limits.tried} certificates tried", depth)
        try:
            self._check_common(issuer, depth)
            check_issuer(issuer, depth, followers, self._purpose)
            self._check_signature(path[-1], issuer, depth)
        except CertificateError as error:
            self._note(error)
            return False
        return True

    def _check_common(self, issuer: Certificate, depth: int) -> None:
        """`check_common`, once for a certificate."""
        if issuer.der not in self._sound:
            try:
                check_common(issuer, depth, self._now, self._limits.minimum_rsa_bits)
                self._sound[issuer.der] = None
            except CertificateError as error:
                self._sound[issuer.der] = error
        known = self._sound[issuer.der]
        if known is not None:
            raise CertificateError(known.reason, known.detail, depth)

    def _check_signature(self, below: Certificate, issuer: Certificate, depth: int) -> None:
        pair = below.der, issuer.spki
        verified = self._signatures.get(pair)
        if verified is None:
            if len(self._signatures) >= self._limits.signatures:
                raise CertificateError(Reason.LIMIT, f"more than {self._limits.signatures} signatures to verify", depth)
            algorithm = signature_algorithm(below, depth - 1)
            verified = verify_by_algorithm(issuer.public_key, algorithm, below.tbs, below.signature)
            self._signatures[pair] = verified
        if not verified:
            raise CertificateError(Reason.BAD_SIGNATURE, "not by the issuer's key", depth - 1)


def _hinted(below: Certificate, issuers: Sequence[Certificate]) -> Sequence[Certificate]:
    """Issuers whose key identifier is the one wanted first, those with another one last.  RFC 4158 §3.5.12."""
    if len(issuers) < 2:
        return issuers
    authority = below.authority_key_identifier
    wanted = None if authority is None else authority.key_identifier

    def rank(issuer: Certificate) -> int:
        try:
            identifier = issuer.subject_key_identifier
        except (DecodeError, LimitExceeded):
            return 2
        return 1 if wanted is None or identifier is None else 0 if identifier == wanted else 2

    return sorted(issuers, key=rank)
