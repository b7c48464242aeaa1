"""Parts between bodies as rows of the table: where their ends are tells where they are, how long, and how turned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.foretelling.programs.rendering_description import End, Part
from kinescribe.renderers.geometry import rotation
from kinescribe.renderers.poses import Pose, PoseTable
from kinescribe.states import Calibration, ObjectMeta, States

__all__ = ["pose_of", "with_parts"]

Float = NDArray[np.float64]
LEAST_LENGTH = 0.5  # px: a part whose ends fall together has no direction


def with_parts(states: States, parts: Sequence[Part]) -> States:
    """The table, seen or predicted, with a row a part in every frame that has both its ends.

    Raises:
        UsageError: a part with the id of an object that the table has.
    """
    taken = sorted({part.id for part in parts} & set(states.object_ids))
    if taken:
        raise UsageError(f"part {taken[0]} has the id of an object of the table; give the table that the parts were made for")
    table = PoseTable.of(states)
    status = {(int(f), int(i)): str(s) for f, i, s in zip(states["frame"], states["object_id"], states["status"], strict=True)}
    rows: list[dict[str, Any]] = []
    for time, frame, poses in zip(table.times, table.frames, table.poses, strict=True):
        there = {pose.object_id: pose for pose in poses}
        for part in parts:
            row = _row(part, there, states.meta.calibration or Calibration.pixels())
            if row is not None:
                own = next(end.object for end in (part.start, part.end) if end.object is not None)
                rows.append({"frame": int(frame), "time_s": float(time), "status": status[int(frame), own], **row})
    if not rows:
        return states
    columns = {name: np.concatenate([values, _column(rows, name, values)]) for name, values in states.columns.items()}
    objects = {**states.meta.objects, **{part.id: ObjectMeta(label=part.name, shape="rod") for part in parts}}
    return States.from_columns(columns, states.meta.model_copy(update={"objects": objects}))


def pose_of(part: Part, there: Mapping[int, Pose]) -> Pose | None:
    """Where a part is between its ends, how long, and how it moves; None where an end isn't there, or both are in one place.

    Args:
        there: poses of bodies by id, at one instant.
    """
    start, end = (_place(end, there) for end in (part.start, part.end))
    if start is None or end is None:
        return None
    (one, v_one), (other, v_other) = start, end
    way, apart = other - one, v_other - v_one
    length = float(np.hypot(*way))
    if not np.isfinite(length) or length < LEAST_LENGTH:
        return None
    (x, y), (vx, vy) = 0.5 * (one + other), 0.5 * (v_one + v_other)
    turning = float(way[0] * apart[1] - way[1] * apart[0]) / length**2
    seen = all(there[at.object].seen for at in (part.start, part.end) if at.object is not None)
    return Pose(
        part.id, float(x), float(y), float(np.arctan2(way[1], way[0])), length, part.breadth, seen, (float(vx), float(vy)), turning
    )  # fmt: skip


def _row(part: Part, there: Mapping[int, Pose], world: Calibration) -> dict[str, Any] | None:
    """What a table says of a part in one frame."""
    pose = pose_of(part, there)
    if pose is None:
        return None
    x, y = world.points(np.array([pose.x, pose.y]))
    vx, vy = world.vectors(np.array(pose.velocity))
    return {
        "object_id": part.id, "label": part.name, "shape": "rod", "x": x, "y": y, "vx": vx, "vy": vy,
        "angle": float(world.angles(pose.angle)), "angular_velocity": float(world.angle_rates(pose.turning)),
        "width": float(world.lengths(pose.length)), "height": float(world.lengths(pose.breadth)), "x_px": pose.x, "y_px": pose.y,
    }  # fmt: skip


def _place(end: End, there: Mapping[int, Pose]) -> tuple[Float, Float] | None:
    """Where an end is, px, and how fast it moves, px/s."""
    if end.object is None:
        return np.array([end.x, end.y]), np.zeros(2)
    pose = there.get(end.object)
    if pose is None:
        return None
    arm = rotation(pose.angle if np.isfinite(pose.angle) else 0.0) @ np.array([end.x, end.y])
    return np.array([pose.x, pose.y]) + arm, np.array(pose.velocity) + pose.turning * np.array([-arm[1], arm[0]])


def _column(rows: Sequence[Mapping[str, Any]], name: str, values: NDArray[Any]) -> NDArray[Any]:
    unknown: Any = "" if values.dtype.kind == "O" else 0 if values.dtype.kind == "i" else np.nan
    return np.array([row.get(name, unknown) for row in rows], values.dtype)
