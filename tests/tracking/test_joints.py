"""The point about which two bodies turn, and what it tells of a body that is seen in part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinescribe.tracking.joints import Jointed, find_joints, pivot_point, placed_by_joint

N = 60
K = np.arange(N)
PIVOT_IN_BASE, PIVOT_IN_ARM = np.array([5.0, -7.0]), np.array([-40.0, 3.0])


def turned(angles: np.ndarray, point: np.ndarray) -> np.ndarray:
    c, s = np.cos(angles), np.sin(angles)
    return np.stack([c * point[0] - s * point[1], s * point[0] + c * point[1]], axis=1)


def body(number: int, positions: np.ndarray, angles: np.ndarray, length: float, noise: float = 0.1) -> Jointed:
    rng = np.random.default_rng(number)
    return Jointed(
        number,
        K,
        K * 0.02,
        positions + rng.normal(0, noise, (N, 2)),
        np.full((N, 2), max(noise, 0.01)),
        angles,
        np.full(N, 0.003),
        np.ones(N, bool),
        length,
    )


def pair(swing: float = 0.7, noise: float = 0.1) -> tuple[Jointed, Jointed, np.ndarray]:
    """A base that turns a little, an arm that swings on it, and the pivot's path."""
    base_angles, arm_angles = 0.05 * np.sin(K / 9), 1.3 + swing * np.sin(K / 7)
    base = np.stack([200 + 2.0 * K, 100 + 10 * np.sin(K / 10)], axis=1)
    pivot = base + turned(base_angles, PIVOT_IN_BASE)
    arm = pivot - turned(arm_angles, PIVOT_IN_ARM)
    return body(0, base, base_angles, 50.0, noise), body(1, arm, arm_angles, 90.0, noise), pivot


def test_the_joint_is_where_the_bodies_turn_about_each_other() -> None:
    base, arm, pivot = pair()
    (joint,) = find_joints([base, arm])
    assert joint.arm is arm
    np.testing.assert_allclose(joint.in_base, PIVOT_IN_BASE, atol=0.3)
    np.testing.assert_allclose(joint.in_arm, PIVOT_IN_ARM, atol=0.3)
    assert np.hypot(*(pivot_point(joint).positions - pivot).T).max() < 0.6


def test_its_uncertainty_covers_its_error() -> None:
    base, arm, pivot = pair(noise=0.3)
    (joint,) = find_joints([base, arm])
    point = pivot_point(joint)
    within = np.abs(point.positions - pivot) <= 2 * point.sigmas
    assert within.mean() > 0.85


@pytest.mark.parametrize("swing", [0.0, 0.02])
def test_bodies_that_hardly_turn_have_none(swing: float) -> None:
    base, arm, _ = pair(swing)
    assert find_joints([base, arm]) == []


def test_bodies_that_move_freely_have_none() -> None:
    base, arm, _ = pair()
    free = replace(arm, positions=arm.positions + np.stack([30 * np.sin(K / 4), 20 * np.cos(K / 6)], axis=1))
    assert find_joints([base, free]) == []


def test_a_round_base_is_the_pin_itself() -> None:
    _, arm, pivot = pair()
    pin = body(2, pivot, np.full(N, np.nan), 10.0)
    (joint,) = find_joints([pin, arm])
    np.testing.assert_allclose(joint.in_base, 0)
    np.testing.assert_allclose(joint.in_arm, PIVOT_IN_ARM, atol=0.3)


def test_of_a_pin_and_a_base_at_one_place_the_base_is_told() -> None:
    base, arm, pivot = pair()
    (joint,) = find_joints([body(2, pivot, np.full(N, np.nan), 10.0), base, arm])
    assert joint.base is base


def test_an_arm_seen_in_part_is_held_by_its_joint() -> None:
    base, arm, _ = pair()
    positions, sound = arm.positions.copy(), arm.sound.copy()
    positions[20:30] += (9.0, -4.0)
    sound[20:25] = False  # the rest is wrong without a sign of it
    (joint,) = find_joints([base, replace(arm, positions=positions, sound=sound)])
    rows, held, covariances = placed_by_joint(joint)
    assert rows.tolist() == list(range(20, 30))
    assert np.hypot(*(held - arm.positions[20:30]).T).max() < 0.8
    assert (np.linalg.eigvalsh(covariances) > 0).all()
