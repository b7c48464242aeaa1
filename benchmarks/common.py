"""What every benchmark shares: its arguments, its records, its printed table."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Record:
    """One figure.

    Attributes:
        table, case, measure: where it belongs, such as "real_clips", "balltoss/ball", "coverage".
        value: the figure; None where there is none to give (a fit without enough samples).
        unit: of the value; "" for a pure number.
        better: which way is good.
        goal, reference: figures to hold it against, or None; reference_name says whose the reference is.
    """

    table: str
    case: str
    measure: str
    value: float | None
    unit: str
    better: Literal["lower", "higher"]
    goal: float | None = None
    reference: float | None = None
    reference_name: str | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        if self.goal is None:
            return None
        if self.value is None:
            return False
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal


@dataclass(slots=True)
class Columns:
    """The columns of a states table that are scored: frame, object_id, x_px, y_px and the boxes, (rows,) and (rows, 4) as x, y, w, h."""

    frame: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    object_id: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    x: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    y: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    box: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))


def number(value: float) -> float | None:
    """The value as JSON can hold it: None for NaN and infinities, six significant digits else."""
    return float(f"{value:.6g}") if abs(value) < float("inf") else None


def write_records(records: Iterable[Record], path: str | Path) -> None:
    """Writes the records as a JSON list, beside the target first and then renamed in place."""
    target = Path(path)
    text = json.dumps([asdict(record) for record in records], indent=1, allow_nan=False) + "\n"
    beside = target.with_name(target.name + ".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(target)


def print_table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a plain table in the form of Markdown, numbers to the right, so that it can be quoted as it stands."""
    cells = [[show(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]
    right = [bool(cells) and all(_is_number(row[i]) for row in cells) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        padded = (cell.rjust(width) if to_right else cell.ljust(width) for cell, width, to_right in zip(row, widths, right, strict=True))
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (width + 1) + (":" if to_right else "-") for width, to_right in zip(widths, right, strict=True)) + "|"
    print("\n".join([f"\n{title}\n", line(list(header)), rule, *(line(row) for row in cells)]), flush=True)


def show(cell: object) -> str:
    """A cell as text: "–" for nothing, four significant digits for a float."""
    if cell is None or (isinstance(cell, float) and cell != cell):
        return "–"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def print_goals(records: Iterable[Record]) -> None:
    """Prints how many goals are met, and names every one that is not."""
    judged = [record for record in records if record.met is not None]
    missed = [record for record in judged if not record.met]
    print(f"\n{len(judged) - len(missed)} of {len(judged)} goals met" + ("; missed:" if missed else ""))
    for record in missed:
        print(f"  {record.case} {record.measure} {show(record.value)} {record.unit} (goal {show(record.goal)})".replace("  (", " ("))


def finish(records: Sequence[Record], path: Path | None, note: str = "") -> None:
    """What a benchmark ends with: its goals and a note are printed, and its records go to `path`, where one was named (`--json`)."""
    print_goals(records)
    if note:
        print(note)
    if path is not None:
        write_records(records, path)


def parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser with the options that every benchmark takes."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--data", type=Path, default=Path("../shared/data"), metavar="DIR", help="folder of the data sets (default: %(default)s)"
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures as a JSON list of records")
    made.add_argument("--jobs", type=int, default=1, metavar="N", help="processes to spread clips over (default: %(default)s)")
    return made


def parallel(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[Result]:
    """Results in the order of the items, from this process or from `jobs` others, with a counter on a terminal's stderr."""
    with ProcessPoolExecutor(jobs) if jobs > 1 else _Here() as pool:
        for done, result in enumerate(pool.map(function, items), start=1):
            if sys.stderr.isatty():
                print(f"\r{done}/{len(items)}", end="\n" if done == len(items) else "", file=sys.stderr, flush=True)
            yield result


def load_extract_states() -> Callable[..., Any]:
    """`kinescribe.pipeline.extract_states`; ends the benchmark with one line where the package can't be imported."""
    try:
        import kinescribe.pipeline as pipeline
    except ImportError as error:
        sys.exit(f"cannot import kinescribe.pipeline ({error}); install the package first: pip install -e '.[bench]'")
    extract_states: Callable[..., Any] = pipeline.extract_states
    return extract_states


def need_folder(path: Path) -> Path:
    """The path, if it is a folder; ends the benchmark with one line otherwise."""
    if not path.is_dir():
        sys.exit(f"no folder '{path}'; name the data with --data DIR")
    return path


class _Here:
    """Stands in for a pool of processes with the process at hand."""

    def __enter__(self) -> _Here:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        return map(function, items)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell == "–"
    return True
