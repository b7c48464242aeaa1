"""Fixtures that several packages' tests share."""

from __future__ import annotations

import os
from collections.abc import Callable

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch come in: every core has a worker of its own

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from kinescribe.evaluation.scenes import Scene
from kinescribe.states import Calibration, ContactEvent, Metadata, States, TimeMeta, VideoMeta

TableOf = Callable[..., States]

# a slow machine is no fault of what is tested
settings.register_profile("kinescribe", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kinescribe")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The commands of the pages first: they take longest, and one core does them while the others do the rest."""
    items.sort(key=lambda item: item.path.name != "test_docs.py")


def _table_of(scene: Scene, calibration: Calibration | None = None, hidden: tuple[int, ...] = (), left_out: tuple[int, ...] = ()) -> States:
    """The table that a perfect run would write. In the `hidden` frames object 1 is occluded, in those `left_out` it has no row."""
    world = calibration or Calibration.pixels()
    rows: dict[str, list[object]] = {}
    for object_id, (name, truth) in enumerate(scene.truth.items(), start=1):
        places, velocities = world.points(truth.positions), world.vectors(truth.velocities)
        for frame in range(scene.frame_count):
            if object_id == 1 and frame in left_out:
                continue
            row = {
                "frame": frame,
                "time_s": scene.times[frame],
                "object_id": object_id,
                "label": name,
                "x": places[frame, 0],
                "y": places[frame, 1],
                "vx": velocities[frame, 0],
                "vy": velocities[frame, 1],
                "sigma_x": world.lengths(0.1),
                "sigma_y": world.lengths(0.1),
                "sigma_vx": world.lengths(2.0),
                "sigma_vy": world.lengths(2.0),
                "x_px": truth.positions[frame, 0],
                "y_px": truth.positions[frame, 1],
                "bbox_x": truth.positions[frame, 0] - truth.size[0] / 2,
                "bbox_y": truth.positions[frame, 1] - truth.size[1] / 2,
                "bbox_w": truth.size[0],
                "bbox_h": truth.size[1],
                "status": "occluded" if object_id == 1 and frame in hidden else "observed",
            }
            for column, value in row.items():
                rows.setdefault(column, []).append(value)
    step = float(np.median(np.diff(scene.times)))
    names = list(scene.truth)
    events = [
        ContactEvent(time_s=time_s, frame=round(time_s / step), partners=[names.index(name) + 1 for name in partners], position=(0.0, 0.0))
        for time_s, partners in scene.contacts
        if all(name in names for name in partners)
    ]
    video = VideoMeta(name="video.mp4", width=scene.width, height=scene.height, frame_count=scene.frame_count)
    return States.from_columns(rows, Metadata(calibration=world, video=video, time=TimeMeta(regular=True, interval_s=step), events=events))


@pytest.fixture
def table_of() -> TableOf:
    """A function that makes the states table of a drawn scene from its truth."""
    return _table_of
