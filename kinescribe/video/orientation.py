"""Turns stored pictures the way they should be shown: phones store every video as the sensor lies and note the turn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["Orientation", "orientation_of"]


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight ways to lay a rectangle on its place: mirror left to right, then turn counter-clockwise.

    Attributes:
        rotation_deg: 0, 90, 180 or 270.
        mirrored: whether mirrored first.
    """

    rotation_deg: int = 0
    mirrored: bool = False

    @property
    def swaps_axes(self) -> bool:
        """Whether width and height change places."""
        return self.rotation_deg % 180 == 90

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture laid right, shape (H, W, 3) or (W, H, 3), contiguous; the same array where nothing is to be done."""
        if not self.rotation_deg and not self.mirrored:
            return image
        import cv2

        if self.mirrored:
            image = cv2.flip(image, 1)  # type: ignore[assignment]
        turns = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}
        return cv2.rotate(image, turns[self.rotation_deg]) if self.rotation_deg else image  # type: ignore[return-value]


def orientation_of(picture: VideoFrame) -> tuple[Orientation, str | None]:
    """What a decoded frame's display matrix asks for, and half a sentence where it asks for no such thing.

    The matrix maps (x, y), y down, to (a x + c y, b x + d y) (ISO/IEC 14496-12, §6.2.2). PyAV's `rotation` leaves out mirroring.
    """
    from av.sidedata.sidedata import Type

    side_data: Any = picture.side_data  # its stubs leave out the keys that it takes
    data = side_data.get(Type.DISPLAYMATRIX)
    if data is None:
        return Orientation(), None
    a, b, _, c, d = (int(v) for v in np.frombuffer(data, np.int32)[:5])
    mirrored = a * d - b * c < 0
    if mirrored:  # undo the mirroring of x, which comes first
        a, b = -a, -b
    degrees = math.degrees(math.atan2(-b, a))
    quarters = round(degrees / 90)
    if (a, b) == (0, 0) or abs(degrees - 90 * quarters) > 0.5:
        return Orientation(), "asks to be turned by no multiple of 90 degrees; frames are left as stored"
    return Orientation(quarters % 4 * 90, mirrored), None
