"""A model's reply checked against law and objects, bit by bit: nothing else of it is used, or shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from kinescribe.dynamics.prediction import Change, Predictor
from kinescribe.dynamics.prediction.intervention import intervene, wall_names
from kinescribe.errors import KinescribeError, UsageError
from kinescribe.foretelling.asking.facts import LONGEST_NAME, components
from kinescribe.foretelling.asking.inquiry import Inquiry, Wanted, rounded
from kinescribe.foretelling.asking.quantities import QUANTITIES, Quantity
from kinescribe.foretelling.ends import check_length
from kinescribe.llm.text import one_line

__all__ = ["Fault", "Reader"]

LONGEST_FAULT = 600
MOST_TOLD = 12  # things, each object of each quantity counted
SAME_S = 1e-9


class Fault(Exception):
    """A reply that can't be used; the message says why, in one line, for the model to mend."""


class Reader:
    """Reads replies about one prediction."""

    def __init__(self, predictor: Predictor, *, seen_until: float, until: float) -> None:
        """`seen_until`: end of what was seen; `until`: end of the prediction where nothing says when; seconds."""
        self._predictor, self._seen_until, self._until = predictor, seen_until, until
        start = predictor.start
        bodies = start.clip.bodies
        self._first = float(start.clip.times[0])
        self._walls = {one_line(name, LONGEST_NAME): name for name in wall_names(start)}
        self._things: dict[str, list[int]] = {}
        for i, name in enumerate(bodies.names):
            for word in dict.fromkeys((name, bodies.labels[i], str(bodies.object_ids[i]))):
                self._things.setdefault(one_line(word, LONGEST_NAME), []).append(i)
        # names are told in one line and shortened: what stands for which
        self._targets = {one_line(slot.name, LONGEST_NAME): slot.name for slot in start.slots.all}
        for name in bodies.names:
            self._targets |= {f"{one_line(name, LONGEST_NAME)}.{one}": f"{name}.{one}" for one in components(predictor)}

    def read(self, reply: Mapping[str, Any]) -> Inquiry:
        """The question as changes. Raises `Fault` for anything that law, objects or times don't have."""
        try:
            return self._read(reply)
        except KinescribeError as error:
            raise Fault(one_line(str(error), LONGEST_FAULT)) from None

    def _read(self, reply: Mapping[str, Any]) -> Inquiry:
        changes = tuple(self._change(one) for one in reply["do"])
        remove = tuple(dict.fromkeys(self._walls.get(name, self._removed(name)) for name in reply["remove"]))
        at = self._time("at", reply["at"])
        intervention = intervene(self._predictor.start, changes, remove, at)
        if at is not None and (not intervention.changes or at <= self._first + SAME_S):
            at = None
        wanted = [one for row in reply["report"] for one in self._wanted(row)]
        if not wanted:
            everybody = [i for i in range(len(self._predictor.start.clip.bodies)) if i not in intervention.objects]
            wanted = [Wanted("position", i) for i in everybody]
        wanted = list(dict.fromkeys(wanted))
        if len(wanted) > MOST_TOLD:
            raise UsageError(
                f"the report is about {len(wanted)} things, each object of each quantity counted, and may be about {MOST_TOLD}: name fewer"
            )
        until = self._end(self._time("until", reply["until"]), at, wanted, changed=intervention.changes)
        for one in wanted:
            self._check_times(one, at, until, changed=intervention.changes)
            if one.thing in intervention.objects:
                name = self._predictor.start.clip.bodies.names[one.thing]
                raise UsageError(f"'{name}' is taken away, and nothing can be told of it: report on those that stay")
        return Inquiry(changes, remove, at, until, tuple(wanted))

    def _change(self, row: Mapping[str, Any]) -> Change:
        target = str(row["target"]).strip()
        written = Change(self._targets.get(one_line(target, LONGEST_NAME), target), row["operator"], float(row["value"]))
        return Change.parse(str(written))

    def _removed(self, name: str) -> str:
        found = self._things.get(one_line(name, LONGEST_NAME), [])
        return self._predictor.start.clip.bodies.names[found[0]] if len(found) == 1 else name

    def _end(self, asked: float | None, at: float | None, wanted: list[Wanted], *, changed: bool) -> float:
        """The end of the prediction, late enough for every instant that is asked for."""
        latest = max([one.time for one in wanted if one.time is not None], default=-math.inf)
        begins = max(one for one in (self._first, at, *(one.since for one in wanted)) if one is not None)
        until = asked
        if until is None:
            until = rounded(max(self._until, latest, begins + (self._until - self._first if begins >= self._until else 0.0)))
        if until <= begins + SAME_S or until < latest - SAME_S:
            raise UsageError(f"until {until:g} must lie after all other times, the last at {max(begins, latest):g}")
        if not changed and until <= self._seen_until:
            # nothing is foretold before the end of what was seen; what is asked of an instant before it is told all the same
            until = rounded(max(self._until, latest))
        interval = self._predictor.frames.interval
        check_length(until, until - self._first, 1.0 / interval)
        start = self._predictor.start
        start.clip.inputs.require(start.fit.law.inputs, until, start.fit.law.title)
        return until

    def _wanted(self, row: Mapping[str, Any]) -> list[Wanted]:
        quantity = QUANTITIES[row["quantity"]]
        bodies = self._predictor.start.clip.bodies
        things = self._objects(row["object"], "object") if row["object"] is not None else list(range(len(bodies)))
        uses = quantity.uses
        other = self._other(quantity, row["other"]) if "other" in uses else None
        value = 0.0
        if "value" in uses:
            if row["value"] is None or row["axis"] not in ("x", "y"):
                raise UsageError(f"{quantity.name} needs an 'axis', x or y, and a 'value'")
            value = rounded(self._number("value", row["value"]))
        if quantity.name == "angle" and not self._turns(things):
            raise UsageError("the law says nothing of how that object turns: leave 'angle' out")
        made = [
            Wanted(
                quantity.name,
                thing,
                other,
                self._time("time", row["time"]) if "time" in uses else None,
                self._time("since", row["since"]),
                row["axis"] if "axis" in uses else "x",
                value,
                int(row["nth"] or 1) if "nth" in uses else 1,
            )
            for thing in things
            if thing != other
        ]
        if not made:
            raise UsageError(f"'{row['other']}' is the object itself: name another one")
        return made

    def _turns(self, things: list[int]) -> bool:
        start = self._predictor.start
        return start.fit.law.turns and all(bool((start.clip.angle[:, i] == start.clip.angle[:, i]).any()) for i in things)

    def _other(self, quantity: Quantity, name: str | None) -> int | str | None:
        needed = quantity.name in ("distance", "closest")
        if name is None:
            if needed:
                raise UsageError(f"{quantity.name} needs 'other', an object")
            return None
        if not needed and one_line(name, LONGEST_NAME) in self._walls:
            return self._walls[one_line(name, LONGEST_NAME)]
        found = self._objects(name, "other", walls=not needed)
        if len(found) > 1:
            raise UsageError(f"'{name}' may be any of {len(found)} objects: name one of them")
        return found[0]

    def _objects(self, name: str, field: str, *, walls: bool = False) -> list[int]:
        found = self._things.get(one_line(name, LONGEST_NAME))
        if not found:
            known = [*self._predictor.start.clip.bodies.names, *(self._walls.values() if walls else ())]
            raise UsageError(f"'{field}' is unknown: '{name}'; there are: {', '.join(known)}")
        return found

    def _check_times(self, one: Wanted, at: float | None, until: float, *, changed: bool) -> None:
        for name, time in (("time", one.time), ("since", one.since)):
            if time is not None and not self._first - SAME_S <= time <= until + SAME_S:
                raise UsageError(f"{name} {time:g} must lie between {self._first:.6g} (the first sighting) and {until:g} (the end)")

    def _time(self, name: str, value: float | None) -> float | None:
        """Seconds. What happens or begins before the first sighting does so there; an instant before it is nobody's to tell."""
        if value is None:
            return None
        time = rounded(self._number(name, value))
        return self._first if name in ("at", "since") and time < self._first else time

    def _number(self, name: str, value: float) -> float:
        if isinstance(value, bool) or not math.isfinite(value):
            raise UsageError(f"{name} must be a finite number")
        return float(value)
