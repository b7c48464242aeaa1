"""Where the outputs go; everything that could keep them from being written is found before the work begins."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.states import States

__all__ = ["STDOUT", "Outputs", "check", "check_table", "files_of", "plan", "write_table"]

STDOUT = "-"
PLOT_SUFFIXES = (".png", ".pdf", ".svg")


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files of one run.

    Attributes:
        states: the table, CSV or Parquet; None where it goes to stdout.
        sidecar: beside the CSV; None where that goes to stdout, and for Parquet, which has it inside.
        masks, overlay, plot, report: None where not asked for.
    """

    states: Path | None
    sidecar: Path | None
    masks: Path | None
    overlay: Path | None
    plot: Path | None
    report: Path | None = None

    def paths(self) -> list[Path]:
        """All files that will be written."""
        return [path for path in (self.states, self.sidecar, self.masks, self.overlay, self.plot, self.report) if path is not None]


def plan(
    video: str, output: str | None, *, masks: bool, overlay: Path | None, plot: Path | None, overwrite: bool, report: Path | None = None
) -> Outputs:
    """The outputs for a video, checked. By default the table is ``STEM.states.csv`` in the current folder.

    Raises `UsageError` for a file that exists (without `overwrite`), one name for two outputs, an output that is the video itself,
    a suffix that says another format, and a folder that is missing or can't be written.
    """
    from kinescribe.states import sidecar_path

    named = Path(video.rstrip("/")).resolve()
    default = Path(f"{(named.name if named.is_dir() else named.stem) or 'video'}.states.csv")
    states = None if output == STDOUT else Path(output) if output is not None else default
    if states is not None:
        check_table(states, "give -o NAME.csv, or -o - for stdout")
    beside = states or default
    outputs = Outputs(
        states,
        None if states is None or states.suffix.lower() != ".csv" else sidecar_path(states),
        beside.with_suffix(".masks.jsonl.gz") if masks else None,
        overlay,
        plot,
        report,
    )
    if overlay is not None and overlay.suffix.lower() != ".mp4":
        raise UsageError(f"the overlay '{overlay}' must end in .mp4; no other container is written")
    if plot is not None and plot.suffix.lower() not in PLOT_SUFFIXES:
        raise UsageError(f"the plot '{plot}' must end in {', '.join(PLOT_SUFFIXES)}")
    if report is not None:
        from kinescribe.annotation.reporting import check_pages

        if report.suffix.lower() not in (".html", ".htm"):
            raise UsageError(f"the report '{report}' must end in .html")
        check_pages()
    check(outputs.paths(), overwrite=overwrite, source=named)
    return outputs


def check_table(path: Path, ways: str) -> None:
    """Raise `UsageError` for a states table that can't be written under that name: another suffix, or Parquet without its library.

    Args:
        ways: what to give instead, for the message.
    """
    if path.suffix.lower() == ".parquet":
        from kinescribe.states.parquet import check_library

        check_library()
    elif path.suffix.lower() != ".csv":
        raise UsageError(f"the table '{path}' must end in .csv, or .parquet; {ways}")


def files_of(path: Path) -> list[Path]:
    """What is written for a states table of that name: of a CSV the sidecar too, which Parquet has inside."""
    from kinescribe.states import sidecar_path

    return [path] if path.suffix.lower() == ".parquet" else [path, sidecar_path(path)]


def write_table(states: States, path: Path | None) -> None:
    """Write a states table as its name says; None: as CSV to stdout."""
    if path is None:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="")  # the table's own encoding and line ends, whatever the locale's
        states.to_csv(sys.stdout)
    elif path.suffix.lower() == ".parquet":
        states.to_parquet(path)
    else:
        states.to_csv(path)


def check(paths: list[Path], *, overwrite: bool, source: Path | None = None) -> None:
    """Raise `UsageError` for the first of the files that could not or should not be written."""
    from kinescribe.states.writing import check_not_protected

    seen: set[Path] = set()
    for path in paths:
        whole = path.resolve()
        if whole == source:
            raise UsageError(f"the output '{path}' is the video itself; name another file")
        if whole in seen:
            raise UsageError(f"'{path}' is named for two outputs; give each its own file")
        seen.add(whole)
        if path.is_dir():
            raise UsageError(f"the output '{path}' is a folder; name a file in it")
        if path.exists() and not overwrite:
            raise UsageError(f"'{path}' exists; add --overwrite to replace it, or name another file")
        check_not_protected(path)
        _check_folder(path)


def _check_folder(path: Path) -> None:
    """Permission bits don't tell the whole truth (read-only mounts, quotas), so a file is made there and removed."""
    folder = path.parent
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"'{folder}' in the output '{path}' is a file, and no folder; write somewhere else")
    if not folder.is_dir():
        raise UsageError(f"the folder '{folder}' of the output '{path}' does not exist; make it first, or write somewhere else")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"the folder '{folder}' of the output '{path}' can't be written ({error.strerror}); write somewhere else"
        ) from error
