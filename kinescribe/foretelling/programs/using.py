"""Running a program of a video without the model that wrote it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kinescribe.dynamics.api import clips_of
from kinescribe.dynamics.api import fit as fitted
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.sandbox import law_of_source
from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.foretelling.ends import check_length
from kinescribe.foretelling.foretell import Foretold, predict_video
from kinescribe.foretelling.programs.drawing import drawn_with, in_other_table
from kinescribe.foretelling.programs.folder import FUTURE, LAW, STATES, Program, prepared, unless_it_fails, write_text
from kinescribe.foretelling.programs.lawmaking import in_words
from kinescribe.foretelling.programs.looking import Looking
from kinescribe.foretelling.programs.plan import bodies
from kinescribe.foretelling.programs.record import RUN
from kinescribe.foretelling.programs.world import World
from kinescribe.states import Calibration, States
from kinescribe.video import Video

if TYPE_CHECKING:
    from kinescribe.perception.progress import Progress

__all__ = ["Used", "about_files", "check_until", "film_future", "use_program"]


@dataclass(frozen=True, slots=True, eq=False)
class Used:
    """What came of it.

    Attributes:
        program: as it ran, with the values of a new fit where one was asked for.
        states: what was found. matters: ids of the objects that the law is about.
        foretold: the future and its video. folder: with all of it. warnings: one line each.
    """

    program: Program
    states: States
    matters: tuple[int, ...]
    foretold: Foretold
    folder: Path
    warnings: tuple[str, ...]


def use_program(
    folder: str | Path,
    video: str | Path,
    output: str | Path,
    *,
    refit: bool = False,
    until: float | None = None,
    calibration: Calibration | None = None,
    frame_interval: float | None = None,
    device: str = "auto",
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Used:
    """Find, predict and draw what a folder says, in its own video or another of the same kind; no model is asked.

    Args:
        folder: that `program` made; a stranger's is checked, and its sources run in the sandbox alone.
        output: folder for states.csv, future.mp4 and the program itself.
        refit: fit the law's parameters to this video, instead of those that were saved. until: seconds in the video's time.
        calibration, frame_interval: where they are not those of the folder.
        device, seed, progress: as for `extract_states` and `fit`. tell: gets lines for people.

    Raises:
        UsageError: a program that makes no sense here. InputError: a file that can't be read. NothingFoundError: nothing of it is there.
    """
    if not isinstance(video, str | Path):
        raise UsageError(
            f"a program runs on a video's file, or a folder of images, not on {type(video).__name__}: write it to a file first"
        )
    program = Program.read(folder)
    if program.law_was_edited and not refit:
        raise UsageError(f"'{folder}': {LAW} is not the law that fit.json has the values of: add --refit to fit it to this video")
    where = World(calibration or program.world.calibration, frame_interval or program.world.frame_interval)
    looking = Looking(str(video), where.calibration, where.frame_interval, device)
    check_until(looking.opened(), until)
    target = prepared(output, overwrite=overwrite)
    with unless_it_fails(target):
        states = looking.states(program.plan, progress)
        matters = program.plan.matters(states)
        if not matters:
            wanted = ", ".join(f'"{thing.phrase}"' for thing in program.plan.things if thing.matters)
            seen = ", ".join(states.labels[i] for i in bodies(states))
            raise NothingFoundError(f"nothing in '{video}' goes by {wanted}; found were: {seen}; name what matters in perception.toml")
        fit, clips = (_refitted(program, states, matters, seed)) if refit else (program.fit, [])
        tell(f"law: {in_words(fit)}")
        states.to_csv(target / STATES)
        rendering, left_out = in_other_table(program.rendering, program.labels or states.labels, states)
        program = replace(program, world=where, fit=fit, rendering=rendering, labels=states.labels)
        program.write(target, clips=clips)
        if target.resolve() != Path(folder).resolve():
            write_text(target / RUN, "")  # one of an earlier program in its place is not of this one
        made = film_future(program, looking, states, matters if not refit else None, target / FUTURE, until=until, progress=progress)
    return Used(program, states, matters, made, target, (*left_out, *about_files(made.warnings)))


def film_future(
    program: Program,
    looking: Looking,
    states: States,
    objects: tuple[int, ...] | None,
    output: Path,
    *,
    until: float | None,
    progress: Progress | None = None,
) -> Foretold:
    """The video of what happens next; `objects`: ids that the law is about, None where it was fitted to this very table."""
    scene, renderer = drawn_with(program.rendering, looking.opened(), states)
    about = None if objects is None else _meant(program.fit, states, objects)
    return predict_video(
        looking.path, output, law=program.fit, states=states, scene=scene, renderer=renderer, until=until,
        law_objects=about, frame_interval=looking.frame_interval, progress=progress,
    )  # fmt: skip


def check_until(video: Video, until: float | None) -> None:
    """Raise `UsageError` for an end of the future that makes no sense: found out now, not when all else is done."""
    if until is None:
        return
    if isinstance(until, bool) or not isinstance(until, int | float) or not math.isfinite(until):
        raise UsageError(f"--until {until!r} must be seconds in the video's time, such as 3.5")
    times = [frame.time_s for frame in video]
    last = times[-1] if times else 0.0
    if until <= last:
        raise UsageError(f"--until {until:g} lies within the video, which ends at {last:.4g} s: name a later end")
    check_length(until, until - last, max(len(times) - 1, 1) / max(last - times[0], 1e-9) if times else 1.0)


def about_files(warnings: Sequence[str]) -> tuple[str, ...]:
    """Warnings of `predict_video` in words of a program's folder, which has no option for whom the law is about."""
    return tuple(line.replace("--law-objects says whom it is about", "perception.toml says what matters") for line in warnings)


def _meant(fit: Fit, states: States, objects: Sequence[int]) -> list[str | int]:
    """Whom the law is about: objects by the names that it was fitted to, where the table has them; else those that matter."""
    return list(fit.objects) if set(fit.objects) <= set(states.labels.values()) else list(objects)


def _refitted(program: Program, states: States, objects: tuple[int, ...], seed: int) -> tuple[Fit, list[Clip]]:
    """The law fitted to another table, from its own starts."""
    law = law_of_source(program.law, file=LAW) if program.law else program.fit.law
    clips = clips_of([states], objects=_meant(program.fit, states, objects))
    return replace(fitted(clips, law, seed=seed), seconds=0.0), clips
