"""Exact gradients of the loss for laws that are written in torch, by going backwards through the simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.robust import ENOUGH, KNEE
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.state import State
from kinescribe.errors import UsageError, pip_install

__all__ = ["value_and_gradient"]

Float = NDArray[np.float64]


def value_and_gradient(problem: Problem, point: Point, scale: float) -> tuple[float, Float, Float]:
    """Huber's loss, as `robust.cost` has it, and its gradients by theta (p,) and by the initial states (c, d)."""
    try:
        import torch
    except ImportError:
        raise UsageError(f"law {problem.law.title} is written in torch, which is not installed: {pip_install('sam')}") from None
    problem.rollouts += len(problem.clips)
    theta = torch.tensor(point.theta, dtype=torch.float64, requires_grad=True)
    q = torch.tensor(point.q, dtype=torch.float64, requires_grad=True)
    values = _values(problem, theta, torch)
    data = torch.tensor(problem.initial.transpose(1, 0, 2).copy())
    rows, columns = (torch.as_tensor(index) for index in problem.components.T)
    data = data.permute(0, 2, 1).index_put((rows, columns), q.T).permute(0, 2, 1)
    schedule = problem.schedule()
    states = [data]
    for k in range(schedule.instants.shape[1] - 1):
        t = torch.as_tensor(schedule.instants[:, k : k + 1])
        h = torch.as_tensor(schedule.instants[:, k + 1 : k + 2]) - t
        held = Values({name: torch.as_tensor(column[:, k : k + 1]) for name, column in schedule.inputs.items()})
        states.append(_step(problem, t, states[-1], h, values, held, torch))
    path = torch.stack(states, dim=2)
    k = problem.observed.shape[-1]
    index = torch.as_tensor(schedule.frames)[None, :, :, None].expand(k, -1, -1, path.shape[-1])
    predicted = torch.gather(path[:k], 2, index).permute(1, 2, 3, 0)
    seen = torch.as_tensor(np.isfinite(problem.observed))
    observed = torch.as_tensor(np.nan_to_num(problem.observed))
    residual = torch.where(seen, (predicted - observed) / torch.as_tensor(problem.sigma), 0.0) / scale
    # a tiny number keeps the root's derivative finite where a residual is 0
    norm = torch.sqrt((residual**2).sum(dim=-1) + 1e-30)
    knee = KNEE * np.sqrt(k)
    huber = 0.5 * norm**2
    if int(seen.sum()) >= ENOUGH:
        huber = torch.where(norm <= knee, huber, knee * (norm - 0.5 * knee))
    loss = huber.sum()
    loss.backward()
    return float(loss.detach()), theta.grad.numpy().copy() if theta.grad is not None else np.zeros(0), q.grad.numpy().copy()


def _values(problem: Problem, theta: Any, torch: Any) -> Values:
    clips = len(problem.clips)
    full = torch.tensor(problem.slots.fixed_values).index_put((torch.as_tensor(problem.slots.free),), theta)
    out: dict[str, list[Any]] = {}
    for i, slot in enumerate(problem.slots.all):
        # objects that the law is not about have no slot, and a number that nothing depends on
        columns = 1 if slot.object is None else problem.slots.objects
        out.setdefault(slot.key, [torch.tensor(slot.parameter.start, dtype=full.dtype)] * columns)[slot.object or 0] = full[i]
    return Values({key: torch.stack(numbers).expand(clips, len(numbers)) for key, numbers in out.items()})


def _step(problem: Problem, t: Any, data: Any, h: Any, values: Values, inputs: Values, torch: Any) -> Any:
    moving = torch.as_tensor((~problem.bodies.static).astype(float))

    def rates(at: Any, now: Any) -> Any:
        parts = problem.law.acceleration(at, State(now, problem.bodies), values, inputs)
        rows = [torch.as_tensor(part, dtype=now.dtype).expand(now.shape[1:]) for part in parts]
        rows += [torch.zeros_like(now[0])] * (3 - len(rows))
        return torch.cat([now[3:], torch.stack(rows)]) * moving

    k1 = rates(t, data)
    k2 = rates(t + 0.5 * h, data + 0.5 * h * k1)
    k3 = rates(t + 0.5 * h, data + 0.5 * h * k2)
    k4 = rates(t + h, data + h * k3)
    return data + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
