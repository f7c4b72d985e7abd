# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Waiting for descriptors: one contract (`base.Poller`) and a poller for each kernel; `choose` picks one."""
