"""Fit and residuals as a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.report.colors import curve_colors
from kinescribe.dynamics.report.curves import Curves, curves_of
from kinescribe.dynamics.report.numbers import sigmas
from kinescribe.errors import UsageError
from kinescribe.states.writing import replaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec
    from matplotlib.text import Text

__all__ = ["plot_fit"]

Float = NDArray[np.float64]
CLIPS = 3  # side by side
OBJECTS = 8  # more can't be told apart in one panel
BAND = 2.0  # σ, within which 95 % of residuals lie
LEAST = 3.5  # σ to either side that residuals' axes show
WILD = 0.01  # share of residuals, or one, that may lie beyond the axes
ROOM = 1.5  # times the largest of the others, that axes show then
WORTH = 2.0  # how much further axes would have to reach before wild residuals are left beyond them
BEYOND = "beyond"
MARKS = 60  # contacts that are drawn one by one
FLATTEST, TALLEST = 0.75, 1.15  # height of the path's axes over their width


def plot_fit(
    fit: Fit,
    clips: Sequence[Clip],
    path: str | Path,
    *,
    color_of: Callable[[int], str] | None = None,
    font_of: Callable[[str], str | Path | None] | None = None,
) -> None:
    """Draw what was seen (points, ±1σ) and the fitted curves of x, y and angle over time, the residuals in σ below each, and y over x.

    Vertical lines are contacts: full where seen, dotted where predicted. The axes are the table's own, y down where it has it so. Of more
    than three clips the first are drawn, of more than eight objects those that fit worst; the figure says so. The suffix says the format.

    Args:
        clips: those that the law was fitted to.
        color_of: by object id a colour, for objects whose label names none, or one that others have too.
        font_of: the file of a font that has the words, or None where no font has: the object's id is written instead.

    Raises:
        UsageError: other clips than the fit's, or a file that can't be written.
    """
    from matplotlib.figure import Figure

    if len(clips) != len(fit.clips):
        raise UsageError(f"the fit is of {len(fit.clips)} clips, and {len(clips)} were handed over to be plotted")
    shown = [curves_of(fit, k, clip) for k, clip in enumerate(clips[:CLIPS])]
    ids = clips[0].bodies.object_ids
    misfit = np.max([one.misfit() for one in shown], axis=0)
    # those that fit worst, in the table's order
    chosen = sorted(np.argsort(-misfit, kind="stable")[:OBJECTS].tolist())
    by_id = curve_colors(dict(zip(ids, clips[0].bodies.labels, strict=True)), [ids[k] for k in chosen], color_of)
    colors = {k: by_id[ids[k]] for k in chosen}
    rows = len(shown[0].seen)
    alone = len(shown) == 1
    wide, tall = (12.0, 2.9 * rows + 1.4) if alone else (5.2 * len(shown) + 0.6, 2.9 * rows + 5.0)
    figure = Figure(figsize=(wide, tall), dpi=120, layout="constrained")
    heights = [part for _ in range(rows) for part in (2.2, 1.0)]
    if alone:
        grid = figure.add_gridspec(2 * rows, 2, height_ratios=heights, width_ratios=(1.25, 1))
        _draw_clip(figure, grid, 0, shown[0], fit, colors)
        _draw_path(figure.add_subplot(grid[:, 1]), shown[0], fit, colors)
    else:
        grid = figure.add_gridspec(2 * rows + 1, len(shown), height_ratios=[*heights, 4.2])
        for column, one in enumerate(shown):
            _draw_clip(figure, grid, column, one, fit, colors)
            _draw_path(figure.add_subplot(grid[2 * rows, column]), one, fit, colors)
    _describe(figure, fit, shown, len(clips), chosen, ids, font_of)
    target = Path(path)
    with replaced(target) as (staged,):
        figure.savefig(staged, format=target.suffix.removeprefix(".") or "png")


def _draw_clip(figure: Figure, grid: GridSpec, column: int, one: Curves, fit: Fit, colors: dict[int, str]) -> None:
    """Each coordinate over time, and its residuals below."""
    first: Axes | None = None
    panels: list[Axes] = []
    for row, name in enumerate(one.seen):
        top = figure.add_subplot(grid[2 * row, column], sharex=first)
        first = first or top
        below = figure.add_subplot(grid[2 * row + 1, column], sharex=first)
        panels += [top, below]
        for k, color in colors.items():
            _points(top, one.times, one.seen[name][:, k], one.sigma[name][:, k], color)
            top.plot(one.curve_times, one.curve[name][:, k], color=color, linewidth=1.2, label=fit.objects[k])
            below.plot(one.times, one.residuals[name][:, k], ".", color=color, markersize=3.5)
        everything = np.concatenate([one.seen[name][:, [*colors]].ravel(), one.curve[name][:, [*colors]].ravel()])
        _limit(top, everything, one.seen[name])
        top.set_ylabel(f"{name} ({'rad' if name == 'angle' else fit.unit or 'length'})")
        below.set_ylabel(f"Δ{name} (σ)", fontsize=8)
        _residual_axes(below, one.times, one.residuals[name][:, [*colors]], list(colors.values()))
        if name == "y" and one.y_down:
            top.invert_yaxis()
    for axes in panels:
        axes.grid(alpha=0.25)
        axes.margins(x=0.02)
        axes.tick_params(labelbottom=axes is panels[-1], labelsize=8)
        for times, style in ((one.contacts[:MARKS], "-"), (one.predicted[:MARKS], ":")):
            for time in times:
                axes.axvline(time, color="0.7", linewidth=0.8, linestyle=style, zorder=0)
    panels[0].set_title(one.name, fontsize=9)
    figure.align_ylabels(panels)
    panels[-1].set_xlabel("time (s)")


def _points(axes: Axes, across: Float, up: Float, sigma: Float, color: str) -> None:
    known = np.isfinite(up)
    axes.errorbar(
        across[known], up[known], yerr=sigma[known], fmt="o", color=color, markersize=3.2, alpha=0.45, elinewidth=0.8,
        markeredgewidth=0.0, zorder=1.5,
    )  # fmt: skip


def _residual_axes(axes: Axes, times: Float, values: Float, colors: Sequence[str]) -> None:
    """Axes that a few wild residuals do not flatten: triangles at the edge stand for those beyond it."""
    axes.axhline(0.0, color="0.4", linewidth=0.8)
    for side in (-BAND, BAND):
        axes.axhline(side, color="0.4", linewidth=0.8, linestyle="--")
    sizes = np.sort(np.abs(values[np.isfinite(values)]))
    reach = max(LEAST, 1.1 * float(sizes[-1])) if len(sizes) else LEAST
    most = max(LEAST, ROOM * float(sizes[-1 - max(1, round(WILD * len(sizes)))])) if len(sizes) > 2 else reach
    if reach > WORTH * most:
        reach = most
        for column, color in zip(values.T, colors, strict=True):
            for marker, side in (("^", 1.0), ("v", -1.0)):
                beyond = side * column > reach
                edge = np.full(int(beyond.sum()), side * 0.93 * reach)
                axes.plot(times[beyond], edge, marker, color=color, markersize=5, label=BEYOND)
    axes.set_ylim(-reach, reach)


def _draw_path(axes: Axes, one: Curves, fit: Fit, colors: dict[int, str]) -> None:
    for k, color in colors.items():
        axes.plot(one.seen["x"][:, k], one.seen["y"][:, k], "o", color=color, markersize=3.2, markeredgewidth=0.0, alpha=0.45)
        axes.plot(one.curve["x"][:, k], one.curve["y"][:, k], color=color, linewidth=1.2)
    x, y = (_range(one.seen[name][:, [*colors]]) for name in ("x", "y"))
    wide, tall = max(x[1] - x[0], (y[1] - y[0]) / TALLEST), max(y[1] - y[0], (x[1] - x[0]) * FLATTEST)
    axes.set_xlim(sum(x) / 2 - 0.55 * wide, sum(x) / 2 + 0.55 * wide)
    low, high = sum(y) / 2 - 0.55 * tall, sum(y) / 2 + 0.55 * tall
    axes.set_ylim(*((high, low) if one.y_down else (low, high)))
    axes.set_aspect("equal", adjustable="box", anchor="N")
    axes.set_xlabel(f"x ({fit.unit or 'length'})")
    axes.set_ylabel(f"y ({fit.unit or 'length'})")
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
    axes.set_title("path", fontsize=9)


def _describe(
    figure: Figure,
    fit: Fit,
    shown: Sequence[Curves],
    clips: int,
    chosen: Sequence[int],
    ids: Sequence[int],
    font_of: Callable[[str], str | Path | None] | None,
) -> None:
    """Title and legend."""
    handles, _ = figure.axes[0].get_legend_handles_labels()
    names = [fit.objects[k] for k in chosen]
    legend = figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 6), fontsize=8, frameon=False)
    for k, label in zip(chosen, legend.get_texts(), strict=True):
        _write(label, fit.objects[k], str(ids[k]), font_of)
    notes = ["points: seen, ±1σ", "curves: fitted", "Δ: seen less fitted, dashed ±2σ"]
    if any(drawn.get_label() == BEYOND and np.size(drawn.get_xdata()) for axes in figure.axes for drawn in axes.get_lines()):
        notes.append("triangles: beyond the axes")
    if any(one.contacts for one in shown):
        notes.append("grey lines: contacts seen")
    if any(one.predicted for one in shown):
        notes.append("dotted: contacts predicted")
    if clips > len(shown):
        notes.append(f"the first {len(shown)} of {clips} clips")
    if len(fit.objects) > len(chosen):
        notes.append(f"the {len(chosen)} of {len(fit.objects)} objects that fit worst")
    failed = "" if fit.ok else "FAILED: "
    heading = f"{failed}{fit.law.title}, residuals {sigmas(fit.scale)}"
    title = figure.suptitle(f"{heading}\n{'; '.join(notes)}", fontsize=10)
    _write(title, heading, f"{failed}residuals {sigmas(fit.scale)}", font_of, rest="; ".join(notes))
    for axes, one in zip([axes for axes in figure.axes if axes.get_title() in {each.name for each in shown}], shown, strict=False):
        _write(axes.title, one.name, "", font_of)


def _write(text: Text, words: str, instead: str, font_of: Callable[[str], str | Path | None] | None, rest: str = "") -> None:
    """The words in a font that has them, or what stands in for them."""
    below = f"\n{rest}" if rest else ""
    if font_of is None:
        return
    from matplotlib.font_manager import FontProperties

    found = font_of(f"{words}{rest} 0123456789:;,±σ")
    if found is None:
        text.set_text(f"{instead}{below}")
    else:
        text.set_fontproperties(FontProperties(fname=str(found), size=text.get_fontsize()))


def _limit(axes: Axes, values: Float, seen: Float) -> None:
    """A fit that went astray does not flatten what was seen: at most as much again to either side."""
    low, high = _range(seen)
    bottom, top = _range(values)
    room = high - low
    low, high = max(bottom, low - room), min(top, high + room)
    axes.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low))


def _range(values: Float) -> tuple[float, float]:
    """Smallest and largest finite value, apart even where there is but one."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
