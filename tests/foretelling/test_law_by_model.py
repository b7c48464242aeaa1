"""``law="llm"`` of predict_video: the model competes with the library, and what it was asked is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fake_server import FakeServer

from kinescribe.dynamics.sandbox import isolation
from kinescribe.errors import UsageError
from kinescribe.foretelling.authors import Author
from kinescribe.llm import Settings
from kinescribe.states import States

pytestmark = pytest.mark.skipif(
    isolation().level == "none", reason="programs of a model run in the sandbox alone, and this system has none"
)
TURNING = """A force across the velocity.
```python
from kinescribe.dynamics import Law, Parameter


class Turning(Law):
    name = "turning"
    turn = Parameter(1.0, (-20, 20), "1/time", "rate at which the path turns")
    pull = Parameter(1.0, (0, 20), "length/time^2", "downward")

    def acceleration(self, t, state, parameters, inputs):
        return -parameters.turn * state.vy, parameters.turn * state.vx - parameters.pull
```
"""


def test_what_the_library_explains_costs_nothing_and_is_recorded(foretell, tmp_path):
    with FakeServer(TURNING) as server:
        made, path = foretell(law="llm", model=Settings(model="m", base_url=server.url), record=tmp_path / "run.json")
    assert path.exists()
    assert server.requests == []
    assert made.fit.ok
    assert json.loads((tmp_path / "run.json").read_text())["outcome"]["calls"] == 0
    assert "Nothing was asked" in (tmp_path / "run.html").read_text()


def test_a_program_of_the_models_foretells_the_video(foretell, ball, tmp_path):
    turned = ball.states.to_pandas()
    t = turned["time_s"].to_numpy()
    # a cycloid, as of a charge in crossed fields: no law of the library has it
    turned["x"] = 0.3 + 0.6 * t + 0.15 * np.sin(12.0 * t)
    turned["y"] = -0.75 + 0.15 * (1.0 - np.cos(12.0 * t))
    turned["x_px"], turned["y_px"] = 100.0 * turned["x"], -100.0 * turned["y"]
    table = States.from_columns({name: turned[name].tolist() for name in turned.columns}, ball.states.meta)
    with FakeServer(TURNING) as server:
        made, _ = foretell(
            law="llm", model=Settings(model="m", base_url=server.url), record=tmp_path / "run.json", states=table, max_calls=2
        )
    record = json.loads((tmp_path / "run.json").read_text())
    assert len(server.requests) == record["outcome"]["calls"] >= 1
    assert server.requests[0].images  # the contact sheet
    assert made.fit.law.title == "turning"
    assert made.fit.estimates["turn"].value == pytest.approx(12.0, abs=0.2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("free-fall", object(), None, None), "belong to law 'llm'"),
        (("free-fall", None, 3, None), "belong to law 'llm'"),
        (("llm", None, None, None), "needs a language model"),
        (("llm", object(), 41, None), "1 to 40"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, words):
    with pytest.raises(UsageError, match=words):
        Author.of(*arguments)
