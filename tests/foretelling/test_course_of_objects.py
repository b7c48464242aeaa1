"""Where objects are drawn: by the law, as seen, at rest, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.foretelling.course import Course
from kinescribe.states import Calibration, Metadata, States

STEP = 0.1


def table(rows: dict[int, dict[int, tuple[float, float]]], angles: dict[int, float] | None = None) -> States:
    """By object and frame the place; turning at so many radians a frame."""
    data: dict[str, list[object]] = {name: [] for name in ("frame", "time_s", "object_id", "x", "y", "angle", "status", "label", "vx")}
    for i, places in rows.items():
        for frame, (x, y) in places.items():
            turn = (angles or {}).get(i, np.nan) * frame
            for name, value in zip(data, (frame, STEP * frame, i, x, y, turn, "observed", f"thing {i}", 30.0), strict=True):
                data[name].append(value)
    return States.from_columns({name: np.array(values) for name, values in data.items()}, Metadata(calibration=Calibration.pixels()))


SEEN = table(
    {
        1: {k: (10.0 + k, 5.0) for k in range(10)},
        2: {k: (50.0, 3.0 * k) for k in range(10)},
        3: dict.fromkeys(range(4), (80.0, 80.0)),
    },
    {1: 0.2},
)
NEXT = table({1: {k: (10.0 + k, 5.0) for k in range(10, 20)}})


def places(poses):
    return {pose.object_id: (pose.x, pose.y) for pose in poses}


def course(future: States = NEXT, **options: object) -> Course:
    return Course.of(SEEN, future, None, [1], **{"begins_s": 0.901, "seen_until_s": 0.9, **options})  # type: ignore[arg-type]


def test_the_law_s_objects_go_on_and_others_rest_where_they_were_last():
    found = course()
    assert places(found.foretold(1.5)) == {1: (pytest.approx(25.0), 5.0), 2: (50.0, 27.0)}
    assert places(found.foretold(1.55))[1] == (pytest.approx(25.5), 5.0)
    assert found.gone == (3,)
    assert found.ends_s == pytest.approx(1.9)
    (resting,) = found.rest.values()
    assert (resting.seen, resting.velocity) == (False, (0.0, 0.0))


def test_before_the_end_others_move_as_they_were_seen():
    changed = table({1: {k: (0.0, float(k)) for k in range(3, 20)}})
    found = course(changed, begins_s=0.3)
    assert places(found.foretold(0.5)) == {1: (0.0, pytest.approx(5.0)), 2: (50.0, pytest.approx(15.0))}
    assert places(found.foretold(0.3)) == {1: (0.0, pytest.approx(3.0)), 2: (50.0, pytest.approx(9.0)), 3: (80.0, 80.0)}
    assert places(found.observed(0.2))[1] == (pytest.approx(12.0), 5.0)


def test_what_is_taken_away_is_not_drawn_at_rest():
    found = Course.of(SEEN, NEXT, None, [1, 2], begins_s=0.901, seen_until_s=0.9)
    assert set(places(found.foretold(1.5))) == {1}


def test_an_angle_that_the_law_does_not_tell_stays_as_last_seen():
    found = course()
    (one,) = [pose for pose in found.foretold(1.5) if pose.object_id == 1]
    last = next(pose for pose in found.observed(0.9) if pose.object_id == 1)
    assert one.angle == pytest.approx(last.angle)
    early = course(table({1: {k: (0.0, float(k)) for k in range(3, 20)}}), begins_s=0.3)
    (one,) = [pose for pose in early.foretold(0.8) if pose.object_id == 1]
    assert abs(one.angle) == pytest.approx(0.2 * 3)


def test_an_angle_that_the_law_tells_is_taken():
    told = table({1: {k: (10.0 + k, 5.0) for k in range(10, 20)}}, {1: 0.5})
    (one,) = [pose for pose in course(told).foretold(1.5) if pose.object_id == 1]
    assert abs(one.angle) == pytest.approx(7.5)


def test_ghosts_are_the_factual_course():
    found = Course.of(SEEN, NEXT, SEEN, [1], begins_s=0.0, seen_until_s=0.9)
    assert places(found.otherwise(0.4))[1] == (pytest.approx(14.0), 5.0)
    assert course().otherwise(0.4) == ()
