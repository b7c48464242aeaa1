"""Reading a fit, edited or not."""

from __future__ import annotations

import difflib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from kinescribe.dynamics.arguments import file_of, plainly
from kinescribe.dynamics.fitting.result import ClipFit, Unidentified
from kinescribe.dynamics.fitting.slots import Slots
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.saving.domain import Domain
from kinescribe.dynamics.saving.layout import readable
from kinescribe.dynamics.saving.model import FORMAT_VERSION, ClipModel, FitModel
from kinescribe.dynamics.saving.revival import Reviver, Source
from kinescribe.dynamics.saving.saved import SavedFit
from kinescribe.dynamics.state import Bodies
from kinescribe.errors import InputError

__all__ = ["load"]

Float = NDArray[np.float64]
MOST_BYTES = 256 * 2**20
WAY_OUT = "'kinescribe fit … -o law.json' writes one"


def load(path: str | os.PathLike[str], *, source: Source | None = None, trust: bool = False) -> SavedFit:
    """Read a fit that `save` wrote, with values that were edited by hand.

    An edited value is used. It is known then: it has no σ, and the states of the fitted clips, which belonged to the old value, are
    dropped; `edited` and `warnings` say so. Source text in the file runs in the sandbox
    (docs/explanation/sandbox.md), unless the law is handed over.

    Args:
        source: the law, its class, or its file, where it is not installed; several where a sum has several such parts.
        trust: run source text that the file holds in this process, with all its rights.

    Raises:
        InputError: a file that is missing, no saved fit, or one whose values don't fit its law.
        UsageError: a law that must be handed over, or is not installed.
    """
    file = file_of(path)
    model = _parsed(file)
    reviver = Reviver(file, source, trust)
    law = reviver.law(model.law)
    values = _Values.of(file, model, law)
    notes = [*model.warnings]
    # reading and saving again must not repeat what was said
    notes += [note for note in (*reviver.notes, *values.notes) if note not in notes]
    kept = ~np.isin(np.arange(len(model.free)), values.edited)
    s = model.statistics
    return SavedFit(
        law=law,
        slots=values.slots,
        theta=values.theta,
        covariance=_matrix(model.covariance, len(model.free))[np.ix_(kept, kept)],
        status=model.status,
        advice=model.advice,
        unidentified=tuple(Unidentified(tuple(u.names), tuple(u.powers), u.text, u.remedy) for u in model.unidentified),
        clips=() if values.names else tuple(_clip(file, clip) for clip in model.clips),
        scale=s.scale,
        log_likelihood=s.log_likelihood,
        parameters=s.parameters,
        samples=s.samples,
        correlation=s.correlation,
        rollouts=s.rollouts,
        seconds=s.seconds,
        seed=s.seed,
        optimizer=s.optimizer,
        substeps=s.substeps,
        unit=model.unit,
        objects=tuple(model.objects),
        at_bound=tuple(name for name in model.at_bound if name not in values.names),
        without=tuple(model.without),
        warnings=tuple(notes),
        domain=None if model.domain is None else Domain(**model.domain.model_dump()),
        edited=values.names,
        summary=model.selection,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Values:
    """The numbers of the law: slots, free values (p,), indices among the saved free ones that were edited, their names, what to say."""

    slots: Slots
    theta: Float
    edited: NDArray[np.intp]
    names: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, file: Path, model: FitModel, law: Law) -> _Values:
        if not model.objects:
            raise InputError(f"{file}: objects is empty, and a law moves one object or more; take them from the file as it was written")
        bodies = Bodies.make(len(model.objects), names=tuple(model.objects))
        if model.clips and len(model.clips[0].bodies.labels) == len(bodies):
            # a law may be restricted to objects by their label
            bodies = replace(bodies, labels=tuple(model.clips[0].bodies.labels))
        everyone = Slots.of(law, bodies)
        _same_names(file, model, [slot.name for slot in everyone.all])
        if not len(model.free) == len(model.theta) or not set(model.free) <= set(model.parameters):
            raise InputError(f"{file}: theta and free must have one entry a fitted parameter; take them from the file as it was written")
        fitted = dict(zip(model.free, model.theta, strict=True))
        before = {**model.known, **fitted}
        covariance = _matrix(model.covariance, len(model.free))
        if covariance.shape != (len(model.free),) * 2:
            raise InputError(f"{file}: covariance is not {len(model.free)} × {len(model.free)}; take it from the file as it was written")
        notes = []
        names = tuple(name for name, line in model.parameters.items() if line.value != before.get(name, line.value))
        edited = [k for k, name in enumerate(model.free) if name in names]
        for name, line in model.parameters.items():
            slot = next(slot for slot in everyone.all if slot.name == name)
            low, high = slot.parameter.bounds
            if not low <= line.value <= high:
                raise InputError(f"{file}: {name} = {line.value:g} is outside its bounds ({low:g}, {high:g})")
            unit = slot.parameter.dimension.in_units(model.unit or "length")
            if line.unit != unit:
                told = f"'{line.unit}'" if line.unit else "no unit"
                notes.append(f"{name}: its line says {told}, which is not used: the value is taken in {unit or 'a pure number'}")
            if name in fitted and line.sigma is not None:
                k = model.free.index(name)
                if line.sigma != readable(float(np.sqrt(covariance[k, k]))):
                    notes.append(f"{name}: the σ of its line was edited and is not used; the covariance counts")
        notes += [
            f"{name} was edited from {before[name]:g} to {model.parameters[name].value:g}: it is taken as known, "
            "and the covariance of the others, which belongs to the fitted value, as it was"
            for name in names
        ]
        free = [name for name in model.free if name not in names]
        known = {name: line.value for name, line in model.parameters.items() if name not in free}
        slots = Slots.of(law, bodies, fixed=known, free=free)
        return cls(slots, np.array([fitted[name] for name in slots.names]), np.array(edited, np.intp), names, tuple(notes))


def _same_names(file: Path, model: FitModel, wanted: list[str]) -> None:
    for name in model.parameters:
        if name not in wanted:
            near = difflib.get_close_matches(name, wanted, n=1, cutoff=0.5)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise InputError(f"{file}: the law {model.title} has no parameter '{name}'{hint}; it has: {', '.join(wanted) or 'none'}")
    lacking = [name for name in wanted if name not in model.parameters]
    if lacking:
        raise InputError(f"{file}: no value for {', '.join(lacking)}; the law {model.title} needs one under 'parameters'")


def _parsed(file: Path) -> FitModel:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise InputError(f"{file}: {file.stat().st_size} bytes are too many for a saved fit")
        data = json.loads(file.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise InputError(f"{file}: line {error.lineno}: no saved fit, which is JSON ({error.msg}); {WAY_OUT}") from None
    except (UnicodeDecodeError, RecursionError):
        raise InputError(f"{file}: no saved fit, which is JSON in UTF-8; {WAY_OUT}") from None
    except OSError as error:
        raise error if isinstance(error, InputError) else InputError(f"cannot read '{file}': {error.strerror or error}") from None
    if not isinstance(data, dict) or "kinescribe_law" not in data:
        raise InputError(f"{file}: no saved fit: it lacks 'kinescribe_law'; {WAY_OUT}")
    if isinstance(data["kinescribe_law"], int) and data["kinescribe_law"] > FORMAT_VERSION:
        raise InputError(f"{file}: written by a later kinescribe (layout {data['kinescribe_law']}, here {FORMAT_VERSION}): update it")
    try:
        return FitModel.model_validate(data)
    except ValidationError as error:
        raise InputError(f"{file}: {_line(error)}") from None


def _line(error: ValidationError) -> str:
    """The first complaint, with the nearest name where a field is unknown."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the whole"
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(first["loc"][-1]), FitModel.model_fields, n=1, cutoff=0.5) if len(first["loc"]) == 1 else []
        return f"unknown field '{where}'{f'; did you mean {near[0]!r}?' if near else '; take it out'}"
    more = error.error_count() - 1
    said = plainly(first["type"], first["msg"], first.get("ctx", {}))
    return f"{where}{':' if first['type'] == 'value_error' else ''} {said}{f' (and {more} more)' if more else ''}"


def _matrix(rows: list[list[float]], size: int) -> Float:
    try:
        return np.array(rows, float).reshape(-1, size) if rows else np.zeros((0, size))
    except ValueError:
        return np.zeros((0, max(size, 1)))


def _clip(file: Path, clip: ClipModel) -> ClipFit:
    try:
        initial, covariance = np.array(clip.initial, float), np.array(clip.covariance, float)
        noise = None if clip.noise is None else np.array(clip.noise, float)
    except ValueError:
        raise InputError(f"{file}: clip {clip.name}: its matrices have rows of unequal length; take them from the file as it was") from None
    if noise is not None and noise.shape != (3, len(clip.rms)):
        raise InputError(f"{file}: clip {clip.name}: its noise has three rows of one number an object")
    if initial.ndim != 2 or len(initial) != 6 or initial.shape[1] != len(clip.rms):
        raise InputError(f"{file}: clip {clip.name}: an initial state has six rows of one number an object")
    b = clip.bodies
    return ClipFit(
        name=clip.name,
        bodies=Bodies(
            tuple(b.names), tuple(b.labels), tuple(b.object_ids), tuple(b.shapes),
            np.array(b.radius), np.array(b.width), np.array(b.height), np.array(b.static, bool),
        ),
        initial=initial,
        start_time=clip.start_time,
        components=np.array(clip.components, np.intp).reshape(-1, 2),
        covariance=covariance.reshape(len(clip.covariance), -1),
        rms=np.array(clip.rms, float),
        chi=clip.chi,
        events_agree=clip.events_agree,
        noise=noise,
    )  # fmt: skip
