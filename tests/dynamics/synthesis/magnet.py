"""A ball that falls while a magnet turns its path: no law of the library, alone or in a sum, says that. And who plays the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kinescribe.dynamics import Bodies, Clip, Schedule, State, Values, simulate
from kinescribe.dynamics.finding import law_from_text
from kinescribe.llm import Message, Reply, Usage

TRUTH = """import numpy as np
from kinescribe.dynamics import Law, Parameter


class Magnetic(Law):
    name = "magnetic fall"
    gravity = Parameter(9.0, (0, 50), "length/time^2", "downward acceleration")
    turn = Parameter(1.0, (0, 10), "1/time", "rate at which the path turns")

    def acceleration(self, t, state, parameters, inputs):
        return -parameters.turn * state.vy, parameters.turn * state.vx - parameters.gravity
"""
WRONG_SIGN = TRUTH.replace("-parameters.turn * state.vy, parameters.turn", "parameters.turn * state.vy, -parameters.turn")
DRAG = TRUTH.replace("-parameters.turn * state.vy, parameters.turn * state.vx", "-parameters.turn * state.vx, -parameters.turn * state.vy")
VALUES = {"gravity": 9.8, "turn": 1.5}
SIGMA = 0.003


def clip(seed: int = 0, frames: int = 40, sigma: float = SIGMA, name: str = "throw") -> Clip:
    """The ball over 4/3 s; y up, metres."""
    bodies = Bodies.make(1, radius=0.05, names=("ball",))
    times = np.arange(frames) / 30.0
    start = State.of(bodies, x=0.0, y=1.0, vx=3.0, vy=4.0)
    moved = simulate(
        law_from_text(TRUTH, "", "law.py"), Values({key: np.full((1, 1), one) for key, one in VALUES.items()}), start, Schedule.of([times])
    )
    chance = np.random.default_rng(seed)
    x, y = (moved.component(axis)[0] + chance.normal(0.0, sigma, (frames, 1)) for axis in "xy")
    nothing, error = np.full_like(x, np.nan), np.full_like(x, sigma)
    return Clip(name, times, bodies, x, y, nothing, nothing, nothing, nothing, error, error, error, unit="m")


def fenced(*sources: str) -> str:
    return "\n".join(f"An idea\n```python\n{source}```" for source in sources)


class Played:
    """Says one answer after the other, the last one for ever; a function makes its answer of the question."""

    model = "played"

    def __init__(self, *answers: str | BaseException | Callable[[str], str]) -> None:
        self.answers = answers
        self.asked: list[Sequence[Message]] = []

    @property
    def usage(self) -> Usage:
        return Usage(calls=len(self.asked), prompt_tokens=100 * len(self.asked), completion_tokens=10 * len(self.asked))

    def ask(self, messages: Sequence[Message], **_: Any) -> Reply:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(messages)
        if isinstance(answer, BaseException):
            raise answer
        text = answer if isinstance(answer, str) else answer(messages[-1].text)
        return Reply(text, usage=Usage(calls=1, prompt_tokens=100, completion_tokens=10), model="played-1")
