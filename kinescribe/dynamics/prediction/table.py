"""A forecast as a states table: status predicted, in the frame and with the sizes, names and ids of the table that it came from."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import kinescribe
from kinescribe.dynamics.clip import Impact
from kinescribe.dynamics.prediction.attached import Attached, carried
from kinescribe.dynamics.prediction.forecast import Forecast
from kinescribe.dynamics.prediction.paths import contact_point
from kinescribe.states import Calibration, ContactEvent, Metadata, ObjectMeta, States, TimeMeta

__all__ = ["table_of"]

Float = NDArray[np.float64]
ROUGH = "the σ is rough here: the spread is not linear"
REGULAR = 1e-3  # of the interval
SAME = 1e-9  # seconds within which two instants are one


def table_of(forecast: Forecast, source: States | None) -> States:
    """The rows that are told.

    Velocities, accelerations and angles come with their σ; image columns are filled where the source has a calibration. Angles go on as
    the source's do; `width` and `height` are those under changed parameters where these change them, along and across the angle. What
    goes along with a body has rows as it has. Of objects that were taken away, and from where a simulation diverged, there are none.
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
        angle = up * (data[2, keep] - forecast.start.turned[i]) * known
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
        mine |= _sizes(forecast, source, i, mine["time_s"])
        mine |= _carried(source, object_id, count)
        if calibration is not None:
            mine |= _in_image(calibration, source, object_id, np.stack([x, y], axis=1), angle, mine["width"], mine["height"])
        own = [_attached_rows(forecast, source, one, mine, up * acceleration[2, keep]) for one in forecast.along if one.body == object_id]
        for part in (mine, *own):
            for name, values in part.items():
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


def _sizes(forecast: Forecast, source: States | None, i: int, times: Float) -> dict[str, Float]:
    """Sides and area of an object at each of its rows, NaN where the table has none; other ones from where parameters are changed."""
    bodies = forecast.start.clip.bodies
    seen = {"width": float(bodies.width[i]), "height": float(bodies.height[i])}
    if source is not None:
        area = source["area"][source["object_id"] == bodies.object_ids[i]]
        seen["area"] = float(np.median(area[np.isfinite(area)])) if np.isfinite(area).any() else math.nan
    out = {name: np.full(len(times), value if value > 0 else math.nan) for name, value in seen.items()}
    grown = _growth(forecast, i)
    changed = times >= (-math.inf if forecast.intervention.at is None else forecast.intervention.at - SAME)
    for name, factor in {"width": grown[0], "height": grown[1], "area": grown[0] * grown[1]}.items():
        if name in out:
            out[name][changed] *= factor
    return out


def _growth(forecast: Forecast, i: int) -> tuple[float, float]:
    """By what factors an object's sides differ under the changed parameters."""
    start, bodies = forecast.start, forecast.start.clip.bodies
    before, after = (
        replace(start.slots, free=np.arange(len(start.slots.all))).values(values)
        for values in (start.values[None], forecast.intervention.values(start.values[None], start))
    )
    sides = start.fit.law.sizes(bodies, before, after)
    return tuple(
        float(np.ravel(now[..., i])[0]) / float(was[i]) if was[i] > 0 else 1.0
        for now, was in zip(sides, (bodies.width, bodies.height), strict=True)
    )  # type: ignore[return-value]


def _attached_rows(forecast: Forecast, source: States | None, one: Attached, body: dict[str, Any], turning: Float) -> dict[str, Any]:
    """The rows of what goes along with a body, from the body's."""
    assert source is not None
    count = len(body["frame"])
    i = forecast.start.clip.bodies.object_ids.index(one.body)
    length = float(forecast.start.clip.bodies.width[i])
    longer = body["width"] / length if length > 0 else np.ones(count)
    rows = source["object_id"] == one.object_id
    blank = np.full(count, math.nan)
    mine = dict.fromkeys(body, blank) | {name: body[name] for name in ("frame", "time_s", "status", "review")}
    mine |= {
        "object_id": np.full(count, one.object_id), "label": [str(source["label"][rows][0])] * count,
        "shape": [str(source["shape"][rows][0])] * count,
    }  # fmt: skip
    mine |= carried(one, body, longer, turning, length)
    mine |= {name: np.full(count, _median(source[name][rows])) for name in ("width", "height", "area")}
    mine |= _carried(source, one.object_id, count)
    calibration = _calibration(forecast, source)
    if calibration is not None:
        place = np.stack([mine["x"], mine["y"]], axis=1)
        mine |= _in_image(calibration, source, one.object_id, place, mine["angle"], mine["width"], mine["height"])
    return mine


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
    for object_id in map(int, np.unique(columns["object_id"])):
        rows = columns["object_id"] == object_id
        frames = columns["frame"][rows]
        about = meta.objects.get(object_id, ObjectMeta(label=str(columns["label"][rows][0]), shape=str(columns["shape"][rows][0])))
        objects[object_id] = about.model_copy(update={"frames_seen": 0, "first_frame": int(frames[0]), "last_frame": int(frames[-1])})
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
