"""A video in, a table of what every object did out.

The public names load on first use: ``import kinescribe`` alone imports none of the heavy libraries, so the command line starts at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinescribe.annotation.batch import annotate
    from kinescribe.dynamics.api import fit
    from kinescribe.dynamics.prediction.predict import predict
    from kinescribe.dynamics.synthesis.attempts import Synthesis
    from kinescribe.dynamics.synthesis.synthesize import synthesize
    from kinescribe.errors import InputError, KinescribeError, NothingFoundError, UsageError
    from kinescribe.evaluation import compare_videos
    from kinescribe.foretelling import predict_video
    from kinescribe.foretelling.asking.ask import ask
    from kinescribe.foretelling.programs.making import program
    from kinescribe.pipeline import extract_states
    from kinescribe.renderers import Scene, render
    from kinescribe.renderers.reviewing import Review, review
    from kinescribe.states import Calibration, States
    from kinescribe.video import open_video

__all__ = [
    "Calibration",
    "InputError",
    "KinescribeError",
    "NothingFoundError",
    "Review",
    "Scene",
    "States",
    "Synthesis",
    "UsageError",
    "__version__",
    "annotate",
    "ask",
    "compare_videos",
    "extract_states",
    "fit",
    "open_video",
    "predict",
    "predict_video",
    "program",
    "render",
    "review",
    "synthesize",
]
__version__ = "0.1.0"

_HOME = {
    "Calibration": "kinescribe.states",
    "InputError": "kinescribe.errors",
    "KinescribeError": "kinescribe.errors",
    "NothingFoundError": "kinescribe.errors",
    "Review": "kinescribe.renderers.reviewing",
    "Scene": "kinescribe.renderers",
    "States": "kinescribe.states",
    "Synthesis": "kinescribe.dynamics.synthesis",
    "UsageError": "kinescribe.errors",
    "annotate": "kinescribe.annotation.batch",
    "ask": "kinescribe.foretelling.asking",
    "compare_videos": "kinescribe.evaluation",
    "extract_states": "kinescribe.pipeline",
    "fit": "kinescribe.dynamics.api",
    "open_video": "kinescribe.video",
    "predict": "kinescribe.dynamics.prediction",
    "predict_video": "kinescribe.foretelling",
    "program": "kinescribe.foretelling.programs",
    "render": "kinescribe.renderers",
    "review": "kinescribe.renderers.reviewing",
    "synthesize": "kinescribe.dynamics.synthesis",
}


_PACKAGES = ("annotation", "dynamics", "evaluation", "perception", "pipeline", "plugins", "renderers", "states", "tracking", "video")


def __getattr__(name: str) -> Any:
    """Import a public name from the module where it lives, or one of the packages, on first use."""
    if name in _PACKAGES:
        return import_module(f"kinescribe.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'kinescribe' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})
