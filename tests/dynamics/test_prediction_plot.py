"""The picture of a prediction: an object's curve has the colour of its words."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure
from predicted import TIMES, table, truth

from kinescribe.dynamics.prediction.plot import plot_prediction
from kinescribe.dynamics.report.colors import WORDS
from kinescribe.renderers.colors import color_of


def test_words_say_the_colour_of_a_curve_and_of_its_legend(monkeypatch: pytest.MonkeyPatch, tmp_path):
    kept: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **_: (kept.append(self), path.write_bytes(b""))[0])
    moving = truth("uniform-motion", {}, TIMES, names=("blue puck", "red puck"), x=[0.0, 4.0], y=[2.0, 3.0], vx=[0.5, 0.2])
    seen = table(moving, TIMES, 20)
    plot_prediction(tmp_path / "future.png", seen, seen, None, color_of)
    (figure,) = kept
    curves = {line.get_color() for line in figure.axes[0].get_lines() if len(line.get_xdata()) == 20}
    assert curves == {WORDS["blue"], WORDS["red"]}
    (legend,) = figure.legends
    told = {text.get_text(): line.get_color() for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True)}
    assert (told["1 blue puck"], told["2 red puck"]) == (WORDS["blue"], WORDS["red"])
