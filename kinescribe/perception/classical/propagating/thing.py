"""One thing that is followed: where it was, how it moves, how it looks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.propagating.behind import Behind
from kinescribe.perception.classical.propagating.camera import Pair
from kinescribe.perception.classical.propagating.cut import edge_cost, least_energy
from kinescribe.perception.classical.propagating.judging import drop_foreign, fine_coverage, midway_score, place_evidence, trust_in
from kinescribe.perception.classical.propagating.look import Look, Sight
from kinescribe.perception.classical.propagating.motion import carried, layers_of, motion_evidence
from kinescribe.perception.classical.propagating.sighting import Sighting, middle_of, moved
from kinescribe.perception.classical.propagating.windows import Field, Image, Window, box_of, brought
from kinescribe.perception.detections import MaskCrop, SoftMask

__all__ = ["Guess", "Thing"]

LOOK_WEIGHT = 5.0  # log-odds of a score of 1

GONE = 0.12  # of its usual area, below which a thing counts as hidden
FOUND, FOUND_SCORE = 0.4, 0.25  # of its usual area, and score of its look, from which a hidden thing counts as found
ENOUGH = 1.5  # times the least cost, at which a place is as good as the best
FULL = 0.7  # of its usual area, from which it counts as fully seen
SHRINK = 0.98  # of the usual area, a frame
REACH, REACH_SPEED, REACH_NEW = 1.5, 0.6, 6.0  # of the search: sizes, shares of the speed, sizes where no speed is known
REACH_PICTURE = 0.15  # at most, of the picture's diagonal
REACH_HIDDEN = 0.7  # sizes, more for each frame that it is hidden
SAME = 4.0  # CIELAB², a difference that means nothing
ACCEPT = 0.35  # of a chance place's cost, for a thing that was hidden
STEADY = 0.6  # share of the newest speed
LONGEST_COAST = 30  # frames, after which a hidden thing's speed is forgotten


@dataclass(slots=True, eq=False)
class Guess:
    """Where a thing seems to be in the new frame, before it is compared with the others.

    Attributes:
        window: that it was looked for in.
        colors: CIELAB, (rows, columns, 3).
        evidence: log-odds, (rows, columns).
        membership: in [0, 1], (rows, columns).
        sight: scores of its look.
        behind: what is behind it, as far as it is remembered; None where that is lost.
        again: whether it was hidden in the frame before.
        shift: displacement from the frame before, (x, y), image px.
    """

    window: Window
    colors: Field
    evidence: Field
    membership: Field
    sight: Sight
    behind: Behind | None
    again: bool
    shift: NDArray[np.float64]


class Thing:
    """Follows one thing. `foresee` and then `settle` once a frame."""

    def __init__(self, image: Image, mask: MaskCrop) -> None:
        self._look = Look()
        self._speed: NDArray[np.float64] | None = None  # against what does not move by itself, px a frame
        self.prompt(image, mask)

    def prompt(self, image: Image, mask: MaskCrop) -> None:
        """It looks like this in the frame that was looked at last."""
        self._x, self._y, self._coverage = mask.x, mask.y, mask.pixels.astype(np.float32)
        self._hidden = 0
        self._usual_area = float(self._coverage.sum())
        self._middle = middle_of(self._x, self._y, self._coverage)
        self._seen = [Sighting.of(image, self._x, self._y, self._coverage)] * 2
        window = self._seen[0].window(image.shape, np.zeros(2))
        colors, inside = window.colors(image), window.mask(self._x, self._y, self._coverage)
        self._look.learn(colors, inside)
        self._behind = Behind.seen(window, colors, inside)
        self._score_window, self._midway = window, np.zeros_like(inside)
        self._trust = trust_in(self._look.see(colors, inside), inside)

    @property
    def hidden(self) -> bool:
        """Whether it was not seen in the last frame."""
        return self._hidden > 0

    def covers(self, shape: tuple[int, int], scale: tuple[float, float]) -> NDArray[np.bool_]:
        """Where it lies in the last frame shrunk to this shape by these factors (x, y)."""
        out = np.zeros(shape, bool)
        if not self.hidden:
            height, width = self._coverage.shape
            y0, y1 = int(self._y * scale[1]), int(np.ceil((self._y + height) * scale[1]))
            x0, x1 = int(self._x * scale[0]), int(np.ceil((self._x + width) * scale[0]))
            small = cv2.resize(self._coverage, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
            part = out[y0:y1, x0:x1]
            part[:] = small[: part.shape[0], : part.shape[1]] > 0.1
        return out

    def foresee(self, pair: Pair) -> Guess | None:
        """Look for it in the new frame; None where it isn't seen."""
        still = moved(pair.camera, self._middle)
        if self.hidden:
            found = self._found_again(pair, still)
            if found is None:
                return None
            sighting, shift = found
        else:
            sighting = Sighting.of(pair.before, self._x, self._y, self._coverage)
            shift = self._shift(pair, sighting, still)
        shift = np.rint(shift)
        window = sighting.window(pair.now.shape, shift)
        dx, dy = int(shift[0]), int(shift[1])
        mask = window.mask(sighting.x + dx, sighting.y + dy, sighting.coverage)
        if mask.max() < 0.3:
            return None
        colors = window.colors(pair.now)
        evidence = np.zeros_like(mask)
        behind = None
        midway = np.zeros_like(mask)
        if not self.hidden:
            earlier = window.moved(-dx, -dy)
            before = earlier.colors(pair.before)
            layers = layers_of(_grey(before), _grey(colors), mask, np.linalg.inv(window.matrix) @ pair.camera @ earlier.matrix)
            behind = self._behind.carried(window, earlier, layers.rest_back)
            midway = brought(self._midway, self._score_window, earlier, layers.thing_back)
            evidence = motion_evidence(before, colors, mask, layers, behind)
            mask = carried(mask, layers.thing_back, 0)
            if (mask >= 0.5).any():
                pixel = np.array([window.width / window.columns, window.height / window.rows])
                shift = shift - np.median(layers.thing_back[mask >= 0.5], axis=0) * pixel
        size = float(np.sqrt(max(mask.sum(), 1.0)))
        sight = self._look.see(colors, mask)
        evidence = evidence + place_evidence(mask, size, self._trust)
        without_look = evidence.copy()
        evidence += np.float32(LOOK_WEIGHT * self._trust) * np.clip(sight.now - midway, -1, 1)
        membership = least_energy(evidence, edge_cost(colors), mask)
        drop_foreign(membership, sight.first, without_look)
        return Guess(window, colors, evidence, membership, sight, behind, self.hidden, shift)

    def settle(self, guess: Guess | None, pair: Pair, share: Field | None = None) -> SoftMask:
        """Its mask in the new frame; `share` is what the other things leave of the window, (rows, columns)."""
        if guess is None:
            return self._lose(pair)
        membership = guess.membership if share is None else guess.membership * share
        window = guess.window
        coverage = fine_coverage(pair.now, window, membership)
        inside, box, area = membership >= 0.5, box_of(coverage), float(coverage.sum())
        score = float(guess.sight.now[inside].mean()) if inside.any() else -1.0
        least_area, least_score = (FOUND, FOUND_SCORE) if self.hidden else (GONE, 0.0)
        if box is None or area < least_area * self._usual_area or score < least_score:
            return self._lose(pair)
        x0, y0 = max(box[0] - 1, 0), max(box[1] - 1, 0)
        x1, y1 = min(box[2] + 1, pair.now.shape[1] - window.x), min(box[3] + 1, pair.now.shape[0] - window.y)
        self._x, self._y, self._coverage = window.x + x0, window.y + y0, coverage[y0:y1, x0:x1].copy()
        self._usual_area = max(SHRINK * self._usual_area, area)
        full = area > FULL * self._usual_area
        middle = middle_of(self._x, self._y, self._coverage) if full or self.hidden else self._middle + guess.shift
        if full and not self.hidden:
            speed = middle - moved(pair.camera, self._middle)
            self._speed = speed if self._speed is None else self._speed + STEADY * (speed - self._speed)
        self._middle, self._hidden = middle, 0
        if full:
            self._seen[1] = Sighting.of(pair.now, self._x, self._y, self._coverage)
        self._trust = trust_in(guess.sight, membership)
        self._behind = Behind.seen(window, guess.colors, membership, guess.behind)
        self._score_window, self._midway = window, midway_score(guess.sight.now, membership)
        agreed = np.clip(1 + np.where(inside, 1, -1) * guess.sight.first, 0.1, 1)
        self._look.learn(guess.colors, membership, (np.clip(np.abs(guess.evidence) / 3, 0, 1) * agreed).astype(np.float32))
        return SoftMask(self._x, self._y, self._coverage.copy(), float(np.clip(0.3 + 0.7 * score, 0.05, 1)))

    def _lose(self, pair: Pair) -> SoftMask:
        """It isn't seen: it is taken to move on as it did."""
        self._hidden += 1
        self._middle = moved(pair.camera, self._middle)
        if self._speed is not None and self._hidden <= LONGEST_COAST:
            self._middle = self._middle + self._speed
        return SoftMask(0, 0, np.zeros((0, 0), np.float32), 0.0)

    def _shift(self, pair: Pair, sighting: Sighting, still: NDArray[np.float64]) -> NDArray[np.float64]:
        """Displacement to the new frame, (x, y) px: by the flow where that leads to a like place, else by the speed, else by search."""
        factor = np.array(pair.flow.shape[1::-1]) / pair.now.shape[1::-1]
        covered = self.covers(pair.flow.shape[:2], (float(factor[0]), float(factor[1])))
        flow = np.median(pair.flow[covered], axis=0).astype(np.float64) if covered.any() else still - self._middle
        expected = flow if self._speed is None else still + self._speed - self._middle
        size, speed = float(np.sqrt(self._usual_area)), 0.0 if self._speed is None else float(np.hypot(*self._speed))
        radius = REACH_NEW * size if self._speed is None else REACH * size + REACH_SPEED * speed
        radius = min(radius, REACH_PICTURE * float(np.hypot(*pair.now.shape[:2])))
        costs = sighting.portrait.costs(pair.now, expected, radius)
        best, least = costs.best(expected, radius)
        for shift in (flow, expected):
            if costs.at(shift) <= ENOUGH * least + SAME:
                return np.asarray(shift, np.float64)
        return best

    def _found_again(self, pair: Pair, still: NDArray[np.float64]) -> tuple[Sighting, NDArray[np.float64]] | None:
        """The sighting that it looks like again, and the displacement from there; None where nothing looks like it."""
        coasting = self._speed is not None and self._hidden < LONGEST_COAST
        place = still + self._speed if self._speed is not None and coasting else still
        size, diagonal = float(np.sqrt(self._usual_area)), float(np.hypot(*pair.now.shape[:2]))
        radius = min(size * (REACH + REACH_HIDDEN * self._hidden), diagonal)
        chosen, chosen_cost = None, ACCEPT
        for sighting in (self._seen[1], self._seen[0]):
            expected = place - sighting.middle
            costs = sighting.portrait.costs(pair.now, expected, radius)
            best, least = costs.best(expected, radius)
            if least / costs.chance < chosen_cost:
                chosen, chosen_cost = (sighting, best), least / costs.chance
        return chosen


def _grey(colors: Field) -> Image:
    return np.asarray(np.rint(np.clip(colors[..., 0] * 2.55, 0, 255)), np.uint8)
