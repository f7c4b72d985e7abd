# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Answers that are complete before their request is: when the client hears that the rest is not wanted.  RFC 9113 §8.1, RFC 9114 §4.1.

A moment after the answer, not with it: there are clients that miss an answer which comes together with RST_STREAM or STOP_SENDING, and
then wait for ever (those of Java's library, of lsquic).  What they send meanwhile is thrown away.
"""

from __future__ import annotations

from typing import Final

__all__ = ["MOMENT"]

MOMENT: Final = 0.5
"""Seconds from the answer to that."""
