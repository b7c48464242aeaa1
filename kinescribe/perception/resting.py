"""Objects at rest, told from the background behind them by the seam that they make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.stack import FrameStack, as_doubled, as_limits, pieces

__all__ = ["CLUSTER_SIGMAS", "undo_resting_objects"]

Float32 = NDArray[np.float32]

CLUSTER_SIGMAS = 5.0  # values within so many σ of a stable value belong to it
SMALLEST_REGION = 5  # px
ROUNDS = 2  # slivers at the rim of what was swapped are told once the rest is right
LESS_OF_A_SEAM = 0.8
MOST_OF_AWAY, SOME_OF_AWAY = 0.5, 0.25  # share of the frames off the plate in which a second value must hold


def undo_resting_objects(stack: FrameStack, plate: Float32, noise: Float32) -> Float32:
    """Swap in a pixel's second stable value where that leaves the smaller seam against the surroundings; the plate's values are doubled
    whole numbers.
    """
    reach = CLUSTER_SIGMAS * noise
    found = _second_values(stack, plate, reach)
    for _ in range(ROUNDS):
        swapped = _swapped(plate, found)
        changed = (swapped != plate).any(-1)
        plate = swapped
        if not changed.any():
            break
        found = found.but(changed).joined(_second_values(stack, plate, reach, changed))
    return plate


def _swapped(plate: Float32, found: _Second) -> Float32:
    from kinescribe.perception import compiled_stack

    if not len(found.pixels):
        return plate
    labels, count = _components(found, plate.shape[:2])
    label_image = np.zeros(plate.shape[:2], np.int32)
    label_image.ravel()[found.pixels] = labels + 1
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(count + 1))
    out = plate.copy()
    compiled_stack.swap_for_smaller_seams(
        out, found.values[order], found.pixels[order], starts, label_image, SMALLEST_REGION, LESS_OF_A_SEAM
    )
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Second:
    """Second stable values.

    Attributes:
        pixels: (P,), ascending, counted row by row.
        values: (P, 3).
        frames: uint8, (P, S / 8), a bit for each frame that holds the value.
    """

    pixels: NDArray[np.intp]
    values: Float32
    frames: NDArray[np.uint8]

    def but(self, left_out: NDArray[np.bool_]) -> _Second:
        """Without the pixels of a mask (H, W)."""
        kept = ~left_out.ravel()[self.pixels]
        return _Second(self.pixels[kept], self.values[kept], self.frames[kept])

    def joined(self, other: _Second) -> _Second:
        """With another's pixels, in order."""
        pixels = np.concatenate([self.pixels, other.pixels])
        order = np.argsort(pixels, kind="stable")
        values, frames = np.concatenate([self.values, other.values]), np.concatenate([self.frames, other.frames])
        return _Second(pixels[order], values[order], frames[order])


def _second_values(stack: FrameStack, plate: Float32, reach: Float32, among: NDArray[np.bool_] | None = None) -> _Second:
    """Of all pixels, or of those of a mask (H, W)."""
    from kinescribe.perception import compiled_stack  # numba takes its time to come in

    count = len(stack.images)
    least = max(3, count // 16)
    doubled, limits = as_doubled(plate).reshape(-1, 3), as_limits(reach)
    pixels, seconds = [np.zeros(0, np.intp)], [np.zeros((0, 3), np.float32)]
    frames = [np.zeros((0, -(-count // 8)), np.uint8)]
    often = stack.beyond(plate, reach) >= least
    for chosen in pieces(np.flatnonzero(often if among is None else often & among)):
        values, here = stack.columns(chosen), limits[chosen]
        away = np.empty((count, len(chosen)), bool)
        compiled_stack.which_beyond(values, doubled[chosen].ravel(), here, away)
        second, agrees, stable = _stable(values, away, away, here, least, MOST_OF_AWAY)
        if not stable.all():  # what passed by is another value still, or many: the value that lasted longest, if something came or went
            spells = np.empty_like(away)
            compiled_stack.longest_spells(values, away, here, spells)
            lasting, holds, enough = _stable(values, spells, away, here, least, SOME_OF_AWAY)
            enough &= _one_after_the_other(~away, holds)
            instead = enough & ~stable
            second[instead], agrees[:, instead] = lasting[instead], holds[:, instead]
            stable |= enough
        pixels.append(chosen[stable])
        seconds.append(second[stable] * np.float32(0.5))
        frames.append(np.packbits(agrees[:, stable], axis=0).T)
    return _Second(np.concatenate(pixels), np.concatenate(seconds), np.concatenate(frames))


def _stable(
    values: NDArray[np.uint8], of: NDArray[np.bool_], away: NDArray[np.bool_], limits: NDArray[np.int32], least: int, share: float
) -> tuple[NDArray[np.uint16], NDArray[np.bool_], NDArray[np.bool_]]:
    """Doubled medians of some frames, (p, 3); in which frames `away` from the plate they hold, (S, p); where in enough of them, (p,)."""
    from kinescribe.perception import compiled_stack

    second, strange = np.empty(values.shape[1], np.uint16), np.empty_like(away)
    compiled_stack.doubled_medians_of(values, of, second)
    compiled_stack.which_beyond(values, second, limits, strange)
    agrees = away & ~strange
    return second.reshape(-1, 3), agrees, agrees.sum(0) >= np.maximum(least, share * away.sum(0))


def _one_after_the_other(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether all frames of one kind, (S, p), come before all frames of the other or after them, but for one: (p,)."""
    first, last = other.argmax(0), len(other) - 1 - other[::-1].argmax(0)
    frames = np.arange(len(one))[:, None]
    before, after = (one & (frames < last)).sum(0), (one & (frames > first)).sum(0)
    return np.asarray(np.minimum(before, after) <= 1)


def _components(found: _Second, shape: tuple[int, int]) -> tuple[NDArray[np.int32], int]:
    """Connected pixels whose second value holds in the same frames: one thing at one place, not two that happen to touch."""
    from scipy import sparse  # a tenth of a second to import
    from scipy.sparse import csgraph

    index = np.full(shape, -1, np.int64)
    index.ravel()[found.pixels] = np.arange(len(found.pixels))
    links = []
    for dy, dx in ((0, 1), (1, 0)):
        here = index[: shape[0] - dy, : shape[1] - dx]
        there = index[dy:, dx:]
        both = (here >= 0) & (there >= 0)
        i, j = here[both], there[both]
        common, either = (
            np.bitwise_count(held).sum(1, dtype=np.int64) for held in (found.frames[i] & found.frames[j], found.frames[i] | found.frames[j])
        )
        alike = common >= 0.6 * either
        links.append(np.stack([i[alike], j[alike]]))
    i, j = np.concatenate(links, axis=1)
    graph = sparse.coo_matrix((np.ones(len(i), np.int8), (i, j)), shape=(len(found.pixels), len(found.pixels)))
    count, labels = csgraph.connected_components(graph, directed=False)
    return labels.astype(np.int32), int(count)
