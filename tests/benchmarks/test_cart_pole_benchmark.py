from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gymnasium", reason="needs the extra [bench]")
pytest.importorskip("pygame", reason="needs gymnasium[classic-control]")


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


def test_the_whole_chain(benchmark, monkeypatch, tmp_path):
    monkeypatch.setattr(benchmark, "TRAINING", 4)
    monkeypatch.setattr(benchmark, "TRAINING_STEPS", 24)
    out = tmp_path / "out.json"
    asked = ["--law", "cart-pole", "--episodes", "1", "--json", str(out), "--pictures", str(tmp_path / "pictures")]
    assert benchmark.main(asked) == 0
    found = {(record["case"], record["measure"]): record["value"] for record in json.loads(out.read_text())}
    assert found["cart-pole", "angle"] < 2.0
    assert found["cart-pole", "cart"] < 3.0
    assert found["cart-pole", "psnr"] > found["last frame repeated", "psnr"]
    assert found["cart-pole/twice the pole", "psnr"] > 25.0
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 2
