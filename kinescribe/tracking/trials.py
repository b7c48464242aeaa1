"""Whether a suspected break in smooth motion holds, by the observations around it alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.motion_fit import PRIOR_STRENGTH, intensity_grid
from kinescribe.tracking.motion_spline import MotionSpline
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
        starts = arc_starts(at, others)
        columns, self.choices = self._columns(at, starts)
        grid = intensity_grid(at, ORDER)[::2]
        splines = [
            MotionSpline(at, starts, ORDER, np.column_stack([values[kept, axis], columns]), variances[kept, axis])
            for axis in range(values.shape[1])
        ]
        found = [spline.likelihoods(grid) for spline in splines]
        self._count = len(splines[0]) + PRIOR_STRENGTH
        self._logs = -np.stack([one.log_determinants for one in found]) / 2
        products = np.stack([one.products for one in found])
        self._energies, self._pulls, self._informations = products[..., 0, 0], products[..., 0, 1:], products[..., 1:, 1:]

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
        if not self.choices[kind]:
            return 0.0
        best = self._profile(self.choices[kind])[0].max(axis=2).sum(axis=0).max()
        return float(best - self._scored(self._energies).max(axis=1).sum())

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
            logs, sizes = self._along(columns, shapes)
            score = logs.sum(axis=0)
            best = int(np.argmax(score))
            time = self.times[gap] + parts[best] * (self.times[gap + 1] - self.times[gap])
            found.append((float(score[best]), float(time), sizes[:, best]))
        return max(found, key=lambda one: one[0])[1:]

    def _scored(self, energies: Float) -> Float:
        """Log-likelihoods of energies (D, …, G)."""
        logs = self._logs.reshape(len(energies), *(1,) * (energies.ndim - 2), -1)
        return np.asarray(logs - self._count / 2 * np.log(PRIOR_STRENGTH + energies), np.float64)

    def _profile(self, choices: list[list[int]]) -> tuple[Float, Float]:
        """Log-likelihoods with K choices of as many columns each, and what these leave of the energies, (D, K, G)."""
        columns = np.array(choices)
        chosen = np.moveaxis(self._informations[:, :, columns[:, :, None], columns[:, None, :]], 1, 2)
        pulls = np.moveaxis(self._pulls[:, :, columns], 1, 2)
        ridge = 1e-10 * np.einsum("dkgii->dkg", chosen)[..., None, None] + 1e-300
        sizes = np.linalg.solve(chosen + ridge * np.eye(columns.shape[1]), pulls[..., None])[..., 0]
        rest = np.maximum(self._energies[:, None] - (sizes * pulls).sum(axis=-1), 0.0)
        return self._scored(rest), rest

    def _along(self, columns: list[int], shapes: Float) -> tuple[Float, Float]:
        """Log-likelihoods and sizes, (D, P), of one coefficient on each of P mixtures, shapes (C, P), of columns, at the best intensity."""
        logs, rest = (part[:, 0] for part in self._profile([columns]))
        axes, best = np.arange(len(logs)), logs.argmax(axis=1)
        information = self._informations[axes, best][:, columns][:, :, columns]
        pull = self._pulls[axes, best][:, columns] @ shapes
        strength = np.maximum(np.einsum("cp,acd,dp->ap", shapes, information, shapes), 1e-300)
        left = np.maximum(self._energies[axes, best][:, None] - pull**2 / strength, rest[axes, best][:, None])
        return self._logs[axes, best][:, None] - self._count / 2 * np.log(PRIOR_STRENGTH + left), pull / strength
