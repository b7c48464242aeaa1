"""x(t), y(t), speed and the path of every object in one figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.renderers.arguments import check_states, output_path
from kinescribe.renderers.colors import color_of
from kinescribe.renderers.fonts import font_for, warn_of_unwritable
from kinescribe.states.frames_read import frame_step
from kinescribe.states.writing import replaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    from kinescribe.states import States

__all__ = ["plot_states"]

Float = NDArray[np.float64]
MOST = 12  # more curves in one panel can't be told apart
BAND = 2.0  # σ to either side
FLATTEST, TALLEST = 0.75, 1.15  # height of the path's axes over their width: a straight path does not become a strip


@dataclass(frozen=True, slots=True)
class _Curves:
    """One object's rows in time order, with an empty row (NaN) wherever frames are missing, so that lines break there.

    Attributes:
        object_id, label: as in the table.
        times: (n,), seconds.
        values, sigmas: x, y and speed, and one standard deviation of each, (3, n).
        seen: (n,) bool, observed in that frame.
    """

    object_id: int
    label: str
    times: Float
    values: Float
    sigmas: Float
    seen: NDArray[np.bool_]

    @property
    def length(self) -> float:
        """Length of the path over all rows, gaps left out."""
        steps = np.hypot(*np.diff(self.values[:2], axis=1))
        return float(np.nansum(steps))


def plot_states(states: States, path: str | Path) -> None:
    """Draw x(t), y(t), speed(t) and the path, one colour an object, ±2σ as a band, contacts marked; the suffix says the format.

    Thin dotted lines are rows in which the object was not seen; where there is no row there is no line. The path's axes have one scale,
    y up in a calibrated table and down in pixels. Of more than twelve objects the longest paths are drawn, and the figure says so.
    Labels that no font of this machine can write are left out, their ids alone remain, and a `UserWarning` says so.

    Raises `NothingFoundError` for a table without rows, `UsageError` for what is no table, or a suffix that says no format.
    """
    from matplotlib.backend_bases import FigureCanvasBase
    from matplotlib.figure import Figure

    check_states(states)
    target = output_path("plot", path)
    suffix = target.suffix.removeprefix(".").lower() or "png"
    if suffix not in FigureCanvasBase.filetypes:
        raise UsageError(f"the plot '{target}' must end in .png, .pdf or .svg; matplotlib does not write .{suffix}")
    curves = sorted((_curves(states, object_id, label) for object_id, label in states.labels.items()), key=lambda curve: -curve.length)
    if not curves:
        raise NothingFoundError("the table has no rows, so there is nothing to plot")
    figure = Figure(figsize=(12, 7.2), dpi=120, layout="constrained")
    _draw(figure, states, sorted(curves[:MOST], key=lambda curve: curve.object_id), len(curves))
    with replaced(target) as (staged,):
        figure.savefig(staged, format=suffix)


def _draw(figure: Figure, states: States, curves: list[_Curves], total: int) -> None:
    calibration = states.meta.calibration
    unit = f" ({calibration.unit})" if calibration is not None else ""
    speed_unit = f" ({calibration.unit}/s)" if calibration is not None else ""
    grid = figure.add_gridspec(3, 2, width_ratios=(1.15, 1))
    panels: list[Axes] = [figure.add_subplot(grid[0, 0])]
    panels += [figure.add_subplot(grid[row, 0], sharex=panels[0]) for row in (1, 2)]
    opacity = 0.22 if len(curves) <= 4 else 0.1
    for k, (axes, name) in enumerate(zip(panels, (f"x{unit}", f"y{unit}", f"speed{speed_unit}"), strict=True)):
        for event in states.meta.events:
            axes.axvline(event.time_s, color="0.8", linewidth=0.8, zorder=0)
        for curve in curves:
            _line(axes, curve, curve.times, curve.values[k])
            low, high = (curve.values[k] + sign * BAND * curve.sigmas[k] for sign in (-1, 1))
            axes.fill_between(curve.times, low, high, color=color_of(curve.object_id), alpha=opacity, linewidth=0)
        axes.set_ylabel(name)
        axes.grid(alpha=0.25)
        axes.margins(x=0.01)
        axes.tick_params(labelbottom=k == 2)
        _limit(axes, np.concatenate([curve.values[k] for curve in curves]), floor=0.0 if k == 2 else None)
    panels[2].set_xlabel("time (s)")
    y_up = calibration is not None and calibration.y_up
    if not y_up:
        panels[1].invert_yaxis()
    _draw_path(figure.add_subplot(grid[:, 1]), states, curves, unit, y_up)
    legend = figure.legend(loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    shown = f"the {len(curves)} of {total} objects with the longest paths" if total > len(curves) else f"{total} object{'s' * (total != 1)}"
    name = states.meta.video.name if states.meta.video is not None else ""
    unwritable = [name] if not _write(title := figure.suptitle(name), name) else []
    video = f"{name}: " if name and not unwritable else ""
    contacts = "; vertical lines and crosses: contacts" if states.meta.events else ""
    title.set(text=f"{video}{shown}; bands: ±{BAND:g}σ; dotted: not seen{contacts}", fontsize=10)
    for curve, text in zip(curves, legend.get_texts(), strict=True):
        if not _write(text, curve.label):
            text.set_text(str(curve.object_id))
            unwritable.append(curve.label)
    warn_of_unwritable(unwritable, "plot")


def _write(text: Text, words: str) -> bool:
    """Choose the font that has the words, and the rest of what is written with them; False where none has."""
    import matplotlib
    from matplotlib.font_manager import FontProperties

    # from 3.11 on it joins letters and writes from right to left
    shaping = tuple(int(part) for part in matplotlib.__version__.split(".")[:2]) >= (3, 11)
    path = font_for(f"{words} 0123456789:;,±σ", shaping=shaping)
    if path is not None:
        text.set_fontproperties(FontProperties(fname=path, size=text.get_fontsize()))
    return path is not None


def _draw_path(axes: Axes, states: States, curves: list[_Curves], unit: str, y_up: bool) -> None:
    for curve in curves:
        _line(axes, curve, curve.values[0], curve.values[1], label=f"{curve.object_id} {curve.label}".strip())
        known = np.flatnonzero(np.isfinite(curve.values[:2]).all(axis=0))
        if len(known):
            start, color = curve.values[:2, known[0]], color_of(curve.object_id)
            axes.plot(*start, "o", color=color, markersize=5)
            axes.annotate(
                str(curve.object_id), (float(start[0]), float(start[1])), (4, 4), textcoords="offset points", color=color, fontsize=9
            )
    for event in states.meta.events:
        if event.position is not None:
            axes.plot(*event.position, "x", color="0.25", markersize=5, markeredgewidth=1.0)
    x, y = (_range(np.concatenate([curve.values[k] for curve in curves])) for k in (0, 1))
    wide, tall = max(x[1] - x[0], (y[1] - y[0]) / TALLEST), max(y[1] - y[0], (x[1] - x[0]) * FLATTEST)
    axes.set_xlim(sum(x) / 2 - 0.55 * wide, sum(x) / 2 + 0.55 * wide)
    low, high = sum(y) / 2 - 0.55 * tall, sum(y) / 2 + 0.55 * tall
    axes.set_ylim(*((low, high) if y_up else (high, low)))
    axes.set_aspect("equal", adjustable="box", anchor="N")
    axes.set_xlabel(f"x{unit}")
    axes.set_ylabel(f"y{unit}")
    axes.grid(alpha=0.25)
    axes.set_title("path; dots mark the start", fontsize=9)


def _line(axes: Axes, curve: _Curves, across: Float, up: Float, label: str | None = None) -> None:
    """Full where seen, dotted where not; a lone row is a point."""
    color = color_of(curve.object_id)
    axes.plot(across, np.where(curve.seen, up, np.nan), color=color, linewidth=1.4, label=label)
    if not curve.seen.all():
        axes.plot(across, up, color=color, linewidth=0.9, linestyle=":")
    known = np.isfinite(up)
    alone = known & ~np.append(known[1:], False) & ~np.insert(known[:-1], 0, False)
    if alone.any():
        axes.plot(across[alone], up[alone], ".", color=color, markersize=3)


def _limit(axes: Axes, values: Float, floor: float | None) -> None:
    """The curves set the limits, not the bands: one uncertain end would flatten everything else."""
    low, high = _range(values)
    low = low if floor is None else floor
    room = 0.06 * (high - low)
    axes.set_ylim(low - (room if floor is None else 0.0), high + room)


def _range(values: Float) -> tuple[float, float]:
    """Smallest and largest finite value, apart even where there is but one."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _curves(states: States, object_id: int, label: str) -> _Curves:
    columns = states.of(object_id).columns
    frames = np.asarray(columns["frame"], np.int64)
    after_gap = np.flatnonzero(np.diff(frames) > frame_step(states)) + 1
    speed = np.hypot(columns["vx"], columns["vy"])
    with np.errstate(invalid="ignore", divide="ignore"):  # an object at rest has no direction of motion
        ratio = np.stack([columns["vx"], columns["vy"]]) / speed
    speed_sigma = np.hypot(ratio[0] * columns["sigma_vx"], ratio[1] * columns["sigma_vy"])  # first-order propagation
    values = np.stack([columns["x"], columns["y"], speed]).astype(float)
    sigmas = np.stack([columns["sigma_x"], columns["sigma_y"], speed_sigma]).astype(float)
    return _Curves(
        object_id,
        label,
        np.insert(np.asarray(columns["time_s"], float), after_gap, np.nan),
        np.insert(values, after_gap, np.nan, axis=1),
        np.insert(sigmas, after_gap, np.nan, axis=1),
        np.insert(columns["status"] == "observed", after_gap, False),
    )
