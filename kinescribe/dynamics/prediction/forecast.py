"""What a law foretells of one clip, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.arguments import a_kind, check_inputs, names, number, seconds, switch, words
from kinescribe.dynamics.clip import Clip, Impact
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.prediction.attached import Attached, attached_to
from kinescribe.dynamics.prediction.cautions import about_changes, about_fit, about_motion, undetermined
from kinescribe.dynamics.prediction.changes import Change, Changes, changes_of
from kinescribe.dynamics.prediction.grid import Frames, Grid, frames_of, grid_of
from kinescribe.dynamics.prediction.intervention import Intervention, intervene
from kinescribe.dynamics.prediction.paths import Paths, follow
from kinescribe.dynamics.prediction.samples import Samples, samples_of
from kinescribe.dynamics.prediction.start import Start, chosen, start_of
from kinescribe.errors import UsageError
from kinescribe.states import States, read

__all__ = ["Forecast", "Predictor"]

Float = NDArray[np.float64]
SUBSTEPS = (1, 2, 4, 8, 16, 32, 64)
ACCURATE = 0.02  # of a σ: by how much a finer step may still change a trajectory
COARSE = 1e-5  # of the clip's extent: the same
CROOKED = 0.5  # of a σ, the prediction's and the table's: a spread whose even part is larger is not linear


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """A trajectory with its uncertainty, world frame, y up.

    Attributes:
        start: what it begins with. intervention: what was changed.
        grid: its times; frames: of the table.
        data: (6, T, n); acceleration: (3, T, n). sigma: (9, T, n) one standard deviation of both, in that order.
        crooked: (T, n) the spread is not linear there: a contact may happen or not, or the law bends strongly.
        impacts: contacts of the whole trajectory, in time order.
        warnings: one line each. partial: None, or why it ends before it should. substeps: parts of a step from time to time.
        along: what goes along with its objects.
    """

    start: Start
    intervention: Intervention
    grid: Grid
    frames: Frames
    data: Float
    acceleration: Float
    sigma: Float
    crooked: NDArray[np.bool_]
    impacts: tuple[Impact, ...]
    warnings: tuple[str, ...]
    partial: str | None = None
    substeps: int = 1
    along: tuple[Attached, ...] = ()

    @property
    def told(self) -> tuple[Impact, ...]:
        """The contacts within what is told."""
        return _within(self.impacts, self.grid)


@dataclass(frozen=True, slots=True, eq=False)
class Predictor:
    """One clip under a fitted law, ready to be asked several times.

    Attributes:
        start: its initial state and covariance.
        states: the table that it came from; None for a clip.
        frames: of the table.
        samples: trials of the uncertain numbers.
        along: what goes along with its objects.
    """

    start: Start
    states: States | None
    frames: Frames
    samples: Samples
    along: tuple[Attached, ...] = ()

    @classmethod
    def of(
        cls, source: States | Clip | str | Path, fit: Fit | str | Path, *, inputs: Inputs | str | Path | None = None,
        objects: Sequence[str | int] | None = None,
        name: str = "states", start_prior: bool = False,
    ) -> Self:  # fmt: skip
        """Fit the initial state of a table's objects, or of a clip; with `start_prior` as one that starts like the clips of the fit.

        Raises:
            UsageError: objects, unit or inputs that don't fit the law.
            NothingFoundError: no object with enough sightings.
        """
        check_inputs(inputs)
        held = Inputs.read(Path(inputs)) if isinstance(inputs, str | Path) else inputs
        objects, fit = names(objects), _loaded(fit)
        if isinstance(source, str | Path):
            source, name = read(source), str(source)
        if isinstance(source, Clip):
            clip = chosen(source if held is None else replace(source, inputs=held), objects)
            states = None
        elif isinstance(source, States):
            clip, states = Clip.from_states(source, objects=objects, inputs=held, name=name), source
        else:
            raise UsageError(f"a prediction takes a states table, its file or a clip, not {a_kind(source)}")
        along = _along(states, clip, fit, named=objects is not None)
        things = {_name_of(clip, one.object_id): _name_of(clip, one.body) for one in along if not one.is_point}
        start = start_of(clip, fit, named=objects is not None, prior=switch(start_prior, "start_prior"), along=list(things))
        told = [f"{name} goes along with {body}, on which it keeps its place" for name, body in things.items()]
        start = replace(start, notes=(*start.notes, *told))
        return cls(start, states, frames_of(states, clip.times), samples_of(start), tuple(along))

    def ask(
        self, *, until: float, every: float | None = None, do: Changes = (), remove: Sequence[str] = (), at: float | None = None,
        from_start: bool = False,
    ) -> Forecast:  # fmt: skip
        """What happens until then; with changes, what would have happened.

        Args:
            until: seconds, in the table's time. every: interval of the rows, seconds; None: the frames'.
            do: changes of parameters and of states; remove: walls and objects that are taken away; at: when, seconds; None: at the start.
            from_start: rows from the first sighting on; else from the last one on, or from the change on where that comes sooner.

        Raises:
            UsageError: unknown names, values out of bounds, times that make no sense, inputs that end too soon.
        """
        return self.run(changes_of(do), remove, until=until, every=every, at=at, from_start=from_start)

    def run(
        self, changes: Sequence[Change], remove: Sequence[str] = (), *, until: float, every: float | None = None,
        at: float | None = None, from_start: bool = False, substeps: int = 1,
    ) -> Forecast:  # fmt: skip
        """As `ask`, from parsed changes, in at least so many substeps."""
        until, every, at, remove = number(until, "until"), seconds(every, "every"), seconds(at, "at"), words(remove, "what to remove")
        start, clip = self.start, self.start.clip
        first, last = float(clip.times[0]), float(clip.times[-1])
        intervention = intervene(start, changes, remove, at)
        begin = first if intervention.changes and at is None else at
        grid = grid_of(self.frames, first, last, until, every, begin, from_start)
        clip.inputs.require(start.fit.law.inputs, until, start.fit.law.title)
        times = grid.times
        interval = self.frames.interval
        substeps, rough = _substeps(start, times, intervention, interval, substeps)
        lost, doubts = undetermined(start)
        trials = self.samples
        b = len(trials.q)
        paths = follow(start, np.r_[trials.values, lost.values], np.r_[trials.q, lost.q], times, intervention, substeps, interval)
        data, acceleration = paths.data[:, 0], paths.acceleration[:, 0]
        sigma, even = trials.spread(np.concatenate([paths.data[:, :b], paths.acceleration[:, :b]]))
        with np.errstate(invalid="ignore"):
            bent, wide = np.hypot(*even[:2]), np.hypot(*sigma[:2])
            crooked = np.asarray((bent > CROOKED * wide) & (bent > CROOKED * _seen_sigma(start)))
        alive = np.isfinite(data[:2]).all(axis=(0, 2)) if not intervention.objects else _alive(data, intervention)
        partial = None
        if not alive.all():
            ends = float(times[max(int(np.argmin(alive)) - 1, 0)])
            partial = f"the simulation leaves all bounds after {ends:g} s: nothing can be told beyond"
        told = np.zeros(len(times), bool)
        told[grid.told] = True
        warnings = [
            *about_fit(start),
            *clip.inputs.doubts(start.fit.law.inputs, first, until, start.fit.law.title),
            *intervention.notes,
            *paths.notes,
            *about_changes(start, intervention),
            *about_motion(start, data[:, told], times[told], _within(paths.impacts[0], grid), until),
            *doubts(paths.data[:, b:, told], data[:, told], sigma[:, told]),
            *_spread(crooked & told[:, None], times, start),
            *rough,
        ]
        return Forecast(
            start, intervention, grid, self.frames, data, acceleration, sigma, crooked, paths.impacts[0],
            tuple(dict.fromkeys(warnings)), partial, substeps, self.along,
        )  # fmt: skip


def _along(states: States | None, clip: Clip, fit: Fit, named: bool) -> list[Attached]:
    """What goes along with the objects that are foretold; things of their own only where the user chose no objects."""
    if states is None:
        return []
    b = clip.bodies
    chosen = [i for i in range(len(b)) if named or not set(fit.objects) < set(b.names) or b.names[i] in fit.objects]
    turning = [fit.law.turns and bool(np.isfinite(clip.angle[:, i]).any()) for i in chosen]
    return attached_to(states, [b.object_ids[i] for i in chosen], turning, things=not named)


def _name_of(clip: Clip, object_id: int) -> str:
    return clip.bodies.names[clip.bodies.object_ids.index(object_id)]


def _within(impacts: Sequence[Impact], grid: Grid) -> tuple[Impact, ...]:
    """Those between the first row that is told and the last."""
    end = grid.times[grid.told[-1]]
    return tuple(hit for hit in impacts if grid.begin - 1e-9 <= hit.time <= end + 1e-9)


def _loaded(fit: Fit | str | Path) -> Fit:
    """A fit, or that in a file."""
    if isinstance(fit, str | Path):
        from kinescribe.dynamics.saving import load

        return load(fit)
    if not isinstance(fit, Fit):
        raise UsageError(f"a prediction needs a fit, or the file of one, not {a_kind(fit)}")
    return fit


def _seen_sigma(start: Start) -> float:
    """Median σ of the positions that were seen, world units."""
    return float(np.nanmedian(np.where(np.isfinite(start.problem.observed), start.problem.sigma, np.nan)[..., :2]))


def _alive(data: Float, intervention: Intervention) -> NDArray[np.bool_]:
    stay = [i for i in range(data.shape[2]) if i not in intervention.objects]
    return np.asarray(np.isfinite(data[:2, :, stay]).all(axis=(0, 2)))


def _substeps(start: Start, times: Float, intervention: Intervention, interval: float, least: int) -> tuple[int, list[str]]:
    """As few as the fit took, or more where a changed motion needs them; and whether no number was enough."""
    least = max(least, start.problem.substeps)
    if start.fit.law.kind != "acceleration":
        return least, []
    tolerance = max(ACCURATE * _seen_sigma(start), COARSE * start.problem.length)
    coarse: Paths | None = None
    since = float(times[0])
    for parts in SUBSTEPS:
        if parts < least:
            continue
        fine = follow(start, start.values[None], start.q[None], times, intervention, parts, interval)
        if coarse is not None:
            change = np.abs(fine.data[:2, 0] - coarse.data[:2, 0])
            worst = np.fmax.reduce(change, axis=(0, 2), initial=0.0)
            if not (worst > tolerance).any():
                return parts // 2, []
            since = float(times[int(np.argmax(worst > tolerance))])
        coarse = fine
    return SUBSTEPS[-1], [f"from {since:g} s on the motion hangs on the last digits (chaos): its σ tells more than its place"]


def _spread(crooked: NDArray[np.bool_], times: Float, start: Start) -> list[str]:
    if not crooked.any():
        return []
    who = [name for name, any_ in zip(start.clip.bodies.names, np.asarray(crooked.any(axis=0)), strict=True) if any_]
    since = float(times[int(np.argmax(crooked.any(axis=1)))])
    contacts = start.fit.law.contacts(start.clip.bodies, start.slots.values(start.theta[None]))
    why = "within it contacts happen sooner or later, or not at all" if contacts.walls or contacts.discs else "within it the law bends"
    return [f"from {since:g} s on the σ of {', '.join(who)} is rough: {why}"]
