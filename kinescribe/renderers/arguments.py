"""Arguments that Python lets through, refused in one line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinescribe.errors import UsageError
from kinescribe.states import States
from kinescribe.states.checks import contradictions

if TYPE_CHECKING:
    from kinescribe.renderers.scene import Scene
    from kinescribe.video import Video

__all__ = ["check_states", "check_video", "output_path"]


def check_states(states: Any) -> None:
    """Raise `UsageError` for what is no table, or one that tells two places of one thing."""
    if not isinstance(states, States):
        text = " ".join(repr(states).split())
        raise UsageError(f"states={text[:60]} must be a kinescribe.States, such as kinescribe.states.read('states.csv') gives")
    for problem in contradictions(states.columns, states.meta):
        raise UsageError(f"the states table: {problem}")


def check_video(video: Video, states: States, scene: Scene | None = None) -> list[str]:
    """What is odd about a video, a table and a scene that should belong together, in words.

    Raises:
        UsageError: they were made from pictures of another size.
    """
    size, meta = (video.info.width, video.info.height), states.meta.video
    if meta is not None and (meta.width, meta.height) != size:
        raise UsageError(
            f"'{video.info.name}' is {size[0]}×{size[1]}, the table's video {meta.name} {meta.width}×{meta.height}; "
            "give the video that the table was made from"
        )
    if scene is not None and scene.confidence.shape[::-1] != size:
        width, height = scene.confidence.shape[::-1]
        raise UsageError(f"'{video.info.name}' is {size[0]}×{size[1]}, the scene {width}×{height}: give the scene of the same video")
    if meta is not None and meta.sha256 and video.info.sha256 and meta.sha256 != video.info.sha256:
        return [f"'{video.info.name}' is not the very file that the table was made from ({meta.name}): its content differs"]
    return []


def output_path(what: str, path: Any) -> Path:
    """Where a picture is written. Raises `UsageError` for what is no path."""
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"the {what} can't be written to {path!r}: give a path")
    return Path(path)
