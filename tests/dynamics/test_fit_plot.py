from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from kinescribe.dynamics import Bodies, Clip, Impact, State
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Fit, fit_law
from kinescribe.dynamics.report import plot_fit
from kinescribe.errors import UsageError

SIGMA = 0.004
TIMES = np.arange(15) * 0.1


def throws(count: int = 1, name: str = "a.csv", y_down: bool = False, turning: bool = False) -> Clip:
    """Things thrown under gravity 2, a little apart, with errors of 4 mm."""
    rng = np.random.default_rng(3)
    k = np.arange(count)
    t = TIMES[:, None]
    x = 0.5 * k + (0.4 + 0.1 * k) * t + SIGMA * rng.normal(size=(len(TIMES), count))
    y = 3.0 + 0.2 * k - t**2 + SIGMA * rng.normal(size=(len(TIMES), count))
    none, sigma = np.full_like(x, np.nan), np.full_like(x, SIGMA)
    bodies = Bodies.make(count, names=tuple(f"ball {i + 1}" for i in range(count)))
    angle = 0.3 * t + np.zeros_like(x) if turning else none
    return Clip(name, TIMES, bodies, x, y, angle, none, none, none, sigma, sigma, sigma, unit="m", y_down=y_down)


def fitted(*clips: Clip) -> Fit:
    return fit_law(find_law("free-fall"), clips)


@pytest.fixture
def figure_of(monkeypatch, tmp_path):
    """The figure that a fit gives."""
    kept: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: (kept.append(self), path.write_bytes(b""))[0])

    def call(fit: Fit, *clips: Clip, **options) -> Figure:
        plot_fit(fit, clips, tmp_path / "fit.png", **options)
        return kept[-1]

    return call


def labelled(figure: Figure, label: str) -> list:
    return [axes for axes in figure.axes if axes.get_ylabel() == label]


def drawn(axes, style: str = "-") -> list:
    """Lines of data, that is those with a point for every time at least."""
    return [line for line in axes.get_lines() if line.get_linestyle() == style and len(line.get_xdata()) >= len(TIMES)]


def test_panels_show_what_was_seen_the_curve_and_residuals_in_sigma(figure_of):
    seen = throws()
    fit = fitted(seen)
    figure = figure_of(fit, seen)
    (x,), (y, path), (left,) = (labelled(figure, label) for label in ("x (m)", "y (m)", "Δy (σ)"))
    (curve,) = drawn(y)
    assert len(curve.get_xdata()) > 5 * len(TIMES)  # dense in time
    at_frames = np.interp(TIMES, curve.get_xdata(), curve.get_ydata())
    exact = fit.rollout(TIMES).component("y")[0, :, 0]
    assert np.allclose(at_frames, exact, atol=1e-4)
    (points,) = [line for line in left.get_lines() if line.get_marker() == "."]
    assert np.allclose(points.get_ydata(), (seen.y[:, 0] - exact) / SIGMA, atol=1e-3)
    assert {tuple(line.get_ydata()) for line in left.get_lines() if line.get_linestyle() == "--"} == {(-2.0, -2.0), (2.0, 2.0)}
    bars = y.containers[0][2][0].get_segments()
    assert np.allclose([bar[1][1] - bar[0][1] for bar in bars], 2 * SIGMA)
    assert path.get_aspect() == 1.0
    assert [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()] == ["time (s)", "x (m)"]
    assert not labelled(figure, "angle (rad)")
    assert x.get_title() == "a.csv"


def test_gaps_are_left_out(figure_of):
    seen = throws()
    for name in ("x", "y"):
        getattr(seen, name)[4:7] = np.nan
    figure = figure_of(fitted(seen), seen)
    assert len(labelled(figure, "y (m)")[0].containers[0][2][0].get_segments()) == len(TIMES) - 3


def test_a_table_that_is_upside_down_is_drawn_so(figure_of):
    seen = throws(y_down=True)
    figure = figure_of(fitted(seen), seen)
    for axes in labelled(figure, "y (m)"):
        low, high = axes.get_ylim()
        assert low > high
        assert low < 0  # heights have the other sign there
    (curve,) = drawn(labelled(figure, "y (m)")[0])
    assert curve.get_ydata()[0] == pytest.approx(-3.0, abs=0.02)


def test_angles_are_drawn_where_the_law_speaks_of_them(figure_of):
    seen = throws(turning=True)
    law = find_law("free-fall")
    law.turns = True
    figure = figure_of(fit_law(law, [seen]), seen)
    assert len(labelled(figure, "angle (rad)")) == len(labelled(figure, "Δangle (σ)")) == 1


def test_contacts_are_lines(figure_of):
    seen = replace(throws(2), impacts=(Impact(0.42, (0,)), Impact(0.9, (0, 1))))
    figure = figure_of(fitted(seen), seen)
    lines = [line.get_xdata()[0] for line in labelled(figure, "Δx (σ)")[0].get_lines() if len(set(line.get_xdata())) == 1]
    assert lines == [0.42, 0.9]
    assert "grey lines: contacts seen" in figure.get_suptitle()
    assert "predicted" not in figure.get_suptitle()


def test_predicted_contacts_are_dotted(figure_of):
    start = State.of(Bodies.make(1, radius=0.1), y=1.0)
    law = find_law("free-fall + floor").starting(gravity=2.0, floor=0.0)
    seen = replace(throws(), y=np.maximum(throws().y - 2.0, 0.1), bodies=start.bodies)
    figure = figure_of(fit_law(law, [seen], fixed={"gravity": 2.0, "floor": 0.0, "restitution": 0.5, "friction": 0.0}), seen)
    dotted = [line for line in labelled(figure, "y (m)")[0].get_lines() if line.get_linestyle() == ":"]
    assert dotted
    assert "dotted: contacts predicted" in figure.get_suptitle()


def test_of_many_clips_the_first_are_drawn_and_it_says_so(figure_of):
    clips = [throws(name=f"{k}.csv") for k in range(5)]
    figure = figure_of(fitted(*clips), *clips)
    assert [axes.get_title() for axes in labelled(figure, "x (m)") if axes.get_title() != "path"] == ["0.csv", "1.csv", "2.csv"]
    assert "the first 3 of 5 clips" in figure.get_suptitle()


def test_of_many_objects_those_that_fit_worst_are_drawn(figure_of):
    seen = throws(10)
    seen.x[5, 9] += 20 * SIGMA
    figure = figure_of(fitted(seen), seen)
    names = [label.get_text() for label in figure.legends[0].get_texts()]
    assert len(names) == 8
    assert "ball 10" in names
    assert "the 8 of 10 objects that fit worst" in figure.get_suptitle()


def test_colours_and_fonts_are_the_callers(figure_of):
    seen = throws(2)
    figure = figure_of(fitted(seen), seen, color_of=lambda object_id: f"#00000{object_id}", font_of=lambda words: None)
    assert {line.get_color() for line in drawn(labelled(figure, "x (m)")[0])} == {"#000001", "#000002"}
    assert [label.get_text() for label in figure.legends[0].get_texts()] == ["1", "2"]


def test_it_writes_a_picture(tmp_path: Path):
    seen = throws()
    plot_fit(fitted(seen), [seen], tmp_path / "fit.png")
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG")
    plot_fit(fitted(seen), [seen], tmp_path / "fit.svg")
    assert b"<svg" in (tmp_path / "fit.svg").read_bytes()


def test_a_failed_fit_is_drawn_too(figure_of):
    seen = throws()
    fit = fitted(seen)
    astray = replace(fit, status="failed", clips=(replace(fit.clips[0], initial=fit.clips[0].initial * np.nan),))
    assert figure_of(astray, seen).get_suptitle().startswith("FAILED: ")


def test_other_clips_than_the_fits_are_refused(tmp_path: Path):
    seen = throws()
    with pytest.raises(UsageError, match="1 clips, and 2"):
        plot_fit(fitted(seen), [seen, seen], tmp_path / "fit.png")


def test_a_red_ball_is_drawn_red(figure_of):
    seen = throws(3)
    seen = replace(seen, bodies=replace(seen.bodies, names=("red ball", "blue ball", "box"), labels=("red ball", "blue ball", "box")))
    (axes,) = labelled(figure_of(fitted(seen), seen), "x (m)")
    colors = {line.get_label(): tuple(int(line.get_color()[k : k + 2], 16) for k in (1, 3, 5)) for line in drawn(axes)}
    assert colors["red ball"][0] > 2 * max(colors["red ball"][1:])
    assert colors["blue ball"][2] > 1.5 * max(colors["blue ball"][:2])
    assert len(set(colors.values())) == 3


def test_a_wild_sighting_does_not_flatten_the_other_residuals(figure_of):
    seen = throws()
    fit = fitted(seen)
    (calm,) = labelled(plain := figure_of(fit, seen), "Δy (σ)")
    assert "triangles" not in plain.get_suptitle()
    wild = replace(seen, y=np.where(np.arange(len(TIMES))[:, None] == 6, seen.y + 100 * SIGMA, seen.y))
    (left,) = labelled(figure := figure_of(fit, wild), "Δy (σ)")
    assert left.get_ylim() == pytest.approx(calm.get_ylim(), rel=0.6)
    (up,) = [line for line in left.get_lines() if line.get_marker() == "^"]
    (down,) = [line for line in left.get_lines() if line.get_marker() == "v"]
    assert (list(up.get_xdata()), len(down.get_xdata())) == ([TIMES[6]], 0)
    assert 0 < up.get_ydata()[0] < left.get_ylim()[1]
    assert "triangles: beyond the axes" in figure.get_suptitle()


def test_residuals_that_are_all_large_stay_within_the_axes(figure_of):
    seen = throws()
    fit = fitted(seen)
    off = replace(seen, y=seen.y + 0.1 * np.sin(9 * TIMES)[:, None])
    (left,) = labelled(figure := figure_of(fit, off), "Δy (σ)")
    (points,) = [line for line in left.get_lines() if line.get_marker() == "."]
    assert np.abs(points.get_ydata()).max() < left.get_ylim()[1]
    assert "triangles" not in figure.get_suptitle()
