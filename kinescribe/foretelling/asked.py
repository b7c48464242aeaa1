"""What is asked for, checked before the work begins."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinescribe.dynamics.prediction.changes import Change, Changes, changes_of
from kinescribe.errors import UsageError
from kinescribe.foretelling.beginning import Span

__all__ = ["Comparison", "Wishes", "number", "sources_of", "video_path"]

COMPARE = re.compile(r"\s*(side|wipe)(?::(\d*\.?\d+))?\s*")
LEAST_RATE, MOST_RATE = 1e-6, 1000.0  # Hz: from time-lapses of weeks to high-speed cameras
BEST, WORST = 0, 51  # x264's crf


@dataclass(frozen=True, slots=True)
class Comparison:
    """How truth and prediction stand together.

    Attributes:
        form: "", "side" or "wipe". share: of a standing wipe, in [0, 1].
    """

    form: str = ""
    share: float | None = None

    @classmethod
    def of(cls, asked: Any) -> Comparison:
        """From ``side``, ``wipe`` or ``wipe:0.5``. Raises UsageError for anything else."""
        if asked is None:
            return cls()
        match = COMPARE.fullmatch(asked) if isinstance(asked, str) else None
        if match is None or (match[1] == "side" and match[2]):
            raise UsageError(f"compare {str(asked)[:40]!r}: give side, wipe (a line that sways), or wipe:0.5 (one that stands)")
        share = None if match[2] is None else float(match[2])
        if share is not None and not 0 <= share <= 1:
            raise UsageError(f"compare '{asked}': the line stands between 0 (left) and 1 (right), as in wipe:0.5")
        return cls(match[1], share)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What shall be foretold, and how it looks.

    Attributes:
        span: of the video that counts as seen. until_s, at_s, past_s: seconds; None where not given.
        changes, remove: what is otherwise.
        comparison, ghost, trails, captions: of the look. frame_rate: Hz. crf: quality.
    """

    span: Span
    until_s: float | None
    at_s: float | None
    past_s: float | None
    changes: tuple[Change, ...]
    remove: tuple[str, ...]
    comparison: Comparison
    ghost: bool
    trails: bool
    captions: bool
    frame_rate: float | None
    crf: int

    @classmethod
    def of(
        cls, *, span: Span, until: Any, at: Any, past: Any, do: Changes, remove: Sequence[str], compare: Any, ghost: bool, trails: bool,
        captions: bool, frame_rate: Any, crf: Any,
    ) -> Wishes:  # fmt: skip
        """Raises UsageError for what makes no sense, by itself or together, whatever is in the video."""
        made = cls(
            span=span,
            until_s=number("until", until, "seconds in the video's time, such as 3.5"),
            at_s=number("at", at, "seconds in the video's time, such as 1.5", low=0.0),
            past_s=number("past", past, "seconds of what was seen, 0 for none", low=0.0),
            changes=changes_of(do),
            remove=(remove,) if isinstance(remove, str) else tuple(remove),
            comparison=Comparison.of(compare),
            ghost=bool(ghost),
            trails=bool(trails),
            captions=bool(captions),
            frame_rate=number("frame rate", frame_rate, f"{LEAST_RATE:g} to {MOST_RATE:g} frames a second", low=LEAST_RATE, high=MOST_RATE),
            crf=_crf(crf),
        )
        made._check()
        return made

    @property
    def changed(self) -> bool:
        """Something is otherwise than it was."""
        return bool(self.changes or self.remove)

    def _check(self) -> None:
        if not self.changed:
            if self.ghost:
                raise UsageError("--ghost shows what happens without a change: give one with --do or --remove, or compare with --compare")
            if self.at_s is not None:
                raise UsageError(f"--at {self.at_s:g} says when something changes: say what, with --do or --remove")
            if self.comparison.form and self.span.all:
                raise UsageError(f"--compare {self.comparison.form} has nothing to compare: with --seen 1.5 all after 1.5 s is foretold")
        seen, until = self.span.seconds, self.until_s
        if until is not None and until <= 0:
            raise UsageError(f"--until {until:g} must lie after the video's first frame, at 0 s")
        if until is not None and seen is not None and not self.changed and until <= seen:
            raise UsageError(f"--until {until:g} lies within --seen {seen:g}: name a later end, or call less of the video seen")
        if until is not None and self.at_s is not None and until <= self.at_s:
            raise UsageError(f"--until {until:g} must lie after --at {self.at_s:g}")


def number(name: str, value: Any, form: str, *, low: float = -math.inf, high: float = math.inf) -> float | None:
    """A finite number in a range; None stays None. Raises UsageError for anything else."""
    if value is None:
        return None
    fits = not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value) and low <= value <= high
    if not fits:
        raise UsageError(f"{name} {' '.join(str(value).split())[:40]}: give {form}")
    return float(value)


def sources_of(videos: Any) -> list[Any]:
    """One video or several, as a list. Raises UsageError for none at all."""
    several = list(videos) if isinstance(videos, list | tuple) else [videos]
    if not several or any(isinstance(one, str) and not one.strip() for one in several):
        raise UsageError("VIDEO is empty; name a video file or a folder of numbered images")
    return several


def video_path(path: Any) -> Path:
    """Where the video goes. Raises UsageError for what is no MP4's path."""
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"the video can't be written to {path!r}: give a path")
    found = Path(path)
    if found.suffix.lower() != ".mp4":
        raise UsageError(f"the video '{found}' must end in .mp4; no other container is written")
    return found


def _crf(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not BEST <= value <= WORST:
        raise UsageError(f"crf {str(value)[:20]}: it must be from {BEST} (lossless) to {WORST}")
    return value
