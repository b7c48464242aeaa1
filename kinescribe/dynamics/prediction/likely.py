"""The likeliest initial state of a clip that starts as those of the fit did: its own sightings, weighed against what starts are like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.fitting.linearization import linearize
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.starts import Starts, projection

__all__ = ["Likeliest", "likeliest"]

Float = NDArray[np.float64]
KNEE = 3.0  # σ, from where on a sighting, or the start itself, counts less than its square
ODD = 4.0  # σ: a start that lies so far from those of the fit is not like them
LOST = 1e6  # σ: what a simulation that leaves all bounds counts as
STEPS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Likeliest:
    """A start.

    Attributes:
        q: (d,). block: (d, d) its covariance with the parameters held. coupling: (d, p) how it would differ under other parameters:
            q − coupling·δθ.
        scale: root mean square of the residuals in σ.
        notes: what is worth knowing.
    """

    q: Float
    block: Float
    coupling: Float
    scale: float
    notes: tuple[str, ...]


def likeliest(problem: Problem, fit: Fit, q: Float, substeps: int) -> Likeliest:
    """Maximum a posteriori: Gauss-Newton on the sightings' residuals and the start's distance from the others' mean, Huber's loss on both.

    The sightings' σ is the table's, or what the fit left of its own clips where that is more: of a few frames nobody can tell how
    accurate they are.

    Args:
        problem: one clip under the law, its parameters free. q: (d,) a start to begin with, beside the mean of the fit's.

    Raises:
        UsageError: starts that can't be told from the fit's clips, or that this clip has not the numbers of.
    """
    starts = fit.starts
    problem.substeps = substeps
    size = problem.observed.shape[-1]
    noise = np.where(np.isfinite(starts.noise), starts.noise, 0.0).T[None, None, :, :size]
    inflation = (1.0 + fit.correlation) / (1.0 - fit.correlation)
    problem.sigma = np.sqrt(inflation * np.maximum(problem.sigma**2, noise**2))
    places = starts.at(problem.components)
    root = np.linalg.inv(np.linalg.cholesky(starts.covariance))
    seen = np.isfinite(problem.observed).ravel()
    theta = fit.theta

    def kept(z: Float) -> Float:
        moved = base.copy()
        moved[places] = z
        return np.asarray(problem.keeping_constraints(Point(theta, moved[None])).q[0])

    def misfit(z: Float) -> Float:
        whole = kept(z)
        rollout = problem.run(theta[None], whole[None], np.zeros(1, np.intp))
        own = np.clip(problem.residuals(rollout, np.zeros(1, np.intp))[0][seen], -LOST, LOST)
        out: Float = np.concatenate([own, root @ (whole[places] - starts.mean)])
        return out

    best = None
    base = q
    for first in (starts.mean, q[places]):
        found = least_squares(misfit, first, x_scale=starts.sigmas, loss="huber", f_scale=KNEE, max_nfev=STEPS)
        if best is None or found.cost < best.cost:
            best = found
    assert best is not None
    whole = kept(best.x)
    block, coupling = _spread(problem, fit, starts, whole, places)
    own = best.fun[: int(seen.sum())]
    return Likeliest(whole, block, coupling, float(np.sqrt(np.mean(own**2))), tuple(_odd(starts, whole[places])))


def _spread(problem: Problem, fit: Fit, starts: Starts, q: Float, places: NDArray[np.intp]) -> tuple[Float, Float]:
    """Covariance (d, d) of the start, and its coupling (d, p) to the parameters."""
    here = linearize(problem, Point(fit.theta, q[None]), central=True)
    state = problem.states(q[None], np.zeros(1, np.intp)).data[:, 0]
    # all numbers of the state by the free ones, as they are once the constraints are kept
    along = projection(fit, state, problem.components, 1e-5 * problem.q_scales)[:, places]
    along = along @ np.linalg.pinv(along[places])
    by = np.nan_to_num(here.by_q[0] @ along)
    inner = np.linalg.inv(by.T @ by + np.linalg.inv(starts.covariance))
    return along @ inner @ along.T, along @ inner @ (by.T @ np.nan_to_num(here.by_theta[0]))


def _odd(starts: Starts, found: Float) -> list[str]:
    off = (found - starts.mean) / starts.sigmas
    worst = int(np.argmax(np.abs(off)))
    if abs(off[worst]) <= ODD:
        return []
    return [
        f"{starts.names[worst]} = {found[worst]:.4g} at the start is {abs(off[worst]):.1f} σ from that of the fit's clips: "
        "does this clip start like them? else leave out start_prior"
    ]
