"""Laws made of laws: a sum of forces, and a force on some of the objects."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.dynamics.contacts import Contacts
from kinescribe.dynamics.law import Law, accelerations
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import Bodies, State
from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["Restricted", "Sum", "subjects"]

COMMON = ("mass",)
"""Parameters that are properties of the objects: one value, whichever terms of a sum use it."""


class Sum(Law):
    """a = a₁ + a₂ + …: all forces act, all constraints hold, everything can be struck that any term says.

    Parameters keep their names; where two terms use the same one, each becomes ``term.parameter`` (a second term of the same law
    ``term 2.parameter``), except the objects' own, such as mass, which all share.

    Attributes:
        terms: the laws.
        names_of_terms: for each of them, by its own parameter name the sum's.

    Raises:
        UsageError: a term that is no acceleration law; two that are written for different array libraries or numbers of objects.
    """

    def __init__(self, *terms: Law) -> None:
        self.terms: tuple[Law, ...] = tuple(part for term in terms for part in (term.parts() if isinstance(term, Sum) else (term,)))
        for term in self.terms:
            if term.kind != "acceleration":
                raise UsageError(f"law {term.title} can't be added to others: it defines {term.kind}, and only accelerations add up")
        libraries = {term.array_library for term in self.terms}
        counts = {term.objects for term in self.terms if term.objects is not None}
        if len(libraries) > 1:
            raise UsageError("laws written in torch and in numpy can't be added: write all of them for the same")
        if len(counts) > 1:
            raise UsageError(f"laws for {' and for '.join(map(str, sorted(counts)))} objects can't be added")
        self.array_library = libraries.pop()
        self.objects = counts.pop() if counts else None
        self.inputs = tuple(dict.fromkeys(name for term in self.terms for name in term.inputs))
        self.turns = any(term.turns for term in self.terms)
        self.steady = all(term.steady for term in self.terms)
        self.names_of_terms = _qualified(self.terms)
        self.parameters: dict[str, Parameter] = {}
        for term, names in zip(self.terms, self.names_of_terms, strict=True):
            for theirs, ours in names.items():
                self.parameters.setdefault(ours, term.parameters[theirs])
        self.kind = "acceleration"

    @property
    def title(self) -> str:
        return " + ".join(term.title for term in self.terms)

    def parts(self) -> list[Law]:
        """The terms, each with the sum's declarations of its parameters, which may have been given other starts."""
        made = []
        for term, names in zip(self.terms, self.names_of_terms, strict=True):
            part = copy.copy(term)
            part.parameters = {theirs: self.parameters[ours] for theirs, ours in names.items()}
            made.append(part)
        return made

    def _of(self, index: int, parameters: Values) -> Values:
        return Values({theirs: parameters[ours] for theirs, ours in self.names_of_terms[index].items() if ours in parameters})

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        total: list[Any] = [0.0, 0.0, 0.0]
        for i, term in enumerate(self.terms):
            for axis, part in enumerate(accelerations(term, t, state, self._of(i, parameters), inputs)):
                total[axis] = total[axis] + part
        return total

    def project(self, state: State, parameters: Values) -> State:
        for i, term in enumerate(self.terms):
            state = term.project(state, self._of(i, parameters))
        return state

    def contacts(self, bodies: Bodies, parameters: Values) -> Contacts:
        found = Contacts()
        for i, term in enumerate(self.terms):
            found = found + term.contacts(bodies, self._of(i, parameters))
        return found

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        for term, names in zip(self.terms, self.names_of_terms, strict=True):
            for theirs, value in term.starts(clip).items():
                ours, new = names[theirs], np.asarray(value, float)
                # a term for some of the objects knows nothing of the others
                found[ours] = np.where(np.isnan(new), found[ours], new) if ours in found and new.ndim else value
        return found

    def read(self, clip: Clip) -> Clip:
        for term in self.terms:
            clip = term.read(clip)
        return clip

    def sizes(self, bodies: Bodies, before: Values, after: Values) -> tuple[Any, Any]:
        for i, term in enumerate(self.terms):
            width, height = term.sizes(bodies, self._of(i, before), self._of(i, after))
            bodies = replace(bodies, width=width, height=height)
        return bodies.width, bodies.height

    def potential(self, state: State, parameters: Values) -> Any:
        parts = [term.potential(state, self._of(i, parameters)) for i, term in enumerate(self.terms)]
        return None if any(part is None for part in parts) else sum(parts)

    def constrained(self, bodies: Bodies) -> int:
        return sum(term.constrained(bodies) for term in self.terms)


class Restricted(Law):
    """A law for some of the objects: it knows of no others, and the others feel nothing of it.

    Raises:
        UsageError: no names, or a law that is no acceleration.
    """

    def __init__(self, law: Law, names: Sequence[str]) -> None:
        if not names:
            raise UsageError(f"name the objects that {law.title} acts on")
        if law.kind != "acceleration":
            raise UsageError(f"law {law.title} can't be restricted to some objects: it defines {law.kind}, not acceleration")
        self.law = law
        self.names = tuple(names)
        self.parameters = dict(law.parameters)
        self.kind = "acceleration"
        self.inputs, self.array_library, self.turns = law.inputs, law.array_library, law.turns
        self.steady = law.steady
        self.objects = None  # of the table; the law's own number is checked against the names

    @property
    def title(self) -> str:
        return f"{self.law.title} on {', '.join(self.names)}"

    def who(self, bodies: Bodies) -> list[int]:
        """Indices of the objects that it acts on. Raises UsageError where there is none, or another number than the law is about."""
        chosen = [i for i in range(len(bodies)) if bodies.names[i] in self.names or bodies.labels[i] in self.names]
        if not chosen:
            raise UsageError(f"law {self.title}: no such object; there are {', '.join(bodies.names)}")
        if self.law.objects not in (None, len(chosen)):
            raise UsageError(f"law {self.law.title} is about {self.law.objects} objects; {', '.join(self.names)} are {len(chosen)}")
        return chosen

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        who = self.who(state.bodies)
        mine = State(state.data[:, :, who], state.bodies.keeping(who))
        parts = accelerations(self.law, t, mine, self._theirs(parameters, who), inputs)
        if self.array_library == "torch":
            import torch

            index = torch.as_tensor(who)
            return [
                torch.zeros_like(state.x).index_copy(1, index, torch.as_tensor(part, dtype=state.x.dtype).expand(mine.x.shape))
                for part in parts
            ]
        out = []
        for part in parts:
            whole = np.zeros_like(state.x)
            whole[:, who] = part
            out.append(whole)
        return out

    def project(self, state: State, parameters: Values) -> State:
        if type(self.law).project is Law.project:
            return state
        who = self.who(state.bodies)
        mine = State(state.data[:, :, who], state.bodies.keeping(who))
        data = state.data.copy()
        data[:, :, who] = self.law.project(mine, self._theirs(parameters, who)).data
        return State(data, state.bodies)

    def contacts(self, bodies: Bodies, parameters: Values) -> Contacts:
        who = self.who(bodies)
        found = self.law.contacts(bodies.keeping(who), self._theirs(parameters, who))
        walls = [
            replace(wall, objects=tuple(who[i] for i in (range(len(who)) if wall.objects is None else wall.objects)))
            for wall in found.walls
        ]
        discs = found.discs
        if discs is not None:
            pairs = np.zeros((len(bodies), len(bodies)), bool)
            pairs[np.ix_(who, who)] = True if discs.pairs is None else discs.pairs
            masses = discs.masses
            if masses is not None:
                masses = np.ones((*np.shape(masses)[:-1], len(bodies)))
                masses[..., who] = discs.masses
            discs = replace(discs, pairs=pairs, masses=masses)
        return Contacts(walls, discs)

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        who = self.who(clip.bodies)
        found: dict[str, Any] = {}
        for name, value in self.law.starts(clip.keeping(who)).items():
            if self.parameters[name].per == "object":
                found[name] = np.full(len(clip.bodies), np.nan)
                found[name][who] = value
            else:
                found[name] = value
        return found

    def read(self, clip: Clip) -> Clip:
        who = self.who(clip.bodies)
        angle = clip.angle.copy()
        angle[:, who] = self.law.read(clip.keeping(who)).angle
        return replace(clip, angle=angle)

    def sizes(self, bodies: Bodies, before: Values, after: Values) -> tuple[Any, Any]:
        who = self.who(bodies)
        theirs = self.law.sizes(bodies.keeping(who), self._theirs(before, who), self._theirs(after, who))
        wholes = []
        for own, mine in zip((bodies.width, bodies.height), theirs, strict=True):
            whole = np.broadcast_to(own, (*np.shape(mine)[:-1], len(bodies))).copy()
            whole[..., who] = mine
            wholes.append(whole)
        return wholes[0], wholes[1]

    def potential(self, state: State, parameters: Values) -> Any:
        who = self.who(state.bodies)
        part = self.law.potential(State(state.data[:, :, who], state.bodies.keeping(who)), self._theirs(parameters, who))
        if part is None:
            return None
        whole = np.zeros_like(state.x)
        whole[:, who] = part
        return whole

    def constrained(self, bodies: Bodies) -> int:
        return self.law.constrained(bodies.keeping(self.who(bodies)))

    def _theirs(self, parameters: Values, who: list[int]) -> Values:
        return Values({name: value[:, who] if self.parameters[name].per == "object" else value for name, value in parameters.items()})


def subjects(law: Law, bodies: Bodies, name: str) -> list[int]:
    """Indices of the objects that a law's parameter per object is about: of a restricted law its own, of a sum those of its terms.

    Raises:
        UsageError: a restricted law none of whose objects is there.
    """
    if isinstance(law, Restricted):
        who = law.who(bodies)
        return [who[i] for i in subjects(law.law, bodies.keeping(who), name)]
    if isinstance(law, Sum):
        terms = zip(law.terms, law.names_of_terms, strict=True)
        return sorted(
            {i for term, names in terms for theirs, ours in names.items() if ours == name for i in subjects(term, bodies, theirs)}
        )
    inner = getattr(law, "law", None)  # of one that keeps to rules
    if isinstance(inner, Law) and name in inner.parameters:
        return subjects(inner, bodies, name)
    return list(range(len(bodies)))


def _qualified(terms: Sequence[Law]) -> list[dict[str, str]]:
    """For each term, by its own parameter name the sum's."""
    users: dict[str, int] = {}
    titles: dict[str, int] = {}
    for term in terms:
        for name in term.parameters:
            users[name] = users.get(name, 0) + 1
    names = []
    for term in terms:
        titles[term.title] = titles.get(term.title, 0) + 1
        prefix = term.title if titles[term.title] == 1 else f"{term.title} {titles[term.title]}"
        names.append({name: name if users[name] == 1 or name in COMMON else f"{prefix}.{name}" for name in term.parameters})
    return names
