"""A program of a video, as a folder that runs again without the model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.sandbox import SandboxError
from kinescribe.dynamics.sandbox.limits import MOST_SOURCE
from kinescribe.dynamics.saving import load, save
from kinescribe.errors import InputError, UsageError, why_not_written
from kinescribe.foretelling.programs.detector import FILE as DETECTOR
from kinescribe.foretelling.programs.lawmaking import sources_in
from kinescribe.foretelling.programs.plan import PerceptionPlan
from kinescribe.foretelling.programs.plan_files import PERCEPTION, read_plan, text_of_plan, text_within
from kinescribe.foretelling.programs.record import RUN
from kinescribe.foretelling.programs.rendering import Rendering
from kinescribe.foretelling.programs.world import World
from kinescribe.llm.text import one_line
from kinescribe.renderers.arguments import output_path
from kinescribe.states import read as read_states
from kinescribe.states.writing import replaced

__all__ = ["FIT", "FUTURE", "LAW", "SCENE", "STATES", "Program", "prepared", "unless_it_fails", "write_text"]

STATES, LAW, SCENE, FIT, FUTURE = "states.csv", "law.py", "scene.json", "fit.json", "future.mp4"
MOST_TABLE = 500_000_000  # bytes
OURS = {PERCEPTION, DETECTOR, LAW, SCENE, FIT, RUN, STATES, "states.meta.json", FUTURE}


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """How the objects of a video are found, how they move, and how they are drawn.

    Attributes:
        plan, world: what perception does, and the world frame. fit: the law with its values.
        law: source of a model's law; "" where the library's is taken. rendering: how the scene's objects are drawn.
        labels: by id, of the table that `rendering` speaks of.
    """

    plan: PerceptionPlan
    world: World
    fit: Fit
    law: str
    rendering: Rendering
    labels: Mapping[int, str]

    def write(self, folder: Path, *, clips: Sequence[Clip] = ()) -> None:
        """All its files; those of an earlier one that this has not are removed. Raises `UsageError` where they can't be written."""
        texts = {
            PERCEPTION: text_of_plan(self.plan, self.world),
            DETECTOR: self.plan.detector,
            LAW: self.law,
            SCENE: json.dumps(self.rendering.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        }
        for name, text in texts.items():
            write_text(folder / name, text)
        save(self.fit, folder / FIT, clips=clips)

    @classmethod
    def read(cls, folder: str | Path) -> Program:
        """From a folder, whoever wrote it: all of it is checked, and sources run in the sandbox alone.

        Raises:
            InputError: a file that is missing, or not of its form. UsageError: one that makes no sense, or can't run here.
        """
        path = Path(folder)
        if not path.is_dir():
            raise InputError(f"'{path}' is no folder: --use takes one that kinescribe program made")
        plan, world = read_plan(path)
        law = text_within(path / LAW, MOST_SOURCE) if (path / LAW).exists() else ""
        rendering = _rendering(path / SCENE)
        return cls(plan, world, _fit(path / FIT), law, rendering, {} if rendering.description.empty else _labels(path / STATES))

    @property
    def law_was_edited(self) -> bool:
        """Whether ``law.py`` isn't the law that ``fit.json`` holds the values of."""
        return bool(self.law) and self.law.splitlines() not in [text.splitlines() for text in sources_in(self.fit)]


@contextmanager
def unless_it_fails(folder: Path) -> Iterator[None]:
    """A block that fills a folder; where it fails before anything is in it, the folder is removed."""
    try:
        yield
    except BaseException:
        if not any(folder.iterdir()):
            folder.rmdir()
        raise


def _fit(path: Path) -> Fit:
    """The law with its values. Raises as `load` does, with the way out that there is for a program."""
    try:
        return load(path)
    except SandboxError as error:
        if error.reason != "unavailable":
            raise
        way_out = f"if you trust it: kinescribe predict-video VIDEO --law {path} --trust"
        raise SandboxError(f"{path}: this system has no sandbox, which the law's source needs; {way_out}", error.reason) from None


def _labels(path: Path) -> Mapping[int, str]:
    """By id, of the table that ``scene.json`` speaks of; none where there is no table."""
    if not path.exists():
        return {}
    if path.stat().st_size > MOST_TABLE:
        raise InputError(f"{path}: {path.stat().st_size} bytes are too many for the table of a program; {MOST_TABLE} are the most")
    return read_states(path).labels


def _rendering(path: Path) -> Rendering:
    """What a ``scene.json`` holds."""
    try:
        data = json.loads(text_within(path, 10_000_000))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path}: no JSON: {one_line(str(error), 100)}; mend it there") from None
    return Rendering.from_dict(data, str(path))


def prepared(folder: str | Path, *, overwrite: bool) -> Path:
    """A folder that files can be written to.

    Raises:
        UsageError: it holds something already, unless `overwrite`; or something that no program left there; or it can't be made.
    """
    path = output_path("program", folder)
    if path.exists() and not path.is_dir():
        raise UsageError(f"'{path}' is a file: -o takes a folder")
    there = sorted(one.name for one in path.iterdir()) if path.is_dir() else []
    if there and not overwrite:
        raise UsageError(f"'{path}' holds something already; name another folder, or add --overwrite")
    if set(there) - OURS:
        strange = next(name for name in there if name not in OURS)
        raise UsageError(f"'{path}' holds '{strange}', which is no part of a program: name another folder")
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder '{path}' can't be made: {why_not_written(error)}") from error
    return path


def write_text(path: Path, text: str) -> None:
    """A file with this text; none, not even an earlier one, where it is empty. Raises `UsageError` where it can't be written."""
    if not text:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"'{path}' of an earlier run can't be removed ({error.strerror or error}); name another folder") from error
        return
    with replaced(path) as (staged,):
        staged.write_text(text, encoding="utf-8")
