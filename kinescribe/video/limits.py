"""How much a video may ask for: a header of a few bytes can ask for terabytes, or for years."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, fields

from ..errors import InputError, UsageError

__all__ = ["MAX_PIXELS", "Limits"]

MAX_PIXELS = 2**27
"""Most pixels that a frame may have if nothing else is said, as 16384 x 8192."""

_PREFIX = "KINESCRIBE_"


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading a video may take. A video that asks for more ends with an `InputError` that names the limit and how to raise it.

    Attributes:
        max_pixels: of a frame (default 2**27, as 16384 x 8192).
        max_frames: of a video (default 10 million, as 92 hours at 30 frames a second).
        max_wait_s: seconds that the decoder may work without a new frame (default 60).
        max_memory: bytes that the decoder may hold in pictures (default 2**33); with less, fewer threads decode.

    Raises:
        UsageError: a limit that isn't above 0.
    """

    max_pixels: int = MAX_PIXELS
    max_frames: int = 10_000_000
    max_wait_s: float = 60.0
    max_memory: int = 2**33

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise UsageError(f"limit {field.name}={value!r}: it must be a number above 0")

    @classmethod
    def from_environment(cls) -> Limits:
        """The defaults, replaced by KINESCRIBE_MAX_PIXELS, _MAX_FRAMES, _MAX_WAIT_S and _MAX_MEMORY where they are set.

        Raises:
            UsageError: one of them is no number above 0.
        """
        given: dict[str, float] = {}
        for field in fields(cls):
            name = variable(field.name)
            text = os.environ.get(name, "").strip()
            if not text:
                continue
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if not value > 0:
                raise UsageError(f"{name}={text[:40]!r} must be a number above 0, such as {getattr(cls(), field.name):.0f}")
            given[field.name] = value if field.name == "max_wait_s" or math.isinf(value) else int(value)
        return cls(**given)  # type: ignore[arg-type]

    def check_pixels(self, name: str, width: int, height: int) -> None:
        """Raises InputError for a picture that is too large."""
        if width * height > self.max_pixels:
            raise InputError(
                f"'{name}' claims frames of {width} x {height} pixels; at most {self.max_pixels} pixels a frame are read, "
                f"which {variable('max_pixels')}={width * height} raises"
            )

    def check_frames(self, name: str, count: int) -> None:
        """Raises InputError for too many frames."""
        if count > self.max_frames:
            raise InputError(f"'{name}' has over {self.max_frames} frames, and no more are read; {variable('max_frames')} raises that")

    def check_wait(self, name: str, seconds: float) -> None:
        """Raises InputError where the decoder has worked for too long without a frame."""
        if seconds > self.max_wait_s:
            raise InputError(
                f"'{name}': no frame came for {self.max_wait_s:g} s, so that it's taken for damaged; "
                f"{variable('max_wait_s')} lets it wait longer"
            )

    def threads(self, name: str, width: int, height: int, bits: int, most: int) -> int:
        """How many threads may decode, so that the pictures they hold have room.

        Args:
            name: of the video.
            width, height: of its pictures, px.
            bits: of a pixel.
            most: threads that there could be.

        Raises:
            InputError: there's room for none.
        """
        picture = max(1, width * height * bits // 8)
        room = int(min(self.max_memory // picture - _REFERENCES, most)) if math.isfinite(self.max_memory) else most
        if room < 1:
            needed = picture * (_REFERENCES + 1)
            raise InputError(
                f"'{name}' may take {needed} bytes to decode {width} x {height} pixels; at most {self.max_memory} are used, "
                f"which {variable('max_memory')}={needed} raises"
            )
        return room


_REFERENCES = 18  # pictures: 16 that a codec may refer to, one that is decoded, and one that is converted


def variable(limit: str) -> str:
    """The environment variable of a limit."""
    return _PREFIX + limit.upper()
