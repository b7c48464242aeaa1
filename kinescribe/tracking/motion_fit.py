"""Which motion model, how strong a process noise and how large a measurement error a track's own observations speak for."""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log, pi
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.motion_spline import MotionSpline, segment_slices

__all__ = ["ORDERS", "MotionFit", "fit_motion", "intensity_grid"]

Float = NDArray[np.float64]

ORDERS = (2, 3, 4)
# The stated covariances count as much as this many observations when the measurement error's true scale is estimated.
PRIOR_STRENGTH = 5.0
# … and as this many when it is asked whether errors have a memory.
VAGUE_STRENGTH = 0.5
# Decades of the grid of intensities between nodes.
GRID_STEP = 0.5
# Decades, per order: the least intensity in units of what would just show over the whole track, and the largest per time step.
LOWEST = {2: -5.0, 3: -3.0, 4: -1.0}
HIGHEST = {2: 4.0, 3: 5.0, 4: 5.0}
# Nodes whose likelihoods differ by less than this factor's logarithm from one without process noise are taken for that.
ALIKE = 0.05
# Nodes less probable than this are left out.
NEGLIGIBLE = 0.01
# Fewer observations don't tell errors with a memory from a motion.
FEWEST_FOR_MEMORY = 12
# White jerk asks for a parabola, so four observations, before it says anything.
FEWEST_FOR_ACCELERATION = 4


@dataclass(frozen=True, slots=True, eq=False)
class MotionFit:
    """What remains likely of one coordinate's motion: K nodes of a posterior, to be averaged over.

    Attributes:
        orders: (K,) int, 2 white acceleration, 3 white jerk.
        intensities: (K,), of the white noise per measurement variance as given: 1/s³ or 1/s⁵ times the variance's unit.
        scales: (K,), factor on the given measurement variances that makes independent errors of them, as far as means of many go.
        single_scales: (K,), factor on the given measurement variances, each for itself.
        weights: (K,), posterior probabilities of positions and velocities, sum 1.
        acceleration_weights: (K,), the same among white-jerk nodes alone, for white acceleration has none; all 0 where it is undetermined.
    """

    orders: NDArray[np.int64]
    intensities: Float
    scales: Float
    single_scales: Float
    weights: Float
    acceleration_weights: Float


def intensity_grid(times: Float, order: int) -> Float:
    """Intensities, per measurement variance, from 'no process noise visible over the whole track' to 'every observation for itself'."""
    span, count = times[-1] - times[0], len(times)
    lowest = LOWEST[order] - (2 * order - 1) * np.log10(span) - np.log10(count)
    step = float(np.median(np.diff(times)))
    unit = -(2 * order - 1) * np.log10(step)
    # Beneath 1e-13 the window is over a hundred frames wide and the matrices lose their last digits.
    return np.asarray(10.0 ** np.arange(max(lowest, unit - 13.0), unit + HIGHEST[order], GRID_STEP), np.float64)


def fit_motion(times: Float, starts: NDArray[np.intp], values: Float, variances: Float) -> MotionFit:
    """Posterior over model order, process noise and measurement scale of one coordinate, from n ≥ 2 observations in arcs at `starts`.

    The process noise has a log-uniform prior, the measurement scale an inverse-gamma one about 1 that integrates in closed form.
    Orders are compared by what they say of all observations given three evenly spread ones of each arc, for their diffuse starts
    have no density of their own (an intrinsic Bayes factor: J. O. Berger, L. R. Pericchi, JASA 91, 1996). Measurement errors may be
    white or one of `MEMORIES`: what a codec or an uneven ground does to one frame it does to the next ones too, and a smoother that
    takes it for news follows it, ever so sure.
    """
    step = float(np.median(np.diff(times)))
    longest = max(part.stop - part.start for part in segment_slices(starts, len(times)))
    # A model with a diffuse start of m numbers says something from the (m + 1)-th observation on.
    able = [order for order in ORDERS if order == 2 or longest > order + 1]
    chosen, chosen_starts = _training_rows(starts, len(times), max(able))
    memories = MEMORIES if longest >= FEWEST_FOR_MEMORY else MEMORIES[:1]
    models: list[_Model] = []
    for order in ORDERS:
        grid = intensity_grid(times, order)
        part = MotionSpline(times[chosen], chosen_starts, order, values[chosen], variances[chosen])
        trained = _log_mean(_evidence(part, grid)[0])
        for memory in memories if order in able else MEMORIES[:1]:
            spline = MotionSpline(times, starts, order, values, variances, memory.correlations)
            models.append(_Model(order, memory, grid, spline, trained if order in able else np.inf))
    # every other intensity tells which models are worth the rest
    rough = _normalised(_evidences(models, 2))
    models = [one for one, share in zip(models, rough, strict=True) if share > NEGLIGIBLE or one.memory is MEMORIES[0]]
    share = _normalised(_evidences(models, 1))
    accelerating_share = np.where([model.order > 2 for model in models], share, 0.0)
    if longest >= FEWEST_FOR_ACCELERATION and accelerating_share.sum() < 1e-9:
        accelerating_share = np.array([float(model.order == 3 and model.memory is MEMORIES[0]) for model in models])
    if accelerating_share.any():
        accelerating_share /= accelerating_share.sum()
    parts = []
    for model, prior, accelerating_prior in zip(models, share, accelerating_share, strict=True):
        logs, scales = model.nodes(1)
        weights = np.exp(logs - logs.max())
        grid, mass, scales = _merged(model.grid, weights / weights.sum(), scales)
        keep = (mass * prior > NEGLIGIBLE) | (mass * accelerating_prior > NEGLIGIBLE)
        gain = model.memory.gain(grid[keep], model.order, step)
        nodes = np.full(len(gain), model.order), grid[keep] / gain, scales[keep] * gain, scales[keep]
        parts.append((*nodes, (mass * prior)[keep], (mass * accelerating_prior)[keep]))
    orders, intensities, scales, single, weights, accelerations = (np.concatenate(column) for column in zip(*parts, strict=True))
    total = accelerations.sum()
    return MotionFit(orders, intensities, scales, single, weights / weights.sum(), accelerations / total if total else accelerations)


class _Memory(NamedTuple):
    """How measurement errors of observations nearby are alike.

    Attributes:
        correlations: (L,), at 0 to L − 1 observations apart.
        prior: log probability.
    """

    correlations: Float
    prior: float

    def gain(self, intensities: Float, order: int, step: float) -> Float:
        """By how much more of the errors than of independent ones passes a smoother of these intensities, at a time step.

        It lets pass what is slower than the frequency at which the motion's spectrum, q/ω²ᵐ, falls below the errors'.
        """
        fastest = step * intensities ** (1 / (2 * order)) * step ** (-1 / (2 * order))
        lags = np.arange(1, len(self.correlations))
        return np.asarray(1 + 2 * np.sinc(fastest[:, None] * lags / np.pi) @ self.correlations[1:], np.float64)

    @classmethod
    def of(cls, share: float, length: int, probability: float) -> _Memory:
        """A part `share` of the variance that fades over `length` observations, the rest of each one's own."""
        fading = 1 - np.arange(length) / length
        return cls(np.where(np.arange(length) == 0, 1.0, share * fading), log(probability))


MEMORIES = (_Memory.of(0.0, 1, 0.8), _Memory.of(0.5, 4, 0.1), _Memory.of(0.9, 4, 0.1))


class _Model:
    """One order and one memory, over all intensities."""

    def __init__(self, order: int, memory: _Memory, grid: Float, spline: MotionSpline, trained: float) -> None:
        self.order, self.memory, self.grid = order, memory, grid
        self._spline, self._trained = spline, trained
        self._logs, self._vague = np.full((2, len(grid)), -np.inf)
        self._scales, self._done = np.ones(len(grid)), np.zeros(len(grid), bool)

    def nodes(self, step: int) -> tuple[Float, Float]:
        """Log densities and scales at every `step`-th intensity."""
        new = np.arange(0, len(self.grid), step)
        new = new[~self._done[new]]
        if len(new):
            self._logs[new], self._scales[new] = _evidence(self._spline, self.grid[new])
            energies = self._scales[new] * (PRIOR_STRENGTH + len(self._spline)) - PRIOR_STRENGTH
            strong = PRIOR_STRENGTH + len(self._spline), PRIOR_STRENGTH
            self._vague[new] = self._logs[new] + strong[0] / 2 * np.log(strong[1] + energies)
            self._vague[new] -= (VAGUE_STRENGTH + len(self._spline)) / 2 * np.log(VAGUE_STRENGTH + energies)
            self._done[new] = True
        return self._logs[::step], self._scales[::step]

    def evidence(self, step: int) -> float:
        """Log density of the values, given a few of them."""
        return _log_mean(self.nodes(step)[0]) - self._trained

    def vague(self, step: int) -> float:
        """Log density of the values where the stated variances hardly count, up to a constant, times the memory's prior."""
        self.nodes(step)
        return _log_mean(self._vague[::step]) + self.memory.prior


def _evidences(models: list[_Model], step: int) -> Float:
    """Log evidence of each model. Within an order, what the variances are stated to be has no say in whether errors have a memory.

    Errors smaller than stated would else pass for large ones that neighbours share.
    """
    plain = {one.order: (one.evidence(step), one.vague(step)) for one in models if one.memory is MEMORIES[0]}
    return np.array([plain[one.order][0] + one.vague(step) - plain[one.order][1] for one in models])


def _normalised(logs: Float) -> Float:
    share = np.exp(logs - logs.max())
    return np.asarray(share / share.sum(), np.float64)


def _merged(grid: Float, weights: Float, scales: Float) -> tuple[Float, Float, Float]:
    """The nodes, those at the calm end that the observations can't tell from no process noise made one."""
    alike = int(np.argmax(np.append(np.abs(np.log(np.maximum(weights, 1e-300) / max(weights[0], 1e-300))) > ALIKE, True)))
    if alike < 2:
        return grid, weights, scales
    middle = 2 * (alike - 1) // 3
    keep = np.append(middle, np.arange(alike, len(grid)))
    return grid[keep], np.append(weights[:alike].sum(), weights[alike:]), scales[keep]


def _training_rows(starts: NDArray[np.intp], count: int, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """`size` evenly spread observations of each arc, or all of a shorter one, and where the arcs start among them."""
    rows: list[int] = []
    begins: list[int] = []
    for part in segment_slices(starts, count):
        begins.append(len(rows))
        length = part.stop - part.start
        rows += (part.start + np.round(np.linspace(0, length - 1, min(size, length))).astype(int)).tolist()
    return np.asarray(rows, np.intp), np.asarray(begins[1:], np.intp)


def _evidence(spline: MotionSpline, grid: Float) -> tuple[Float, Float]:
    """Log density of the values for each intensity, up to the flat start's constant, and the measurement scale's posterior mean."""
    count, prior = len(spline), PRIOR_STRENGTH
    constant = lgamma((prior + count) / 2) - lgamma(prior / 2) + prior / 2 * log(prior) - count / 2 * log(pi)
    found = spline.likelihoods(grid)
    logs = found.volume + constant - found.log_determinants / 2 - (prior + count) / 2 * np.log(prior + found.energies)
    scales = np.where(np.isfinite(logs), (prior + found.energies) / (prior + count), 1.0)
    return logs, scales


def _log_mean(logs: Float) -> float:
    top = float(logs.max())
    return top + log(float(np.exp(logs - top).mean()))
