"""Pictures of states: drawn over the video, and as plots. Matplotlib and supervision are imported when something is drawn."""

from kinescribe.renderers.overlay import draw_overlay
from kinescribe.renderers.plot import plot_states

__all__ = ["draw_overlay", "plot_states"]
