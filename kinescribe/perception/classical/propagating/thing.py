"""One thing that is followed: where it was, how it moves, how it looks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.propagating.behind import Behind
from kinescribe.perception.classical.propagating.camera import Pair
from kinescribe.perception.classical.propagating.cut import edge_cost, least_energy
from kinescribe.perception.classical.propagating.edges import edge_coverage
from kinescribe.perception.classical.propagating.look import Look, Sight
from kinescribe.perception.classical.propagating.motion import carried, layers_of, motion_evidence
from kinescribe.perception.classical.propagating.search import Portrait
from kinescribe.perception.classical.propagating.windows import Field, Image, Window, box_of, brought, signed_distance
from kinescribe.perception.detections import MaskCrop, SoftMask

__all__ = ["Guess", "Thing"]

MARGIN = 0.5  # sizes of the thing, around it
LEAST_MARGIN = 20  # px
LOOK_WEIGHT = 5.0  # log-odds of a score of 1
LEAST_TRUST = 0.5  # of the look
NEARBY = 8.0  # px, over which scores inside and outside are averaged
MOST_MIDWAY = 0.4  # score, that may part the one from the other
HALF_WRONG = 0.5  # error along the outline at which the look says nothing
PLACE_WEIGHT = 1.5  # log-odds far inside the place that is expected, and far outside it
PLACE_WIDTH, PLACE_SHARE = 1.5, 0.06  # px, and share of the size: over which the expected outline is uncertain
FAR, FAR_WEIGHT = 0.25, 6.0  # sizes of the thing, beyond which nothing of it is expected
FOREIGN = -0.2  # score of the first look below which a piece is not believed
SPECK = 0.0005  # of the window

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


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A thing in one frame: its mask, whose crop begins at image pixel (x, y), the mask's middle (x, y), and its portrait."""

    x: int
    y: int
    coverage: Field
    middle: NDArray[np.float64]
    portrait: Portrait


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
        self._middle = _middle(self._x, self._y, self._coverage)
        self._seen = [self._sighting(image)] * 2
        window = self._window(self._seen[0], image.shape, np.zeros(2))
        colors, inside = window.colors(image), window.mask(self._x, self._y, self._coverage)
        self._look.learn(colors, inside)
        self._behind = Behind.seen(window, colors, inside)
        self._usual_window, self._usual_score = window, np.zeros_like(inside)
        self._trust = _trust(self._look.see(colors, inside), inside)

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
            sighting = self._sighting(pair.before)
            shift = self._shift(pair, sighting, still)
        shift = np.rint(shift)
        window = self._window(sighting, pair.now.shape, shift)
        dx, dy = int(shift[0]), int(shift[1])
        mask = window.mask(sighting.x + dx, sighting.y + dy, sighting.coverage)
        if mask.max() < 0.3:
            return None
        colors = window.colors(pair.now)
        evidence = np.zeros_like(mask)
        behind = None
        middle_score = np.zeros_like(mask)
        if not self.hidden:
            earlier = window.moved(-dx, -dy)
            before = earlier.colors(pair.before)
            layers = layers_of(_grey(before), _grey(colors), mask, np.linalg.inv(window.matrix) @ pair.camera @ earlier.matrix)
            behind = self._behind.carried(window, earlier, layers.rest_back)
            middle_score = brought(self._usual_score, self._usual_window, earlier, layers.thing_back)
            evidence = motion_evidence(before, colors, mask, layers, behind)
            mask = carried(mask, layers.thing_back, 0)
            if (mask >= 0.5).any():
                shift = shift - np.median(layers.thing_back[mask >= 0.5], axis=0) * [
                    window.width / window.columns,
                    window.height / window.rows,
                ]
        size = float(np.sqrt(max(mask.sum(), 1.0)))
        sight = self._look.see(colors, mask)
        evidence = evidence + _place(mask, size, self._trust)
        without_look = evidence.copy()
        evidence += np.float32(LOOK_WEIGHT * self._trust) * np.clip(sight.now - middle_score, -1, 1)
        membership = least_energy(evidence, edge_cost(colors), mask)
        _drop_foreign(membership, sight.first, without_look)
        return Guess(window, colors, evidence, membership, sight, behind, self.hidden, shift)

    def settle(self, guess: Guess | None, pair: Pair, share: Field | None = None) -> SoftMask:
        """Its mask in the new frame; `share` is what the other things leave of the window, (rows, columns)."""
        if guess is None:
            return self._lose(pair)
        membership = guess.membership if share is None else guess.membership * share
        window = guess.window
        coverage = _fine_coverage(pair.now, window, membership)
        inside, box, area = membership >= 0.5, box_of(coverage), float(coverage.sum())
        score = float(guess.sight.now[inside].mean()) if inside.any() else -1.0
        least_area, least_score = (FOUND, FOUND_SCORE) if self.hidden else (GONE, 0.0)
        if box is None or area < least_area * self._usual_area or score < least_score:
            return self._lose(pair)
        x0, y0, x1, y1 = max(box[0] - 1, 0), max(box[1] - 1, 0), box[2] + 1, box[3] + 1
        self._x, self._y, self._coverage = window.x + x0, window.y + y0, coverage[y0:y1, x0:x1].copy()
        self._usual_area = max(SHRINK * self._usual_area, area)
        full = area > FULL * self._usual_area
        middle = _middle(self._x, self._y, self._coverage) if full or self.hidden else self._middle + guess.shift
        if full and not self.hidden:
            speed = middle - moved(pair.camera, self._middle)
            self._speed = speed if self._speed is None else self._speed + STEADY * (speed - self._speed)
        self._middle, self._hidden = middle, 0
        if full:
            self._seen[1] = self._sighting(pair.now)
        self._trust = _trust(guess.sight, membership)
        self._behind = Behind.seen(window, guess.colors, membership, guess.behind)
        self._usual_window, self._usual_score = window, _usual_score(guess.sight.now, membership)
        agreed = np.clip(1 + np.where(inside, 1, -1) * guess.sight.first, 0.1, 1)
        self._look.learn(guess.colors, membership, (np.clip(np.abs(guess.evidence) / 3, 0, 1) * agreed).astype(np.float32))
        return SoftMask(self._x, self._y, self._coverage, float(np.clip(0.3 + 0.7 * score, 0.05, 1)))

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

    def _sighting(self, image: Image) -> Sighting:
        portrait = Portrait.of(image, self._x, self._y, self._coverage)
        return Sighting(self._x, self._y, self._coverage, _middle(self._x, self._y, self._coverage), portrait)

    def _window(self, sighting: Sighting, shape: tuple[int, ...], shift: NDArray[np.float64]) -> Window:
        dx, dy = int(shift[0]), int(shift[1])
        height, width = sighting.coverage.shape
        margin = max(LEAST_MARGIN, int(MARGIN * np.sqrt(height * width)))
        x, y = sighting.x + dx, sighting.y + dy
        return Window.around((x, y, x + width, y + height), margin, shape)


def _fine_coverage(image: Image, window: Window, membership: Field) -> Field:
    """The mask's coverage in full resolution, (height, width) of the window; 0 outside the picture."""
    fine = window.finest()
    coverage = fine.grown(edge_coverage(fine.colors(image), window.grown(membership, fine.size)))
    coverage[max(image.shape[0] - window.y, 0) :] = 0
    coverage[:, max(image.shape[1] - window.x, 0) :] = 0
    return coverage


def moved(homography: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where a point (x, y) lies after a homography."""
    x, y, w = homography @ np.array([point[0], point[1], 1.0])
    return np.array([x / w, y / w])


def _middle(x: int, y: int, coverage: Field) -> NDArray[np.float64]:
    mass = max(float(coverage.sum()), 1e-6)
    columns, rows = np.arange(coverage.shape[1]), np.arange(coverage.shape[0])
    return np.array([x + float(coverage.sum(0) @ columns) / mass, y + float(coverage.sum(1) @ rows) / mass])


def _grey(colors: Field) -> Image:
    return np.asarray(np.rint(np.clip(colors[..., 0] * 2.55, 0, 255)), np.uint8)


def _trust(sight: Sight, membership: Field) -> float:
    """How far the look alone would have found this mask, in [LEAST_TRUST, 1], judged along its outline."""
    soft = cv2.GaussianBlur(membership, (0, 0), 6)
    weight = 4 * soft * (1 - soft) + 0.01
    wrong = np.clip(np.abs(np.clip(sight.now, -1, 1) - (2 * membership - 1)) / 2, 0, 1)
    return float(np.clip(1 - (wrong * weight).sum() / weight.sum() / HALF_WRONG, LEAST_TRUST, 1))


def _usual_score(scores: Field, membership: Field) -> Field:
    """What lies midway between the scores inside and outside, nearby."""
    bounded = np.clip(scores, -1, 1)

    def mean(weight: Field, usual: float) -> Field:
        total = cv2.GaussianBlur(bounded * weight, (0, 0), NEARBY) + 1e-3 * usual
        return np.asarray(total / (cv2.GaussianBlur(weight, (0, 0), NEARBY) + 1e-3), np.float32)

    midway = (mean(membership, 1.0) + mean(1 - membership, -1.0)) / 2
    return np.asarray(np.clip(midway, -MOST_MIDWAY, MOST_MIDWAY), np.float32)


def _place(mask: Field, size: float, trust: float) -> Field:
    """Log-odds of the place alone, the less sure the better the look tells; nothing is expected far from the mask."""
    distance = signed_distance(mask)
    width = PLACE_WIDTH + PLACE_SHARE * size * trust
    near = np.clip(distance / width * 2, -PLACE_WEIGHT, PLACE_WEIGHT)
    return np.asarray(near - FAR_WEIGHT * np.clip(-distance / size - FAR, 0, 1), np.float32)


def _drop_foreign(membership: Field, first: Field, without_look: Field) -> None:
    """Take out pieces that the first look does not know and that neither motion nor place speaks for; and specks."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((membership >= 0.5).astype(np.uint8), connectivity=8)
    for k in range(1, count):
        x, y, w, h, area = stats[k]
        part = (slice(y, y + h), slice(x, x + w))
        piece = labels[part] == k
        foreign = first[part][piece].mean() < FOREIGN and without_look[part][piece].mean() < PLACE_WEIGHT
        if foreign or area < SPECK * membership.size:
            membership[part][piece] = 0
