# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Authenticated encryption with additional data: the two kinds in one place.  RFC 5116.

Both have the same four methods: `seal` and `open` for one message, `seal_many` and `open_many` for many under one key in one call.
"""

from __future__ import annotations

from sws.base.errors import AuthenticationError
from sws.crypto.aesgcm import AESGCM
from sws.crypto.chacha20poly1305 import ChaCha20Poly1305

__all__ = ["AESGCM", "AuthenticationError", "ChaCha20Poly1305"]
