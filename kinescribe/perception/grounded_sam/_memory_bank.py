"""What a video model remembers of each thing that it follows, and no more than it can still attend to.

The model looks back at the frames in which a thing was shown to it (conditioning frames), at the last few frames, and at a token for
each of some more (object pointers). Whatever is older can't reach a result, so it is let go, and the memory doesn't grow with the video.
Source: Ravi et al., SAM 2: Segment Anything in Images and Videos, 2024, section 4 and appendix D.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Limits", "Memory", "ThingMemory"]


@dataclass(slots=True, eq=False)
class Memory:
    """What one frame left behind of one thing.

    Attributes:
        pointer: tensor, shape (channels,).
        features: tensor, shape (positions, 1, memory channels); None once only the pointer is still in reach.
    """

    pointer: Any
    features: Any


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a model looks back.

    Attributes:
        memories: of the last frames, whose features are attended to.
        pointers: of the last frames, whose pointers are.
        attended: conditioning frames whose features are attended to, the latest ones; -1 for all.
        conditioning: conditioning frames that are kept for each thing, the first and the latest ones; two or more.
    """

    memories: int
    pointers: int
    attended: int
    conditioning: int


@dataclass(slots=True, eq=False)
class ThingMemory:
    """All that is remembered of one thing, by number of the step that it is from.

    Attributes:
        shown: conditioning frames.
        carried: other frames.
    """

    limits: Limits
    shown: dict[int, Memory] = field(default_factory=dict)
    carried: dict[int, Memory] = field(default_factory=dict)

    def show(self, step: int, memory: Memory) -> None:
        """Remember a conditioning frame, in place of what was carried into the same frame."""
        self.carried.pop(step, None)
        self.shown[step] = memory
        steps = sorted(self.shown)
        for old in steps[1 : len(steps) - self.limits.conditioning + 1]:
            self.carried[old] = self.shown.pop(old)  # an ordinary memory from now on, for as long as one would be in reach
        self.forget(step)

    def carry(self, step: int, memory: Memory) -> None:
        """Remember a frame that the mask was carried into."""
        self.carried[step] = memory
        self.forget(step)

    def forget(self, step: int) -> None:
        """Let go what the frame after `step` can't reach any more."""
        for old in list(self.carried):
            age = step + 1 - old
            if age > self.limits.memories:
                self.carried[old].features = None
            if age > max(self.limits.memories, self.limits.pointers):
                del self.carried[old]

    def features(self, step: int) -> Iterator[tuple[int, Any]]:
        """Features that frame `step` attends to, each with its age in steps; 0 for conditioning frames."""
        latest = sorted(self.shown)
        attended = latest if self.limits.attended < 0 else latest[max(0, len(latest) - self.limits.attended) :]
        for shown in attended:
            yield 0, self.shown[shown].features
        for age in range(self.limits.memories, 0, -1):
            old = step - age
            within = self.carried.get(old) or (self.shown.get(old) if old not in attended else None)
            if within is not None:
                yield age, within.features

    def pointers(self, step: int) -> Iterator[tuple[int, Any]]:
        """Pointers that frame `step` attends to, each with its age in steps."""
        for shown, memory in self.shown.items():
            yield step - shown, memory.pointer
        for age in range(1, self.limits.pointers + 1):
            if (within := self.carried.get(step - age)) is not None:
                yield age, within.pointer
