import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.evaluation import Truth, heading_error, identity_switches

FRAMES = np.arange(30)
LEFT = np.stack([100.0 + FRAMES, np.full(30, 100.0)], axis=1)
RIGHT = np.stack([160.0 + FRAMES, np.full(30, 100.0)], axis=1)
TRUTH = {name: Truth(FRAMES, p, np.zeros(30)) for name, p in (("left", LEFT), ("right", RIGHT))}


def switches(one, two, keep=slice(None)):
    frames = np.concatenate([FRAMES[keep], FRAMES[keep]])
    ids = np.repeat([1, 2], len(FRAMES[keep]))
    x, y = np.concatenate([one[keep], two[keep]]).T
    return identity_switches(frames, ids, x, y, TRUTH)


def test_no_switch_where_ids_keep_their_owners():
    assert switches(LEFT + 3.0, RIGHT - 3.0) == []


def test_a_swap_and_its_swap_back_are_two_switches():
    swapped = ((FRAMES >= 10) & (FRAMES < 20))[:, None]
    assert switches(np.where(swapped, RIGHT, LEFT), np.where(swapped, LEFT, RIGHT)) == [10, 20]


def test_a_swap_is_seen_across_a_gap():
    swapped = (FRAMES >= 15)[:, None]
    keep = (FRAMES < 10) | (FRAMES >= 20)
    assert switches(np.where(swapped, RIGHT, LEFT), np.where(swapped, LEFT, RIGHT), keep) == [20]


def test_an_id_far_from_all_marks_owns_nothing_and_tears_no_pair_apart():
    away = LEFT + np.array([0.0, 400.0])
    assert switches(np.where((FRAMES % 2 == 0)[:, None], away, LEFT), RIGHT) == []


def test_one_id_that_walks_over_is_a_switch():
    walk = np.where((FRAMES >= 12)[:, None], RIGHT, LEFT)
    assert switches(walk, np.full((30, 2), np.nan)) == [12]


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_heading_error_is_folded(heading, error):
    truth = Truth(np.array([0]), np.zeros((1, 2)), np.array([heading]))
    score = heading_error([0], [heading + error], truth)
    assert score.median_deg == pytest.approx(np.rad2deg(np.abs(np.arctan2(np.sin(error), np.cos(error)))), abs=1e-6)


def test_head_taken_for_tail_is_told():
    truth = Truth(FRAMES, LEFT, np.full(30, 3.0))
    angles = np.where(FRAMES < 6, 3.0 + np.pi, 3.1)
    angles[29] = np.nan
    score = heading_error(FRAMES, angles, truth)
    assert (score.frames, score.flipped) == (29, pytest.approx(6 / 29))
    assert score.median_deg == pytest.approx(np.rad2deg(0.1))
    assert heading_error([99], [0.0], truth).frames == 0
