"""Whether pictures follow each other as those of one recording do: frames that repeat the one before, and cuts to another scene.

Both are judged by how much changes from frame to frame, of the brightness alone and not in every row: that costs a few
hundredths of the reading.
"""

from __future__ import annotations

from array import array
from collections import deque

import numpy as np
from numpy.typing import NDArray

from .timing import named

__all__ = ["Continuity"]

_SAMPLES = 300_000  # values of a frame that are compared; rows are left out to come to that
_CHANGED = 12  # grey levels: what coding makes of a picture that is stored once more stays below
_WINDOW = 8  # frames to either side that tell how much usually changes
_STILL = 0.03  # of what usually changes: less is none
_LONGEST = 4  # repeats in a row: as many as 12 frames a second stored at 60 have; a body that rests does for longer
_LEAST = 8  # samples that have to change usually before what doesn't is worth a word
_OFTEN = 0.15  # of all frames: repeated by design, as where a recording is stored at a higher rate
_GRID = (24, 32)
_JUMP = 16  # grey levels
_WHOLE = 0.5  # of the picture that jumps in a cut; frames around it have less than half of that


class Continuity:
    """Looks at every frame of a video once, in order.

    Attributes:
        cuts: frames that show another scene than the one before.
    """

    def __init__(self, name: str) -> None:
        """Args: name: of the video, for the warnings."""
        self.cuts: list[int] = []
        self._name = name
        self._last: NDArray[np.uint8] | NDArray[np.uint16] | None = None
        self._changes = array("I")
        self._grids: deque[NDArray[np.float32]] = deque(maxlen=5)
        self._jumps: deque[float] = deque(maxlen=5)
        self._count = 0
        self._step = 1
        self._samples = 0

    def note(self, plane: NDArray[np.uint8] | NDArray[np.uint16], *, bits: int = 8, copy: bool = False) -> None:
        """Look at the next frame.

        Args:
            plane: (H, W), uint8 or uint16: brightness, or channels side by side. It is kept until the next one comes.
            bits: of a value.
            copy: whether it may change before the next one comes, so that what is needed of it is copied.
        """
        import cv2

        if self._last is None:
            self._step = -(-plane.size // _SAMPLES)
        rows = plane[:: self._step].copy() if copy else plane[:: self._step]
        if self._last is not None and rows.shape == self._last.shape:
            difference = cv2.absdiff(rows, self._last)
            changed = cv2.threshold(difference, _CHANGED << max(bits - 8, 0), 1, cv2.THRESH_BINARY)[1]
            self._changes.append(cv2.countNonZero(changed))
        self._last, self._samples = rows, rows.size
        grid = rows[:: max(1, rows.shape[0] // _GRID[0]), :: max(1, rows.shape[1] // _GRID[1])].astype(np.float32).ravel()
        if bits > 8:
            grid /= 1 << bits - 8
        if self._grids:
            self._jumps.append(float(np.count_nonzero(np.abs(grid - self._grids[-1]) > _JUMP)) / grid.size)
        self._grids.append(grid)
        self._count += 1
        self._look_for_cut(self._count - 3)

    def close(self) -> None:
        """After the last frame."""
        self._look_for_cut(self._count - 2)
        self._last = None

    def _look_for_cut(self, frame: int) -> None:
        """Whether `frame`, one or two before the last one seen, shows another scene than the one before it."""
        at = len(self._jumps) - (self._count - frame)
        if frame < 1 or at < 0 or self._grids[-1].size < 64:
            return
        jump, around = self._jumps[at], [value for k, value in enumerate(self._jumps) if k != at]
        if jump < _WHOLE or not around or max(around) > 0.5 * jump:
            return
        before, after = self._grids[at - len(self._jumps) - 1], self._grids[-1]
        if np.count_nonzero(np.abs(after - before) > _JUMP) < _WHOLE * after.size:  # a flash
            return
        if max(before.std(), after.std()) < 1:  # nothing is in it
            return
        if min(before.std(), after.std()) > 4 and np.corrcoef(before, after)[0, 1] > 0.9:  # another light on the same scene
            return
        self.cuts.append(frame)

    def repeated(self) -> tuple[list[int], bool]:
        """Frames that repeat the one before although things move around them, and whether they do so by design."""
        changes = np.asarray(self._changes, np.float64)
        if changes.size < 2 * _WINDOW:
            return [], False
        usual = _usual(changes)
        still = (changes <= _STILL * usual) & (usual >= _LEAST)
        frames: list[int] = []
        alone: list[int] = []
        edges = np.flatnonzero(np.diff(np.concatenate([[0], still.astype(np.int8), [0]])))
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if end - start > _LONGEST or start == 0 or end == changes.size:
                continue
            if min(changes[start - 1], changes[end]) >= 0.5 * usual[start:end].max():
                frames += range(start + 1, end + 1)
                alone += [start] if end - start == 1 else []
        if len(frames) >= 4 and len(frames) >= _OFTEN * changes.size:
            return frames, True
        if len(alone) < 2:
            return [], False
        # What bounces back half-way between two frames is at one place in both, but what has been left out makes up for it in the next.
        steps = [changes[k + 1] / changes[k - 1] for k in alone]
        if np.median(changes) < 0.05 * self._samples and float(np.median(steps)) < 1.25:
            return [], False
        return [k + 1 for k in alone], False

    @property
    def warnings(self) -> list[str]:
        """One line for each kind of thing that was found."""
        lines = []
        frames, by_design = self.repeated()
        if by_design:
            share = 1 - len(frames) / self._count
            lines.append(
                f"'{self._name}': {len(frames)} of {self._count} frames repeat the one before ({named(frames)}): a recording of about "
                f"{share:.2g} times the frame rate; velocities jump: take the repeats out, as ffmpeg's mpdecimate does"
            )
        elif frames:
            lines.append(
                f"'{self._name}': {named(frames)} repeat{'s' if len(frames) == 1 else ''} the one before while things move: "
                "frames were lost there, so positions in them are too old by a frame"
            )
        if self.cuts:
            lines.append(
                f"'{self._name}': another scene, or another light, begins at {named(self.cuts)}; "
                "what is followed across a cut makes no sense: split the video there"
            )
        return lines


def _usual(changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much changes around each frame: the upper quartile of the frames up to `_WINDOW` away."""
    out = np.empty_like(changes)
    padded = np.concatenate([changes[_WINDOW - 1 :: -1], changes, changes[: -_WINDOW - 1 : -1]])
    for start in range(0, changes.size, 10_000):
        end = min(start + 10_000, changes.size)
        windows = np.lib.stride_tricks.sliding_window_view(padded[start : end + 2 * _WINDOW], 2 * _WINDOW + 1)
        out[start:end] = np.quantile(windows, 0.75, axis=1)
    return out
