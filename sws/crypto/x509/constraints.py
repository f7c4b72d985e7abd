# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Name constraints: where the names below a CA must be, and where they must not.  RFC 5280 §4.2.1.10, §6.1.3 (b) and (c), §6.1.4 (g).

The constraints of every CA of a path hold for all certificates below it.  A name must be within one of the permitted subtrees of its kind
of each CA that has such, and within no excluded one.  A name of a kind that cannot be compared is refused where a constraint is on it.

A wildcard stands for every name that it covers: permitted where all of them are, excluded where one of them is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, final

from sws.crypto.x509 import oids
from sws.crypto.x509.certificate import Certificate
from sws.crypto.x509.extensions import NameConstraints
from sws.crypto.x509.general_names import GeneralName, Kind
from sws.crypto.x509.hosts import address_octets, is_presentable, is_reference
from sws.crypto.x509.names import ATTRIBUTES, Name
from sws.crypto.x509.refusal import CertificateError, Reason

__all__ = ["MAX_COMPARISONS", "Constraints", "Spent", "check_names", "is_within"]

MAX_COMPARISONS: Final = 1 << 17
"""Names times constraints, over all paths of a search."""


@final
class Spent:
    """How many comparisons were made, of how many that may be."""

    __slots__ = ("comparisons", "maximum")

    def __init__(self, maximum: int = MAX_COMPARISONS) -> None:
        self.comparisons = 0
        self.maximum = maximum

    def add(self, comparisons: int, depth: int) -> None:
        """Raises: CertificateError for too many in all."""
        self.comparisons += comparisons
        if self.comparisons > self.maximum:
            raise CertificateError(Reason.LIMIT, f"more than {self.maximum} comparisons of names with constraints", depth)


@final
class Constraints:
    """The constraints of the CAs of a path, from the top down."""

    __slots__ = ("_levels", "_spent")

    def __init__(self, spent: Spent) -> None:
        self._levels: list[NameConstraints] = []
        self._spent = spent

    def add(self, constraints: NameConstraints | None) -> None:
        """What a CA's certificate says about those below."""
        if constraints is not None:
            self._levels.append(constraints)

    def check(self, certificate: Certificate, depth: int) -> None:
        """Whether the names of a certificate keep to what all CAs above it say.

        Raises: CertificateError; also for more comparisons than may be.
        """
        if not self._levels:
            return
        names = list(_names(certificate))
        weight = len(names) + len(certificate.subject.rdns)
        self._spent.add(weight * sum(len(level.permitted) + len(level.excluded) for level in self._levels), depth)
        for level in self._levels:
            for name in names:
                problem = _problem(name, level)
                if problem:
                    raise CertificateError(Reason.NAME_CONSTRAINTS, f"{name}: {problem}", depth)


def _names(certificate: Certificate) -> Iterator[GeneralName]:
    """All names that constraints are about: the subject, alternative names, without such also mail boxes of the subject."""
    subject = certificate.subject
    if subject:
        yield GeneralName(Kind.DIRECTORY_NAME, subject)
    if oids.SUBJECT_ALT_NAME in certificate.extensions:
        yield from certificate.subject_alt_names
    else:
        yield from (GeneralName(Kind.RFC822_NAME, text) for text in subject.values(ATTRIBUTES["emailAddress"]))


def _problem(name: GeneralName, level: NameConstraints) -> str | None:
    """What is wrong with a name, in the eyes of one CA."""
    permitted = [base for base in level.permitted if base.kind is name.kind]
    excluded = [base for base in level.excluded if base.kind is name.kind]
    if not permitted and not excluded:
        return None
    if not _is_comparable(name) or not all(map(_is_constraint, (*permitted, *excluded))):
        return "a name or a constraint that cannot be compared"
    if any(is_within(name, base, partly=True) for base in excluded):
        return "excluded"
    if permitted and not any(is_within(name, base) for base in permitted):
        return "not permitted"
    return None


def _is_comparable(name: GeneralName) -> bool:
    kind, value = name
    if isinstance(value, Name):
        return True
    if isinstance(value, bytes):
        return kind is Kind.IP_ADDRESS
    if not isinstance(value, str):
        return False
    if kind is Kind.DNS_NAME:
        return is_presentable(value)
    if kind is Kind.RFC822_NAME:
        local, at, host = value.rpartition("@")
        return bool(at and local) and "@" not in local and is_reference(host)
    return kind is Kind.URI and is_reference(_uri_host(value))


def _is_constraint(base: GeneralName) -> bool:
    kind, value = base
    if not isinstance(value, str):
        return kind in (Kind.DIRECTORY_NAME, Kind.IP_ADDRESS)
    if kind is Kind.RFC822_NAME and "@" in value:
        return _is_comparable(base)
    return not value or is_reference(value.removeprefix("."))


def _uri_host(uri: str) -> str:
    """The host of a URI with an authority; "" if there is none.  RFC 5280 §4.2.1.10 knows no constraint on others, nor on addresses."""
    scheme, separator, rest = uri.partition("://")
    if not separator or not scheme:
        return ""
    authority = rest.replace("?", "/").replace("#", "/").partition("/")[0].rpartition("@")[2]
    host = authority.partition(":")[0]
    return "" if authority.startswith("[") or address_octets(host) is not None else host


def is_within(name: GeneralName, base: GeneralName, *, partly: bool = False) -> bool:
    """Whether a name is within a subtree of its kind.

    Args:
      partly:  of a wildcard: whether one of the names that it stands for is, rather than all.
    """
    kind, value = name
    if isinstance(value, Name) and isinstance(base.value, Name):
        return value.is_within(base.value)
    if isinstance(value, bytes) and isinstance(base.value, bytes):
        return _address_within(value, base.value)
    if not isinstance(value, str) or not isinstance(base.value, str):
        return False
    if kind is Kind.DNS_NAME:
        return _dns_within(value.lower(), base.value.lower(), partly)
    if kind is Kind.RFC822_NAME:
        local, _, host = value.rpartition("@")
        wanted, at, domain = base.value.rpartition("@")
        return (not at or local == wanted) and _host_within(host.lower(), domain.lower())
    return _host_within(_uri_host(value).lower(), base.value.lower())


def _dns_within(name: str, base: str, partly: bool) -> bool:
    """A host is within its own name, and any name that it ends with; ".example.com" leaves example.com itself out."""
    dotted = base if base.startswith(".") or not base else f".{base}"
    if not name.startswith("*."):
        return not base or name == base or name.endswith(dotted)
    stem = name[1:]
    if not base or stem.endswith(dotted):
        return True
    return partly and dotted.endswith(stem) and "." not in dotted[1 : -len(stem)]


def _host_within(host: str, base: str) -> bool:
    """Of mail boxes and URIs: a host is just that host, ".example.com" any host below it."""
    return not base or (host.endswith(base) if base.startswith(".") else host == base)


def _address_within(address: bytes, network: bytes) -> bool:
    half = len(network) // 2
    mask = int.from_bytes(network[half:], "big")
    return len(address) == half and int.from_bytes(address, "big") & mask == int.from_bytes(network[:half], "big") & mask


def check_names(path: Sequence[Certificate], spent: Spent) -> None:
    """Checks a path, leaf first.  Self-issued certificates but the leaf are passed over.  Raises: CertificateError."""
    constraints = Constraints(spent)
    for depth in range(len(path) - 1, -1, -1):
        certificate = path[depth]
        if depth < len(path) - 1 and (depth == 0 or not certificate.is_self_issued):
            constraints.check(certificate, depth)
        if depth:
            constraints.add(certificate.name_constraints)
