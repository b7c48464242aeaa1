"""Pictures as the decoder stores them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["brightness"]


def brightness(picture: VideoFrame) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], int] | None:
    """The first plane as it is stored, which is brightness in most formats, and the bits of its values; None for unusual values."""
    bits, width = _layout(picture.format.name, picture.width)
    if not bits:
        return None
    plane = picture.planes[0]
    data = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]
    rows = data[: plane.line_size * plane.height].reshape(plane.height, plane.line_size)[:, :width]  # what lies behind is anything
    return (rows.view(np.uint16), bits) if bits > 8 else (rows, bits)


@lru_cache(maxsize=16)
def _layout(name: str, width: int) -> tuple[int, int]:
    """Bits of a value, 0 for unusual ones, and bytes in a row of the first plane."""
    from av.video.format import VideoFormat

    form = VideoFormat(name, width, 2)
    bits = max(component.bits for component in form.components)
    if bits > 16 or (bits > 8 and form.is_big_endian):
        return 0, 0
    if form.is_planar or len(form.components) == 1:
        return bits if bits > 8 else 8, width * (2 if bits > 8 else 1)
    return 8, width * form.bits_per_pixel // 8
