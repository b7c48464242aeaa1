"""Models stay loaded from one video to the next, and no video's files tell which videos came before it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import small_models
import small_video_models
import test_sam_segmenters

from kinescribe.errors import InputError, NothingFoundError, UsageError
from kinescribe.evaluation import scenes
from kinescribe.perception.backends import Choice, Stack
from kinescribe.perception.kept import KeptParts
from kinescribe.perception.on_demand import RuntimeOnDemand
from kinescribe.pipeline import extract_states

ANYTHING = "red ball: 0.01, black cart | trolley: 0.01"  # random weights are sure of nothing
STACKS: dict[str, dict[str, str]] = {
    "boxes, masks, memory": {
        "backend": "grounded-sam",
        "detector": "grounding-dino:{gd}",
        "segmenter": "sam2:{sam2}",
        "propagator": "sam2-video:{sam2}",
    },
    "boxes and masks": {"backend": "owlv2", "detector": "owlv2:{owl}", "segmenter": "sam:{sam}", "propagator": "none"},
    "one model": {"backend": "sam3", "concept_tracker": "sam3-video:{sam3}"},
}
BOXES = {"backend": "owlv2", "detector": "owlv2:{owl}", "segmenter": "none", "propagator": "none"}
ROLES = {
    "boxes, masks, memory": ("detector", "segmenter", "propagator"),
    "boxes and masks": ("detector", "segmenter"),
    "one model": ("concept_tracker",),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("weights")
    makers: dict[str, Callable[[Path], Any]] = {
        "gd": small_models.write_grounding_dino,
        "owl": small_models.write_owlv2,
        "sam": test_sam_segmenters.write_sam,
        "sam2": small_video_models.write_sam2_video,
        "sam3": lambda folder: small_video_models.write_sam3_video(folder, seed=3),
    }
    for name, make in makers.items():
        (root / name).mkdir()
        make(root / name)
    return {name: str(root / name) for name in makers}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two videos of different lengths, sizes and things; the second is too short for its background to be known."""
    root = tmp_path_factory.mktemp("videos")
    paths = [root / f"{name}.mp4" for name in ("pucks", "ball")]
    scenes.two_pucks_collision(frame_count=8, width=120, height=96).write(paths[0])
    scenes.falling_ball(frame_count=4, width=96, height=96).write(paths[1])
    return paths


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The classes of the models that were loaded, and put on a device."""
    from kinescribe.perception.grounded_sam.runtime import Runtime

    names: list[str] = []
    place = Runtime.place

    def told(self: Any, model: Any, *rest: Any) -> Any:
        names.append(type(model).__name__)
        return place(self, model, *rest)

    monkeypatch.setattr(Runtime, "place", told)
    return names


def options(parts: dict[str, str], folders: dict[str, str], **changes: Any) -> dict[str, Any]:
    named = {name: value.format(**folders) for name, value in parts.items()}
    return {"objects": ANYTHING, "verifier": "none", "device": "cpu", "ends": False, **named, **changes}


def files(video: Path, folder: Path, **given: Any) -> dict[str, bytes]:
    """Table, sidecar and masks of a video, as they are written."""
    folder.mkdir(parents=True)
    extract_states(video, **given, masks=folder / "states.masks.jsonl.gz").to_csv(folder / "states.csv")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("stack", STACKS)
def test_a_video_gives_the_same_bytes_whatever_came_before_it(
    stack: str, folders: dict[str, str], videos: list[Path], placed: list[str], tmp_path: Path
):
    given = options(STACKS[stack], folders)
    fresh = {video: files(video, tmp_path / "fresh" / video.stem, **given) for video in videos}
    assert len({made["states.csv"] for made in fresh.values()}) == len(videos), "videos that look alike show nothing"
    placed.clear()
    kept = KeptParts()
    loaded: list[int] = []
    for number, video in enumerate([videos[0], videos[1], videos[0]]):
        assert files(video, tmp_path / "kept" / str(number), **given, kept=kept) == fresh[video]
        loaded.append(len(placed))
    if stack != "one model":  # which has something to say of these videos
        assert kept.roles == ROLES[stack]
        assert len(set(loaded)) == 1, "later videos load nothing"


def test_what_a_concept_tracker_says_of_a_video_is_not_said_of_the_next(
    folders: dict[str, str], videos: list[Path], placed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from kinescribe.perception import refinement

    says: list[str] = []
    monkeypatch.setattr(refinement, "static_background", lambda video, warnings: warnings.extend(says))
    kept, given = KeptParts(), options(STACKS["one model"], folders)
    first = files(videos[1], tmp_path / "first", **given, kept=kept)
    assert files(videos[1], tmp_path / "second", **given, kept=kept) == first
    assert kept.roles == ("concept_tracker",)
    assert len(placed) == 1, "one without warnings stays loaded"
    says.append("the camera moves")
    assert b"the camera moves" in files(videos[1], tmp_path / "third", **given, kept=kept)["states.meta.json"]
    says.clear()
    assert files(videos[1], tmp_path / "fourth", **given, kept=kept) == first


def test_other_words_need_no_other_models(folders: dict[str, str], videos: list[Path], placed: list[str], tmp_path: Path):
    kept, given = KeptParts(), options(BOXES, folders)
    other = given | {"objects": "blue box: 0.01"}
    fresh = files(videos[1], tmp_path / "fresh", **other)
    placed.clear()
    extract_states(videos[1], **given, kept=kept)
    loaded = len(placed)
    assert files(videos[1], tmp_path / "kept", **other, kept=kept) == fresh
    assert len(placed) == loaded


@pytest.mark.parametrize("error", [InputError("frame 3 is damaged"), MemoryError(), RuntimeError("a model's own"), KeyboardInterrupt()])
def test_an_error_drops_what_is_kept(error: BaseException, folders: dict[str, str], videos: list[Path], monkeypatch: pytest.MonkeyPatch):
    from kinescribe.perception.grounded_sam.owlv2 import Owlv2Detector

    kept, given = KeptParts(), options(BOXES, folders)
    extract_states(videos[1], **given, kept=kept)
    assert kept.roles == ("detector",)

    def fail(*_: Any) -> Any:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Owlv2Detector, "detect_batch", fail)
        with pytest.raises(type(error)):
            extract_states(videos[1], **given, kept=kept)
    assert kept.roles == ()


def test_what_a_video_lacks_drops_nothing(folders: dict[str, str], videos: list[Path], placed: list[str], tmp_path: Path):
    kept, given = KeptParts(), options(BOXES, folders)
    extract_states(videos[1], **given, kept=kept)
    loaded = len(placed)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(InputError):
        extract_states(broken, **given, kept=kept)
    with pytest.raises(NothingFoundError):
        extract_states(videos[1], **(given | {"objects": "red ball: 0.999"}), kept=kept)
    assert kept.roles == ("detector",)
    extract_states(videos[1], **given, kept=kept)
    assert len(placed) == loaded


def test_other_options_and_changed_weights_drop(folders: dict[str, str], videos: list[Path], placed: list[str], tmp_path: Path):
    owl = shutil.copytree(folders["owl"], tmp_path / "owl")
    kept, given = KeptParts(), options(STACKS["boxes and masks"], folders | {"owl": str(owl)})
    extract_states(videos[1], **given, kept=kept)
    both = list(placed)
    placed.clear()
    states = extract_states(videos[1], **given, batch_size=3, kept=kept)
    assert placed == both
    assert states.meta.configuration["batch_size"] == "3"
    placed.clear()
    os.utime(owl / "preprocessor_config.json", (1, 1))
    extract_states(videos[1], **given, batch_size=3, kept=kept)
    assert placed, "the detector is loaded again"
    assert set(placed) < set(both), "and the segmenter isn't"


def test_batches_that_became_smaller_are_tried_anew(
    folders: dict[str, str], videos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from kinescribe.perception.grounded_sam._owlv2_model import DeviceModel

    find = DeviceModel.find

    def short(self: Any, images: Any) -> Any:
        if len(images) > 2:
            raise MemoryError
        return find(self, images)

    monkeypatch.setattr(DeviceModel, "find", short)
    kept, given = KeptParts(), options(BOXES, folders, batch_size=4)
    first = files(videos[1], tmp_path / "first", **given, kept=kept)
    assert b"ran out at 4 pictures a batch; going on with 2" in first["states.meta.json"]
    assert kept.roles == ()
    assert files(videos[1], tmp_path / "second", **given, kept=kept) == first


class Foreign:
    """A plug-in of another package, which says nothing about being kept."""

    segments = True

    def __init__(self) -> None:
        self.log: list[str] = []

    def close(self) -> None:
        self.log.append("closed")

    def reset(self) -> None:
        self.log.append("reset")


class Keepable(Foreign):
    kept_between_videos = True


class Asking(Keepable):
    def __init__(self, *, settings: Any = None) -> None:
        super().__init__()


def shown(kept: KeptParts, runtime: RuntimeOnDemand | None = None, **parts: Any) -> dict[str, Any]:
    """What fits after a video with these parts."""
    runtime = runtime or _runtime()
    choices = {role: Choice(role, type(part).__name__) for role, part in parts.items()}
    with kept.video(Stack(**parts), choices, runtime):
        pass
    return kept.fitting(choices, runtime)


def test_foreign_parts_are_kept_where_they_say_so():
    kept, good, other = KeptParts(), Keepable(), Foreign()
    assert shown(kept, detector=other, propagator=good) == {"propagator": good}
    assert good.log == ["reset"], "what it remembers of a video is let go of at once"
    assert other.log == []
    assert shown(KeptParts(), verifier=Keepable(), detector=Asking()) == {}


def test_a_concept_tracker_with_warnings_is_kept_where_it_says_that_it_forgets_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("kinescribe.perception.kept.is_own_model", lambda part: True)
    for part in (Foreign(), Keepable()):
        part.warnings = ["v.mp4: the camera moves"]  # type: ignore[attr-defined]
        fits = {"concept_tracker": part} if isinstance(part, Keepable) else {}
        assert shown(KeptParts(), concept_tracker=part) == fits
    quiet = Foreign()
    assert shown(KeptParts(), concept_tracker=quiet) == {"concept_tracker": quiet}


def test_parts_that_were_handed_in_are_not_kept():
    kept, part = KeptParts(), Keepable()
    with kept.video(Stack(detector=part), {}, _runtime()):
        pass
    assert kept.roles == ()
    assert part.log == []


def test_what_is_dropped_is_closed():
    kept, part = KeptParts(), Keepable()
    assert shown(kept, detector=part) == {"detector": part}
    assert kept.fitting({"detector": Choice("detector", "Keepable", "other")}, _runtime()) == {}
    assert part.log == ["closed"]
    failing = Keepable()
    with pytest.raises(ZeroDivisionError), kept.video(Stack(detector=failing), {"detector": Choice("detector", "Keepable")}, _runtime()):
        raise ZeroDivisionError
    assert failing.log == ["closed"]


def test_compiled_models_are_not_kept():
    assert shown(KeptParts(), RuntimeOnDemand("cpu", "auto", True, None), detector=Keepable()) == {}


def test_two_videos_at_once_are_refused():
    kept = KeptParts()
    with kept.video(Stack(), {}, _runtime()):
        with pytest.raises(UsageError, match="one video at a time"):
            kept.fitting({}, _runtime())
        with pytest.raises(UsageError, match="one video at a time"), kept.video(Stack(), {}, _runtime()):
            pass
    assert kept.fitting({}, _runtime()) == {}


def test_only_kept_parts_can_be_handed_in():
    with pytest.raises(UsageError, match=r"kept=dict must be a kinescribe\.perception\.kept\.KeptParts"):
        extract_states(np.zeros((2, 8, 8, 3), np.uint8), times=[0, 1], kept={})  # type: ignore[arg-type]


def _runtime() -> RuntimeOnDemand:
    return RuntimeOnDemand("cpu", "auto", False, None)
