"""Whether a suspected break in smooth motion holds, by the observations around it alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.motion_fit import PRIOR_STRENGTH, intensity_grid
from kinescribe.tracking.motion_spline import MotionSpline, SplineBasis
from kinescribe.tracking.shocks import MARGIN, ORDER, Shock, arc_starts, kept_rows

__all__ = ["PRICES", "Trial"]

Float = NDArray[np.float64]
Ints = NDArray[np.intp]

# Roughness differs along a track: this many observations to either side judge a break.
BESIDE = 15
# Gain in log-likelihood, over a motion as rough as it likes, that a break must bring.
PRICES = {"jump": 20.0, "turn": 8.0, "outlier": 8.0}


class Trial:
    """One break against none and against those of other kinds, by the observations around it.

    A jump b at the part u of the gap k to k + 1 is, at the observations, b (1 − u) (t − tₖ)₊ + b u (t − tₖ₊₁)₊ exactly, so that two
    columns stand for all times in the gap. Every alternative gets the process noise that suits it best.
    """

    def __init__(self, times: Float, values: Float, variances: Float, others: list[Shock], shock: Shock) -> None:
        kept = kept_rows(len(times), others)
        centre = int(np.searchsorted(times[kept], shock.time, side="right")) - 1
        kept = kept[max(centre - BESIDE, 0) : centre + BESIDE + 2]
        at = times[kept]
        self.shock = shock
        self.gap = int(np.clip(np.searchsorted(at, shock.time, side="right") - 1, 0, len(at) - 2))
        self.times = at
        basis = SplineBasis(at, ORDER, arc_starts(at, others))
        columns, self.choices = self._columns(at, basis.starts)
        self._axes = [
            _Likelihoods.of(MotionSpline(basis, values[kept, axis], variances[kept, axis]), columns) for axis in range(values.shape[1])
        ]

    def _columns(self, times: Float, starts: Ints) -> tuple[Float, dict[str, list[list[int]]]]:
        """Columns (n, C), and for each kind of break the sets of columns that may explain it.

        The search has placed the break only roughly, so that the gaps on either side are tried as well.
        """
        self.gaps = [gap for gap in (self.gap, self.gap - 1, self.gap + 1) if 1 <= gap < len(times) - 2]
        knots = np.arange(max(self.gap - 1, 0), min(self.gap + 3, len(times)))
        late = np.maximum(times[:, None] - times[knots], 0.0)
        # What comes after the next known break is free anyway.
        arc = np.searchsorted(starts, np.arange(len(times)), side="right")
        late[arc != arc[self.gap]] = 0.0
        columns = np.concatenate([late, late**2, np.eye(len(times))[:, knots]], axis=1)
        first, count = int(knots[0]), len(knots)
        wrong = [self.gap - first] if self.shock.kind == "outlier" else range(count)
        return columns, {
            "jump": [[gap - first, gap - first + 1] for gap in self.gaps],
            "turn": [[count + i] for i in range(count)],
            "outlier": [[2 * count + i] for i in wrong],
        }

    def gain(self, kind: str) -> float:
        """Gain in log-likelihood over no break."""
        return max((sum(axis.gain(columns) for axis in self._axes) for columns in self.choices[kind]), default=0.0)

    def holds(self) -> bool:
        """Whether it is worth its price; a jump must also beat, and another kind nearly reach, whatever else might be there."""
        own = self.gain(self.shock.kind)
        lead = MARGIN if self.shock.kind == "jump" else -MARGIN
        return own > PRICES[self.shock.kind] and all(own > self.gain(kind) + lead for kind in PRICES if kind != self.shock.kind)

    def meeting(self) -> tuple[float, Float]:
        """Time and size of a jump: the part of the gap, common to all axes, that the two hinges of each speak for."""
        parts = np.linspace(0.0, 1.0, 101)
        shapes = np.stack([1 - parts, parts])
        found = []
        for gap, columns in zip(self.gaps, self.choices["jump"], strict=True):
            score, sizes = np.zeros(len(parts)), []
            for axis in self._axes:
                logs, size = axis.along(columns, shapes)
                score += logs
                sizes.append(size)
            best = int(np.argmax(score))
            time = self.times[gap] + parts[best] * (self.times[gap + 1] - self.times[gap])
            found.append((float(score[best]), float(time), np.array([size[best] for size in sizes])))
        return max(found, key=lambda one: one[0])[1:]


@dataclass(frozen=True, slots=True, eq=False)
class _Likelihoods:
    """One coordinate's likelihood for G intensities with C columns of unknown size.

    Attributes:
        logs: (G,), without the energy's part.
        energies: (G,), zᵀ M⁻¹ z.
        pulls: (G, C), Xᵀ M⁻¹ z; informations: (G, C, C), Xᵀ M⁻¹ X.
        count: effective number of observations.
    """

    logs: Float
    energies: Float
    pulls: Float
    informations: Float
    count: float

    @classmethod
    def of(cls, spline: MotionSpline, columns: Float) -> _Likelihoods:
        design = spline.basis.apply(columns)
        grid = intensity_grid(spline.basis.times, ORDER)[::2]
        logs, energies = np.full(len(grid), -np.inf), np.zeros(len(grid))
        pulls, informations = np.zeros((len(grid), design.shape[1])), np.zeros((len(grid), design.shape[1], design.shape[1]))
        for g, solution in spline.solutions(grid):
            logs[g], energies[g] = -solution.log_determinant / 2, solution.energy
            whitened = solution.whiten(design)
            pulls[g], informations[g] = whitened.T @ solution.whitened, whitened.T @ whitened
        return cls(logs, energies, pulls, informations, len(spline) + PRIOR_STRENGTH)

    def _profile(self, columns: list[int]) -> tuple[Float, Float]:
        """Log-likelihoods with the given columns, and what these leave of the energies, (G,)."""
        chosen = self.informations[:, columns][:, :, columns]
        pulls = self.pulls[:, columns]
        ridge = 1e-10 * np.einsum("gii->g", chosen)[:, None, None] * np.eye(len(columns)) + 1e-300 * np.eye(len(columns))
        sizes = np.linalg.solve(chosen + ridge, pulls[:, :, None])[:, :, 0]
        rest = np.maximum(self.energies - (sizes * pulls).sum(axis=1), 0.0)
        return self.logs - self.count / 2 * np.log(PRIOR_STRENGTH + rest), rest

    def gain(self, columns: list[int]) -> float:
        plain = self.logs - self.count / 2 * np.log(PRIOR_STRENGTH + self.energies)
        return float(self._profile(columns)[0].max() - plain.max())

    def along(self, columns: list[int], shapes: Float) -> tuple[Float, Float]:
        """Log-likelihoods and sizes of one coefficient on each of P mixtures, shapes (C, P), of the columns, at their best intensity."""
        logs, rest = self._profile(columns)
        g = int(np.argmax(logs))
        information, pull = self.informations[g][np.ix_(columns, columns)], shapes.T @ self.pulls[g, columns]
        strength = np.maximum(np.einsum("cp,cd,dp->p", shapes, information, shapes), 1e-300)
        left = np.maximum(self.energies[g] - pull**2 / strength, rest[g])
        return self.logs[g] - self.count / 2 * np.log(PRIOR_STRENGTH + left), pull / strength
