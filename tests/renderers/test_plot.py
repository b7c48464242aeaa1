from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from kinescribe.errors import NothingFoundError
from kinescribe.evaluation.scenes import falling_ball, many_discs, two_pucks_collision
from kinescribe.renderers import plot, plot_states
from kinescribe.renderers.colors import color_of
from kinescribe.states import Calibration, States


@pytest.fixture
def figure_of(monkeypatch, tmp_path):
    """The figure that a table gives."""
    kept: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: (kept.append(self), path.write_bytes(b""))[0])

    def call(table: States) -> Figure:
        plot_states(table, tmp_path / "plot.png")
        return kept[-1]

    return call


def lines(axes, color: str) -> list:
    return [line for line in axes.get_lines() if line.get_color() == color and line.get_linestyle() == "-"]


def test_curves_are_the_tables(figure_of, table_of):
    scene = falling_ball()
    table = table_of(scene, Calibration.from_scale(100, "m"))
    x, y, speed, path = figure_of(table).axes
    columns = table.of(1).columns
    for axes, values in ((x, columns["x"]), (y, columns["y"]), (speed, np.hypot(columns["vx"], columns["vy"]))):
        (line,) = lines(axes, color_of(1))
        assert np.allclose(line.get_xdata(), columns["time_s"])
        assert np.allclose(line.get_ydata(), values)
    assert (x.get_ylabel(), speed.get_ylabel(), speed.get_xlabel()) == ("x (m)", "speed (m/s)", "time (s)")
    assert (path.get_xlabel(), path.get_ylabel()) == ("x (m)", "y (m)")


def test_y_is_up_in_the_world_and_down_in_pixels(figure_of, table_of):
    scene = falling_ball()
    for calibration, up in ((Calibration.from_scale(100, "m"), True), (Calibration.pixels(), False)):
        _, y, _, path = figure_of(table_of(scene, calibration)).axes
        for axes in (y, path):
            low, high = axes.get_ylim()
            assert bool(low < high) is up
        assert path.get_aspect() == 1.0


def test_everything_lies_inside_the_paths_axes(figure_of, table_of):
    table = table_of(falling_ball())
    path = figure_of(table).axes[3]
    for values, limits in ((table["x"], path.get_xlim()), (table["y"], sorted(path.get_ylim()))):
        assert limits[0] < values.min()
        assert limits[1] > values.max()


def test_gaps_stay_open_and_hidden_rows_are_dotted(figure_of, table_of):
    scene = many_discs(n=1, frame_count=20)
    x = figure_of(table_of(scene, left_out=(5, 6), hidden=(12, 13))).axes[0]
    (line,) = lines(x, color_of(1))
    assert np.isnan(line.get_ydata()).sum() == 1 + 2  # one break for the gap, and the two hidden frames
    dotted = [other for other in x.get_lines() if other.get_linestyle() == ":"]
    assert np.isfinite(dotted[0].get_ydata()).sum() == 18


def test_band_is_two_sigma(figure_of, table_of):
    table = table_of(falling_ball(), Calibration.from_scale(100, "m"))
    band = figure_of(table).axes[0].collections[0].get_paths()[0].vertices[:, 1]
    columns = table.of(1).columns
    assert band.max() == pytest.approx((columns["x"] + 2 * columns["sigma_x"]).max())
    assert band.min() == pytest.approx((columns["x"] - 2 * columns["sigma_x"]).min())


def test_contacts_are_marked(figure_of, table_of):
    table = table_of(two_pucks_collision())
    assert table.meta.events
    x, path = (figure_of(table).axes[i] for i in (0, 3))
    verticals = {float(line.get_xdata()[0]) for line in x.get_lines() if line.get_color() == "0.8"}
    assert verticals == {event.time_s for event in table.meta.events}
    assert sum(line.get_marker() == "x" for line in path.get_lines()) == len(table.meta.events)


def test_the_longest_paths_are_drawn_and_the_rest_is_told(figure_of, table_of):
    scene = many_discs(n=15, frame_count=10)
    figure = figure_of(table_of(scene))
    assert f"{plot.MOST} of 15 objects" in figure.get_suptitle()
    lengths = {i: np.hypot(*np.diff(t.positions, axis=0).T).sum() for i, t in enumerate(scene.truth.values(), start=1)}
    longest = sorted(sorted(lengths, key=lengths.__getitem__)[-plot.MOST :])
    shown = [int(text.get_text().split()[0]) for text in figure.legends[0].get_texts()]
    assert shown == longest


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_suffix_says_the_format(tmp_path, table_of, suffix, start):
    plot_states(table_of(many_discs(n=1, frame_count=3)), tmp_path / f"p.{suffix}")
    assert (tmp_path / f"p.{suffix}").read_bytes().startswith(start)
    assert len(list(tmp_path.iterdir())) == 1


def test_one_row_and_unknown_values_can_be_drawn(tmp_path, table_of):
    table = table_of(many_discs(n=1, frame_count=2))
    columns = {name: values[:1].copy() for name, values in table.columns.items()}
    for name in ("vx", "vy", "sigma_x", "sigma_y", "sigma_vx", "sigma_vy"):
        columns[name][:] = np.nan
    plot_states(States.from_columns(columns), tmp_path / "p.png")
    assert (tmp_path / "p.png").stat().st_size > 1000


def test_a_table_without_rows_is_refused(tmp_path, table_of):
    table = table_of(many_discs(n=1, frame_count=2))
    empty = States.from_columns({name: values[:0] for name, values in table.columns.items()}, table.meta)
    with pytest.raises(NothingFoundError, match="no rows"):
        plot_states(empty, tmp_path / "p.png")
    assert not list(tmp_path.iterdir())


def test_what_no_font_can_write_is_left_to_the_id_and_told(figure_of, table_of, monkeypatch):
    table = table_of(many_discs(n=2, frame_count=4))
    labels = np.where(table.columns["object_id"] == 1, "红球", "шар").astype(object)
    known = plot.font_for
    monkeypatch.setattr(plot, "font_for", lambda text, *, shaping: None if "红" in text else known(text, shaping=shaping))
    with pytest.warns(UserWarning, match='"红球".*the plot shows ids alone') as caught:
        figure = figure_of(States.from_columns(table.columns | {"label": labels}, table.meta))
    assert len(caught) == 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["1", "2 шар"]
