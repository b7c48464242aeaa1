"""How ``ask`` tells what it made of a question, and what came of it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from kinescribe.foretelling.asking import Answer, Inquiry

__all__ = ["again", "finish", "show"]

LONGEST = 4000  # characters of a line; names in it are whatever a table or a law's file says


def show(inquiry: Inquiry, *, quiet: bool, confirm: bool) -> None:
    """The changes as options, before anything is made of them. Raises Abort where they are not wanted."""
    from kinescribe.llm.text import one_line

    words = one_line(shlex.join(inquiry.flags), LONGEST)
    if not quiet or confirm:
        print(f"as changes: {words}" if inquiry.changed else f"nothing is changed: {words}", file=sys.stderr)
    if confirm and not typer.confirm("go on?", err=True):
        raise typer.Abort


def again(
    video: str, made: Answer, given: Mapping[str, object], sources: list[Path], fixed: list[str], *, ghost: bool, trails: bool, trust: bool
) -> list[str]:
    """The command that draws the same without a model."""
    words = ["kinescribe", "predict-video", video, "-o", "future.mp4"]
    for name, value in given.items():
        words += [] if value is None else [f"{name}={value}"] if str(value).startswith("-") else [name, str(value)]
    for name, values in (("--law-source", sources), ("--fix", fixed)):
        words += [part for value in values for part in (name, str(value))]
    switches = {"--trust": trust, "--ghost": ghost and made.inquiry.changed, "--trails": trails}
    return [*words, *(name for name, on in switches.items() if on), *made.flags]


def finish(
    made: Answer, same: list[str], output: Path | None, record: Path | None, keep: Path | None, *, quiet: bool, as_json: bool,
    strict: bool, differs: bool,
) -> int:  # fmt: skip
    """Print all of it; the exit code."""
    from kinescribe.cli.foretold import finite, law_line
    from kinescribe.cli.running import NOT_WHOLE
    from kinescribe.llm.text import one_line

    warnings = [*made.warnings, *(["the answer is not the recorded one: states, law or version differ"] if differs else [])]
    code = NOT_WHOLE if made.partial or (strict and warnings) else 0
    if as_json:
        told = {**made.as_dict(), "warnings": warnings, "command": same, "outputs": {"video": None if output is None else str(output)}}
        print(json.dumps(finite({**told, "exit_code": code}), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print(made.sentence)
    if not quiet:
        # a law that a model wrote and nobody kept can't be had again without one
        what = "the same changes" if "llm" in same else "the same without a model"
        lines = [one_line(law_line(made.fit), LONGEST), f"{what}: {one_line(shlex.join(same), LONGEST)}"]
        lines += [f"kept every step in {keep}"] if keep is not None else []
        for line in [*lines, *(f"wrote {path}" for path in (output, record) if path is not None)]:
            print(line, file=sys.stderr)
    for warning in warnings:
        print(f"kinescribe: warning: {one_line(warning, LONGEST)}", file=sys.stderr)
    if made.partial:
        print(f"kinescribe: partial: {one_line(made.partial, LONGEST)}", file=sys.stderr)
    return code
