"""``kinescribe demo``: a video that the package draws itself, the whole job on it, and the error against the truth."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.evaluation.scenes import Scene
    from kinescribe.states import States

__all__ = ["Score", "demo", "score"]

FOUND = 0.5  # an object whose best id covers less of the frames was not found


@dataclass(frozen=True, slots=True)
class Score:
    """How one object of the demonstration came out.

    Attributes:
        name: of the object, as drawn.
        object_id: the id that serves it best; None where none does.
        label: what the run called it.
        coverage: share of the frames in which that id lies within 10 px of the truth.
        median_px: median distance to the truth, px; the constant offset is removed.
        velocity_error: median |v − true v|, in the table's unit a second; NaN where not found.
        speed: median true speed, in the same unit.
    """

    name: str
    object_id: int | None
    label: str
    coverage: float
    median_px: float
    velocity_error: float
    speed: float

    @property
    def found(self) -> bool:
        """Whether an id follows it for over half of the video."""
        return self.object_id is not None and self.coverage >= FOUND


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where everything is left.")] = Path("kinescribe-demo"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier demo left.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the table of errors alone.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Draw a video of bouncing balls and a swinging rod, run the whole job on it, and print the error against the truth.

    Leaves video.mp4, states.csv, states.meta.json, plot.png and overlay.mp4 in FOLDER. Exit codes: 0 done, 4 an object was not found.
    """
    from kinescribe.cli import outputs as files
    from kinescribe.cli.extract import finish, write
    from kinescribe.cli.interrupts import check, checking
    from kinescribe.cli.progress import progress_bar
    from kinescribe.errors import NothingFoundError

    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder '{output}' can't be made ({error.strerror}); give -o another one") from error
    video = output / "video.mp4"
    outputs = files.Outputs(output / "states.csv", output / "states.meta.json", None, output / "overlay.mp4", output / "plot.png")
    files.check([video, *outputs.paths()], overwrite=overwrite)

    from kinescribe.evaluation.scenes import demo_scene
    from kinescribe.pipeline import extract_states
    from kinescribe.settings import ExtractionSettings
    from kinescribe.states import Calibration

    scene = demo_scene(seed=0)
    scene.write(video)
    assert scene.pixels_per_unit is not None  # this scene has a scale
    start = time.perf_counter()
    with progress_bar(quiet) as bar:
        progress = checking(bar)
        calibration = Calibration.from_scale(scene.pixels_per_unit, scene.unit)
        states = extract_states(video, calibration=calibration, progress=progress)
        check()
        write(states, outputs, str(video), ExtractionSettings(), progress)
        check()
    finish(states, outputs, time.perf_counter() - start, quiet=quiet, as_json=False, strict=False)
    scores = score(states, scene)
    _print(scores, states.unit)
    missing = [item.name for item in scores if not item.found]
    if missing:
        raise NothingFoundError(f"the demo did not find {' and '.join(missing)}; see {outputs.overlay} and report this as a defect")
    return 0


def score(states: States, scene: Scene) -> list[Score]:
    """The errors of a states table of a drawn scene, one a tracked body."""
    import numpy as np

    from kinescribe import evaluation

    columns, count, labels = states.columns, scene.frame_count, states.labels
    calibration = states.meta.calibration
    assert calibration is not None  # the run was given one
    frames = np.arange(count)
    marks = {
        name: evaluation.Truth(frames[truth.visible], truth.positions[truth.visible], np.full(int(truth.visible.sum()), np.nan))
        for name, truth in scene.truth.items()
    }
    result = evaluation.score_states(columns["frame"], columns["object_id"], columns["x_px"], columns["y_px"], marks, count)
    out = []
    for name, truth in scene.truth.items():
        best = result.objects[name]
        true = np.asarray(calibration.vectors(truth.velocities))
        speed = float(np.median(np.hypot(*true.T)))
        if best.object_id is None:
            out.append(Score(name, None, "", 0.0, float("nan"), float("nan"), speed))
            continue
        own = states.of(best.object_id).columns
        velocity = np.stack([own["vx"], own["vy"]], axis=1)
        error = np.hypot(*(velocity - true[np.asarray(own["frame"], np.intp)]).T)
        out.append(Score(name, best.object_id, labels[best.object_id], best.coverage, best.median_px, float(np.nanmedian(error)), speed))
    return out


def _print(scores: list[Score], unit: str) -> None:
    """The table of errors, on stdout: it is what the command is for."""
    print(f"{'drawn':<12} {'found as':<18} {'coverage':>8} {'median error':>13} {'velocity error':>17} {'median speed':>14}")
    for item in scores:
        label = "not found" if item.object_id is None else f"{item.object_id} {item.label}"
        print(
            f"{item.name:<12} {label:<18} {item.coverage:>8.1%} {item.median_px:>10.3f} px "
            f"{item.velocity_error:>{12 - len(unit)}.4f} {unit}/s {item.speed:>{9 - len(unit)}.2f} {unit}/s"
        )
