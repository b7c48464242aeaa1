"""Objects at rest, told from the background behind them by the seam that they make."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

__all__ = ["CLUSTER_SIGMAS", "nan_median", "plate_distance", "undo_resting_objects"]

Image = NDArray[np.uint8]
Float32 = NDArray[np.float32]

CLUSTER_SIGMAS = 5.0  # values within so many σ of a stable value belong to it
SMALLEST_REGION = 5  # px


def plate_distance(stack: Image, plate: Float32) -> Float32:
    """RMS over channels of each frame's difference from the plate, shape (S, H, W)."""
    out = np.empty(stack.shape[:3], np.float32)
    for i, image in enumerate(stack):
        difference = image - plate
        out[i] = np.sqrt(np.einsum("hwc,hwc->hw", difference, difference) / 3)
    return out


def nan_median(values: Float32) -> Float32:
    """Median over the first axis of what is not NaN; NaN where nothing is. Faster than numpy's."""
    ordered = np.sort(values, axis=0)
    count = np.isfinite(ordered).sum(0)
    low = np.maximum((count - 1) // 2, 0)
    high = np.maximum(count // 2, 0)
    high = np.minimum(high, len(values) - 1)
    a = np.take_along_axis(ordered, low[None], 0)[0]
    b = np.take_along_axis(ordered, high[None], 0)[0]
    return np.where(count > 0, (a + b) / 2, np.nan).astype(np.float32)


def undo_resting_objects(stack: Image, plate: Float32, noise: Float32) -> Float32:
    """Swap in a pixel's second stable value where that leaves the smaller seam against the surroundings."""
    distance = plate_distance(stack, plate)
    off = distance > CLUSTER_SIGMAS * noise
    support = off.sum(0)
    least = max(3, len(stack) // 16)
    rows, columns = np.nonzero(support >= least)
    if len(rows) == 0:
        return plate
    values = stack[:, rows, columns].astype(np.float32)  # (S, P, 3)
    away = off[:, rows, columns]
    second = np.stack([nan_median(np.where(away, values[..., c], np.nan)) for c in range(3)], axis=-1)  # (P, 3)
    agrees = away & (np.sqrt(((values - second) ** 2).mean(-1)) <= CLUSTER_SIGMAS * noise[rows, columns])
    stable = agrees.sum(0) >= np.maximum(least, 0.5 * away.sum(0))
    rows, columns, second, agrees = rows[stable], columns[stable], second[stable], agrees[:, stable]
    if len(rows) == 0:
        return plate
    out = plate.copy()
    labels, count = _components(rows, columns, agrees, plate.shape[:2])
    alternative = plate.copy()
    alternative[rows, columns] = second
    label_image = np.zeros(plate.shape[:2], np.int32)
    label_image[rows, columns] = labels + 1
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(count + 1))
    for k in range(count):
        members = order[starts[k] : starts[k + 1]]
        if len(members) < SMALLEST_REGION:
            continue
        r, c = rows[members], columns[members]
        if _seam(alternative, out, label_image, k + 1, r, c) < 0.8 * _seam(out, out, label_image, k + 1, r, c):
            out[r, c] = alternative[r, c]
    return out


def _components(
    rows: NDArray[np.intp], columns: NDArray[np.intp], agrees: NDArray[np.bool_], shape: tuple[int, int]
) -> tuple[NDArray[np.int32], int]:
    """Connected pixels whose second value holds in the same frames: one thing at one place, not two that happen to touch."""
    index = np.full(shape, -1, np.int64)
    index[rows, columns] = np.arange(len(rows))
    links = []
    for dy, dx in ((0, 1), (1, 0)):
        a = index[: shape[0] - dy, : shape[1] - dx]
        b = index[dy:, dx:]
        both = (a >= 0) & (b >= 0)
        i, j = a[both], b[both]
        common = (agrees[:, i] & agrees[:, j]).sum(0)
        either = (agrees[:, i] | agrees[:, j]).sum(0)
        alike = common >= 0.6 * either
        links.append(np.stack([i[alike], j[alike]]))
    i, j = np.concatenate(links, axis=1)
    graph = sparse.coo_matrix((np.ones(len(i), np.int8), (i, j)), shape=(len(rows), len(rows)))
    count, labels = csgraph.connected_components(graph, directed=False)
    return labels.astype(np.int32), int(count)


def _seam(inside: Float32, outside: Float32, labels: NDArray[np.int32], label: int, r: NDArray[np.intp], c: NDArray[np.intp]) -> float:
    """Mean step in brightness across a region's outline, the region's pixels taken from `inside`, its surroundings from `outside`."""
    height, width = labels.shape
    total, count = 0.0, 0
    for dy, dx in ((0, 2), (0, -2), (2, 0), (-2, 0)):  # two apart: edges of real pictures are soft
        y, x = r + dy, c + dx
        ok = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        ry, rx, y, x = r[ok], c[ok], y[ok], x[ok]
        crosses = labels[y, x] != label
        step = inside[ry[crosses], rx[crosses]] - outside[y[crosses], x[crosses]]
        total += float(np.sqrt((step**2).mean(-1)).sum())
        count += int(crosses.sum())
    return total / max(count, 1)
