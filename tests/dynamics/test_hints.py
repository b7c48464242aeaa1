"""What a user may have meant otherwise: axes that point down, inputs in other times or of no use."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_clips import Fall, table

from kinescribe.dynamics import Clip, Inputs, Law, Parameter
from kinescribe.dynamics.fitting import fit_law
from kinescribe.dynamics.report import hints, record, text
from kinescribe.states import Metadata, States

TIMES = np.linspace(0.0, 1.0, 21)


class Pushed(Law):
    name = "pushed"
    inputs = ("push",)
    gravity = Parameter(9.0, (0, 100), "length/time^2", "downward acceleration at a push of 1")

    def acceleration(self, t, state, parameters, inputs):
        return 0.0, -parameters.gravity * inputs.push


def falling(sign: float = -1.0, *, sidecar: bool = False) -> Clip:
    rng = np.random.default_rng(0)
    noise = 0.01 * rng.normal(size=(2, len(TIMES)))
    made = table([(TIMES + noise[0], 3.0 + sign * 4.5 * TIMES**2 + noise[1])], TIMES)
    return Clip.from_states(made if sidecar else States.from_columns(made.columns, Metadata()))


def test_things_that_fall_upwards_in_a_table_without_a_frame_are_hinted_at():
    clips = [falling(1.0)]
    found = fit_law(Fall(), clips)
    (line,) = hints(found, clips)
    assert "gravity would go below 0" in line
    assert "x_px and y_px" in line
    assert "Note: gravity would go below 0" in text(found, clips)
    assert record(found, clips)["hints"] == [line]


def test_where_the_frame_is_known_or_things_fall_nothing_is_hinted_at():
    for clips in ([falling(1.0, sidecar=True)], [falling(-1.0)]):
        found = fit_law(Fall(), clips)
        assert hints(found, clips) == []
        assert "gravity would" not in text(found, clips)


@pytest.mark.parametrize(
    ("times", "columns", "says"),
    [
        (1000 * TIMES, {"push": np.ones(21)}, "run to 1000 s and the motion to 1 s, so that 1 of 21 values act: are their times in milli"),
        (TIMES + 0.5, {"push": np.ones(21)}, "begin at 0.5 s and the motion at 0 s: their first value is taken to hold before"),
        (TIMES, {"push": np.ones(21), "pull": np.ones(21), "lift": np.ones(21)}, "law pushed has no use for the inputs pull, lift"),
    ],
)
def test_odd_inputs_are_hinted_at(times, columns, says):
    clip = falling(sidecar=True)
    clips = [Clip(**{**{name: getattr(clip, name) for name in clip.__slots__}, "inputs": Inputs.of(times, **columns)})]
    (line,) = hints(fit_law(Pushed(), clips), clips)
    assert says in line


@pytest.mark.parametrize("times", [TIMES, np.arange(0.0, 2000.0, 0.05), [0.0]])
def test_inputs_that_fit_are_not_talked_about(times):
    given = Inputs.of(times, push=np.ones(len(times)))
    assert given.doubts(["push"], 0.0, 1.0, "pushed") == []
