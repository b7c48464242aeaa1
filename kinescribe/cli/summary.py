"""What a run found: a short table for people, JSON for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinescribe.cli.outputs import Outputs
    from kinescribe.states import States

__all__ = ["ObjectSummary", "as_json", "print_review", "print_table", "summarise"]

MOST_LINES = 12


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """One object of a states table.

    Attributes:
        object_id, label: as in the table.
        frames: rows of the object.
        observed: rows in which it was seen.
        path_length: sum of the distances from row to row, in the table's unit.
        sigma: mean of sigma_x and sigma_y over the observed rows, in the table's unit; None where unknown.
    """

    object_id: int
    label: str
    frames: int
    observed: int
    path_length: float
    sigma: float | None


def summarise(states: States) -> list[ObjectSummary]:
    """One summary an object, in the order of the ids."""
    import numpy as np

    out, labels = [], states.labels
    for object_id in states.object_ids:
        columns = states.of(object_id).columns
        points = np.stack([columns["x"], columns["y"]], axis=1)
        points = points[np.isfinite(points).all(axis=1)]
        seen = columns["status"] == "observed"
        sigmas = np.stack([columns["sigma_x"], columns["sigma_y"]])[:, seen]
        known = sigmas[np.isfinite(sigmas)]
        length = float(np.hypot(*np.diff(points, axis=0).T).sum()) if len(points) > 1 else 0.0
        out.append(
            ObjectSummary(object_id, labels[object_id], len(seen), int(seen.sum()), length, float(known.mean()) if known.size else None)
        )
    return out


def as_json(states: States, objects: list[ObjectSummary], outputs: Outputs, seconds: float, exit_code: int) -> dict[str, Any]:
    """The machine-readable summary."""
    meta = states.meta
    files = {name: None if path is None else str(path) for name, path in asdict(outputs).items()}
    return {
        "outputs": files,
        "video": None if meta.video is None else meta.video.model_dump(mode="json"),
        "unit": states.unit,
        "rows": len(states),
        "objects": [asdict(item) for item in objects],
        "contacts": len(meta.events),
        "warnings": list(meta.warnings),
        "partial": meta.partial,
        "seconds": round(seconds, 3),
        "exit_code": exit_code,
    }


def print_table(states: States, objects: list[ObjectSummary], outputs: Outputs, seconds: float) -> None:
    """The objects and where everything went, on stderr."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from kinescribe.states.frames_read import frames_looked_at

    unit = states.unit
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("id", "label", "rows", "seen", f"path length ({unit})", f"mean σ ({unit})"):
        table.add_column(name, justify="left" if name == "label" else "right")
    for item in objects:
        sigma = "" if item.sigma is None else f"{item.sigma:.2g}"
        table.add_row(str(item.object_id), Text(item.label), str(item.frames), str(item.observed), f"{item.path_length:.4g}", sigma)
    console = Console(stderr=True, highlight=False)
    console.print(table)
    frames = frames_looked_at(states.meta)
    rate = f", {frames / seconds:.0f} frames/s" if frames and seconds > 0 else ""
    console.print(f"{len(states)} rows, {len(states.meta.events)} contacts in {seconds:.1f} s{rate}", markup=False, soft_wrap=True)
    for path in outputs.paths():
        console.print(f"wrote {path}", markup=False, soft_wrap=True)


def print_review(states: States) -> None:
    """Where the table was held against its video, which rows want a look, on stderr."""
    import sys

    from kinescribe.renderers.reviewing.words import rows_to_look_at

    if not states.meta.configuration.get("review"):
        return
    lines = rows_to_look_at(states)
    print(*(lines[:MOST_LINES] or ["reviewed: no row wants a look"]), sep="\n", file=sys.stderr)
    if len(lines) > MOST_LINES:
        print(f"and {len(lines) - MOST_LINES} more: `kinescribe review` lists them", file=sys.stderr)
