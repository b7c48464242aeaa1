"""Changes brought to a law and its objects: names resolved, bounds kept, what is taken away taken away."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.affordances import Affordances
from kinescribe.dynamics.composition import Restricted, Sum
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.prediction.changes import Change
from kinescribe.dynamics.prediction.start import Start
from kinescribe.dynamics.state import COMPONENTS, Bodies
from kinescribe.errors import UsageError

__all__ = ["Intervention", "intervene", "without_objects"]

Float = NDArray[np.float64]
TURNED = ("y", "vy", "angle", "angular_velocity")  # with the other sign in a table whose y points down


@dataclass(frozen=True, slots=True, eq=False)
class Intervention:
    """What is changed.

    Attributes:
        at: seconds; None: at the start.
        parameters: slot of each change. states: component and object of each. Both in the order of writing.
        walls: that are taken away; objects: indices of those that are.
        words: the changes as they were written, for people.
        notes: what is worth knowing about them.
    """

    at: float | None = None
    parameters: tuple[tuple[int, Change], ...] = ()
    states: tuple[tuple[int, int, Change], ...] = ()
    walls: tuple[str, ...] = ()
    objects: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Something is changed, or taken away."""
        return bool(self.parameters or self.states or self.walls or self.objects)

    def values(self, values: Float, start: Start) -> Float:
        """Changed numbers of the law (b, all); trials of uncertain ones that leave their bounds stay at them."""
        out = values.copy()
        for index, change in self.parameters:
            low, high = start.slots.all[index].parameter.bounds
            out[:, index] = np.clip(change.of(out[:, index]), low, high)
        return out

    def state(self, data: Float, start: Start) -> Float:
        """Changed states (6, b, n). Numbers are meant as the table has them."""
        out = data.copy()
        for component, thing, change in self.states:
            sign = -1.0 if start.clip.y_down and COMPONENTS[component] in TURNED else 1.0
            off = start.turned[thing] if COMPONENTS[component] == "angle" else 0.0
            out[component, :, thing] = sign * change.of(sign * (out[component, :, thing] - off)) + off
        return out


def intervene(start: Start, changes: Sequence[Change] = (), remove: Sequence[str] = (), at: float | None = None) -> Intervention:
    """Resolve names against the law, its walls and the objects.

    Raises:
        UsageError: an unknown name, with the nearest; a value outside a parameter's bounds.
    """
    parameters: list[tuple[int, Change]] = []
    states: list[tuple[int, int, Change]] = []
    notes: list[str] = []
    bodies = start.clip.bodies
    allowed = _targets(start)
    values = start.values
    for change in changes:
        found = allowed.get(change.target)
        if found is None:
            raise _unknown("what is to change (do)", change.target, _listed(start))
        if len(found) > 1:
            whose = ", ".join(bodies.names[i] for _, i in found if i is not None)
            notes.append(f"{change} applies to all of {whose}; name one as in '{bodies.names[found[0][1] or 0]}.{_last(change.target)}'")
        for what, thing in found:
            if isinstance(what, str) and thing is not None:
                states.append((COMPONENTS.index(what), thing, change))
                continue
            slot = start.slots.all[int(what)]
            value = float(change.of(values[int(what) : int(what) + 1])[0])
            low, high = slot.parameter.bounds
            if not low <= value <= high:
                raise UsageError(f"{change}: {slot.name} = {value:g} is outside its bounds ({low:g}, {high:g})")
            values[int(what)] = value
            parameters.append((int(what), change))
    walls, objects = _removed(start, remove)
    if objects and len(objects) == len(bodies):
        raise UsageError("without them (remove) there is no object left whose motion could be told")
    words = (*(str(change) for change in changes), *(f"without {name}" for name in remove))
    return Intervention(at, tuple(parameters), tuple(states), walls, objects, words, tuple(notes))


def _targets(start: Start) -> dict[str, list[tuple[int | str, int | None]]]:
    """By what can be named: parameters (index of slot), and components of states (name, object)."""
    bodies = start.clip.bodies
    out: dict[str, list[tuple[int | str, int | None]]] = {}
    components = COMPONENTS if start.problem.observed.shape[-1] > 2 or start.fit.law.turns else ("x", "y", "vx", "vy")
    for component in components:
        for words in (tuple(map(str, bodies.object_ids)), bodies.labels, bodies.names):
            for word in dict.fromkeys(words):
                out[f"{word}.{component}"] = [(component, i) for i, other in enumerate(words) if other == word]
    for index, slot in enumerate(start.slots.all):
        # a parameter per object without its object is everybody's
        if slot.object is not None:
            label = f"{bodies.labels[slot.object]}.{slot.key}"
            for name in {slot.key, label} - {slot.name}:
                out.setdefault(name, []).append((index, slot.object))
    for index, slot in enumerate(start.slots.all):
        out[slot.name] = [(index, slot.object)]
    return out


def _listed(start: Start) -> list[str]:
    bodies = start.clip.bodies
    return [
        *(slot.name for slot in start.slots.all),
        *(f"{name}.{component}" for name in bodies.names for component in ("x", "y", "vx", "vy")),
    ]


def _unknown(kind: str, name: str, known: Sequence[str]) -> UsageError:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else ";"
    return UsageError(f"{kind} is unknown: '{name}'{hint} there are: {', '.join(known) or 'none'}")


def _last(target: str) -> str:
    return target.rpartition(".")[2]


def wall_names(start: Start) -> tuple[str, ...]:
    """Names of what stands, in the law and in its rules."""
    law = start.fit.law
    standing = [wall.name for wall in law.contacts(start.clip.bodies, start.slots.values(start.theta[None])).walls]
    rules = getattr(law, "rules", None)
    ruled = [rule.name for rule in rules.walls or ()] if isinstance(rules, Affordances) else []
    return tuple(name for name in dict.fromkeys((*standing, *ruled)) if name not in start.fit.without)


def _removed(start: Start, remove: Sequence[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    walls = wall_names(start)
    bodies = start.clip.bodies
    gone: list[str] = []
    objects: list[int] = []
    for name in remove:
        mine = [i for i in range(len(bodies)) if name in (bodies.names[i], bodies.labels[i], str(bodies.object_ids[i]))]
        if name in walls:
            gone.append(name)
        elif mine:
            objects += [i for i in mine if i not in objects]
        else:
            raise _unknown("what is to be removed", name, [*walls, *bodies.names])
    law = start.fit.law
    if objects and law.objects is not None:
        raise UsageError(f"law {law.title} is about {law.objects} objects, so that none of them can be taken away")
    return tuple(gone), tuple(sorted(objects))


def without_walls(law: Law, walls: Sequence[str]) -> Law:
    """The law without the walls of its rules, for laws that simulate by themselves; other walls are the simulator's to leave out."""
    rules = getattr(law, "rules", None)
    if not walls or not isinstance(rules, Affordances) or not rules.walls:
        return law
    made = copy.copy(law)
    left = tuple(rule for rule in rules.walls if rule.name not in walls)
    vars(made)["rules"] = rules.model_copy(update={"walls": left})
    return made


def without_objects(law: Law, values: Values, bodies: Bodies, gone: Sequence[int]) -> tuple[Law, Values, Bodies]:
    """Law, parameters and bodies of those that stay. Terms about nobody who stays are left out with them."""
    if not gone:
        return law, values, bodies
    stay = [i for i in range(len(bodies)) if i not in gone]
    left = bodies.keeping(stay)
    made = {name: value[:, stay] if law.parameters[name].per == "object" else value for name, value in values.items()}
    if isinstance(law, Sum):
        kept = [k for k, term in enumerate(law.terms) if not _about_nobody(term, left)]
        if len(kept) < len(law.terms) and kept:
            smaller = Sum(*(law.terms[k] for k in kept))
            renamed = {
                new: made[law.names_of_terms[k][theirs]]
                for k, names in zip(kept, smaller.names_of_terms, strict=True)
                for theirs, new in names.items()
            }
            return smaller, Values(renamed), left
    return law, Values(made), left


def _about_nobody(term: Law, bodies: Bodies) -> bool:
    return isinstance(term, Restricted) and not (set(term.names) & {*bodies.names, *bodies.labels})
