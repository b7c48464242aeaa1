"""Which few frames tell what happens in a clip."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.poses import PoseTable
from kinescribe.states import States

__all__ = ["telling_frames"]

OF_TIME = 0.35  # share of the clip's "story" that is time itself; the rest is way gone, so that rest takes few frames and none is left out
NEAR = 0.5  # of the way to the next chosen frame: so far one moves to show a contact


def telling_frames(states: States, count: int, last: int | None = None) -> list[int]:
    """At most so many frame numbers of a table, ascending: its first and last, and between them steps of equal story, moved to contacts.

    The more objects move, the closer the frames lie; a contact nearby takes the place of a step.

    Args:
        states: a table.
        count: of frames, 1 or more.
        last: no later frame is chosen, as the video has none; None for the table's own last.
    """
    table = PoseTable.of(states)
    frames = table.frames if last is None else table.frames[table.frames <= last]
    if len(frames) <= count:
        return [int(frame) for frame in frames]
    if count == 1:
        return [int(frames[len(frames) // 2])]
    way = _way(table)[: len(frames)]
    passed = (table.times[: len(frames)] - table.times[0]) / max(table.times[len(frames) - 1] - table.times[0], 1e-12)
    story = passed if way[-1] <= 0.0 else OF_TIME * passed + (1.0 - OF_TIME) * way / way[-1]
    wanted = np.linspace(0.0, 1.0, count)
    contacts = np.unique([np.abs(frames - event.frame).argmin() for event in states.meta.events]).astype(int)
    chosen: list[int] = []
    for k, place in enumerate(wanted):
        at = int(np.abs(story - place).argmin())
        near = contacts[np.abs(story[contacts] - place) < NEAR * wanted[1]]
        if 0 < k < count - 1 and len(near):
            at = int(near[np.abs(story[near] - place).argmin()])
        # never the same one twice, and as many left after it as are still wanted
        at = max(at, chosen[-1] + 1 if chosen else 0)
        chosen.append(min(at, len(frames) - (count - k)))
    return [int(frames[at]) for at in chosen]


def _way(table: PoseTable) -> NDArray[np.float64]:
    """(T,) how far all objects went until each time, in their own sizes, so that a large one in front counts as much as a small one."""
    length: dict[int, list[float]] = defaultdict(list)
    for poses in table.poses:
        for pose in poses:
            length[pose.object_id].append(pose.length if np.isfinite(pose.length) and pose.length > 0.0 else np.nan)
    size = {i: float(np.nanmedian(sides)) if np.isfinite(sides).any() else 20.0 for i, sides in length.items()}
    way = np.zeros(len(table.poses))
    before: dict[int, tuple[float, float]] = {}
    for k, poses in enumerate(table.poses):
        for pose in poses:
            x, y = before.get(pose.object_id, (pose.x, pose.y))
            way[k] += min(float(np.hypot(pose.x - x, pose.y - y)) / size[pose.object_id], 10.0)
            before[pose.object_id] = (pose.x, pose.y)
    return np.cumsum(way)
