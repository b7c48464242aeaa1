"""A forecast as a states table: status predicted, in the frame and with the sizes, names and ids of the table that it came from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

import kinescribe
from kinescribe.dynamics.clip import Impact
from kinescribe.dynamics.prediction.forecast import Forecast
from kinescribe.dynamics.prediction.paths import contact_point
from kinescribe.states import Calibration, ContactEvent, Metadata, ObjectMeta, States, TimeMeta

__all__ = ["table_of"]

Float = NDArray[np.float64]
ROUGH = "the σ is rough here: the spread is not linear"
REGULAR = 1e-3  # of the interval


def table_of(forecast: Forecast, source: States | None) -> States:
    """The rows that are told.

    Velocities, accelerations and angles come with their σ; image columns are filled where the source has a calibration. Of objects that
    were taken away, and from where a simulation diverged, there are no rows.
    """
    clip = forecast.start.clip
    bodies = clip.bodies
    calibration = _calibration(forecast, source)
    up = -1.0 if clip.y_down else 1.0
    rows: dict[str, list[Any]] = {}
    for i, object_id in enumerate(bodies.object_ids):
        data, acceleration = forecast.data[:, forecast.grid.told, i], forecast.acceleration[:, forecast.grid.told, i]
        sigma, crooked = forecast.sigma[:, forecast.grid.told, i], forecast.crooked[forecast.grid.told, i]
        keep = np.isfinite(data[:2]).all(axis=0)
        count = int(keep.sum())
        turning = forecast.start.fit.law.turns and bool(np.isfinite(clip.angle[:, i]).any())
        known = np.ones(count) if turning else np.full(count, np.nan)
        x, y = data[0, keep], up * data[1, keep]
        angle = up * data[2, keep] * known
        mine: dict[str, Any] = {
            "frame": forecast.grid.frames[keep],
            "time_s": forecast.grid.times[forecast.grid.told][keep],
            "object_id": np.full(count, object_id),
            "label": [bodies.labels[i]] * count,
            "x": x,
            "y": y,
            "vx": data[3, keep],
            "vy": up * data[4, keep],
            "ax": acceleration[0, keep],
            "ay": up * acceleration[1, keep],
            "angle": angle,
            "angular_velocity": up * data[5, keep] * known,
            "shape": [bodies.shapes[i]] * count,
            "status": ["predicted"] * count,
            "review": [ROUGH if bad else "" for bad in crooked[keep]],
        }
        for row, name in enumerate(("x", "y", "angle", "vx", "vy", "angular_velocity", "ax", "ay")):
            mine[f"sigma_{name}"] = sigma[row, keep] * (known if name.startswith("ang") else 1.0)
        for name, value in _sizes(forecast, source, i).items():
            mine[name] = np.full(count, value)
        mine |= _carried(source, object_id, count)
        if calibration is not None:
            mine |= _in_image(calibration, source, object_id, np.stack([x, y], axis=1), angle, mine["width"], mine["height"])
        for name, values in mine.items():
            rows.setdefault(name, []).append(values)
    columns = {name: _joined(parts) for name, parts in rows.items()}
    return States.from_columns(columns, _metadata(forecast, source, calibration, columns))


def _joined(parts: list[Any]) -> Any:
    if isinstance(parts[0], list):
        return np.array([value for part in parts for value in part], dtype=object)
    return np.concatenate(parts)


def _calibration(forecast: Forecast, source: States | None) -> Calibration | None:
    if source is not None:
        return source.meta.calibration
    return Calibration.pixels() if forecast.start.clip.unit == "px" and forecast.start.clip.y_down else None


def _sizes(forecast: Forecast, source: States | None, i: int) -> dict[str, float]:
    """Sides and area of an object, NaN where the table has none."""
    bodies = forecast.start.clip.bodies
    sizes = {"width": float(bodies.width[i]), "height": float(bodies.height[i])}
    if source is not None:
        area = source["area"][source["object_id"] == bodies.object_ids[i]]
        sizes["area"] = float(np.median(area[np.isfinite(area)])) if np.isfinite(area).any() else math.nan
    return {name: value if value > 0 else math.nan for name, value in sizes.items()}


def _carried(source: States | None, object_id: int, count: int) -> dict[str, Any]:
    """The verdict on the label, as the table's last row has it."""
    if source is None:
        return {"label_score": np.full(count, np.nan), "label_verified": [""] * count}
    mine = source["object_id"] == object_id
    return {
        "label_score": np.full(count, source["label_score"][mine][-1]),
        "label_verified": [source["label_verified"][mine][-1]] * count,
    }


def _in_image(
    calibration: Calibration, source: States | None, object_id: int, world: Float, angle: Float, width: Float, height: Float
) -> dict[str, Float]:
    """Centroid and upright box in image pixels."""
    x, y = calibration.to_pixels(world).T
    w, h = width * calibration.pixels_per_unit, height * calibration.pixels_per_unit
    off = (0.0, 0.0)
    if np.isfinite(angle).all() and np.isfinite(w).all() and np.isfinite(h).all():
        # the direction in the image: the calibration's rule, undone
        turned = (-angle if calibration.y_up else angle) - calibration.angle_rad
        c, s = np.abs(np.cos(turned)), np.abs(np.sin(turned))
        w, h = w * c + h * s, w * s + h * c
    elif source is not None:
        mine = source["object_id"] == object_id
        bw, bh = (_median(source[name][mine]) for name in ("bbox_w", "bbox_h"))
        if math.isfinite(bw) and math.isfinite(bh):
            w, h = np.full(len(x), bw), np.full(len(x), bh)
            off = (
                _median(source["bbox_x"][mine] + source["bbox_w"][mine] / 2 - source["x_px"][mine]),
                _median(source["bbox_y"][mine] + source["bbox_h"][mine] / 2 - source["y_px"][mine]),
            )
    dx, dy = (value if math.isfinite(value) else 0.0 for value in off)
    return {"x_px": x, "y_px": y, "bbox_x": x + dx - w / 2, "bbox_y": y + dy - h / 2, "bbox_w": w, "bbox_h": h}


def _median(values: NDArray[Any]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan


def _metadata(forecast: Forecast, source: States | None, calibration: Calibration | None, columns: dict[str, Any]) -> Metadata:
    meta = Metadata() if source is None else source.meta
    clip, grid = forecast.start.clip, forecast.grid
    times = grid.times[grid.told]
    steps = np.diff(times)
    interval = float(np.median(steps)) if len(steps) else None
    objects = {}
    for i, object_id in enumerate(clip.bodies.object_ids):
        mine = columns["frame"][columns["object_id"] == object_id]
        if len(mine):
            about = meta.objects.get(object_id, ObjectMeta(label=clip.bodies.labels[i], shape=clip.bodies.shapes[i]))
            objects[object_id] = about.model_copy(update={"frames_seen": 0, "first_frame": int(mine[0]), "last_frame": int(mine[-1])})
    fit, changed = forecast.start.fit, forecast.intervention
    return Metadata(
        calibration=calibration,
        # the frames of a prediction may lie beyond the video's
        video=None if meta.video is None else meta.video.model_copy(update={"frame_count": None}),
        time=None if interval is None else TimeMeta(
            regular=bool(np.ptp(steps) <= REGULAR * interval), interval_s=interval, jitter_s=float(np.std(steps)), overridden=True
        ),
        configuration={
            "command": "predict", "law": fit.law.title, "until": float(times[-1]), "changes": list(changed.words), "at": changed.at,
            "parameters": {name: one.value for name, one in fit.estimates.items()}, "seed": fit.seed,
        },
        versions={**meta.versions, "kinescribe": kinescribe.__version__},
        events=[_event(forecast, hit) for hit in forecast.told if all(clip.bodies.object_ids[i] in objects for i in hit.objects)],
        objects=objects,
        models=dict(meta.models),
        warnings=list(forecast.warnings),
        partial=forecast.partial,
    )  # fmt: skip


def _event(forecast: Forecast, hit: Impact) -> ContactEvent:
    clip, grid = forecast.start.clip, forecast.grid
    nearest = int(np.argmin(np.abs(grid.times[grid.told] - hit.time)))
    x, y = contact_point(forecast.start, forecast.intervention, forecast.grid.times, forecast.data, forecast.acceleration, hit)
    known = math.isfinite(x) and math.isfinite(y)
    return ContactEvent(
        time_s=hit.time,
        frame=int(grid.frames[nearest]),
        partners=[clip.bodies.object_ids[i] for i in hit.objects],
        position=(x, -y if clip.y_down else y) if known else None,
    )
