# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Streams: their states, their two parts, flow control, and who sends next.  RFC 9000 §2 to §4."""
