"""Detections and tracks made from known truth, for the tests of what comes after perception."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kinescribe.perception.detections import Detections, MaskCrop
from kinescribe.tracking.tracks import Track

RED, BLUE, GREEN, GREY = (50.0, 65.0, 45.0), (40.0, 10.0, -50.0), (55.0, -45.0, 35.0), (55.0, 0.0, 0.0)


def disc_mask(x: float, y: float, radius: float) -> MaskCrop:
    """The pixels within a disc."""
    x0, y0, side = int(np.floor(x - radius)) - 1, int(np.floor(y - radius)) - 1, int(2 * radius) + 4
    ys, xs = np.mgrid[y0 : y0 + side, x0 : x0 + side]
    return MaskCrop(x0, y0, np.hypot(xs - x, ys - y) <= radius)


def detections_of(
    bodies: Sequence[Mapping[str, Any]], frame_count: int, *, noise: float = 0.05, interval: float = 1 / 30, clutter: int = 0, seed: int = 0
) -> tuple[list[Detections], list[list[int]]]:
    """Detections in each frame, in random order, and which body each is of (−1 for clutter).

    A body has `positions` (T, 2), NaN where unseen, `radius`, `color` and optionally `contrast`.
    """
    rng = np.random.default_rng(seed)
    out, owners = [], []
    for k in range(frame_count):
        rows: list[tuple[int, np.ndarray, float, Sequence[float], float]] = []
        for i, body in enumerate(bodies):
            place = np.asarray(body["positions"][k], float)
            if np.isfinite(place).all():
                rows.append((i, place + rng.normal(0, noise, 2), body["radius"], body["color"], body.get("contrast", 40.0)))
        rows += [(-1, rng.uniform(5, [315, 235]), rng.uniform(1.5, 4), rng.uniform(-30, 80, 3), rng.uniform(6, 20)) for _ in range(clutter)]
        order = rng.permutation(len(rows))
        rows = [rows[j] for j in order]
        owners.append([row[0] for row in rows])
        out.append(_frame(k, k * interval, rows, noise))
    return out, owners


def _frame(k: int, time_s: float, rows: list[tuple[int, np.ndarray, float, Sequence[float], float]], noise: float) -> Detections:
    n = len(rows)
    if n == 0:
        return Detections(k, time_s)
    places, radii = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    return Detections(
        k,
        time_s,
        boxes=np.column_stack([places - radii[:, None], places + radii[:, None]]),
        centroids=places,
        covariances=np.tile(np.eye(2) * max(noise, 0.01) ** 2, (n, 1, 1)),
        areas=np.pi * radii**2,
        sizes=np.column_stack([2 * radii, 2 * radii]),
        angles=np.full(n, np.nan),
        angle_sigmas=np.full(n, np.nan),
        colors=np.array([row[3] for row in rows], float),
        contrasts=np.array([row[4] for row in rows], float),
        scores=np.full(n, 0.99),
        truncated=np.zeros(n, bool),
        masks=[disc_mask(*row[1], row[2]) for row in rows],
        phrases=[""] * n,
        shapes=["disc"] * n,
    )


def track_of(
    track_id: int, positions: np.ndarray, radius: float = 8.0, *, frames: Sequence[int] | None = None, contrast: float = 40.0, **fields: Any
) -> Track:
    """A disc's track; `frames` counts from 0 on by default."""
    at = np.arange(len(positions)) if frames is None else np.asarray(frames)
    places, n = np.asarray(positions, float), len(positions)
    values: dict[str, Any] = {
        "track_id": track_id,
        "frames": at.astype(np.int64),
        "times": at / 30,
        "positions": places,
        "covariances": np.tile(np.eye(2) * 0.05**2, (n, 1, 1)),
        "boxes": np.column_stack([places - radius, places + radius]),
        "areas": np.full(n, np.pi * radius**2),
        "sizes": np.full((n, 2), 2 * radius),
        "angles": np.full(n, np.nan),
        "angle_sigmas": np.full(n, np.nan),
        "colors": np.tile(RED, (n, 1)),
        "contrasts": np.full(n, contrast),
        "scores": np.full(n, 0.99),
        "shapes": ["disc"] * n,
        "phrases": [""] * n,
        "masks": [disc_mask(x, y, radius) for x, y in places],
        "partial": np.zeros(n, bool),
        "identity_scores": np.ones(n),
    }
    return Track(**{**values, **fields})


def line(start: tuple[float, float], velocity: tuple[float, float], n: int, acceleration: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Positions (n, 2) of constant acceleration, px a frame (squared)."""
    t = np.arange(n)[:, None]
    return np.asarray(start) + np.asarray(velocity) * t + 0.5 * np.asarray(acceleration) * t**2


def hidden(positions: np.ndarray, first: int, last: int) -> np.ndarray:
    """The same, unseen from frame `first` to before `last`."""
    out = positions.astype(float).copy()
    out[first:last] = np.nan
    return out
