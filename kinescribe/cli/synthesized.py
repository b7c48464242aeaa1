"""What a synthesis leaves: the law, the record, the page, the report."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip
    from kinescribe.dynamics.synthesis import Synthesis
    from kinescribe.dynamics.synthesis.records import Keeper
    from kinescribe.llm import Part

__all__ = ["Files", "cost_of", "finish", "sheet_of"]


@dataclass(frozen=True, slots=True)
class Files:
    """Where it goes."""

    law: Path
    record: Path
    page: Path
    plot: Path | None

    @classmethod
    def of(cls, law: Path, record: Path | None, page: Path | None, plot: Path | None, *, overwrite: bool, replay: Path | None) -> Files:
        """Checked. Raises UsageError for what can't or should not be written."""
        from kinescribe.cli import outputs
        from kinescribe.dynamics.synthesis.records import unfinished

        if law.suffix.lower() != ".json":
            raise UsageError(f"the law '{law}' must end in .json; give -o NAME.json")
        record, page = record or law.with_suffix(".run.json"), page or law.with_suffix(".run.html")
        if record.suffix.lower() != ".json":
            raise UsageError(f"the record '{record}' must end in .json")
        if page.suffix.lower() not in (".html", ".htm"):
            raise UsageError(f"the page '{page}' must end in .html")
        if plot is not None and plot.suffix.lower() not in outputs.PLOT_SUFFIXES:
            raise UsageError(f"the plot '{plot}' must end in {', '.join(outputs.PLOT_SUFFIXES)}")
        made = cls(law, record, page, plot)
        outputs.check(made.paths(), overwrite=overwrite)
        left = unfinished(record)
        if left.exists() and not overwrite and (replay is None or replay.resolve() != left.resolve()):
            raise UsageError(f"'{left}' holds the answers of a run that was broken off: go on with --replay {left}, or add --overwrite")
        return made

    def paths(self) -> list[Path]:
        """All that is written."""
        return [path for path in (self.law, self.record, self.page, self.plot) if path is not None]


def sheet_of(video: Path, table: Path) -> Part:
    """The picture that a model sees of a video and its table. Raises InputError for either that can't be read."""
    from kinescribe.llm import picture
    from kinescribe.renderers.contact_sheet import annotated_sheet
    from kinescribe.renderers.reviewing.reviewer import opened
    from kinescribe.states import read

    states = read(table)
    return picture(annotated_sheet(opened(str(video), states), states), longest=1536)


def finish(
    run: Synthesis, clips: Sequence[Clip], files: Files, keeper: Keeper, *, warnings: Sequence[str], quiet: bool, as_json: bool,
    strict: bool,
) -> int:  # fmt: skip
    """Write and print it all, and return the exit code. Whatever becomes of one of the files, the others are written."""
    from kinescribe.cli.fit import draw
    from kinescribe.cli.running import NOT_WHOLE
    from kinescribe.dynamics.report import hints
    from kinescribe.dynamics.saving import save
    from kinescribe.dynamics.synthesis.page import write_page
    from kinescribe.dynamics.synthesis.records import write_record

    odd = [*run.warnings, *run.fit.warnings, *hints(run.fit, clips)]
    bad = run.partial is not None or not run.fit.ok
    code = NOT_WHOLE if bad or (strict and (odd or warnings)) else 0
    with ExitStack() as rest:
        rest.callback(_say, run, clips, files, [*warnings, *odd], code, as_json)
        if files.plot is not None:
            rest.callback(draw, run.fit, clips, files.plot)
        rest.callback(write_page, run, files.page, sheet=keeper.asked.sheet)
        rest.callback(save, run.fit, files.law, clips=clips)
        # what was paid for comes first
        write_record(run, files.record, clips, fixed=keeper.asked.fixed, sheet=keeper.asked.sheet, rules=keeper.asked.rules)
        keeper.done()
    for line in odd:
        print(f"kinescribe: warning: {line}", file=sys.stderr)
    if not quiet:
        for line in (_outcome(run), cost_of(run), *(f"wrote {path}" for path in files.paths())):
            print(f"kinescribe: {line}", file=sys.stderr)
    if run.partial is not None:
        print(f"kinescribe: not whole: {run.partial}; the law is the best without it", file=sys.stderr)
    elif not run.fit.ok:
        print(f"kinescribe: failed: {' '.join(run.fit.advice.split())}", file=sys.stderr)
    return code


def cost_of(run: Synthesis) -> str:
    """What was asked, in words."""
    used = run.usage
    money = f", {used.cost:.4g} in money" if used.cost else ""
    tokens = f"{used.prompt_tokens:,} tokens in and {used.completion_tokens:,} out"
    return f"{run.calls} question{'s' * (run.calls != 1)} to {run.model}: {tokens}{money}; {run.stopped}"


def _outcome(run: Synthesis) -> str:
    if run.winner is None:
        return f"the library's law won: {run.fit.law.title}"
    return f"the model's program {run.winner.number} won: {run.fit.law.title} (against {run.rival})"


def _say(run: Synthesis, clips: Sequence[Clip], files: Files, warnings: Sequence[str], code: int, as_json: bool) -> None:
    from kinescribe.dynamics import report

    if not as_json:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a code page without ± or ² costs signs, and not the report
        print(report.text(run.fit, clips), end="")
        return
    made: dict[str, Any] = {
        **report.record(run.fit, clips),
        "synthesis": {
            "program": None if run.winner is None else run.winner.number,
            "library": run.library.law.title,
            "model": run.model,
            "calls": run.calls,
            "programs": len(run.attempts),
            "prompt_tokens": run.usage.prompt_tokens,
            "completion_tokens": run.usage.completion_tokens,
            "cost": run.usage.cost,
            "stopped": run.stopped,
            "partial": run.partial,
        },
        "warnings": list(warnings),
        "outputs": {
            "fit": str(files.law),
            "record": str(files.record),
            "page": str(files.page),
            "plot": str(files.plot) if files.plot else None,
        },
        "exit_code": code,
    }
    print(json.dumps(made, indent=2, allow_nan=False))
