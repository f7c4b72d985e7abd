# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Object identifiers of extensions, key purposes and access methods.  RFC 5280 Appendix A, RFC 6960 Appendix B, RFC 7633."""

from __future__ import annotations

from typing import Final

SUBJECT_DIRECTORY_ATTRIBUTES: Final = "2.5.29.9"
SUBJECT_KEY_IDENTIFIER: Final = "2.5.29.14"
KEY_USAGE: Final = "2.5.29.15"
SUBJECT_ALT_NAME: Final = "2.5.29.17"
ISSUER_ALT_NAME: Final = "2.5.29.18"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
CRL_NUMBER: Final = "2.5.29.20"
CRL_REASON: Final = "2.5.29.21"
INVALIDITY_DATE: Final = "2.5.29.24"
DELTA_CRL_INDICATOR: Final = "2.5.29.27"
ISSUING_DISTRIBUTION_POINT: Final = "2.5.29.28"
CERTIFICATE_ISSUER: Final = "2.5.29.29"
NAME_CONSTRAINTS: Final = "2.5.29.30"
CRL_DISTRIBUTION_POINTS: Final = "2.5.29.31"
CERTIFICATE_POLICIES: Final = "2.5.29.32"
ANY_POLICY: Final = "2.5.29.32.0"
POLICY_MAPPINGS: Final = "2.5.29.33"
AUTHORITY_KEY_IDENTIFIER: Final = "2.5.29.35"
POLICY_CONSTRAINTS: Final = "2.5.29.36"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
ANY_EXTENDED_KEY_USAGE: Final = "2.5.29.37.0"
FRESHEST_CRL: Final = "2.5.29.46"
INHIBIT_ANY_POLICY: Final = "2.5.29.54"
AUTHORITY_INFO_ACCESS: Final = "1.3.6.1.5.5.7.1.1"
SUBJECT_INFO_ACCESS: Final = "1.3.6.1.5.5.7.1.11"
TLS_FEATURE: Final = "1.3.6.1.5.5.7.1.24"
OCSP_NO_CHECK: Final = "1.3.6.1.5.5.7.48.1.5"
SCT_LIST: Final = "1.3.6.1.4.1.11129.2.4.2"
EXTENSION_REQUEST: Final = "1.2.840.113549.1.9.14"

ACCESS_OCSP: Final = "1.3.6.1.5.5.7.48.1"
ACCESS_CA_ISSUERS: Final = "1.3.6.1.5.5.7.48.2"
QUALIFIER_CPS: Final = "1.3.6.1.5.5.7.2.1"
QUALIFIER_NOTICE: Final = "1.3.6.1.5.5.7.2.2"

PURPOSES: Final = {
    "serverAuth": "1.3.6.1.5.5.7.3.1",
    "clientAuth": "1.3.6.1.5.5.7.3.2",
    "codeSigning": "1.3.6.1.5.5.7.3.3",
    "emailProtection": "1.3.6.1.5.5.7.3.4",
    "timeStamping": "1.3.6.1.5.5.7.3.8",
    "OCSPSigning": "1.3.6.1.5.5.7.3.9",
    "anyExtendedKeyUsage": ANY_EXTENDED_KEY_USAGE,
}
"""Names of key purposes as RFC 5280 §4.2.1.12 prints them, without "id-kp-"."""

EXTENSION_NAMES: Final = {
    SUBJECT_DIRECTORY_ATTRIBUTES: "subjectDirectoryAttributes",
    SUBJECT_KEY_IDENTIFIER: "subjectKeyIdentifier",
    KEY_USAGE: "keyUsage",
    SUBJECT_ALT_NAME: "subjectAltName",
    ISSUER_ALT_NAME: "issuerAltName",
    BASIC_CONSTRAINTS: "basicConstraints",
    CRL_NUMBER: "cRLNumber",
    CRL_REASON: "reasonCode",
    INVALIDITY_DATE: "invalidityDate",
    DELTA_CRL_INDICATOR: "deltaCRLIndicator",
    ISSUING_DISTRIBUTION_POINT: "issuingDistributionPoint",
    CERTIFICATE_ISSUER: "certificateIssuer",
    NAME_CONSTRAINTS: "nameConstraints",
    CRL_DISTRIBUTION_POINTS: "cRLDistributionPoints",
    CERTIFICATE_POLICIES: "certificatePolicies",
    POLICY_MAPPINGS: "policyMappings",
    AUTHORITY_KEY_IDENTIFIER: "authorityKeyIdentifier",
    POLICY_CONSTRAINTS: "policyConstraints",
    EXTENDED_KEY_USAGE: "extKeyUsage",
    FRESHEST_CRL: "freshestCRL",
    INHIBIT_ANY_POLICY: "inhibitAnyPolicy",
    AUTHORITY_INFO_ACCESS: "authorityInfoAccess",
    SUBJECT_INFO_ACCESS: "subjectInfoAccess",
    TLS_FEATURE: "tlsFeature",
    OCSP_NO_CHECK: "ocsp-nocheck",
    SCT_LIST: "signedCertificateTimestampList",
}
