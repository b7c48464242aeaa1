"""Two ids for one thing."""

from __future__ import annotations

import numpy as np
from drawn_scenes import DISC_R, N, scene_video, table

import kinescribe as ks
from kinescribe.renderers.reviewing.twins import twins


def test_one_thing_with_two_ids_is_found():
    video, states, _ = scene_video()
    mine = states["object_id"] == 1
    columns = {name: np.concatenate([values, values[mine]]) for name, values in states.columns.items()}
    columns["object_id"] = np.concatenate([states["object_id"], np.full(int(mine.sum()), 55)])
    doubled = type(states).from_columns(columns, states.meta)
    review = ks.review(video, doubled)
    for object_id, twin in ((1, 55), (55, 1)):
        rows = review.states["object_id"] == object_id
        assert all(f"at one place with {twin}" in text for text in review.states["review"][rows])
    assert not any("one place" in text for text in review.states["review"][review.states["object_id"] == 2])


def test_what_crosses_is_not_one_thing():
    rows = {1: [(20.0 + 5 * k, 60.0, np.nan) for k in range(N)], 2: [(140.0 - 5 * k, 60.0, np.nan) for k in range(N)]}
    size = (2 * DISC_R, 2 * DISC_R)
    assert twins(table([1, 2], rows, {1: size, 2: size}, {1: "disc", 2: "disc"})) == {}
    # an axle on its wheel is another thing
    on = {1: rows[1], 2: rows[1]}
    assert twins(table([1, 2], on, {1: size, 2: (4.0, 4.0)}, {1: "disc", 2: "disc"})) == {}
    assert set(twins(table([1, 2], on, {1: size, 2: size}, {1: "disc", 2: "disc"}))) == {1, 2}
