"""States as pictures: drawn over the video, as plots, and as video made of the video's own pixels. Heavy imports wait for their use."""

from kinescribe.renderers.overlay import draw_overlay
from kinescribe.renderers.plot import plot_states
from kinescribe.renderers.protocols import Renderer
from kinescribe.renderers.rendering import Rendering, render
from kinescribe.renderers.scene import Scene, SceneObject, Sprite

__all__ = ["Renderer", "Rendering", "Scene", "SceneObject", "Sprite", "draw_overlay", "plot_states", "render"]
