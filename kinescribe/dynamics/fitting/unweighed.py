"""What can be said of a point where a cap leaves no time for its derivatives: how far off it is, and that its errors are not known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.fitting.events import same_order
from kinescribe.dynamics.fitting.evidence import Evidence, explained
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.result import ClipFit
from kinescribe.dynamics.fitting.robust import scale_of
from kinescribe.dynamics.simulation import Rollout

__all__ = ["unweighed"]

Float = NDArray[np.float64]


def unweighed(problem: Problem, point: Point, rollout: Rollout | None) -> Evidence:
    """With covariances of NaN, and nothing called unidentified. `rollout` is every clip at the point; None: not even that is known."""
    c, p, d = len(problem.clips), len(point.theta), point.q.shape[1]
    every = np.arange(c)
    seen = np.isfinite(problem.observed)
    known = seen.reshape(c, -1)
    if rollout is None:
        shape = (6, *seen.shape[:3])
        rollout = Rollout(np.full(shape, np.nan), np.zeros((0, 5)), (), np.zeros(c, np.bool_), problem.states(point.q, every).bodies)
        residuals = np.full(known.shape, np.nan)
        scale = np.nan
    else:
        residuals = problem.residuals(rollout, every)
        scale = scale_of(residuals, known, p + point.q.size, seen.shape[-1])
    clips = []
    for i, clip in enumerate(problem.clips):
        squares = ((rollout.data[:2, i].transpose(1, 2, 0) - problem.observed[i, :, :, :2]) ** 2).sum(axis=-1)
        there = seen[i, :, :, :2].all(axis=-1)
        rms = np.sqrt(np.where(there, squares, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1))
        chi = float(np.sqrt(np.mean(residuals[i][known[i]] ** 2))) if known[i].any() else 0.0
        agree = same_order(rollout.impacts_of(i), clip.impacts, float(clip.times[-1])) if problem.strikes else None
        start = problem.states(point.q[i : i + 1], every[i : i + 1]).data[:, 0]
        joint = np.full((p + d, p + d), np.nan)
        clips.append(ClipFit(clip.name, clip.bodies, start, float(clip.times[0]), problem.components, joint, rms, chi, agree))
    samples = int(known.sum())
    spread = np.log(problem.sigma.reshape(c, -1)[known]).sum() + samples * np.log(scale)
    return Evidence(
        np.full((p, p), np.nan), (), tuple(clips), float(scale), float(-0.5 * samples * (1.0 + np.log(2.0 * np.pi)) - spread),
        p + point.q.size, samples, 0.0, explained(problem, rollout.data), bool(rollout.diverged.any()),
    )  # fmt: skip
