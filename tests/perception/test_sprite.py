"""A body's look, learned from its frames, tells where it is: also half hidden, turned, or partly out of the picture."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kinescribe.evaluation.scenes.drawing import Coverage, disc_coverage, paint, rectangle_coverage, textured
from kinescribe.perception.classical.appearance import Cutout, learn_sprite, search
from kinescribe.perception.classical.sprite import Sprite, register

SIDE = 120
PLATE = textured(SIDE, SIDE, (196.0, 200.0, 202.0), 4.0, 0)
SIGMA = np.full((SIDE, SIDE), 2.0, np.float32)
ASLANT = 0.35  # rad: edges along the grid meet each pixel at the same phase
NO_OFFSET = np.zeros(3, np.float32)
SIZES = {"disc": (24.0, 24.0), "box": (36.0, 22.0), "rod": (60.0, 9.0)}


def coverage(kind: str, place: tuple[float, float], angle: float) -> Coverage:
    if kind == "disc":
        return disc_coverage(place, SIZES[kind][0] / 2, SIDE, SIDE)
    return rectangle_coverage(place, SIZES[kind], angle, 0.0, SIDE, SIDE)


def picture(kind: str | None, place: tuple[float, float] = (60, 60), angle: float = 0.0, noise: float = 2.0, seed: int = 0) -> np.ndarray:
    image = PLATE.copy()
    if kind:
        paint(image, coverage(kind, place, angle), (48.0, 44.0, 208.0))
    image += np.random.default_rng([seed + 100, 9]).normal(0, noise, image.shape).astype(np.float32)
    return np.clip(image.round(), 0, 255).astype(np.uint8)


def cutout(kind: str, place: tuple[float, float], angle: float = 0.0, seed: int = 0) -> Cutout:
    mask = np.zeros((SIDE, SIDE), bool)
    rows, columns, alpha = coverage(kind, place, angle)
    mask[rows, columns] = alpha > 0.4
    return Cutout(picture(kind, place, angle, seed=seed), PLATE, SIGMA, NO_OFFSET, np.array(place, float), mask)


def learned(kind: str, angle: float = 0.0) -> Sprite:
    rng = np.random.default_rng(4)
    places = [(58.3, 61.2), *((60 + x, 60 + y) for x, y in rng.uniform(-5, 5, (6, 2)))]
    sprite = learn_sprite([cutout(kind, place, angle, seed) for seed, place in enumerate(places)], 0)
    assert sprite is not None
    return sprite


@pytest.mark.parametrize("kind", ["disc", "box", "rod"])
def test_the_sprite_is_the_body_s_size(kind: str) -> None:
    area = math.pi * 12**2 if kind == "disc" else SIZES[kind][0] * SIZES[kind][1]
    assert float(learned(kind).alpha.sum()) == pytest.approx(area, rel=0.08)


@pytest.mark.parametrize("kind", list(SIZES))
def test_the_anchor_is_the_centroid(kind: str) -> None:
    sprite = learned(kind, ASLANT)
    pose = register(sprite, picture(kind, (62.4, 59.7), ASLANT, seed=50), PLATE, NO_OFFSET, np.array([62.4, 59.7]))
    assert pose is not None
    assert np.hypot(*(pose.position - [62.4, 59.7])) < 0.08


@pytest.mark.parametrize("kind", list(SIZES))
def test_steps_are_measured_finely(kind: str) -> None:
    # whatever constant offset the anchor has falls out of a difference
    sprite, errors, sigmas = learned(kind, ASLANT), [], []
    rng = np.random.default_rng(5)
    for seed in range(25):
        place = 60 + rng.uniform(-4, 4, 2)
        pose = register(sprite, picture(kind, tuple(place), ASLANT, seed=100 + seed), PLATE, NO_OFFSET, place + rng.uniform(-1, 1, 2))
        assert pose is not None
        assert pose.gain > 0.9
        assert pose.visible == pytest.approx(1.0, abs=0.01)
        errors.append(pose.position - place)
        sigmas.append(np.sqrt(np.diag(pose.covariance)))
    spread = np.std(errors, axis=0)
    assert spread.max() < 0.04
    assert (spread < 3.5 * np.mean(sigmas, axis=0)).all()
    assert (np.mean(sigmas, axis=0) < 2.5 * spread + 0.02).all()


@pytest.mark.parametrize("kind", ["box", "rod"])
@pytest.mark.parametrize("turn", [-0.3, 0.1, 0.35])
def test_a_turn_is_clockwise_on_the_screen(kind: str, turn: float) -> None:
    sprite = learned(kind)
    assert sprite.turns
    pose = register(sprite, picture(kind, (61.0, 60.4), turn, seed=7), PLATE, NO_OFFSET, np.array([60.6, 60.8]), 0.6 * turn)
    assert pose is not None
    assert pose.turn == pytest.approx(turn, abs=0.012)


@pytest.mark.parametrize("kind", ["box", "rod"])
@pytest.mark.parametrize("turn", [-0.3, 0.1, 0.35])
def test_a_turned_body_keeps_its_centre(kind: str, turn: float) -> None:
    pose = register(learned(kind), picture(kind, (61.0, 60.4), turn, seed=7), PLATE, NO_OFFSET, np.array([60.6, 60.8]), 0.6 * turn)
    assert pose is not None
    assert np.hypot(*(pose.position - [61.0, 60.4])) < 0.15


def test_a_plain_disc_tells_no_turn() -> None:
    sprite = learned("disc")
    assert not sprite.turns
    pose = register(sprite, picture("disc", (61, 60)), PLATE, NO_OFFSET, np.array([60.5, 60.5]))
    assert pose is not None
    assert math.isnan(pose.turn_sigma)


def test_half_hidden() -> None:
    sprite = learned("disc")
    whole = register(sprite, picture("disc", (60.4, 60.2)), PLATE, NO_OFFSET, np.array([60.0, 60.0]))
    image = picture("disc", (60.4, 60.2))
    image[:, 65:] = 60  # a dark post over a third of it
    pose = register(sprite, image, PLATE, NO_OFFSET, np.array([60.0, 60.0]))
    assert pose is not None
    assert whole is not None
    assert np.hypot(*(pose.position - whole.position)) < 0.6


def test_partly_out_of_the_picture() -> None:
    sprite = learned("disc")
    centred = register(sprite, picture("disc", (60.4, 60.2)), PLATE, NO_OFFSET, np.array([60.0, 60.0]))
    pose = register(sprite, picture("disc", (2.4, 60.2)), PLATE, NO_OFFSET, np.array([3.0, 60.0]))
    assert pose is not None
    assert centred is not None
    bias = centred.position - [60.4, 60.2]
    assert np.hypot(*(pose.position - bias - [2.4, 60.2])) < 0.15
    assert 0.4 < pose.visible < 0.8


def test_an_exposure_offset_is_taken_out() -> None:
    sprite = learned("disc")
    image = picture("disc", (60.4, 60.2))
    plain = register(sprite, image, PLATE, NO_OFFSET, np.array([60.0, 60.0]))
    lifted = register(
        sprite, np.clip(image.astype(int) + 9, 0, 255).astype(np.uint8), PLATE, np.full(3, 9, np.float32), np.array([60.0, 60.0])
    )
    assert plain is not None
    assert lifted is not None
    assert np.hypot(*(plain.position - lifted.position)) < 0.02


def test_nothing_there_is_not_found() -> None:
    sprite = learned("disc")
    pose = register(sprite, picture(None), PLATE, NO_OFFSET, np.array([60.0, 60.0]))
    assert pose is None or pose.gain < 0.3
    found = search(sprite, picture(None), PLATE, NO_OFFSET, np.array([60.0, 60.0]), 20.0)
    assert found is None or found.gain < 0.3


@pytest.mark.parametrize("kind", list(SIZES))
def test_search_finds_it_some_way_off(kind: str) -> None:
    sprite = learned(kind)
    pose = search(sprite, picture(kind, (70.3, 51.6), seed=3), PLATE, NO_OFFSET, np.array([60.0, 60.0]), 16.0)
    assert pose is not None
    assert pose.gain > 0.9
    assert np.hypot(*(pose.position - [70.3, 51.6])) < 1.0


def test_search_does_not_look_beyond_the_picture() -> None:
    assert search(learned("disc"), picture(None), PLATE, NO_OFFSET, np.array([-300.0, 60.0]), 10.0) is None


def test_pieces_that_move_along_are_put_together_again() -> None:
    whole = [cutout("box", (60 + 2.3 * k, 60 - 1.1 * k), seed=k) for k in range(-3, 4)]
    pieces = []
    for item in whole:  # the first look saw the left two thirds only
        mask = item.mask.copy()
        columns = np.flatnonzero(mask.any(0))
        mask[:, columns[len(columns) * 2 // 3] :] = False
        ys, xs = np.nonzero(mask)
        pieces.append(Cutout(item.image, item.plate, item.sigma, item.offset, np.array([xs.mean(), ys.mean()]), mask))
    sprite = learn_sprite(pieces, 3)
    assert sprite is not None
    assert float(sprite.alpha.sum()) == pytest.approx(36 * 22, rel=0.1)


def test_too_small_to_learn() -> None:
    item = cutout("disc", (60, 60))
    mask = np.zeros_like(item.mask)
    mask[60, 60] = True
    assert learn_sprite([Cutout(item.image, item.plate, item.sigma, item.offset, item.position, mask)], 0) is None
