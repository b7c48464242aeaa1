"""What the books say, as data and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.conservation.balance import Balance, Exchange, balance_of
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.simulation import Rollout

__all__ = ["Conservation", "Fact", "conservation"]

Float = NDArray[np.float64]
SMALL = 0.01  # a relative change that goes unmentioned, where things were seen
EXACT = 1e-3  # the same of a law's own motion
SIGMAS = 2.5
ONE = 5.0  # σ: of a single contact among many, and with velocities beside it that are rough
UNKNOWN = 0.1  # σ of a relative change beyond which nothing can be said
ALIKE = 0.15  # changes that differ by less of their mean are told as one
CORRELATED = 7.0  # neighbouring energies come from the same sightings: so many count as one
BENT = 2.0  # χ² per degree of freedom beyond which a line does not fit
ENOUGH = 9  # times of an arc that a cubic is laid through
LEAST = 5  # times of an arc whose drift is looked at
STRETCHES = 8  # of an arc, in which it is looked at besides its ends
SWING = 0.1  # relative: a smaller one may come from the smoothing of velocities


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement.

    Attributes:
        quantity: "energy" ("kinetic energy" between contacts where no potential is known), "momentum x", "momentum y" or "momentum".
        where: "between contacts", or "across contacts with floor", "… of objects".
        conserved: None where it can't be told.
        change, sigma: relative, negative for a loss; the mean of several.
        changes: of each contact; empty between contacts.
        text: in words, one line.
    """

    quantity: str
    where: str
    conserved: bool | None
    change: float
    sigma: float
    changes: tuple[float, ...]
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Conservation:
    """The books and what they say.

    Attributes:
        balance: over time, and contact by contact.
        facts: statements.
        notes: what they rest on.
    """

    balance: Balance
    facts: tuple[Fact, ...]
    notes: tuple[str, ...]

    def text(self) -> str:
        """All statements, a line each."""
        return "\n".join([*(fact.text for fact in self.facts), *self.notes])

    def to_dict(self) -> dict[str, Any]:
        """For JSON: facts and notes; numbers that are none are null."""
        rows = [asdict(fact) for fact in self.facts]
        for row in rows:
            row.update({name: None for name in ("change", "sigma") if not np.isfinite(row[name])})
            row["changes"] = [value if np.isfinite(value) else None for value in row["changes"]]
        return {"facts": rows, "notes": list(self.notes)}


def conservation(
    law: Law | None, parameters: Mapping[str, Any] | None, motion: Clip | Rollout, *, times: Any = None, clip: int = 0
) -> Conservation:
    """Whether energy and momentum are kept between contacts and across them, in what was seen or in a law's rollout.

    Args:
        law: for potential energy and masses; None: kinetic energy alone and equal masses.
        parameters: of the law, by name a number, or (n,) for a parameter per object.
        motion: a `Clip`, or a `Rollout` with its `times` (T,), of which `clip` is looked at.

    Raises:
        UsageError: a rollout without its times.
    """
    books = balance_of(law, parameters, motion, times=times, clip=clip)
    energy = "energy" if books.has_potential else "kinetic energy"
    facts = [_drift(books, energy, books.energy, books.energy_sigma, books.scale)]
    for axis, name in enumerate(("momentum x", "momentum y")):
        facts.append(_drift(books, name, books.momentum[axis], books.momentum_sigma[axis], books.thrust))
    for where, group in _groups(books.exchanges).items():
        facts.append(_across(books, "energy", where, [one.energy for one in group], [one.energy_sigma for one in group]))
        if where == "of objects":
            facts.append(_across(books, "momentum", where, [one.momentum for one in group], [one.momentum_sigma for one in group]))
    notes = []
    if not books.weighed and len(motion.bodies) > 1:
        notes.append("masses are unknown and taken as equal")
    if not books.has_potential:
        notes.append("no potential energy is known: forces change kinetic energy between contacts")
    return Conservation(books, tuple(facts), tuple(notes))


def _groups(exchanges: Sequence[Exchange]) -> dict[str, list[Exchange]]:
    found: dict[str, list[Exchange]] = {}
    for one in exchanges:
        where = f"with {one.impact.wall}" if one.impact.wall else "of objects" if len(one.impact.objects) > 1 else "with something unseen"
        found.setdefault(where, []).append(one)
    return found


def _drift(books: Balance, quantity: str, values: Float, sigma: Float, scale: float) -> Fact:
    """The change between contacts, added up over all arcs."""
    arc = np.searchsorted([one.impact.time for one in books.exchanges], books.times)
    changes, variances, spans, swings = [], [], [], []
    for part in np.unique(arc):
        rows = np.flatnonzero((arc == part) & np.isfinite(values) & np.isfinite(sigma))
        if len(rows) < (LEAST if books.observed else 2):
            continue
        span = float(books.times[rows[-1]] - books.times[rows[0]])
        exact = float(values[rows[-1]] - values[rows[0]]), 0.0
        change, variance = _change(books.times[rows], values[rows], sigma[rows]) if books.observed else exact
        changes.append(change)
        variances.append(CORRELATED * variance)
        spans.append(span)
        swings.append(_swing(values[rows], sigma[rows]))
    where = "between contacts" if books.exchanges else "over the whole time"
    if not changes or not scale > 0:
        return Fact(quantity, where, None, float("nan"), float("nan"), (), f"{quantity}: can't be told {where}: too few sightings")
    error = float(np.sqrt(np.sum(variances))) / scale
    made = _fact(books, quantity, where, float(np.sum(changes)) / scale, error, ())
    swing = max(swings) / scale
    if made.conserved and swing > SWING:
        # what a throw's kinetic energy does: it ends as it began
        return replace(made, conserved=False, text=f"{quantity}: not conserved {where}: swings by {_percent(swing)}, and comes back")
    if made.conserved is False and quantity.startswith("momentum"):
        pull = float(np.sum(changes)) / float(np.sum(spans)) / books.mass
        made = replace(made, text=f"{quantity}: not conserved {where}: forces act, as if all mass were accelerated by {pull:.3g}")
    return made


def _swing(values: Float, sigma: Float) -> float:
    """By how much the means of a few stretches differ beyond what their errors explain."""
    parts = np.array_split(np.arange(len(values)), max(len(values) // LEAST, 1))[:: max(len(values) // (LEAST * STRETCHES), 1)]
    means = np.array([values[part].mean() for part in parts])
    error = np.sqrt(CORRELATED * np.array([(sigma[part] ** 2).sum() / len(part) ** 2 for part in parts]))
    return max(float(np.ptp(means) - 2.0 * SIGMAS * error.max()), 0.0)


def _change(times: Float, values: Float, sigma: Float) -> tuple[float, float]:
    """From the first time to the last, and its variance: of a straight line, or of a cubic where a line doesn't fit.

    All times count alike: where something is slow and its energy sure, little is lost.
    """
    u = (times - times.mean()) / np.ptp(times)
    for degree in (1, 3):
        design = u[:, None] ** np.arange(degree + 1)
        solve = np.linalg.pinv(design)
        step = design[-1] - design[0]
        found = solve @ values
        left = (values - design @ found) / np.maximum(sigma, 1e-300)
        if (left**2).sum() < BENT * (len(times) - degree - 1) or len(times) < ENOUGH:
            break
    return float(step @ found), float(((step @ solve) ** 2 * sigma**2).sum())


def _across(books: Balance, quantity: str, where: str, changes: Sequence[float], sigmas: Sequence[float]) -> Fact:
    value, sigma = np.array(changes), np.array(sigmas)
    known = np.isfinite(value) & np.isfinite(sigma)
    where = f"across contacts {where}"
    if not known.any():
        text = f"{quantity}: can't be told {where}: too few sightings beside them"
        return Fact(quantity, where, None, float("nan"), float("nan"), tuple(changes), text)
    weight = 1.0 / np.maximum(sigma[known], SMALL if books.observed else 1.0) ** 2
    mean = float((weight * value[known]).sum() / weight.sum())
    error = float(np.sqrt((weight**2 * sigma[known] ** 2).sum()) / weight.sum())
    made = _fact(books, quantity, where, mean, error, tuple(changes))
    odd = np.abs(value[known]) > np.maximum(ONE * sigma[known], 5.0 * SMALL)
    if made.conserved and books.observed and odd.any():
        # gains and losses make no conservation, whatever their mean
        least, most = value[known].min(), value[known].max()
        text = f"{quantity}: not conserved {where}: changes by between {_percent(least)} and {_percent(most)} at its {known.sum()} contacts"
        return replace(made, conserved=False, text=text)
    return made


def _fact(books: Balance, quantity: str, where: str, change: float, sigma: float, changes: tuple[float, ...]) -> Fact:
    known = np.array([one for one in changes if np.isfinite(one)])
    least = SMALL if books.observed else EXACT
    worst = float(np.abs(known).max()) if len(known) and not books.observed else abs(change)
    bound = max(SIGMAS * sigma, least)
    conserved = False if worst > bound else None if sigma > UNKNOWN else True
    if conserved is None:
        text = f"{quantity}: can't be told {where}: changes by {_percent(change)} ± {_percent(sigma)}"
    elif conserved:
        text = f"{quantity}: conserved {where}, within {_percent(max(worst, bound))}"
    else:
        text = f"{quantity}: not conserved {where}: {_how(quantity, change, sigma, known)}"
    return Fact(quantity, where, conserved, change, sigma, changes, text)


def _how(quantity: str, change: float, sigma: float, changes: Float) -> str:
    error = f" ± {_percent(sigma)}" if sigma > 0 else ""
    verb = "changes by" if quantity.startswith("momentum") else "loses" if change < 0 else "gains"
    if not len(changes):
        return f"{verb} {_percent(change if verb == 'changes by' else abs(change))}{error}"
    if len(changes) > 1 and np.ptp(changes) > max(ALIKE * abs(change), 4.0 * SIGMAS * sigma):
        return f"{verb} between {_percent(np.abs(changes).min())} and {_percent(np.abs(changes).max())} at its {len(changes)} contacts"
    each = "at each contact" if len(changes) > 1 else "at its one contact"
    return f"{verb} {_percent(abs(change))}{error} {each}"


def _percent(value: float) -> str:
    share = 100.0 * value
    return f"{share:.0f} %" if abs(share) >= 10.0 else f"{share:.2g} %"
