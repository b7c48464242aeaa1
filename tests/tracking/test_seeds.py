"""Small fast things: their path is no chance, and chance is no path."""

import numpy as np
import pytest
from drawn import GREY, detections_of, hidden, line

from kinescribe.tracking.observations import flatten
from kinescribe.tracking.seeds import find_fast_paths

FIELD = (320.0, 240.0)
THROWN = line((10, 180), (24, -22), 13, (0, 3.4))  # a radius of 3: steps of eight radii


def ball(positions: np.ndarray) -> list[dict[str, object]]:
    return [{"positions": positions, "radius": 3.0, "color": GREY, "contrast": 20.0}]


@pytest.mark.parametrize("clutter", [0, 3, 10])
@pytest.mark.parametrize("seed", range(3))
def test_a_thrown_ball_among_clutter(clutter: int, seed: int) -> None:
    found, owners = detections_of(ball(THROWN), 13, clutter=clutter, seed=seed, noise=0.2)
    seen = flatten(found)
    paths = find_fast_paths(seen, np.ones(len(seen), bool), FIELD)
    assert paths
    of_ball = [i for i in paths[0] if owners[int(seen.frames[i])][int(seen.rows[i])] == 0]
    assert len(of_ball) >= 11
    assert len(paths[0]) - len(of_ball) <= 1


def test_a_missed_frame_is_bridged() -> None:
    found, _ = detections_of(ball(hidden(THROWN, 6, 7)), 13, noise=0.2)
    seen = flatten(found)
    (path,) = find_fast_paths(seen, np.ones(len(seen), bool), FIELD)
    assert seen.frames[path].tolist() == [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]


def test_clutter_alone_is_no_path() -> None:
    total = 0
    for seed in range(8):
        seen = flatten(detections_of([], 30, clutter=6, seed=seed)[0])
        total += len(find_fast_paths(seen, np.ones(len(seen), bool), FIELD))
    assert total <= 1  # one in a thousand clips is what is asked for


def test_only_free_sightings_and_each_once() -> None:
    other = line((310, 60), (-25, 4), 13)
    found, owners = detections_of(ball(THROWN) + ball(other), 13, noise=0.2, clutter=2)
    seen = flatten(found)
    flat = np.array([owner for frame in owners for owner in frame])
    both = find_fast_paths(seen, np.ones(len(seen), bool), FIELD)
    used = np.concatenate(both)
    assert len(used) == len(set(used.tolist()))
    assert {frozenset(flat[path].tolist()) for path in both if len(path) >= 11} == {frozenset({0}), frozenset({1})}
    for path in find_fast_paths(seen, flat != 0, FIELD):
        assert 0 not in flat[path]


def test_too_short_to_tell() -> None:
    seen = flatten(detections_of(ball(THROWN[:3]), 3)[0])
    assert find_fast_paths(seen, np.ones(len(seen), bool), FIELD) == []
