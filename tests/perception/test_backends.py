"""Backends are lists of plug-ins; the first that can run here is taken, and what the user names comes before it."""

from __future__ import annotations

import pytest

from kinescribe import plugins
from kinescribe.errors import InputError, UsageError
from kinescribe.perception import backends
from kinescribe.perception.backends import BACKENDS, Backend, Choice, Stack, available, choose, missing, resolve


class Ready:
    def __init__(self, *, weights: str | None = None, runtime: object = None) -> None:
        self.weights, self.runtime = weights, runtime

    @classmethod
    def missing(cls, weights: str | None = None) -> str | None:
        return None


class Bare:
    """A plug-in that takes nothing and lacks nothing."""


class Lacking(Ready):
    @classmethod
    def missing(cls, weights: str | None = None) -> str | None:
        return None if weights else "its weights aren't here; put them somewhere"


PARTS = {
    ("detectors", "first"): Lacking,
    ("detectors", "second"): Ready,
    ("detectors", "bare"): Bare,
    ("segmenters", "cutter"): Ready,
    ("concept_trackers", "whole"): Ready,
    ("propagators", "carrier"): Ready,
    ("verifiers", "checker"): Ready,
}


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch):
    def listed(kind: str) -> list[plugins.Plugin]:
        return [plugins.Plugin(k, name, f"{__name__}:{part.__name__}", "tests 1") for (k, name), part in PARTS.items() if k == kind]

    monkeypatch.setattr(plugins, "plugins", listed)
    both = Backend(
        "both",
        "for tests",
        {"detector": ("first", "second"), "segmenter": ("cutter",), "propagator": ("carrier",), "verifier": ("checker",)},
    )
    monkeypatch.setattr(backends, "BACKENDS", {"both": both, "one": Backend("one", "", {"concept_tracker": ("whole",)})})


def test_the_first_that_can_run_is_taken_and_those_passed_over_are_told():
    chosen = choose("both", {})
    assert {role: choice.name for role, choice in chosen.items()} == {
        "detector": "second",
        "segmenter": "cutter",
        "propagator": "carrier",
        "verifier": "checker",
    }
    assert chosen["detector"].passed_over == (("first", "its weights aren't here; put them somewhere"),)


def test_what_the_user_names_comes_first_with_its_weights():
    chosen = choose("both", {"detector": "first:C:/models/a", "segmenter": "none"})
    assert chosen["detector"] == Choice("detector", "first", "C:/models/a")
    assert str(chosen["detector"]) == "first:C:/models/a"
    assert "segmenter" not in chosen


def test_a_concept_tracker_leaves_out_what_it_does_itself():
    assert set(choose("both", {"concept_tracker": "whole"})) == {"concept_tracker", "verifier"}
    assert set(choose("both", {}, ["concept_tracker"])) == {"verifier"}
    assert set(choose("one", {})) == {"concept_tracker"}


def test_a_detector_that_was_named_takes_the_place_of_a_concept_tracker():
    assert set(choose("one", {"detector": "bare"})) == {"detector"}
    assert choose("one", {}, ["detector"]) == {}


def test_a_device_has_its_own_detector(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(backends, "ON_DEVICE", {"bare": "second"})
    assert choose("bare", {}, on_device=True)["detector"].name == "second"
    assert choose("bare", {"detector": "bare"}, on_device=True)["detector"].name == "bare"


def test_an_object_takes_a_role():
    assert "detector" not in choose("both", {}, ["detector"])


def test_every_detector_is_a_backend_by_itself():
    assert available()["bare"].parts == {"detector": ("bare",)}
    assert choose("bare", {}) == {"detector": Choice("detector", "bare")}


def test_a_detector_of_boxes_takes_along_what_makes_masks_of_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(backends, "AFTER_BOXES", {"segmenter": ("cutter",), "propagator": ("carrier",)})
    monkeypatch.setattr(Ready, "segments", False, raising=False)
    for chosen in (choose("second", {}), choose("bare", {"detector": "second"})):
        assert {role: choice.name for role, choice in chosen.items()} == {
            "detector": "second",
            "segmenter": "cutter",
            "propagator": "carrier",
        }
    assert set(choose("second", {"propagator": "none"})) == {"detector", "segmenter"}


@pytest.mark.parametrize(
    ("backend", "asked", "message"),
    [
        ("bot", {}, "unknown backend 'bot'; did you mean 'both'"),
        ("both", {"detector": "secnd"}, "unknown detector 'secnd'; did you mean 'second'"),
        ("both", {"detector": ":x"}, "names no plug-in"),
        ("both", {"detector": "none"}, "without a detector finds nothing"),
        ("bare", {"detector": "bare:weights"}, "takes no weights"),
    ],
)
def test_what_makes_no_sense_is_said(backend: str, asked: dict[str, str], message: str):
    with pytest.raises(UsageError, match=message):
        resolve(choose(backend, asked), {})


@pytest.mark.parametrize("asked", [{}, {"detector": "first"}])
def test_what_can_not_run_here_is_said_before_anything_is_read(asked: dict[str, str]):
    with pytest.raises(InputError, match="detector 'first' can't run here: its weights aren't here"):
        choose("first", asked)
    assert choose("first", asked, ready=["first"])["detector"].name == "first"


def test_all_that_is_missing_is_said_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Ready, "missing", classmethod(lambda cls, weights=None: "it isn't installed: pip install it"))
    with pytest.raises(InputError) as caught:
        choose("both", {})
    message = str(caught.value)
    assert message.startswith("4 parts are missing: (1) detector 'first' can't run here: its weights aren't here; put them somewhere")
    for part in ("segmenter 'cutter'", "propagator 'carrier'", "verifier 'checker'"):
        assert f"{part} can't run here: it isn't installed: pip install it" in message
    assert "or --segmenter none" in message
    assert "\n" not in message


def test_an_unknown_part_is_told_what_there_is_and_that_none_will_do():
    with pytest.raises(UsageError, match=r"unknown verifier 'WRONG'; available: checker, none; 'vlm' needs an .*--vlm-model and --vlm-url"):
        choose("both", {"verifier": "WRONG"})
    with pytest.raises(UsageError, match=r"unknown detector 'WRONG'; available: bare, first, second$"):
        choose("both", {"detector": "WRONG"})


def test_a_detector_object_of_boxes_takes_along_the_same_as_a_named_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(backends, "AFTER_BOXES", {"segmenter": ("cutter",), "propagator": ("carrier",)})
    assert set(choose("bare", {}, ["detector"], boxes=True)) == {"segmenter", "propagator"}
    assert set(choose("bare", {"segmenter": "none"}, ["detector"], boxes=True)) == {"propagator"}
    assert choose("bare", {}, ["detector"]) == {}


def test_parts_get_the_arguments_that_they_list():
    made = []

    def runtime() -> str:
        made.append(1)
        return "the runtime"

    stack = resolve(choose("both", {"detector": "second:w"}), {}, runtime=runtime, settings=lambda: pytest.fail("nobody asked"))
    assert (stack.detector.weights, stack.detector.runtime) == ("w", "the runtime")
    assert isinstance(resolve(choose("bare", {}), {}, runtime=lambda: pytest.fail("nobody asked")).detector, Bare)


def test_objects_take_the_place_of_plugins():
    mine = Bare()
    stack = resolve({}, {"detector": mine})
    assert stack.detector is mine
    assert stack.parts() == [("detector", mine)]
    assert not stack.learned
    assert not stack.reads_phrases


def test_a_concept_tracker_reads_phrases():
    assert Stack(concept_tracker=Bare()).reads_phrases


def test_missing_tells_what_does_not_import(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plugins, "plugins", lambda kind: [plugins.Plugin(kind, "gone", "no.such.module:Thing", "x 1")])
    assert "does not import" in str(missing("detector", "gone"))


def test_the_built_in_backends_name_installed_plugins(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    for backend in BACKENDS.values():
        for role, names in backend.parts.items():
            assert set(names) <= {plugin.name for plugin in plugins.plugins(backends.ROLES[role])}
