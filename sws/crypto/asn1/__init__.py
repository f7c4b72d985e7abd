# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ASN.1 in its distinguished encoding, DER: X.690 §8, §10 and §11, as far as keys and certificates use it.

`reader` takes octets apart and accepts the one encoding that DER allows; `writer` puts them together; `oids` and `times` turn object
identifiers and times into strings and numbers.
"""
