"""What other tools tracked reaches a fit and a prediction, whichever tool it was."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from foreign_tracks import CALIBRATION, GRAVITY, INTERVAL, LAYOUTS, NOISE_PX, SCALE, Layout, fall

import kinescribe
from kinescribe.annotation.importing import FORMATS, import_tracks
from kinescribe.annotation.importing.formats import recognised
from kinescribe.states import validate

each = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)


def test_every_format_has_its_layout_here():
    assert {layout.format for layout in LAYOUTS} == set(FORMATS)


@each
def test_a_file_is_recognised_and_read_where_it_was_drawn(layout: Layout, tmp_path: Path):
    one = fall()
    path = layout.file(tmp_path, one)
    assert recognised(path) == layout.format
    states = import_tracks(path, **layout.options)
    assert states.meta.configuration["imported"]["format"] == layout.format
    assert states.meta.configuration["imported"]["file"] == path.name
    assert states["frame"].tolist() == list(range(len(one.x)))
    np.testing.assert_allclose(states["time_s"], np.arange(len(one.x)) * INTERVAL, atol=1e-9)
    for name, truth, tolerance in (("x", one.x, 1e-9), ("y", one.y, 1e-9), ("x_px", one.px, 1e-6), ("y_px", one.py, 1e-6)):
        np.testing.assert_allclose(states[name], truth, atol=tolerance, err_msg=name)
    assert states.unit == "m"
    assert set(states["status"]) == {"observed"}
    assert validate(states) == []


@each
def test_the_fall_gives_its_gravity_and_its_future(layout: Layout, tmp_path: Path):
    states = import_tracks(layout.file(tmp_path, fall(seed=4)), **layout.options)
    fit = kinescribe.fit(states, law="free-fall")
    gravity = fit.estimates["gravity"]
    assert 0 < gravity.sigma < 0.05
    assert abs(gravity.value - GRAVITY) < 2.5 * gravity.sigma
    until = (len(states) + 5) * INTERVAL
    future = kinescribe.predict(states, fit, until=until)
    y = 1.2 + 0.5 * future["time_s"] - GRAVITY / 2 * future["time_s"] ** 2
    assert future["time_s"].max() == pytest.approx(until, abs=INTERVAL)
    np.testing.assert_allclose(future["y"], y, atol=0.01)


def test_errors_and_derivatives_are_those_of_the_drawing(tmp_path: Path):
    true, errors, speeds = NOISE_PX / SCALE, [], []
    for seed in range(6):
        states = import_tracks(LAYOUTS[0].file(tmp_path, fall(seed)), **LAYOUTS[0].options)
        errors.append(states["sigma_y"][0])
        truth = 0.5 - GRAVITY * states["time_s"]
        speeds.append((states["vy"] - truth) / states["sigma_vy"])
        assert states["ay"][20] == pytest.approx(-GRAVITY, abs=5 * states["sigma_ay"][20])
    assert np.mean(errors) == pytest.approx(true, rel=0.25)
    assert 0.3 < np.sqrt(np.mean(np.square(speeds))) < 2


def test_without_smoothing_only_what_the_file_holds(tmp_path: Path):
    states = import_tracks(LAYOUTS[0].file(tmp_path, fall()), smooth=False, **LAYOUTS[0].options)
    assert np.isnan(states["vx"]).all()
    assert np.isnan(states["sigma_x"]).all()
    fit = kinescribe.fit(states, law="free-fall")
    assert fit.estimates["gravity"].value == pytest.approx(GRAVITY, abs=0.1)


def test_whole_pixels_have_the_error_of_rounding(tmp_path: Path):
    path = tmp_path / "slow.csv"
    rows = [f"{i},{round(30 + 0.07 * i)},{50},0" for i in range(80)]
    path.write_text("\n".join(["frame,x,y,particle", *rows]))
    states = import_tracks(path, frame_interval=0.1)
    assert 0.1 < states["sigma_x"][0] < 0.6
    assert states["vx"][40] == pytest.approx(0.7, abs=0.15)


def test_a_table_that_was_imported_can_be_saved_and_read(tmp_path: Path):
    states = import_tracks(LAYOUTS[-1].file(tmp_path, fall()), **LAYOUTS[-1].options)
    states.to_csv(tmp_path / "states.csv")
    again = kinescribe.states.read(tmp_path / "states.csv")
    assert again.meta == states.meta
    assert again.meta.calibration == CALIBRATION
    np.testing.assert_allclose(again["y"], states["y"], rtol=1e-8)


def test_importing_loads_nothing_heavy():
    import subprocess

    code = "import kinescribe.annotation.importing, sys; print(*{n.split('.')[0] for n in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"torch", "pandas", "scipy", "httpx", "cv2", "supervision", "matplotlib", "defusedxml"} & set(loaded)
