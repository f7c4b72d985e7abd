# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fast forms, named by technique.  What each does is what its twin in `sws.crypto.ref` does."""
