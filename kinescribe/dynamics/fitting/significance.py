"""Is a combination of parameters determined by motion, or by noise that was fitted as if it were motion?

Of a thing at rest the best fit has a tiny velocity, and a drag that explains how noise seems to slow it down; its σ, which is about small
changes, looks like any other. But where noise is all there is, no change of that drag, however large, explains the clips significantly
worse. So each combination is moved by many σ, all other numbers are fitted again, and what this costs is compared with what the σ
promises.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.fitting.linearization import Linearization, linearize
from kinescribe.dynamics.fitting.problem import LOST, Point, Problem

__all__ = ["UNKNOWN", "Doubt"]

Float = NDArray[np.float64]
UNKNOWN = 3.0  # σ of a direction over the natural size of what it changes, from where on it is not determined
FAR = 10.0  # σ by which a combination is moved
NOISE = 40.0  # 2Δ log-likelihood: fits of noise gave up to 31, real motion over 70
STRAIGHT = 1.25  # cost over the promised one, or its inverse: up to there residuals go with parameters as a σ takes for granted
SATURATED = 0.3  # cost over the promised one, below which large changes cost less than a σ promises
TELLING = 4.0  # cost below which a side shows nothing
ROOM = 50.0  # promised cost of a side, below which a bound cuts it too short to go by
NEAR = 0.1  # of the natural size: small moves
LOOSE = 0.3  # of the natural size: σ of a combination that is hardly known
INVOLVED = 0.05  # of the largest part in a move
ATTEMPTS = ((1.0, 1), (1.0, 8), (0.5, 8), (0.25, 8))  # shares of a move, and finer steps, for moves that the simulation can't follow
FINEST = 64
Eliminated = tuple[Float, Float, Float]
"""As `Normal.information` gives it."""


@dataclass(frozen=True, slots=True, eq=False)
class Doubt:
    """Tells combinations of parameters that only noise determines.

    Attributes:
        problem, point: what was fitted.
        here: derivatives at the point.
        weights: (c, m) of the residuals.
        inflation: variance of a residual of weight 1.
        size: (p,) natural sizes of the parameters.
    """

    problem: Problem
    point: Point
    here: Linearization
    weights: Float
    inflation: float
    size: Float

    def of(self, moves: Float, lost: Float) -> NDArray[np.bool_]:
        """(k,) whether noise alone determines combinations; moves (k, p) are theirs by one σ, lost (l, p) is not determined anyway."""
        sides = [[self._side(sign * FAR * move) for sign in (1.0, -1.0)] for move in moves]
        share = FAR * np.abs(moves / self.size).max(axis=1, initial=0.0)
        # along what is hardly known a step of least squares would go to where its derivatives mean nothing
        loose = np.linalg.norm(moves / self.size, axis=1) > LOOSE
        frames = [np.concatenate([moves[[k]], np.delete(moves, k, axis=0)[np.delete(loose, k)], lost]) for k in range(len(moves))]
        straight = self._straight(frames, sides, share < NEAR) & (share < 1.0)
        return np.array([not straight[k] and self._noise(frame, sides[k], share[k] < 1.0) for k, frame in enumerate(frames)], bool)

    def _side(self, move: Float) -> tuple[Float, float]:
        """Parameters after a move that is cut short at the first bound, and the share of it that is left; a bound stops no more than the
        parameter itself where that has a small part in the move.
        """
        low, high = self.problem.slots.bounds
        parts = np.abs(move / self.size)
        room = np.where(move > 0, high, low) - self.point.theta
        shares = np.divide(room, move, out=np.full(len(move), np.inf), where=parts > INVOLVED * parts.max(initial=0.0))
        share = float(np.clip(shares.min(initial=1.0), 0.0, 1.0))
        return np.clip(self.point.theta + share * move, low, high), share

    def _straight(self, frames: list[Float], sides: list[list[tuple[Float, float]]], near: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(k,) both sides cost what the σ promises, judged by one simulation of each and the derivatives at the point. Of moves that are
        `near` (k,) one side will do where a bound cuts the other short, and more than promised is as good: noise changes little so nearby.
        """
        c = len(self.problem.clips)
        thetas = np.array([theta for pair in sides for theta, _ in pair])
        clips = np.tile(np.arange(c), len(thetas))
        rollout = self.problem.run(np.repeat(thetas, c, axis=0), np.tile(self.point.q, (len(thetas), 1)), clips)
        residuals = self.problem.residuals(rollout, clips).reshape(len(frames), 2, c, -1)
        promised = np.array([[(FAR * share) ** 2 for _, share in pair] for pair in sides])
        eliminated = self.here.eliminated(self.weights)
        cost = np.array([
            [self._cost(self.here, eliminated, r, frame) for r in pair] for pair, frame in zip(residuals, frames, strict=True)
        ])  # fmt: skip
        wide = promised >= ROOM
        alike = (cost >= promised / STRAIGHT) & ((cost <= STRAIGHT * promised) | near[:, None])
        return np.array((alike | ~wide).all(axis=1) & (wide.all(axis=1) | near & wide.any(axis=1)))

    def _noise(self, frame: Float, sides: list[tuple[Float, float]], small: bool) -> bool:
        """Neither side costs more than noise may, and one less than the σ promises, or both next to nothing as far as the bounds go. A
        `small` move needs no finer steps.
        """
        saturated, anything = False, all(share < 1.0 for _, share in sides)
        for theta, share in sorted(sides, key=lambda side: -side[1]):
            found = self._fitted_again(frame, theta, share, small)
            if found is None:
                anything = False
                continue
            cost, promised = found
            if cost >= NOISE:
                return False
            saturated |= promised >= TELLING and cost < SATURATED * promised
            anything &= cost < TELLING
        return saturated or anything

    def _fitted_again(self, frame: Float, theta: Float, share: float, small: bool) -> tuple[float, float] | None:
        """A side's cost and the promised one, as far towards theta as the simulation can follow; None where it can't at all."""
        exact = small or self.problem.law.kind != "acceleration"
        for part, finer in ATTEMPTS:
            moved = self._linearized(Point(self.point.theta + part * (theta - self.point.theta), self.point.q), finer)
            if np.abs(moved.residuals).max(initial=0.0) >= LOST:
                continue
            promised = (FAR * share * part) ** 2
            cost = self._cost(moved, moved.eliminated(self.weights), moved.residuals, frame)
            # steps that are fine enough for the best parameters may be too coarse for others
            if exact or finer > 1 or cost < min(NOISE, SATURATED * promised):
                return cost, promised
        return None

    def _linearized(self, point: Point, finer: int) -> Linearization:
        steps = max(min(finer * self.problem.substeps, FINEST), self.problem.substeps)
        finely = replace(self.problem, substeps=steps, rollouts=0, _schedule=None)
        made = linearize(finely, point)
        self.problem.rollouts += finely.rollouts
        return made

    def _cost(self, at: Linearization, eliminated: Eliminated, residuals: Float, held: Float) -> float:
        """2Δ log-likelihood against the point of residuals (c, m), after one step of starts and parameters that changes nothing along the
        combinations held (h, p).
        """
        weighted = self.weights * residuals
        information, blocks, coupling = eliminated
        by_q = np.einsum("cmd,cm->cd", at.by_q, weighted)
        by_theta = (np.einsum("cmp,cm->p", at.by_theta, weighted) - np.einsum("cdp,cd->p", coupling, by_q)) * self.size
        cost = float((weighted * residuals).sum() - (self.weights * self.here.residuals**2).sum())
        cost -= float(np.einsum("cd,cde,ce->", by_q, blocks, by_q))
        # an orthonormal basis of all the others
        scaled = held / self.size
        others = np.linalg.svd(scaled / np.linalg.norm(scaled, axis=1, keepdims=True))[2][len(held) :]
        values, vectors = np.linalg.eigh(others @ (information * np.outer(self.size, self.size)) @ others.T)
        known = values > self.inflation * UNKNOWN**-2
        along = (vectors.T @ (others @ by_theta))[known]
        return (cost - float((along**2 / values[known]).sum())) / self.inflation
