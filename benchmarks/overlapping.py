"""Ten things that bounce about and pass over each other, drawn with sensor noise and written as H.264: where is each of them said to be?

The scene is that of `throughput.py`. A thing is covered in the frames in which others hide a tenth of it or more, and not counted where
they hide more than two thirds. Every object of the table is held against the thing that it is nearest to most of the time.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from common import Record, finish, load_extract_states, number, parallel, parser, print_table
from numpy.typing import NDArray
from throughput import SIZES, draw, is_box

TABLE = "overlapping"
Float = NDArray[np.float64]
OBJECTS, FRAMES = 10, 300
COVERED, HIDDEN = 0.1, 2 / 3  # of a thing
STEPS = 21  # points along each side of a thing, by which is told how much of it is hidden
FAR = 10.0  # px; a row farther away doesn't show the thing


@dataclass(frozen=True)
class Errors:
    """Of one video, over all things and frames that count.

    Attributes:
        covered: (n,) bool.
        away: (n,), distance from the truth, px; infinite without a row.
        within: (n, 2) bool, whether each coordinate lies within 2 sigma.
    """

    covered: NDArray[np.bool_]
    away: Float
    within: NDArray[np.bool_]


def hidden_shares(places: Float, radii: Float) -> Float:
    """How much of each thing those above it hide, (frames, objects)."""
    grid = np.stack(np.meshgrid(*2 * [np.linspace(-1, 1, STEPS)]), axis=-1).reshape(-1, 2)
    out = np.zeros(places.shape[:2])
    for i in range(places.shape[1]):
        own = grid[_inside(grid, 1.0, is_box(i))] * radii[i]
        points = places[:, i, None] + own  # (frames, points, 2)
        above = np.zeros(points.shape[:2], bool)
        for j in range(i + 1, places.shape[1]):
            above |= _inside(points - places[:, j, None], radii[j], is_box(j))
        out[:, i] = above.mean(axis=1)
    return out


def _inside(points: Float, radius: float, box: bool) -> NDArray[np.bool_]:
    x, y = points[..., 0], points[..., 1]
    return (np.maximum(np.abs(x), 1.3 * np.abs(y)) if box else np.hypot(x, y)) <= radius


def measure(seed: int, *, size: tuple[int, int], frames: int) -> Errors:
    """Draws one video and holds its table against the truth."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "overlapping.mp4"
        places, radii = draw(path, size, OBJECTS, frames, seed)
        columns = load_extract_states()(path).columns
    rows, ids = (np.asarray(columns[name], np.int64) for name in ("frame", "object_id"))
    found, sigmas = (
        np.stack([np.asarray(columns[name], float) for name in names], 1) for names in (("x_px", "y_px"), ("sigma_x", "sigma_y"))
    )
    away = np.full((frames, OBJECTS), np.inf)
    within = np.zeros((frames, OBJECTS, 2), bool)
    for one in np.unique(ids):
        mine = ids == one
        off = found[mine, None] - places[rows[mine]]  # (rows, objects, 2)
        thing = int(np.median(np.hypot(off[..., 0], off[..., 1]), axis=0).argmin())
        distance = np.hypot(off[:, thing, 0], off[:, thing, 1])
        nearer = distance < away[rows[mine], thing]
        away[rows[mine][nearer], thing] = distance[nearer]
        within[rows[mine][nearer], thing] = (np.abs(off[:, thing]) < 2 * sigmas[mine])[nearer]
    hidden = hidden_shares(places, radii)
    counted = hidden <= HIDDEN
    return Errors(hidden[counted] >= COVERED, away[counted], within[counted])


def main() -> None:
    """Prints and writes the table."""
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=4, help="videos of each size (default: %(default)s)")
    options.add_argument("--frames", type=int, default=FRAMES, help="of each (default: %(default)s)")
    options.add_argument("--size", choices=SIZES, action="append", help="this one (may be repeated; default: 640x480)")
    chosen = options.parse_args()
    if chosen.seeds < 1 or chosen.frames < 30:
        sys.exit("give --seeds of 1 or more and --frames of 30 or more")
    records: list[Record] = []
    rows: list[Sequence[object]] = []
    for size in chosen.size or ["640x480"]:
        found = list(parallel(partial(measure, size=SIZES[size], frames=chosen.frames), range(chosen.seeds), chosen.jobs))
        for name, covered in (("free", False), ("covered", True)):
            these = np.concatenate([one.away[one.covered == covered] for one in found])
            within = np.concatenate([one.within[one.covered == covered] for one in found])
            met = these < FAR
            figures = (float(met.mean()), *np.percentile(these[np.isfinite(these)], [50, 90, 99]).tolist(), float(within[met].mean()))
            rows.append([size, name, len(these), *(number(value) for value in figures)])
            for label, unit, better, value in zip(
                ("coverage", "median_error", "error_90", "error_99", "within_2_sigma"),
                ("", "px", "px", "px", ""),
                ("higher", "lower", "lower", "lower", "higher"),
                figures,
                strict=True,
            ):
                records.append(Record(TABLE, f"{size}/{name}", label, number(value), unit, better))
    print_table("Overlapping", ["video", "things", "frames", "met", "median px", "90 %", "99 %", "within 2σ"], rows)
    finish(records, chosen.json)


if __name__ == "__main__":
    main()
