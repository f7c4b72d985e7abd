# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import pytest

from sws.base.errors import LimitExceeded
from sws.base.limits import Bound


def test_a_bound() -> None:
    bound = Bound("connections", 3)
    assert bound.try_add()
    assert bound.try_add(2)
    assert not bound.try_add()
    with pytest.raises(LimitExceeded) as caught:
        bound.add(4)
    assert (caught.value.limit, caught.value.value, caught.value.maximum) == ("connections", 7, 3)
    assert (bound.value, bound.peak, bound.refused) == (3, 3, 2)
    bound.remove(2)
    bound.remove()
    bound.add()
    assert (bound.value, bound.peak) == (1, 3)
