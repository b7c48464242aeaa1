"""Kalman filters of many tracks at once, in arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import UsageError
from kinescribe.tracking.process_noise import NoiseModel, process_noise

__all__ = ["BatchKalman", "Gates"]

Float = NDArray[np.float64]


class Gates(NamedTuple):
    """How K predicted tracks and K measurements fit together, pair by pair.

    Attributes:
        distances: (K,), squared Mahalanobis distances.
        log_likelihoods: (K,), natural logarithm of the measurement's density under the prediction, per px².
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
    def velocity_variances(self) -> Float:
        """(N,), mean of both components, (px/s)²."""
        return 0.5 * (self.covariances[:, 1, 1] + self.covariances[:, self.order + 1, self.order + 1])

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
        self._move(self.states, steps)
        self._move(self.covariances, steps)
        self._move(np.swapaxes(self.covariances, 1, 2), steps)
        unit = process_noise(self.order, np.asarray(dt, np.float64), 1.0, self.noise)
        noise = self.intensities[:, None, None] * unit
        for axis in (0, self.order):
            self.covariances[:, axis : axis + self.order, axis : axis + self.order] += noise

    def update(self, rows: ArrayLike, measurements: ArrayLike, covariances: ArrayLike) -> Float:
        """Correct the tracks `rows` (M,), each once, by positions (M, 2) with covariances (M, 2, 2).

        Returns the log-likelihoods (M,) that they had. The covariance is updated in Joseph's form, which keeps it symmetric and positive.
        """
        chosen = np.asarray(rows, np.intp)
        noise = np.asarray(covariances, np.float64)
        spread = self.covariances[chosen]
        states = self.states[chosen]
        seen = [0, self.order]
        residuals = np.asarray(measurements, np.float64) - states[:, seen]
        cross = spread[:, :, seen]
        # two by two, written out: inverses of many small matrices cost more as calls than as sums
        xx, xy, yy, determinant = _sum_of_two(cross[:, seen], noise)
        inverse = np.stack([yy, -xy, -xy, xx], axis=-1).reshape(-1, 2, 2) / determinant[:, None, None]
        gain = cross[:, :, :1] * inverse[:, :1] + cross[:, :, 1:] * inverse[:, 1:]
        self.states[chosen] = states + (gain * residuals[:, None]).sum(-1)
        # Joseph's (I − KH) P (I − KH)ᵀ + K R Kᵀ = A − (A Hᵀ − K R) Kᵀ with A = P − K (H P)
        rest = spread - _times(gain, spread[:, seen])
        rest -= _times(rest[:, :, seen] - _times(gain, noise), np.swapaxes(gain, 1, 2))
        self.covariances[chosen] = rest
        distances = (yy * residuals[:, 0] ** 2 - 2 * xy * residuals[:, 0] * residuals[:, 1] + xx * residuals[:, 1] ** 2) / determinant
        return np.asarray(-0.5 * (distances + np.log(determinant)) - np.log(2 * np.pi), np.float64)

    def gates(self, rows: ArrayLike, measurements: ArrayLike, covariances: ArrayLike) -> Gates:
        """How well K measurements (K, 2), with covariances (K, 2, 2), fit the tracks `rows` (K,) as predicted, pair by pair: (K,) each.

        Squared Mahalanobis distances d² = rᵀ S⁻¹ r with S the track's position covariance plus the measurement's: χ² with two degrees
        of freedom for a right pair.
        """
        chosen = np.asarray(rows, np.intp)
        xx, xy, yy, determinant = _sum_of_two(self.position_covariances[chosen], np.asarray(covariances, np.float64))
        dx, dy = (np.asarray(measurements, np.float64) - self.positions[chosen]).T
        distances = (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / determinant
        return Gates(distances, -0.5 * (distances + np.log(determinant)) - np.log(2 * np.pi))

    def _move(self, values: Float, steps: Float) -> None:
        """Carry the derivatives over `steps` (N,) into what they are derivatives of, along the second axis of `values`, in place."""
        for axis in (0, self.order):
            for row in range(axis, axis + self.order - 1):
                factor = steps.reshape(-1, *[1] * (values.ndim - 2))
                power = factor
                for distance in range(1, axis + self.order - row):
                    values[:, row] += power * values[:, row + distance]
                    power = power * factor / (distance + 1)


def _sum_of_two(a: Float, b: Float) -> tuple[Float, Float, Float, Float]:
    """Elements xx, xy, yy and the determinant of sums of symmetric matrices (…, 2, 2)."""
    xx, xy, yy = a[..., 0, 0] + b[..., 0, 0], a[..., 0, 1] + b[..., 0, 1], a[..., 1, 1] + b[..., 1, 1]
    return xx, xy, yy, xx * yy - xy * xy


def _times(a: Float, b: Float) -> Float:
    """Products of matrices (M, n, 2) with (M, 2, n)."""
    return a[:, :, :1] * b[:, :1] + a[:, :, 1:] * b[:, 1:]
