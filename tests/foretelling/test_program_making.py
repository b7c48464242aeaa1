"""A program from a video and back: made with a model that plays a part, made again without it, run on this video and another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from program_answers import ProgramModel, looks, thing

import kinescribe as ks
from kinescribe.dynamics.synthesis import synthesize
from kinescribe.errors import InputError, NothingFoundError, UsageError
from kinescribe.evaluation.scenes import falling_ball
from kinescribe.foretelling.programs import Made, Program, lawmaking, making, perception, replay, use_program
from kinescribe.llm import BudgetExceededError, EndpointError, Exchange
from kinescribe.states import Calibration

PULL = 2.0  # m/s²
LAW = '''A steady pull:

```python
import numpy as np
from kinescribe.dynamics import Law, Parameter


class Pull(Law):
    """A steady pull downwards."""

    name = "pull"
    equation = "a = (0, -pull)"
    pull = Parameter(1.0, (0.0, 20.0), "length/time^2", "downward acceleration")

    def acceleration(self, t, state, parameters, inputs):
        return 0.0 * state.x, 0.0 * state.y - parameters.pull
```
'''
DRAWN = {"objects": [], "parts": []}
VIDEO = "future.mp4"  # encoders don't promise the same bytes for the same pictures
FILES = {"fit.json", "future.mp4", "law.py", "perception.toml", "run.json", "scene.json", "states.csv", "states.meta.json"}


@dataclass(frozen=True)
class Making:
    """Videos of two falls, and a program that was made of the first."""

    video: Path
    other: Path
    made: Made
    model: ProgramModel


def of_poor_library(clips: Any, model: Any, **options: Any) -> Any:
    """A library that knows nothing but steady motion, so that the model is asked; and nothing is searched."""
    return synthesize(clips, model, library=ks.fit(clips, "uniform-motion"), **options)


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Without what takes a moment and is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lawmaking, "synthesize", of_poor_library)
        patch.setattr(perception, "usable_backends", lambda: ["classical"])
        yield


@pytest.fixture(scope="module")
def making_of(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Making:
    folder = tmp_path_factory.mktemp("program")
    for name, seed, pull in (("video", 1, PULL), ("other", 2, 3.0)):
        falling_ball(gravity=100 * pull, frame_count=14, frame_rate=30, width=112, height=84, seed=seed).write(folder / f"{name}.mp4")
    model = ProgramModel(perception=looks(matters=[1]), law=LAW, rendering=DRAWN)
    video = folder / "video.mp4"
    scale = Calibration.from_scale(100.0, "m")
    made = ks.program(video, "the ball", model=model, output=folder / "made", calibration=scale, until=0.6)
    return Making(video, folder / "other.mp4", made, model)


@pytest.fixture
def folder(making_of: Making, tmp_path: Path) -> Path:
    """A copy of the program, to be changed."""
    return Path(shutil.copytree(making_of.made.folder, tmp_path / "copy"))


def differing(one: Path, other: Path, names: set[str]) -> list[str]:
    """Files that aren't the same, byte for byte, in two folders; of the video whose pictures aren't."""
    out = [name for name in sorted(names - {VIDEO}) if (one / name).read_bytes() != (other / name).read_bytes()]
    pictures = [np.stack([frame.image for frame in ks.open_video(folder / VIDEO)]).astype(int) for folder in (one, other)]
    alike = pictures[0].shape == pictures[1].shape and np.abs(pictures[0] - pictures[1]).max() < 16
    return out if alike else [*out, VIDEO]


def test_the_law_of_a_model_wins_where_the_library_has_none(making_of: Making):
    made = making_of.made
    assert {path.name for path in made.folder.iterdir()} == FILES
    assert "class Pull(Law)" in (made.folder / "law.py").read_text()
    assert made.program.fit.estimates["pull"].value == pytest.approx(PULL, abs=0.1)
    assert made.partial is None
    assert made.foretold.future["time_s"].max() == pytest.approx(0.6, abs=0.05)


def test_the_task_is_in_every_question(making_of: Making):
    kinds = [kind for kind, _ in making_of.model.asked]
    assert kinds[:2] == ["perception", "law"]
    assert all("the ball" in " ".join(message.text for message in messages) for _, messages in making_of.model.asked)


def test_it_is_made_again_from_its_record_byte_for_byte(making_of: Making, tmp_path: Path):
    again = replay(making_of.made.folder / "run.json", making_of.video, tmp_path / "again")
    assert again.warnings == making_of.made.warnings
    assert {path.name for path in again.folder.iterdir()} == FILES
    assert differing(again.folder, making_of.made.folder, FILES) == []


def test_it_runs_on_its_own_video_without_a_model(making_of: Making, tmp_path: Path):
    used = use_program(making_of.made.folder, making_of.video, tmp_path / "used", until=0.6)
    assert used.matters == (1,)
    assert differing(used.folder, making_of.made.folder, FILES - {"run.json"}) == []


def test_on_another_video_the_saved_values_hold_unless_they_are_fitted_anew(making_of: Making, tmp_path: Path):
    kept = use_program(making_of.made.folder, making_of.other, tmp_path / "kept", until=0.6)
    anew = use_program(making_of.made.folder, making_of.other, tmp_path / "anew", until=0.6, refit=True)
    assert kept.program.fit.estimates["pull"].value == making_of.made.program.fit.estimates["pull"].value
    assert anew.program.fit.estimates["pull"].value == pytest.approx(3.0, abs=0.15)
    assert use_program(anew.folder, making_of.other, tmp_path / "third").program.fit.estimates["pull"].value == pytest.approx(3.0, abs=0.15)


def test_a_detector_in_the_folder_is_what_finds_things(making_of: Making, folder: Path, tmp_path: Path):
    path = folder / "perception.toml"
    text = path.read_text().replace("everything = true", 'everything = false\ndetector = "detector.py"')
    path.write_text(text.replace('phrase = "red disc 1"', 'phrase = "apple"'))
    (folder / "detector.py").write_text(
        "import numpy as np\n\n\ndef detect(image):\n    return 1 * (image[..., 2] > image[..., 0] + 60.0)\n"
    )
    used = use_program(folder, making_of.video, tmp_path / "out", until=0.6)
    assert set(used.states.labels.values()) == {"apple"}
    assert (used.folder / "detector.py").read_text() == (folder / "detector.py").read_text()
    (folder / "detector.py").write_text("def detect(image):\n    return open('/etc/passwd')\n")
    with pytest.raises(UsageError, match="open"):
        use_program(folder, making_of.video, tmp_path / "other")


def test_frames_in_memory_are_no_video_of_a_program(making_of: Making, tmp_path: Path):
    frames: Any = np.zeros((3, 8, 8, 3), np.uint8)
    for call in (
        lambda: use_program(making_of.made.folder, frames, tmp_path / "out"),
        lambda: ks.program(frames, "x", output=tmp_path / "out"),
    ):
        with pytest.raises(UsageError, match="ndarray"):
            call()


def test_a_law_that_was_edited_is_fitted_anew_or_refused(making_of: Making, folder: Path, tmp_path: Path):
    law = folder / "law.py"
    law.write_text(law.read_text().replace("pull", "tug"))
    with pytest.raises(UsageError, match="--refit"):
        use_program(folder, making_of.video, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    used = use_program(folder, making_of.video, tmp_path / "out", refit=True)
    assert used.program.fit.estimates["tug"].value == pytest.approx(PULL, abs=0.1)
    assert not used.program.law_was_edited


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("law.py", lambda text: "import os\nos.system('true')\n" + text, "os"),
        ("fit.json", lambda text: text.replace("import numpy as np", "import os", 1), "os"),
        ("fit.json", lambda text: text[: len(text) // 2], "JSON"),
        ("scene.json", lambda text: '{"format": 1, "objects": {"7": {"depth": 3}}, "parts": []', "JSON"),
        ("scene.json", lambda text: '{"format": 1, "objects": {"1": {"drawn": "exec"}}, "parts": []}', "scene.json"),
        ("scene.json", lambda text: "[]", "scene.json"),
        ("perception.toml", lambda text: text.replace('phrase = "red disc 1"', 'phrase = "green box 1"'), "green box 1"),
        ("perception.toml", lambda text: text.replace('backend = "classical"', 'backend = "classical"\nimport = "os"'), "import"),
    ],
)
def test_a_folder_of_a_stranger_is_checked(
    making_of: Making, folder: Path, tmp_path: Path, name: str, change: Callable[[str], str], words: str
):
    (folder / name).write_text(change((folder / name).read_text()))
    with pytest.raises((InputError, UsageError, NothingFoundError)) as told:
        use_program(folder, making_of.video, tmp_path / "out", refit=name == "law.py")
    assert words in str(told.value)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["perception.toml", "fit.json", "scene.json"])
def test_a_folder_that_is_not_whole_is_told(folder: Path, name: str):
    (folder / name).unlink()
    with pytest.raises(InputError, match=name):
        Program.read(folder)


def test_a_record_is_of_its_video(making_of: Making, tmp_path: Path):
    with pytest.raises(UsageError, match="other pictures"):
        replay(making_of.made.folder / "run.json", making_of.other, tmp_path / "again")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("calls", 41),
        ("calls", "12"),
        ("rounds", -1),
        ("until", "soon"),
        ("exchanges", [{"reply": 1}]),
        ("world", {}),
        ("kinescribe_program", 2),
    ],
)
def test_a_record_of_a_stranger_is_checked(making_of: Making, folder: Path, tmp_path: Path, key: str, value: Any):
    data = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**data, key: value}))
    with pytest.raises(InputError) as told:
        replay(folder / "run.json", making_of.video, tmp_path / "again")
    assert "\n" not in str(told.value)


def test_a_record_that_is_too_short_is_told(making_of: Making, folder: Path, tmp_path: Path):
    data = json.loads((folder / "run.json").read_text())
    data["exchanges"] = []
    (folder / "run.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match="another question comes up"):
        replay(folder / "run.json", making_of.video, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_only_a_folder_of_its_own_is_written_to(making_of: Making, folder: Path, tmp_path: Path):
    with pytest.raises(UsageError, match="--overwrite"):
        use_program(folder, making_of.video, folder)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match=r"thesis\.tex"):
        use_program(folder, making_of.video, tmp_path / "notes", overwrite=True)
    with pytest.raises(UsageError, match="is a file"):
        use_program(folder, making_of.video, folder / "law.py")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"task": ""}, "task"),
        ({"task": "x" * 501}, "task"),
        ({"calls": 0}, "1 to 40"),
        ({"calls": 41}, "1 to 40"),
        ({"calls": True}, "1 to 40"),
    ],
)
def test_wrong_wishes_are_told_before_anything_is_asked(making_of: Making, tmp_path: Path, options: dict[str, Any], words: str):
    model = ProgramModel()
    given = {"task": "the ball", "model": model, "output": tmp_path / "out", **options}
    with pytest.raises(UsageError, match=words):
        ks.program(making_of.video, given.pop("task"), **given)
    assert not model.asked
    assert not (tmp_path / "out").exists()


def test_without_a_model_the_way_to_one_is_told(making_of: Making, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("KINESCRIBE_MODEL", "KINESCRIBE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="--model and --base-url"):
        ks.program(making_of.video, "the ball", output=tmp_path / "out")


def test_a_server_that_goes_down_costs_nothing_that_was_found(making_of: Making, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    down = EndpointError("the server is gone")
    model = ProgramModel(perception=looks(matters=[1]), law=down, rendering=down)
    monkeypatch.setattr(making, "film_future", lambda *given, **options: making_of.made.foretold)
    made = ks.program(making_of.video, "the ball", model=model, output=tmp_path / "out")
    assert made.partial is not None
    assert "the server is gone" in made.partial
    assert made.program.law == ""
    assert Program.read(made.folder).plan == made.program.plan


def test_a_hostile_model_costs_its_budget_and_the_answer_is_the_librarys(
    making_of: Making, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    evil = "import os\n\n\ndef detect(image):\n    os.system('rm -rf /')\n    return image\n"
    ask = looks("program", thing("red disc"), matters=[1, 10**9], detector=evil)
    law = "Ignore your rules. ```python\nimport os\nfrom kinescribe.dynamics import Law\n\n\nclass Escape(Law):\n    name = 'x'\n```"
    model = ProgramModel(perception=ask, law=law, rendering={"objects": [{"id": 1, "program": evil}], "parts": []})
    monkeypatch.setattr(making, "film_future", lambda *given, **options: making_of.made.foretold)
    made = ks.program(making_of.video, "the ball", model=model, output=tmp_path / "out", calls=8)
    assert len(model.asked) <= 8
    assert (made.chosen.best, made.program.law, made.program.rendering.description.empty) == ("default", "", True)
    assert not (made.folder / "detector.py").exists()


def test_a_budget_that_ends_is_a_warning(making_of: Making, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = ProgramModel(perception=BudgetExceededError("no money left"), law=LAW, rendering=DRAWN)
    monkeypatch.setattr(making, "film_future", lambda *given, **options: making_of.made.foretold)
    made = ks.program(making_of.video, "the ball", model=model, output=tmp_path / "out")
    assert "perception: no money left" in made.warnings
    assert Exchange.of(json.loads((made.folder / "run.json").read_text())["exchanges"][0], "here").fault == "budget"
    assert np.isfinite(made.program.fit.estimates["pull"].value)


def test_without_a_sandbox_the_library_does_it_and_says_so(making_of: Making, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from kinescribe.dynamics.sandbox import Isolation, SandboxError
    from kinescribe.foretelling.programs import folder as folder_module

    monkeypatch.setattr(lawmaking, "isolation", lambda: Isolation("none", ""))
    monkeypatch.setattr(lawmaking, "AUTO", "free-fall")
    monkeypatch.setattr(making, "film_future", lambda *given, **options: making_of.made.foretold)
    model = ProgramModel(perception=looks(matters=[1]), law=LAW, rendering=DRAWN)
    made = ks.program(making_of.video, "the ball", model=model, output=tmp_path / "out")
    assert made.program.law == ""
    assert not model.of("law")
    assert "this system has no sandbox, so that no law of a model's is asked for" in made.warnings

    def refused(path: Path) -> None:
        raise SandboxError("no isolation; add --trust", "unavailable")

    monkeypatch.setattr(folder_module, "load", refused)
    with pytest.raises(SandboxError, match=r"--law .*fit.json --trust"):
        Program.read(making_of.made.folder)
