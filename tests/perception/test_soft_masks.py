"""Logits to coverage: honest sub-pixel outlines, windows instead of whole pictures, no stray patches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from kinescribe.perception.detections import SoftMask
from kinescribe.perception.grounded_sam import masks as soft_masks
from kinescribe.perception.grounded_sam._coverage_cleaning import _cleaned_of_parts
from kinescribe.perception.grounded_sam.masks import cleaned, coverage_of, cut_logits, masks_from_logits

LOW = 64


def disc_logits(x: float, y: float, radius: float, size: tuple[int, int], steepness: float = 3.0, low: int = LOW) -> torch.Tensor:
    """What a model would say of a disc, (1, low, low): logits on its own grid over a picture of (height, width).

    They rise by `steepness` a cell at the outline and level off at 12.
    """
    rows = (np.arange(low) + 0.5) * size[0] / low - 0.5
    columns = (np.arange(low) + 0.5) * size[1] / low - 0.5
    inside = radius - np.hypot(columns[None, :] - x, rows[:, None] - y)
    return torch.from_numpy(12 * np.tanh(inside * steepness * low / size[1] / 12)).float()[None]


def centroid(mask: SoftMask, weights: np.ndarray) -> np.ndarray:
    ys, xs = np.mgrid[0 : weights.shape[0], 0 : weights.shape[1]]
    return np.array([mask.x + (weights * xs).sum() / weights.sum(), mask.y + (weights * ys).sum() / weights.sum()])


@pytest.mark.parametrize("steepness", [1.0, 4.0, 10.0])
@pytest.mark.parametrize(("size", "radius"), [((60, 80), 11.0), ((120, 160), 14.0), ((240, 320), 40.0)])
def test_the_coverage_s_centroid_is_better_than_the_binary_mask_s(size: tuple[int, int], radius: float, steepness: float) -> None:
    rng = np.random.default_rng(5)
    soft, hard, areas = [], [], []
    for _ in range(30):
        place = np.array([size[1] / 2, size[0] / 2]) + rng.uniform(-3, 3, 2)
        (mask,) = masks_from_logits(disc_logits(*place, radius, size, steepness), size, [0.9])
        soft.append(np.hypot(*(centroid(mask, mask.coverage) - place)))
        hard.append(np.hypot(*(centroid(mask, mask.coverage >= 0.5) - place)))
        areas.append(mask.coverage.sum() / (np.pi * radius**2))
    assert np.mean(soft) < 0.6 * np.mean(hard)
    assert np.mean(soft) < 0.02
    assert np.mean(areas) == pytest.approx(1, abs=0.04)


def test_coverage_is_the_share_inside_a_straight_edge_whatever_its_steepness() -> None:
    for steepness in (0.1, 1.0, 30.0):
        for edge in (3.0, 3.2, 3.5, 3.9):
            logits = np.tile((edge - np.arange(8.0)) * steepness, (5, 1)).astype(np.float32)
            expected = np.clip(edge - np.arange(8.0) + 0.5, 0, 1)
            np.testing.assert_allclose(coverage_of(logits), np.tile(expected, (5, 1)), atol=1e-5)


def test_half_coverage_is_where_the_logits_are_positive() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (40, 50)).astype(np.float32)
    np.testing.assert_array_equal(coverage_of(logits) > 0.5, logits > 0)
    np.testing.assert_array_equal(coverage_of(np.zeros((3, 3), np.float32)), np.zeros((3, 3)))
    np.testing.assert_array_equal(coverage_of(np.array([[2.0, -1.0, 3.0]], np.float32)), [[1, 0, 1]])


@settings(max_examples=40)
@given(
    height=st.integers(3, 90),
    width=st.integers(3, 90),
    low=st.integers(2, 24),
    padded=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_a_window_has_the_values_of_the_whole(height: int, width: int, low: int, padded: bool, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, low, low, generator=generator) * 5 - 3
    side = 4 * low
    scale = side / max(height, width)
    used = (max(round(height * scale), 1), max(round(width * scale), 1))
    whole = logits[:, None]
    if padded:
        whole = interpolate(whole, (side, side), mode="bilinear", align_corners=False)[..., : used[0], : used[1]]
    whole = interpolate(whole, (height, width), mode="bilinear", align_corners=False)[:, 0]
    for (x, y, cut), full in zip(cut_logits(logits, (height, width), square=(side, used) if padded else None), whole.numpy(), strict=True):
        h, w = cut.shape
        np.testing.assert_allclose(cut, full[y : y + h, x : x + w], atol=1e-4)
        outside = np.ones((height, width), bool)
        outside[y : y + h, x : x + w] = False
        assert not (full[outside] > 1e-5).any()


def test_windows_are_no_larger_than_the_thing_and_its_rim() -> None:
    ((x, y, cut),) = cut_logits(disc_logits(700.0, 400.0, 60.0, (1080, 1920), low=256), (1080, 1920))
    assert cut.shape[0] < 120 + 2 * 1080 / 256 + 8
    assert cut.shape[1] < 120 + 2 * 1920 / 256 + 8
    assert abs(x + cut.shape[1] / 2 - 700) < 10
    assert abs(y + cut.shape[0] / 2 - 400) < 10


def test_what_lies_far_from_its_box_is_cut_off() -> None:
    size = (120, 160)
    logits = torch.maximum(disc_logits(40.0, 40.0, 12.0, size), disc_logits(120.0, 90.0, 14.0, size))
    (both,) = masks_from_logits(logits, size, [1.0])
    (one,) = masks_from_logits(logits, size, [1.0], boxes=np.array([[28.0, 28.0, 52.0, 52.0]]))
    assert both.coverage.shape[1] > 90
    np.testing.assert_allclose(centroid(one, one.coverage), [40, 40], atol=0.1)


def test_no_mask_where_nothing_is_positive() -> None:
    masks = masks_from_logits(torch.full((2, 16, 16), -1.0), (50, 60), [0.4, 0.5])
    assert [mask.empty for mask in masks] == [True, True]
    assert masks_from_logits(torch.zeros(0, 16, 16), (50, 60), []) == []


def test_scores_are_clipped() -> None:
    masks = masks_from_logits(torch.ones(2, 8, 8), (20, 20), [1.7, -0.3])
    assert [mask.score for mask in masks] == [1.0, 0.0]
    assert all(mask.coverage.shape == (20, 20) for mask in masks)


def test_a_thing_at_the_picture_s_edge_keeps_its_edge() -> None:
    size = (60, 80)
    (mask,) = masks_from_logits(disc_logits(0.0, 30.0, 15.0, size), size, [1.0])
    assert mask.x == 0
    np.testing.assert_allclose(mask.coverage[:, 0].sum(), 30, atol=1.0)


def assert_alike(ours: list[SoftMask], theirs: list[SoftMask], size: tuple[int, int]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        whole = np.zeros((2, *size), np.float32)
        for out, mask in zip(whole, (one, other), strict=True):
            h, w = mask.coverage.shape
            out[mask.y : mask.y + h, mask.x : mask.x + w] = mask.coverage
        np.testing.assert_allclose(whole[0], whole[1], atol=1e-3)
        assert one.score == other.score


def many_logits(size: tuple[int, int]) -> tuple[torch.Tensor, np.ndarray]:
    """Discs of many sizes, some cut by the picture's edge, one that isn't there, one that reaches out of its box, and their boxes."""
    discs = [(30.0, 40.0, 11.0), (150.3, 60.2, 35.0), (2.0, 100.0, 20.0), (80.0, 80.0, 5.0), (100.0, 60.0, 90.0), (-90.0, 0.0, 10.0)]
    logits = torch.cat([disc_logits(*disc, size) for disc in discs])
    boxes = np.array([[x - r, y - r, x + r, y + r] for x, y, r in discs])
    boxes[1] = [140, 50, 160, 70]
    return logits, boxes


@pytest.mark.parametrize("most", [1, 20_000, 1 << 21])
@pytest.mark.parametrize("square", [None, (256, (154, 256))])
def test_windows_made_together_have_the_values_of_windows_made_one_by_one(
    most: int, square: tuple[int, tuple[int, int]] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (120, 200)
    logits, boxes = many_logits(size)
    alone = [masks_from_logits(logits[i : i + 1], size, [0.5], boxes=boxes[i : i + 1], square=square)[0] for i in range(len(logits))]
    monkeypatch.setattr(soft_masks, "AT_ONCE_PX", {"cpu": most})
    assert_alike(masks_from_logits(logits, size, [0.5] * len(logits), boxes=boxes, square=square), alone, size)
    assert 1 <= sum(mask.empty for mask in alone) <= 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_masks_of_a_gpu_are_those_of_the_cpu() -> None:
    size = (120, 200)
    logits, boxes = many_logits(size)
    scores = [0.5] * len(logits)
    assert_alike(masks_from_logits(logits.cuda(), size, scores, boxes=boxes), masks_from_logits(logits, size, scores, boxes=boxes), size)


def test_windows_of_one_row_or_column_are_hard_edged_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.cat([disc_logits(4.0, 0.0, 3.0, (1, 9)), disc_logits(6.0, 0.0, 1.4, (1, 9))])
    alone = [masks_from_logits(logits[i : i + 1], (1, 9), [1.0])[0] for i in range(2)]
    monkeypatch.setattr(soft_masks, "AT_ONCE_PX", {"cpu": 1000})
    assert_alike(masks_from_logits(logits, (1, 9), [1.0, 1.0]), alone, (1, 9))
    assert all(set(np.unique(mask.coverage)) <= {0.0, 1.0} and mask.coverage.any() for mask in alone)


def drawn(*discs: tuple[float, float, float]) -> np.ndarray:
    ys, xs = np.mgrid[0:100, 0:140]
    return np.clip(np.max([r + 0.5 - np.hypot(xs - x, ys - y) for x, y, r in discs], axis=0), 0, 1).astype(np.float32)


def test_stray_patches_go_and_parts_stay() -> None:
    body, far, near, second = (40, 50, 20), (120, 20, 4), (64, 50, 3), (110, 70, 14)
    alone = drawn(body)
    np.testing.assert_array_equal(cleaned(alone), alone)
    np.testing.assert_array_equal(cleaned(drawn(body, far)), alone)
    np.testing.assert_array_equal(cleaned(drawn(body, near)), drawn(body, near))  # hardly off: a part of it
    np.testing.assert_array_equal(cleaned(drawn(body, second)), drawn(body, second))  # as large as half: cut in two by a post
    np.testing.assert_array_equal(cleaned(drawn(body, (61.5, 30, 0.6))), alone)  # a speck


def test_pinholes_are_filled_and_rings_are_not() -> None:
    body = drawn((60, 50, 30))
    holed = body.copy()
    holed[50, 60] = 0.1
    holed[40:42, 70:72] = 0
    holed[39, 70] = 0.7
    np.testing.assert_array_equal(cleaned(holed), body)
    ring = body * (1 - drawn((60, 50, 10)))
    np.testing.assert_array_equal(cleaned(ring), ring)


def test_coverage_without_a_body_goes() -> None:
    faint = np.full((30, 30), 0.3, np.float32)
    assert not cleaned(faint).any()
    faint[10:15, 10:15] = 1.0
    out = cleaned(faint)
    assert out[9, 12] == pytest.approx(0.3)
    assert not out[:8].any()


def test_a_mask_of_one_part_is_cleaned_as_one_of_several() -> None:
    rng = np.random.default_rng(2)
    for _ in range(60):
        body = drawn((rng.uniform(-5, 145), rng.uniform(-5, 105), rng.uniform(1, 60)))
        np.testing.assert_array_equal(cleaned(body), _cleaned_of_parts(body, body >= 0.5) if (body >= 0.5).any() else 0 * body)
