"""Detection every few frames, and masks carried between them.

Detecting in every k-th frame and propagating between costs D / k + P a frame. What is followed stays under the detector's eye: things that
it confirms confidently get its mask again, so that drift can't add up; things that it rarely confirms were never there and are
dropped; things that were lost and look like themselves again get their number back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from kinescribe.perception.detections import MaskCrop, SoftMask
from kinescribe.perception.finding import Finder, Found
from kinescribe.perception.overlap import intersection, iou_matrix
from kinescribe.video.frame import Frame

__all__ = ["AUTO", "FollowedFrame", "MaskFollower"]

AUTO = "auto"
AUTO_FIRST, AUTO_LEAST, AUTO_MOST = 5, 2, 30  # frames from one detection to the next
CONFIRMED = 0.5  # intersection over union of a detected and a carried mask
ON_THE_SPOT = 0.9  # the same: the carried mask needs no help
CONFIDENT = 0.4  # score from which on a detector's mask replaces a carried one
DUPLICATE = 0.8  # intersection over union from which on two followed things are one
LEAST_CHANCES, LEAST_SHARE = 3, 0.34  # of the detections in which a thing was in view, the share that must confirm it
FORGOTTEN = 300  # frames out of sight, after which a thing is no longer searched for
SAME_COLOR = 18.0  # CIELAB distance
WINDOW_BYTES = 256_000_000


@dataclass(slots=True)
class _Thing:
    """One followed thing."""

    number: int
    votes: Counter[str] = field(default_factory=Counter)
    chances: int = 0
    confirmed: int = 0
    score: float = 0.0
    seen: int = -1  # frame
    centre: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    step: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    area: float = 0.0
    color: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    carried: bool = True

    @property
    def name(self) -> str:
        return self.votes.most_common(1)[0][0] if self.votes else ""

    @property
    def doubtful(self) -> bool:
        return self.chances >= LEAST_CHANCES and self.confirmed < LEAST_SHARE * self.chances


@dataclass(frozen=True, slots=True, eq=False)
class FollowedFrame:
    """What is followed in one frame.

    Attributes:
        frame: the frame.
        ids: (n,), of the things in view.
        masks, scores, phrases: n of each; the phrase is empty where the detector didn't look or didn't see the thing.
    """

    frame: Frame
    ids: NDArray[np.int64]
    masks: list[SoftMask]
    scores: NDArray[np.float64]
    phrases: list[str]


class MaskFollower:
    """Detects in some frames, and carries the masks through those between.

    Args:
        finder: finds the things in a frame.
        propagator: see `Propagator`; forgets what it followed before.
        every: frames from one detection to the next; "auto" makes it longer while nothing new turns up, and shorter when it does.
        batch_size: detections that are made at once.

    Attributes:
        dropped: ids of the things that the detector rarely confirmed; whole once all frames are through.
        detected: frames in which the detector looked.
    """

    def __init__(self, finder: Finder, propagator: Any, *, every: int | str = AUTO, batch_size: int = 8) -> None:
        self._finder, self._propagator, self._batch_size = finder, propagator, batch_size
        self._auto = every == AUTO
        self._every = AUTO_FIRST if every == AUTO else int(every)
        self._things: dict[int, _Thing] = {}
        self._next = 1
        self._duplicates: Counter[tuple[int, int]] = Counter()
        self.dropped: set[int] = set()
        self.detected: list[int] = []

    def follow(self, frames: Iterable[Frame]) -> Iterator[FollowedFrame]:
        """The things in view in each of these frames, which are a video's, in order."""
        self._propagator.reset()
        source = iter(frames)
        while window := self._window(source):
            keys = window[:: self._every]
            found = dict(zip((frame.index for frame in keys), self._finder.find(keys), strict=True))
            ahead = getattr(self._propagator, "encode_ahead", None)
            if ahead is not None:
                ahead(window)
            changed = False
            for frame in window:
                masks = {number: mask for number, mask in self._propagator.step(frame).items() if not mask.empty}
                named: dict[int, tuple[str, float]] = {}
                if frame.index in found:
                    self.detected.append(frame.index)
                    changed |= self._look(frame, masks, found[frame.index], named)
                yield self._followed(frame, masks, named)
            if self._auto:
                self._every = max(AUTO_LEAST, self._every // 2) if changed else min(AUTO_MOST, self._every * 2)
        self.dropped |= {thing.number for thing in self._things.values() if thing.doubtful}

    def _window(self, source: Iterator[Frame]) -> list[Frame]:
        """The next frames, that begin with one to detect in; few enough to be held."""
        first = next(source, None)
        if first is None:
            return []
        held = max(1, WINDOW_BYTES // max(first.image.nbytes, 1))
        batches = 1 if self._auto else max(1, min(self._batch_size, held // self._every))
        return [first, *islice(source, self._every * batches - 1)]

    def _look(self, frame: Frame, masks: dict[int, SoftMask], found: Found, named: dict[int, tuple[str, float]]) -> bool:
        """Hold the carried masks against the detected ones; whether anything changed. `masks` and `named` are brought up to date."""
        carried = {number: mask.binary() for number, mask in masks.items()}
        detected = [mask.binary() for mask in found.masks]
        pairs = _match(list(carried.values()), detected)
        numbers = list(carried)
        prompts: dict[int, MaskCrop] = {}
        for k, i, overlap in pairs:
            thing = self._things[numbers[k]]
            self._confirm(thing, found, i, named)
            if overlap < ON_THE_SPOT and found.scores[i] >= CONFIDENT:
                prompts[thing.number] = detected[i]
                masks[thing.number] = found.masks[i]
        taken = {i for _, i, _ in pairs}
        missed = [number for k, number in enumerate(numbers) if k not in {pair[0] for pair in pairs}]
        for number in missed:
            self._things[number].chances += 1
        changed = bool(missed)
        for i, mask in enumerate(detected):
            if i in taken or _is_several(mask, carried):
                continue
            thing = self._lost_like(frame, mask, found.phrases[i]) or self._new()
            self._confirm(thing, found, i, named)
            prompts[thing.number] = mask
            masks[thing.number] = found.masks[i]
            changed = True
        if prompts:
            self._propagator.prompt(frame, prompts)
        for number in [number for number in numbers if self._things[number].doubtful]:
            self._let_go(number, masks, named)
            self.dropped.add(number)
        for number in self._twins(carried):
            self._let_go(number, masks, named)
        return changed

    def _confirm(self, thing: _Thing, found: Found, i: int, named: dict[int, tuple[str, float]]) -> None:
        thing.chances += 1
        thing.confirmed += 1
        thing.votes.update(found.votes[i])
        thing.score = float(found.scores[i])
        named[thing.number] = (found.phrases[i], thing.score)

    def _new(self) -> _Thing:
        thing = self._things[self._next] = _Thing(self._next)
        self._next += 1
        return thing

    def _lost_like(self, frame: Frame, mask: MaskCrop, phrase: str) -> _Thing | None:
        """The thing that was lost from sight and looks like this one, near where it may have got to."""
        centre, area, color = _look_of(frame, mask)
        size = np.sqrt(area)
        best: tuple[float, _Thing] | None = None
        for thing in self._things.values():
            away = frame.index - thing.seen
            if thing.number in self.dropped or away < 1 or thing.seen < 0 or phrase not in thing.votes or thing.area <= 0:
                continue
            distance = float(np.hypot(*(centre - thing.centre - thing.step * min(away, 10))))
            reach = 3 * size + (0.5 * size + float(np.hypot(*thing.step))) * away
            difference = float(np.linalg.norm(color - thing.color))
            if distance <= reach and difference <= SAME_COLOR and 0.4 <= area / thing.area <= 2.5:
                cost = distance / reach + difference / SAME_COLOR
                if best is None or cost < best[0]:
                    best = cost, thing
        if best is None:
            return None
        best[1].carried = True
        return best[1]

    def _twins(self, carried: dict[int, MaskCrop]) -> list[int]:
        """The younger of two things whose masks have become one, at two detections in a row."""
        numbers = sorted(carried)
        overlap = iou_matrix([carried[n] for n in numbers], [carried[n] for n in numbers])
        here = {(a, b) for i, a in enumerate(numbers) for j, b in enumerate(numbers) if i < j and overlap[i, j] >= DUPLICATE}
        self._duplicates = Counter({pair: self._duplicates[pair] + 1 for pair in here})
        return sorted({younger for (_, younger), times in self._duplicates.items() if times >= 2})

    def _let_go(self, number: int, masks: dict[int, SoftMask], named: dict[int, tuple[str, float]]) -> None:
        masks.pop(number, None)
        named.pop(number, None)
        if self._things[number].carried:
            self._propagator.drop([number])
        self._things[number].carried = False

    def _followed(self, frame: Frame, masks: dict[int, SoftMask], named: dict[int, tuple[str, float]]) -> FollowedFrame:
        numbers = sorted(masks)
        for number in numbers:
            thing = self._things[number]
            centre, area, color = _look_of(frame, masks[number].binary())
            if thing.seen >= 0:
                thing.step = (centre - thing.centre) / max(frame.index - thing.seen, 1)
            thing.color = color if thing.seen < 0 else 0.9 * thing.color + 0.1 * color
            thing.centre, thing.area, thing.seen = centre, area, frame.index
        gone = [t.number for t in self._things.values() if t.carried and 0 <= t.seen < frame.index - FORGOTTEN]
        for number in gone:
            self._let_go(number, masks, named)
        scores = [named[n][1] if n in named else self._things[n].score * masks[n].score for n in numbers]
        phrases = [named[n][0] if n in named else "" for n in numbers]
        return FollowedFrame(frame, np.array(numbers, np.int64), [masks[n] for n in numbers], np.array(scores, np.float64), phrases)


def _match(carried: Sequence[MaskCrop], detected: Sequence[MaskCrop]) -> list[tuple[int, int, float]]:
    """Pairs of a carried and a detected mask that are of one thing, with their overlap."""
    overlap = iou_matrix(carried, detected)
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    return [(int(k), int(i), float(overlap[k, i])) for k, i in zip(rows, columns, strict=True) if overlap[k, i] >= CONFIRMED]


def _is_several(mask: MaskCrop, carried: dict[int, MaskCrop]) -> bool:
    """Whether a detected mask spans two or more things that are followed by themselves."""
    covered = [number for number, other in carried.items() if intersection(mask, other) >= 0.7 * max(int(other.pixels.sum()), 1)]
    return len(covered) >= 2


def _look_of(frame: Frame, mask: MaskCrop) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """Centre (px), area (px²) and mean CIELAB colour under a mask."""
    rows, columns = np.nonzero(mask.pixels)
    h, w = mask.pixels.shape
    crop = frame.image[mask.y : mask.y + h, mask.x : mask.x + w]
    mean = crop[mask.pixels].mean(0).astype(np.float32).reshape(1, 1, 3) / 255
    color = cv2.cvtColor(mean, cv2.COLOR_BGR2LAB).reshape(3).astype(np.float64)
    return np.array([mask.x + columns.mean(), mask.y + rows.mean()]), float(len(rows)), color
