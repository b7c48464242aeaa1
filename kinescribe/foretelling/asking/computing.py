"""The numbers of an answer, with what their errors make of them: every quantity is measured on every trial of the prediction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.prediction import Forecast, Predictor
from kinescribe.dynamics.prediction.paths import Paths, follow
from kinescribe.foretelling.asking.inquiry import Inquiry, Wanted
from kinescribe.foretelling.asking.quantities import ANGLE, QUANTITIES, Span, X, Y, turns
from kinescribe.foretelling.asking.trials import Trial

__all__ = ["Computed", "Finding", "Number", "compute"]

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Number:
    """One number of an answer.

    Attributes:
        value: NaN where it doesn't happen. sigma: one standard deviation; NaN where it isn't known.
        sure: it happens, or doesn't, whatever the errors of law and start make of it.
    """

    value: float
    sigma: float
    sure: bool = True

    @property
    def known(self) -> bool:
        """It happens."""
        return bool(np.isfinite(self.value))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was asked for.

    Attributes:
        wanted: what. since, until, time: seconds, as they were taken.
        told: its numbers by name, with what was changed where something was. factual: the same without the change; None where nothing was.
        angular: it is about an angle.
    """

    wanted: Wanted
    since: float
    until: float
    time: float
    told: dict[str, Number]
    factual: dict[str, Number] | None
    angular: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """What is foretold, and what was asked of it.

    Attributes:
        forecast: with the changes. factual: without; None where nothing is changed. findings: in the order of the question.
    """

    forecast: Forecast
    factual: Forecast | None
    findings: tuple[Finding, ...]


def compute(predictor: Predictor, inquiry: Inquiry, seen_until: float) -> Computed:
    """Predict and measure. `seen_until`: end of what was seen, seconds.

    Raises:
        UsageError: known inputs that end too soon.
    """
    until = inquiry.until
    forecast = predictor.run(inquiry.changes, inquiry.remove, until=until, at=inquiry.at, from_start=True)
    factual = predictor.run((), until=until, from_start=True, substeps=forecast.substeps) if inquiry.changed else None
    things = sorted({i for one in inquiry.wanted for i in (one.thing, one.other) if isinstance(i, int)})
    told = _trials(predictor, forecast, things)
    before = None if factual is None else _trials(predictor, factual, things)
    found = []
    for wanted in inquiry.wanted:
        quantity = QUANTITIES[wanted.quantity]
        since = wanted.since
        if since is None:
            began = float(forecast.grid.times[0]) if inquiry.at is None else inquiry.at
            later = quantity.event and not inquiry.changed and seen_until < until
            since = seen_until if later else began
        span = _span(predictor, wanted, since, until)
        span = replace(span, axis=_axis(predictor, told[0][wanted.thing], wanted, span))
        found.append(
            Finding(
                wanted, since, until, span.time, _measured(predictor, told, wanted, span),
                None if before is None else _measured(predictor, before, wanted, span), span.axis == ANGLE,
            )
        )  # fmt: skip
    return Computed(forecast, factual, tuple(found))


def _trials(predictor: Predictor, forecast: Forecast, things: Sequence[int]) -> list[dict[int, Trial]]:
    """The forecast again, of all trials: by index each object's that is asked about."""
    samples = predictor.samples
    times, interval = forecast.grid.times, forecast.frames.interval
    paths = follow(predictor.start, samples.values, samples.q, times, forecast.intervention, forecast.substeps, interval)
    return [{i: _trial(paths, times, b, i) for i in things} for b in range(paths.data.shape[1])]


def _trial(paths: Paths, times: Float, b: int, thing: int) -> Trial:
    mine = [hit for hit in paths.impacts[b] if thing in hit.objects]
    partners: list[tuple[int | str, ...]] = [(*(i for i in hit.objects if i != thing), hit.wall) for hit in mine]
    hits = np.array([hit.time for hit in mine], float)
    return Trial(times, paths.data[:, b, :, thing], paths.acceleration[:, b, :, thing], hits, tuple(partners))


def _span(predictor: Predictor, wanted: Wanted, since: float, until: float) -> Span:
    up = -1.0 if predictor.start.clip.y_down else 1.0
    value = wanted.value * (up if wanted.axis == "y" else 1.0)
    time = until if wanted.time is None else wanted.time
    return Span(
        since, until, time, partner=wanted.other, value=value, nth=wanted.nth, y_sign=up, turned=float(predictor.start.turned[wanted.thing])
    )


def _axis(predictor: Predictor, centre: Trial, wanted: Wanted, span: Span) -> int:
    """That a quantity is about: the one named, else the angle of what turns, else the one along which it goes back and forth further."""
    if "axis" in QUANTITIES[wanted.quantity].uses:
        return Y if wanted.axis == "y" else X
    start, i = predictor.start, wanted.thing
    if start.fit.law.turns and bool(np.isfinite(start.clip.angle[:, i]).any()):
        return ANGLE
    return max((X, Y), key=lambda axis: _swing(centre, span, axis))


def _swing(trial: Trial, span: Span, axis: int) -> tuple[bool, float]:
    """Whether a coordinate turns back at either side, and how far it goes between; how far at all, where it doesn't."""
    sides = turns(trial, span, axis)
    if all(sides):
        high, low = (float(trial.at(axis, np.array(times)).mean()) for times in sides)
        return True, high - low
    places = trial.at(axis, span.instants(trial))
    return False, float(np.ptp(places[np.isfinite(places)])) if np.isfinite(places).any() else 0.0


def _measured(predictor: Predictor, trials: Sequence[dict[int, Trial]], wanted: Wanted, span: Span) -> dict[str, Number]:
    quantity = QUANTITIES[wanted.quantity]
    rows = []
    with np.errstate(invalid="ignore"):
        for trial in trials:
            other = trial[wanted.other] if isinstance(wanted.other, int) else None
            rows.append(quantity.measure(trial[wanted.thing], replace(span, other=other)))
        results = np.array(rows, float).T
        sigma, _ = predictor.samples.spread(results)
    happens = np.isfinite(results)
    same = results == results[:, :1] if "number" in quantity.parts.values() else happens == happens[:, :1]
    return {
        name: Number(float(results[k, 0]), float(sigma[k]) if happens[k, 0] else math.nan, bool(same[k].all()))
        for k, name in enumerate(quantity.parts)
    }
