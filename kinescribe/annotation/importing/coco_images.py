"""Which images of a COCO file are frames of which video, and which frames."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kinescribe.annotation.importing.sheets import shown
from kinescribe.errors import InputError, UsageError
from kinescribe.llm.text import one_line
from kinescribe.states import VideoMeta

__all__ = ["Images"]

_FRAME = ("frame_id", "frame_index", "frame", "frame_number")
_DIGITS = re.compile(r"^(.*?)(\d{1,15})$", re.DOTALL)
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Images:
    """The images of one video.

    Attributes:
        frames: frame numbers, as the file counts them, by image id.
        times: seconds, by image id, of those that say it, as our exporter lets them.
        elsewhere: ids of other videos' images.
        video: name and size; None where the images don't agree on one.
    """

    frames: Mapping[int, int]
    times: Mapping[int, float]
    elsewhere: frozenset[int]
    video: VideoMeta | None

    @classmethod
    def of(cls, path: Path, images: list[Any], videos: Any, chosen: str | None) -> Images:
        """Sort out a file's images.

        Raises:
            UsageError: several videos and none chosen, or one that isn't there.
            InputError: an image without id or frame number, or two with the same.
        """
        by_video = cls.sorted_out(path, images, videos)
        name = _choice(path, sorted(by_video), chosen)
        own = by_video.get(name, [])
        elsewhere = frozenset(image["id"] for video, listed in by_video.items() if video != name for image in listed)
        frames = {image["id"]: _frame(path, image) for image in own}
        times = {image["id"]: float(image["time_s"]) for image in own if _is_time(image.get("time_s"))}
        sizes = {(image.get("width"), image.get("height")) for image in own}
        return cls(frames, times, elsewhere, _meta(name or path.stem, sizes))

    @staticmethod
    def sorted_out(path: Path, images: list[Any], videos: Any) -> dict[str, list[dict[str, Any]]]:
        """The images of each video, by its name. Raises InputError for images without id or frame, and for two with the same id."""
        names = _video_names(videos)
        by_video: dict[str, list[dict[str, Any]]] = {}
        seen: set[int] = set()
        for k, image in enumerate(images):
            id_ = image.get("id") if isinstance(image, dict) else None
            if isinstance(id_, bool) or not isinstance(id_, int):
                raise InputError(f"{path}: image {k}: has no whole number as its id; export again")
            if id_ in seen:
                raise InputError(f"{path}: image {k}: a second image has the id {id_}; export again")
            seen.add(id_)
            _frame(path, image)
            stem, belongs = _numbered(image)[0], image.get("video_id")
            by_video.setdefault(names.get(belongs, stem) if isinstance(belongs, int | str) else stem, []).append(image)
        return by_video


def _video_names(videos: Any) -> dict[Any, str]:
    listed = videos if isinstance(videos, list) else []
    known = [video for video in listed if isinstance(video, dict) and isinstance(video.get("id"), int)]
    names = {video["id"]: str(video.get("name") or video.get("file_name") or video["id"]) for video in known}
    often = Counter(names.values())
    return {id_: name if often[name] == 1 else f"{name} ({id_})" for id_, name in names.items()}


def _numbered(image: dict[str, Any]) -> tuple[str, int | None]:
    """What a picture's name says of its video, and its frame."""
    name = PurePosixPath(str(image.get("file_name", "")).replace("\\", "/"))
    match = _DIGITS.match(name.stem)
    stem = (match[1] if match else name.stem).rstrip("_-. ") or name.parent.name
    told = next((image[key] for key in _FRAME if isinstance(image.get(key), int) and not isinstance(image[key], bool)), None)
    return stem, told if told is not None else int(match[2]) if match else None


def _frame(path: Path, image: dict[str, Any]) -> int:
    number = _numbered(image)[1]
    if number is None:
        raise InputError(
            f"{path}: image {image['id']} ({shown(image.get('file_name'))}) has neither a frame_id nor a number at the end of its name, "
            "to tell which frame of the video it is"
        )
    return number


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _choice(path: Path, names: list[str], chosen: str | None) -> str:
    listed = ", ".join(shown(name) for name in names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    if chosen is not None:
        if chosen not in names:
            raise UsageError(f"{path}: no video {shown(chosen)}; it has: {listed or 'none'}")
        return chosen
    if len(names) > 1:
        raise UsageError(f"{path}: holds {len(names)} videos: {listed}: choose one with only=")
    return names[0] if names else ""


def _meta(name: str, sizes: set[tuple[Any, Any]]) -> VideoMeta | None:
    if len(sizes) != 1:
        return None
    width, height = next(iter(sizes))
    if not all(isinstance(one, int) and not isinstance(one, bool) and 0 < one < 10**6 for one in (width, height)):
        return None
    return VideoMeta(name=one_line(name), width=width, height=height)
