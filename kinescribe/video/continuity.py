"""Whether pictures follow each other as those of one recording do: frames that repeat the one before, and cuts to another scene.

Both are judged by how much changes from frame to frame, of the brightness alone and not in every row: that costs a few
hundredths of the reading. Light that wavers stands still where it turns, though things move on: what repeats has no change of light.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .timing import named

__all__ = ["Continuity"]

_SAMPLES = 80_000  # values of a frame that are compared; rows are left out to come to that
_CHANGED = 12  # grey levels: what coding makes of a picture that is stored once more stays below
_WINDOW = 8  # frames to either side that tell how much usually changes
_STILL = 0.1  # of what usually changes: less is none
_OFTEN_STILL = 0.2  # where there is much of it
_LONGEST = 4  # repeats in a row: as many as 12 frames a second stored at 60 have; a body that rests does for longer
_LEAST = 8  # samples that have to change usually before what doesn't is worth a word
_OFTEN = 0.15  # of all frames: repeated by design, as where a recording is stored at a higher rate
_FEWEST = 64  # samples: a smaller picture is too small to tell scenes apart
_AFTER = 3  # frames that a new scene has to last, else it's a flash
_WHOLE = 0.5  # of the picture that changes in a cut; in frames around it less than half as much does

_TILES = 6, 4  # of the picture, whose light is compared
_LIGHT_SAMPLES = 10_000  # that it is taken from; of rows fewer are left out than of columns, for rows were already
_SAME_LIGHT = 1.5  # grey levels, of each tile's mean, which is rounded: more is no repeat
_WAVERING = 1.0  # grey levels, of most tiles: the light changes, or all of the picture moves

_Rows = NDArray[np.uint8] | NDArray[np.uint16]


class Continuity:
    """Looks at every frame of a video once, in order.

    Attributes:
        cuts: frames that show another scene than the one before.
    """

    def __init__(self, name: str) -> None:
        """Args: name: of the video, for the warnings."""
        self.cuts: list[int] = []
        self._name = name
        self._last: _Rows | None = None
        self._before: tuple[int, _Rows] | None = None  # a frame that may begin another scene, and what the one before it shows
        self._changes = array("I")
        self._lights = bytearray()  # means of the tiles of each frame, as the values are stored
        self._numbers = array("Q")
        self._step, self._unit, self._samples = 1, 1, 0

    def note(self, plane: _Rows, *, bits: int = 8, number: int | None = None) -> None:
        """Look at the next frame.

        Args:
            plane: (H, W), uint8 or uint16: brightness, or channels side by side.
            bits: of a value.
            number: of the frame in the video; one more than that of the frame before, if not given.
        """
        import cv2

        last = self._last
        self._numbers.append((self._numbers[-1] + 1 if self._numbers else 0) if number is None else number)
        if last is None:
            self._step, self._unit = -(-plane.size // _SAMPLES), 1 << bits - 8
        rows = plane[:: self._step].copy()  # a small copy, which is still in the cache when the next frame is held against it
        self._last = rows
        across = max(1, rows.size // (2 * _LIGHT_SAMPLES))
        sparse: _Rows = rows[:: min(2, across), ::across].copy()
        self._lights += cv2.resize(sparse, _TILES, interpolation=cv2.INTER_AREA).data
        if last is None:
            self._samples = rows.size
            return
        changed = cv2.countNonZero(cv2.threshold(cv2.absdiff(rows, last), _CHANGED * self._unit, 1, cv2.THRESH_BINARY)[1])
        self._changes.append(changed)
        if self._before is not None and len(self._changes) == self._before[0] + _AFTER:
            self._judge(*self._before)
        if changed >= _WHOLE * self._samples:
            self._before = len(self._changes), last

    def close(self) -> None:
        """After the last frame."""
        if self._before is not None:
            self._judge(*self._before)

    def _judge(self, frame: int, before: _Rows) -> None:
        """Whether `frame` begins another scene than the one before it shows."""
        self._before = None
        changes, after, unit = self._changes, self._last, self._unit
        around = [*changes[max(0, frame - 1 - _AFTER) : frame - 1], *changes[frame : frame + _AFTER]]
        if after is None or after.size < _FEWEST or not around or max(around) > 0.5 * changes[frame - 1]:
            return
        steps = np.median(self._light_steps(max(0, frame - 1 - _AFTER), frame + _AFTER), axis=1)
        here = min(frame - 1, _AFTER)
        if np.delete(steps, here).max() > 0.5 * steps[here]:  # light that wavers, at its steepest
            return
        one, other = before.ravel().astype(np.float32), after.ravel().astype(np.float32)
        if np.count_nonzero(np.abs(one - other) > _CHANGED * unit) < _WHOLE * one.size:  # a flash
            return
        if max(one.std(), other.std()) < unit:  # nothing is in it
            return
        if min(one.std(), other.std()) > 4 * unit and np.corrcoef(one, other)[0, 1] > 0.9:  # another light on the same scene
            return
        self.cuts.append(self._numbers[frame])

    def repeated(self) -> tuple[list[int], bool]:
        """Frames that repeat the one before although things move around them, and whether they do so by design."""
        changes, numbers = np.asarray(self._changes, np.float64), self._numbers
        if changes.size < 2 * _WINDOW:
            return [], False
        usual, steps = _usual(changes), self._light_steps()
        wavers = _usual(np.median(steps, axis=1).astype(np.float64)) > _WAVERING
        may_repeat = (steps.max(1) <= _SAME_LIGHT) & (~wavers | (changes < _LEAST))
        frames = [numbers[k + 1] for run in _runs(changes, usual, may_repeat, wavers, _OFTEN_STILL) for k in run]
        if len(frames) >= 4 and len(frames) >= _OFTEN * changes.size:
            return frames, True
        inner = (run for run in _runs(changes, usual, may_repeat, wavers, _STILL) if run.start > 0 and run.stop < changes.size)
        alone = [run.start for run in inner if len(run) == 1 and not wavers[run.start]]  # light that turns looks like it now and then
        if len(alone) < 2:
            return [], False
        # What bounces back half-way between two frames is at one place in both, but what has been left out makes up for it in the next.
        nexts = [changes[k + 1] / changes[k - 1] for k in alone]
        if np.median(changes) < 0.05 * self._samples and float(np.median(nexts)) < 1.25:
            return [], False
        return [numbers[k + 1] for k in alone], False

    def _light_steps(self, first: int = 0, last: int | None = None) -> NDArray[np.float32]:
        """By how much the light of each tile changes, grey levels, (changes from `first` to `last`, tiles)."""
        kind = np.uint8 if self._last is None else self._last.dtype
        lights = np.frombuffer(self._lights, kind).reshape(-1, _TILES[0] * _TILES[1])
        lights = lights[first : None if last is None else last + 1].astype(np.float32) / self._unit
        return np.asarray(np.abs(np.diff(lights, axis=0)), np.float32)

    @property
    def warnings(self) -> list[str]:
        """One line for each kind of thing that was found."""
        lines = []
        frames, by_design = self.repeated()
        if by_design:
            count = len(self._changes) + 1
            lines.append(
                f"'{self._name}': {len(frames)} of {count} frames repeat the one before ({named(frames)}): a recording of about "
                f"{1 - len(frames) / count:.2g} times the frame rate; velocities jump: take the repeats out, as ffmpeg's mpdecimate does"
            )
        elif frames:
            lines.append(
                f"'{self._name}': {named(frames)} repeat{'s' if len(frames) == 1 else ''} the one before while things move: "
                "frames were lost there, so positions in them are too old by a frame"
            )
        if self.cuts:
            lines.append(
                f"'{self._name}': another scene, or another light, begins at {named(self.cuts)}; "
                "what is followed across a cut makes no sense: extract the parts one by one"
            )
        return lines


def _runs(
    changes: NDArray[np.float64], usual: NDArray[np.float64], may_repeat: NDArray[np.bool_], wavers: NDArray[np.bool_], share: float
) -> Iterator[range]:
    """Where less than this share of what usually changes does, for a few frames between others in which as much does as usual."""
    still = (changes <= share * usual) & (usual >= _LEAST) & may_repeat
    edges = np.flatnonzero(np.diff(still.astype(np.int8), prepend=0, append=0))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        beside = [changes[k] for k in (start - 1, end) if 0 <= k < changes.size]
        as_usual = beside and (wavers[start] or min(beside) >= 0.5 * usual[start:end].max())  # how much the light changes, varies
        if end - start <= _LONGEST and as_usual:
            yield range(start, end)


def _usual(changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much changes around each frame: the upper quartile of the frames up to `_WINDOW` away."""
    out = np.empty_like(changes)
    padded = np.concatenate([changes[_WINDOW - 1 :: -1], changes, changes[: -_WINDOW - 1 : -1]])
    for start in range(0, changes.size, 10_000):
        end = min(start + 10_000, changes.size)
        windows = np.lib.stride_tricks.sliding_window_view(padded[start : end + 2 * _WINDOW], 2 * _WINDOW + 1)
        out[start:end] = np.quantile(windows, 0.75, axis=1)
    return out
