"""What may come back from a worker: arrays of the shape that was asked for, and contacts that can be struck."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.contacts import Contacts
from kinescribe.dynamics.sandbox.frames import Frame
from kinescribe.dynamics.sandbox.packing import Unpacked, unpack_contacts
from kinescribe.dynamics.sandbox.refusal import SandboxError

__all__ = ["MOST_WALLS", "contacts", "floats", "integer"]

Float = NDArray[np.float64]
MOST_WALLS = 32
UNIT = 1e-6  # by how much the square of a normal may differ from 1


def floats(frame: Frame, what: str, *shapes: tuple[int, ...]) -> Float:
    """The one array of a reply, of one of these shapes; its numbers may be no numbers. Raises SandboxError for another."""
    one = frame.arrays[0] if len(frame.arrays) == 1 else None
    if one is None or one.dtype != np.float64 or one.shape not in shapes:
        came = "nothing" if one is None else f"{one.dtype} {one.shape}"
        raise SandboxError(f"{what} returned {came}; it must be an array of the shape {' or '.join(map(str, shapes))}", "contract")
    return one


def integer(frame: Frame, what: str, most: int) -> int:
    """The one whole number of a reply. Raises SandboxError where it is none from 0 to `most`."""
    one = frame.arrays[0] if len(frame.arrays) == 1 else None
    if one is None or one.dtype != np.int64 or one.shape != () or not 0 <= int(one) <= most:
        raise SandboxError(f"{what} must return a whole number from 0 to {most}", "contract")
    return int(one)


def contacts(frame: Frame, clips: int, objects: int) -> Contacts:
    """What can be struck, in b clips of n objects. Raises SandboxError where a part of it is none."""
    text = frame.text
    walls, discs = text.get("walls"), text.get("discs")
    if not isinstance(walls, list) or len(walls) > MOST_WALLS or not all(_is_wall(one, objects) for one in walls):
        raise SandboxError(f"contacts has up to {MOST_WALLS} walls, each with a name and indices of objects", "contract")
    flags = [] if discs is None else discs
    if discs is not None and not (isinstance(discs, list) and len(discs) == 2 and all(isinstance(one, bool) for one in discs)):
        raise SandboxError("contacts has discs that are none", "contract")
    rest = list(frame.arrays[1:])
    if len(frame.arrays) != 1 + sum(flags):
        raise SandboxError("contacts has too few arrays, or too many", "contract")
    columns = frame.arrays[0]
    _check(columns, "numbers of contacts", np.dtype(float), ((clips, 5 * len(walls) + (0 if discs is None else 4)),))
    if discs is not None and flags[0]:
        _check(rest.pop(0), "pairs of discs", np.dtype(bool), ((objects, objects),))
    if discs is not None and flags[1]:
        _check(rest.pop(0), "masses of discs", np.dtype(float), ((objects,), (1, objects), (clips, objects)))
    across, up = columns[:, 0 : 5 * len(walls) : 5], columns[:, 1 : 5 * len(walls) : 5]
    # a normal that is no number is that of a clip that has diverged
    if (np.abs(across * across + up * up - 1.0) > UNIT).any():
        raise SandboxError("the normal of a wall is not of length 1", "contract")
    return unpack_contacts(Unpacked(text, frame.arrays))


def _is_wall(one: Any, objects: int) -> bool:
    if not isinstance(one, list) or len(one) != 2:
        return False
    name, who = one
    if not isinstance(name, str) or not name.isprintable() or len(name) > 64:
        return False
    return who is None or (isinstance(who, list) and len(who) <= objects and all(type(i) is int and 0 <= i < objects for i in who))


def _check(one: NDArray[Any], what: str, dtype: np.dtype[Any], shapes: tuple[tuple[int, ...], ...]) -> None:
    if one.dtype != dtype or one.shape not in shapes:
        raise SandboxError(f"{what} have the shape {one.shape}; it must be {' or '.join(map(str, shapes))}", "contract")
