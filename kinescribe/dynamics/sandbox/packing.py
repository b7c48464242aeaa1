"""Bodies, values, schedules and contacts as plain data and arrays, on either side of the pipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.contacts import Contacts, Discs, Wall
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.simulation.schedule import Schedule
from kinescribe.dynamics.state import Bodies
from kinescribe.errors import UsageError

__all__ = ["Packed", "Unpacked", "pack_bodies", "pack_contacts", "pack_schedule", "unpack_bodies", "unpack_contacts", "unpack_schedule"]

Float = NDArray[np.float64]


class Packed:
    """Text and arrays of a frame, as they are put together."""

    def __init__(self, **text: Any) -> None:
        self.text: dict[str, Any] = text
        self.arrays: list[NDArray[Any]] = []

    def put(self, *arrays: Any) -> None:
        """More arrays, or numbers."""
        self.arrays += [np.asarray(one) for one in arrays]

    def values(self, key: str, values: Mapping[str, Any]) -> None:
        """Arrays by name."""
        self.text[key] = list(values)
        self.put(*(np.asarray(value, float) for value in values.values()))


class Unpacked:
    """Text and arrays of a frame, as they are taken apart in the same order."""

    def __init__(self, text: Mapping[str, Any], arrays: Sequence[NDArray[Any]]) -> None:
        self.text = text
        self._arrays: Iterator[NDArray[Any]] = iter(arrays)

    def take(self) -> NDArray[Any]:
        """The next array."""
        return next(self._arrays)

    def all(self) -> list[NDArray[Any]]:
        """The arrays that are left."""
        return list(self._arrays)

    def values(self, key: str) -> Values:
        """Arrays by name."""
        return Values({name: self.take() for name in self.text[key]})


def pack_bodies(packed: Packed, bodies: Bodies) -> None:
    """What stays the same about objects."""
    packed.text["bodies"] = [list(bodies.names), list(bodies.labels), list(bodies.object_ids), list(bodies.shapes)]
    packed.put(bodies.radius, bodies.width, bodies.height, bodies.static)


def unpack_bodies(unpacked: Unpacked) -> Bodies:
    """As they were packed."""
    names, labels, ids, shapes = (tuple(part) for part in unpacked.text["bodies"])
    radius, width, height, static = (unpacked.take() for _ in range(4))
    return Bodies(names, labels, ids, shapes, radius, width, height, static)


def pack_schedule(packed: Packed, schedule: Schedule) -> None:
    """The instants of clips, and what their inputs are from each on."""
    packed.put(schedule.instants, schedule.frames, schedule.rests)
    packed.values("scheduled", schedule.inputs)


def unpack_schedule(unpacked: Unpacked) -> Schedule:
    """As it was packed."""
    instants, frames, rests = unpacked.take(), unpacked.take(), unpacked.take()
    return Schedule(instants, frames, rests, dict(unpacked.values("scheduled")))


_WALL = ("normal_x", "normal_y", "offset", "restitution", "friction")
_DISCS = ("restitution", "friction", "threshold", "size")


def pack_contacts(packed: Packed, contacts: Contacts, clips: int) -> None:
    """What can be struck; every number as a column of b clips. Raises UsageError for one that is none."""
    discs = contacts.discs
    owners = [*((wall, name) for wall in contacts.walls for name in _WALL), *((discs, name) for name in _DISCS if discs is not None)]
    columns = np.empty((clips, len(owners)))
    for k, (owner, name) in enumerate(owners):
        try:
            columns[:, k : k + 1] = getattr(owner, name)
        except (ValueError, TypeError):
            shape = np.shape(getattr(owner, name))
            raise UsageError(f"{name} of a contact has the shape {shape}; it must be a number, or (clips, 1) = ({clips}, 1)") from None
    packed.text["walls"] = [[str(wall.name), None if wall.objects is None else [int(i) for i in wall.objects]] for wall in contacts.walls]
    packed.text["discs"] = None if discs is None else [discs.pairs is not None, discs.masses is not None]
    packed.put(columns)
    if discs is not None and discs.pairs is not None:
        packed.put(np.asarray(discs.pairs, bool))
    if discs is not None and discs.masses is not None:
        packed.put(np.asarray(discs.masses, float))


def unpack_contacts(unpacked: Unpacked) -> Contacts:
    """As they were packed; what comes from a worker has been looked at before (`replies.contacts`)."""
    columns = unpacked.take()
    numbers = iter([columns[:, k : k + 1] for k in range(columns.shape[1])])
    walls = [
        Wall(name, **{key: next(numbers) for key in _WALL}, objects=None if objects is None else tuple(objects))
        for name, objects in unpacked.text["walls"]
    ]
    if unpacked.text["discs"] is None:
        return Contacts(walls)
    restitution, friction, threshold, size = numbers
    has_pairs, has_masses = unpacked.text["discs"]
    pairs = unpacked.take() if has_pairs else None
    masses = unpacked.take() if has_masses else None
    return Contacts(walls, Discs(restitution, friction, threshold, pairs, masses, size))
