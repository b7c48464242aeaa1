"""Reads a folder of numbered pictures as a video."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, UsageError
from .continuity import Continuity
from .frame import Frame
from .hashing import sha256_of_files
from .info import VideoInfo, wanted_indices
from .limits import Limits
from .pictures import damage_of_picture, size_of_picture
from .timing import checked_interval, checked_times

__all__ = ["SUFFIXES", "ImageFolder"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


class ImageFolder:
    """A folder with one numbered picture a frame, read in the order of their numbers (2 before 10).

    Attributes:
        info: size of the first picture, exact frame count.
        partial: None, or, after an iteration that met an unreadable picture, one line that says which.
        warnings: one line for each thing to know about the pictures; those on what they show come with the first iteration.
        repeated: how many frames repeat the one before while things move; None before the first whole iteration.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        times: ArrayLike | None = None,
        frame_interval: float | None = None,
        limits: Limits | None = None,
    ) -> None:
        """List the folder and read its first picture.

        Args:
            path: of the folder.
            times: shape (T,), seconds, one for each picture.
            frame_interval: seconds from one number to the next.
            limits: to what the pictures may ask for; the defaults if not given.

        Raises:
            InputError: no numbered pictures, several series of them, an unreadable first one, or more than the limits allow.
            UsageError: neither or both of times and interval, or ones that make no sense.
        """
        self._path, self._limits = Path(path), limits or Limits()
        self.partial: str | None = None
        self.warnings: list[str] = []
        self.repeated: int | None = None
        self._about_pictures: list[str] = []
        self._about_all = False  # whether both are of every frame, and not of some that were chosen
        self._files, numbers = self._listed()
        self._limits.check_frames(str(path), len(self._files))
        if (times is None) == (frame_interval is None):
            what = "pictures carry no time stamps" if times is None else "both times and a frame interval were given"
            raise UsageError(f"'{self._path}': {what}; give the time between two pictures with --frame-interval SECONDS")
        if frame_interval is not None:
            self._times = self._numbered_times(numbers) * checked_interval(frame_interval)
        else:
            assert times is not None  # one of the two was given
            self._times = checked_times(times, len(self._files))
        first = self._first_image()
        height, width = first.shape[:2]
        step = float(np.median(np.diff(self._times))) if len(self._files) > 1 else (frame_interval or 0.0)
        self.info = VideoInfo(
            path=self._path,
            name=self._path.resolve().name,
            width=width,
            height=height,
            frame_count=len(self._files),
            duration_s=float(self._times[-1] - self._times[0]) + step,
            kind="images",
            codec=self._files[0].suffix.lower().lstrip("."),
            hasher=partial(sha256_of_files, self._files),
        )

    def __iter__(self) -> Iterator[Frame]:
        return self._watched()

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        """The frames with these indices, ascending, each once; no other picture is read.

        Raises:
            UsageError: an index outside.
        """
        return self._read(wanted_indices(indices, self.info.name, len(self._files)))

    def choose(self, wanted: Callable[[int, float], bool | None]) -> Iterator[Frame]:
        """The frames for whose index and time `wanted` says True; None ends the pass, without the frame."""
        return self._watched(wanted)

    def _watched(self, wanted: Callable[[int, float], bool | None] | None = None) -> Iterator[Frame]:
        """All frames, or those that are wanted; what they show is looked at, that of all the first time."""
        frames = self._read(range(len(self._files)))
        if wanted is None and self._about_all:
            yield from frames
            return
        continuity = Continuity(self.info.name)
        for frame in frames:
            answer = True if wanted is None else wanted(frame.index, frame.time_s)
            if answer is None:
                break
            if answer:
                height, width, channels = frame.image.shape
                continuity.note(frame.image.reshape(height, width * channels), number=frame.index)
                yield frame
        continuity.close()
        self.warnings = [line for line in self.warnings if line not in self._about_pictures] + continuity.warnings
        self.repeated, self._about_pictures, self._about_all = len(continuity.repeated()[0]), continuity.warnings, wanted is None

    def _read(self, indices: Sequence[int]) -> Iterator[Frame]:
        self.partial = None
        size = (self.info.height, self.info.width)
        for index in indices:
            file = self._files[index]
            try:
                image = _load(file, self._limits)
            except InputError as error:
                self.partial = f"'{self.info.name}' breaks off before frame {index} ({self._times[index]:.3f} s): {error}"
                return
            if image.shape[:2] != size:
                raise InputError(
                    f"'{file}' is {image.shape[1]} x {image.shape[0]} pixels, the first picture of its folder "
                    f"{size[1]} x {size[0]}: leave pictures of one size in the folder"
                )
            yield Frame(index, float(self._times[index]), image)

    def _listed(self) -> tuple[list[Path], list[int] | None]:
        """Pictures in order, and the one number that counts them where there is exactly one."""
        try:
            entries = [p for p in self._path.iterdir() if not p.name.startswith(".")]
        except OSError as error:
            raise InputError(f"'{self._path}' can't be listed: {error.strerror}") from error
        pictures = [p for p in entries if p.suffix.lower() in SUFFIXES and p.is_file()]
        numbered = [p for p in pictures if re.search(r"\d", p.stem)]
        if not numbered:
            has = f"none of its {len(pictures)} pictures has a number in its name" if pictures else "no pictures"
            raise InputError(f"folder '{self._path}': {has}; it must hold numbered pictures ({', '.join(SUFFIXES)}), such as 00001.png")
        patterns = sorted({re.sub(r"\d+", "#", p.name).lower() for p in numbered})
        if len(patterns) > 1:
            raise InputError(f"folder '{self._path}' holds several series ('{patterns[0]}', '{patterns[1]}'): leave one of them in it")
        if ignored := sorted(p.name for p in pictures if p not in set(numbered)):
            self.warnings.append(f"'{self._path.name}': left out, for want of a number in the name: {', '.join(ignored[:5])}")
        keys = {p: [int(n) for n in re.findall(r"\d+", p.stem)] for p in numbered}
        numbered.sort(key=lambda p: (keys[p], p.name))
        for one, other in pairwise(numbered):
            if keys[one] == keys[other]:
                raise InputError(f"'{one}' and '{other.name}' have the same number: leave one of them in the folder")
        columns = [column for column in zip(*(keys[p] for p in numbered), strict=True) if len(set(column)) > 1]
        return numbered, list(columns[0]) if len(columns) == 1 else None

    def _numbered_times(self, numbers: list[int] | None) -> NDArray[np.float64]:
        """Time of every picture in frame intervals: a number that is left out leaves its time free."""
        count = len(self._files)
        if numbers is None:
            return np.arange(count, dtype=np.float64)
        steps = [after - before for before, after in pairwise(numbers)]
        names = [file.name for file in self._files]
        step = min(steps)
        if odd := [k for k, s in enumerate(steps) if s % step]:
            raise InputError(
                f"the numbers of '{names[odd[0]]}' and '{names[odd[0] + 1]}' don't count frames in steps of {step}: "
                "number the pictures 0, 1, 2 …, or give times for them"
            )
        if gaps := [names[k] for k, s in enumerate(steps) if s > step]:
            self.warnings.append(
                f"'{self._path.name}': pictures are missing after {', '.join(gaps[:5])}; the ones behind keep the time of their number"
            )
        return np.array([(number - numbers[0]) // step for number in numbers], np.float64)

    def _first_image(self) -> NDArray[np.uint8]:
        import cv2

        file = self._files[0]
        raw = _decoded(file, cv2.IMREAD_UNCHANGED, self._limits)
        if raw.dtype == np.uint16:
            self.warnings.append(
                f"'{self._path.name}': 16-bit pictures are read at 8 bits (value // 256; the first one's top is {raw.max()})"
            )
        elif raw.dtype != np.uint8:
            raise InputError(f"'{file}' holds {raw.dtype} values; give pictures of 8 or 16 bits a channel")
        image = _load(file, self._limits)
        if file.suffix.lower() in {".tif", ".tiff"} and (pages := cv2.imcount(str(file))) > 1:
            raise InputError(f"'{file}' is a stack of {pages} pictures; write each into a numbered file of its own")
        return image


def _load(file: Path, limits: Limits) -> NDArray[np.uint8]:
    """One picture, BGR, turned as its EXIF data say. Raises: InputError."""
    import cv2

    image = _decoded(file, cv2.IMREAD_COLOR, limits)
    limits.check_pixels(str(file), image.shape[1], image.shape[0])  # where its header didn't tell
    return np.asarray(image, np.uint8)


def _decoded(file: Path, flags: int, limits: Limits) -> NDArray[Any]:
    import cv2

    try:
        data = file.read_bytes()  # not imread: it can't open every name on every system
    except OSError as error:
        raise InputError(f"'{file}' can't be read: {error.strerror}") from error
    if not data:
        raise InputError(f"'{file}' is empty (0 bytes)")
    if size := size_of_picture(data):
        limits.check_pixels(str(file), *size)
    if wrong := damage_of_picture(data):
        raise InputError(f"'{file}' {wrong}")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise InputError(f"'{file}' can't be decoded: {error.err}") from error
    if image is None:
        raise InputError(f"'{file}' is damaged or no picture")
    return image
