"""Objects that a program in the sandbox draws from their state, in a scene like all others."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.sandbox import Limits, SandboxedFunction, SandboxError
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.scene import SceneObject, Sprite

__all__ = ["ARGUMENTS", "DRAWING_LIMITS", "Painter", "ProgramObject"]

Float = NDArray[np.float64]
ARGUMENTS = ("u", "v", "length", "breadth", "angle", "x", "y")
"""What a function `draw` may ask for, by name."""
DRAWING_LIMITS = Limits(seconds=5.0, cpu_seconds=600, memory=2**29)
FINENESS = 2  # pixels of the drawing in one of the video
MARGIN_PX = 4.0
LONGEST = 2_000.0  # px of a side; what is larger is drawn so large and stretched
MOST_PIXELS = 2**20
KEPT = 256  # drawings
# steps by which states count as the same, px or rad: what is drawn is stretched by the rest
STEPS = {"length": 0.25, "breadth": 0.25, "angle": 0.01, "x": 1.0, "y": 1.0}


class Painter:
    """A program that draws one object.

    Its function `draw` takes any of `ARGUMENTS`: u and v, (h, w), say of every pixel how far it lies from the middle along the object's
    long axis and across it, px; the others are numbers, of the state. It returns (h, w, 4): red, green, blue in 0..255, not multiplied
    by alpha, and alpha in [0, 1]. What it draws lies along u, and is turned by the angle afterwards.
    """

    def __init__(self, source: str, size: tuple[float, float], file: str = "draw.py", seconds: float = math.inf) -> None:
        """Check the source and start its worker.

        Args:
            size: (length, breadth) px, where a state doesn't tell them.
            file: what messages call the source.
            seconds: that all its drawings may take together.

        Raises:
            SandboxError: a source that may not run, holds no such function, or one that asks for something else; or no isolation here.
        """
        self._function = SandboxedFunction.of(source, "draw", limits=DRAWING_LIMITS, file=file)
        self._size = size
        self._seconds = seconds
        self._drawn: OrderedDict[tuple[float, ...], Sprite] = OrderedDict()
        strange = [name for name in self._function.arguments if name not in ARGUMENTS]
        if strange or not self._function.arguments:
            self._function.close()
            told = f"asks for {strange[0][:30]}" if strange else "asks for nothing"
            raise SandboxError(f"function draw {told}; its arguments may be {', '.join(ARGUMENTS)}", "contract")

    def sprite(self, pose: Pose) -> Sprite:
        """The drawing for a pose. Raises SandboxError where the program fails, or draws no picture."""
        sides = [now if np.isfinite(now) and now > 0.0 else own for now, own in zip((pose.length, pose.breadth), self._size, strict=True)]
        given = {
            "length": min(max(sides[0], 1.0), LONGEST), "breadth": min(max(sides[1], 1.0), LONGEST),
            "angle": float(np.angle(np.exp(1j * pose.angle))) if np.isfinite(pose.angle) else 0.0, "x": pose.x, "y": pose.y,
        }  # fmt: skip
        state = {name: round(value / STEPS[name]) * STEPS[name] for name, value in given.items()}
        # a state that the program doesn't ask for makes no other drawing
        key = tuple(state[name] if name in self._function.arguments or name in ("length", "breadth") else 0.0 for name in STEPS)
        if key not in self._drawn:
            self._drawn[key] = self._drawing(state)
            if len(self._drawn) > KEPT:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(key)
        return self._drawn[key]

    def _drawing(self, state: dict[str, float]) -> Sprite:
        sides = np.array([state["length"], state["breadth"]]) + 2.0 * MARGIN_PX
        fineness = FINENESS if sides.prod() * FINENESS**2 <= MOST_PIXELS else 1
        w, h = (int(side) for side in np.ceil(sides * fineness))
        if w * h > MOST_PIXELS:
            raise SandboxError(f"function draw: {w}×{h} pixels are too many for a drawing; {MOST_PIXELS} are the most", "contract")
        anchor = ((w - 1) / 2.0, (h - 1) / 2.0)
        u, v = np.meshgrid((np.arange(w) - anchor[0]) / fineness, (np.arange(h) - anchor[1]) / fineness)
        asked: dict[str, Any] = {"u": u, "v": v, **state}
        began = time.monotonic()
        (four,) = self._function.call([asked[name] for name in self._function.arguments], [(h, w, 4)])
        self._seconds -= time.monotonic() - began
        if self._seconds < 0.0:
            raise SandboxError("function draw: its drawings take too long; draw with fewer and simpler operations", "time")
        made = four.astype(np.float32)
        if not np.isfinite(made).all():
            raise SandboxError("function draw: it returned numbers that are none (NaN or infinity)", "contract")
        color, alpha = made[..., :3], made[..., 3]
        if alpha.min() < -1e-6 or alpha.max() > 1.0 + 1e-6:
            raise SandboxError(f"function draw: alpha must lie in 0..1, not {alpha.min():.3g}..{alpha.max():.3g}", "contract")
        alpha = np.clip(alpha, 0.0, 1.0)
        light = np.clip(color[..., ::-1], 0.0, 255.0) * alpha[..., None]
        size = (state["length"], state["breadth"])
        return Sprite(np.ascontiguousarray(light), np.ascontiguousarray(alpha), anchor, 0.0, fineness, size)


def _nobody(pose: Pose) -> Sprite:
    raise AssertionError(f"object {pose.object_id} has no painter")


@dataclass(frozen=True, slots=True, eq=False)
class ProgramObject(SceneObject):
    """An object whose every view is drawn when it is asked for.

    Attributes:
        painter: draws a pose. Its one sprite, drawn at the object's own size, stands for it where scenes are written to files.
    """

    painter: Callable[[Pose], Sprite] = _nobody

    def view(self, pose: Pose) -> Sprite:
        """The sprite of this very pose."""
        return self.painter(pose)
