"""The record of a run: one JSON file that tells all of it and from which it runs again, word for word, without the model."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import kinescribe
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.synthesis.attempts import Synthesis
from kinescribe.dynamics.synthesis.strategies import STRATEGIES
from kinescribe.errors import InputError
from kinescribe.llm import Exchange, Part, Replayer
from kinescribe.llm.text import one_line
from kinescribe.states.writing import replaced

__all__ = ["FORMAT", "Recorded", "fingerprint", "read_record", "write_record"]

FORMAT = "kinescribe synthesis 1"
MOST_BYTES = 64 * 2**20
MOST_EXCHANGES = 40
LONGEST_TASK, LONGEST_NAME = 2_000, 200


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a record holds to run again from.

    Attributes:
        exchanges: questions and answers. model, strategy, seed, max_calls, task, always, against, fixed: as asked for.
        sheet: the picture that was shown, as a piece of a message; None where there was none.
        clips: fingerprints of the clips.
    """

    exchanges: tuple[Exchange, ...]
    model: str
    strategy: str
    seed: int
    max_calls: int
    task: str
    always: bool
    against: str
    fixed: Mapping[str, float]
    sheet: Part | None
    clips: tuple[str, ...]

    def replayer(self) -> Replayer:
        """The model, as it was."""
        return Replayer(self.exchanges, self.model)

    def check(self, clips: Sequence[Clip]) -> None:
        """Raise InputError where these are not the clips that the run was about."""
        found = tuple(fingerprint(clip) for clip in clips)
        if found != self.clips:
            raise InputError(
                f"the record is of {len(self.clips)} clip{'s' * (len(self.clips) != 1)} with other numbers in them; "
                "give the very tables, objects and inputs that it was made with"
            )


def fingerprint(clip: Clip) -> str:
    """SHA-256 of what a law is fitted to; the clip's name is not part of it."""
    made = hashlib.sha256()
    for name in ("times", "x", "y", "angle", "sigma_x", "sigma_y", "sigma_angle"):
        # the same for every payload of NaN, and for both zeros
        values = np.asarray(getattr(clip, name), np.float64) + 0.0
        made.update(np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes())
    made.update(json.dumps([clip.unit, list(clip.bodies.names), sorted(clip.inputs.columns)], ensure_ascii=True).encode())
    made.update(clip.inputs.times.astype("<f8").tobytes())
    for name in sorted(clip.inputs.columns):
        made.update(clip.inputs.columns[name].astype("<f8").tobytes())
    return made.hexdigest()


def write_record(
    run: Synthesis, path: Path, clips: Sequence[Clip], *, fixed: Mapping[str, float] | None = None, sheet: Part | None = None
) -> None:
    """Write the record, whole or not at all. It holds no time and no place, so that a run that is repeated writes the same bytes."""
    made = {
        "format": FORMAT,
        "version": kinescribe.__version__,
        "model": run.model,
        "strategy": run.strategy,
        "seed": run.seed,
        "max_calls": run.max_calls,
        "task": run.task,
        "always": run.always,
        "against": run.against,
        "fixed": dict(fixed or {}),
        "clips": [{"name": clip.name, "fingerprint": fingerprint(clip)} for clip in clips],
        "outcome": {
            "law": run.fit.law.title,
            "program": None if run.winner is None else run.winner.number,
            "stopped": run.stopped,
            "partial": run.partial,
            "warnings": list(run.warnings),
            "calls": run.calls,
            "prompt_tokens": run.usage.prompt_tokens,
            "completion_tokens": run.usage.completion_tokens,
            "cost": run.usage.cost,
        },
        "library": _fit(run.library),
        "choice": [
            {"law": one.title, "residuals_sigma": one.fit.scale, "held_out_error": one.error, "bic": one.fit.bic, "reason": one.reason}
            for one in (run.selection.candidates if run.selection is not None else ())
        ],
        "questions": [
            {"number": one.number, "mends": one.parent, "programs": list(one.programs), "failed": one.failed} for one in run.questions
        ],
        "programs": [
            {
                "number": one.number,
                "call": one.call,
                "mends": one.parent,
                "idea": one.idea,
                "same_as": one.twin,
                "law": one.judged.title,
                "rejected": one.judged.reason if one.fit is None else "",
                "score": one.judged.score,
                "fit": _fit(one.fit),
                "parts": one.size,
                "source": one.source.splitlines(),
            }
            for one in run.attempts
        ],
        "exchanges": [one.to_dict() for one in run.exchanges],
        "sheet": None if sheet is None else sheet["image_url"]["url"],
    }
    text = json.dumps(_sound(made), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with replaced(path) as (staged,):
        staged.write_text(text, encoding="utf-8")


def read_record(path: Path) -> Recorded:
    """Read a record, whoever wrote it. Raises InputError for anything else, in one line that says what is wrong."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: {path.stat().st_size} bytes are too many for the record of a run")
        made = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise InputError(f"{path}: no record of a run, for it is not JSON; 'kinescribe synthesize' writes them") from None
    except OSError as error:
        raise error if isinstance(error, InputError) else InputError(f"{path}: {error.strerror or error}") from None
    if not isinstance(made, dict) or made.get("format") != FORMAT:
        raise InputError(f"{path}: no record of a run ('format' is not '{FORMAT}'); 'kinescribe synthesize' writes them")
    return _recorded(made, path)


def _recorded(made: Mapping[str, Any], path: Path) -> Recorded:
    def wrong(name: str, what: str) -> InputError:
        return InputError(f"{path}: '{name}' is not {what}: {one_line(repr(made.get(name)), 60)}; record the run again")

    model, strategy, task, seed, calls = (made.get(name) for name in ("model", "strategy", "task", "seed", "max_calls"))
    if not isinstance(model, str) or len(model) > LONGEST_NAME:
        raise wrong("model", "a name")
    if strategy not in STRATEGIES:
        raise wrong("strategy", f"one of {', '.join(STRATEGIES)}")
    if not isinstance(task, str) or len(task) > LONGEST_TASK:
        raise wrong("task", "a text")
    against = made.get("against")
    if not isinstance(against, str) or len(against) > LONGEST_NAME or against.endswith((".py", ".json")) or ".py:" in against:
        raise wrong("against", "auto or the name of an installed law")  # a record names no file that would be run
    if type(seed) is not int or not 0 <= seed < 2**63:
        raise wrong("seed", "a whole number")
    if type(calls) is not int or not 1 <= calls <= MOST_EXCHANGES:
        raise wrong("max_calls", f"a number from 1 to {MOST_EXCHANGES}")
    if not isinstance(made.get("always"), bool):
        raise wrong("always", "true or false")
    exchanges, clips, fixed, sheet = (made.get(name) for name in ("exchanges", "clips", "fixed", "sheet"))
    if not isinstance(exchanges, list) or len(exchanges) > MOST_EXCHANGES:
        raise wrong("exchanges", f"a list of {MOST_EXCHANGES} at most")
    if not isinstance(clips, list) or not all(isinstance(one, dict) and isinstance(one.get("fingerprint"), str) for one in clips):
        raise wrong("clips", "a list of clips")
    if not isinstance(fixed, dict) or not all(type(value) in (int, float) and math.isfinite(value) for value in fixed.values()):
        raise wrong("fixed", "numbers by name")
    if sheet is not None and not (isinstance(sheet, str) and sheet.startswith(("data:image/jpeg;base64,", "data:image/png;base64,"))):
        raise wrong("sheet", "a picture")
    return Recorded(
        exchanges=tuple(Exchange.of(one, f"{path}: exchange {number}") for number, one in enumerate(exchanges, 1)),
        model=one_line(model), strategy=str(strategy), seed=seed, max_calls=calls, task=task, always=bool(made["always"]),
        against=against,
        fixed={str(name): float(value) for name, value in fixed.items()},
        sheet=None if sheet is None else {"type": "image_url", "image_url": {"url": sheet}},
        clips=tuple(one["fingerprint"] for one in clips),
    )  # fmt: skip


def _fit(fit: Fit | None) -> dict[str, Any] | None:
    if fit is None:
        return None
    return {
        "law": fit.law.title,
        "status": fit.status,
        "residuals_sigma": fit.scale,
        "bic": fit.bic,
        "rollouts": fit.rollouts,
        "advice": fit.advice,
        "parameters": {one.name: {"value": one.value, "sigma": one.sigma, "unit": one.unit} for one in fit.estimates.values()},
    }


def _sound(value: Any) -> Any:
    """The same with null in place of numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _sound(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_sound(one) for one in value]
    return value
