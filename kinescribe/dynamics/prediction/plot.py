"""What was seen, what happens and what would have happened, in one figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.report.colors import curve_colors
from kinescribe.states import States
from kinescribe.states.writing import replaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_prediction"]

Float = NDArray[np.float64]
MOST = 8  # objects that can be told apart in one panel
BAND = 2.0  # σ to either side
TALLEST, FLATTEST = 1.15, 0.9  # height of the path's axes over their width


def plot_prediction(
    path: Path, observed: States | None, factual: States, changed: States | None, color_of: Callable[[int], str], *, title: str = ""
) -> None:
    """Draw x(t), y(t) and the path: dots are sightings, full lines what is foretold, dashed ones the counterfactual, bands ±2σ.

    Dotted vertical lines are contacts that are foretold. An object whose label names a colour of its own has it, others have
    `color_of`'s. Of more than eight objects the first are drawn, and the figure says so. The
    suffix says the format.

    Raises:
        UsageError: the file can't be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    shown = changed if changed is not None else factual
    ids = list(dict.fromkeys([*factual.object_ids, *shown.object_ids]))
    drawn = ids[:MOST]
    figure = Figure(figsize=(12, 6.6), dpi=120, layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.2, 1))
    first = figure.add_subplot(grid[0, 0])
    panels = [first, figure.add_subplot(grid[1, 0], sharex=first)]
    track = figure.add_subplot(grid[:, 1])
    unit = f" ({shown.unit})" if shown.unit else ""
    y_up = shown.meta.calibration is None or shown.meta.calibration.y_up
    courses = [(factual, "-", 0.14)] + ([(changed, "--", 0.2)] if changed is not None else [])
    for table, _, _ in courses:
        for event in table.meta.events:
            for axes in panels:
                axes.axvline(event.time_s, color="0.75", linewidth=0.8, linestyle=":", zorder=0)
    spans: list[Float] = []
    labels = shown.labels | factual.labels
    colors = curve_colors(labels, drawn, color_of)
    for object_id in drawn:
        color = colors[object_id]
        if observed is not None and object_id in observed.object_ids:
            spans.append(_dots(panels, track, observed, object_id, color))
        for table, style, opacity in courses:
            if object_id in table.object_ids:
                spans.append(_course(panels, track, table, object_id, color, style, opacity))
    for k, axes in enumerate(panels):
        axes.set_ylabel(f"{'xy'[k]}{unit}")
        axes.grid(alpha=0.25)
        axes.margins(x=0.01)
        low, high = _range(np.concatenate([span[k] for span in spans]))
        room = 0.08 * (high - low)
        axes.set_ylim(*((low - room, high + room) if k == 0 or y_up else (high + room, low - room)))
    panels[0].tick_params(labelbottom=False)
    panels[1].set_xlabel("time (s)")
    _frame(track, np.concatenate(spans, axis=1), y_up)
    track.set_xlabel(f"x{unit}")
    track.set_ylabel(f"y{unit}")
    handles = [Line2D([], [], color="0.3", marker=".", linestyle="", label="seen")] if observed is not None else []
    handles.append(Line2D([], [], color="0.3", linestyle="-", label="foretold"))
    if changed is not None:
        handles.append(Line2D([], [], color="0.3", linestyle="--", label="changed"))
    handles += [Line2D([], [], color=colors[i], linewidth=4, label=f"{i} {labels.get(i, '')}".strip()) for i in drawn]
    figure.legend(handles=handles, loc="outside lower center", ncols=8, fontsize=8, frameon=False)
    more = f"; the first {len(drawn)} of {len(ids)} objects" if len(ids) > len(drawn) else ""
    figure.suptitle(f"{title}{' – ' if title else ''}bands: ±{BAND:g}σ; dotted lines: contacts{more}", fontsize=10)
    with replaced(path) as (staged,):
        figure.savefig(staged, format=path.suffix.removeprefix(".") or "png")


def _dots(panels: list[Axes], track: Axes, table: States, object_id: int, color: str) -> Float:
    mine = (table["object_id"] == object_id) & ((table["status"] == "observed") | (table["status"] == ""))
    points = np.stack([table["x"][mine], table["y"][mine]])
    for axes, values in zip(panels, points, strict=True):
        axes.plot(table["time_s"][mine], values, ".", color=color, markersize=3.5, alpha=0.8)
    track.plot(*points, ".", color=color, markersize=3.5, alpha=0.8)
    return points


def _course(panels: list[Axes], track: Axes, table: States, object_id: int, color: str, style: str, opacity: float) -> Float:
    mine = table.of(object_id)
    times = mine["time_s"]
    points = np.stack([mine["x"], mine["y"]])
    for axes, values, sigma in zip(panels, points, (mine["sigma_x"], mine["sigma_y"]), strict=True):
        axes.plot(times, values, style, color=color, linewidth=1.4)
        spread = BAND * np.nan_to_num(sigma)
        axes.fill_between(times, values - spread, values + spread, color=color, alpha=opacity, linewidth=0)
    track.plot(*points, style, color=color, linewidth=1.4)
    return points


def _frame(axes: Axes, points: Float, y_up: bool) -> None:
    """One scale for both axes, not flatter or taller than the figure bears."""
    x, y = _range(points[0]), _range(points[1])
    wide = max(x[1] - x[0], (y[1] - y[0]) / TALLEST)
    tall = max(y[1] - y[0], (x[1] - x[0]) * FLATTEST)
    axes.set_xlim(sum(x) / 2 - 0.55 * wide, sum(x) / 2 + 0.55 * wide)
    low, high = sum(y) / 2 - 0.55 * tall, sum(y) / 2 + 0.55 * tall
    axes.set_ylim(*((low, high) if y_up else (high, low)))
    axes.set_aspect("equal", adjustable="box", anchor="N")
    axes.grid(alpha=0.25)
    axes.set_title("path", fontsize=9)


def _range(values: Float) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
