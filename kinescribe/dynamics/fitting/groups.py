"""Objects that have nothing to do with each other under a law: each group by itself is a smaller problem, with the same answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.composition import Restricted, Sum
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.slots import Slots
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.simulation import Rollout
from kinescribe.dynamics.simulation.motion import bodies_of
from kinescribe.dynamics.state import State

__all__ = ["Group", "groups_of", "merged"]

Index = NDArray[np.intp]


class _Nothing(Law):
    """Of objects that no term of a sum is about: nothing acts on them."""

    name = "nothing"
    steady = True

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        return 0.0, 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Objects by themselves.

    Attributes:
        problem: theirs alone. who: their indices among all objects.
        theta, q: (p of the group,), (d of the group,) places of its free parameters, and numbers of initial states, among all.
    """

    problem: Problem
    who: Index
    theta: Index
    q: Index

    def of(self, point: Point) -> Point:
        """Its part of a point."""
        return Point(point.theta[self.theta], point.q[:, self.q])


def groups_of(problem: Problem) -> list[Group]:
    """The groups of a sum of laws, each of which is about objects of its own and has parameters of its own; none of any other law."""
    law = problem.law
    if not isinstance(law, Sum) or len(law.terms) < 2:
        return []
    terms = [term for term in law.terms if isinstance(term, Restricted)]
    if len(terms) < len(law.terms) or law.array_library != "numpy":
        return []
    each = [term.who(problem.bodies) for term in terms]
    objects = [i for who in each for i in who]
    pairs = zip(terms, law.names_of_terms, strict=True)
    shared = [ours for term, names in pairs for theirs, ours in names.items() if term.parameters[theirs].per != "object"]
    if len(set(objects)) < len(objects) or len(set(shared)) < len(shared):
        return []
    made = [_group(problem, term.law, who, names) for term, who, names in zip(terms, each, law.names_of_terms, strict=True)]
    others = [i for i in range(len(problem.bodies)) if i not in objects]
    return [*made, _group(problem, _Nothing(), others, {})] if others else made


def _group(problem: Problem, law: Law, who: Sequence[int], names: Mapping[str, str]) -> Group:
    theirs = {ours: name for name, ours in names.items()}
    place = {old: new for new, old in enumerate(who)}
    every = problem.slots.all
    mine = [i for i, slot in enumerate(every) if slot.key in theirs and (slot.object is None or slot.object in place)]
    slots = tuple(
        replace(slot, key=theirs[slot.key], object=None if slot.object is None else place[slot.object]) for slot in (every[i] for i in mine)
    )
    free = problem.slots.free.tolist()
    held = Slots(slots, np.array([k for k, i in enumerate(mine) if i in free], np.intp), problem.slots.fixed_values[mine], len(who))
    numbers = [k for k, (_, thing) in enumerate(problem.components.tolist()) if thing in place]
    components = np.array([(row, place[thing]) for row, thing in problem.components[numbers].tolist()], np.intp).reshape(-1, 2)
    own = Problem(
        law, tuple(clip.keeping(who) for clip in problem.clips), held, problem.bodies.keeping(who), problem.observed[:, :, who],
        problem.sigma[:, :, who], components, problem.initial[:, :, who], problem.without, problem.substeps, problem.rollouts,
        problem.budget,
    )  # fmt: skip
    return Group(own, np.array(who, np.intp), np.array([free.index(i) for i in mine if i in free], np.intp), np.array(numbers, np.intp))


def merged(problem: Problem, groups: Sequence[Group], rollouts: Sequence[Rollout]) -> Rollout:
    """The groups' rollouts of every clip as one."""
    c = len(problem.clips)
    data = np.full((*rollouts[0].data.shape[:3], len(problem.bodies)), np.nan)
    hits, walls = [], 0
    for group, rollout in zip(groups, rollouts, strict=True):
        data[..., group.who] = rollout.data
        mine = rollout.impacts.copy()
        for column in (2, 3):
            struck = mine[:, column] >= 0
            mine[struck, column] = group.who[mine[struck, column].astype(int)]
        mine[mine[:, 4] >= 0, 4] += walls
        walls += len(rollout.walls)
        hits.append(mine)
    impacts = np.concatenate(hits)
    return Rollout(
        data, impacts[np.argsort(impacts[:, 1], kind="stable")], tuple(wall for rollout in rollouts for wall in rollout.walls),
        np.any([rollout.diverged for rollout in rollouts], axis=0), bodies_of(problem.bodies, np.arange(c)),
    )  # fmt: skip
