"""What plug-ins hand over, checked before it is used: the first thing that makes no sense is told with the plug-in and the frame.

Masks that reach over the picture's edge are cut there, which is told once; what can't be understood ends the run.
Kinescribe's own parts go through the same checks: nonsense of theirs is a defect of ours, and raised as one, not as the user's to mend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import InputError
from kinescribe.perception.detections import Detections, MaskCrop, SoftMask
from kinescribe.plugins import blaming, is_ours
from kinescribe.video.frame import Frame

__all__ = ["Border", "Place"]

FINITE = ("boxes", "centroids", "covariances", "areas", "sizes", "scores")
SHAPES = {"boxes": (4,), "centroids": (2,), "covariances": (2, 2), "sizes": (2,), "colors": (3,)}
ARRAYS = ("areas", "angles", "angle_sigmas", "contrasts", "scores", "truncated")
SLACK = 1e-4  # of a coverage, for sums of floats


class Place(NamedTuple):
    """Which frame something is in, and the picture's size, px."""

    frame: int
    width: int
    height: int

    @classmethod
    def of(cls, frame: Frame) -> Place:
        """That of a frame at hand."""
        height, width = frame.image.shape[:2]
        return cls(frame.index, width, height)


class Border:
    """Checks what one part gives, and names it where it fails: `InputError` for a plug-in, `RuntimeError` for one of kinescribe's own.

    Args:
        part: the plug-in, or a part of ours.
        warnings: where a line goes for what was mended.
    """

    def __init__(self, part: Any, warnings: list[str]) -> None:
        self._part, self._name, self._warnings = part, type(part).__name__, warnings

    def watching(self, frames: int | Sequence[Frame]) -> AbstractContextManager[None]:
        """A block in which the plug-in is called on a frame, or several: what it raises is an `InputError` that names both."""
        if not isinstance(frames, int):
            first, last = frames[0].index, frames[-1].index
            return blaming(self._part, f"on frame {first}" if first == last else f"on frames {first} to {last}")
        return blaming(self._part, f"on frame {frames}")

    def detections(self, found: Any, at: Place) -> Detections:
        """The detections of a frame, masks cut to the picture. Raises `InputError` for what are none, naming what is wrong."""
        index = at.frame
        if not isinstance(found, Detections):
            self._refuse(index, f"a {type(found).__name__} instead of kinescribe.perception.Detections")
        if found.frame != index:
            self._refuse(index, f"detections of frame {found.frame}")
        count = len(found.boxes)
        for name in (*SHAPES, *ARRAYS):
            wanted = (count, *SHAPES.get(name, ()))
            shape = np.shape(getattr(found, name))
            if shape != wanted:
                self._refuse(index, f"'{name}' of shape {shape}, where {count} boxes need {wanted}")
        for name in ("masks", "phrases", "shapes"):
            if len(getattr(found, name)) != count:
                self._refuse(index, f"{len(getattr(found, name))} {name} for {count} boxes")
        for name in FINITE:
            if not np.isfinite(getattr(found, name)).all():
                self._refuse(index, f"'{name}' with NaN or infinity")
        self._check_place(found, at)
        if count and not ((found.scores >= 0) & (found.scores <= 1)).all():
            self._refuse(index, f"a score of {float(found.scores[np.abs(found.scores - 0.5).argmax()]):g}; scores lie between 0 and 1")
        if count and not (np.diagonal(found.covariances, axis1=1, axis2=2) > 0).all():
            self._refuse(index, "a covariance without a variance above 0; say how far positions may be off")
        masks = [self._crop(mask, at) for mask in found.masks]
        return found if all(a is b for a, b in zip(masks, found.masks, strict=True)) else replace(found, masks=masks)

    def batch(self, found: Any, frames: Sequence[Frame]) -> list[Detections]:
        """The detections of several frames."""
        every = list(found)
        if len(every) != len(frames):
            self._refuse(frames[0].index, f"{len(every)} detections for {len(frames)} frames")
        return [self.detections(one, Place.of(frame)) for one, frame in zip(every, frames, strict=True)]

    def masks(self, masks: Any, at: Place, count: int) -> list[SoftMask]:
        """One mask for each of `count` boxes."""
        if not isinstance(masks, Sequence) or len(masks) != count:
            what = f"{len(masks)} masks" if isinstance(masks, Sequence) else f"a {type(masks).__name__}"
            self._refuse(at.frame, f"{what}, where {count} boxes need one mask each")
        return [self.mask(mask, at) for mask in masks]

    def followed(self, masks: Any, at: Place, known: Mapping[int, Any]) -> dict[int, SoftMask]:
        """Masks by id, of ids that were prompted for."""
        if not isinstance(masks, Mapping):
            self._refuse(at.frame, f"a {type(masks).__name__} instead of masks by id")
        strange = [number for number in masks if number not in known]
        if strange:
            self._refuse(at.frame, f"a mask for the id {strange[0]!r}, which nobody asked it to follow")
        return {int(number): self.mask(mask, at) for number, mask in masks.items()}

    def ids(self, ids: Any, found: Detections) -> NDArray[np.int64]:
        """(N,) ids of N detections."""
        numbers = np.asarray(ids)
        if numbers.shape != (len(found),) or (len(found) and numbers.dtype.kind not in "iu"):
            self._refuse(found.frame, f"ids of shape {numbers.shape} and type {numbers.dtype}, where {len(found)} whole numbers are needed")
        return numbers.astype(np.int64)

    def whole(self, told: int, frames: int) -> None:
        """Refuse a part that left frames out."""
        if told != frames:
            self._refuse(told, f"detections for {told} of {frames} frames")

    def mask(self, mask: Any, at: Place) -> SoftMask:
        """A soft mask inside the picture; empty where all of it lies outside."""
        if not isinstance(mask, SoftMask):
            self._refuse(at.frame, f"a {type(mask).__name__} as a mask, instead of kinescribe.perception.SoftMask")
        self._placed(mask, at)
        coverage = np.asarray(mask.coverage)
        if coverage.ndim != 2 or coverage.dtype.kind not in "fb":
            self._refuse(at.frame, f"a mask of shape {coverage.shape} and type {coverage.dtype}; coverage is (h, w), float, 0 to 1")
        if coverage.size and not np.isfinite(coverage).all():
            self._refuse(at.frame, "a mask with NaN or infinity")
        if coverage.size and not (float(coverage.min()) >= -SLACK and float(coverage.max()) <= 1 + SLACK):
            self._refuse(at.frame, f"a mask of values from {coverage.min():g} to {coverage.max():g}; coverage lies between 0 and 1")
        if not np.isfinite(mask.score):
            self._refuse(at.frame, f"a mask with the score {mask.score}")
        if coverage.dtype == np.bool_:
            coverage = coverage.astype(np.float32)
        x, y, inside = self._cut(int(mask.x), int(mask.y), coverage, at, bool((coverage >= 0.5).any()))
        return mask if inside is mask.coverage else SoftMask(x, y, inside, mask.score)

    def _check_place(self, found: Detections, at: Place) -> None:
        """Boxes meet the picture, and centroids lie in it or, by no more than their box is large, beside it."""
        picture = np.array([at.width, at.height], np.float64)
        for box, centroid in zip(found.boxes, found.centroids, strict=True):
            if (box[2:] < -1).any() or (box[:2] > picture).any():
                shown = ", ".join(f"{value:g}" for value in box)
                self._refuse(at.frame, f"a box outside the picture of {at.width}×{at.height} px ({shown})")
            reach = np.minimum(np.abs(box[2:] - box[:2]), picture) + 1
            if (centroid < -reach).any() or (centroid > picture + reach).any():
                where = f"{centroid[0]:g}, {centroid[1]:g}"
                self._refuse(at.frame, f"a centroid outside the picture of {at.width}×{at.height} px ({where}), far from its box")

    def _crop(self, mask: Any, at: Place) -> MaskCrop:
        if not isinstance(mask, MaskCrop):
            self._refuse(at.frame, f"a {type(mask).__name__} as a mask, instead of kinescribe.perception.MaskCrop")
        self._placed(mask, at)
        pixels = np.asarray(mask.pixels)
        if pixels.ndim != 2 or pixels.dtype != np.bool_:
            self._refuse(at.frame, f"a mask of shape {pixels.shape} and type {pixels.dtype}; pixels are (h, w), bool")
        x, y, inside = self._cut(int(mask.x), int(mask.y), pixels, at, bool(pixels.any()))
        if not inside.any():
            self._refuse(at.frame, f"a mask without a pixel in the picture (its corner is {mask.x}, {mask.y})")
        return mask if inside is pixels else MaskCrop(x, y, inside)

    def _placed(self, mask: SoftMask | MaskCrop, at: Place) -> None:
        if not all(isinstance(value, int | np.integer) for value in (mask.x, mask.y)):
            self._refuse(at.frame, f"a mask at {mask.x!r}, {mask.y!r}; the corner is a pixel, in whole numbers")

    def _cut(self, x: int, y: int, pixels: Any, at: Place, shows: bool) -> tuple[int, int, Any]:
        """Corner and pixels, cut at the picture's edges."""
        h, w = pixels.shape
        x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, at.width), min(y + h, at.height)
        if (x0, y0, x1, y1) == (x, y, x + w, y + h) or not pixels.size:
            return x, y, pixels
        if shows and not any(line.startswith(self._start()) for line in self._warnings):
            self._warnings.append(f"{self._start()} cut off there, first in frame {at.frame}")
        if x1 <= x0 or y1 <= y0:
            return 0, 0, pixels[:0, :0]
        return x0, y0, pixels[y0 - y : y1 - y, x0 - x : x1 - x]

    def _start(self) -> str:
        return f"masks of {self._name} that reach beyond the picture's edge were"

    def _refuse(self, frame: int, what: str) -> NoReturn:
        if is_ours(self._part):
            raise RuntimeError(f"kinescribe's own {self._name} gave {what} (frame {frame})")
        raise InputError(f"{self._name} gave {what} (frame {frame}); mend the plug-in, or choose another")
