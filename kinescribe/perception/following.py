"""Detection every few frames, and masks carried between them.

Detecting in every k-th frame and propagating between costs D / k + P a frame. What is followed stays under the detector's eye: things that
it confirms confidently get its mask again, so that drift can't add up; things that it no longer confirms end where it last did, and those
that it hardly ever confirmed were never there; things that were lost and look like themselves again get their number back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.border import Border, Place
from kinescribe.perception.detections import MaskCrop, SoftMask
from kinescribe.perception.finding import Finder, Found
from kinescribe.perception.followed import FollowedThing, look_of
from kinescribe.perception.overlap import intersection, iou_matrix
from kinescribe.plugins import blaming
from kinescribe.video.frame import Frame

__all__ = ["AUTO", "FollowedFrame", "MaskFollower", "Withdrawn"]

AUTO = "auto"
AUTO_FIRST, AUTO_LEAST, AUTO_MOST = 5, 2, 30  # frames from one detection to the next
CONFIRMED = 0.5  # intersection over union of a detected and a carried mask
DRIFTED = 0.15  # the same, of masks with the same name and nothing better to go with
ON_THE_SPOT = 0.9  # the same: the carried mask needs no help
OWN_NAME = 0.05  # what the same name is worth among overlaps
CONFIDENT = 0.4  # score from which on a detector's mask replaces a carried one
SURE_AT_ONCE = 0.5  # score from which on a single detection is believed
DUPLICATE = 0.8  # intersection over union from which on two followed things are one
FORGOTTEN = 300  # frames out of sight, after which a thing is no longer searched for
WINDOW_BYTES = 256_000_000


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


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Rows that turned out not to be the thing's: those of `number` in the frames `first` to `last`, both included."""

    number: int
    first: int
    last: int


class MaskFollower:
    """Detects in some frames, and carries the masks through those between.

    Args:
        finder: finds the things in a frame.
        propagator: see `Propagator`; forgets what it followed before.
        every: frames from one detection to the next; "auto" makes it longer while nothing new turns up, and shorter when it does.
        batch_size: detections that are made at once.

    Attributes:
        dropped: ids of the things that the detector hardly ever confirmed; whole once all frames are through.
        withdrawn: rows of other things that were taken back; whole once all frames are through.
        detected: frames in which the detector looked.
        warnings: lines for the user, on what was mended of what the propagator gave.
    """

    def __init__(self, finder: Finder, propagator: Any, *, every: int | str = AUTO, batch_size: int = 8) -> None:
        self._finder, self._propagator, self._batch_size = finder, propagator, batch_size
        self._every_asked = every
        self.warnings: list[str] = []
        self._border = Border(propagator, self.warnings)
        self._begin()

    def _begin(self) -> None:
        self._auto = self._every_asked == AUTO
        self._every = AUTO_FIRST if self._auto else int(self._every_asked)
        self._due = 0
        self._things: dict[int, FollowedThing] = {}
        self._overlapping: dict[tuple[int, int], int] = {}  # pairs of which the masks are one, and since which frame
        self.dropped: set[int] = set()
        self.withdrawn: list[Withdrawn] = []
        self.detected: list[int] = []

    def follow(self, frames: Iterable[Frame]) -> Iterator[FollowedFrame]:
        """The things in view in each of these frames, which are a video's, in order; what was followed before is forgotten."""
        self._begin()
        with blaming(self._propagator, "while it was reset"):
            self._propagator.reset()
        source = iter(frames)
        first = next(source, None)
        self._due = 0 if first is None else first.index
        held = first
        last = -1
        while held is not None:
            window, held = self._window(held, source)
            keys = self._keys(window)
            found = dict(zip((frame.index for frame in keys), self._finder.find(keys), strict=True)) if keys else {}
            ahead = getattr(self._propagator, "encode_ahead", None)
            if ahead is not None:
                with self._border.watching(window):
                    ahead(window)
            changed = False
            for frame in window:
                last = frame.index
                with self._border.watching(frame.index):
                    given = self._propagator.step(frame)
                carried = self._border.followed(given, Place.of(frame), self._things)
                masks = {number: mask for number, mask in carried.items() if not mask.empty}
                named: dict[int, tuple[str, float]] = {}
                self._note_overlaps(frame.index, masks)
                if frame.index in found:
                    self.detected.append(frame.index)
                    changed |= self._look(frame, masks, found[frame.index], named)
                yield self._followed(frame, masks, named)
            if self._auto and keys:
                self._every = max(AUTO_LEAST, self._every // 2) if changed else min(AUTO_MOST, self._every * 2)
                self._due = keys[-1].index + self._every
        self._finish(last)

    def votes(self) -> dict[int, dict[str, float]]:
        """For each thing the sum of the detector's scores for each name that it gave it."""
        return {thing.number: dict(thing.votes) for thing in self._things.values()}

    def _window(self, first: Frame, source: Iterator[Frame]) -> tuple[list[Frame], Frame | None]:
        """The next frames, few enough to be held, and the one after them."""
        batches = 1 if self._auto else self._batch_size
        most = max(1, min(self._every * batches, WINDOW_BYTES // max(first.image.nbytes, 1)))
        window, following = [first], next(source, None)
        while following is not None and len(window) < most and not (self._auto and following.index >= self._due + self._every):
            window.append(following)
            following = next(source, None)
        return window, following

    def _keys(self, window: Sequence[Frame]) -> list[Frame]:
        """Those of the frames in which the detector looks."""
        keys = []
        for frame in window:
            if frame.index >= self._due:
                keys.append(frame)
                self._due = frame.index + self._every
        return keys

    def _look(self, frame: Frame, masks: dict[int, SoftMask], found: Found, named: dict[int, tuple[str, float]]) -> bool:
        """Hold the carried masks against the detected ones; whether anything changed. `masks` and `named` are brought up to date."""
        carried = {number: mask.binary() for number, mask in masks.items()}
        detected = [mask.binary() for mask in found.masks]
        numbers = list(carried)
        pairs = self._match(numbers, list(carried.values()), detected, found.phrases)
        prompts: dict[int, MaskCrop] = {}
        taken: set[int] = set()
        met: set[int] = set()
        for k, i, overlap in pairs:
            thing = self._things[numbers[k]]
            self._confirm(frame, thing, found, i, named)
            taken.add(i)
            met.add(thing.number)
            if overlap < ON_THE_SPOT and found.scores[i] >= CONFIDENT:
                prompts[thing.number] = detected[i]
                masks[thing.number] = found.masks[i]
        changed = False
        for i, mask in enumerate(detected):
            if i in taken or self._is_several(mask, found.phrases[i], carried):
                continue
            thing = self._lost_like(frame, mask, found.phrases[i], masks, met) or self._new()
            self._take_back(thing, frame.index - 1)
            self._confirm(frame, thing, found, i, named)
            met.add(thing.number)
            prompts[thing.number] = mask
            masks[thing.number] = found.masks[i]
            changed = True
        for number in set(numbers) - met:
            self._things[number].miss()
            changed = True
        if prompts:
            with self._border.watching(frame.index):
                self._propagator.prompt(frame, prompts)
        for number in numbers:
            thing = self._things[number]
            if number not in met and thing.unconfirmed:
                self._let_go(thing, frame.index, masks, named)
                if not thing.believed:
                    self.dropped.add(number)
                else:
                    self.withdrawn.append(Withdrawn(number, thing.confirmed_in + 1, frame.index))
        for number in self._twins():
            thing = self._things[number]
            if number in masks and number not in prompts:
                self._take_back(thing, frame.index)
                self._let_go(thing, frame.index, masks, named)
        return changed

    def _match(
        self, numbers: Sequence[int], carried: Sequence[MaskCrop], detected: Sequence[MaskCrop], phrases: Sequence[str]
    ) -> list[tuple[int, int, float]]:
        """Pairs of a carried and a detected mask of one thing, with their overlap: first the clear ones, then what drifted apart."""
        overlap = iou_matrix(carried, detected)
        same = np.array([[phrase in self._things[number].votes for phrase in phrases] for number in numbers], bool).reshape(overlap.shape)
        pairs: list[tuple[int, int, float]] = []
        worth = overlap + OWN_NAME * same
        for least, among in ((CONFIRMED, np.ones_like(same)), (DRIFTED, same)):
            free = np.where(among & (overlap >= least), worth, 0.0)
            for k, i, _ in pairs:
                free[k, :] = free[:, i] = 0.0
            from scipy.optimize import linear_sum_assignment  # a quarter of a second to import

            rows, columns = linear_sum_assignment(free, maximize=True)
            pairs += [(int(k), int(i), float(overlap[k, i])) for k, i in zip(rows, columns, strict=True) if free[k, i] > 0]
        return pairs

    def _confirm(self, frame: Frame, thing: FollowedThing, found: Found, i: int, named: dict[int, tuple[str, float]]) -> None:
        thing.confirm(frame.index, float(found.scores[i]), found.votes[i])
        named[thing.number] = (found.phrases[i], thing.score)

    def _new(self) -> FollowedThing:
        number = len(self._things) + 1
        thing = self._things[number] = FollowedThing(number)
        return thing

    def _lost_like(self, frame: Frame, mask: MaskCrop, phrase: str, masks: dict[int, SoftMask], met: set[int]) -> FollowedThing | None:
        """The thing that looks like this one, near where it may be, of those lost from sight or whose masks slipped onto another's."""
        slipped = {number for pair in self._overlapping for number in pair}
        look = look_of(frame, mask)
        best: tuple[float, FollowedThing] | None = None
        for thing in self._things.values():
            in_view = thing.number in masks and thing.number not in slipped
            if in_view or thing.number in met or thing.number in self.dropped or frame.index - thing.seen > FORGOTTEN:
                continue
            cost = thing.unlike(look, phrase, frame.index)
            if cost is not None and (best is None or cost < best[0]):
                best = cost, thing
        return None if best is None else best[1]

    def _take_back(self, thing: FollowedThing, last: int) -> None:
        """Withdraw what was reported of a thing since its mask slipped onto another's, up to the frame `last`."""
        since = [first for pair, first in self._overlapping.items() if thing.number in pair]
        if since and min(since) <= last:
            self.withdrawn.append(Withdrawn(thing.number, min(since), last))
        self._overlapping = {pair: first for pair, first in self._overlapping.items() if thing.number not in pair}

    def _twins(self) -> list[int]:
        """Of two things whose masks have been one for two detections in a row, the one that was confirmed less lately."""
        since = self.detected[-2] if len(self.detected) >= 2 else -1
        late = []
        for (a, b), first in self._overlapping.items():
            if first <= since:
                one, other = self._things[a], self._things[b]
                late.append(a if (one.confirmed_in, -a) < (other.confirmed_in, -b) else b)
        return sorted(set(late))

    def _let_go(self, thing: FollowedThing, index: int, masks: dict[int, SoftMask], named: dict[int, tuple[str, float]]) -> None:
        masks.pop(thing.number, None)
        named.pop(thing.number, None)
        self._drop(thing, index)
        self._overlapping = {pair: first for pair, first in self._overlapping.items() if thing.number not in pair}

    def _drop(self, thing: FollowedThing, index: int) -> None:
        thing.carried = False
        with self._border.watching(index):
            self._propagator.drop([thing.number])

    def _is_several(self, mask: MaskCrop, phrase: str, carried: dict[int, MaskCrop]) -> bool:
        """Whether a detected mask is nothing but two or more things of its name that are followed by themselves."""
        shared = {number: intersection(mask, other) for number, other in carried.items() if phrase in self._things[number].votes}
        inside = [number for number, both in shared.items() if both >= 0.7 * max(int(carried[number].pixels.sum()), 1)]
        filled = sum(shared[number] for number in inside)
        return len(inside) >= 2 and filled >= 0.6 * max(int(mask.pixels.sum()), 1)

    def _followed(self, frame: Frame, masks: dict[int, SoftMask], named: dict[int, tuple[str, float]]) -> FollowedFrame:
        numbers = sorted(masks)
        self._note_overlaps(frame.index, masks)
        slipped = {number for pair in self._overlapping for number in pair}
        for number in numbers:
            if number not in slipped:
                self._things[number].see(frame.index, look_of(frame, masks[number].binary()))
        for thing in [t for t in self._things.values() if t.carried and t.number not in masks and 0 <= t.seen < frame.index - FORGOTTEN]:
            self._drop(thing, frame.index)
        for number in numbers:
            self._things[number].carried = True
        scores = [named[n][1] if n in named else self._things[n].score * masks[n].score for n in numbers]
        return FollowedFrame(
            frame,
            np.array(numbers, np.int64),
            [masks[number] for number in numbers],
            np.array(scores, np.float64),
            [named[number][0] if number in named else "" for number in numbers],
        )

    def _note_overlaps(self, index: int, masks: dict[int, SoftMask]) -> None:
        """Which pairs of things have one mask between them; those that had before keep the frame in which that began."""
        numbers = sorted(masks)
        crops = [masks[number].binary() for number in numbers]
        rows, columns = np.nonzero(np.triu(iou_matrix(crops, crops) >= DUPLICATE, 1))
        here = [(numbers[a], numbers[b]) for a, b in zip(rows.tolist(), columns.tolist(), strict=True)]
        self._overlapping = {pair: self._overlapping.get(pair, index) for pair in here}

    def _finish(self, last: int) -> None:
        """Judge those that are still followed when the video ends."""
        for thing in self._things.values():
            if thing.number in self.dropped:
                continue
            once = thing.confirmed < 2 and (thing.chances >= 2 or (len(self.detected) > 1 and thing.score < SURE_AT_ONCE))
            if once or not thing.believed:
                self.dropped.add(thing.number)
            elif thing.unconfirmed and thing.confirmed_in < last:
                self.withdrawn.append(Withdrawn(thing.number, thing.confirmed_in + 1, last))
