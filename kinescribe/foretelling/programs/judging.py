"""How well a table explains its video: what is left when the video is drawn again from it, and what nobody needs in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinescribe.foretelling.programs.plan import NUMBER, PerceptionPlan, bodies
from kinescribe.renderers.reviewing import Review
from kinescribe.renderers.reviewing.twins import twins
from kinescribe.states import States

__all__ = ["COST_OF_AN_ID", "Energy", "Ignored", "Score", "findings", "score_of"]

Float = NDArray[np.float64]
COST_OF_AN_ID = 0.02  # of what moves: what an id costs that shows nothing new
MOST_LINES = 24
TRAVELS = 0.5  # of its own size, that a thing goes between its farthest places: less is rest


@dataclass(frozen=True, slots=True, eq=False)
class Ignored:
    """Where in each frame things are that the task isn't about: (n, 4) boxes x0, y0, x1, y1, px, by frame."""

    boxes: Mapping[int, Float] = field(default_factory=dict)

    @classmethod
    def of(cls, states: States, ids: Iterable[int]) -> Ignored:
        """The boxes of these objects."""
        found: dict[int, list[Float]] = {}
        wanted = set(ids)
        for k, object_id in enumerate(states["object_id"].tolist()):
            x, y, w, h = (float(states[f"bbox_{side}"][k]) for side in "xywh")
            if object_id in wanted and np.isfinite([x, y, w, h]).all():
                found.setdefault(int(states["frame"][k]), []).append(np.array([x, y, x + w, y + h]))
        return cls({frame: np.stack(boxes) for frame, boxes in found.items()})

    def holds(self, frame: int, box: Float) -> bool:
        """Whether a box's middle lies in one of them."""
        boxes = self.boxes.get(frame)
        if boxes is None:
            return False
        x, y = 0.5 * (box[0] + box[2]), 0.5 * (box[1] + box[3])
        return bool(((boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])).any())


@dataclass(frozen=True, slots=True)
class Energy:
    """Squared differences over pixels and frames, grey levels²: left when the video is drawn again, and what the things change in it."""

    left: float
    whole: float

    @classmethod
    def of(cls, review: Review, ignored: Ignored, ids: set[int] | None = None) -> Energy:
        """Of rows that aren't ignored, and regions that no row accounts for; `ids`: of these alone, and of what goes on from them."""
        frames, rows_of = review.states["frame"], review.states["object_id"]
        left = whole = 0.0
        for k in np.flatnonzero(np.isfinite(review.residual) & np.isfinite(review.boxes).all(axis=1)):
            box = review.boxes[k]
            if ignored.holds(int(frames[k]), box) or (ids is not None and int(rows_of[k]) not in ids):
                continue
            beyond = max(float(review.residual[k]) ** 2 - float(np.nan_to_num(review.noise[k])) ** 2, 0.0)
            mine = beyond * float((box[2] - box[0]) * (box[3] - box[1]))
            left += mine
            # a row of which nothing is explained, or one without a sprite, changes as much as it leaves
            share = float(review.explained[k]) if np.isfinite(review.explained[k]) else 0.0
            whole += mine / max(1.0 - max(share, 0.0), 1e-3)
        for one in review.missed:
            if ids is not None and one.object_id not in ids:
                continue
            sides = one.boxes[:, 2:] - one.boxes[:, :2]
            weights = sides.prod(axis=1) * one.residual**2
            counted = [not ignored.holds(int(frame), box) for frame, box in zip(one.frames, one.boxes, strict=True)]
            left += float(weights[counted].sum())
            whole += float(weights[counted].sum())
        return cls(left, whole)


@dataclass(frozen=True, slots=True)
class Score:
    """What a table leaves to explain.

    Attributes:
        unexplained: share of what changes in the video that is not drawn right, ≥ 0. spurious: ids that show nothing new.
        of_matters: the same share of what the objects that matter change by themselves, for people; None where nobody said which.
    """

    unexplained: float
    spurious: int
    of_matters: float | None = None

    @property
    def value(self) -> float:
        """The lower, the better."""
        return self.unexplained + COST_OF_AN_ID * self.spurious

    def words(self) -> str:
        """For people, and for the model."""
        ids = f", {self.spurious} needless id{'s' * (self.spurious != 1)}" if self.spurious else ""
        mattering = f", {self.of_matters:.1%} of what matters" if self.of_matters is not None else ""
        return f"{self.unexplained:.1%} of what moves is left unexplained{mattering}{ids}"


def score_of(review: Review, ignored: Ignored, scale: float | None = None, matters: Sequence[int] | None = None) -> Score:
    """The score of a reviewed table.

    Args:
        scale: what all that moves changes, where another table told it, so that scores compare. matters: ids that do.
    """
    energy = Energy.of(review, ignored)
    own = None if matters is None else Energy.of(review, Ignored(), set(matters))
    share = None if own is None else own.left / max(own.whole, 1e-9)
    there = bodies(review.states)
    counted = [i for i in there if matters is None or i in matters]
    return Score(energy.left / max(scale if scale is not None else energy.whole, 1e-9), _spurious(review, counted), share)


def _spurious(review: Review, own: Sequence[int]) -> int:
    """Ids of these of what isn't there, second ids of one thing, and pieces: ids beyond the most that are there at one time."""
    states = review.states
    ids = states["object_id"]
    alike = twins(states)
    # of two that are one thing, one is right, whichever of them the picture shows
    second = {max(one, other) for one, (other, _) in alike.items() if one in own}
    invented = {i for i in own if i not in alike and (review.verdict[ids == i] == "invented").mean() > 0.5}
    _, counts = np.unique(states["frame"][np.isin(ids, own)], return_counts=True)
    pieces = len(own) - int(counts.max(initial=0))
    return max(len(invented | second), pieces)


def findings(review: Review, plan: PerceptionPlan) -> list[str]:
    """What the review says, and where the table isn't as the plan says, one line each."""
    lines = [] if plan.everything else _unlike(review.states, plan)
    said = review.summary().splitlines()
    room = MOST_LINES - len(lines)
    return [*lines, *said[:room], *([f"and {len(said) - room} more findings"] if len(said) > room else [])]


def _unlike(states: States, plan: PerceptionPlan) -> list[str]:
    """Counts and motion that aren't as expected."""
    out = []
    for thing, name in zip(plan.things, plan.names(), strict=True):
        mine = [i for i in bodies(states) if NUMBER.sub("", states.labels[i]) == name]
        if thing.count is not None and len(mine) != thing.count:
            out.append(f'"{name}": {thing.count} expected, {len(mine)} found')
        others = [i for i in mine if thing.moves is not None and _travels(states, i) != thing.moves]
        verb = "rests" if thing.moves else "moves"
        out += [f'object {i} "{states.labels[i]}" {verb}, which was not expected' for i in others]
    return out


def _travels(states: States, object_id: int) -> bool:
    mine = states["object_id"] == object_id
    x, y = states["x_px"][mine], states["y_px"][mine]
    seen = np.isfinite(x) & np.isfinite(y)
    if not seen.any():
        return False
    size = np.nanmedian(np.minimum(states["bbox_w"][mine], states["bbox_h"][mine])) if np.isfinite(states["bbox_w"][mine]).any() else 1.0
    return bool(np.hypot(np.ptp(x[seen]), np.ptp(y[seen])) > TRAVELS * max(float(size), 1.0))
