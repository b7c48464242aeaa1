"""The settings of an extraction: what they take, refuse and hand on."""

from __future__ import annotations

import inspect
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe import plugins
from kinescribe.errors import InputError, UsageError
from kinescribe.pipeline import extract_states
from kinescribe.plugins import Plugin
from kinescribe.settings import ExtractionSettings, checked_options
from kinescribe.settings.extraction import FIELDS

HERE = {"vlm_model": "qwen2.5vl:7b", "vlm_url": "http://localhost:11434/v1"}
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=30)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "str": TEXT,
    "int": st.integers(-1000, 1000),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch):
    for name in ("KINESCRIBE_MODEL", "KINESCRIBE_BASE_URL", "KINESCRIBE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def refused(call: Any, *says: str) -> None:
    with pytest.raises(UsageError) as caught:
        call()
    message = str(caught.value)
    assert [part for part in says if part not in message] == [], message
    assert "\n" not in message


def test_keywords_are_those_of_the_extraction():
    taken = inspect.signature(extract_states).parameters
    made = ExtractionSettings().keywords()
    assert set(made) == set(taken) - {"source", "times", "masks", "progress", "kept"}
    assert {name: value for name, value in made.items() if name != "calibration"} == {
        name: taken[name].default for name in made if name != "calibration"
    }
    assert made["calibration"].unit == "px"
    assert not made["calibration"].y_up


def test_values_reach_the_keywords(tmp_path: Path):
    made = ExtractionSettings.of(
        {"detect-every": 5, "one_each": True, "angle": 90, "scale": "0.30 m: 120,400 480,400", "vlm-cache": str(tmp_path), **HERE}
    ).keywords()
    assert (made["detect_every"], made["one_each"]) == ("5", True)
    assert made["calibration"].pixels_per_unit == pytest.approx(1200)
    assert made["calibration"].angle_rad == pytest.approx(1.5707963)
    assert (made["vlm"].model, made["vlm"].cache) == (HERE["vlm_model"], tmp_path)


def test_every_kind_of_value_has_its_rule():
    assert {kinds[0] for kinds in FIELDS.values()} == set(VALUES)
    assert {tuple(kinds[1:]) for kinds in FIELDS.values()} == {(), ("None",)}


@given(st.fixed_dictionaries({}, optional={name: VALUES[kinds[0]] for name, kinds in FIELDS.items()}))
def test_plain_values_come_back_as_they_were(mapping: dict[str, Any]):
    made = ExtractionSettings.of(mapping)
    plain = json.loads(json.dumps(made.to_dict(), allow_nan=False))
    assert list(plain) == list(ExtractionSettings.names())
    assert ExtractionSettings(**plain) == made
    assert checked_options(plain) == plain
    assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"backned": "x"}, ["unknown option 'backned'; did you mean 'backend'?"]),
        ({"api_key": "sk-secret"}, ["unknown option 'api_key'"]),
        ({"a\nb\x1b[31m": 1}, ["unknown option 'a b [31m'"]),
        ({"frame-interval": 1, "frame_interval": 2}, ["frame_interval is there twice"]),
        ({"backend": 3}, ["backend = 3 must be a text"]),
        ({"backend": None}, ["backend = None must be a text"]),
        ({"one_each": 1}, ["one_each = 1 must be true or false"]),
        ({"one_each": "yes"}, ["one_each = 'yes' must be true or false"]),
        ({"batch_size": True}, ["batch_size = true must be a whole number"]),
        ({"batch_size": 4.0}, ["batch_size = 4.0 must be a whole number"]),
        ({"batch_size": 10**400}, ["batch_size", "digits"]),
        ({"angle": 10**400}, ["angle", "digits"]),
        ({"angle": False}, ["angle = false must be a number"]),
        ({"angle": float("nan")}, ["angle = nan is no finite number"]),
        ({"frame_interval": float("inf")}, ["frame_interval = inf"]),
        ({"frame_interval": "0.1"}, ["frame_interval = '0.1' must be a number"]),
        ({"detect_every": 2.5}, ["detect_every = 2.5 must be a text"]),
        ({"detect_every": True}, ["detect_every = true"]),
        ({"objects": ["red ball", "cart"]}, ["objects = a list must be a text"]),
        ({"objects": {"a": 1}}, ["objects = a table"]),
        ({"objects": "red\x00ball"}, ["objects", "control characters"]),
        ({"objects": "x" * 20_000}, ["objects has 20000 characters"]),
    ],
)
def test_what_no_option_takes_is_refused_with_its_place(mapping: dict[str, Any], says: list[str]):
    refused(lambda: ExtractionSettings.of(mapping, "run.toml, [extract]"), "run.toml, [extract]: ", *says)
    with pytest.raises(UsageError) as caught:
        ExtractionSettings.of(mapping)
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [
        ({"pixels_per_unit": 100.0, "unit": "m"}, {"scale": "0.3 m: 1,2 3,4"}, {"scale": "0.3 m: 1,2 3,4"}),
        ({"scale": "0.3 m: 1,2 3,4"}, {"pixels_per_unit": 9.0, "unit": "cm"}, {"pixels_per_unit": 9.0, "unit": "cm"}),
        ({"pixels_per_unit": 100.0, "unit": "m"}, {"pixels_per_unit": 50.0}, {"pixels_per_unit": 50.0, "unit": "m"}),
        ({"scale": "0.3 m: 1,2 3,4"}, {"pixels_per_unit": None}, {"scale": "0.3 m: 1,2 3,4"}),
    ],
)
def test_the_later_way_to_say_a_scale_holds(first: dict[str, Any], then: dict[str, Any], kept: dict[str, Any]):
    assert ExtractionSettings.of(first).replaced(then) == ExtractionSettings(**kept)


def test_both_scales_at_once_stay_a_contradiction():
    refused(ExtractionSettings(scale="0.3 m: 1,2 3,4", pixels_per_unit=4.0, unit="m").keywords, "two scales")


def test_the_environment_fills_in_the_endpoint(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINESCRIBE_MODEL", "llava")
    monkeypatch.setenv("KINESCRIBE_BASE_URL", "http://localhost:1/v1")
    monkeypatch.setenv("KINESCRIBE_API_KEY", "sk-secret")
    plain = ExtractionSettings()
    assert plain.keywords()["vlm"].model == "llava"
    assert (plain.with_endpoint().vlm_model, plain.with_endpoint().vlm_url) == ("llava", "http://localhost:1/v1")
    assert ExtractionSettings(vlm_model="other").with_endpoint().vlm_model == "other"
    assert plain.vlm_model is None
    assert "sk-secret" not in str(plain.with_endpoint().to_dict())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"frame_interval": 0.0}, "--frame-interval 0 must be"),
        ({"frame_interval": -0.1}, "--frame-interval -0.1 must be"),
        ({"unit": "m"}, "needs a scale"),
        ({"vlm_model": "m"}, "without an endpoint"),
        ({"vlm_cache": "answers"}, "both a model and an endpoint"),
        ({"vlm_url": "http://name:secret@host/v1", "vlm_model": "m"}, "holds a name or password"),
        ({"detect_every": "often"}, "--detect-every 'often'"),
        ({"detect_every": "0"}, "--detect-every 0 must be between"),
        ({"detect_every": "10001"}, "between 1 and 10000"),
        ({"detect_every": "5"}, "needs something that carries masks"),
        ({"objects": "red ball, red ball"}, "red ball"),
        ({"objects": "ball: 4"}, "4"),
        ({"objects": "auto"}, "objects 'auto' asks a vision-language model"),
        ({"objects": "umbrella"}, "umbrella"),
        ({"precision": "fp8"}, "unknown precision 'fp8'"),
        ({"batch_size": 0}, "--batch-size 0"),
        ({"backend": "clasical"}, "did you mean 'classical'"),
        ({"tracker": "offlin"}, "did you mean 'offline'"),
        ({"detector": "clasical"}, "did you mean 'classical'"),
        ({"detector": "classical", "concept_tracker": "sam3-video"}, "leave out --detector"),
    ],
)
def test_what_can_be_told_without_a_video_is_told(options: dict[str, Any], says: str):
    refused(ExtractionSettings(**options).check, says)


def test_parts_that_lack_something_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("KINESCRIBE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="sam3-video"):
        ExtractionSettings(backend="sam3").check()


def test_what_is_right_passes():
    ExtractionSettings().check()
    ExtractionSettings(detect_every="auto", objects="red ball", scale="0.3 m: 1,2 30,40", verifier="rules").check()
    ExtractionSettings(objects="auto", **HERE).check()


class Words:
    """A detector that reads words."""

    reads_phrases = True
    segments = True


class Builder:
    """One of another package, which only tells when it is built."""

    segments = True


def test_words_are_needed_where_the_detector_reads_them(monkeypatch: pytest.MonkeyPatch):
    found = plugins.plugins
    made = [Plugin("detectors", kind.__name__.lower(), f"{__name__}:{kind.__name__}", "test 1") for kind in (Words, Builder)]
    monkeypatch.setattr(plugins, "plugins", lambda kind: [*found(kind), *made] if kind == "detectors" else found(kind))
    refused(ExtractionSettings(detector="words").check, "this backend finds what it is told")
    ExtractionSettings(detector="words", objects="umbrella").check()
    ExtractionSettings(detector="builder").check()
    ExtractionSettings(detector="builder", objects="umbrella").check()
    refused(ExtractionSettings(detector="builder", objects="umbrella: x, umbrella: y").check, "umbrella")


def test_a_concept_tracker_looks_at_every_frame(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("kinescribe.perception.backends.missing", lambda *_: None)
    ExtractionSettings(backend="sam3", objects="umbrella").check()
    refused(ExtractionSettings(backend="sam3", objects="umbrella", detect_every="5").check, "leave out --detect-every 5")
    ExtractionSettings(backend="grounded-sam", objects="umbrella", detect_every="5").check()
    refused(ExtractionSettings(backend="grounded-sam").check, "this backend finds what it is told")


def test_the_module_is_light():
    code = "import kinescribe.settings, sys; kinescribe.settings.ExtractionSettings.of({'angle': 3}); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"numpy", "scipy", "cv2", "torch", "httpx", "pydantic", "av"} & set(loaded)
