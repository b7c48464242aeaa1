"""From the best point to a result: covariances, what is not identifiable, how well each clip is explained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.fitting.events import same_order
from kinescribe.dynamics.fitting.identification import identify
from kinescribe.dynamics.fitting.jumps import has_jumps, information_of
from kinescribe.dynamics.fitting.linearization import linearize
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.result import ClipFit, Unidentified
from kinescribe.dynamics.fitting.robust import scale_of, weights_of
from kinescribe.dynamics.fitting.significance import Doubt

__all__ = ["Evidence", "explained", "weigh"]

Float = NDArray[np.float64]
SIGNIFICANT = 2.5  # σ of a correlation by chance, from where on residuals of neighbouring frames are taken to be correlated
MOST_CORRELATED = 0.95
NEARLY_NOTHING, MISFIT = 0.5, 9.0  # share of the motion, and variance of residuals, of a law that doesn't explain it
NO_NOISE = 1e-20  # variance of residuals that are all 0, as of a thing that rests in a table by hand
ROUNDING = 1e-6  # of the largest root mean square residual of any coordinate: one that is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a point means.

    Attributes:
        covariance: (p, p); unidentified: what the clips can't tell.
        clips: each clip's part.
        scale: by how much residuals exceed σ.
        log_likelihood, parameters, samples: for information criteria.
        correlation: of residuals of neighbouring frames, as far as it is significant.
        explained: share of the variance of positions that is explained.
        diverged: some clip's simulation left all bounds.
    """

    covariance: Float
    unidentified: tuple[Unidentified, ...]
    clips: tuple[ClipFit, ...]
    scale: float
    log_likelihood: float
    parameters: int
    samples: int
    correlation: float
    explained: float
    diverged: bool


def weigh(problem: Problem, point: Point) -> Evidence:
    """All of it, from central differences at the point."""
    c, p = len(problem.clips), len(point.theta)
    here = linearize(problem, point, central=True)
    seen = np.isfinite(problem.observed).reshape(c, -1)
    size = problem.observed.shape[-1]
    weights = weights_of(here.residuals, seen, scale_of(here.residuals, seen, p + point.q.size, size), size)
    information, blocks, coupling = here.eliminated(weights)
    # constraints leave numbers of an initial state without meaning; they aren't counted
    ranks = [int(np.linalg.matrix_rank(block, hermitian=True)) for block in blocks]
    fitted = p + sum(ranks)
    samples = int(seen.sum())
    chi = float((weights * here.residuals**2)[seen].sum())
    freedom = max((samples - fitted) * _telling(here.residuals, seen, problem.observed.shape), 1.0)
    variance = chi / freedom
    correlation = _correlation(here.residuals, seen, problem.observed.shape)
    # errors of an M-estimate follow from the pull of each residual, which a bad sighting has no more of than a middling one
    pull = float(((weights * here.residuals) ** 2)[seen].sum()) / freedom
    inflation = pull * (1.0 + correlation) / (1.0 - correlation)
    natural, unit = problem.slots.scales(problem.length, problem.duration), max(inflation, NO_NOISE)
    doubt: Doubt | None = Doubt(problem, point, here, weights, unit, np.maximum(np.abs(point.theta), natural))
    every = np.arange(c)
    rollout = problem.at(point)
    share = explained(problem, rollout.data)
    if has_jumps(problem):
        # the parameters were tried over all of their range
        information, doubt = information_of(problem, point, information, unit), None
    elif share < NEARLY_NOTHING and variance > MISFIT:
        # it is no noise that decides the parameters of a law that is not this motion's
        doubt = None
    covariance, lost = identify(information / unit, point.theta, problem.slots, natural, None if doubt is None else doubt.of)
    likely = max(chi / max(samples, 1), 1e-300)
    log_likelihood = -0.5 * samples * (1.0 + np.log(2.0 * np.pi * likely)) - float(np.log(problem.sigma.reshape(c, -1)[seen]).sum())
    clips = []
    for i, clip in enumerate(problem.clips):
        cross = -covariance @ coupling[i].T
        own = inflation * blocks[i] + coupling[i] @ covariance @ coupling[i].T
        joint = np.block([[covariance, cross], [cross.T, own]]) if p else own
        difference = rollout.data[:2, i].transpose(1, 2, 0) - problem.observed[i, :, :, :2]
        squares = np.nansum(difference**2, axis=-1)
        known = np.isfinite(difference).all(axis=-1)
        rms = np.sqrt(np.where(known, squares, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
        mine = here.residuals[i][seen[i]]
        clips.append(
            ClipFit(
                clip.name,
                clip.bodies,
                problem.states(point.q[i : i + 1], every[i : i + 1]).data[:, 0],
                float(clip.times[0]),
                problem.components,
                joint,
                rms,
                float(np.sqrt(np.mean(mine**2))) if len(mine) else 0.0,
                same_order(rollout.impacts_of(i), clip.impacts, float(clip.times[-1])) if problem.strikes else None,
                _noise(rollout.data[:size, i].transpose(1, 2, 0) - problem.observed[i], weights[i]),
            )
        )
    return Evidence(
        covariance, lost, tuple(clips), float(np.sqrt(variance)), log_likelihood, fitted, samples, correlation,
        share, bool(rollout.diverged.any()),
    )  # fmt: skip


def _noise(differences: Float, weights: Float) -> Float:
    """(3, n) from differences (T, n, k) in world units and their weights (T·n·k,)."""
    out = np.full((3, differences.shape[1]), np.nan)
    known = np.isfinite(differences)
    weight = np.where(known, weights.reshape(differences.shape), 0.0)
    with np.errstate(invalid="ignore"):
        mean = (weight * np.where(known, differences, 0.0) ** 2).sum(axis=0) / weight.sum(axis=0)
    out[: differences.shape[2]] = np.sqrt(mean).T
    return out


def _telling(residuals: Float, seen: NDArray[np.bool_], shape: tuple[int, ...]) -> float:
    """Share of the sightings' coordinates that tell of noise: not those of an object's coordinate that fits to the last digit."""
    r = np.where(seen, residuals, 0.0).reshape(*shape[:2], -1)
    counts = seen.reshape(*shape[:2], -1).sum(axis=1)
    sizes = np.sqrt((r**2).sum(axis=1) / np.maximum(counts, 1))
    return float(counts[sizes > ROUNDING * sizes.max(initial=0.0)].sum() / max(int(counts.sum()), 1))


def _correlation(residuals: Float, seen: NDArray[np.bool_], shape: tuple[int, ...]) -> float:
    """Of residuals in neighbouring frames, pooled over all; 0 where it may be chance. Positions of a smoothed table are correlated."""
    r = np.where(seen, residuals, 0.0).reshape(shape)
    both = seen.reshape(shape)[:, 1:] & seen.reshape(shape)[:, :-1]
    pairs = int(both.sum())
    if pairs < 8:
        return 0.0
    energy = float((r**2).sum()) / max(int(seen.sum()), 1)
    found = float((r[:, 1:] * r[:, :-1] * both).sum()) / pairs / max(energy, 1e-300)
    return min(found, MOST_CORRELATED) if found > SIGNIFICANT / np.sqrt(pairs) else 0.0


def explained(problem: Problem, data: Float) -> float:
    """1 − what is left over how far things are from their middles, each in σ and squared; 1 where nothing moves.

    Medians, so that a few wild sightings don't count; of things that move, for neighbouring sightings of what doesn't are as far from each
    other as any two.
    """
    moves, halves = 2.0, 0.5  # a variance of so many times that of noise is motion; of the square of a difference this is the variance
    seen = np.asarray(np.isfinite(problem.observed[..., :2]).all(axis=-1))
    sigma = problem.sigma[..., :2]
    observed = np.where(seen[..., None], problem.observed[..., :2], np.nan)
    predicted = data[:2].transpose(1, 2, 3, 0)
    left = total = 0.0
    for c, i in np.argwhere(seen.sum(axis=1) >= 2).tolist():
        mine = np.flatnonzero(seen[c, :, i])
        places, scatter = observed[c, mine, i], sigma[c, mine, i]
        off = float(np.median((((places - np.median(places, axis=0)) / scatter) ** 2).sum(axis=1)))
        noise = halves * float(np.median(((np.diff(places, axis=0) / scatter[1:]) ** 2).sum(axis=1)))
        if off > moves * noise:
            misses = (((places - predicted[c, mine, i]) / scatter) ** 2).sum(axis=1)
            left += float(np.median(np.where(np.isfinite(misses), misses, np.inf)))
            total += off
    return 1.0 - left / total if total > 0 else 1.0
