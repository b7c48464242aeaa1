"""Parts of one body that differ in colour and move differently are objects of their own, from the video to the table."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from jointed_scene import JointedScene, jointed_scene, stiff, swinging, toppling

import kinescribe as ks
from kinescribe.states import States


@functools.cache
def states_of(name: str, objects: str | None = None) -> tuple[JointedScene, States]:
    scene = {"swinging": swinging, "toppling": toppling, "stiff": stiff}[name]()
    return scene, ks.extract_states(scene.images, times=scene.times, objects=objects)


def labels(states: States) -> dict[str, int]:
    return {about.label: number for number, about in states.meta.objects.items()}


def column(states: States, label: str, *names: str) -> np.ndarray:
    (number,) = (i for text, i in labels(states).items() if text == label)
    return np.stack([states[name][states["object_id"] == number] for name in names], axis=-1)


def axis_errors(states: States, label: str, truth: np.ndarray) -> np.ndarray:
    """Degrees, of a rod that looks the same from behind; `truth` from the vertical, clockwise."""
    off = column(states, label, "angle")[:, 0] - (truth - np.pi / 2)
    return np.abs(np.degrees((off + np.pi / 2) % np.pi - np.pi / 2))


def test_cart_pole_and_axle_are_three_objects_without_any_prompt() -> None:
    scene, states = states_of("swinging")
    bodies = {label for label, i in labels(states).items() if states.meta.objects[i].part_of is None}
    assert bodies == {"black box 1", "orange rod 1", "blue disc 1"}
    assert all(about.frames_seen == len(scene.images) for about in states.meta.objects.values())


def test_named_parts_bear_their_names_and_the_others_are_left_out() -> None:
    _, states = states_of("swinging", "black cart, brown pole")
    bodies = {label for label, i in labels(states).items() if states.meta.objects[i].part_of is None}
    assert bodies == {"black cart", "brown pole"}


@pytest.mark.parametrize("name", ["swinging", "toppling"])
def test_places_sizes_and_angles_are_right_though_parts_hide_each_other(name: str) -> None:
    scene, states = states_of(name, "black cart, brown pole")
    cart, pole = column(states, "black cart", "x_px", "y_px"), column(states, "brown pole", "x_px", "y_px")
    assert np.hypot(*(cart - scene.cart).T).max() < 1.0
    assert np.median(np.hypot(*(cart - scene.cart).T)) < 0.2
    assert np.median(np.hypot(*(pole - scene.pole).T)) < 0.8
    assert np.hypot(*(pole - scene.pole).T).max() < 2.5
    errors = axis_errors(states, "brown pole", scene.angles)
    assert errors.mean() < 0.25
    assert errors.max() < 0.7
    np.testing.assert_allclose(column(states, "black cart", "width", "height")[0], (50, 30), atol=2)
    np.testing.assert_allclose(column(states, "brown pole", "width", "height")[0], (80, 10), atol=2.6)


@pytest.mark.parametrize("name", ["swinging", "toppling"])
def test_the_pivot_is_a_point_of_the_pole(name: str) -> None:
    scene, states = states_of(name, "black cart, brown pole")
    pivot = column(states, "pivot of brown pole", "x_px", "y_px")
    assert np.hypot(*(pivot - scene.pivot).T).max() < 1.0
    numbers = labels(states)
    assert states.meta.objects[numbers["pivot of brown pole"]].part_of == numbers["brown pole"]


def test_without_an_axle_the_pivot_is_found_from_the_motion() -> None:
    k = np.arange(40)
    scene = jointed_scene(0.6 * np.sin(k / 6), 150 + 40 * np.sin(k / 11), axle=False)
    states = ks.extract_states(scene.images, times=scene.times)
    pivot = column(states, "pivot of orange rod 1", "x_px", "y_px")
    assert np.hypot(*(pivot - scene.pivot).T).max() < 1.0


def test_points_of_bodies_can_be_left_out() -> None:
    scene = swinging()
    states = ks.extract_states(scene.images, times=scene.times, ends=False)
    assert not any(label.startswith("pivot") for label in labels(states))


def test_what_never_moves_against_the_rest_is_the_same_body() -> None:
    _, states = states_of("stiff")
    assert len([i for i, about in states.meta.objects.items() if about.part_of is None]) == 1


def test_parts_that_are_named_need_not_have_moved() -> None:
    scene, states = states_of("stiff", "black cart, brown pole")
    assert {"black cart", "brown pole"} <= set(labels(states))
    cart = column(states, "black cart", "x_px", "y_px")
    assert np.hypot(*(cart - scene.cart).T).max() < 1.0


@pytest.mark.parametrize("lean", [-0.3, 0.3])
def test_a_pole_points_away_from_its_cart_whichever_way_it_leans(lean: float) -> None:
    scene = jointed_scene(lean + 0.2 * np.sin(np.arange(24) / 4), 150 + 30 * np.sin(np.arange(24) / 9))
    for objects in (None, "black cart, brown pole"):
        states = ks.extract_states(scene.images, times=scene.times, objects=objects)
        angle = column(states, "orange rod 1" if objects is None else "brown pole", "angle")[:, 0]
        np.testing.assert_allclose(angle, scene.angles - np.pi / 2, atol=0.02)


def test_four_frames_of_named_parts_show_the_whole_pole_though_its_axle_hides_the_foot() -> None:
    scene = jointed_scene(np.array([0.03, 0.04, 0.05, 0.06]), 150 + 0.5 * np.arange(4))
    states = ks.extract_states(scene.images, times=scene.times, objects="black cart, brown pole, blue disc")
    np.testing.assert_allclose(column(states, "brown pole", "width", "height")[0], (80, 10), atol=2.6)
    assert np.hypot(*(column(states, "brown pole", "x_px", "y_px") - scene.pole).T).max() < 1.0
    assert axis_errors(states, "brown pole", scene.angles).max() < 0.5


def test_gymnasiums_cart_pole() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    pytest.importorskip("pygame")
    world = gymnasium.make("CartPole-v1", render_mode="rgb_array").unwrapped
    world.reset(seed=1)
    rng = np.random.default_rng(1)
    images, truth = [], []
    for _ in range(40):
        images.append(world.render()[..., ::-1])
        truth.append(world.state)
        world.step(int(rng.integers(2)))
    world.close()
    x, lean = np.array(truth)[:, 0] * 125 + 300, np.array(truth)[:, 2]
    states = ks.extract_states(np.ascontiguousarray(images), times=np.arange(40) * 0.02, objects="black cart, brown pole")
    # it is drawn at whole pixels, rounded down: half a pixel on average is the picture's own
    assert np.abs(column(states, "black cart", "x_px")[:, 0] - x).max() < 1.1
    assert axis_errors(states, "brown pole", lean).mean() < 0.5
    pivot = column(states, "pivot of brown pole", "x_px", "y_px")
    assert np.hypot(pivot[:, 0] - x, pivot[:, 1] - 292).mean() < 1.0
