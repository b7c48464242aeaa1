"""What makes a prediction doubtful: parameters that the data can't tell, values and motion far from what they covered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Impact
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.prediction.intervention import Intervention
from kinescribe.dynamics.prediction.start import Start
from kinescribe.dynamics.saving.domain import Domain

__all__ = ["Trials", "about_changes", "about_fit", "about_motion", "undetermined"]

Float = NDArray[np.float64]
FAR = 3.0  # times the fitted value, or what the data covered, beyond which a law is an extrapolation
BEYOND = 5.0  # σ of a value that is fitted as 0
MISFIT = 3.0  # times σ: residuals of a clip that a law doesn't explain
TRIED = 1.1  # factor by which what the data can't tell is moved, to see whether it matters
AGAIN = 60  # times at which a clip of the fit is simulated again
MOON = 0.165  # gravity there over gravity here


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Further trials: values (b, all) and initial states (b, d)."""

    values: Float
    q: Float


def domain_of(start: Start) -> Domain:
    """What the fit's data covered; where it doesn't say, what the clip does."""
    known = getattr(start.fit, "domain", None)
    return known if isinstance(known, Domain) else Domain.of([start.clip])


def about_fit(start: Start) -> list[str]:
    """Doubts about fit and clip themselves."""
    fit = start.fit
    lines = [*fit.warnings, *start.notes]
    if not fit.ok:
        lines.append(f"the fit failed: {fit.advice or 'no reason is known'}")
    elif fit.scale > MISFIT:
        lines.append(
            f"{fit.law.title} misses something of what it was fitted to: residuals are {fit.scale:.1f} σ there, so that its errors, "
            "and the σ told here, may be too small"
        )
    if start.scale > MISFIT and start.scale > MISFIT * fit.scale:
        lines.append(
            f"{fit.law.title} does not explain this clip: residuals are {start.scale:.1f} σ, {fit.scale:.1f} σ where it was fitted"
        )
    return lines


def about_changes(start: Start, intervention: Intervention) -> list[str]:
    """Doubts about each parameter that is changed."""
    before = start.values
    after = intervention.values(before[None], start)[0]
    spread = np.zeros(len(before))
    spread[start.slots.free] = np.sqrt(np.maximum(np.diag(start.fit.covariance), 0.0))
    original = [slot.name for slot in start.fit.slots.all]
    lines = []
    for index in dict.fromkeys(index for index, _ in intervention.parameters):
        slot, old, new = start.slots.all[index], float(before[index]), float(after[index])
        unit = slot.parameter.dimension.in_units(start.fit.unit or "length")
        unit = f" {unit}" if unit else ""
        name = original[index] if index < len(original) else slot.name
        lines += [
            f"{slot.name} is changed, and its value was never known: {lost.text} ({lost.remedy})"
            for lost in start.fit.unidentified
            # of a product or ratio that is known, twice one is twice the whole
            if name in lost.names and (len(lost.names) == 1 or any(one.absolute for i, one in intervention.parameters if i == index))
        ]
        if old != 0 and not 1 / FAR * (1 - 1e-9) <= new / old <= FAR * (1 + 1e-9):
            lines.append(f"{slot.name} is changed from {old:.4g} to {new:.4g}{unit}, far from where the law was fitted: an extrapolation")
        elif old == 0 and spread[index] > 0 and abs(new) > BEYOND * spread[index]:
            lines.append(f"{slot.name} was fitted as 0 ± {spread[index]:.2g}{unit}; {new:.4g} is far from that: an extrapolation")
        if start.fit.unit == "px" and slot.parameter.dimension.length:
            lines += _in_pixels(slot.name, old, unit, [change for i, change in intervention.parameters if i == index], slot.parameter.unit)
    return lines


def _in_pixels(name: str, old: float, unit: str, changes: Sequence[object], declared: str) -> list[str]:
    from kinescribe.dynamics.prediction.changes import Change

    lines = []
    for change in changes:
        if isinstance(change, Change) and change.operator == "=":
            moon = f", on the Moon instead of the Earth do '{name}*={MOON}'" if declared == "length/time^2" else f" do '{name}*=FACTOR'"
            lines.append(
                f"{change} means {change.value:g}{unit}, for the table has no scale (fitted: {old:.4g}{unit}); relative to that{moon}"
            )
    return lines


def about_motion(start: Start, data: Float, times: Float, impacts: Sequence[Impact], until: float) -> list[str]:
    """Doubts about where the trajectory (6, T, n) leads: further, faster, longer than anything that was seen. `impacts`: that are told."""
    domain = domain_of(start)
    lines = []
    if until - start.clip.times[0] > FAR * max(domain.duration, 1e-9):
        lines.append(f"{until - start.clip.times[0]:.4g} s are told from data of {domain.duration:.4g} s: what grows slowly was not seen")
    speed = np.hypot(data[3], data[4])
    fastest = float(np.fmax.reduce(speed, axis=None, initial=0.0))
    if np.isfinite(domain.speed) and domain.speed > 0 and fastest > FAR * domain.speed:
        lines.append(
            f"speeds reach {fastest:.3g} {start.fit.unit or 'length'}/s, in the data {domain.speed:.3g}: how forces grow there was not seen"
        )
    elif data.size and domain.extent > 0:
        out = max(
            domain.x[0] - float(np.fmin.reduce(data[0], axis=None, initial=np.inf)),
            float(np.fmax.reduce(data[0], axis=None, initial=-np.inf)) - domain.x[1],
            domain.y[0] - float(np.fmin.reduce(data[1], axis=None, initial=np.inf)),
            float(np.fmax.reduce(data[1], axis=None, initial=-np.inf)) - domain.y[1],
        )
        if out > FAR * domain.extent:
            lines.append(
                f"objects go {out:.3g} {start.fit.unit or 'units'} beyond where anything was seen, over a range of {domain.extent:.3g}"
            )
    if impacts and not domain.contacts and not _struck(start, domain):
        lines.append("contacts are told, and the data hold none: what happens in them was never seen")
    for name, (low, high) in domain.inputs.items():
        if name in start.fit.law.inputs and len(times):
            held = start.clip.inputs.at(times)[name]
            room = 1e-9 + 0.5 * (high - low)
            if held.min() < low - room or held.max() > high + room:
                lines.append(f"the input {name} goes from {held.min():.4g} to {held.max():.4g}, in the data from {low:.4g} to {high:.4g}")
    return lines


def _struck(start: Start, domain: Domain) -> bool:
    """The fitted motion has contacts where something was seen, be they listed in a table or not."""
    if start.problem.run(start.theta[None], start.q[None], np.zeros(1, np.intp)).impacts_of(0):
        return True
    fit = start.fit
    if fit.law.kind != "acceleration" or fit.law.inputs:
        # the clips of the fit can't be run again: their frames, or inputs, are not known here
        return False
    span = np.linspace(0.0, domain.duration, AGAIN)
    return any(fit.rollout(clip.start_time + span, Inputs.none(), k).impacts_of(0) for k, clip in enumerate(fit.clips))


def undetermined(start: Start) -> tuple[Trials, Callable[[Float, Float, Float], list[str]]]:
    """Trials in which what the data can't tell has other values, and what to say of their trajectories (6, b, T, n)."""
    original = [slot.name for slot in start.fit.slots.all]
    free = {int(index): k for k, index in enumerate(start.slots.free)}
    rows, qs, owners = [], [], []
    for k, lost in enumerate(start.fit.unidentified):
        for factor in (TRIED, 1.0 / TRIED):
            row, shift = start.values.copy(), np.zeros(len(start.theta))
            for name, power in zip(lost.names, lost.powers, strict=True):
                if name not in original:
                    continue
                index = original.index(name)
                low, high = start.slots.all[index].parameter.bounds
                row[index] = np.clip(row[index] * factor**power, low, high)
                if index in free:
                    shift[free[index]] = row[index] - start.values[index]
            rows.append(row)
            qs.append(start.q - start.coupling @ shift)
            owners.append(k)
    trials = Trials(np.array(rows).reshape(len(rows), len(start.values)), np.array(qs).reshape(len(rows), len(start.q)))

    def doubts(made: Float, centre: Float, sigma: Float) -> list[str]:
        lines = []
        for k, lost in enumerate(start.fit.unidentified):
            mine = made[:2, [row for row, owner in enumerate(owners) if owner == k]]
            away = np.abs(mine - centre[:2, None])
            if (np.isfinite(away) & (away > np.maximum(2.0 * np.nan_to_num(sigma[:2]), 1e-3 * start.problem.length)[:, None])).any():
                lines.append(f"what is told depends on what the data can't tell: {lost.text} ({lost.remedy}); σ leaves that out")
        return lines

    return trials, doubts
