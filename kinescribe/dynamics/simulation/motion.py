"""One step of free motion: the classical Runge-Kutta method, with a step of its own for every clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.law import Law, accelerations
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.simulation.elsewhere import Elsewhere
from kinescribe.dynamics.simulation.schedule import Schedule
from kinescribe.dynamics.state import Bodies, State
from kinescribe.errors import UsageError

__all__ = ["Motion", "bodies_of"]

Float = NDArray[np.float64]


@dataclass(slots=True, eq=False)
class Motion:
    """Accelerations of b clips under a law.

    Attributes:
        law, parameters, bodies: what moves, and how; parameters are (b, 1) or (b, n), bodies' arrays (n,) or (b, n).
        inputs: values that hold over the present step, (b, 1).
        moving: (1, n) 0 for static bodies.
        schedule, now: the instants that it passes, and which of them it is at, where that is known.
        whole, rows: of what motion these are some of the clips, and which; None for a motion of its own.
    """

    law: Law
    parameters: Values
    bodies: Bodies
    inputs: Values
    moving: Float
    schedule: Schedule | None = None
    now: int = 0
    whole: Motion | None = None
    rows: NDArray[np.intp] | None = None

    @classmethod
    def of(cls, law: Law, parameters: Values, bodies: Bodies) -> Motion:
        """Without inputs, which change from step to step."""
        return cls(law, parameters, bodies, Values({}), (~bodies.static).astype(float)[None])

    def take(self, clips: NDArray[np.intp]) -> Motion:
        """For these clips alone."""
        return Motion(
            self.law,
            Values({name: value[clips] for name, value in self.parameters.items()}),
            bodies_of(self.bodies, clips),
            Values({name: value[clips] for name, value in self.inputs.items()}),
            self.moving,
            whole=self.whole or self,
            rows=clips if self.rows is None else self.rows[clips],
        )

    def rates(self, t: Float, data: Float) -> Float:
        """Time derivative of a state (6, b, n) at times (b, 1)."""
        out = np.empty_like(data)
        out[:3] = data[3:]
        if self.law.array_library == "torch":
            made = _through_torch(self, t, data)
        else:
            made = accelerations(self.law, t, State(data, self.bodies), self.parameters, self.inputs)
        out[5] = 0.0
        for row, part in zip((3, 4, 5), made, strict=False):
            try:
                out[row] = part
            except (ValueError, TypeError):
                shape = np.shape(part)
                raise UsageError(
                    f"law {self.law.title}: an acceleration has the shape {shape}; it must fit (clips, objects) = {data.shape[1:]}"
                ) from None
        out *= self.moving
        return out

    def step(self, t: Float, data: Float, h: Float) -> Float:
        """The state (6, b, n) after h (b, 1) seconds from t (b, 1), constraints kept."""
        if isinstance(self.law, Elsewhere):
            return self.law.moved(self, t, data, h)
        k1 = self.rates(t, data)
        k2 = self.rates(t + 0.5 * h, data + 0.5 * h * k1)
        k3 = self.rates(t + 0.5 * h, data + 0.5 * h * k2)
        k4 = self.rates(t + h, data + h * k3)
        out = data + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        return self.projected(out)

    def projected(self, data: Float) -> Float:
        """The nearest state that keeps the law's constraints."""
        if type(self.law).project is Law.project or self.law.array_library == "torch":
            return data
        return np.asarray(self.law.project(State(data, self.bodies), self.parameters).data)


def bodies_of(bodies: Bodies, clips: NDArray[np.intp]) -> Bodies:
    """The bodies of some of the clips; what does not differ between clips stays as it is."""
    if bodies.radius.ndim == 1:
        return bodies
    return Bodies(
        bodies.names, bodies.labels, bodies.object_ids, bodies.shapes,
        bodies.radius[clips], bodies.width[clips], bodies.height[clips], bodies.static,
    )  # fmt: skip


def _through_torch(motion: Motion, t: Float, data: Float) -> Any:
    import torch

    def tensors(values: Values) -> Values:
        return Values({name: torch.as_tensor(value) for name, value in values.items()})

    with torch.no_grad():
        parts = accelerations(
            motion.law, torch.as_tensor(t), State(torch.as_tensor(data), motion.bodies), tensors(motion.parameters), tensors(motion.inputs)
        )
    return [part.numpy() if isinstance(part, torch.Tensor) else part for part in parts]
