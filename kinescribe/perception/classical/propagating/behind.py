"""What lies behind a thing, as far as it was seen before the thing covered it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinescribe.perception.classical.propagating.windows import Field, Window, brought, signed_distance

__all__ = ["Behind"]

SAFE = 2.0  # px, beyond the outline, where colours mix
SHADED = 0.1  # sizes of the thing, beyond the outline, where it may cast a shadow


@dataclass(frozen=True, slots=True, eq=False)
class Behind:
    """The surroundings without the thing, in one frame's window.

    Attributes:
        window: that it fills.
        colors: CIELAB, (rows, columns, 3); anything where unknown.
        known: in [0, 1], (rows, columns); 0 what was never seen.
    """

    window: Window
    colors: Field
    known: Field

    @classmethod
    def seen(cls, window: Window, colors: Field, mask: Field, memory: Behind | None = None) -> Behind:
        """What a window shows beside the mask, and under the mask the memory, which must be of the same window."""
        free = signed_distance(mask) < -max(SAFE, SHADED * float(np.sqrt(mask.sum())))
        if memory is None:
            return cls(window, colors, free.astype(np.float32))
        return cls(window, np.where(free[..., None], colors, memory.colors), np.where(free, np.float32(1), memory.known))

    def carried(self, window: Window, earlier: Window, motion: Field) -> Behind:
        """The same in the next frame's window, `motion` leading back from there to pixels of the window `earlier` of this frame."""
        return Behind(window, brought(self.colors, self.window, earlier, motion), brought(self.known, self.window, earlier, motion, 0))
