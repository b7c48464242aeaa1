"""What acceleration a law leaves unexplained, and what it goes with: along or across the velocity, with the place, the time, the others.

Nothing is differentiated twice: a form is evaluated along the smoothed path, integrated twice, and held against the positions themselves,
whose start and velocity of every stretch between contacts are free (the integral form of sparse regression of dynamics; Schaeffer and
McCalla, Phys. Rev. E 96, 023302, 2017).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.law import accelerations
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.state import State
from kinescribe.dynamics.synthesis.stretches import Stretch, stretches
from kinescribe.errors import UsageError
from kinescribe.llm.text import one_line

__all__ = ["Clue", "Leftover", "leftovers"]

Float = NDArray[np.float64]
_Form = tuple[str, list[Float]]
MUCH = 0.6  # of what a simpler form leaves may be left by one with another term
BEYOND = 1.5  # σ, from where on something is left over
LEAST_SHARE = 0.3  # of what is left over that a clue must explain
NOISE = 1.1  # σ, that forms may leave where paths are smoothed
ALIKE = 6.0  # of the BIC
COMMON, USEFUL = 10, 20  # forms that are tried in threes: the first ones, and those that explain much in twos
MOST_OBJECTS = 12  # whose leftovers are told
LONGEST_NAME = 40  # characters
NEAREST = 6  # other objects that forces are looked for from
LEAST = 8  # sightings
FREQUENCIES = 40


@dataclass(frozen=True, slots=True)
class Clue:
    """A form that what is left over has.

    Attributes:
        form: in words, an acceleration with its coefficients. share: of the squared leftover that it explains, [0, 1].
        sigmas: what then is left of the positions, in σ.
    """

    form: str
    share: float
    sigmas: float


@dataclass(frozen=True, slots=True)
class Leftover:
    """Of one object, over all clips.

    Attributes:
        name: of the object.
        sigmas: how far positions lie from where the law's accelerations, or none without a law, bring them along the seen path, in σ.
        clues: the best of one term, of two, of three.
    """

    name: str
    sigmas: float
    clues: tuple[Clue, ...]


def leftovers(clips: Sequence[Clip], fit: Fit | None) -> list[Leftover]:
    """For objects that move and were seen long enough, `MOST_OBJECTS` of those with the most left over.

    Nothing where the law has no accelerations of its own (it steps, or is a black box), or constraints that act beside them.

    Args:
        clips: those of the fit. fit: of the law; None: all acceleration is left over.
    """
    if fit is not None and (fit.law.kind != "acceleration" or fit.law.array_library != "numpy" or fit.law.constrained(clips[0].bodies)):
        return []
    parts = [part for clip in clips for part in stretches(clip)]
    explained = [None if fit is None else _of_law(fit, part) for part in parts]
    told = [(part, one) for part, one in zip(parts, explained, strict=True) if fit is None or one is not None]
    if sum(len(part.times) for part, _ in told) < LEAST:
        return []
    bodies = clips[0].bodies
    rests = {i: _rest(told, i) for i in range(len(bodies)) if not bodies.static[i]}
    worst = sorted(rests, key=lambda i: -float((rests[i] ** 2).sum()))[:MOST_OBJECTS]
    return [_leftover(bodies.names[i], i, told, rests[i]) for i in sorted(worst)]


def _of_law(fit: Fit, part: Stretch) -> Float | None:
    """(w, n, 2) accelerations by the law at what was seen; None where they are no numbers there."""
    clip, w, n = part.clip, len(part.times), len(part.clip.bodies)
    data = np.zeros((6, w, n))
    data[:2], data[3:5] = part.place.transpose(2, 0, 1), part.velocity.transpose(2, 0, 1)
    held = clip.inputs.at(part.times)
    inputs = Values({name: held[name][:, None] for name in fit.law.inputs})
    values = Values({name: np.broadcast_to(value, (w, value.shape[1])) for name, value in fit.values.items()})
    try:
        with np.errstate(all="ignore"):
            made = accelerations(fit.law, part.times[:, None], State(data, clip.bodies), values, inputs)
            out = np.stack([np.broadcast_to(np.asarray(one, float), (w, n)) for one in made[:2]], axis=2)
    except (UsageError, ValueError):  # a law of somebody's may not take what was seen
        return None
    return out if np.isfinite(out).all() else None


def _rest(told: Sequence[tuple[Stretch, Float | None]], i: int) -> Float:
    """(w, 2) positions of an object over all stretches less what the law and a free start make of them, in σ."""
    return np.concatenate([part.freed(part.seen[:, i] - (0.0 if one is None else part.moved(one[:, i])), i) for part, one in told])


def _leftover(name: str, i: int, told: Sequence[tuple[Stretch, Float | None]], rest: Float) -> Leftover:
    total = float((rest**2).sum())
    sigmas = float(np.sqrt(total / max(rest.size - 4 * len(told), 1)))
    return Leftover(name, sigmas, _clues(told, i, rest, total) if sigmas > BEYOND else ())


def _clues(told: Sequence[tuple[Stretch, Float | None]], i: int, rest: Float, total: float) -> tuple[Clue, ...]:
    """The best form alone, the best two together and the best three: each where it explains clearly more than the one before."""
    tried = _Fields(_moved([part for part, _ in told], i), rest, total, 4 * len(told))
    found: list[Clue] = []
    useful = list(range(len(tried.forms)))
    for terms in (1, 2, 3):
        options = list(combinations(useful, terms))
        if not options:
            break
        costs = [tried.cost(option) for option in options]
        if terms == 2:  # of three terms two explain much already
            ranked = [k for _, option in sorted(zip(costs, options, strict=True)) for k in option]
            # and the common ones, which alone may explain little
            useful = sorted(list(dict.fromkeys([*range(min(COMMON, len(tried.forms))), *ranked]))[: COMMON + USEFUL])
        near = [option for option, cost in zip(options, costs, strict=True) if cost <= min(costs) + ALIKE]
        # what leaves noise is explained, and nothing can explain it better
        near += [option for option, cost in zip(options, costs, strict=True) if cost <= tried.noise]
        # of what can't be told apart the form with the fewest numbers, and of these the commonest, which comes first
        best = tried.clue(min(near, key=tried.numbers))
        if found and 1.0 - best.share > MUCH * (1.0 - found[-1].share):
            break
        found.append(best)
    return tuple(clue for clue in found if clue.share >= LEAST_SHARE)


def _moved(parts: Sequence[Stretch], i: int) -> list[_Form]:
    """What every form does to the positions, in σ, over all stretches; those that do nothing, or no number, left out."""
    data = _Instants.of(parts, i)
    ends = np.cumsum([0, *(len(part.times) for part in parts)])
    found = []
    for words, columns in _forms(data):
        moved = [
            np.concatenate([part.freed(part.moved(column[a:b]), i) for part, (a, b) in zip(parts, pairwise(ends), strict=True)])
            for column in columns
        ]
        if all(np.isfinite(one).all() and (np.abs(one) > 0.0).any() for one in moved):
            found.append((words, moved))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Instants:
    """Of one object over all stretches: t (w,), place and velocity (w, 2); of the nearest others name, place and velocity (w, 2) each;
    long: seconds of the longest stretch; inputs: by name (w,) values of known ones that all clips have.
    """

    t: Float
    long: float
    place: Float
    velocity: Float
    others: tuple[tuple[str, Float, Float], ...]
    inputs: Mapping[str, Float]

    @classmethod
    def of(cls, parts: Sequence[Stretch], i: int) -> _Instants:
        place, velocity = (np.concatenate([getattr(part, name) for part in parts]) for name in ("place", "velocity"))
        names = parts[0].clip.bodies.names
        apart = np.median(np.hypot(*np.moveaxis(place - place[:, i : i + 1], 2, 0)), axis=0)
        near = sorted([int(k) for k in np.argsort(apart, kind="stable") if k != i][:NEAREST])
        others = tuple((one_line(names[k], LONGEST_NAME), place[:, k], velocity[:, k]) for k in near)
        long = max(float(np.ptp(part.times)) for part in parts)
        given = set.intersection(*(set(part.clip.inputs.columns) for part in parts))
        names = tuple(sorted(name for name in given if name.isidentifier()))  # what no program could name is no clue
        inputs = {name: np.concatenate([part.clip.inputs.at(part.times)[name] for part in parts]) for name in names}
        return cls(np.concatenate([part.times for part in parts]), long, place[:, i], velocity[:, i], others, inputs)


class _Fields:
    """Vector fields, and how well sums of them explain the rest (w, 2) by least squares."""

    def __init__(self, forms: Sequence[_Form], rest: Float, total: float, freed: int) -> None:
        self.forms, self._total, self._count, self._freed = forms, max(total, 1e-300), rest.size, freed
        matrix = np.stack([column.ravel() for _, columns in forms for column in columns], axis=1)
        self._size = np.sqrt((matrix**2).sum(axis=0))
        matrix = matrix / self._size
        self._gram, self._with = matrix.T @ matrix, matrix.T @ rest.ravel()
        ends = np.cumsum([0, *(len(columns) for _, columns in forms)])
        self._columns = [np.arange(a, b) for a, b in pairwise(ends)]

    def _solved(self, chosen: Sequence[int]) -> tuple[Float, NDArray[np.intp], float]:
        """Coefficients, their columns, and the share of the rest's squares that is left."""
        at = np.concatenate([self._columns[k] for k in chosen])
        # a little is added to the diagonal: some forms hold the same field
        found = np.linalg.solve(self._gram[np.ix_(at, at)] + 1e-9 * np.eye(len(at)), self._with[at])
        left = 1.0 - float(2.0 * found @ self._with[at] - found @ self._gram[np.ix_(at, at)] @ found) / self._total
        return found, at, max(left, 1e-12)

    def cost(self, chosen: Sequence[int]) -> float:
        """Bayesian information criterion: a form with more numbers explains more by chance."""
        found, _, left = self._solved(chosen)
        return self._count * float(np.log(left)) + len(found) * float(np.log(self._count))

    @property
    def noise(self) -> float:
        """Cost of forms that leave noise, whatever they cost besides."""
        left = NOISE**2 * max(self._count - self._freed, 1) / self._total
        return self._count * float(np.log(max(left, 1e-12)))

    def numbers(self, chosen: Sequence[int]) -> int:
        """Coefficients that it has."""
        return sum(len(self._columns[k]) for k in chosen)

    def clue(self, chosen: Sequence[int]) -> Clue:
        """The same in words."""
        found, at, left = self._solved(chosen)
        numbers = iter(f"{value:+.3g}" for value in found / self._size[at])
        words = "; plus ".join(re.sub(r"\{\}", lambda _: next(numbers), self.forms[k][0]) for k in chosen)
        free = max(self._count - self._freed - len(at), 1)
        return Clue(words, 1.0 - left * self._count / max(self._count - len(at), 1), float(np.sqrt(left * self._total / free)))


def _forms(data: _Instants) -> Iterator[_Form]:
    v, p = data.velocity, data.place
    speed = np.hypot(v[:, :1], v[:, 1:])
    across = np.stack([-v[:, 1], v[:, 0]], axis=1)
    one, zero = np.ones_like(v[:, :1]), np.zeros_like(v[:, :1])
    ex, ey = np.hstack([one, zero]), np.hstack([zero, one])
    x, y = p[:, :1], p[:, 1:]
    yield "constant (0, {})", [ey]
    yield "constant ({}, {})", [ex, ey]
    yield "{} * v, with v the velocity", [v]
    yield "{} * |v| * v", [speed * v]
    yield "{} * |v|^2 * v", [speed**2 * v]
    yield "{} * v / |v|", [v / np.maximum(speed, 1e-12)]
    yield "{} * (-vy, vx), across the velocity", [across]
    yield "{} * |v| * (-vy, vx), across the velocity", [speed * across]
    yield "({} * x {}, 0)", [x * ex, ex]
    yield "(0, {} * y {})", [y * ey, ey]
    yield "({} * x {}, {} * y {})", [x * ex, ex, y * ey, ey]
    yield "({} * x^3 {} * x {}, 0)", [x**3 * ex, x * ex, ex]
    yield "(0, {} * y^3 {} * y {})", [y**3 * ey, y * ey, ey]
    yield "{} * y * (1, 0) {} * (1, 0), along x and growing with y", [y * ex, ex]
    yield "{} * x * (0, 1) {} * (0, 1), along y and growing with x", [x * ey, ey]
    for axis, place in (("x", x), ("y", y)):
        yield f"{{}} * v, {{}} * v * {axis}, drag that depends on {axis}", [v, v * place]
        yield f"{{}} * v, {{}} * v * ({axis} - mean {axis})^2, drag that depends on {axis}", [v, v * (place - place.mean()) ** 2]
        yield f"({{}} {{}} * {axis}) * (-vy, vx), across the velocity and depending on {axis}", [across, place * across]
    for name, value in data.inputs.items():
        u = value[:, None]
        yield f"input {name} * ({{}}, {{}})", [u * ex, u * ey]
        yield f"{{}} * {name} * v", [u * v]
        yield f"{{}} * {name} * (-vy, vx), across the velocity", [u * across]
        yield f"{{}} * {name} * (x, y)", [u * p]
    radius = np.hypot(x, y)
    for power in (-3, -2, -1, 0):
        if radius.min() > 1e-6 * radius.max():
            yield f"{{}} * r^{power} * (x, y)/r, r from the origin", [radius ** (power - 1) * p]
    for name, place, velocity in data.others:
        who = name.replace("{", "(").replace("}", ")")  # braces are where numbers go
        apart = place - p
        distance = np.maximum(np.hypot(apart[:, :1], apart[:, 1:]), 1e-12)
        for power in (-3, -2, -1, 0, 1):
            yield f"{{}} * d^{power} towards {who} at distance d", [distance ** (power - 1) * apart]
        yield f"({{}} {{}} * d) towards {who} at distance d, a spring with a rest length", [apart / distance, apart]
        yield f"{{}} * (velocity of {who} - v)", [velocity - v]
        along = ((velocity - v) * apart).sum(axis=1, keepdims=True) / distance**2
        yield f"{{}} * (velocity of {who} - v) along the line to it, a damper between them", [along * apart]
    yield from _periodic(data, ex, ey)


def _periodic(data: _Instants, ex: Float, ey: Float) -> Iterator[_Form]:
    """Forces that swing with the time, of frequencies that the longest stretch holds once or more often."""
    t = data.t[:, None]
    long = data.long
    if long <= 0 or len(data.t) < 3 * LEAST:
        return
    for omega in 2.0 * np.pi / long * np.geomspace(1.0, min(len(data.t) / 4.0, 20.0), FREQUENCIES):
        waves = [np.sin(omega * t) * ex, np.cos(omega * t) * ex, np.sin(omega * t) * ey, np.cos(omega * t) * ey]
        yield f"({{}} * sin(w t) {{}} * cos(w t), {{}} * sin(w t) {{}} * cos(w t)) with w = {omega:.3g} rad/s", waves
