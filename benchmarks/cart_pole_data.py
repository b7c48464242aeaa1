"""Cart Pole's clips: what gymnasium draws under random actions, and where its cart and pole really are."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Images = NDArray[np.uint8]
FRAME_INTERVAL = 0.02
SCALE, MIDDLE = 125.0, 300.0  # px a unit, and px of x = 0, as the environment draws them
HALF_LENGTH = 0.5  # of its pole


@dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """One episode; termination is ignored.

    Attributes:
        images: (T, 400, 600, 3), BGR.
        states: (T, 4): the cart's place and speed, the pole's lean to the right and its rate; metres, radians, seconds.
        actions: (T − 1,), 0 to the left and 1 to the right; number k leads from frame k to frame k + 1.
    """

    images: Images
    states: Float
    actions: NDArray[np.int64]

    @property
    def times(self) -> Float:
        return np.arange(len(self.states)) * FRAME_INTERVAL

    def first(self, count: int) -> Episode:
        """Its first frames alone."""
        return Episode(self.images[:count], self.states[:count], self.actions[: count - 1])


class World:
    """Gymnasium's CartPole-v1. Ends the benchmark with one line where that isn't installed."""

    def __init__(self) -> None:
        try:
            import gymnasium
            import pygame  # noqa: F401  (gymnasium draws with it)
        except ImportError as error:
            sys.exit(f"cannot import {error.name}; install it first: pip install 'gymnasium[classic-control]'")
        # termination is ignored, so that nobody need hear of it
        gymnasium.logger.min_level = gymnasium.logger.ERROR
        self._world: Any = gymnasium.make("CartPole-v1", render_mode="rgb_array").unwrapped

    def close(self) -> None:
        self._world.close()

    def episode(self, seed: int, steps: int) -> Episode:
        """An episode of so many actions, drawn at random; the reset and the actions hang on the seed."""
        self._world.reset(seed=seed)
        start = np.array(self._world.state, float)
        actions = np.random.default_rng(seed).integers(0, 2, steps)
        return self.replay(start, actions)

    def replay(self, start: Float, actions: NDArray[np.int64], *, half_length: float = HALF_LENGTH) -> Episode:
        """The same start and actions, with a pole of another length and the same mass."""
        world = self._world
        world.reset(seed=0)
        length, moment = world.length, world.polemass_length
        world.length, world.polemass_length = half_length, world.masspole * half_length
        world.state = start.copy()
        images, states = [self._picture()], [start.copy()]
        for action in actions:
            world.step(int(action))
            images.append(self._picture())
            states.append(np.array(world.state, float))
        world.length, world.polemass_length = length, moment
        return Episode(np.stack(images), np.stack(states), np.asarray(actions))

    def drawn(self, place: float, lean: float, *, half_length: float = HALF_LENGTH) -> Images:
        """What the environment itself draws of a cart at this place and a pole that leans so far."""
        world = self._world
        length = world.length
        world.length, world.state = half_length, np.array([place, 0.0, lean, 0.0])
        picture = self._picture()
        world.length = length
        return picture

    def _picture(self) -> Images:
        return np.ascontiguousarray(self._world.render()[..., ::-1])
