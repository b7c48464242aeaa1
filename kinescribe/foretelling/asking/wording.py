"""The answer in one sentence, made of our own numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kinescribe.dynamics.prediction import Change, Forecast
from kinescribe.dynamics.report.numbers import measured, plain, with_unit
from kinescribe.foretelling.asking.computing import Computed, Finding, Number
from kinescribe.foretelling.asking.inquiry import Inquiry
from kinescribe.foretelling.asking.quantities import QUANTITIES
from kinescribe.llm.text import one_line

__all__ = ["sentence", "unit_of"]

LONGEST_NAME = 80
EXACT = 1e-7  # of a value: an error below that is no news
SIGNS = {"=": "=", "*=": "×", "/=": "÷", "+=": "+", "-=": "−"}
COMPONENT_UNITS = {"x": "length", "y": "length", "vx": "speed", "vy": "speed", "angle": "radian", "angular_velocity": "turning"}
Numbers = Mapping[str, Number]


def sentence(inquiry: Inquiry, computed: Computed) -> str:
    """What would happen, and what happens without the change; σ where it is known."""
    forecast = computed.forecast
    clauses = "; ".join(_Clause(one, forecast).text() for one in computed.findings)
    if not inquiry.changed:
        return f"By the fitted law, {clauses}."
    changed = [_changed(change, forecast) for change in inquiry.changes]
    gone = [_name(name) for name in inquiry.remove]
    what = " and ".join([*([f"with {', '.join(changed)}"] if changed else []), *([f"without {', '.join(gone)}"] if gone else [])])
    begins = float(forecast.grid.times[0]) if inquiry.at is None else inquiry.at
    return f"{what[0].upper()}{what[1:]} from {plain(begins, 4)} s on, {clauses}."


def unit_of(dimension: str, length: str, *, angular: bool = False) -> str:
    """The unit of a quantity's number, such as "m/s"; "" for a pure number, and where the table has no unit."""
    if dimension == "swing":
        dimension = "angle" if angular else "length"
    known = {"length": length, "speed": f"{length}/s" if length else "", "time": "s", "angle": "°", "number": ""}
    return {**known, "radian": "rad", "turning": "rad/s"}[dimension]


class _Clause:
    """What is said of one finding."""

    def __init__(self, finding: Finding, forecast: Forecast) -> None:
        names = forecast.start.clip.bodies.names
        wanted = finding.wanted
        self.finding, self.wanted = finding, wanted
        self.quantity = QUANTITIES[wanted.quantity]
        self.length = forecast.start.clip.unit
        self.y_down = forecast.start.clip.y_down
        self.who = _name(names[wanted.thing])
        self.other = "anything" if wanted.other is None else _name(names[wanted.other] if isinstance(wanted.other, int) else wanted.other)
        self.removed = wanted.other in (*forecast.intervention.objects, *forecast.intervention.walls)

    def text(self) -> str:
        """With what it is without the change."""
        told, factual = self.finding.told, self.finding.factual
        if self.wanted.quantity in HAPPENING:
            return self._happening(told, factual)
        said = SAID[self.wanted.quantity](self)
        if not _known(told):
            missing = f"{said} can't be told: {self._why()}"
            return missing + (f" (without the change: {self._numbers(factual)})" if _known(factual) else "")
        out = f"{said} is {'at ' if self.wanted.quantity == 'position' else ''}{self._numbers(told)}"
        if factual is None:
            return out
        if not _known(factual):
            return f"{out}, which without the change can't be told"
        without = self._numbers(factual)
        return f"{out}, {'as without the change' if without == self._numbers(told) else f'instead of {without}'}"

    def _why(self) -> str:
        return {
            "period": f"no two like oscillations by {self.end}",
            "range": f"it neither strikes anything nor comes down to where it was by {self.end}",
        }.get(self.wanted.quantity, f"nothing is foretold of it up to {self.end}")

    @property
    def end(self) -> str:
        """The end of what is foretold."""
        return f"{plain(self.finding.until, 4)} s"

    @property
    def between(self) -> str:
        """The span that is looked at."""
        return f"between {plain(self.finding.since, 4)} s and {self.end}"

    @property
    def since(self) -> str:
        """When it begins, where the question says."""
        return "" if self.wanted.since is None else f" after {plain(self.finding.since, 4)} s"

    @property
    def moment(self) -> str:
        """The instant that is asked for."""
        return f"at {plain(self.finding.time, 4)} s"

    def _numbers(self, numbers: Numbers | None) -> str:
        """``x = 1.20 ± 0.01 m, y = …``, an instant as ``at 1.2 s``; a doubt after it."""
        told = []
        when = ""
        for name, number in (numbers or {}).items():
            dimension = self.quantity.parts[name]
            text = _written(number, unit_of(dimension, self.length, angular=self.finding.angular))
            if dimension == "time" and name == "time" and len(self.quantity.parts) > 1:
                when = f" at {text}"
            elif name in ("x", "y", "vx", "vy"):
                told.append(f"{name} = {text}{' (y points down)' if name == 'y' and self.y_down else ''}")
            else:
                told.append(text)
        return ", ".join(told) + when + _doubt(numbers)

    def _happening(self, told: Numbers, factual: Numbers | None) -> str:
        does, does_not = HAPPENING[self.wanted.quantity](self)
        now = told["time"]
        doubt = _doubt(told)
        by = f"by {self.end}"
        if not now.known:
            if factual is None:
                return f"{self.who} {does_not} {self.between}{doubt}"
            out = f"{self.who} {does_not} {by}{doubt}"
            before = factual["time"]
            return out + (
                f", which without the change it does at {_written(before, 's')}" if before.known else ", nor does it without the change"
            )
        out = f"{self.who} {does} at {_written(now, 's')}{doubt}"
        if factual is None:
            return out
        before = factual["time"]
        if not before.known:
            return f"{out}, which without the change it doesn't {by}"
        without = _written(before, "s")
        return f"{out}, {'as without the change' if without == _written(now, 's') else f'instead of at {without}'}"


def _nth(clause: _Clause) -> str:
    n = clause.wanted.nth
    suffix = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return "" if n == 1 else f" for the {n}{suffix} time"


def _strikes(clause: _Clause) -> tuple[str, str]:
    if clause.wanted.other is None:
        return f"strikes something{_nth(clause)}", f"strikes nothing{_nth(clause)}"
    return f"strikes {clause.other}{_nth(clause)}", f"doesn't strike {clause.other}{_nth(clause)}"


def _passes(clause: _Clause) -> tuple[str, str]:
    place = f"{clause.wanted.axis} = {with_unit(plain(clause.wanted.value), clause.length)}"
    return f"passes {place}{_nth(clause)}", f"doesn't pass {place}{_nth(clause)}"


HAPPENING: Mapping[str, Callable[[_Clause], tuple[str, str]]] = {
    "contact": _strikes,
    "reaches": _passes,
    "rest": lambda clause: ("comes to rest", "doesn't come to rest"),
}
"""Events: what is said of one that happens, and of one that doesn't."""

SAID: Mapping[str, Callable[[_Clause], str]] = {
    "position": lambda c: f"{c.who} {c.moment}",
    "velocity": lambda c: f"the velocity of {c.who} {c.moment}",
    "speed": lambda c: f"the speed of {c.who} {c.moment}",
    "angle": lambda c: f"the angle of {c.who} {c.moment}",
    "highest": lambda c: f"the highest point of {c.who}{c.since}",
    "lowest": lambda c: f"the lowest point of {c.who}{c.since}",
    "leftmost": lambda c: f"the leftmost point of {c.who}{c.since}",
    "rightmost": lambda c: f"the rightmost point of {c.who}{c.since}",
    "fastest": lambda c: f"the greatest speed of {c.who}{c.since}",
    "path": lambda c: f"the way of {c.who} {c.between}",
    "range": lambda c: f"the range of {c.who}{c.since}",
    "period": lambda c: f"the period of {c.who}{c.since}",
    "amplitude": lambda c: f"the amplitude of {c.who}{c.since}",
    "contacts": lambda c: f"the number of times that {c.who} strikes {c.other} {c.between}",
    "distance": lambda c: f"the distance of {c.who} from {c.other} {c.moment}",
    "closest": lambda c: f"the nearest that {c.who} comes to {c.other} {c.between}",
}
"""What a quantity is called."""


def _changed(change: Change, forecast: Forecast) -> str:
    """``gravity × 0.5 (9.81 → 4.905 m/s²)``; the values where one number is meant."""
    start, intervention = forecast.start, forecast.intervention
    text = f"{_name(change.target)} {SIGNS[change.operator]} {plain(change.value)}"
    mine = [index for index, one in intervention.parameters if one == change]
    known = [one.fixed or one.identified for one in start.fit.estimates.values()]
    if len(mine) == 1 and known[mine[0]]:
        old = float(start.values[mine[0]])
        new = float(intervention.values(start.values[None], start)[0, mine[0]])
        parameter = start.slots.all[mine[0]].parameter
        unit = parameter.dimension.in_units(start.fit.unit or "length")
        return f"{text} ({with_unit(f'{plain(old, 4)} → {plain(new, 4)}', unit)})"
    component = change.target.rpartition(".")[2]
    if not mine and change.absolute and component in COMPONENT_UNITS:
        return with_unit(text, unit_of(COMPONENT_UNITS[component], start.clip.unit))
    return text


def _written(number: Number, unit: str) -> str:
    if unit == "" and number.value == round(number.value):
        return plain(number.value)
    small = not number.sigma > EXACT * abs(number.value)
    text = plain(number.value, 5) if small else measured(number.value, number.sigma)
    return f"{text}°" if unit == "°" else with_unit(text, unit)


def _known(numbers: Numbers | None) -> bool:
    return bool(numbers) and all(one.known for one in (numbers or {}).values())


def _doubt(numbers: Numbers | None) -> str:
    if all(one.sure for one in (numbers or {}).values()):
        return ""
    return " (within the errors of law and start it may be otherwise)"


def _name(text: str) -> str:
    return one_line(text, LONGEST_NAME)
