"""Weights of the learned models: which there are, where they lie, and reading them without running what is in them."""

from kinescribe.perception.weights.catalogue import CATALOG, Model
from kinescribe.perception.weights.checking import Checked, check
from kinescribe.perception.weights.finding import find, missing
from kinescribe.perception.weights.found import Weights
from kinescribe.perception.weights.getting import MissingWeightsError, how_to_get
from kinescribe.perception.weights.places import weights_folder
from kinescribe.perception.weights.pretrained import load_pretrained
from kinescribe.perception.weights.state import load_state

__all__ = [
    "CATALOG",
    "Checked",
    "MissingWeightsError",
    "Model",
    "Weights",
    "check",
    "find",
    "how_to_get",
    "load_pretrained",
    "load_state",
    "missing",
    "weights_folder",
]
