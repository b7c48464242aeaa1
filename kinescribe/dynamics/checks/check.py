"""All checks of one law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from kinescribe.dynamics.checks.behaviour import Sameness, check_divergence, check_parameters, check_repeats, check_together, nudge_of
from kinescribe.dynamics.checks.dimensions import check_dimensions
from kinescribe.dynamics.checks.handling import check_handling, check_starts
from kinescribe.dynamics.checks.report import Finding
from kinescribe.dynamics.checks.runner import Runner
from kinescribe.dynamics.checks.trial import Trial
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.simulation import Rollout
from kinescribe.dynamics.state import COMPONENTS, State

__all__ = ["check_law"]

FINER = 8  # parts of the interval between frames
SEVERITIES = ("error", "warning", "note")


def check_law(
    law: Law,
    subject: Clip | State | None = None,
    *,
    times: Any = None,
    parameters: Mapping[str, Any] | None = None,
    inputs: Inputs | None = None,
    seconds: float = 10.0,
) -> list[Finding]:
    """What is wrong with a law, whoever wrote it; empty where nothing is.

    It runs a few clips that differ a little, and looks at: exceptions and wrong shapes; calls that don't return; numbers that are none; two
    runs that differ; arguments that were changed; clips that disturb each other; parameters that move nothing; units (lengths, times and
    masses rescaled, and which parameter's unit would mend it); starts from odd data. It shows what goes wrong in this motion, not that the
    law is right.

    A law runs here as it would in a fit, in this process: what nobody trusts belongs in the sandbox.

    Args:
        subject: a clip, whose first sightings the motion starts from; or a state, (6, 1, n); None: two discs (or as many as the law is
            about) that move a little.
        times: (T,) seconds; a clip has its own.
        parameters: values to check at; those left out are at their starts.
        inputs: known inputs, where the clip has none of its own.
        seconds: wall clock for one call into the law. A loop in Python is then stopped; a single call into compiled code can't be, and is
            left running in the background.

    Returns:
        Errors first, then warnings, then notes.

    Raises:
        UsageError: a state without times, parameters that the law does not have, inputs that are missing or end early.
    """
    values = Values(parameters) if parameters else None
    trial = Trial.of(law, subject, None if times is None else np.asarray(times, float), values, inputs)
    runner = Runner(law, seconds)
    base = runner.call(trial.run)
    if base is not None and base.diverged.any() and law.kind == "acceleration":
        # a fast motion wants finer steps than frames, which a fit finds out too
        finer = replace(trial, substeps=FINER)
        again = runner.call(finer.run)
        if again is not None and not again.diverged.any():
            trial, base = finer, again
    asked = check_handling(runner, trial)
    if base is not None:
        _check_runs(runner, trial, base, asked)
        check_starts(runner, subject if isinstance(subject, Clip) else _clip(trial, base))
    return sorted(runner.findings, key=lambda finding: SEVERITIES.index(finding.severity))


def _check_runs(runner: Runner, trial: Trial, base: Rollout, asked: set[str]) -> None:
    check_divergence(runner, trial, base, "from its start values")
    nudged = runner.call(trial.nudged(nudge_of(trial)).run)
    check_repeats(runner, trial, base)
    if nudged is not None and not any(finding.check == "determinism" for finding in runner.findings):
        check_together(runner, trial, base, Sameness.of(trial, base, nudged))
        check_parameters(runner, trial, base, asked)
        if not base.diverged.any():
            check_dimensions(runner, trial)


def _clip(trial: Trial, base: Rollout) -> Clip:
    """The first clip of a run, as if it had been seen."""
    tables = {name: base.component(name)[0].copy() for name in COMPONENTS}
    sigma = np.full(tables["x"].shape, 1e-3 * trial.size)
    return Clip(
        "trial", trial.times, trial.initial.bodies, tables["x"], tables["y"], tables["angle"], tables["vx"], tables["vy"],
        tables["angular_velocity"], sigma, sigma.copy(), np.full(tables["x"].shape, 1e-3), inputs=trial.inputs,
    )  # fmt: skip
