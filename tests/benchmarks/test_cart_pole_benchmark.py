from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kinescribe.states import Calibration, Metadata, States

pytest.importorskip("gymnasium", reason="needs the extra [bench]")
pytest.importorskip("pygame", reason="needs gymnasium[classic-control]")

META = Metadata(calibration=Calibration.pixels())


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    import cart_pole

    return cart_pole


@pytest.fixture
def world(benchmark):
    made = benchmark.World()
    yield made
    made.close()


def test_an_episode_is_gymnasiums_and_comes_again(world):
    one, again, other = world.episode(3, 5), world.episode(3, 5), world.episode(4, 5)
    assert one.images.shape == (6, 400, 600, 3)
    np.testing.assert_array_equal(one.images, again.images)
    np.testing.assert_array_equal(one.actions, again.actions)
    assert np.abs(one.states[0] - other.states[0]).max() > 1e-3
    # the push acts on the speed first, and the place follows a step later
    np.testing.assert_allclose(one.states[1, 0] - one.states[0, 0], 0.02 * one.states[0, 1], atol=1e-12)
    assert np.sign(one.states[1, 1] - one.states[0, 1]) == 2 * one.actions[0] - 1
    np.testing.assert_array_equal(world.drawn(one.states[2, 0], one.states[2, 2]), one.images[2])


def test_twice_the_pole_is_twice_as_long_falls_more_slowly_and_leaves_the_world_as_it_was(world):
    start, actions = np.array([0.0, 0.0, 0.05, 0.0]), np.ones(10, int)
    short, long, again = (world.replay(start, actions, half_length=half) for half in (0.5, 1.0, 0.5))
    brown = [(np.abs(one.images[0].astype(int) - (101, 152, 202)).max(axis=-1) < 3).sum() for one in (short, long)]
    assert brown[1] == pytest.approx(2 * brown[0], rel=0.1)
    assert abs(long.states[-1, 2]) < abs(short.states[-1, 2])
    np.testing.assert_array_equal(short.images, again.images)


def told(episode):
    """The table of an episode as a perception without errors would make it, of what is drawn half a pixel to the left and above."""
    x, lean = episode.states[:, 0] * 125 + 299.5, episode.states[:, 2]
    # label, shape, sides, place, angle
    things = [
        ("black cart", "box", (51.0, 31.0), (x, np.full_like(x, 299.0)), 0.0 * lean),
        ("brown pole", "rod", (125.0, 11.0), (x + 57.5 * np.sin(lean), 291.5 - 57.5 * np.cos(lean)), lean - np.pi / 2),
        ("blue disc", "disc", (11.0, 11.0), (x, np.full_like(x, 292.0)), np.nan * lean),
    ]
    count = len(x)
    parts = [
        {
            "frame": np.arange(count), "time_s": episode.times, "object_id": np.full(count, k), "label": [label] * count,
            "x": place[0], "y": place[1], "x_px": place[0], "y_px": place[1], "angle": angle, "shape": [shape] * count,
            "width": np.full(count, sides[0]), "height": np.full(count, sides[1]), "status": ["observed"] * count,
            "sigma_x": np.full(count, 0.3), "sigma_y": np.full(count, 0.3), "sigma_angle": np.full(count, 0.003),
        }
        for k, (label, shape, sides, place, angle) in enumerate(things, 1)
    ]  # fmt: skip
    return States.from_columns({name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, META)


def test_a_frame_that_the_prediction_lacks_is_no_neighbour_s(benchmark, world):
    states = told(world.episode(3, 5))
    assert benchmark.course(states, [1, 2])[0] == pytest.approx(states.of(1)["x_px"][1:3])
    columns = {name: values[states["frame"] != 2] for name, values in states.columns.items()}
    with pytest.raises(ValueError, match="black cart in frames 2"):
        benchmark.course(States.from_columns(columns, META), [1, 2, 3])


def test_the_whole_chain(benchmark, monkeypatch, tmp_path):
    """Perception of long episodes takes its time, and has tests of its own: here it sees the four frames alone."""
    see = benchmark.states_of
    monkeypatch.setattr(benchmark, "states_of", lambda episode: told(episode) if len(episode.times) > benchmark.FIRST else see(episode))
    monkeypatch.setattr(benchmark, "TRAINING", 6)
    monkeypatch.setattr(benchmark, "TRAINING_STEPS", 30)
    out = tmp_path / "out.json"
    asked = ["--law", "cart-pole", "--episodes", "1", "--json", str(out), "--pictures", str(tmp_path / "pictures")]
    assert benchmark.main(asked) == 0
    found = {(record["case"], record["measure"]): record["value"] for record in json.loads(out.read_text())}
    assert found["cart-pole", "angle"] < 2.0
    assert found["cart-pole", "cart"] < 5.0  # of one episode: its start is four frames' and six others'
    assert found["cart-pole", "psnr"] > found["last frame repeated", "psnr"] + 1.0
    assert found["cart-pole/twice the pole", "psnr"] > 26.0
    assert found["cart-pole/twice the pole", "angle"] < 2.0
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 2
