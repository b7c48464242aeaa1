"""Another branch of what may happen, where contacts come out otherwise than they were seen.

Which of two contacts comes first, or whether a glancing one comes at all, may lie within the errors of what was seen before; least squares
can't step from one to the other. Starts drawn from those errors land on all sides, as the particles of a filter do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.fitting.levenberg import minimize
from kinescribe.dynamics.fitting.linearization import linearize
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.robust import cost, scale_of, weights_of

__all__ = ["other_branch"]

Float = NDArray[np.float64]
DRAWS = 60
WIDTHS = (0.5, 1.0, 2.0)  # of the errors: how far draws go
FARTHEST = 0.1  # of the natural sizes of an initial state
STEPS = 12


def other_branch(problem: Problem, good: Point, part: int, stuck: Point, wider: int, off: NDArray[np.intp], seed: int) -> Point:
    """The better of a point that is `stuck` on the first `wider` frames, and what comes of draws about a `good` one on the first `part`.

    `off`: the clips that are stuck; the others' starts stay as they are.
    """
    rng = np.random.default_rng(seed)
    c, d = good.q.shape
    every = np.arange(c)
    size = problem.observed.shape[-1]
    here = linearize(problem, good, part)
    seen = np.isfinite(problem.observed[:, :part]).reshape(c, -1)
    scale = scale_of(here.residuals, seen, len(good.theta) + good.q.size, size)
    roots = scale * _roots(*here.eliminated(weights_of(here.residuals, seen, scale, size)), problem.q_scales / scale)
    widths = np.resize(WIDTHS, DRAWS)[:, None, None]
    moves = widths * np.einsum("cde,tce->tcd", roots[off], rng.normal(size=(DRAWS, len(off), d)))
    trials = good.q[off] + np.concatenate([np.zeros((1, len(off), d)), moves])
    clips = np.tile(off, len(trials))
    rollout = problem.run(np.repeat(good.theta[None], len(clips), axis=0), trials.reshape(-1, d), clips, frames=wider)
    seen = np.isfinite(problem.observed[:, :wider]).reshape(c, -1)
    losses = cost(problem.residuals(rollout, clips, wider).reshape(len(trials), len(off), -1), seen[off], scale, size)
    q = stuck.q.copy()
    q[off] = trials[losses.argmin(axis=0), np.arange(len(off))]
    drawn = minimize(problem, Point(good.theta, q), wider, steps=STEPS, settled=1e-4)

    def loss(point: Point) -> float:
        made = problem.run(np.repeat(point.theta[None], c, axis=0), point.q, every, frames=wider)
        return float(cost(problem.residuals(made, every, wider), seen, scale, size).sum())

    return drawn if loss(drawn) < loss(stuck) else stuck


def _roots(information: Float, inverse: Float, coupling: Float, sizes: Float) -> Float:
    """Square roots (c, d, d) of the covariances of initial states, none wider than `FARTHEST` of the natural `sizes` (d,)."""
    spread = inverse + coupling @ np.linalg.pinv(information, rcond=1e-9, hermitian=True) @ coupling.transpose(0, 2, 1)
    values, vectors = np.linalg.eigh(spread / np.outer(sizes, sizes))
    out: Float = sizes[:, None] * vectors * np.sqrt(np.clip(values, 0.0, FARTHEST**2))[:, None, :]
    return out
