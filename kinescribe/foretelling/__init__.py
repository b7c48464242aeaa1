"""From a video to the video of what happens next: states, law, prediction, scene and pictures in one go."""

from kinescribe.foretelling.asked import Comparison
from kinescribe.foretelling.beginning import Span
from kinescribe.foretelling.filming import Filmed
from kinescribe.foretelling.foretell import Foretold, predict_video
from kinescribe.foretelling.measuring import Measures

__all__ = ["Comparison", "Filmed", "Foretold", "Measures", "Span", "predict_video"]
