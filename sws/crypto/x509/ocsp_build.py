# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Making OCSP responses: a responder's side.  RFC 6960 §4.2.

answer = Answer(CertId.of(certificate, issuer), CertStatus.GOOD, this_update=now, next_update=now + 86400)
build_response([answer], key, issuer, now=now)                by the issuer itself
build_response([answer], key, delegate, now=now, certificates=[delegate])      by a delegated responder
build_failure(ResponseStatus.TRY_LATER)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, final

from sws.base.errors import UsageError
from sws.crypto.asn1 import tags, writer
from sws.crypto.keys.schemes import SigningKey, algorithm_of_scheme
from sws.crypto.system import Entropy, system_entropy
from sws.crypto.x509.certificate import Certificate
from sws.crypto.x509.crl import CrlReason
from sws.crypto.x509.encode import encode_extensions
from sws.crypto.x509.extensions import Extension
from sws.crypto.x509.ocsp_messages import BASIC_RESPONSE, NONCE, CertId, CertStatus, ResponseStatus, key_hash

__all__ = ["Answer", "build_failure", "build_response"]


@final
class Answer(NamedTuple):
    """What is to be said about one certificate: see `ocsp_messages.SingleResponse`."""

    cert_id: CertId
    status: CertStatus
    this_update: int
    next_update: int | None = None
    revoked_at: int | None = None
    reason: CrlReason | None = None
    extensions: Sequence[Extension] = ()

    def encode(self) -> bytes:
        """SingleResponse.  Raises: UsageError for a revoked certificate without a time, or a time without that."""
        if (self.status is CertStatus.REVOKED) is (self.revoked_at is None):
            raise UsageError("revoked_at belongs to a revoked certificate, and a revoked certificate has one")
        if self.revoked_at is None:
            status = writer.element(tags.context(self.status), b"")
        else:
            reason = b"" if self.reason is None else writer.explicit(0, writer.enumerated(self.reason))
            status = writer.element(tags.constructed(1), writer.generalized_time(self.revoked_at) + reason)
        listed = encode_extensions(self.extensions)
        return writer.sequence(
            self.cert_id.encode(),
            status,
            writer.generalized_time(self.this_update),
            b"" if self.next_update is None else writer.explicit(0, writer.generalized_time(self.next_update)),
            writer.explicit(1, listed) if listed else b"",
        )


def build_response(
    answers: Iterable[Answer],
    key: SigningKey,
    responder: Certificate,
    *,
    now: int,
    certificates: Sequence[Certificate] = (),
    nonce: bytes | None = None,
    by_name: bool = False,
    extensions: Sequence[Extension] = (),
    entropy: Entropy = system_entropy,
) -> bytes:
    """A signed response.

    Args:
      responder:     whose key `key` is: the issuer of the certificates, or its delegate.
      now:           producedAt.
      certificates:  to come along: those of a delegate.
      nonce:         that of the request.
      by_name:       whether the responder is named by its subject, not by its key.
      extensions:    further ones.
    Raises: UsageError if the key is not the responder's.
    Timing: as `SigningKey.sign`.
    """
    if key.public_spki != responder.spki:
        raise UsageError("the key is not that of the responder's certificate")
    name = (
        writer.explicit(1, responder.subject_der) if by_name else writer.explicit(2, writer.octet_string(key_hash(responder.spki, "sha1")))
    )
    listed = encode_extensions([*([Extension(NONCE, False, writer.octet_string(nonce))] if nonce is not None else ()), *extensions])
    tbs = writer.sequence(
        name,
        writer.generalized_time(now),
        writer.sequence(*(answer.encode() for answer in answers)),
        writer.explicit(1, listed) if listed else b"",
    )
    scheme = key.schemes[0]
    basic = writer.sequence(
        tbs,
        algorithm_of_scheme(scheme).encode(),
        writer.bit_string(key.sign(scheme, tbs, entropy)),
        writer.explicit(0, writer.sequence(*(one.der for one in certificates))) if certificates else b"",
    )
    content = writer.sequence(writer.oid(BASIC_RESPONSE), writer.octet_string(basic))
    return writer.sequence(writer.enumerated(ResponseStatus.SUCCESSFUL), writer.explicit(0, content))


def build_failure(status: ResponseStatus) -> bytes:
    """A response that says no more than why there is none.  Raises: UsageError for SUCCESSFUL."""
    if status is ResponseStatus.SUCCESSFUL:
        raise UsageError("success has more to say")
    return writer.sequence(writer.enumerated(status))
