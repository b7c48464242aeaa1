"""What a fitted law foretells, and what would have happened instead."""

from __future__ import annotations

from kinescribe.dynamics.prediction.changes import Change, Sweep
from kinescribe.dynamics.prediction.differences import Difference
from kinescribe.dynamics.prediction.forecast import Forecast, Predictor
from kinescribe.dynamics.prediction.predict import Counterfactual, counterfactual, predict, sweep

__all__ = ["Change", "Counterfactual", "Difference", "Forecast", "Predictor", "Sweep", "counterfactual", "predict", "sweep"]
