"""What a fitted law gets wrong, in words that a model can act on: which object, when, before or after which contact, drift or jump."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip, Impact
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.report.conserved import conserved
from kinescribe.dynamics.report.motion import Motion, motions
from kinescribe.dynamics.report.residuals import stood_in
from kinescribe.dynamics.synthesis.briefing import name_for
from kinescribe.dynamics.synthesis.leftover import leftovers

__all__ = ["Trouble", "feedback", "hints", "troubles"]

Float = NDArray[np.float64]
MUCH = 2.0  # σ, above which something is told
MOST_TOLD = 8
MOST_CLIPS = 3
JUMP = 3.0  # times as steep after a contact as before it
LEAST = 4  # sightings of a stretch
SLOW = 0.5  # correlation of neighbouring residuals, above which they are no scatter


@dataclass(frozen=True, slots=True)
class Trouble:
    """Residuals of one object in one stretch between contacts.

    Attributes:
        clip, name: of the clip and the object. begin, end: of the stretch, seconds.
        where: "before the first contact", "after the contact at 0.40 s of ball" ("that the law has" where none were seen), "over the whole
            time".
        axis: "x", "y" or "angle", along which they are largest. sigmas: their root mean square. worst: the largest, world units or radians;
            at: when, seconds.
        kind: "jump" where they set in after the contact, "drift" where they change slowly, "oscillation" where they swing, "scatter" where
            neighbours have nothing to do with each other.
    """

    clip: str
    name: str
    begin: float
    end: float
    where: str
    axis: str
    sigmas: float
    worst: float
    at: float
    kind: str

    def text(self) -> str:
        """One line."""
        how = {
            "jump": "they set in after the contact, and were small before",
            "drift": "they drift: slowly, with one change of sign at most",
            "oscillation": "they swing from one sign to the other",
            "scatter": "they scatter from frame to frame",
        }[self.kind]
        return (
            f"{name_for(self.name)} in clip '{name_for(self.clip)}', {self.where} ({self.begin:.3g} to {self.end:.3g} s): residuals of "
            f"{self.sigmas:.1f} sigma, most along {self.axis} (seen less fitted {self.worst:+.3g} at {self.at:.3g} s); {how}"
        )


def feedback(fit: Fit, clips: Sequence[Clip]) -> str:
    """The values, where residuals lie, what acceleration is left over, what is conserved, what the data can't tell."""
    unit = fit.unit or "length units"
    noise = "the table gives no errors, so that nobody knows how many are noise" if stood_in(clips) else "1 is noise alone"
    lines = [f"Residuals: {fit.scale:.2f} sigma ({noise})." if np.isfinite(fit.scale) else "The simulation leaves all bounds."]
    for one in fit.estimates.values():
        error = "known" if one.fixed else f"± {one.sigma:.2g}" if np.isfinite(one.sigma) else "not determined"
        bound = ", AT ITS BOUND" if one.at_bound else ""
        lines.append(f"* {name_for(one.name)} = {one.value:.4g} {error} {one.unit}{bound}")
    lines += [f"* not identifiable: {one.text}" for one in fit.unidentified]
    if not fit.ok:
        return "\n".join([*lines, f"The fit failed: {fit.advice}"])
    moved = motions(fit, clips)
    found = troubles(fit, clips, moved)
    if found:
        lines += ["", f"Where it is wrong (lengths in {unit}):", *(f"* {one.text()}" for one in found)]
    wrong = [f"'{name_for(one.name)}'" for one in fit.clips if one.events_agree is False]
    if wrong:
        lines.append(f"* contacts come in another order than they were seen in clip {', '.join(wrong[:MOST_CLIPS])}")
    lines += hints(clips, fit)
    books = conserved(fit, clips, moved) if len(clips) <= MOST_CLIPS else []
    if books:
        lines += ["", "Energy and momentum in what was seen:", *(f"* {line}" for line in books)]
    return "\n".join(lines)


def hints(clips: Sequence[Clip], fit: Fit | None) -> list[str]:
    """What acceleration a law leaves over, or all of it without one, and what it goes with."""
    lines = []
    for one in leftovers(clips, fit):
        if not one.clues:
            continue
        whose = "that the law leaves over of" if fit is not None else "of"
        lines.append(
            f"The acceleration {whose} {name_for(one.name)} moves it by {one.sigmas:.3g} sigma; forms that explain it, by least squares:"
        )
        lines += [f"* {clue.form} ({100.0 * clue.share:.5g} % of it, leaving {clue.sigmas:.2g} sigma)" for clue in one.clues]
    return ["", *lines] if lines else []


def troubles(fit: Fit, clips: Sequence[Clip], moved: Sequence[Motion] | None = None) -> list[Trouble]:
    """The worst stretches first; those within noise are left out."""
    found = []
    for clip, motion in zip(clips, motions(fit, clips) if moved is None else moved, strict=True):
        for k in range(len(clip.bodies)):
            found += _of_object(fit, clip, motion, k)
    return sorted(found, key=lambda one: -one.sigmas)[:MOST_TOLD]


def _of_object(fit: Fit, clip: Clip, motion: Motion, k: int) -> list[Trouble]:
    axes = ["x", "y", *(["angle"] if fit.law.turns and np.isfinite(clip.angle[:, k]).any() else [])]
    residuals = {axis: motion.residuals(clip, axis)[:, k] for axis in axes}
    hits = [hit for hit in clip.impacts or motion.impacts if k in hit.objects]
    edges = [-np.inf, *(hit.time for hit in hits), np.inf]
    found, before = [], np.inf  # as long as nothing was seen nobody knows what residuals were before
    for number in range(len(edges) - 1):
        rows = (clip.times > edges[number]) & (clip.times <= edges[number + 1])
        size = {axis: _rms(values[rows]) for axis, values in residuals.items()}
        axis = max(size, key=lambda one: size[one])
        values = residuals[axis][rows]
        known = np.isfinite(values)
        if known.sum() < LEAST:
            continue
        times, values = clip.times[rows][known], values[known]
        worst = int(np.abs(values).argmax())
        kind = _kind(values, size[axis], before)
        before = size[axis]
        if size[axis] < MUCH:
            continue
        scale = float(getattr(clip, f"sigma_{axis}")[rows, k][known][worst])
        found.append(
            Trouble(
                clip.name, clip.bodies.names[k], float(times[0]), float(times[-1]), _where(clip, hits, number), axis, size[axis],
                float(values[worst]) * scale, float(times[worst]), kind,
            )
        )  # fmt: skip
    return found


def _rms(values: Float) -> float:
    known = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else 0.0


def _kind(values: Float, rms: float, before: float) -> str:
    if rms > JUMP * max(before, 1.0):
        return "jump"
    slow = float(np.dot(values[1:], values[:-1])) / max(float(np.dot(values, values)), 1e-300)
    if slow < SLOW:
        return "scatter"
    signs = np.sign(values[np.abs(values) > 0.3 * np.abs(values).max()])
    return "oscillation" if (np.diff(signs) != 0).sum() >= 2 else "drift"


def _where(clip: Clip, hits: Sequence[Impact], number: int) -> str:
    if not hits:
        return "over the whole time"
    if number == 0:
        return "before the first contact"
    hit = hits[number - 1]
    with_whom = [name_for(clip.bodies.names[i]) for i in hit.objects]
    whose = "the contact" if clip.impacts else "the contact that the law has"
    return f"after {whose} at {hit.time:.3g} s of {' and '.join(with_whom)}"
