"""What can be asked of a motion: each quantity's name, its meaning, and how it is measured on one trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.foretelling.asking.trials import Trial, crossings, extreme

__all__ = ["ANGLE", "QUANTITIES", "Quantity", "Span", "X", "Y", "turns"]

Float = NDArray[np.float64]
RESTS = 0.01  # of the greatest speed: what is slower than that rests
STILL = 0.05  # of the span that rest must last for
UNEVEN = 0.1  # of a period by which further ones may differ
GONE = 1e-6  # of the span: what comes back sooner has never left
X, Y, ANGLE = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """What a quantity is measured on, besides the trial.

    Attributes:
        since, until: seconds. time: of an instant, seconds.
        other: the second object's trial, where there is one; partner: its index, or a wall's name; None: anything.
        axis: X, Y or ANGLE: of the oscillation, or of the place that is reached. value: that place, world frame.
        nth: which of several events, from 1. y_sign: −1 where the table's y points down.
        turned: by how much more than the table the law turns the object, radians.
    """

    since: float
    until: float
    time: float
    other: Trial | None = None
    partner: int | str | None = None
    axis: int = X
    value: float = 0.0
    nth: int = 1
    y_sign: float = 1.0
    turned: float = 0.0

    def instants(self, trial: Trial) -> Float:
        """Dense times of the span."""
        return trial.instants(self.since, self.until)


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that can be measured.

    Attributes:
        name: as the model writes it. meaning: for the model and for people.
        parts: names and dimensions of its numbers: "length", "speed", "angle", "time", "number".
        measure: the numbers in that order; NaN for what doesn't happen.
        uses: further fields of the question that it needs or takes: "time", "other", "axis", "value", "nth".
        event: looked for after what was seen, where nothing says since when; else in the whole motion.
    """

    name: str
    meaning: str
    parts: Mapping[str, str]
    measure: Callable[[Trial, Span], tuple[float, ...]]
    uses: tuple[str, ...] = ()
    event: bool = False


def _at(trial: Trial, span: Span, component: int) -> float:
    return float(trial.at(component, np.array([span.time]))[0])


def _position(trial: Trial, span: Span) -> tuple[float, ...]:
    return _at(trial, span, X), span.y_sign * _at(trial, span, Y)


def _velocity(trial: Trial, span: Span) -> tuple[float, ...]:
    now = np.array([span.time])
    return float(trial.rate(X, now)[0]), span.y_sign * float(trial.rate(Y, now)[0])


def _speed(trial: Trial, span: Span) -> tuple[float, ...]:
    return (float(trial.speed(np.array([span.time]))[0]),)


def _angle(trial: Trial, span: Span) -> tuple[float, ...]:
    return (span.y_sign * math.degrees(_at(trial, span, ANGLE) - span.turned),)


def _most(component: int, sign: float) -> Callable[[Trial, Span], tuple[float, ...]]:
    def measure(trial: Trial, span: Span) -> tuple[float, ...]:
        value, time = extreme(lambda times: trial.at(component, times), span.instants(trial), trial.hits, sign)
        return (span.y_sign if component == Y else 1.0) * value, time

    return measure


def _fastest(trial: Trial, span: Span) -> tuple[float, ...]:
    return extreme(trial.speed, span.instants(trial), trial.hits, 1.0)


def _closest(trial: Trial, span: Span) -> tuple[float, ...]:
    other = span.other
    if other is None:
        return math.nan, math.nan

    def apart(times: Float) -> Float:
        return np.hypot(trial.at(X, times) - other.at(X, times), trial.at(Y, times) - other.at(Y, times))

    return extreme(apart, np.union1d(span.instants(trial), span.instants(other)), np.r_[trial.hits, other.hits], -1.0)


def _distance(trial: Trial, span: Span) -> tuple[float, ...]:
    if span.other is None:
        return (math.nan,)
    return (math.hypot(_at(trial, span, X) - _at(span.other, span, X), _at(trial, span, Y) - _at(span.other, span, Y)),)


def _path(trial: Trial, span: Span) -> tuple[float, ...]:
    times = span.instants(trial)
    return (float(np.hypot(np.diff(trial.at(X, times)), np.diff(trial.at(Y, times))).sum()),)


def _hits(trial: Trial, span: Span) -> list[float]:
    return [
        float(time)
        for time, partners in zip(trial.hits, trial.partners, strict=True)
        if span.since < time <= span.until and (span.partner is None or span.partner in partners)
    ]


def _contact(trial: Trial, span: Span) -> tuple[float, ...]:
    times = _hits(trial, span)
    return (times[span.nth - 1] if len(times) >= span.nth else math.nan,)


def _contacts(trial: Trial, span: Span) -> tuple[float, ...]:
    return (float(len(_hits(trial, span))),)


def _range(trial: Trial, span: Span) -> tuple[float, ...]:
    """From where the span begins to the first contact, or to where it is at that height again, whichever comes first."""
    times = span.instants(trial)
    height = float(trial.at(Y, times[:1])[0])
    back = crossings(lambda t: trial.at(Y, t) - height, times[times > span.since + GONE * (span.until - span.since)], up=False)
    ends = [*_hits(trial, span)[:1], *back[:1]]
    if not ends:
        return math.nan, math.nan
    x = trial.at(X, np.array([span.since, min(ends)]))
    return float(abs(x[1] - x[0])), min(ends)


def _reaches(trial: Trial, span: Span) -> tuple[float, ...]:
    found = crossings(lambda times: trial.at(span.axis, times) - span.value, span.instants(trial))
    return (found[span.nth - 1] if len(found) >= span.nth else math.nan,)


def turns(trial: Trial, span: Span, axis: int) -> tuple[list[float], list[float]]:
    """When a coordinate turns back: from its greatest values, and from its least."""

    def rate(times: Float) -> Float:
        return trial.rate(axis, times)

    instants = span.instants(trial)
    return crossings(rate, instants, up=False), crossings(rate, instants, up=True)


def _period(trial: Trial, span: Span) -> tuple[float, ...]:
    """Between turns of one kind, which drift does not move apart; NaN for fewer than two, or uneven ones."""
    steps = np.concatenate([np.diff(times) for times in turns(trial, span, span.axis)])
    if not len(steps) or np.ptp(steps) > UNEVEN * steps.mean():
        return (math.nan,)
    return (float(steps.mean()),)


def _amplitude(trial: Trial, span: Span) -> tuple[float, ...]:
    instants = span.instants(trial)
    low, high = (extreme(lambda times: trial.at(span.axis, times), instants, trial.hits, sign)[0] for sign in (-1.0, 1.0))
    return (0.5 * (math.degrees(high - low) if span.axis == ANGLE else high - low),)


def _rest(trial: Trial, span: Span) -> tuple[float, ...]:
    times = span.instants(trial)
    speed = trial.speed(times)
    moving = np.flatnonzero(~(speed <= RESTS * np.nanmax(speed))) if np.isfinite(speed).any() else np.arange(len(times))
    since = 0 if not len(moving) else moving[-1] + 1
    if since >= len(times) or times[-1] - times[since] < STILL * (times[-1] - times[0]):
        return (math.nan,)
    return (float(times[since]),)


WHERE_AND_WHEN = {"distance": "length", "time": "time"}
WHEN = {"time": "time"}
_ALL = (
    Quantity("position", "where it is at `time` (null: at the end)", {"x": "length", "y": "length"}, _position, ("time",)),
    Quantity("velocity", "its velocity at `time`", {"vx": "speed", "vy": "speed"}, _velocity, ("time",)),
    Quantity("speed", "how fast it is at `time`", {"speed": "speed"}, _speed, ("time",)),
    Quantity("angle", "how it is turned at `time`, degrees, counter-clockwise", {"angle": "angle"}, _angle, ("time",)),
    Quantity("highest", "its highest point, and when", {"y": "length", **WHEN}, _most(Y, 1.0)),
    Quantity("lowest", "its lowest point, and when", {"y": "length", **WHEN}, _most(Y, -1.0)),
    Quantity("leftmost", "its leftmost point, and when", {"x": "length", **WHEN}, _most(X, -1.0)),
    Quantity("rightmost", "its rightmost point, and when", {"x": "length", **WHEN}, _most(X, 1.0)),
    Quantity("fastest", "its greatest speed, and when", {"speed": "speed", **WHEN}, _fastest),
    Quantity("path", "the length of its way", {"length": "length"}, _path),
    Quantity("range", "how far it goes sideways until it strikes something or is as low as at first", WHERE_AND_WHEN, _range),
    Quantity("period", "the time of one oscillation", {"period": "time"}, _period),
    Quantity("amplitude", "half its way from one side to the other; degrees for what turns", {"amplitude": "swing"}, _amplitude),
    Quantity(
        "contact", "whether and when it strikes `other` (null: anything) the `nth` time", WHEN, _contact, ("other", "nth"), event=True
    ),
    Quantity("contacts", "how often it strikes `other` (null: anything)", {"count": "number"}, _contacts, ("other",), event=True),
    Quantity("distance", "from its centre to that of the object `other` at `time`", {"distance": "length"}, _distance, ("other", "time")),
    Quantity("closest", "how near its centre comes to that of the object `other`", WHERE_AND_WHEN, _closest, ("other",), event=True),
    Quantity("reaches", "when its `axis` (x or y) passes `value` the `nth` time", WHEN, _reaches, ("axis", "value", "nth"), event=True),
    Quantity("rest", "when it comes to rest for good", WHEN, _rest, (), event=True),
)
QUANTITIES: Mapping[str, Quantity] = {one.name: one for one in _ALL}
"""By name."""
