"""What a steady law says of parameters and objects, asked once: its forces and contacts depend on nothing that changes on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.contacts import Contacts
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.sandbox import replies
from kinescribe.dynamics.sandbox.frames import Frame
from kinescribe.dynamics.sandbox.packing import Packed, pack_bodies
from kinescribe.dynamics.sandbox.session import Session
from kinescribe.dynamics.state import Bodies
from kinescribe.errors import UsageError

__all__ = ["Steady"]

Float = NDArray[np.float64]
SAME = 1e-9  # of an acceleration: no difference
_SIZES = ("radius", "width", "height", "static")


@dataclass(slots=True)
class _Answer:
    """Forces (2 or 3, b, n) of b clips, and their contacts as the worker told them."""

    values: Mapping[str, Any]
    bodies: Bodies
    clips: int
    forces: Float
    contacts: Frame | None

    def is_of(self, values: Mapping[str, Any], bodies: Bodies, clips: int) -> bool:
        """Whether its first clips are these."""
        same_objects = (bodies.names, bodies.labels) == (self.bodies.names, self.bodies.labels)
        if clips > self.clips or values.keys() != self.values.keys() or not same_objects:
            return False
        if any(not np.array_equal(np.asarray(one)[:clips], np.asarray(self.values[name])[:clips]) for name, one in values.items()):
            return False
        for name in _SIZES:
            ours, theirs = getattr(bodies, name), getattr(self.bodies, name)
            if ours.ndim != theirs.ndim or not np.array_equal(ours, theirs[: len(ours)] if ours.ndim > 1 else theirs):
                return False
        return True


class Steady:
    """The last answer of a law, which serves all that is asked of the same parameters and objects."""

    def __init__(self, session: Session, title: str, strikes: bool) -> None:
        self._session, self._title, self._strikes = session, title, strikes
        self._last: _Answer | None = None

    def forces(self, parameters: Values, bodies: Bodies, clips: int) -> list[Float]:
        """Two or three arrays (clips, objects). Raises UsageError where they are not the same at two different states."""
        return list(self._answer(parameters, bodies, clips).forces[:, :clips])

    def contacts(self, parameters: Values, bodies: Bodies, clips: int) -> Contacts:
        """What can be struck."""
        made = self._answer(parameters, bodies, clips)
        if made.contacts is None:
            return Contacts()
        whole = made.contacts
        # of what differs between clips their rows: pairs of objects don't, and masses may not
        rest = [one[:clips] if one.dtype == np.float64 and one.ndim == 2 and len(one) == made.clips else one for one in whole.arrays[1:]]
        some = [whole.arrays[0][:clips], *rest]
        return replies.contacts(Frame(whole.serial, whole.text, some), clips, len(bodies))

    def _answer(self, parameters: Values, bodies: Bodies, clips: int) -> _Answer:
        if self._last is not None and self._last.is_of(parameters, bodies, clips):
            return self._last
        n = len(bodies)
        packed = Packed(clips=clips, strikes=self._strikes)
        pack_bodies(packed, bodies)
        packed.values("values", parameters)
        most = 8 * clips * (6 * n + 5 * replies.MOST_WALLS + 4 + n) + 8 * n * n
        frame = self._session.call("steady", packed.text, packed.arrays, most)
        parts = Frame(frame.serial, frame.text, frame.arrays[:1])
        forces = replies.floats(parts, f"law {self._title}: acceleration", (2, 2, clips, n), (2, 3, clips, n))
        # where a force is no number, the motion has none either
        known = np.isfinite(forces[0])
        one, other = (np.where(known, force, 0.0) for force in forces)
        if not (np.abs(other - one) <= SAME * np.abs(one).max(initial=0.0)).all():
            raise UsageError(f"law {self._title} says steady = True, but its accelerations change with time or state: leave steady out")
        struck = Frame(frame.serial, frame.text, frame.arrays[1:]) if self._strikes else None
        values = {name: np.array(value, float) for name, value in parameters.items()}
        self._last = _Answer(values, bodies, clips, forces[0], struck)
        return self._last
