"""A synthetic world: a law, motions under it as perception would see them, and the programs of models that look for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics import Bodies, Clip, Inputs, Law, Schedule, State, Values, simulate
from kinescribe.dynamics.sandbox import law_of_source

__all__ = ["Start", "World"]

Start = Mapping[str, float | tuple[float, ...]]
"""A clip's initial state: components by name (x, y, vx, vy), each a number or one an object."""

SUBSTEPS = 8  # of the interval between frames, for the motion that is drawn


@dataclass(frozen=True, eq=False)
class World:
    """A law that the library's laws can't express, with what a model may make of its motions.

    All sources are laws that may run in the sandbox. Lengths are in metres, y up.

    Attributes:
        name: unique in the bank. family: of what kind the law is.
        source: the true law; its parameters start off by a factor of 1.5 to 3.
        values: its parameters' true values.
        starts: the initial state of each clip.
        steps: from a poor law to a nearly right one, each of which fits better than the one before; the true one comes after the last.
        decoys: plausible and wrong; some fit better than the first step, and none leads to the true law.
        wrong_sign: the true law but for a sign, which the bounds keep a fit from putting right.
        equivalents: other sources of the same law.
        objects: how many move. radius: of their discs, m.
        frames: of each clip. rate: of frames, 1/s. sigma: noise of positions, m.
        inputs: known inputs of every clip.
    """

    name: str
    family: str
    source: str
    values: Mapping[str, float]
    starts: tuple[Start, ...]
    steps: tuple[str, ...]
    decoys: tuple[str, ...]
    wrong_sign: str
    equivalents: tuple[str, ...] = ()
    objects: int = 1
    radius: float = 0.03
    frames: int = 60
    rate: float = 30.0
    sigma: float = 0.003
    inputs: Inputs = field(default_factory=Inputs.none)

    @property
    def law(self) -> Law:
        """The true law, in this process: its source is ours."""
        return law_of_source(self.source, file=f"{self.name}.py", trust=True)

    def clips(self, seed: int = 0) -> list[Clip]:
        """The clips with noise drawn from this seed; contacts stand in them as perception would tell them."""
        rng = np.random.default_rng(seed)
        return [self._seen(start, f"{self.name} {number}", rng) for number, start in enumerate(self.starts, 1)]

    def _seen(self, start: Start, name: str, rng: np.random.Generator) -> Clip:
        law, bodies, times = self.law, Bodies.make(self.objects, radius=self.radius), np.arange(self.frames) / self.rate
        schedule = Schedule.of([times], [self.inputs], names=law.inputs, substeps=SUBSTEPS)
        values = Values({key: np.full((1, 1), value) for key, value in self.values.items()})
        path = simulate(law, values, State.of(bodies, **start), schedule)
        x, y = (self._noisy(path.component(axis)[0], rng) for axis in "xy")
        unknown, sigma = np.full(x.shape, np.nan), np.full(x.shape, self.sigma)
        return Clip(
            name, times, bodies, x, y, unknown, unknown, unknown, unknown, sigma, sigma, sigma, tuple(path.impacts_of(0)), self.inputs, "m"
        )

    def _noisy(self, places: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        return places + rng.normal(0.0, self.sigma, places.shape)
