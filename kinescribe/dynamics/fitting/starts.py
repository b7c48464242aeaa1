"""How the clips of a fit start: the spread of their initial states, and how accurately things were seen in them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from kinescribe.dynamics.simulation.motion import bodies_of
from kinescribe.dynamics.state import COMPONENTS, State
from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.dynamics.fitting.result import Fit

__all__ = ["LEAST", "Starts", "projection"]

Float = NDArray[np.float64]
LEAST = 4  # clips, below which nobody can tell how much their starts differ
STEP = 1e-6  # of a number's spread, for the derivatives of constraints
NOTHING = 1e-9  # of the greatest effect: a number of the state that the constraints set anyway
TURN = 2.0 * np.pi


@dataclass(frozen=True, slots=True, eq=False)
class Starts:
    """A normal distribution of the numbers of an initial state that the law leaves free: a cart's place, not that of the pole on it.

    Attributes:
        components: (r, 2) component, by its place in `COMPONENTS`, and object of each number.
        names: (r,) in words: "cart.x".
        mean: (r,); covariance: (r, r). World frame, y up. The covariance is that of one more start, and allows for the number of clips.
        noise: (3, n) root mean square of what the fit leaves of x, y and angle; NaN where never seen.
        clips: how many tell of it.
    """

    components: NDArray[np.intp]
    names: tuple[str, ...]
    mean: Float
    covariance: Float
    noise: Float
    clips: int

    @classmethod
    def of(cls, fit: Fit) -> Self:
        """Of the clips that a fit was made from.

        Correlations are drawn towards 0 as far as so few clips leave them unsure; no spread is less than the error of what it rests on.

        Raises:
            UsageError: too few clips; a saved fit of before this was kept.
        """
        clips = fit.clips
        if len(clips) < LEAST:
            raise UsageError(
                f"how clips start can't be told from {len(clips)} of them: fit {LEAST} or more that start alike, or leave out start_prior"
            )
        kept = [clip.noise for clip in clips if clip.noise is not None]
        if len(kept) < len(clips):
            raise UsageError("this saved fit does not tell how accurately things were seen: fit once more, or leave out start_prior")
        components = clips[0].components
        rows = np.stack([clip.initial[components[:, 0], components[:, 1]] for clip in clips])
        errors = np.stack([np.diagonal(clip.covariance)[-len(components) :] for clip in clips])
        angles = components[:, 0] == COMPONENTS.index("angle")
        rows[:, angles] -= TURN * np.round((rows[:, angles] - rows[0, angles]) / TURN)
        free = _free(fit, rows, components)
        mine = rows[:, free]
        count, size = mine.shape
        variances = np.maximum(mine.var(axis=0, ddof=1), np.nanmedian(np.where(np.isfinite(errors), errors, np.nan), axis=0)[free])
        variances = np.maximum(variances, (1e-9 * np.maximum(np.abs(mine).max(axis=0), 1e-9)) ** 2)
        deviation = mine.std(axis=0, ddof=1)
        scaled = (mine - mine.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
        correlation = scaled.T @ scaled / (count - 1)
        correlation *= count / (count + size + 1.0)
        np.fill_diagonal(correlation, 1.0)
        root = np.sqrt(variances)
        squares = np.stack(kept) ** 2
        known = np.isfinite(squares).sum(axis=0)
        noise = np.sqrt(np.where(known > 0, np.nansum(squares, axis=0), np.nan) / np.maximum(known, 1))
        return cls(
            components[free],
            tuple(f"{fit.objects[thing]}.{COMPONENTS[component]}" for component, thing in components[free].tolist()),
            mine.mean(axis=0),
            correlation * np.outer(root, root) * (1.0 + 1.0 / count),
            noise,
            count,
        )

    @property
    def sigmas(self) -> Float:
        """(r,) standard deviations."""
        return np.asarray(np.sqrt(np.diagonal(self.covariance)))

    def at(self, all_components: NDArray[np.intp]) -> NDArray[np.intp]:
        """(r,) places of these numbers among those (d, 2) of an initial state."""
        places = {tuple(pair): k for k, pair in enumerate(all_components.tolist())}
        missing = [name for name, pair in zip(self.names, self.components.tolist(), strict=True) if tuple(pair) not in places]
        if missing:
            raise UsageError(f"this clip's start lacks {missing[0]}, which those of the fit have: leave out start_prior")
        return np.array([places[tuple(pair)] for pair in self.components.tolist()], np.intp)


def projection(fit: Fit, state: Float, components: NDArray[np.intp], steps: Float) -> Float:
    """(d, d) derivatives of the numbers of an initial state (6, n), once the law's constraints are kept, by these numbers themselves."""
    d = len(components)
    law, bodies = fit.law, fit.clips[0].bodies
    if law.array_library == "torch" or not law.constrained(bodies):
        return np.eye(d)
    moved = np.repeat(state[:, None], 2 * d, axis=1)
    for k, (component, thing) in enumerate(components.tolist()):
        moved[component, 2 * k, thing] += steps[k]
        moved[component, 2 * k + 1, thing] -= steps[k]
    values = replace(fit.slots, free=np.arange(len(fit.slots.all))).values(np.repeat(fit.slots.complete(fit.theta[None]), 2 * d, axis=0))
    kept = np.asarray(law.project(State(moved, bodies_of(bodies, np.zeros(2 * d, np.intp))), values).data)
    numbers = kept[components[:, 0], :, components[:, 1]]
    return np.asarray((numbers[:, ::2] - numbers[:, 1::2]) / (2.0 * steps))


def _free(fit: Fit, rows: Float, components: NDArray[np.intp]) -> NDArray[np.intp]:
    """Places of the numbers from which the law's constraints make all others: the most telling ones."""
    spread = rows.std(axis=0)
    for component in range(6):
        alike = components[:, 0] == component
        # what is the same in all clips still has a natural size
        spread[alike] = np.maximum(spread[alike], 1e-3 * max(float(spread[alike].max(initial=0.0)), 1e-9))
    state = fit.clips[0].initial.copy()
    state[components[:, 0], components[:, 1]] = rows.mean(axis=0)
    by = projection(fit, state, components, STEP * spread) * spread / spread[:, None]
    _, triangle, order = qr(np.where(np.isfinite(by), by, 0.0), pivoting=True, mode="economic")
    sizes = np.abs(np.diagonal(triangle))
    return np.sort(order[: int((sizes > NOTHING * sizes.max(initial=0.0)).sum())])
