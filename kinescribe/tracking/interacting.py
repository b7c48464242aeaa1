"""Bodies that mostly go on as they go, but may swerve: Kalman filters with several motion models each (Blom and Bar-Shalom 1988)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.kalman import BatchKalman, Gates

__all__ = ["InteractingKalman"]

Float = NDArray[np.float64]
Rows = NDArray[np.intp]

STAYS = 0.97  # probability that a body that keeps its course, or swerves, still does so a tick later


class InteractingKalman:
    """N tracks, each followed by one filter of constant velocity a model; how probable each model is follows from what is seen.

    Args:
        scales: of the acceleration that each model allows, relative to the intensities that are handed in; the widest first.

    Attributes:
        filters: one `BatchKalman` a model.
        weights: (N, models), probabilities that sum to 1.
    """

    def __init__(self, scales: Sequence[float] = (1.0,)) -> None:
        self.scales = tuple(scales)
        self.filters = [BatchKalman(order=2) for _ in self.scales]
        self.weights: Float = np.zeros((0, len(self.scales)))

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def positions(self) -> Float:
        """(N, 2), px."""
        return self._mean([one.positions for one in self.filters])

    @property
    def velocities(self) -> Float:
        """(N, 2), px/tick."""
        return self._mean([one.velocities for one in self.filters])

    @property
    def velocity_variances(self) -> Float:
        """(N,), mean of both components, (px/tick)²."""
        return self._mean([one.velocity_variances for one in self.filters])

    def add(self, positions: Float, covariances: Float, velocity_sigma: Float) -> None:
        """Start M tracks at rest, at positions (M, 2) with covariances (M, 2, 2) and velocity's standard deviations (M,)."""
        for one in self.filters:
            one.add(positions, covariances, velocity_sigma=velocity_sigma, intensity=np.zeros(len(positions)))
        even = np.full((len(positions), len(self.scales)), 1.0 / len(self.scales))
        self.weights = np.concatenate([self.weights, even])

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Keep only the marked tracks, (N,)."""
        for one in self.filters:
            one.keep(rows)
        self.weights = self.weights[rows]

    def predict(self, ticks: float, intensities: Float) -> None:
        """Move all tracks on; intensities (N,) of the process noise, see `process_noise`."""
        self._mix(ticks)
        for one, scale in zip(self.filters, self.scales, strict=True):
            one.intensities = intensities * scale**2
            one.predict(ticks)

    def update(self, rows: Rows, measurements: Float, covariances: Float) -> None:
        """Correct the tracks `rows` (M,), each once, by positions (M, 2) with covariances (M, 2, 2)."""
        logs = np.stack([one.update(rows, measurements, covariances) for one in self.filters], axis=1)
        fresh = self.weights[rows] * np.exp(logs - logs.max(1, keepdims=True)) + 1e-12
        self.weights[rows] = fresh / fresh.sum(1, keepdims=True)

    def gates(self, rows: Rows, measurements: Float, covariances: Float) -> Gates:
        """How well measurements fit tracks, pair by pair, (K,) each: squared distances by the widest model, likelihoods by all together."""
        fits = [one.gates(rows, measurements, covariances) for one in self.filters]
        if len(fits) == 1:
            return fits[0]
        logs = np.stack([fit.log_likelihoods for fit in fits], axis=1) + np.log(self.weights[rows])
        highest = logs.max(1)
        return Gates(fits[0].distances, highest + np.log(np.exp(logs - highest[:, None]).sum(1)))

    def _mean(self, values: list[Float]) -> Float:
        if len(values) == 1:
            return values[0]
        weights = self.weights.T.reshape(len(values), -1, *[1] * (values[0].ndim - 1))
        return np.asarray(sum(weight * value for weight, value in zip(weights, values, strict=True)))

    def _mix(self, ticks: float) -> None:
        """Let each model go on from the mean of all, by how probable it is that a body changes from one to another."""
        count = len(self.scales)
        if count == 1 or not len(self):
            return
        leaves = (1 - STAYS**ticks) / (count - 1)
        change = np.full((count, count), leaves) + (1 - count * leaves) * np.eye(count)  # from, to
        joint = self.weights[:, :, None] * change
        self.weights = joint.sum(1)
        share = joint / self.weights[:, None]
        states = np.stack([one.states for one in self.filters])
        covariances = np.stack([one.covariances for one in self.filters])
        for k, one in enumerate(self.filters):
            part = share[:, :, k].T
            mean = (part[..., None] * states).sum(0)
            away = states - mean
            one.states = mean
            one.covariances = (part[..., None, None] * (covariances + away[..., None] * away[..., None, :])).sum(0)
