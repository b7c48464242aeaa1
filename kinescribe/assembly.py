"""Tracks in image pixels become the rows, events and metadata of a states table in the world frame."""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.labelling import Name
from kinescribe.states import COLUMNS, Calibration, ContactEvent, LeftOutMeta, Metadata, ObjectMeta, States, TimeMeta, VideoMeta
from kinescribe.tracking.angles import AngleTrajectory, smooth_angles
from kinescribe.tracking.ends import EndPoint, end_points
from kinescribe.tracking.joints import Jointed, find_joints, half_turns, pivot_point, placed_by_joint
from kinescribe.tracking.smoothing import Trajectory, smooth_track
from kinescribe.tracking.tracks import TOUCH, Track
from kinescribe.video import Video, time_stats

__all__ = ["assemble"]

Float = NDArray[np.float64]

PARTIAL_SHARE = 0.3  # of the radius: how far the centroid of a visible part may be from the body's own
FULL_TURN = 2.0 * np.pi - 1e-6
LEAST_ANGLES = 3  # observations; and at least a third of a track's
VERSIONED = ("kinescribe", "numpy", "scipy", "opencv-python-headless", "av", "numba")
VERSIONED_MODELS = ("torch", "torchvision", "transformers", "segment-anything")


@dataclass(frozen=True, slots=True, eq=False)
class _Object:
    """One object over the frames from its first to its last row."""

    object_id: int
    name: Name
    track: Track
    frames: NDArray[np.int64]
    row_of: NDArray[np.int64]  # index into the track's rows, −1 where not observed
    whole: NDArray[np.bool_]  # observed, and the whole body: what the path goes through
    path: Trajectory
    turn: AngleTrajectory | None


def assemble(
    tracks: list[Track],
    names: list[Name],
    times: Float,
    video: Video,
    calibration: Calibration,
    *,
    ends: bool,
    configuration: dict[str, Any],
    overridden: bool,
    warnings: list[str],
    partial: str | None,
    left_out: list[LeftOutMeta],
    models: dict[str, dict[str, str]],
) -> States:
    """Smooth the tracks, find their contacts, and lay everything out as a table.

    Args:
        tracks, names: one each an object, in the order of their ids from 1.
        times: (T,), seconds, of all frames.
        ends: whether long rigid bodies get rows for their two ends as well, and jointed ones for their pivots.
    """
    size = (video.info.width, video.info.height)
    objects = [_object(k + 1, *item, times) for k, item in enumerate(zip(tracks, names, strict=True))]
    objects = _pointing(_held(objects, size, times), size)
    tracks = [item.track for item in objects]
    columns = [_rows(item, tracks, times, calibration) for item in objects]
    parts: dict[int, int] = {}
    if ends:
        next_id = len(objects) + 1
        for item, rows in zip(list(objects), list(columns), strict=True):
            for point in end_points(item.track, item.frames, item.path, item.turn, size):
                end = _drifting(point, item)
                columns.append(_end_rows(rows, end, next_id, f"{end.name} of {item.name.label}", calibration))
                parts[next_id] = item.object_id
                next_id += 1
        for joint in find_joints(_jointed(objects, size)):
            item = objects[joint.arm.number]
            label = f"pivot of {item.name.label}"
            columns.append(_end_rows(columns[joint.arm.number], pivot_point(joint), next_id, label, calibration))
            parts[next_id] = item.object_id
            next_id += 1
    table = {column.name: np.concatenate([rows[column.name] for rows in columns]) for column in COLUMNS}
    info, stats = video.info, time_stats(times)
    meta = Metadata(
        calibration=calibration,
        video=VideoMeta(name=_text(info.name), sha256=info.sha256, width=info.width, height=info.height, frame_count=len(times)),
        time=TimeMeta(
            regular=stats.regular,
            interval_s=stats.interval_s,
            jitter_s=stats.jitter_s,
            irregular_steps=stats.irregular_steps,
            gaps=stats.gaps,
            longest_step_s=stats.longest_step_s,
            repeated_frames=getattr(video, "repeated", None),  # arrays, and videos of others, don't tell
            overridden=overridden,
        ),
        configuration=configuration,
        versions=_versions(VERSIONED + (VERSIONED_MODELS if models else ())),
        events=_events(objects, times, calibration),
        objects=_object_meta(table, parts, objects),
        left_out=left_out,
        models=models,
        warnings=warnings,
        partial=partial,
    )
    return States.from_columns(table, meta)


def _text(name: str) -> str:
    """A file's name, whose bytes need be no text, as one."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _object(object_id: int, track: Track, name: Name, times: Float) -> _Object:
    frames = np.arange(int(track.frames[0]), int(track.frames[-1]) + 1)
    row_of = np.full(len(frames), -1, np.int64)
    row_of[track.frames - frames[0]] = np.arange(len(track))
    seen = row_of >= 0
    at = times[frames]
    positions, covariances = np.full((len(frames), 2), np.nan), np.tile(np.eye(2), (len(frames), 1, 1))
    positions[seen], covariances[seen] = track.positions, track.covariances
    whole = seen.copy()
    whole[seen] = track.whole
    path = smooth_track(at, whole, positions, covariances)
    angles, sigmas = np.full(len(frames), np.nan), np.full(len(frames), np.nan)
    angles[seen], sigmas[seen] = track.angles, track.angle_sigmas
    known = np.isfinite(angles) & np.isfinite(sigmas) & (sigmas > 0)
    turn = None
    if known.sum() >= max(LEAST_ANGLES, len(track) / 3):
        turn = smooth_angles(at, known, angles, sigmas, track.angle_period)
    return _Object(object_id, name, track, frames, row_of, whole, path, turn)


def _jointed(objects: list[_Object], size: tuple[int, int]) -> list[Jointed]:
    """Those that are parts of a body, for the search for joints; numbered by their place in the list."""
    out = []
    for number, item in enumerate(objects):
        if not item.track.is_part:
            continue
        row = np.maximum(item.row_of, 0)
        boxes = item.track.boxes[row]
        inside = (boxes[:, :2] > 0).all(1) & (boxes[:, 2:] < np.array(size)).all(1)
        blank = np.full(len(item.frames), np.nan)
        out.append(
            Jointed(
                number,
                item.frames,
                item.path.times,
                np.where(item.whole[:, None], item.track.positions[row], item.path.positions),
                item.path.position_sigmas,
                blank if item.turn is None else item.turn.angles,
                blank if item.turn is None else item.turn.sigmas,
                item.whole & inside,
                float(np.median(item.track.sizes[:, 0])),
            )
        )
    return out


def _held(objects: list[_Object], size: tuple[int, int], times: Float) -> list[_Object]:
    """The objects; one that hangs on a joint is where that holds it, in frames that don't show the whole of it."""
    out = list(objects)
    for joint in find_joints(_jointed(objects, size)):
        item = out[joint.arm.number]
        rows, positions, covariances = placed_by_joint(joint)
        seen = item.row_of[rows] >= 0
        at = item.row_of[rows[seen]]
        track = replace(
            item.track, positions=item.track.positions.copy(), covariances=item.track.covariances.copy(), partial=item.track.partial.copy()
        )
        track.positions[at], track.covariances[at], track.partial[at] = positions[seen], covariances[seen], False
        out[joint.arm.number] = _object(item.object_id, track, item.name, times)
    return out


def _pointing(objects: list[_Object], size: tuple[int, int]) -> list[_Object]:
    """The objects; a rod that is part of a body points away from the rest of it, so that its angle means the same in every video."""
    out = list(objects)
    for number, turn in half_turns(_jointed(objects, size)).items():
        item = out[number]
        if item.turn is not None and item.track.angle_period < FULL_TURN:
            out[number] = replace(item, turn=replace(item.turn, angles=item.turn.angles + turn))
    return out


def _rows(item: _Object, tracks: list[Track], times: Float, calibration: Calibration) -> dict[str, NDArray[Any]]:
    """The columns of one object's rows."""
    n, track, path, frames = len(item.frames), item.track, item.path, item.frames
    seen = item.row_of >= 0
    row = np.maximum(item.row_of, 0)
    direct = item.whole
    # measurements stand as they are, so that their errors stay independent; what wasn't seen whole is the smoother's
    pixels = path.positions.copy()
    pixels[direct] = track.positions[row[direct]]
    spread = np.zeros((n, 2, 2))
    spread[:, 0, 0], spread[:, 1, 1] = path.position_sigmas.T**2
    scale = np.outer(path.measurement_scale, path.measurement_scale)
    spread[direct] = track.covariances[row[direct]] * scale
    spread += track.drift**2 * np.eye(2)
    # before and after the path there is only what can be seen of the body
    rest = seen & ~np.isfinite(pixels).all(1)
    pixels[rest] = track.positions[row[rest]]
    spread[rest] = track.covariances[row[rest]] + (PARTIAL_SHARE * track.radius) ** 2 * np.eye(2)
    out: dict[str, NDArray[Any]] = {
        "frame": frames,
        "time_s": times[frames],
        "object_id": np.full(n, item.object_id),
        "identity_score": np.where(seen, track.identity_scores[row], np.nan),
        "label": np.array([item.name.label] * n, object),
        "label_score": np.full(n, item.name.score),
        "label_verified": np.array([item.name.verified] * n, object),
        "shape": np.array([track.shape] * n, object),
        "status": np.array([_status(item, k, tracks) for k in range(n)], object),
        "detection_score": np.where(seen, np.clip(track.scores[row], 0, 1), np.nan),
        "review": np.array([_review(item, k, bool(rest[k])) for k in range(n)], object),
    }
    _place(out, calibration, pixels, spread)
    # where the path misses a sighting, as between two bounces a frame apart, its slope there isn't the body's
    followed = np.where(path.outliers, np.nan, 1.0)[:, None]
    out |= _pair("vx", "vy", calibration.vectors(path.velocities * followed))
    out |= _pair("ax", "ay", calibration.vectors(path.accelerations * followed))
    out |= _sigmas("sigma_vx", "sigma_vy", calibration, np.hypot(path.velocity_sigmas, _drift_speed(item)) * followed)
    out |= _sigmas("sigma_ax", "sigma_ay", calibration, path.acceleration_sigmas * followed)
    blank = np.full(n, np.nan)
    if item.turn is None:
        out |= dict.fromkeys(("angle", "angular_velocity", "sigma_angle", "sigma_angular_velocity"), blank)
    else:
        out |= {
            "angle": np.asarray(calibration.angles(item.turn.angles)),
            "angular_velocity": np.asarray(calibration.angle_rates(item.turn.rates)),
            "sigma_angle": np.hypot(item.turn.sigmas, track.angle_drift),
            "sigma_angular_velocity": item.turn.rate_sigmas,
        }
    length, width = np.median(track.sizes, axis=0)
    out |= {
        "width": np.full(n, float(calibration.lengths(length))),
        "height": np.full(n, float(calibration.lengths(width))),
        "area": np.where(seen, calibration.areas(track.areas[row]), np.nan),
    }
    boxes = np.where(seen[:, None], track.boxes[row], np.nan)
    out |= {"bbox_x": boxes[:, 0], "bbox_y": boxes[:, 1], "bbox_w": boxes[:, 2] - boxes[:, 0], "bbox_h": boxes[:, 3] - boxes[:, 1]}
    return out


def _drift_speed(item: _Object) -> float:
    """Of the errors that neighbouring frames share, px/s."""
    return item.track.drift_rate / float(np.median(np.diff(item.path.times))) if item.track.drift_rate else 0.0


def _drifting(end: EndPoint, item: _Object) -> EndPoint:
    """An end, with the errors of its body that neighbouring frames share."""
    return replace(end, sigmas=np.hypot(end.sigmas, item.track.drift), velocity_sigmas=np.hypot(end.velocity_sigmas, _drift_speed(item)))


def _review(item: _Object, k: int, visible_part: bool) -> str:
    """Why a person should look at the row, or nothing."""
    if item.path.outliers[k]:
        return "off its smoothed path"
    return "centroid of the visible part" if visible_part else ""


def _place(out: dict[str, NDArray[Any]], calibration: Calibration, pixels: Float, spread: Float) -> None:
    """Positions and their σ, in pixels and in the world."""
    world = calibration.covariances(spread)
    out |= _pair("x", "y", calibration.points(pixels))
    out |= _pair("x_px", "y_px", pixels)
    out |= {"sigma_x": np.sqrt(world[:, 0, 0]), "sigma_y": np.sqrt(world[:, 1, 1])}


def _pair(first: str, second: str, values: Any) -> dict[str, NDArray[Any]]:
    array = np.asarray(values, np.float64)
    return {first: array[:, 0], second: array[:, 1]}


def _sigmas(first: str, second: str, calibration: Calibration, sigmas: Float) -> dict[str, NDArray[Any]]:
    spread = np.zeros((len(sigmas), 2, 2))
    spread[:, 0, 0], spread[:, 1, 1] = sigmas.T**2
    world = np.asarray(calibration.covariances(spread))
    return {first: np.sqrt(world[:, 0, 0]), second: np.sqrt(world[:, 1, 1])}


def _status(item: _Object, k: int, tracks: list[Track]) -> str:
    """What the row rests on: an observation, or the path between two, in front of another body or not."""
    if item.row_of[k] >= 0:
        return "observed" if item.whole[k] or not np.isfinite(item.path.positions[k]).all() else "occluded"
    position, frame = item.path.positions[k], item.frames[k]
    for other in tracks:
        if other is item.track:
            continue
        i = int(np.searchsorted(other.frames, frame))
        if i < len(other) and other.frames[i] == frame:
            x0, y0, x1, y1 = other.boxes[i]
            if x0 <= position[0] <= x1 and y0 <= position[1] <= y1:
                return "occluded"
    return "interpolated"


def _end_rows(
    rows: dict[str, NDArray[Any]], end: EndPoint, object_id: int, label: str, calibration: Calibration
) -> dict[str, NDArray[Any]]:
    """A body's rows, moved to one of its ends."""
    out = {name: values.copy() for name, values in rows.items()}
    n = len(out["frame"])
    out["object_id"] = np.full(n, object_id)
    out["label"] = np.array([label] * n, object)
    spread = np.zeros((n, 2, 2))
    spread[:, 0, 0], spread[:, 1, 1] = end.sigmas.T**2
    _place(out, calibration, end.positions, spread)
    out |= _pair("vx", "vy", calibration.vectors(end.velocities))
    out |= _pair("ax", "ay", calibration.vectors(end.accelerations))
    out |= _sigmas("sigma_vx", "sigma_vy", calibration, end.velocity_sigmas)
    out |= _sigmas("sigma_ax", "sigma_ay", calibration, end.acceleration_sigmas)
    blank = np.full(n, np.nan)
    out |= dict.fromkeys(("width", "height", "area", "bbox_x", "bbox_y", "bbox_w", "bbox_h"), blank)
    out["shape"] = np.array([""] * n, object)
    return out


def _events(objects: list[_Object], times: Float, calibration: Calibration) -> list[ContactEvent]:
    """Contacts of all objects; two that happen at once, where two bodies meet, are one event with two partners."""
    interval = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    single = sorted(
        ((contact, item) for item in objects for contact in item.path.contacts), key=lambda pair: (pair[0].time_s, pair[1].object_id)
    )
    used: set[int] = set()
    events = []
    for k, (contact, item) in enumerate(single):
        if k in used:
            continue
        partners = [(contact, item)]
        for j in range(k + 1, len(single)):
            other, body = single[j]
            if other.time_s - contact.time_s > 1.6 * interval:
                break
            if j not in used and body is not item and _touch(item, body, contact.time_s, times):
                partners.append((other, body))
                used.add(j)
                break
        time = float(np.mean([c.time_s for c, _ in partners]))
        where = np.mean([_at(body, time, times) for _, body in partners], axis=0)
        world = np.asarray(calibration.points(where))
        impulses = [np.asarray(calibration.vectors(c.velocity_after - c.velocity_before)) for c, _ in partners]
        events.append(
            ContactEvent(
                time_s=time,
                frame=int(np.abs(times - time).argmin()),
                partners=[body.object_id for _, body in partners],
                position=(float(world[0]), float(world[1])),
                impulse=[(float(v[0]), float(v[1])) for v in impulses] if np.isfinite(impulses).all() else None,
            )
        )
    return events


def _at(item: _Object, time: float, times: Float) -> Float:
    at = times[item.frames]
    return np.array([np.interp(time, at, item.path.positions[:, axis]) for axis in range(2)])


def _touch(a: _Object, b: _Object, time: float, times: Float) -> bool:
    reach = [max(item.track.radius, 0.5 * float(np.median(item.track.sizes[:, 0]))) for item in (a, b)]
    return bool(np.hypot(*(_at(a, time, times) - _at(b, time, times))) <= TOUCH * sum(reach) + 2)


def _object_meta(table: dict[str, NDArray[Any]], parts: dict[int, int], objects: list[_Object]) -> dict[int, ObjectMeta]:
    names = {item.object_id: item.name for item in objects}
    out = {}
    for object_id in np.unique(table["object_id"]).tolist():
        rows = table["object_id"] == object_id
        frames = table["frame"][rows]
        out[int(object_id)] = ObjectMeta(
            label=str(table["label"][rows][0]),
            frames_seen=int((table["status"][rows] == "observed").sum()),
            first_frame=int(frames.min()),
            last_frame=int(frames.max()),
            shape=str(table["shape"][rows][0]),
            part_of=parts.get(int(object_id)),
            verification=names[int(object_id)].verification if int(object_id) in names else None,
        )
    return out


def _versions(names: tuple[str, ...]) -> dict[str, str]:
    out = {"python": platform.python_version()}
    for name in names:
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            continue
    return out
