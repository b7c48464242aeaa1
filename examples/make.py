"""Makes the example runs again: python examples/make.py

The model in them is scripted: its replies stand in replies/, so that the runs need no network, and anybody can read what a model
might say. Everything else is what a real run does: the video is drawn and looked at, programs run in the sandbox, are fitted, judged
and mended.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kinescribe.dynamics import Bodies, Schedule, State, Values, simulate
from kinescribe.dynamics.api import clips_of
from kinescribe.dynamics.finding import law_from_text
from kinescribe.dynamics.saving import save
from kinescribe.dynamics.synthesis import synthesize
from kinescribe.dynamics.synthesis.page import write_page
from kinescribe.dynamics.synthesis.programs import drafts
from kinescribe.dynamics.synthesis.records import write_record
from kinescribe.evaluation.scenes import Scene
from kinescribe.evaluation.scenes.camera import Camera
from kinescribe.evaluation.scenes.paths import Motion
from kinescribe.evaluation.scenes.scene import Body
from kinescribe.foretelling.authors import sheet_of
from kinescribe.llm import Message, Reply, Usage
from kinescribe.llm.messages import CHARACTERS_A_TOKEN, estimated_tokens
from kinescribe.pipeline import extract_states
from kinescribe.states import Calibration, Metadata, States, read
from kinescribe.video import open_video

HERE = Path(__file__).parent
SCALE = 100.0  # px a metre


class Scripted:
    """A model that says what it is told to, answer by answer, the last one for ever."""

    model = "scripted"

    def __init__(self, *answers: str) -> None:
        self._answers, self._usage = answers, Usage()

    @property
    def usage(self) -> Usage:
        """What its words would have cost, by length."""
        out = Usage()
        out.add(self._usage)
        return out

    def ask(self, messages: Sequence[Message], **_: Any) -> Reply:
        """The next answer."""
        text = self._answers[min(self._usage.calls, len(self._answers) - 1)]
        took = Usage(1, 0, estimated_tokens(messages), len(text) // CHARACTERS_A_TOKEN + 1)
        self._usage.add(took)
        return Reply(text, usage=took, model=self.model)


def reply(name: str) -> str:
    """What the model says."""
    return (HERE / "replies" / f"{name}.md").read_text(encoding="utf-8")


def path_of(source: str, values: dict[str, float], start: dict[str, float], times: np.ndarray) -> np.ndarray:
    """(4, n) x, y, vx, vy in metres, y up."""
    law = law_from_text(source, "", "law.py")
    state = State.of(Bodies.make(1, radius=0.1), **start)
    moved = simulate(law, Values({name: np.full((1, 1), value) for name, value in values.items()}), state, Schedule.of([times], substeps=8))
    return np.stack([moved.component(name)[0, :, 0] for name in ("x", "y", "vx", "vy")])


def filmed(folder: Path, law: str) -> States:
    """A puck that is pushed across a table over a magnet, drawn as a video and looked at as any other."""

    def path(times: np.ndarray) -> Motion:
        every = np.unique(np.concatenate([[0.0], times]))
        x, y, vx, vy = path_of(law, {"turn": 0.6, "slope": 1.2, "braking": 0.15}, {"x": 0.6, "y": 0.6, "vx": 1.3, "vy": 0.0}, every)
        at = np.searchsorted(every, times)
        positions, velocities = np.stack([x, -y], axis=1)[at] * SCALE, np.stack([vx, -vy], axis=1)[at] * SCALE
        return Motion(positions + np.array([0.0, 220.0]), velocities, np.zeros(len(at)), np.zeros(len(at)))

    camera = Camera.of({"width": 320, "height": 240, "seed": 3}, frame_count=90)
    scene = Scene("curved puck", camera, [Body("orange puck", "disc", (22.0, 22.0), path, "orange")])
    scene.write(folder / "video.mp4")
    calibration = Calibration.from_scale(SCALE, "m", origin=(0.0, 220.0))
    states = extract_states(folder / "video.mp4", calibration=calibration)
    states.to_csv(folder / "states.csv")
    return states


def tabled(folder: Path, source: str, values: dict[str, float], start: dict[str, float], label: str) -> States:
    """Positions with noise, as a table of anybody's."""
    times, sigma = np.arange(50) / 30, 0.004
    x, y, *_ = path_of(source, values, start, times) + np.random.default_rng(5).normal(0.0, sigma, (4, len(times)))
    rows = {
        "frame": list(range(len(times))), "time_s": list(times), "object_id": [1] * len(times), "label": [label] * len(times),
        "x": list(x), "y": list(y), "sigma_x": [sigma] * len(times), "sigma_y": [sigma] * len(times),
        "width": [0.1] * len(times), "height": [0.1] * len(times), "shape": ["disc"] * len(times), "status": ["observed"] * len(times),
    }  # fmt: skip
    states = States.from_columns(rows, Metadata(calibration=Calibration.from_scale(SCALE, "m")))
    states.to_csv(folder / "states.csv")
    return states


def recorded(folder: Path, model: Scripted, *, library: str, task: str, max_calls: int = 12, video: bool = False) -> None:
    """The run, its law, its record and its page."""
    table = read(folder / "states.csv")
    clips = clips_of([folder / "states.csv"], brief=True)
    sheet = sheet_of(open_video(folder / "video.mp4"), table) if video else None
    run = synthesize(clips, model, library=library, task=task, max_calls=max_calls, sheet=sheet)
    write_record(run, folder / "law.run.json", clips, sheet=sheet)
    write_page(run, folder / "law.run.html", sheet=sheet)
    save(run.fit, folder / "law.json", clips=clips)
    print(f"{folder.name}: {run.fit!r} after {run.calls} questions; {run.stopped}")


def main() -> int:
    """Make all of them."""
    for name in ("curved-puck", "wrong-sign", "escape"):
        shutil.rmtree(HERE / name, ignore_errors=True)
        (HERE / name).mkdir()
    filmed(HERE / "curved-puck", drafts(reply("curved-puck"))[2].source)
    task = "a metal puck slides on a table; there may be magnets under it"
    recorded(HERE / "curved-puck", Scripted(reply("curved-puck")), library="auto", task=task, video=True)

    (truth,) = drafts(reply("wrong-sign-2"))
    air = {"gravity": 9.81, "drag": 0.5, "wind": 4.0}
    tabled(HERE / "wrong-sign", truth.source, air, {"x": 0.0, "y": 1.0, "vx": 3.0, "vy": 6.0}, "shuttlecock")
    model = Scripted(reply("wrong-sign-1"), reply("wrong-sign-2"))
    recorded(HERE / "wrong-sign", model, library="free-fall + quadratic-drag", task="a shuttlecock is thrown outdoors")

    tabled(HERE / "escape", truth.source, air, {"x": 0.0, "y": 1.0, "vx": 2.0, "vy": 7.0}, "ball")
    model = Scripted(reply("escape-1"), reply("escape-2"))
    recorded(HERE / "escape", model, library="free-fall + quadratic-drag", task="", max_calls=4)
    return 0


if __name__ == "__main__":
    sys.exit(main())
