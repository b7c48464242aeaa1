"""How the objects of a program are drawn: what a model's description changes in the scene that is cut out of the video."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kinescribe.llm import Model
from kinescribe.renderers.scene import Scene
from kinescribe.states import States
from kinescribe.video import Video

if TYPE_CHECKING:
    from kinescribe.renderers.protocols import RendererFactory

__all__ = ["drawn_with", "propose_drawing"]


def propose_drawing(video: Video, states: States, model: Model, *, task: str, rounds: int) -> tuple[Mapping[str, Any], str]:
    """A description that draws the video better than the library's own scene, else an empty one; and a line on how it was found."""
    return {}, "the library's own"


def drawn_with(drawing: Mapping[str, Any], video: Video, states: States) -> tuple[Scene, str | RendererFactory]:
    """The scene of a video, as a description has it, and who draws it."""
    return Scene.from_video(video, states), "sprites"
