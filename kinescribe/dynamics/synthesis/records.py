"""The record of a run: one JSON file that tells all of it and from which it runs again, word for word, without the model."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import kinescribe
from kinescribe.dynamics.affordances import Affordances
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.finding import file_and_name
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.report.record import without_nan
from kinescribe.dynamics.synthesis.attempts import Synthesis
from kinescribe.dynamics.synthesis.strategies import STRATEGIES
from kinescribe.errors import InputError, UsageError
from kinescribe.llm import Exchange, Model, Part, Replayer
from kinescribe.llm.text import one_line
from kinescribe.states.writing import replaced

__all__ = ["FORMAT", "Keeper", "Recorded", "fingerprint", "names_file", "read_record", "unfinished", "write_record"]

FORMAT = "kinescribe synthesis 1"
MOST_BYTES = 256 * 2**20
MOST_EXCHANGES = 40
LONGEST_TASK, LONGEST_NAME = 2_000, 200
LARGEST = 1e300
PICTURES = re.compile(r"data:image/(jpeg|png);base64,[A-Za-z0-9+/=]*")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a record holds to run again from.

    Attributes:
        exchanges: questions and answers. model, strategy, seed, max_calls, task, always, against, fixed: as asked for.
        sheet: the picture that was shown, as a piece of a message; None where there was none. rules: affordance rules; None for none.
        clips: fingerprints of the clips.
        broken_off: the run ended before its search did: it was interrupted, or the model was lost.
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
    rules: Affordances | None = None
    broken_off: bool = False

    def replayer(self, then: Model | None = None) -> Replayer:
        """The model, as it was; `then` goes on where a run was broken off. Raises UsageError where it is another, or nothing is left."""
        if then is not None and not self.broken_off:
            raise UsageError("the record is of a run that went to its end: leave out --model and --base-url, or start a run of its own")
        if then is not None and then.model != self.model:
            raise UsageError(f"the record is of '{self.model}', and '{then.model}' can't go on with it: give --model '{self.model}'")
        return Replayer(self.exchanges, self.model, then=then, broken_off=self.broken_off)

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
    columns = ("times", "x", "y", "angle", "vx", "vy", "angular_velocity", "sigma_x", "sigma_y", "sigma_angle")
    sizes = (np.ravel(one) for one in (clip.bodies.radius, clip.bodies.width, clip.bodies.height))
    for one in (*(getattr(clip, name) for name in columns), *sizes, np.array([hit.time for hit in clip.impacts])):
        # the same for every payload of NaN, and for both zeros
        values = np.asarray(one, np.float64) + 0.0
        made.update(np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes())
    struck = [[list(hit.objects), hit.wall] for hit in clip.impacts]
    words = [clip.unit, list(clip.bodies.names), list(clip.bodies.shapes), struck, sorted(clip.inputs.columns)]
    made.update(json.dumps(words, ensure_ascii=True, default=int).encode())
    made.update(clip.inputs.times.astype("<f8").tobytes())
    for name in sorted(clip.inputs.columns):
        made.update(clip.inputs.columns[name].astype("<f8").tobytes())
    return made.hexdigest()


def write_record(
    run: Synthesis,
    path: Path,
    clips: Sequence[Clip],
    *,
    fixed: Mapping[str, float] | None = None,
    sheet: Part | None = None,
    rules: Affordances | None = None,
) -> None:
    """Write the record, whole or not at all. It holds no time and no place, so that a run that is repeated writes the same bytes."""
    asked = Recorded(
        run.exchanges, run.model, run.strategy, run.seed, run.max_calls, run.task, run.always, run.against, dict(fixed or {}), sheet, (),
        rules,
    )  # fmt: skip
    made = {
        **_asked(asked, clips),
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
        **_said(run.exchanges, sheet),
    }
    _write(made, path)


def unfinished(record: Path) -> Path:
    """Where the answers of a run stand until its record is written."""
    return record.with_suffix(".unfinished.json")


@dataclass(slots=True)
class Keeper:
    """Writes the answers of a run down as they come, beside where its record will be, so that an interrupt loses none.

    Attributes:
        path: of that file. asked: what the run was asked for, with the answers that it goes on from.
        warnings: one line where it can't be written, which ends no run. written: it was.
    """

    path: Path
    asked: Recorded
    clips: Sequence[Clip]
    warnings: list[str] = field(default_factory=list)
    written: bool = False

    def __call__(self, exchanges: Sequence[Exchange]) -> None:
        """Write them, whole or not at all."""
        if self.warnings or len(exchanges) <= len(self.asked.exchanges):
            return
        try:
            _write({**_asked(self.asked, self.clips), "outcome": None, **_said(exchanges, self.asked.sheet)}, self.path)
        except UsageError as error:
            self.warnings.append(f"answers are not kept before the run ends: {error}")
        else:
            self.written = True

    def done(self) -> None:
        """The record is written: take the file away."""
        with suppress(FileNotFoundError):
            self.path.unlink()


def _asked(asked: Recorded, clips: Sequence[Clip]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": kinescribe.__version__,
        "model": asked.model,
        "strategy": asked.strategy,
        "seed": asked.seed,
        "max_calls": asked.max_calls,
        "task": asked.task,
        "always": asked.always,
        "against": asked.against,
        "fixed": dict(asked.fixed),
        "rules": None if asked.rules is None else asked.rules.to_dict(),
        "clips": [{"name": clip.name, "fingerprint": fingerprint(clip)} for clip in clips],
    }


def _said(exchanges: Sequence[Exchange], sheet: Part | None) -> dict[str, Any]:
    return {"exchanges": [one.to_dict() for one in exchanges], "sheet": None if sheet is None else sheet["image_url"]["url"]}


def _write(made: Mapping[str, Any], path: Path) -> None:
    text = json.dumps(without_nan(made), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with replaced(path) as (staged,):
        # half of a surrogate pair, which UTF-8 can't hold, becomes the escape that JSON has for it
        staged.write_bytes(text.encode("utf-8", "backslashreplace"))


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
    if not isinstance(strategy, str) or strategy not in STRATEGIES:
        raise wrong("strategy", f"one of {', '.join(STRATEGIES)}")
    if not isinstance(task, str) or len(task) > LONGEST_TASK:
        raise wrong("task", "a text")
    against = made.get("against")
    if not isinstance(against, str) or len(against) > LONGEST_NAME or names_file(against):
        raise wrong("against", "auto or the name of an installed law")
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
    if not isinstance(fixed, dict) or not all(type(value) in (int, float) and abs(value) <= LARGEST for value in fixed.values()):
        raise wrong("fixed", "numbers by name")
    if sheet is not None and not (isinstance(sheet, str) and PICTURES.fullmatch(sheet)):
        raise wrong("sheet", "a picture")
    outcome, rules = made.get("outcome"), made.get("rules")
    if not isinstance(outcome, dict | None) or not isinstance(rules, dict | None):
        raise wrong("outcome" if isinstance(rules, dict | None) else "rules", "what a run writes")
    try:
        allowed = None if rules is None else Affordances.of(rules)
    except UsageError as error:
        raise InputError(f"{path}: {error}") from None
    return Recorded(
        exchanges=tuple(Exchange.of(one, f"{path}: exchange {number}") for number, one in enumerate(exchanges, 1)),
        model=one_line(model), strategy=str(strategy), seed=seed, max_calls=calls, task=task, always=bool(made["always"]),
        against=against,
        fixed={str(name): float(value) for name, value in fixed.items()},
        sheet=None if sheet is None else {"type": "image_url", "image_url": {"url": sheet}},
        clips=tuple(one["fingerprint"] for one in clips),
        rules=allowed, broken_off=outcome is None or outcome.get("partial") is not None,
    )  # fmt: skip


def names_file(words: str) -> bool:
    """Whether a law's words would run a file, alone or in a sum: a record, which anybody may have written, must not."""
    return any(file_and_name(one) is not None or one.strip().lower().endswith(".json") for one in (words, *words.split("+")))


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
