"""Kalman filters of many tracks at once, in arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import UsageError
from kinescribe.tracking.process_noise import NoiseModel, process_noise, transition

__all__ = ["BatchKalman", "Gates"]

Float = NDArray[np.float64]


class Gates(NamedTuple):
    """How N predicted tracks and M measurements fit together.

    Attributes:
        distances: (N, M), squared Mahalanobis distances.
        log_likelihoods: (N, M), natural logarithm of the measurement's density under the prediction, per px².
    """

    distances: Float
    log_likelihoods: Float


class BatchKalman:
    """N independent Kalman filters for points in the plane (R. E. Kalman, 1960), all stepped by the same few array operations.

    The state of a track is (x, vx[, ax], y, vy[, ay]), as `filterpy.kalman.KalmanFilter` has it with `order_by_dim=True`.

    Attributes:
        order: 2, constant velocity; 3, constant acceleration.
        states: (N, 2·order).
        covariances: (N, 2·order, 2·order).
        intensities: (N,), of the process noise, see `process_noise`.
    """

    def __init__(self, order: int = 2, noise: NoiseModel = "continuous") -> None:
        if order not in (2, 3):
            raise UsageError(f"a filter of order {order} is unknown; available: 2 (constant velocity), 3 (constant acceleration)")
        self.order = order
        self.noise: NoiseModel = noise
        size = 2 * order
        self.states: Float = np.zeros((0, size))
        self.covariances: Float = np.zeros((0, size, size))
        self.intensities: Float = np.zeros(0)

    def __len__(self) -> int:
        return len(self.states)

    @property
    def positions(self) -> Float:
        """(N, 2), px."""
        return self.states[:, [0, self.order]]

    @property
    def velocities(self) -> Float:
        """(N, 2), px/s."""
        return self.states[:, [1, self.order + 1]]

    @property
    def position_covariances(self) -> Float:
        """(N, 2, 2), px²."""
        rows = np.array([0, self.order])
        return self.covariances[:, rows[:, None], rows]

    def add(
        self,
        positions: ArrayLike,
        covariances: ArrayLike,
        *,
        velocity_sigma: ArrayLike,
        acceleration_sigma: ArrayLike = 0.0,
        intensity: ArrayLike,
        velocities: ArrayLike | None = None,
    ) -> NDArray[np.intp]:
        """Start M tracks at measured positions (M, 2) with covariances (M, 2, 2); returns their row numbers, (M,).

        Velocity and acceleration start at `velocities` (M, 2) or 0, and at 0, with the given standard deviations (scalar or (M,)).
        """
        where = np.asarray(positions, np.float64).reshape(-1, 2)
        count, order = len(where), self.order
        states = np.zeros((count, 2 * order))
        states[:, [0, order]] = where
        if velocities is not None:
            states[:, [1, order + 1]] = velocities
        spread = np.zeros((count, 2 * order, 2 * order))
        rows = np.array([0, order])
        spread[:, rows[:, None], rows] = covariances
        for axis in (0, order):
            spread[:, axis + 1, axis + 1] = np.square(velocity_sigma)
            if order == 3:
                spread[:, axis + 2, axis + 2] = np.square(acceleration_sigma)
        first = len(self)
        self.states = np.concatenate([self.states, states])
        self.covariances = np.concatenate([self.covariances, spread])
        self.intensities = np.concatenate([self.intensities, np.broadcast_to(np.asarray(intensity, np.float64), (count,))])
        return np.arange(first, first + count)

    def keep(self, rows: ArrayLike) -> None:
        """Keep only the given rows (positions, or one bool a track), in that order; all others are removed."""
        chosen = np.asarray(rows)
        self.states = self.states[chosen]
        self.covariances = self.covariances[chosen]
        self.intensities = self.intensities[chosen]

    def predict(self, dt: ArrayLike) -> None:
        """Move all tracks on by dt seconds, a scalar or (N,)."""
        if not len(self):
            return
        steps = np.broadcast_to(np.asarray(dt, np.float64), (len(self),))
        move = self._both(transition(self.order, steps))
        noise = self._both(process_noise(self.order, steps, self.intensities, self.noise))
        self.states = np.einsum("nij,nj->ni", move, self.states)
        self.covariances = move @ self.covariances @ np.swapaxes(move, 1, 2) + noise

    def update(self, rows: ArrayLike, measurements: ArrayLike, covariances: ArrayLike) -> Float:
        """Correct the tracks `rows` (M,) by positions (M, 2) with covariances (M, 2, 2); returns the log-likelihoods (M,) they had.

        The covariance is updated in Joseph's form, which keeps it symmetric and positive.
        """
        chosen = np.asarray(rows, np.intp)
        noise = np.asarray(covariances, np.float64)
        before = self.covariances[chosen]
        seen = [0, self.order]
        residuals = np.asarray(measurements, np.float64) - self.states[chosen][:, seen]
        cross = before[:, :, seen]
        innovation = cross[:, seen] + noise
        gain = np.swapaxes(np.linalg.solve(innovation, np.swapaxes(cross, 1, 2)), 1, 2)
        self.states[chosen] += np.einsum("nij,nj->ni", gain, residuals)
        rest = np.broadcast_to(np.eye(2 * self.order), before.shape).copy()
        rest[:, :, seen] -= gain
        self.covariances[chosen] = rest @ before @ np.swapaxes(rest, 1, 2) + gain @ noise @ np.swapaxes(gain, 1, 2)
        distances = np.einsum("ni,ni->n", residuals, np.linalg.solve(innovation, residuals[..., None])[..., 0])
        return np.asarray(-0.5 * (distances + np.linalg.slogdet(innovation)[1]) - np.log(2 * np.pi), np.float64)

    def gates(self, measurements: ArrayLike, covariances: ArrayLike | None = None) -> Gates:
        """How well each of M measurements (M, 2), with covariances (M, 2, 2) if given, fits each of the N tracks as predicted.

        Squared Mahalanobis distances d² = rᵀ S⁻¹ r with S the track's position covariance plus the measurement's: χ² with two degrees
        of freedom for a right pair.
        """
        where = np.asarray(measurements, np.float64).reshape(-1, 2)
        innovation = self.position_covariances[:, None]
        if covariances is not None:
            innovation = innovation + np.asarray(covariances, np.float64)[None]
        xx, xy, yy = innovation[..., 0, 0], innovation[..., 0, 1], innovation[..., 1, 1]
        determinant = xx * yy - xy * xy
        dx, dy = np.moveaxis(where[None] - self.positions[:, None], -1, 0)
        distances = (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / determinant
        return Gates(distances, -0.5 * (distances + np.log(determinant)) - np.log(2 * np.pi))

    def _both(self, block: Float) -> Float:
        """The same (N, order, order) block for both axes, shape (N, 2·order, 2·order)."""
        order = self.order
        out = np.zeros((len(block), 2 * order, 2 * order))
        out[:, :order, :order] = block
        out[:, order:, order:] = block
        return out
