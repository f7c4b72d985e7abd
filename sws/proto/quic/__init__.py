# SPDX-License-Identifier: Apache-2.0 OR MIT
"""QUIC versions 1 and 2: transport (RFC 9000, 9369), security (RFC 9001), recovery (RFC 9002), as engines without I/O."""
