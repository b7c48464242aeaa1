"""A law fitted to clips: residuals, steps, optimizers, and what the data say about each parameter."""

from __future__ import annotations

from kinescribe.dynamics.fitting.budget import Budget
from kinescribe.dynamics.fitting.fit import fit_law
from kinescribe.dynamics.fitting.pixel_loss import PixelLoss
from kinescribe.dynamics.fitting.result import ClipFit, Estimate, Fit, Unidentified

__all__ = ["Budget", "ClipFit", "Estimate", "Fit", "PixelLoss", "Unidentified", "fit_law"]
