"""What a program hands to fit and predict by mistake is one line, and a fit prints as one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from drawn_clips import table

from kinescribe.dynamics.api import clips_of, fit
from kinescribe.dynamics.arguments import a_kind, names
from kinescribe.dynamics.prediction import predict
from kinescribe.dynamics.prediction.changes import changes_of
from kinescribe.dynamics.saving import load, save
from kinescribe.errors import UsageError

TIMES = np.linspace(0.0, 1.0, 20)


@pytest.fixture(scope="module")
def fallen():
    rng = np.random.default_rng(0)
    noise = 0.01 * rng.normal(size=(2, len(TIMES)))
    return table([(TIMES + noise[0], 3.0 - 4.9 * TIMES**2 + noise[1])], TIMES)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"objects": 3.5}, "objects must be names, labels or ids, not a float"),
        ({"objects": [None]}, "not nothing"),
        ({"objects": []}, "names nothing"),
        ({"seed": "a"}, "seed must be a whole number, not a str"),
        ({"seed": True}, "seed must be a whole number, not a bool"),
        ({"seed": -1}, "seed -1 must be 0 or more"),
        ({"max_rollouts": 0}, "max_rollouts 0 leaves nothing"),
        ({"max_rollouts": "9"}, "max_rollouts must be a whole number"),
        ({"max_seconds": -2}, "max_seconds -2 leaves no time"),
        ({"max_seconds": float("nan")}, "leaves no time"),
        ({"max_seconds": "x"}, "max_seconds must be a number, not a str"),
        ({"fixed": ["gravity"]}, "fixed must be values by name, not a list"),
        ({"fixed": {"gravity": 9.8}, "free": "gravity"}, "gravity is both fixed and free"),
        ({"fixed": {"gravity": "9"}}, r"the fixed value of gravity must be a number, not a str \('9'\)"),
        ({"fixed": {1: 2.0}}, "an int for a name"),
        ({"free": 3}, "free must be names, not an int"),
        ({"inputs": 3}, "inputs must be known inputs or the path of a CSV, not an int"),
        ({"rules": 3}, "rules must be affordance rules"),
        ({"optimizer": None}, "optimizer must be a name"),
        ({"loss": 3}, "loss must be a function"),
        ({"law": 3}, "law 3 is an int"),
    ],
)
def test_what_is_no_argument_of_a_fit_is_one_line(fallen, options: dict[str, Any], says: str):
    with pytest.raises(UsageError, match=says) as caught:
        fit(fallen, **{"law": "free-fall", **options})
    assert "\n" not in str(caught.value)
    assert "--" not in str(caught.value)


def test_one_name_is_a_list_of_one(fallen):
    label = fallen.labels[1]
    assert clips_of(fallen, objects=label)[0].bodies.object_ids == (1,)
    assert names(1) == names(np.int64(1)) == names([1]) == [1]
    assert (
        fit(fallen, "free-fall + floor", free="restitution").slots.names
        == fit(fallen, "free-fall + floor", free=["restitution"]).slots.names
    )


def test_kinds_are_named_with_their_article():
    assert [a_kind(one) for one in (1, 1.0, [], "", None, np.zeros(1))] == [
        "an int", "a float", "a list", "a str", "nothing (None)", "an ndarray",
    ]  # fmt: skip


def test_a_fit_prints_as_one_line(fallen):
    found = fit(fallen, "free-fall + quadratic-drag", fixed={"drag": 0.5})
    said = repr(found)
    assert said.startswith("Fit(free-fall + quadratic-drag: gravity = ")
    assert " ± " in said
    assert "drag = 0.5 1/m (known)" in said
    assert said.endswith(" σ)")
    assert "\n" not in said
    assert len(said) < 160
    assert repr(replace(found, status="failed")).startswith("FAILED Fit(")


def test_what_is_no_fit_or_no_path_is_not_saved_or_loaded(fallen, tmp_path):
    for call, says in (
        (lambda: load(3), "the file of a fit must be a path, not an int"),
        (lambda: save(fit(fallen, "free-fall"), None), "the file of a fit must be a path, not nothing"),
        (lambda: save("free-fall", tmp_path / "law.json"), "only a fit can be saved, not a str"),
    ):
        with pytest.raises(UsageError, match=says):
            call()
    assert list(tmp_path.iterdir()) == []


def test_no_change_is_no_change():
    assert changes_of(None) == changes_of([]) == ()


def test_a_law_that_ends_the_program_ends_no_fit_and_no_prediction(fallen, tmp_path):
    path = tmp_path / "quits.py"
    path.write_text(
        "import sys\nfrom kinescribe.dynamics import Law, Parameter\n\n\nclass Quits(Law):\n    name = 'quits'\n    last = 1e9\n"
        "    gravity = Parameter(9.8, (0, 100), 'length/time^2')\n\n    def acceleration(self, t, state, parameters, inputs):\n"
        "        if t.max() > self.last:\n            sys.exit(3)\n        return 0.0, -parameters.gravity\n",
        encoding="utf-8",
    )
    found = fit(fallen, path)
    found.law.last = 1.2
    with pytest.raises(UsageError, match=r"quits\.py:12: ends the program \(SystemExit: 3\)"):
        predict(fallen, found, until=2.0)
    path.write_text(path.read_text(encoding="utf-8").replace("1e9", "0.5"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"quits\.py:12: ends the program"):
        fit(fallen, path)
