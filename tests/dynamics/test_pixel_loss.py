import numpy as np
import pytest

from kinescribe.dynamics import Bodies, Clip, Schedule, State, Values, simulate
from kinescribe.dynamics.fitting import Budget, PixelLoss, fit_law
from kinescribe.dynamics.library import FreeFall
from kinescribe.errors import UsageError

TIMES = np.arange(8) * 0.1
SIDE, SCALE = 48, 8.0


def draw(state, clip):
    """A soft grey disc, y up, 8 px a unit."""
    y, x = np.mgrid[:SIDE, :SIDE]
    squared = (x - SCALE * state[0, 0]) ** 2 + (SIDE - 1 - y - SCALE * state[1, 0]) ** 2
    picture = 255 * np.exp(-squared / (2 * 5.0**2))
    return np.repeat(picture[..., None], 3, axis=2).astype(np.uint8)


@pytest.fixture
def clip():
    bodies = Bodies.make(1)
    rolled = simulate(
        FreeFall(), Values({"gravity": np.array([[4.0]])}), State.of(bodies, x=1.0, y=4.0, vx=2.0, vy=1.0), Schedule.of([TIMES])
    )
    x, y = rolled.component("x")[0], rolled.component("y")[0]
    empty = np.full_like(x, np.nan)
    # what a table saw is a bit off; the pictures aren't
    table = Clip("c", TIMES, bodies, x + 0.03, y, empty, empty, empty, empty, *(np.full_like(x, 0.05),) * 3, unit="m")
    return table, np.stack([draw(rolled.data[:, 0, k], 0) for k in range(len(TIMES))])


def test_pixels_find_what_the_table_missed(clip):
    table, frames = clip
    loss = PixelLoss(draw, [frames])
    by_states = fit_law(FreeFall(), [table])
    found = fit_law(FreeFall(), [table], optimizer="powell", loss=loss, start={"gravity": 4.1}, budget=Budget(rollouts=1_500))
    assert found.estimates["gravity"].value == pytest.approx(4.0, abs=0.05)
    assert abs(found.clips[0].initial[0, 0] - 1.0) < 0.5 * abs(by_states.clips[0].initial[0, 0] - 1.0)


def test_pictures_that_do_not_fit_are_told(clip):
    table, frames = clip
    with pytest.raises(UsageError, match="the renderer draws pictures of the shape"):
        PixelLoss(draw, [frames[:, :24]])(np.zeros((6, 8, 1)), 0)
    with pytest.raises(UsageError, match="9 pictures for the 8 times"):
        PixelLoss(draw, [np.concatenate([frames, frames[:1]])])(np.zeros((6, 8, 1)), 0)
    with pytest.raises(UsageError, match="needs the pictures of every clip"):
        PixelLoss(draw, [])
    with pytest.raises(UsageError, match="lm needs"):
        fit_law(FreeFall(), [table], loss=PixelLoss(draw, [frames]))
