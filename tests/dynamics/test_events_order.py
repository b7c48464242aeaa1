"""Predicted contacts against those that were seen."""

from __future__ import annotations

import pytest

from kinescribe.dynamics import Impact
from kinescribe.dynamics.fitting.events import same_order


def hits(*who):
    return [Impact(0.1 * (k + 1), objects) for k, objects in enumerate(who)]


@pytest.mark.parametrize(
    ("predicted", "seen", "agree"),
    [
        ([], [], None),
        ([(0,)], [], None),
        ([], [(0,)], False),
        ([(0, 1), (1, 2)], [(0, 1), (1, 2)], True),
        ([(1, 2), (0, 1)], [(0, 1), (1, 2)], False),
        # light contacts are missed
        ([(0, 1), (0,), (1, 2), (2,)], [(0, 1), (1, 2)], True),
        # with nobody in common, either may be first
        ([(2, 3), (0, 1)], [(0, 1), (2, 3)], True),
        ([(2, 3), (0, 1)], [(0, 1), (2, 3), (0, 1)], False),
        ([(0,), (0,)], [(0,), (0,), (0,)], False),
        ([(0, 1)], [(0, 2)], False),
    ],
)
def test_order_is_that_of_each_objects_own_contacts(predicted, seen, agree):
    assert same_order(hits(*predicted), hits(*seen), until=9.0) is agree


def test_what_comes_after_the_end_does_not_count():
    assert same_order(hits((0, 1), (1, 2)), hits((0, 1), (0, 2)), until=0.15) is True
    assert same_order(hits((0, 1)), hits((0, 1)), until=0.05) is None
