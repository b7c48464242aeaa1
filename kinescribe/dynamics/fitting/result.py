"""What a fit finds, with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.fitting.slots import Slots
from kinescribe.dynamics.fitting.starts import Starts
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.simulation import Rollout, Schedule, simulate
from kinescribe.dynamics.state import Bodies, State

if TYPE_CHECKING:
    from kinescribe.dynamics.selection import Selection

__all__ = ["ClipFit", "Estimate", "Fit", "Unidentified"]

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One parameter.

    Attributes:
        name: "gravity", "ball 1.mass".
        value: in the table's units, y up.
        sigma: one standard deviation; NaN where it was not fitted, infinite where the data say nothing.
        low, high: of the 95 % interval.
        unit: in words, "m/s²".
        meaning: what it is.
        identified: the data determine it.
        fixed: it was known, not fitted.
        at_bound: it lies at one of its bounds, and would leave it.
    """

    name: str
    value: float
    sigma: float
    low: float
    high: float
    unit: str
    meaning: str
    identified: bool = True
    fixed: bool = False
    at_bound: bool = False


@dataclass(frozen=True, slots=True)
class Unidentified:
    """Something that these clips can't tell.

    Attributes:
        names: of the parameters that are involved.
        powers: of each: the trajectories don't change when each parameter is multiplied by a common factor to this power (when one
            alone is named: by any factor).
        text: for people: what is not determined, and what of it is.
        remedy: what further video would determine it.
    """

    names: tuple[str, ...]
    powers: tuple[float, ...]
    text: str
    remedy: str


@dataclass(frozen=True, slots=True, eq=False)
class ClipFit:
    """How the law fits one clip.

    Attributes:
        name: of the clip. bodies: its objects.
        initial: (6, n) fitted state at the first instant.
        start_time: seconds.
        components: (d, 2) of the fitted numbers of that state, component and object.
        covariance: (p + d, p + d) of the free parameters and those numbers.
        rms: of the residuals of each object (n,), world units; position alone.
        chi: root mean square of the residuals in σ.
        events_agree: the predicted contacts happen in the order of those that were seen; None where none were seen.
        noise: (3, n) root mean square of the residuals of x, y and angle, outliers weighed down; NaN where none was seen. None: not kept.
    """

    name: str
    bodies: Bodies
    initial: Float
    start_time: float
    components: NDArray[np.intp]
    covariance: Float
    rms: Float
    chi: float
    events_agree: bool | None = None
    noise: Float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A law fitted to clips; or a fit that failed, which says what to try.

    Attributes:
        law: that was fitted.
        slots: its numbers; theta (p,) the free ones' values, covariance (p, p).
        status: "fitted" or "failed".
        advice: what to try, where it failed or is weak; "" else.
        unidentified: what the clips can't tell.
        clips: how it fits each.
        scale: by how much residuals exceed σ (robust).
        log_likelihood, parameters, samples: of all clips: Gaussian at the found scale; numbers fitted in all; residuals in all.
        correlation: of residuals of neighbouring frames, as far as it is significant; positions of a smoothed table are correlated.
        rollouts: simulations of one clip that were spent; seconds: wall time; seed; optimizer; substeps.
        unit: of length.
        objects: names. at_bound: names of the parameters that lie at a bound. without: walls that were taken away.
        selection: how this law was chosen, where several were tried.
    """

    law: Law
    slots: Slots
    theta: Float
    covariance: Float
    status: Literal["fitted", "failed"]
    advice: str
    unidentified: tuple[Unidentified, ...]
    clips: tuple[ClipFit, ...]
    scale: float
    log_likelihood: float
    parameters: int
    samples: int
    correlation: float
    rollouts: int
    seconds: float
    seed: int
    optimizer: str
    substeps: int
    unit: str
    objects: tuple[str, ...]
    at_bound: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    selection: Selection | None = None

    def __repr__(self) -> str:
        from kinescribe.dynamics.report.line import line

        return line(self)

    @property
    def ok(self) -> bool:
        """It was fitted."""
        return self.status == "fitted"

    @property
    def bic(self) -> float:
        """Bayesian information criterion, the lower the better."""
        return self.criterion(1.0)

    def criterion(self, worth: float) -> float:
        """The same where correlated residuals are worth this share of as many independent ones; compare laws at the same share."""
        return self.parameters * float(np.log(max(worth * self.samples, 2.0))) - 2.0 * worth * self.log_likelihood

    @property
    def values(self) -> Values:
        """The parameters as the law wants them, for one clip."""
        return self.slots.values(self.theta[None])

    def report(self) -> str:
        """The fit in words: equation, values with errors and units, what can't be told, rivals."""
        from kinescribe.dynamics.report import text

        return text(self)

    def rollout(self, times: Float, inputs: Inputs | None = None, clip: int = 0) -> Rollout:
        """The fitted motion of one of the clips, from its start, at times (T,), seconds, the first of them the clip's own."""
        mine = self.clips[clip]
        schedule = Schedule.of(
            [times], [inputs or Inputs.none()], names=self.law.inputs, substeps=self.substeps,
            time_step=self.law.time_step if self.law.kind == "step" else None,
        )  # fmt: skip
        return simulate(self.law, self.values, State(mine.initial[:, None], mine.bodies), schedule, without=self.without)

    @property
    def starts(self) -> Starts:
        """How its clips start. Raises UsageError where they are too few to tell."""
        return Starts.of(self)

    @property
    def estimates(self) -> dict[str, Estimate]:
        """All parameters by name, the fixed ones too."""
        from scipy.stats import t as student

        full = self.slots.complete(self.theta[None])[0]
        where = {int(i): k for k, i in enumerate(self.slots.free)}
        lost = {name for one in self.unidentified for name in one.names}
        quantile = float(student.ppf(0.975, max(self.samples - self.parameters, 1)))
        out = {}
        for i, slot in enumerate(self.slots.all):
            free = i in where
            sigma = float(np.sqrt(self.covariance[where[i], where[i]])) if free else np.nan
            identified = slot.name not in lost
            if free and not identified:
                sigma = np.inf
            spread = quantile * sigma if free else 0.0
            low, high = slot.parameter.bounds
            out[slot.name] = Estimate(
                slot.name, float(full[i]), sigma, max(float(full[i]) - spread, low), min(float(full[i]) + spread, high),
                slot.parameter.dimension.in_units(self.unit or "length"), slot.parameter.meaning,
                identified, not free, slot.name in self.at_bound,
            )  # fmt: skip
        return out
