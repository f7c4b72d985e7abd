# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Loss detection and congestion control, as functions of `now`.  RFC 9002, 9438, 9406, 8899."""
