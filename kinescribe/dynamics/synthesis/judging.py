"""From a program's text to a fitted law with a score, or to one line that says why it is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinescribe.dynamics.checks.dimensions import check_dimensions
from kinescribe.dynamics.checks.runner import Runner
from kinescribe.dynamics.checks.trial import Trial
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Budget, Fit, fit_law
from kinescribe.dynamics.fitting.slots import Slots
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.report.residuals import stood_in
from kinescribe.dynamics.sandbox import Limits, SandboxedLaw, SandboxError
from kinescribe.errors import UsageError
from kinescribe.llm.text import one_line

__all__ = ["Judge", "Judged", "enough", "explains"]

MARGIN, SPREAD, MOST = 0.05, 4.0, 1.3  # σ: what residuals of the right law may be above 1
LONGEST = 400  # characters of a reason
LITTLE = 1.5  # σ that a law of the library may leave
FRAMES = 64  # of a clip, in which units are looked at
PATIENCE = Limits(seconds=10.0, cpu_seconds=600)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What became of a program.

    Attributes:
        title: the law's name; "" where there is none.
        fit: to all clips; None where it was rejected.
        reason: why it was rejected, one line; "" for none.
        score: how much of the way from things that fly straight on to noise alone it goes, by the logarithm of residuals, [0, 1].
        doubt: what is wrong with its units, one line; "" where nothing is.
        hurried: the clock ended its fit, so that a repeat may find something else.
    """

    title: str
    fit: Fit | None
    reason: str
    score: float
    doubt: str = ""
    hurried: bool = False


class Judge:
    """Fits programs to clips, each once.

    Attributes:
        clips: that they are about. fixed: known parameters.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        *,
        fixed: Mapping[str, float] | None = None,
        seed: int = 0,
        rollouts: int = 20_000,
        seconds: float = 60.0,
        limits: Limits | None = None,
    ) -> None:
        """Args: rollouts, seconds: caps of one program's fit; the first is to be the one that ends it, so that runs can be repeated."""
        self.clips, self.fixed, self._seed = list(clips), dict(fixed or {}), seed
        self._rollouts, self._seconds, self._limits = rollouts, seconds, limits or PATIENCE
        self._known: dict[str, Judged] = {}
        self._straight: float | None = None

    def __call__(self, source: str) -> Judged:
        """A program's fit; the same text is fitted once."""
        if source not in self._known:
            self._known[source] = self._judged(source)
        return self._known[source]

    def score(self, fit: Fit | None) -> float:
        """See `Judged`."""
        if fit is None or not fit.ok or not np.isfinite(fit.scale):
            return 0.0
        if self._straight is None:
            straight = fit_law(find_law("uniform-motion"), self.clips, seed=self._seed, budget=Budget(self._rollouts, self._seconds))
            self._straight = max(straight.scale, 2.0) if np.isfinite(straight.scale) else 1e3
        return float(np.clip(np.log(self._straight / max(fit.scale, 1e-9)) / np.log(self._straight), 0.0, 1.0))

    def _judged(self, source: str) -> Judged:
        try:
            law = SandboxedLaw.of(source, limits=self._limits)
        except SandboxError as error:
            if error.reason == "unavailable":
                raise
            return Judged("", None, one_line(str(error), LONGEST), 0.0)
        try:
            self._fits(law)
            known = {name: value for name, value in self.fixed.items() if name in law.parameters}
            budget = Budget(self._rollouts, self._seconds)
            fit = fit_law(law, self.clips, fixed=known, seed=self._seed, budget=budget)
            hurried = budget.elapsed >= self._seconds
            doubt = self._doubt(law) if fit.ok else ""
        except UsageError as error:  # what it declares does not go with the clips, or it raised, took too long, ended
            return Judged(law.title, None, one_line(str(error), LONGEST), 0.0)
        finally:
            law.close()
        # how long it took is left out: a run that is repeated finds the same
        reason = "" if fit.ok else one_line(fit.advice, LONGEST)
        return Judged(law.title, replace(fit, seconds=0.0), reason, self.score(fit), doubt, hurried)

    def _doubt(self, law: Law) -> str:
        """What the dimensional test finds: the same motion, measured in other units, must be the same motion."""
        runner = Runner(law, self._seconds)
        check_dimensions(runner, Trial.of(law, self.clips[0].first(FRAMES), None, None, None))
        found = [f"{one.what}; {one.way_out}" for one in runner.findings if one.check == "dimensions"]
        return one_line("; ".join(found), LONGEST)

    def _fits(self, law: Law) -> None:
        """Raise UsageError where the law is about other objects or inputs than the clips have."""
        n = len(self.clips[0].bodies)
        if law.objects not in (None, n):
            raise UsageError(f"it is about {law.objects} objects, and there are {n}")
        for clip in self.clips:
            clip.inputs.require(law.inputs, float(clip.times[-1]), law.title)
        Slots.of(law, self.clips[0].bodies, fixed={}, free=())


def explains(fit: Fit | None, clips: Sequence[Clip]) -> bool:
    """The library's law leaves so little that a model is not worth asking: a table's σ are seldom right to the tenth."""
    return enough(fit, clips) or (fit is not None and fit.ok and not stood_in(clips) and fit.scale <= LITTLE)


def enough(fit: Fit | None, clips: Sequence[Clip]) -> bool:
    """The law leaves nothing but noise to explain; never where the table gives no σ, for what noise is can't be told then."""
    if fit is None or not fit.ok or stood_in(clips):
        return False
    return bool(fit.scale <= min(1.0 + MARGIN + SPREAD / np.sqrt(2.0 * max(fit.samples, 1)), MOST))
