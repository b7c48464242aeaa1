"""What neighbouring frames' errors share: told by two looks, and by the sides of a rigid body."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from drawn import line, track_of

from kinescribe.perception.sightings import Sightings
from kinescribe.tracking.drift import Drift, turn_by_stretch
from kinescribe.tracking.refinement import refine
from kinescribe.tracking.tracks import Track

FRAMES, LENGTH, WIDTH = 120, 17.0, 10.0
SIZE = (900, 400)
PATH = line((60, 60), (4, 1), FRAMES)
AGES = np.arange(FRAMES)
SLOW, FAST = np.sin(AGES * 4 * np.pi / FRAMES), np.cos(2.5 * AGES)


def box(sides: np.ndarray | None = None, angles: np.ndarray | None = None, **fields: Any) -> Track:
    """A box's track, seen in all frames; `sides`: (n, 2) to add to its own."""
    sizes = np.tile([LENGTH, WIDTH], (FRAMES, 1)) + (0 if sides is None else sides)
    at = np.full(FRAMES, 0.3) if angles is None else angles
    return replace(
        track_of(1, PATH, 7.0),
        **{"sizes": sizes, "shapes": ["box"] * FRAMES, "angles": at, "angle_sigmas": np.full(FRAMES, 0.02), **fields},
    )


def found(turns: np.ndarray, axis: float = 0.0) -> Sightings:
    ys, xs = np.mgrid[-15:16, -15:16]
    along, across = xs * np.cos(axis) + ys * np.sin(axis), ys * np.cos(axis) - xs * np.sin(axis)
    return Sightings(
        frames=AGES,
        positions=PATH.copy(),
        covariances=np.tile(np.eye(2) * 0.01, (FRAMES, 1, 1)),
        turns=turns,
        turn_sigmas=np.where(np.isfinite(turns), 0.003, np.nan),
        gains=np.full(FRAMES, 0.95),
        visible=np.ones(FRAMES),
        ends=np.full((FRAMES, 2, 2), np.nan),
        end_covariances=np.full((FRAMES, 2, 2, 2), np.nan),
        body=(np.abs(along) <= LENGTH / 2) & (np.abs(across) <= WIDTH / 2),
        anchor=np.array([15.0, 15.0]),
    )


@pytest.mark.parametrize(("length", "width"), [(17.0, 10.0), (30.0, 4.0), (11.0, 8.0)])
def test_outlines_that_err_turn_a_body_as_much_more_than_they_stretch_it_as_told(length: float, width: float) -> None:
    rng = np.random.default_rng(5)
    along, across = (np.arange(-side / 2 + 0.05, side / 2, 0.1) for side in (length, width))
    x = np.concatenate([along, along, np.full(len(across), length / 2), np.full(len(across), -length / 2)])
    y = np.concatenate([np.full(len(along), width / 2), np.full(len(along), -width / 2), across, across])
    area, second = length * width, np.array([length, width]) ** 2 / 12
    turns, stretches = [], []
    for _ in range(4000):
        off = rng.normal(0, 0.05, len(x)) * 0.1
        total = area + off.sum()
        cx, cy = (off * x).sum() / total, (off * y).sum() / total
        xx, yy = (area * second + [(off * x * x).sum(), (off * y * y).sum()]) / total - [cx * cx, cy * cy]
        turns.append(0.5 * np.arctan2(2 * ((off * x * y).sum() / total - cx * cy), xx - yy))
        stretches.append((xx - yy) / (second[0] - second[1]))
    assert np.std(turns) / np.std(stretches) == pytest.approx(turn_by_stretch(length / 2, width / 2), rel=0.06)


def test_a_body_that_seems_to_stretch_slowly_is_turned_by_as_much() -> None:
    grown = np.sqrt(1 + 0.2 * SLOW)[:, None] * [LENGTH, WIDTH] - [LENGTH, WIDTH]  # its elongation by 20 %
    drift = Drift.of(box(grown))
    expected = 0.2 / np.sqrt(2) * turn_by_stretch(LENGTH / 2, WIDTH / 2)
    assert drift.turn == pytest.approx(expected, rel=0.1)
    # a body that moves in depth changes as slowly, and both looks turn with it
    assert drift.quick_turn < 0.5 * drift.turn
    assert Drift.of(box(0.5 * FAST[:, None] * [1, -1])).turn == 0  # noise of each frame's own
    assert Drift.of(box()) == Drift()


def test_what_a_small_body_is_called_does_not_stretch_it() -> None:
    # a small blob's sides are an ellipse's, a box's those of a rectangle of the same second moments
    called = np.arange(FRAMES) // 10 % 2 == 0
    sizes = np.where(called[:, None], 1.0, np.sqrt(16 / 12)) * [14.0, 8.0]
    drift = Drift.of(
        box(sizes=sizes, shapes=["box" if one else "blob" for one in called], areas=np.where(AGES % 7 == 0, 155.0, 115.0)),
    )
    assert drift.turn < 1e-6
    assert drift.place < 1e-6


def test_a_side_that_errs_at_either_end_moves_the_middle_by_half() -> None:
    rng = np.random.default_rng(2)
    kernel = np.ones(3) / np.sqrt(3)  # what neighbouring frames share, and no longer a few frames on
    ends = 0.2 * np.stack([np.convolve(rng.normal(size=FRAMES + 2), kernel, "valid") for _ in range(4)], 1)
    sides, middle = ends[:, :2] + ends[:, 2:], (ends[:, :2] - ends[:, 2:]) / 2
    # two thirds of a mean of three are shared with the next one
    assert Drift.of(box(sides)).place == pytest.approx(np.sqrt(2 / 3) * middle.std(), rel=0.3)
    assert Drift.of(box(20 * sides)).place <= 0.5  # a walker's strides are no errors of its outline
    assert Drift.of(box(sides, phrases=["x"] * FRAMES, partial=np.ones(FRAMES, bool))).place == 0


def test_an_angle_without_a_turn_of_its_look_has_the_error_of_its_outline() -> None:
    grown = np.sqrt(1 + 0.2 * SLOW)[:, None] * [LENGTH, WIDTH] - [LENGTH, WIDTH]
    expected = 0.2 / np.sqrt(2) * turn_by_stretch(LENGTH / 2, WIDTH / 2)
    for sightings in (None, found(np.full(FRAMES, np.nan), 0.3)):
        better, _ = refine(box(grown), sightings, SIZE)
        assert better.angle_drift == pytest.approx(expected, rel=0.1)


def test_what_both_looks_have_in_common_is_seen_in_the_sides() -> None:
    # a codec's errors, a few frames long: the first look leaves the same ones behind as the second
    rng = np.random.default_rng(4)
    kernel = np.ones(4) / 2
    turning = np.convolve(rng.normal(size=FRAMES + 3), kernel, "valid") * 0.04
    stretching = np.convolve(rng.normal(size=FRAMES + 3), kernel, "valid") * 0.04 / turn_by_stretch(LENGTH / 2, WIDTH / 2)
    grown = np.sqrt(1 + stretching)[:, None] * [LENGTH, WIDTH] - [LENGTH, WIDTH]
    own = rng.normal(0, 0.002, FRAMES)
    truth = AGES * 0.02
    track = box(grown, truth + turning + own, angle_sigmas=np.full(FRAMES, 0.01))
    better, _ = refine(track, found(truth + turning), SIZE)
    assert better.angle_drift == pytest.approx(0.04 * np.sqrt(3 / 4), rel=0.35)
    # the sides of a body that does not err don't matter where the looks differ by more
    steady, _ = refine(box(None, truth + own), found(truth), SIZE)
    assert steady.angle_drift < 0.002


def test_the_axis_of_all_frames_is_known_as_well_as_their_median() -> None:
    ratios = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth = 0.4 + AGES * 0.03
        track = box(None, truth + rng.normal(0, 0.05, FRAMES), angle_sigmas=np.full(FRAMES, 0.05))
        better, _ = refine(track, found(truth - 0.4 + rng.normal(0, 0.001, FRAMES), 0.45), SIZE)
        away = (better.angles - truth + np.pi / 2) % np.pi - np.pi / 2
        ratios.append(abs(np.mean(away)) / better.angle_drift)
    assert 0.85 <= np.mean(np.array(ratios) <= 2) <= 1
    assert np.mean(np.array(ratios) <= 1) == pytest.approx(0.68, abs=0.2)


def test_an_axis_on_which_the_looks_disagree_may_be_either_one_s() -> None:
    truth = 0.4 + AGES * 0.03
    better, _ = refine(box(None, truth), found(truth - 0.4, 0.8), SIZE)
    away = np.abs((better.angles - truth + np.pi / 2) % np.pi - np.pi / 2).mean()
    assert away > 0.2
    assert better.angle_drift > away / 2


def test_a_body_that_turns_is_not_given_one_angle_because_few_outlines_tell_it() -> None:
    truth = 0.3 + AGES * 0.03
    seen = AGES % 6 == 0
    track = box(None, np.where(seen, truth, np.nan), angle_sigmas=np.where(seen, 0.05, np.nan))
    better, _ = refine(track, found(np.full(FRAMES, np.nan), 0.3), SIZE)
    np.testing.assert_array_equal(np.isfinite(better.angles), seen)
    np.testing.assert_allclose(better.angles[seen], truth[seen])
    # one that doesn't has it in all frames
    still = box(None, np.where(seen, 0.3, np.nan), angle_sigmas=np.where(seen, 0.05, np.nan))
    better, _ = refine(still, found(np.full(FRAMES, np.nan), 0.3), SIZE)
    np.testing.assert_allclose(better.angles, 0.3, atol=0.02)
