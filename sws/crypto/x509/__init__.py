# SPDX-License-Identifier: Apache-2.0 OR MIT
"""X.509: certificates, requests, names.  RFC 5280, RFC 9525, RFC 2986.

Certificate.from_pem(text)                                a certificate, read strictly
self_signed(key, names, now=...)                          and made
"""

from __future__ import annotations

from sws.crypto.x509.build import build_certificate, build_request, issue, new_authority, self_signed
from sws.crypto.x509.certificate import Certificate
from sws.crypto.x509.extensions import Extension, KeyUsage
from sws.crypto.x509.general_names import GeneralName, Kind
from sws.crypto.x509.names import Name
from sws.crypto.x509.profile import Profile
from sws.crypto.x509.refusal import CertificateError, Reason
from sws.crypto.x509.request import CertificateRequest
from sws.crypto.x509.verify import Limits, Roots, verify_chain

__all__ = [
    "Certificate",
    "CertificateError",
    "CertificateRequest",
    "Extension",
    "GeneralName",
    "KeyUsage",
    "Kind",
    "Limits",
    "Name",
    "Profile",
    "Reason",
    "Roots",
    "build_certificate",
    "build_request",
    "issue",
    "new_authority",
    "self_signed",
    "verify_chain",
]
