# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Readable twins: each primitive in the order of its specification, to be read beside it.  Slow on purpose."""
