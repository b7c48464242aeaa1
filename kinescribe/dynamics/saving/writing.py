"""Writing a fit."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from kinescribe.dynamics.arguments import a_kind, file_of
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting.result import ClipFit, Fit
from kinescribe.dynamics.saving.domain import Domain
from kinescribe.dynamics.saving.layout import readable, to_text
from kinescribe.dynamics.saving.model import (
    FORMAT_VERSION,
    BodiesModel,
    CandidateModel,
    ClipModel,
    DomainModel,
    EstimateModel,
    FitModel,
    SelectionModel,
    StatisticsModel,
    UnidentifiedModel,
)
from kinescribe.dynamics.saving.reference import reference
from kinescribe.errors import UsageError
from kinescribe.states.writing import replaced

__all__ = ["save", "to_model"]


def save(fit: Fit, path: str | os.PathLike[str], *, clips: Sequence[Clip] = ()) -> None:
    """Write a fit as JSON, under a temporary name that takes the path's place when all is written.

    Args:
        clips: that it was fitted to, so that the file can tell what they covered; without them a fit that knows its domain keeps it.

    Raises:
        UsageError: the file cannot be written.
    """
    if not isinstance(fit, Fit):
        raise UsageError(f"only a fit can be saved, not {a_kind(fit)}")
    target = file_of(path)
    domain = Domain.of(clips) if clips else getattr(fit, "domain", None)
    text = to_text(to_model(fit, domain).model_dump(mode="python", exclude_defaults=True))
    with replaced(target) as (staged,):
        staged.write_text(text, encoding="utf-8")


def to_model(fit: Fit, domain: Domain | None) -> FitModel:
    """All that is written."""
    lines = {}
    for name, one in fit.estimates.items():
        sigma = readable(one.sigma) if np.isfinite(one.sigma) else None
        lines[name] = EstimateModel(value=one.value, unit=one.unit, sigma=sigma, meaning=one.meaning, fixed=one.fixed)
    return FitModel(
        kinescribe_law=FORMAT_VERSION,
        title=fit.law.title,
        equation=fit.law.equation,
        unit=fit.unit,
        objects=list(fit.objects),
        parameters=lines,
        unidentified=[
            UnidentifiedModel(names=list(one.names), powers=list(one.powers), text=one.text, remedy=one.remedy) for one in fit.unidentified
        ],
        status=fit.status,
        advice=fit.advice,
        warnings=list(fit.warnings),
        at_bound=list(fit.at_bound),
        without=list(fit.without),
        law=reference(fit.law),
        free=fit.slots.names,
        theta=fit.theta.tolist(),
        known={name: one.value for name, one in fit.estimates.items() if one.fixed},
        covariance=fit.covariance.tolist(),
        clips=[_clip(clip) for clip in fit.clips],
        statistics=StatisticsModel(
            scale=float(fit.scale), log_likelihood=float(fit.log_likelihood), parameters=fit.parameters, samples=fit.samples,
            correlation=float(fit.correlation),
            rollouts=fit.rollouts, seconds=fit.seconds, seed=fit.seed, optimizer=fit.optimizer, substeps=fit.substeps,
        ),
        domain=None if domain is None else DomainModel(
            duration=domain.duration, x=domain.x, y=domain.y, speed=domain.speed, contacts=domain.contacts, inputs=dict(domain.inputs)
        ),
        selection=_selection(fit),
        versions={"python": platform.python_version(), **{name: _version(name) for name in ("kinescribe", "numpy", "scipy")}},
    )  # fmt: skip


def _clip(clip: ClipFit) -> ClipModel:
    b = clip.bodies
    return ClipModel(
        name=clip.name,
        start_time=float(clip.start_time),
        bodies=BodiesModel(
            names=list(b.names), labels=list(b.labels), object_ids=list(b.object_ids), shapes=list(b.shapes),
            radius=b.radius.tolist(), width=b.width.tolist(), height=b.height.tolist(), static=b.static.tolist(),
        ),
        chi=float(clip.chi),
        events_agree=clip.events_agree,
        rms=clip.rms.tolist(),
        noise=None if clip.noise is None else clip.noise.tolist(),
        initial=clip.initial.tolist(),
        components=[(int(component), int(thing)) for component, thing in clip.components],
        covariance=clip.covariance.tolist(),
    )  # fmt: skip


def _selection(fit: Fit) -> SelectionModel | None:
    kept: SelectionModel | None = getattr(fit, "summary", None)
    selection: Any = getattr(fit, "selection", None)
    if selection is None:
        return kept
    return SelectionModel(
        candidates=[
            CandidateModel(
                title=one.title,
                score=float(one.score),
                standard_error=float(one.standard_error),
                error=float(one.error),
                reason=one.reason,
            )
            for one in selection.candidates
        ],
        tie=list(selection.tie),
        held_out=selection.held_out,
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from its sources
        return "unknown"
