"""From words to objects: which body each rule speaks of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.affordances.rules import WORLD_NAME, Affordances, JointRule
from kinescribe.dynamics.state import Bodies
from kinescribe.errors import UsageError, unknown_value

__all__ = ["WORLD", "Resolved", "check_pairs", "resolve"]

WORLD = -1
"""Index of the world among the partners of a joint."""


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """Rules by the indices of n objects.

    Attributes:
        kinds: (n,) static, dynamic, kinematic, or "" where nothing is said.
        pairs: (n, n) bool, symmetric: who may touch whom; the diagonal is False.
        joints: rule and both partners' indices; `WORLD` may be the first.
    """

    kinds: tuple[str, ...]
    pairs: NDArray[np.bool_]
    joints: tuple[tuple[JointRule, int, int], ...]

    @property
    def static(self) -> NDArray[np.bool_]:
        """(n,) never move."""
        return np.array([kind == "static" for kind in self.kinds], bool)

    @property
    def kinematic(self) -> NDArray[np.bool_]:
        """(n,) follow what was seen."""
        return np.array([kind == "kinematic" for kind in self.kinds], bool)


def resolve(rules: Affordances, bodies: Bodies) -> Resolved:
    """Rules for these objects. What is joined does not touch, unless the rules say that it may.

    Raises:
        UsageError: a word that no object has; a label and a name that contradict each other; a joint whose partner is not exactly one
            object, or that joins what never moves.
    """
    n = len(bodies)
    kinds = [""] * n
    for kind, words in (("static", rules.static), ("dynamic", rules.dynamic), ("kinematic", rules.kinematic)):
        for i in {i for word in words for i in _objects(word, bodies)}:
            if kinds[i] not in ("", kind):
                raise UsageError(f"affordance rules: '{bodies.names[i]}' can't be both {kinds[i]} and {kind}")
            kinds[i] = kind
    joints = tuple((joint, _one(joint, 0, bodies), _one(joint, 1, bodies)) for joint in rules.joints or ())
    still = {WORLD, *(i for i in range(n) if kinds[i] == "static" or bodies.static[i])}
    for joint, i, j in joints:
        if i == j:
            raise UsageError(f"affordance rules: the {joint} joins one object to itself")
        if {i, j} <= still:
            raise UsageError(f"affordance rules: the {joint} joins what never moves; leave it out, or make one of them dynamic")
    allowed = _mask(rules.touch or (), bodies)
    pairs = np.ones((n, n), bool) if rules.touch is None else allowed
    pairs &= ~_mask(rules.apart, bodies)
    for joint, i, j in joints:
        if i != WORLD:
            if joint.kind == "weld" and allowed[i, j]:
                raise UsageError(f"affordance rules: '{bodies.names[i]}' and '{bodies.names[j]}' are welded: they can't touch")
            pairs[i, j] = pairs[j, i] = allowed[i, j]
    np.fill_diagonal(pairs, val=False)
    return Resolved(tuple(kinds), pairs, joints)


def check_pairs(rules: Affordances, bodies: Bodies) -> None:
    """Raise UsageError where rules speak of an object that touches itself.

    Apart from `resolve`, because of the objects that a rule speaks of together, a part may be looked at alone.
    """
    for pair in (*(rules.touch or ()), *rules.apart):
        one, other = (_objects(word, bodies) for word in pair)
        if one == other and len(one) == 1:
            raise UsageError(f"affordance rules: touch or apart of '{pair[0]}' and '{pair[1]}': that is one object, {bodies.names[one[0]]}")


def _objects(word: str, bodies: Bodies) -> list[int]:
    found = [i for i, (name, label) in enumerate(zip(bodies.names, bodies.labels, strict=True)) if word in (name, label)]
    if not found:
        raise unknown_value("object in affordance rules", word, {*bodies.names, *bodies.labels} - {""})
    return found


def _one(joint: JointRule, side: int, bodies: Bodies) -> int:
    word = joint.between[side]
    if word == WORLD_NAME:
        return WORLD
    found = _objects(word, bodies)
    if len(found) > 1:
        names = ", ".join(bodies.names[i] for i in found)
        raise UsageError(f"affordance rules: the {joint} needs one object for '{word}', which stands for {names}; name one of them")
    return found[0]


def _mask(pairs: Iterable[tuple[str, str]], bodies: Bodies) -> NDArray[np.bool_]:
    out = np.zeros((len(bodies), len(bodies)), bool)
    for first, second in pairs:
        for i in _objects(first, bodies):
            for j in _objects(second, bodies):
                out[i, j] = out[j, i] = True
    return out
