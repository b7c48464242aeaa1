"""Derivatives of all residuals, in blocks: shared parameters against everything, initial states against their own clip alone.

Exact where motion between contacts is a parabola and nothing piles up, else by finite differences; of objects that have nothing to do
with each other each group by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.fitting.groups import Group, groups_of, merged
from kinescribe.dynamics.fitting.problem import Point, Problem

__all__ = ["Linearization", "Normal", "linearize"]

Float = NDArray[np.float64]
ROUNDING = 1e-11  # of the greatest information on any number of an initial state: what means nothing
EXACT, DIFFERENCES = 1e-11, 3e-6  # of the greatest derivative: what means nothing, of exact ones and of finite differences
CENTRAL = 100.0  # times the forward step: their error falls with the square of the step


@dataclass(frozen=True, slots=True, eq=False)
class Linearization:
    """Residuals r (c, m) in σ, and their derivatives by theta (c, m, p) and by each clip's own initial state (c, m, d).

    `exact` says how accurate they are; where they are made of independent groups, `parts` are these, with their places among residuals.
    """

    residuals: Float
    by_theta: Float
    by_q: Float
    exact: bool = False
    parts: tuple[tuple[Group, NDArray[np.intp], Linearization], ...] = ()

    def eliminated(self, weights: Float) -> tuple[Float, Float, Float]:
        """Information on theta (p, p) under weights (c, m) when the initial states are unknown too; the clips' inverse blocks (c, d, d);
        the change of each initial state with theta (c, d, p), with a minus.

        By orthogonal bases, not by normal equations: where contact follows on contact, a start is known to so many digits that its square
        would leave nothing of what is known of the parameters.
        """
        c, _, p = self.by_theta.shape
        d = self.by_q.shape[2]
        if self.parts:
            information, inverses, couplings = np.zeros((p, p)), np.zeros((c, d, d)), np.zeros((c, d, p))
            every = np.arange(c)
            for group, rows, part in self.parts:
                own, inverse, coupling = part.eliminated(weights[:, rows])
                information[np.ix_(group.theta, group.theta)] = own
                inverses[np.ix_(every, group.q, group.q)] = inverse
                couplings[np.ix_(every, group.q, group.theta)] = coupling
            return information, inverses, couplings
        least = EXACT if self.exact else DIFFERENCES
        roots, inverses, couplings = [], np.zeros((c, d, d)), np.zeros((c, d, p))
        norm_t = np.sqrt(np.einsum("cmp,cm->p", self.by_theta**2, weights))
        scale_t = np.where(norm_t > 0.0, norm_t, 1.0)
        for k in range(c):
            root = np.sqrt(weights[k])[:, None]
            q, t = root * self.by_q[k], root * self.by_theta[k] / scale_t
            norm = np.linalg.norm(q, axis=0)
            scale = np.where(norm > 0.0, norm, 1.0)
            basis, sizes, across = np.linalg.svd(np.where(np.isfinite(q), q, 0.0) / scale, full_matrices=False)
            known = sizes > least * max(float(sizes.max(initial=0.0)), 1e-300)
            basis, back = basis[:, known], (across[known] / sizes[known, None]).T / scale[:, None]
            back[norm == 0.0] = 0.0  # of a number that nothing depends on there is nothing but rounding
            along = basis.T @ t
            left = t - basis @ along
            left -= basis @ (basis.T @ left)  # what rounding left of it
            roots.append(left)
            inverses[k], couplings[k] = back @ back.T, (back @ along) * scale_t
        stacked = np.concatenate(roots)
        # what is left of a parameter when the starts are unknown may be rounding
        stacked[:, np.linalg.norm(stacked, axis=0) <= least] = 0.0
        return (stacked.T @ stacked) * np.outer(scale_t, scale_t), inverses, couplings

    def normal(self, weights: Float) -> Normal:
        """The normal equations under weights (c, m)."""
        jt, jq = self.by_theta, self.by_q
        wt, wq = ((by * weights[..., None]).transpose(0, 2, 1) for by in (jt, jq))
        r = self.residuals[..., None]
        return Normal(
            gradient_theta=(wt @ r)[..., 0].sum(axis=0),
            gradient_q=(wq @ r)[..., 0],
            theta=(wt @ jt).sum(axis=0),
            cross=wt @ jq,
            q=wq @ jq,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Normal:
    """Normal equations of block-arrow shape: one block for the shared parameters, one a clip, and what couples them.

    Attributes:
        gradient_theta, gradient_q: (p,), (c, d).
        theta, cross, q: (p, p), (c, p, d), (c, d, d).
    """

    gradient_theta: Float
    gradient_q: Float
    theta: Float
    cross: Float
    q: Float

    def step(self, damping: float, frozen: NDArray[np.bool_]) -> tuple[Float, Float]:
        """Damped Gauss-Newton step (p,), (c, d), those of theta that are frozen left out; by the Schur complement of the clips' blocks.

        Damping is relative to the diagonal, as Marquardt has it, so that units don't matter.
        """
        eliminated, solved, back = self._eliminate(damping)
        p = len(self.gradient_theta)
        schur = self.theta + damping * np.diag(_positive(np.diag(self.theta))) - eliminated
        rhs = -self.gradient_theta + solved
        move = np.zeros(p)
        keep = ~frozen
        if keep.any():
            move[keep] = _solve(schur[np.ix_(keep, keep)], rhs[keep])
        inverse, coupling = back
        q = -np.einsum("cde,ce->cd", inverse, self.gradient_q) - np.einsum("cdp,p->cd", coupling, move)
        return move, q

    def _eliminate(self, damping: float) -> tuple[Float, Float, tuple[Float, Float]]:
        diagonal = np.einsum("cdd->cd", self.q)
        damped = self.q + damping * np.einsum("cd,de->cde", _positive(diagonal), np.eye(self.q.shape[-1]))
        inverse = _inverses(damped)
        coupling = np.einsum("cde,cpe->cdp", inverse, self.cross)
        eliminated = np.einsum("cpd,cdq->pq", self.cross, coupling)
        solved = np.einsum("cpd,cde,ce->p", self.cross, inverse, self.gradient_q)
        return eliminated, solved, (inverse, coupling)


def linearize(problem: Problem, point: Point, frames: int | None = None, *, central: bool = False) -> Linearization:
    """All derivatives on the first `frames`, in one batch of simulations: of each clip one where they are exact, else one more than
    numbers are fitted, or twice as many for central differences.
    """
    return _by_groups(problem, point, frames, central) or _exact(problem, point, frames) or _by_differences(problem, point, frames, central)


def _by_groups(problem: Problem, point: Point, frames: int | None, central: bool) -> Linearization | None:
    """None where the objects are one group. A contact of one group is nothing that another's derivatives need be blurred by."""
    groups = groups_of(problem)
    if not groups:
        return None
    c, n, k = len(problem.clips), len(problem.bodies), problem.observed.shape[-1]
    count = problem.observed[:, :frames].shape[1]
    places = np.arange(count * n * k).reshape(count, n, k)
    residuals = np.zeros((c, count * n * k))
    by_theta, by_q = np.zeros((*residuals.shape, len(point.theta))), np.zeros((*residuals.shape, point.q.shape[1]))
    parts, rollouts, every = [], [], np.arange(c)
    for group in groups:
        group.problem.rollouts = problem.rollouts
        made = linearize(group.problem, group.of(point), frames, central=central)
        problem.rollouts = group.problem.rollouts
        rollouts.append(group.problem.recalled(group.of(point)))
        rows = places[:, group.who].ravel()
        residuals[:, rows] = made.residuals
        by_theta[np.ix_(every, rows, group.theta)] = made.by_theta
        by_q[np.ix_(every, rows, group.q)] = made.by_q
        parts.append((group, rows, made))
    known = [rollout for rollout in rollouts if rollout is not None]
    if len(known) == len(groups):
        problem.remember(point, merged(problem, groups, known))
    return Linearization(residuals, by_theta, by_q, parts=tuple(parts))


def _exact(problem: Problem, point: Point, frames: int | None) -> Linearization | None:
    """None where the law isn't one of parabolas, or something piles up."""
    p = len(point.theta)
    low, high = problem.slots.bounds
    steps = problem.law.difference_step * np.maximum(np.abs(point.theta), problem.slots.scales(problem.length, problem.duration))
    thetas = point.theta + np.vstack([np.zeros(p), np.diag(steps)])
    # at a bound the difference is taken inwards
    thetas = np.where((thetas > high) | (thetas < low), 2.0 * point.theta - thetas, thetas)
    made = problem.differentiate(point, thetas, np.diag(thetas[1:] - point.theta), frames)
    rollout, by = made or (None, None)
    if rollout is None or by is None:
        return None
    if frames is None:
        problem.remember(point, rollout)
    residuals, slopes = problem.residuals_by(rollout, by, frames)
    return Linearization(residuals, slopes[..., :p], slopes[..., p:], exact=True)


def _by_differences(problem: Problem, point: Point, frames: int | None, central: bool) -> Linearization:
    c, d = point.q.shape
    p = len(point.theta)
    low, high = problem.slots.bounds
    size = problem.law.difference_step
    if central:
        size = min(CENTRAL * size, max(size, 1e-3))
    steps_theta = size * np.maximum(np.abs(point.theta), problem.slots.scales(problem.length, problem.duration))
    steps_q = size * problem.q_scales
    signs = (1.0, -1.0) if central else (1.0,)
    thetas, qs = [point.theta], [point.q]
    moved: list[tuple[int, float]] = []
    for sign in signs:
        for k in range(p):
            trial = point.theta.copy()
            trial[k] += sign * steps_theta[k]
            if not low[k] <= trial[k] <= high[k]:
                # at a bound the difference is taken inwards
                trial[k] = point.theta[k] - (0.0 if central else sign * steps_theta[k])
            moved.append((k, float(trial[k] - point.theta[k])))
            thetas.append(trial)
            qs.append(point.q)
        for k in range(d):
            trial = point.q.copy()
            trial[:, k] += sign * steps_q[k]
            moved.append((p + k, sign * float(steps_q[k])))
            thetas.append(point.theta)
            qs.append(trial)
    trials = len(thetas)
    clips = np.tile(np.arange(c), trials)
    rollout = problem.run(np.repeat(np.stack(thetas), c, axis=0), np.concatenate(qs), clips, frames=frames)
    if frames is None:
        problem.remember(point, rollout)
    r = problem.residuals(rollout, clips, frames).reshape(trials, c, -1)
    out = np.zeros((p + d, *r.shape[1:]))
    total = np.zeros(p + d)
    high_side, low_side = np.repeat(r[:1], p + d, axis=0), np.repeat(r[:1], p + d, axis=0)
    for row, (k, step) in enumerate(moved, 1):
        if step > 0:
            high_side[k], total[k] = r[row], total[k] + step
        elif step < 0:
            low_side[k], total[k] = r[row], total[k] - step
    moving = total > 0
    out[moving] = (high_side[moving] - low_side[moving]) / total[moving][:, None, None]
    return Linearization(r[0], out[:p].transpose(1, 2, 0), out[p:].transpose(1, 2, 0))


def _positive(diagonal: Float) -> Float:
    """The diagonal (…, k), with the greatest (or 1) in place of numbers that nothing depends on: damping must still hold them."""
    most = diagonal.max(axis=-1, keepdims=True, initial=0.0)
    return np.where(diagonal > 1e-14 * most, diagonal, np.where(most > 0, most, 1.0))


def _solve(matrix: Float, rhs: Float) -> Float:
    scale = 1.0 / np.sqrt(_positive(np.diag(matrix)))
    try:
        out: Float = scale * np.linalg.lstsq(matrix * np.outer(scale, scale), rhs * scale, rcond=1e-13)[0]
    except np.linalg.LinAlgError:  # derivatives beyond all bounds: no step, and the next one is more cautious
        return np.zeros_like(rhs)
    return out


def _inverses(blocks: Float) -> Float:
    """Pseudo-inverses (c, d, d): constraints leave directions of an initial state that change nothing."""
    diagonal = np.einsum("cdd->cd", blocks)
    scale = 1.0 / np.sqrt(_positive(diagonal))
    inner = np.linalg.pinv(blocks * scale[:, :, None] * scale[:, None, :], rcond=ROUNDING, hermitian=True)
    out: Float = inner * scale[:, :, None] * scale[:, None, :]
    return out
