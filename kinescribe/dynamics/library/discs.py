"""Discs that collide."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.dynamics.contacts import Contacts, Discs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library._discs import RESTITUTION, SIZE, THRESHOLD
from kinescribe.dynamics.library._mass import MASS, by_size
from kinescribe.dynamics.library.estimates import bounces, middle, within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import Bodies, State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["CollidingDiscs"]

PRIOR = 0.1  # weight of masses by size beside one collision
HEAD_ON = 0.05  # of the speeds: a relative speed along the centres below it says nothing about restitution


class CollidingDiscs(Law):
    """Objects strike each other as discs: momentum is kept, and along the line of centres ``u' = −restitution·u`` for their relative speed.

    Adds contacts and no force: ``uniform-motion + discs`` for pucks on ice, with `coulomb-friction` on a table. `friction` is Coulomb's
    coefficient between rims, held fixed unless it is freed. Masses show in collisions, and only relative to each other; who strikes nobody
    has none that could be told. `discs-of-one-material` takes masses from sizes.
    """

    name = "discs"
    equation = "(v1' - v2')·n = -restitution·(v1 - v2)·n, mass1·v1 + mass2·v2 constant"
    steady = True
    restitution = RESTITUTION
    threshold = THRESHOLD
    friction = Parameter(0.0, (0, math.inf), meaning="Coulomb coefficient between rims", fixed=True, revealed_by="a glancing collision")
    size = SIZE
    mass = MASS

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        return 0.0, 0.0

    def contacts(self, bodies: Bodies, parameters: Values) -> Contacts:
        size = parameters.get("size", 1.0)
        return Contacts(discs=Discs(parameters.restitution, parameters.friction, parameters.get("threshold", 0.0), size=size))

    def potential(self, state: State, parameters: Values) -> Any:
        return np.zeros_like(state.x)

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        n = len(clip.bodies)
        logs = np.log(by_size(clip.bodies))
        rows, targets = [*(PRIOR * np.eye(n))], [*(PRIOR * logs)]
        restitution, friction = [], []
        for bounce in bounces(clip):
            if len(bounce.objects) != 2:
                continue
            i, j = bounce.objects
            line = bounce.places[1] - bounce.places[0]
            size = float(np.hypot(*line))
            if size == 0:
                continue
            normal, change = line / size, bounce.after - bounce.before
            before, after = (float((side[1] - side[0]) @ normal) for side in (bounce.before, bounce.after))
            first, second = -float(change[0] @ normal), float(change[1] @ normal)
            if before >= -HEAD_ON * float(np.hypot(*(bounce.before.T)).max()) or first <= 0 or second <= 0:
                continue
            row = np.zeros(n)
            row[i], row[j] = 1.0, -1.0
            rows.append(row)
            targets.append(math.log(second / first))
            restitution.append(max(-after / before, 0.0))
            across = change @ np.array([-normal[1], normal[0]])
            friction.append(0.5 * (abs(across[0]) / first + abs(across[1]) / second))
        mass = np.exp(np.linalg.lstsq(np.array(rows), np.array(targets), rcond=None)[0]) if n else np.ones(0)
        found = {"restitution": middle(np.array(restitution)), "friction": middle(np.array(friction))} if restitution else {}
        return within(self.parameters, mass=mass / np.exp(np.log(mass).mean()), **found)
