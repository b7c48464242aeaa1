"""What ``kinescribe fit`` is told: words to names and numbers, and laws of the user's own looked at before they are fitted."""

from __future__ import annotations

import math
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kinescribe.errors import KinescribeError, UsageError, unknown_value

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip
    from kinescribe.dynamics.law import Law

__all__ = ["blamed", "check_apart", "check_fits", "check_optimizer", "check_own", "law_of", "names", "values"]

FRAMES = 64  # of a clip, that a law is looked at in: checks take dozens of runs
DEADLY = ("exception", "contract", "time")  # findings after which a fit can't come to anything


def values(words: Sequence[str]) -> dict[str, float]:
    """``["mass=1"]`` as numbers by name. Raises UsageError for anything else."""
    found: dict[str, float] = {}
    for word in words:
        name, sign, text = word.rpartition("=")
        name = name.strip()
        if not sign or not name:
            raise UsageError(f"--fix '{word}' must be a parameter and its value, such as mass=1 or 'red ball.mass=1'")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise UsageError(f"--fix '{word}': '{text.strip()}' is not a number; write it as {name}=1 or {name}=9.81")
        if found.setdefault(name, value) != value:
            raise UsageError(f"--fix gives {name} twice: {found[name]:g} and {value:g}")
    return found


def names(words: str | None) -> list[str] | None:
    """``"red ball, 3"`` as a list; None stays None. Raises UsageError where nothing is named."""
    if words is None:
        return None
    found = [word.strip() for word in words.split(",") if word.strip()]
    if not found:
        raise UsageError("--objects names nothing; give names, labels or ids, such as 'red ball, 3', or leave it out for all")
    return found


def law_of(words: str, sandbox: bool) -> Law:
    """The law that ``--law`` names, a file in the sandbox where that is asked for. Raises UsageError, InputError."""
    from kinescribe.dynamics.finding import file_and_name, find_law

    if not sandbox:
        return find_law(words)
    file = file_and_name(words)
    if file is None:
        raise UsageError(f"--sandbox is for a law's file, and '{words}' is none: give --law FILE.py, or leave --sandbox out")
    from kinescribe.dynamics.sandbox import law_of_file

    return law_of_file(file[0], name=file[1])


def check_apart(fixed: Mapping[str, float], free: Sequence[str]) -> None:
    """Raise UsageError for a parameter that is to be known and fitted at once."""
    for name in free:
        if name in fixed:
            raise UsageError(f"--fix {name}={fixed[name]:g} and --free {name} contradict each other: leave one out")


def check_optimizer(name: str) -> None:
    """Raise UsageError for a name that is none."""
    from kinescribe.dynamics.fitting.optimizers import OPTIMIZERS

    if name not in OPTIMIZERS:
        raise unknown_value("optimizer", name, OPTIMIZERS)


def check_fits(law: Law, clips: Sequence[Clip], fixed: Mapping[str, float], free: Sequence[str]) -> None:
    """Raise UsageError where the law is about other objects or inputs than the clips have, or has no such parameters."""
    from kinescribe.dynamics.fitting.slots import Slots

    for clip in clips:
        n = len(clip.bodies)
        if law.objects not in (None, n):
            there = ", ".join(clip.bodies.names)
            raise UsageError(
                f"law {law.title} is about {law.objects} objects, and {clip.name} has {n}: choose with --objects among {there}"
            )
        try:
            clip.inputs.require(law.inputs, float(clip.times[-1]), law.title)
        except UsageError as error:
            raise UsageError(f"{clip.name}: {error}") from None
    Slots.of(law, clips[0].bodies, fixed=fixed, free=free)


def check_own(law: Law, clip: Clip, talk: list[str]) -> list[str]:
    """What the checks of any law find in those terms that are not kinescribe's: warnings, each said on stderr; notes go to `talk`.

    Raises:
        UsageError: a law that raises, loops or breaks its contract.
    """
    from kinescribe.dynamics.checks import check_law

    warnings = []
    for own in _own(law):
        for finding in check_law(own, clip.first(FRAMES)):
            line = f"law {own.title}: {str(finding).removeprefix(f'{finding.severity}: ')}"
            if finding.severity == "error" and finding.check in DEADLY:
                raise UsageError(line)
            if finding.severity == "note":
                talk.append(line)
            else:
                warnings.append(line)
                print(f"kinescribe: warning: {line}", file=sys.stderr)
    return warnings


@contextmanager
def blamed(law: Law | None) -> Iterator[None]:
    """Whatever a law's own code raises becomes a UsageError with its file and line; defects of ours stay what they are."""
    try:
        yield
    except KinescribeError:
        raise
    except (Exception, SystemExit) as error:  # foreign code may fail in any way
        from kinescribe.dynamics.checks.runner import place

        where = "" if law is None or not _own(law) else place(law, traceback.extract_tb(error.__traceback__))
        if law is None or not where:
            raise
        said = " ".join(str(error).split()) or "no message"
        way_out = "laws must take every state that their parameters' bounds allow"
        raise UsageError(f"law {law.title}: {where}: raises {type(error).__name__}: {said}; {way_out}") from error


def _own(law: Law) -> list[Law]:
    """The terms of a law that are the user's, or another package's."""
    from kinescribe.dynamics.composition import Sum
    from kinescribe.dynamics.law import Law

    if isinstance(law, Sum):
        return [part for term in law.terms for part in _own(term)]
    inner = getattr(law, "law", None)
    if isinstance(inner, Law):
        return [law] if _own(inner) else []
    return [] if type(law).__module__.startswith("kinescribe.") else [law]
