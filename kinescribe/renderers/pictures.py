"""The pictures of a scene's folder, which a stranger may have made: PNG files inside the folder, of bounded size."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import InputError, UsageError

__all__ = ["Pictures", "write_picture"]

Picture = NDArray[np.uint8]
MOST_FILE_BYTES = 256 * 2**20
MOST_PIXELS = 2**26  # of one picture
MOST_SPRITE_PIXELS = 2**25  # of all sprites together: each takes 32 bytes in memory
SIGNATURE = b"\x89PNG\r\n\x1a\n"
MODES = {1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR, 4: cv2.IMREAD_UNCHANGED}
_SAFE = re.compile(r"^[^\\:*?\"<>|\x00-\x1f]+$")


class Pictures:
    """Reads them, one after another, within one budget for all.

    Args:
        folder: of the scene. named: the file that names the pictures, for messages.
    """

    def __init__(self, folder: Path, named: Path) -> None:
        self.folder, self.named = folder, named
        self._left = MOST_SPRITE_PIXELS

    def read(self, name: str, channels: int) -> Picture:
        """A picture (h, w) or (h, w, channels), BGR(A). Raises InputError for what isn't one, lies outside the folder, or is too large."""
        path = self._inside(name)
        try:
            # a pipe or a device would never end
            if path.exists() and not path.is_file():
                raise InputError(f"{path}: no picture that can be read")
            if path.stat().st_size > MOST_FILE_BYTES:
                raise InputError(f"{path}: {path.stat().st_size} bytes are too many for a picture")
            content = path.read_bytes()
        except OSError as error:
            raise error if isinstance(error, InputError) else InputError(f"{path}: {error.strerror or error}") from None
        width, height = _size(content, path)
        if width * height > MOST_PIXELS:
            raise InputError(f"{path}: {width}×{height} pixels are too many for a picture")
        if channels == 4:
            self._left -= width * height
            if self._left < 0:
                raise InputError(f"{self.named}: its sprites have more than {MOST_SPRITE_PIXELS} pixels in all: use smaller ones, or fewer")
        try:
            image = cv2.imdecode(np.frombuffer(content, np.uint8), MODES[channels])
        except cv2.error:
            image = None
        if image is None or not image.size:
            raise InputError(f"{path}: no picture that can be read")
        return _with_alpha(np.asarray(image)) if channels == 4 else np.asarray(image, np.uint8)

    def _inside(self, name: str) -> Path:
        path = self.folder / name
        try:
            # by where it leads, whether or not there is anything
            inside = bool(_SAFE.match(name)) and path.resolve().is_relative_to(self.folder.resolve())
        except (OSError, RuntimeError, ValueError):
            inside = False
        if not inside:
            raise InputError(f"{self.named}: '{name}' points outside its folder: a scene's pictures lie inside it")
        return path


def write_picture(path: Path, image: Picture) -> None:
    """As PNG. Raises UsageError where it can't be encoded, OSError where it can't be written."""
    done, encoded = cv2.imencode(".png", image)
    if not done:
        raise UsageError(f"'{path}' can't be encoded as PNG")
    path.write_bytes(encoded.tobytes())


def _size(content: bytes, path: Path) -> tuple[int, int]:
    """(width, height) as a PNG's header tells them, before anything is unpacked."""
    if len(content) < 24 or not content.startswith(SIGNATURE) or content[12:16] != b"IHDR":
        raise InputError(f"{path}: no picture that can be read: a scene's pictures are PNG files")
    width, height = struct.unpack(">II", content[16:24])
    return int(width), int(height)


def _with_alpha(image: NDArray[Any]) -> Picture:
    """(h, w, 4) of grey or colour, 8 or 16 bit, with alpha or without: then all of it is opaque."""
    if image.dtype == np.uint16:
        image = (image // 257).astype(np.uint8)
    eight = image.astype(np.uint8)
    if eight.ndim == 2:
        return np.asarray(cv2.cvtColor(eight, cv2.COLOR_GRAY2BGRA), np.uint8)
    return np.asarray(cv2.cvtColor(eight, cv2.COLOR_BGR2BGRA), np.uint8) if eight.shape[2] == 3 else eight
