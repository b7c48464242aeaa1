"""Centroids of drawn discs, radius 3 to 20 px, sensor noise 1 to 10 grey levels, beside the plain weighted centroid on the same frames.

A disc crosses an even ground along a shallow diagonal, so that it meets every part of a pixel. Three centroids are held against the
truth, as RMS over both axes and all frames: what the detector observes, the table's x_px and y_px, and the reference of
`references.md` §8: Σ w·x / Σ w with w the difference from the background as drawn, along the disc's own colour, over the
pixels within radius + 2 px of the true centre. So the reference knows ground, colour, size and where to look; ours knows none of these.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

import numpy as np
from common import Record, finish, load_extract_states, number, parallel, parser, print_table
from drawn_videos import SAMPLES
from numpy.typing import NDArray

from kinescribe.errors import KinescribeError

TABLE = "centroids"
Float = NDArray[np.float64]
RADII = (3.0, 4.0, 5.5, 8.0, 12.0, 20.0)
NOISES = (1.0, 3.0, 6.0, 10.0)
GROUND, BODY = (120.0, 130.0, 110.0), (30.0, 50.0, 190.0)
GREY_GROUND, GREY_BODY = (190.0, 190.0, 190.0), (60.0, 60.0, 60.0)
FRAMES, STEP = 60, (4.37, 1.61)
GOAL = 1.3


def drawn_disc(radius: float, noise: float, grey: bool, seed: int) -> tuple[NDArray[np.uint8], Float, Float, Float]:
    """Frames (T, H, W, 3), true centres (T, 2), and the noise-free ground and colour (3,)."""
    rng = np.random.default_rng(seed)
    steps = np.array(STEP) * (1 + radius / 20)
    margin = radius + 8
    centres = margin + rng.uniform(0, 1, 2) + np.arange(FRAMES)[:, None] * steps
    width, height = (int(np.ceil(side / 2) * 2) for side in centres.max(0) + margin + 1)
    ground, colour = (np.array(tone) for tone in ((GREY_GROUND, GREY_BODY) if grey else (GROUND, BODY)))
    fine = (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5
    images = np.empty((FRAMES, height, width, 3), np.uint8)
    for image, (x, y) in zip(images, centres, strict=True):
        xs, ys = (np.arange(width)[:, None] + fine).ravel() - x, (np.arange(height)[:, None] + fine).ravel() - y
        inside = ys[:, None] ** 2 + xs**2 <= radius**2
        cover = inside.reshape(height, SAMPLES, width, SAMPLES).mean(axis=(1, 3))
        clean = ground + cover[..., None] * (colour - ground)
        image[...] = np.clip(np.round(clean + rng.normal(0, noise, clean.shape)), 0, 255)
    return images, centres, ground, colour


def weighted_centroids(images: NDArray[np.uint8], centres: Float, radius: float, ground: Float, colour: Float) -> Float:
    """The reference, (T, 2)."""
    out = np.empty_like(centres)
    ys, xs = np.indices(images.shape[1:3])
    for k, (image, (x, y)) in enumerate(zip(images, centres, strict=True)):
        near = (xs - x) ** 2 + (ys - y) ** 2 <= (radius + 2) ** 2
        weights = (image[near] - ground) @ (colour - ground)
        out[k] = (weights @ xs[near]) / weights.sum(), (weights @ ys[near]) / weights.sum()
    return out


def detected(images: NDArray[np.uint8], times: Float, centres: Float) -> Float:
    """What the detector observes nearest the truth, (T, 2); NaN where nothing within the disc's reach."""
    from kinescribe.perception.classical.detector import ClassicalDetector
    from kinescribe.video import open_video

    video = open_video(images, times=times)
    detector = ClassicalDetector()
    detector.prepare(video)
    out = np.full_like(centres, np.nan)
    for frame, centre in zip(video, centres, strict=True):
        found = detector.detect(frame).centroids
        if len(found):
            nearest = found[np.hypot(*(found - centre).T).argmin()]
            out[frame.index] = nearest if np.hypot(*(nearest - centre)) < 5 else np.nan
    return out


def tabled(images: NDArray[np.uint8], times: Float, centres: Float) -> Float:
    """x_px, y_px of the states, (T, 2), NaN where there is no row."""
    out = np.full_like(centres, np.nan)
    try:
        columns = load_extract_states()(images, times=times).columns
    except KinescribeError:
        return out
    frames = np.asarray(columns["frame"])
    places = np.stack([columns["x_px"], columns["y_px"]], 1).astype(float)
    good = np.hypot(*(places - centres[frames]).T) < 5
    out[frames[good]] = places[good]
    return out


def run_case(case: tuple[float, float, bool], seeds: int) -> dict[str, float]:
    """RMS errors, px, and the shares of frames that have one."""
    radius, noise, grey = case
    errors: dict[str, list[Float]] = {"reference": [], "detected": [], "table": []}
    for seed in range(seeds):
        images, centres, ground, colour = drawn_disc(radius, noise, grey, seed)
        times = np.arange(FRAMES) / 30
        errors["reference"].append(weighted_centroids(images, centres, radius, ground, colour) - centres)
        errors["detected"].append(detected(images, times, centres) - centres)
        errors["table"].append(tabled(images, times, centres) - centres)
    out = {}
    for name, parts in errors.items():
        every = np.concatenate(parts)
        seen = np.isfinite(every).all(1)
        out[name] = float(np.sqrt((every[seen] ** 2).mean())) if seen.any() else float("nan")
        out[f"{name} found"] = float(seen.mean())
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=1, metavar="N", help="videos a case (default: %(default)s)")
    chosen = options.parse_args(arguments)
    load_extract_states()
    cases = [(radius, noise, grey) for grey in (True, False) for radius in RADII for noise in NOISES]
    rows: list[list[object]] = []
    records = []
    for case, found in zip(cases, parallel(partial(run_case, seeds=chosen.seeds), cases, chosen.jobs), strict=True):
        radius, noise, grey = case
        name = f"{'grey' if grey else 'coloured'} r {radius:g} noise {noise:g}"
        ratios = {one: found[one] / found["reference"] for one in ("detected", "table")}
        shares = f"{found['detected found']:.2f} / {found['table found']:.2f}"
        rows.append([name, *(found[one] for one in ("reference", "detected", "table")), *ratios.values(), shares])
        for one, ratio in ratios.items():
            records.append(Record(TABLE, name, f"{one} error", number(found[one]), "px", "lower", None, number(found["reference"])))
            records.append(Record(TABLE, name, f"{one} over weighted centroid", number(ratio), "", "lower", GOAL))
    header = ["disc", "weighted centroid, px", "detected, px", "table, px", "detected ratio", "table ratio", "frames found"]
    print_table("Drawn discs: RMS error of centroids", header, rows)
    finish(records, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
