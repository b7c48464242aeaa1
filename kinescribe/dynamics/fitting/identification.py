"""What the data say about each parameter, and what they can't: the spectrum of the information matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.fitting.result import Unidentified
from kinescribe.dynamics.fitting.significance import UNKNOWN
from kinescribe.dynamics.fitting.slots import Slot, Slots

__all__ = ["described", "identify"]

Float = NDArray[np.float64]
NOTHING = 1e-9  # share of a direction that is rounding
WELL = 1e-5  # the same, below which it isn't noise that tells: there finite differences of chaotic motion can't judge either
INVOLVED = 0.05  # of the largest power in a combination


def identify(
    information: Float, theta: Float, slots: Slots, natural: Float, noise: Callable[[Float, Float], NDArray[np.bool_]] | None = None
) -> tuple[Float, tuple[Unidentified, ...]]:
    """Covariance (p, p) within what is determined, and the directions that aren't.

    Args:
        information: (p, p), inverse squares of the parameters' units, initial states already accounted for.
        theta: (p,) values.
        natural: (p,) natural sizes; a parameter that is known to a third of its own or this size is determined.
        noise: tells of combinations, changes (k, p) by one σ, which of them (k,) noise alone determines; told too what isn't determined
            anyway (l, p).
    """
    p = len(theta)
    if not p:
        return np.zeros((0, 0)), ()
    size = np.maximum(np.abs(theta), natural)
    scaled = information * np.outer(size, size)
    values, vectors = np.linalg.eigh(0.5 * (scaled + scaled.T))
    known = values > UNKNOWN**-2
    doubtful = known & (values < WELL**-2)
    if noise is not None and doubtful.any():
        known[doubtful] = ~noise(size * (vectors[:, doubtful] / np.sqrt(values[doubtful])).T, size * vectors[:, ~known].T)
    inverse = (vectors[:, known] / values[known]) @ vectors[:, known].T
    covariance = inverse * np.outer(size, size)
    free = [slots.all[i] for i in slots.free]
    lost = tuple(_described(row, theta, size, free) for row in _sparse(vectors[:, ~known].T))
    return covariance, lost


def _sparse(rows: Float) -> Float:
    """The same directions (k, p), each with as few parameters as possible: the reduced echelon form with the largest pivots first."""
    rows = rows.copy()
    taken: list[int] = []
    for k in range(len(rows)):
        block = np.abs(rows[k:]).copy()
        block[:, taken] = 0.0
        i, j = (int(at) for at in np.unravel_index(int(block.argmax()), block.shape))
        rows[[k, k + i]] = rows[[k + i, k]]
        rows[k] /= rows[k, j]
        taken.append(j)
        for other in range(len(rows)):
            if other != k:
                rows[other] -= rows[other, j] * rows[k]
    rows[np.abs(rows) < max(INVOLVED * float(np.abs(rows).max(initial=0.0)), NOTHING)] = 0.0
    return rows


def _described(direction: Float, theta: Float, size: Float, slots: Sequence[Slot]) -> Unidentified:
    who = np.flatnonzero(direction).tolist()
    # relative changes: powers of a common factor
    change = direction[who] * size[who] / np.where(theta[who] != 0, theta[who], 1.0)
    powers = change / change[np.abs(change).argmax()] if np.any(change) else change
    return described([slots[k] for k in who], powers.tolist())


def described(slots: Sequence[Slot], powers: Sequence[float]) -> Unidentified:
    """What can't be told of these numbers of a law, which trade off against each other by these powers of a common factor."""
    names = tuple(slot.name for slot in slots)
    remedies = list(dict.fromkeys(slot.parameter.revealed_by for slot in slots if slot.parameter.revealed_by))
    if len(slots) == 1:
        slot = slots[0]
        remedy = remedies[0] if remedies else f"motion that depends on the {slot.parameter.meaning or slot.name}"
        return Unidentified(
            names, (1.0,), f"{names[0]} is not identifiable: the motion seen would be the same for any value", f"show {remedy}"
        )
    listed = ", ".join(names[:-1]) + f" and {names[-1]}"
    if np.allclose(powers, 1.0, atol=0.05):
        text = f"{listed} are not identifiable by themselves: only their ratios are"
        remedy = "give one of them, as a known value"
    elif len(slots) == 2 and np.allclose(np.abs(powers), 1.0, atol=0.05):
        text = f"{listed} are not identifiable by themselves: only their product is"
        remedy = "give one of them, as a known value"
    else:
        factors = ", ".join(f"{name} by c^{power:.2g}" for name, power in zip(names, powers, strict=True))
        text = f"{listed} are not identifiable together: multiplying {factors} leaves the motion seen as it is"
        remedy = f"give one of them, or show {remedies[0]}" if remedies else "give one of them, or show motion over a wider range"
    return Unidentified(names, tuple(float(power) for power in powers), text, remedy)
