# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Cryptography in pure Python: one primitive a file; `ref/` holds readable twins, `kernels/` fast forms, `selection` says which is used."""
