"""A law that keeps to affordance rules."""
# methods that fill in a law's contract, which says what they do
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kinescribe.dynamics.affordances.resolution import resolve
from kinescribe.dynamics.affordances.rules import Affordances, WallRule
from kinescribe.dynamics.contacts import Contacts, Wall
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.state import Bodies, State
from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["Constrained", "keeping_to"]


class Constrained(Law):
    """A law of forces in which only those touch that may, and the rules' walls stand beside the law's own.

    A wall for which the rules say nothing of restitution and friction takes those of the law's discs, else bounces without loss. Who is
    static is a property of the objects: hand over a clip that `apply` has made.

    Raises:
        UsageError: a law that is no acceleration; joints or kinematic objects, which only rigid worlds have.
    """

    def __init__(self, law: Law, rules: Affordances) -> None:
        if law.kind != "acceleration":
            raise UsageError(f"law {law.title} defines {law.kind}: rules on contacts need one that defines acceleration")
        for what, words in (("joints", rules.joints), ("kinematic objects", rules.kinematic)):
            if words:
                raise UsageError(f"law {law.title} knows no {what}: use the law rigid, or take them out of the rules")
        self.law, self.rules = law, rules
        self.parameters = dict(law.parameters)
        self.kind = "acceleration"
        self.inputs, self.objects, self.array_library = law.inputs, law.objects, law.array_library
        self.turns, self.steady = law.turns, law.steady

    @property
    def title(self) -> str:
        return self.law.title

    def contacts(self, bodies: Bodies, parameters: Values) -> Contacts:
        own = self.law.contacts(bodies, parameters)
        discs = own.discs
        if discs is not None:
            pairs = resolve(self.rules, bodies).pairs
            theirs = discs.pairs if discs.pairs is None else discs.pairs | discs.pairs.T
            discs = replace(discs, pairs=pairs if theirs is None else pairs & theirs)
        bounce, rub = (discs.restitution, discs.friction) if discs is not None else (1.0, 0.0)
        standing = {wall.name for wall in own.walls}
        for rule in self.rules.walls or ():
            if rule.name in standing:
                raise UsageError(f"law {self.title} has a wall '{rule.name}' of its own: give the rules' wall another name")
        return Contacts((*own.walls, *(wall_of(rule, bounce, rub) for rule in self.rules.walls or ())), discs)

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        return self.law.acceleration(t, state, parameters, inputs)

    def project(self, state: State, parameters: Values) -> State:
        return self.law.project(state, parameters)

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        return self.law.starts(clip)

    def read(self, clip: Clip) -> Clip:
        return self.law.read(clip)

    def sizes(self, bodies: Bodies, before: Values, after: Values) -> tuple[Any, Any]:
        return self.law.sizes(bodies, before, after)

    def potential(self, state: State, parameters: Values) -> Any:
        return self.law.potential(state, parameters)

    def constrained(self, bodies: Bodies) -> int:
        return self.law.constrained(bodies)

    def rescaled(self, length: float, time: float, mass: float) -> Constrained:
        """The same law with its rules in units that are smaller by these factors."""
        return Constrained(self.law, self.rules.rescaled(length))


def wall_of(rule: WallRule, restitution: Any, friction: Any) -> Wall:
    """The wall of a rule; what it leaves open is taken from the arguments."""
    return Wall(
        rule.name,
        rule.normal[0],
        rule.normal[1],
        rule.offset,
        restitution if rule.restitution is None else rule.restitution,
        friction if rule.friction is None else rule.friction,
    )


def keeping_to(rules: Affordances, law: Law) -> Law:
    """The law under rules: `Constrained` where it defines an acceleration, its own `under(rules)` where it has that, else as it is."""
    if law.kind == "acceleration":
        return Constrained(law, rules)
    under = getattr(law, "under", None)
    made: Law = under(rules) if callable(under) else law
    return made
