"""Detectors that somebody else wrote: what they find, and what they can't do."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.errors import InputError
from kinescribe.evaluation.scenes import two_pucks_collision
from kinescribe.foretelling.programs import detector as detector_module
from kinescribe.foretelling.programs.detector import ProgramDetector
from kinescribe.video import Frame, open_video

SCENE = two_pucks_collision(frame_count=10, width=160, height=120)
IMAGES = SCENE.images()
NAMES = list(SCENE.truth)
ABOVE = "import numpy as np\n\n\ndef detect(image):\n    "


def frame(index: int = 0) -> Frame:
    return Frame(index, index / 30, IMAGES[index])


def prepared(detector: ProgramDetector) -> ProgramDetector:
    detector.prepare(open_video(IMAGES, frame_interval=1 / 30), NAMES)
    return detector


def painted(index: int) -> np.ndarray:
    """The truth as numbers: the k-th puck's pixels are k."""
    out = np.zeros(IMAGES[index].shape[:2], np.int64)
    rows, columns = np.mgrid[: out.shape[0], : out.shape[1]]
    for k, truth in enumerate(SCENE.truth.values(), 1):
        x, y = truth.positions[index]
        out[np.hypot(columns - x, rows - y) < (truth.radius or 0)] = k
    return out


def test_pieces_of_a_number_are_things_by_its_name():
    detector = prepared(ProgramDetector(lambda image: painted(0)))
    found = detector.detect(frame())
    assert found.phrases == NAMES
    for k, truth in enumerate(SCENE.truth.values()):
        assert np.hypot(*(found.centroids[k] - truth.positions[0])) < 0.3


def test_a_program_is_shown_the_picture_and_runs_in_the_sandbox():
    # the red puck, by what of the three numbers of a pixel is the largest
    detector = prepared(
        ProgramDetector.of(f"{ABOVE}return np.where(image[..., 2] > image[..., 0] + 60.0, {1 + NAMES.index('red puck')}, 0)")
    )
    found = detector.detect(frame(3))
    assert found.phrases == ["red puck"]
    assert np.hypot(*(found.centroids[0] - SCENE.truth["red puck"].positions[3])) < 0.3


def test_specks_are_no_things():
    numbers = np.zeros(IMAGES[0].shape[:2], np.int64)
    numbers[5, 5:9] = 1
    assert len(prepared(ProgramDetector(lambda image: numbers)).detect(frame())) == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return np.full(image.shape[:2], 7)", "there are objects 1 to 2"),
        ("return np.full(image.shape[:2], -1)", "there are objects 1 to 2"),
        ("return np.full(image.shape[:2], 0.5)", "no whole number"),
        ("return np.full(image.shape[:2], np.nan)", "no whole number"),
        ("return np.full(image.shape[:2], 1e300)", "no whole number"),
    ],
)
def test_numbers_that_stand_for_nothing_are_told(body: str, words: str):
    with pytest.raises(InputError, match=words):
        prepared(ProgramDetector.of(ABOVE + body)).detect(frame())


@pytest.mark.parametrize(
    "source",
    [
        "import os\n\n\ndef detect(image):\n    return os.listdir('/')",
        f"{ABOVE}return open('/etc/passwd').read()",
        f"{ABOVE}return image.__class__.__base__.__subclasses__()",
        f"{ABOVE}return np.zeros((3, 3))",
        f"{ABOVE}return np.zeros((20000, 20000))",
        f"{ABOVE}raise ValueError('no')",
        f"{ABOVE}return 'boxes'",
    ],
)
def test_what_may_not_run_or_has_another_form_is_a_line(source: str):
    from kinescribe.dynamics.sandbox import SandboxError

    with pytest.raises(SandboxError) as told:
        prepared(ProgramDetector.of(source)).detect(frame())
    assert "\n" not in str(told.value)


def test_a_program_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch):
    from kinescribe.dynamics.sandbox import Limits, SandboxError

    monkeypatch.setattr(detector_module, "LIMITS", Limits(seconds=0.5))
    with pytest.raises(SandboxError) as told:
        prepared(ProgramDetector.of(f"{ABOVE}while True:\n        pass")).detect(frame())
    assert told.value.reason == "time"


def test_the_pipeline_takes_it():
    import kinescribe as ks

    states = ks.extract_states(IMAGES, times=SCENE.times, objects=", ".join(NAMES), detector=ProgramDetector(by_color))
    assert set(states.labels.values()) == set(NAMES)
    for name, truth in SCENE.truth.items():
        mine = states["label"] == name
        assert np.abs(states["x_px"][mine] - truth.positions[:, 0]).max() < 0.5


def by_color(image: np.ndarray) -> np.ndarray:
    """Whose colour each pixel is nearest to; background where it is near to none."""
    from kinescribe.evaluation.scenes.drawing import COLORS

    colors = np.array([COLORS[truth.color_name] for truth in SCENE.truth.values()], float)
    away = np.linalg.norm(image[:, :, None] - colors, axis=-1)
    return np.where(away.min(axis=2) < 90.0, away.argmin(axis=2) + 1, 0)
