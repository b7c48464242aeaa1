"""Residual, explained share and drift of every object over time, and what wants a look, in one figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.renderers.colors import color_of
from kinescribe.renderers.fonts import font_for, warn_of_unwritable
from kinescribe.states.writing import replaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from kinescribe.renderers.reviewing.result import Review

__all__ = ["plot_review"]

Float = NDArray[np.float64]
MOST = 12  # objects whose curves can be told apart: those with most flagged rows
ROW_IN = 0.22  # height of a line of the strip, inches
LOWEST = -0.5  # explained share drawn; below, the sprite does harm, however much
COLORS = {"drift": "#e08214", "unexplained": "#b2182b", "invented": "#7b3294", "no sprite": "#8c6d31", "outside": "#4d4d4d",
          "no frame": "#4d4d4d", "missed": "#d6006e"}  # fmt: skip


def plot_review(review: Review, path: Path) -> None:
    """Draw the figure; the suffix says the format. Raises `UsageError` for one that can't be drawn."""
    from matplotlib.backend_bases import FigureCanvasBase
    from matplotlib.figure import Figure

    suffix = path.suffix.removeprefix(".").lower() or "png"
    if suffix not in FigureCanvasBase.filetypes:
        raise UsageError(f"the plot '{path}' must end in .png, .pdf or .svg; matplotlib does not write .{suffix}")
    ids = _chosen(review)
    lines = len(ids) + bool(review.missed)
    figure = Figure(figsize=(12, 6.6 + ROW_IN * lines), dpi=110, layout="constrained")
    _draw(figure, review, ids, lines)
    with replaced(path) as (staged,):
        figure.savefig(staged, format=suffix)


def _chosen(review: Review) -> list[int]:
    """Objects that were looked at, those with most flagged rows first to stay."""
    all_ids = review.states["object_id"]
    flagged = {i: int(review.flagged[all_ids == i].sum()) for i in review.states.object_ids}
    looked = [i for i in flagged if flagged[i] or np.isfinite(review.residual[all_ids == i]).any()]
    return sorted(sorted(looked, key=lambda i: -flagged[i])[:MOST])


def _draw(figure: Figure, review: Review, ids: list[int], lines: int) -> None:
    heights = (1.7, 1.5, 1.7, max(ROW_IN * lines, ROW_IN))
    panels: list[Axes] = list(figure.subplots(4, 1, sharex=True, height_ratios=heights))
    columns, names, unwritable = review.states.columns, review.states.labels, []
    frames = np.asarray(columns["frame"], float)
    ceilings = []
    for i in ids:
        mine = columns["object_id"] == i
        at, color = frames[mine], color_of(i)
        shown = np.where(np.isin(review.verdict[mine].astype(str), ["hidden", "unknown", "faint"]), np.nan, 1.0)
        label = f"{i} {names[i]}".strip()
        if font_for(label, shaping=False) is None:
            unwritable.append(label)
            label = str(i)
        residual, drift = review.residual[mine] * shown, np.hypot(*review.drift[mine].T)
        _curve(panels[0], at, residual, color, label)
        _curve(panels[1], at, np.maximum(review.explained[mine] * shown, LOWEST), color)
        _curve(panels[2], at, drift, color)
        ceilings.append((residual, drift))
        flagged = review.flagged[mine]
        panels[0].plot(at[flagged], residual[flagged], "o", color=color, markersize=4, markerfacecolor="white", zorder=5)
        panels[2].plot(at[flagged], drift[flagged], "o", color=color, markersize=4, markerfacecolor="white", zorder=5)
    noise = review.noise[np.isfinite(review.noise)]
    if len(noise):
        panels[0].axhline(float(np.median(noise)), color="0.5", linestyle="--", linewidth=0.9)
        panels[0].annotate("noise", (0.995, float(np.median(noise))), xycoords=("axes fraction", "data"), ha="right", va="bottom",
                           fontsize=8, color="0.4")  # fmt: skip
    for panel, name in zip(panels, ("residual (grey levels)", "explained share", "drift (px)"), strict=False):
        panel.set_ylabel(name)
        panel.grid(alpha=0.25)
        panel.margins(x=0.01)
    panels[0].set_ylim(0, _top([residual for residual, _ in ceilings], 4.0))
    panels[1].set_ylim(LOWEST - 0.05, 1.05)
    panels[2].set_ylim(0, _top([drift for _, drift in ceilings], 1.0))
    _strip(figure, panels[3], review, ids)
    panels[3].set_xlabel("frame")
    if len(frames):
        panels[3].set_xlim(frames.min() - 1, frames.max() + 1)
    if ids:
        legend = figure.legend(loc="outside upper center", ncols=6, fontsize=8, frameon=False)
        for text in legend.get_texts():
            _write(text)
    flagged, total = int(review.flagged.sum()), len(review.states)
    missed = f", {len(review.missed)} missed region{'s' * (len(review.missed) != 1)}" if review.missed else ""
    more = f"; of {len(names)} objects {len(ids)} are drawn" if len(names) > len(ids) >= MOST else ""
    panels[0].set_title(f"{flagged} of {total} rows want a look{missed}; circles: those rows{more}", fontsize=10)
    warn_of_unwritable(unwritable, "plot")


def _curve(axes: Axes, at: Float, values: Float, color: str, label: str | None = None) -> None:
    gaps = np.flatnonzero(np.diff(at) > 1) + 1
    axes.plot(np.insert(at, gaps, np.nan), np.insert(values, gaps, np.nan), color=color, linewidth=1.3, label=label)


def _strip(figure: Figure, axes: Axes, review: Review, ids: list[int]) -> None:
    """One line an object, coloured where its rows want a look; missed regions in the last."""
    lines: list[str] = []
    used: dict[str, str] = {}
    columns = review.states.columns
    for line, i in enumerate(ids):
        mine = np.flatnonzero(columns["object_id"] == i)
        lines.append(str(i))
        axes.hlines(line, columns["frame"][mine].min() - 0.5, columns["frame"][mine].max() + 0.5, color="0.85", linewidth=2, zorder=0)
        for k in mine[review.flagged[mine]]:
            verdict = str(review.verdict[k])
            used[verdict] = COLORS[verdict]
            axes.barh(line, 1.0, left=columns["frame"][k] - 0.5, height=0.7, color=COLORS[verdict], linewidth=0)
    if review.missed:
        lines.append("no id")
        used["missed"] = COLORS["missed"]
        for region in review.missed:
            axes.barh(len(ids), np.ptp(region.frames) + 1.0, left=region.frames[0] - 0.5, height=0.7, color=COLORS["missed"], linewidth=0)
    axes.set_yticks(range(len(lines)), lines, fontsize=8)
    axes.set_ylim(max(len(lines), 1) - 0.4, -0.6)
    axes.set_ylabel("object")
    axes.grid(alpha=0.25, axis="x")
    if used:
        from matplotlib.patches import Patch

        handles = [Patch(color=color, label=name) for name, color in used.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=7, fontsize=8, frameon=False)


def _write(text: Any) -> None:
    """Choose a font that has the words."""
    from matplotlib.font_manager import FontProperties

    path = font_for(text.get_text(), shaping=False)
    if path is not None:
        text.set_fontproperties(FontProperties(fname=path, size=text.get_fontsize()))


def _top(curves: list[Float], least: float) -> float:
    """The axis' end: one wild row does not flatten all others."""
    known = np.concatenate([values[np.isfinite(values)] for values in curves]) if curves else np.zeros(0)
    return max(least, 1.15 * float(np.percentile(known, 99))) if len(known) else least
