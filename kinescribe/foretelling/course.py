"""Where every object is at any time of the foretold video: by the law, as it was seen, or at rest where it was seen last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinescribe.foretelling.beginning import SAME_S
from kinescribe.renderers.poses import Pose, PoseTable
from kinescribe.states import States

__all__ = ["Course"]

STILL_THERE = 2.5  # frame intervals before the end: what was seen later than that is still there


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Poses of all objects over time.

    Attributes:
        seen: the objects' poses where they were seen.
        future: those that the law tells; factual: the same without what was changed, None where nothing was.
        begins_s: from here on the law tells, seconds. ends_s: up to where it can. seen_until_s: end of what was seen.
        covered: ids that the law is about.
        rest: last poses of the others that were still there at the end.
        angles: last angles seen of covered objects, radians in the image, of whose turning the law says nothing.
        gone: ids of the others that were not there any more.
    """

    seen: PoseTable
    future: PoseTable
    factual: PoseTable | None
    begins_s: float
    ends_s: float
    seen_until_s: float
    covered: frozenset[int]
    rest: dict[int, Pose]
    angles: dict[int, float]
    gone: tuple[int, ...]

    @classmethod
    def of(
        cls, states: States, future: States, factual: States | None, covered: Iterable[int], *, begins_s: float, seen_until_s: float
    ) -> Course:
        """Put a table and what is foretold of it together.

        Args:
            states: what was seen.
            future, factual: what is foretold, with a change and without one.
            covered: ids that the law is about, also those that a change takes away.
            begins_s: from here on the law's word counts, seconds.
            seen_until_s: end of what was seen, seconds.
        """
        seen, told = PoseTable.of(states), PoseTable.of(future)
        law = frozenset(covered)
        last = {pose.object_id: (float(time), pose) for time, poses in zip(seen.times, seen.poses, strict=True) for pose in poses}
        steps = np.diff(seen.times)
        interval = float(np.median(steps)) if len(steps) else 0.0
        others = {i: one for i, one in last.items() if i not in law}
        there = {i for i, (time, _) in others.items() if time >= seen_until_s - STILL_THERE * interval}
        turning = {pose.object_id for poses in told.poses for pose in poses if np.isfinite(pose.angle)}
        angles: dict[int, float] = {}
        for time, poses in zip(seen.times, seen.poses, strict=True):
            if time <= begins_s + SAME_S or not angles:
                angles.update({p.object_id: p.angle for p in poses if np.isfinite(p.angle) and p.object_id in law - turning})
        return cls(
            seen=seen,
            future=told,
            factual=None if factual is None else PoseTable.of(factual),
            begins_s=begins_s,
            ends_s=float(told.times[-1]),
            seen_until_s=seen_until_s,
            covered=law,
            rest={i: replace(others[i][1], seen=False, velocity=(0.0, 0.0), turning=0.0) for i in sorted(there)},
            angles=angles,
            gone=tuple(sorted(set(others) - there)),
        )

    def foretold(self, time_s: float) -> tuple[Pose, ...]:
        """At a time from `begins_s` on: what the law tells, and beside it the others."""
        return (*self._upright(_at(self.future, time_s)), *self._others(time_s))

    def otherwise(self, time_s: float) -> tuple[Pose, ...]:
        """The law's objects without the change; none where nothing was changed."""
        return () if self.factual is None else self._upright(_at(self.factual, time_s))

    def observed(self, time_s: float) -> tuple[Pose, ...]:
        """As it was seen, at a time before that."""
        return _at(self.seen, time_s) if self.seen.times[0] - SAME_S <= time_s <= self.seen.times[-1] + SAME_S else ()

    def _others(self, time_s: float) -> Sequence[Pose]:
        if time_s <= self.seen_until_s + SAME_S:
            return [pose for pose in self.observed(time_s) if pose.object_id not in self.covered]
        return list(self.rest.values())

    def _upright(self, poses: Sequence[Pose]) -> tuple[Pose, ...]:
        """With the last angle that was seen where the law tells none."""
        return tuple(
            pose if np.isfinite(pose.angle) else replace(pose, angle=self.angles.get(pose.object_id, pose.angle), turning=0.0)
            for pose in poses
        )


def _at(table: PoseTable, time_s: float) -> tuple[Pose, ...]:
    return table.at(np.array([time_s]))[0]
