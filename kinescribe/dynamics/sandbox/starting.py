"""A law's own starts for a fit, which need data: asked of a worker that is ended then, so that no later rollout knows what it saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.dynamics.parameters import Parameter
from kinescribe.dynamics.sandbox.packing import Packed, Unpacked, pack_bodies
from kinescribe.dynamics.sandbox.refusal import SandboxError
from kinescribe.dynamics.sandbox.session import Session

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["starts_of"]

_TABLES = ("times", "x", "y", "angle", "vx", "vy", "angular_velocity", "sigma_x", "sigma_y", "sigma_angle")


def starts_of(session: Session, parameters: Mapping[str, Parameter], clip: Clip) -> dict[str, Any]:
    """By name a number, or (objects,) for a parameter per object. Raises SandboxError for anything else."""
    packed = Packed(tables=list(_TABLES), name=clip.name[:200], unit=clip.unit, y_down=clip.y_down)
    pack_bodies(packed, clip.bodies)
    packed.put(*(getattr(clip, name) for name in _TABLES), clip.inputs.times)
    packed.values("inputs", clip.inputs.columns)
    packed.text["impacts"] = [[one.time, list(one.objects), one.wall] for one in clip.impacts]
    objects = len(clip.bodies)
    reply = session.apart("starts", packed.text, packed.arrays, 8 * len(parameters) * max(objects, 1))
    names = reply.text.get("starts")
    if not isinstance(names, list) or len(names) != len(reply.arrays) or not set(map(str, names)) <= set(parameters):
        raise session.named(SandboxError("starts must return a number for each of some of its parameters", "contract"))
    found = Unpacked(reply.text, reply.arrays).values("starts")
    for name, value in found.items():
        shapes = ((), (1,), (objects,)) if parameters[name].per == "object" else ((), (1,))
        if value.dtype != np.float64 or value.shape not in shapes:
            raise session.named(SandboxError(f"starts must return a number for {name}, not an array {value.shape}", "contract"))
    return {name: value if value.ndim and parameters[name].per == "object" else float(value.ravel()[0]) for name, value in found.items()}
