"""Having a model write the program of a video: perception, then the law, then how it is drawn, each held against the video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kinescribe.errors import UsageError
from kinescribe.foretelling.foretell import Foretold
from kinescribe.foretelling.programs.folder import FUTURE, STATES, Program, prepared, unless_it_fails, write_text
from kinescribe.foretelling.programs.lawmaking import LawFound, find_law, in_words
from kinescribe.foretelling.programs.looking import Looking
from kinescribe.foretelling.programs.perception import ROUNDS, Chosen, choose_perception
from kinescribe.foretelling.programs.purse import USUAL_CALLS, Purse
from kinescribe.foretelling.programs.record import RUN, Record, Terms, lines_told
from kinescribe.foretelling.programs.rendering import Rendering, propose_rendering
from kinescribe.foretelling.programs.using import about_files, check_until, film_future
from kinescribe.foretelling.programs.world import World
from kinescribe.llm import Client, EndpointError, Model, Recorder, Replayer, Settings
from kinescribe.llm.text import one_line
from kinescribe.states import Calibration, States
from kinescribe.video import Video

if TYPE_CHECKING:
    from kinescribe.perception.progress import Progress

__all__ = ["Made", "program", "replay"]

LONGEST_TASK = 500  # characters
MOST_ROUNDS = 10
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A program, and how it came about.

    Attributes:
        program: as it stands in `folder`. chosen: how its objects are found, and what was tried. law: its law, and why the search ended.
        foretold: the future and its video. record: what was said. warnings: one line each.
        partial: why it isn't whole, or should not be trusted; None where all is well.
    """

    program: Program
    folder: Path
    chosen: Chosen
    law: LawFound
    foretold: Foretold
    record: Record
    warnings: tuple[str, ...]
    partial: str | None


def program(
    video: str | Path,
    task: str,
    *,
    model: Model | Settings | None = None,
    output: str | Path,
    calls: int = USUAL_CALLS,
    rounds: int = ROUNDS,
    until: float | None = None,
    calibration: Calibration | None = None,
    frame_interval: float | None = None,
    device: str = "auto",
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
    tell: Tell = lambda line: None,
) -> Made:
    """Let a model that sees write how a video's objects are found, move and are drawn, and leave a folder that runs again without it.

    What it writes is taken only where it explains more of the video than what the library does by itself.

    Args:
        video: a file, or a folder of numbered images. task: what it is about, in words: "the pendulum, ignore the hand".
        model: that is asked; settings of one; None: from KINESCRIBE_MODEL and KINESCRIBE_BASE_URL.
        output: folder for perception.toml, law.py, scene.json, fit.json, run.json, states.csv, future.mp4.
        calls: most questions, 1 to 40. rounds: how often the model may mend a proposal for perception or drawing.
        until: the future's end, seconds in the video's time. calibration, frame_interval, device: as `kinescribe.extract_states` has them.
        seed: of what is random. overwrite: whether `output` may hold an earlier program.
        progress: called with the stage, what is done, and all of it or None. tell: gets lines for people.

    Raises:
        UsageError: arguments that make no sense, or no model. InputError: a file that can't be read, or no answer (`EndpointError`).
        NothingFoundError: nothing moves, or nothing could be cut out.
    """
    if not isinstance(video, str | Path):
        raise UsageError(
            f"a program is of a video's file, or of a folder of images, not of {type(video).__name__}: write it to a file first"
        )
    words = one_line(task, LONGEST_TASK) if isinstance(task, str) else ""
    if not words or len(task) > LONGEST_TASK:
        raise UsageError(f'the task must be 1 to {LONGEST_TASK} characters of words, such as "the pendulum, ignore the hand"')
    asked = model if model is not None else Settings.from_environment()
    if asked is None:
        raise UsageError(
            "no model is set that could write a program; give --model and --base-url (KINESCRIBE_MODEL, KINESCRIBE_BASE_URL), "
            "such as --base-url http://localhost:11434/v1, or run one that was made: --use FOLDER"
        )
    if isinstance(rounds, bool) or not isinstance(rounds, int) or not 0 <= rounds <= MOST_ROUNDS:
        raise UsageError(f"rounds = {rounds} must be a whole number from 0 to {MOST_ROUNDS}: how often a proposal may be mended")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise UsageError(f"seed = {seed} must be a whole number of 0 or more")
    terms = Terms(words, calls, rounds, seed, until, World(calibration or Calibration.pixels(), frame_interval))
    if isinstance(asked, Settings):
        with Client(asked) as client:
            made = _made(video, terms, client, output, device, overwrite, progress, tell)
            return made
    return _made(video, terms, asked, output, device, overwrite, progress, tell)


def replay(
    record: str | Path,
    video: str | Path,
    output: str | Path,
    *,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress | None = None,
    tell: Tell = lambda line: None,
) -> Made:
    """Make a program again from the recorded answers, without a model: the same files, byte for byte, on the same versions and machine.

    Raises as `program` does; `InputError` for a file that is no record, `UsageError` for another video.
    """
    found = Record.read(record)
    terms = found.terms
    looking = Looking(str(video), terms.world.calibration, terms.world.frame_interval, device)
    info = looking.opened().info
    found.check_video(info.name, info.sha256)
    return _made(video, terms, Replayer(found.exchanges, found.model), output, device, overwrite, progress, tell)


def _made(
    video: str | Path, terms: Terms, model: Model, output: str | Path, device: str, overwrite: bool, progress: Progress | None, tell: Tell
) -> Made:
    """All three, one after the other; what is left of the questions goes on to the next."""
    world = terms.world
    looking = Looking(str(video), world.calibration, world.frame_interval, device)
    recorder = Recorder(model)
    purse = Purse.of(recorder, terms.calls)
    opened = looking.opened()
    info = opened.info
    check_until(opened, terms.until)
    folder = prepared(output, overwrite=overwrite)
    lines: list[str] = []

    def note(line: str) -> None:
        lines.append(line)
        tell(line)

    with unless_it_fails(folder):
        few = max(1, min(1 + terms.rounds, terms.calls // 4))
        chosen = choose_perception(looking, terms.task, purse.part(few), rounds=terms.rounds, progress=progress, tell=note)
        names = ", ".join(chosen.states.labels[i] for i in chosen.matters)
        note(f"perception: {chosen.best}, {chosen.outcome}; what matters: {names}")
        opened = looking.opened()
        law = find_law(
            opened, chosen.states, chosen.matters, purse.part(max(purse.left - few, 0)), task=terms.task, seed=terms.seed, progress=progress
        )
        note(f"law: {in_words(law.fit)}; {law.said}")
        rendering, unasked = _drawn(opened, chosen.states, purse.part(few), terms, note)
        note(f"rendering: {rendering.best}")
        made = Program(chosen.plan, world, law.fit, law.source, rendering, chosen.states.labels)
        record = Record(terms, recorder.model, info.name, info.sha256, lines_told(lines), tuple(recorder.exchanges))
        made.write(folder, clips=law.clips)
        write_text(folder / RUN, record.text())
        chosen.states.to_csv(folder / STATES)
        foretold = film_future(made, looking, chosen.states, None, folder / FUTURE, until=terms.until, progress=progress)
    partial = [line for line in (law.partial, unasked, foretold.partial) if line]
    warnings = dict.fromkeys([*chosen.warnings, *law.warnings, *rendering.warnings, *about_files(foretold.warnings)])
    # a client tells what it left out of its questions, a record which of them are not the recorded ones
    warnings |= dict.fromkeys(getattr(model, "warnings", []))
    return Made(made, folder, chosen, law, foretold, record, tuple(warnings), "; ".join(partial) or None)


def _drawn(video: Video, states: States, purse: Purse, terms: Terms, tell: Tell) -> tuple[Rendering, str | None]:
    """How things are drawn; the library's own way, and why, where nobody answers any more: perception and law are worth keeping."""
    try:
        return propose_rendering(video, states, purse, task=terms.task, rounds=terms.rounds, tell=tell), None
    except EndpointError as error:
        return Rendering(), f"the model could not be asked how things are drawn: {error}"
