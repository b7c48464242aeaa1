"""Settings that differ from video to video."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from kinescribe.errors import UsageError
from kinescribe.settings import ExtractionSettings, Overrides

BASE = ExtractionSettings(backend="classical", frame_interval=0.1)


def made(*tables: dict[str, Any]) -> Overrides:
    return Overrides.read(BASE, tables, "run.toml")


def test_patterns_fit_paths_and_file_names_and_later_ones_win():
    rules = made({"match": "cam1/*", "frame-interval": 0.2, "one_each": True}, {"match": "fast*", "frame_interval": 0.3})
    assert rules.of("cam2/slow.mp4") == BASE
    assert rules.of("cam1/slow.mp4") == BASE.replaced({"frame_interval": 0.2, "one_each": True})
    assert rules.of("cam1/deep/er/slow.mp4").one_each
    assert rules.of("cam1/fast 1.mp4") == BASE.replaced({"frame_interval": 0.3, "one_each": True})
    assert rules.of("fast.mp4") == BASE.replaced({"frame_interval": 0.3})
    assert rules.of("CAM1/Fast.mp4") == BASE, "case counts, whatever the machine"


def test_patterns_that_fit_nothing_are_named():
    rules = made({"match": "cam1/*"}, {"match": "cam9/*"}, {"match": "*.avi"})
    assert rules.unused(["cam1/a.mp4", "x/b.mp4"]) == ["cam9/*", "*.avi"]
    assert rules.unused([]) == ["cam1/*", "cam9/*", "*.avi"]


def test_what_is_on_top_holds_for_every_video():
    rules = made({"match": "a*", "pixels_per_unit": 10, "unit": "m", "backend": "b", "one_each": True})
    topped = rules.topped({"scale": "0.3 m: 1,2 3,4", "backend": "c"})
    assert topped.of("a.mp4") == BASE.replaced({"scale": "0.3 m: 1,2 3,4", "backend": "c", "one_each": True})
    assert topped.of("b.mp4") == BASE.replaced({"scale": "0.3 m: 1,2 3,4", "backend": "c"})


def test_plain_values_read_back():
    rules = made({"match": "cam1/*", "angle": 3}, {"match": "*"})
    plain = json.loads(json.dumps(rules.to_dict()))
    assert plain["videos"] == [{"match": "cam1/*", "angle": 3.0}, {"match": "*"}]
    assert Overrides.read(ExtractionSettings(**plain["settings"]), plain["videos"]) == rules
    assert pickle.loads(pickle.dumps(rules)) == rules, "workers get it"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"frame_interval": 1}, "run.toml, [[videos]] 1: name the videos"),
        ({"match": " "}, "name the videos"),
        ({"match": ["a"]}, "name the videos"),
        (3, "3 must be a table"),
        ({"match": "a*", "bakend": "x"}, "run.toml, [[videos]] 1 ('a*'): unknown option 'bakend'; did you mean 'backend'?"),
        ({"match": "a*", "angle": "x"}, "angle = 'x' must be a number"),
    ],
)
def test_tables_that_make_no_sense_are_refused(table: Any, says: str):
    with pytest.raises(UsageError) as caught:
        made(table)
    assert says in str(caught.value)


def test_what_makes_no_sense_beside_the_rest_names_its_place():
    made({"match": "a*", "angle": 3}).check("run.toml")
    with pytest.raises(UsageError, match=r"^run.toml, \[\[videos\]\] 2 \('b\*'\): --unit m needs a scale"):
        made({"match": "a*"}, {"match": "b*", "unit": "m"}).check("run.toml")
