# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Counters, gauges, histograms, and their bound."""

from __future__ import annotations

from sws.observe import metrics
from sws.observe.metrics import Registry


def test_counters_and_gauges() -> None:
    registry = Registry()
    requests = registry.counter("requests", "Requests.", ("method", "status"))
    get = requests.labels("GET", "200")
    get.add()
    get.add(2)
    requests.labels("POST", "201").add()
    assert requests.labels("GET", "200") is get
    open_ = registry.gauge("open", "Open.").labels()
    open_.set(7)
    open_.add(-2)
    assert registry.totals() == {"requests": 4, "open": 5}
    assert [family.kind for family in registry.families] == ["counter", "gauge"]
    assert [(values, child.value) for values, child in requests] == [(("GET", "200"), 3), (("POST", "201"), 1)]
    assert requests.label_names == ("method", "status")


def test_histograms_count_up_to_and_with_the_bound() -> None:
    registry = Registry()
    family = registry.histogram("seconds", "Seconds.", (0.1, 1, 10), ("method",))
    child = family.labels("GET")
    for value in (0.05, 0.1, 0.100001, 1, 9, 10, 11, 1000):
        child.observe(value)
    assert child.counts == [2, 2, 2, 2]
    assert child.total == 0.05 + 0.1 + 0.100001 + 1 + 9 + 10 + 11 + 1000
    assert family.labels("POST").counts == [0, 0, 0, 0]
    assert registry.totals() == {}
    assert family.kind == "histogram"


def test_what_a_peer_invents_is_bounded() -> None:
    family = Registry().counter("c", "C.", ("name",))
    first = family.labels("first")
    for number in range(5000):
        family.labels(f"name{number}").add()
    children = dict(family)
    assert len(children) == metrics._CHILDREN_MAXIMUM + 1
    assert children[("other",)].value == 5000 - (metrics._CHILDREN_MAXIMUM - 1)
    assert family.labels("first") is first
    assert family.labels("new") is family.labels("newer")
    assert sum(child.value for child in children.values()) == 5000
