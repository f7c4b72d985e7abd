# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sws.proto.http.ranges import IGNORE, UNSATISFIABLE, ByteRange, content_range, parse_range, unsatisfied_range
from tests.kit.vectors import load_vectors

_VERDICTS = {"ignore": IGNORE, "unsatisfiable": UNSATISFIABLE}


def test_vectors() -> None:
    for case in load_vectors("http", "ranges", keys=("length", "value")):
        result = case["result"]
        expected = _VERDICTS[result] if isinstance(result, str) else [tuple(pair) for pair in result]
        assert parse_range(bytes.fromhex(case["value"]), case["length"]) == expected, case["id"]


def test_the_bound_is_an_argument() -> None:
    assert parse_range(b"bytes=0-0,2-2,4-4", 9, 2) is IGNORE
    assert parse_range(b"bytes=0-0,2-2,4-4", 9, 3) == [(0, 0), (2, 2), (4, 4)]


def test_content_range_of_the_rfc() -> None:
    assert content_range(42, 1233, 1234) == b"bytes 42-1233/1234"
    assert content_range(42, 1233, None) == b"bytes 42-1233/*"
    assert unsatisfied_range(1234) == b"bytes */1234"


_specs = st.tuples(st.none() | st.integers(0, 40), st.none() | st.integers(0, 40))


@given(st.lists(_specs, min_size=1, max_size=6), st.integers(0, 30))
def test_ranges_cover_what_was_asked_for(specs: list[tuple[int | None, int | None]], length: int) -> None:
    value = b"bytes=" + b", ".join(b"%b-%b" % tuple(b"" if n is None else b"%d" % n for n in spec) for spec in specs)
    valid = all((first, last) != (None, None) and (first is None or last is None or first <= last) for first, last in specs)
    asked: set[int] = set()
    members = []
    for first, last in specs:
        if first is None:
            members.append(set(range(max(0, length - (last or 0)), length)))
        else:
            members.append(set(range(first, length if last is None else min(last + 1, length))))
        asked |= members[-1]
    result = parse_range(value, length)
    if not valid:
        assert result is IGNORE
    elif isinstance(result, list):
        sent = [position for first, last in result for position in range(first, last + 1)]
        assert sorted(sent) == sorted(asked)  # everything that was asked for, once
        assert all(0 <= first <= last < length for first, last in result)
    elif result is UNSATISFIABLE:
        assert not asked
    else:
        overlapping = [one for index, one in enumerate(members) if any(one & other for at, other in enumerate(members) if at != index)]
        assert length == 0 or len(overlapping) > 2


@given(
    st.binary(max_size=40) | st.text("bytes=0123456789-, ", max_size=40).map(lambda text: b"bytes=" + text.encode()), st.integers(0, 1000)
)
def test_any_octets_give_a_verdict(value: bytes, length: int) -> None:
    result = parse_range(value, length)
    if isinstance(result, list):
        assert all(isinstance(part, ByteRange) and 0 <= part.first <= part.last < length for part in result)
        assert sum(part.last - part.first + 1 for part in result) <= length
