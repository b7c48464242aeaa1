import numpy as np
import pytest

from kinescribe.errors import UsageError
from kinescribe.evaluation import PhysicsIQ, motion_masks, physics_iq, physics_iq_score


def video(*columns):
    """Black frames of 64 x 64 with a grey square of 20 x 20, its left edge at each of these columns; None for none."""
    frames = np.zeros((len(columns), 64, 64, 3), np.uint8)
    for frame, column in zip(frames, columns, strict=True):
        if column is not None:
            frame[16:36, column : column + 20] = 100
    return frames


def test_what_appears_is_masked_with_the_rim_that_the_blur_makes():
    masks = motion_masks(video(None, 16))
    assert not masks[0].any()
    # one row to each side is over 10 levels off, 0.7 · 100 · 0.315 = 22, its corners are not: 0.7 · 100 · 0.315² = 7
    expected = np.zeros((64, 64), bool)
    expected[15:37, 15:37] = True
    expected[np.ix_([15, 36], [15, 36])] = False
    assert np.array_equal(masks[1], expected)


def test_the_average_forgets_at_three_tenths_a_frame():
    inside = motion_masks(video(None, *[16] * 8))[:, 26, 26]
    # 100 · 0.7^k is over 10 up to k = 6
    assert inside.tolist() == [False, *[True] * 6, False, False]


def test_dots_are_opened_away_and_cracks_are_closed():
    frames = np.zeros((2, 64, 64), np.uint8)
    frames[1, 10:12, 10:12] = 30
    frames[1, 30:60, 10:24] = frames[1, 30:60, 26:40] = 200
    mask = motion_masks(frames)[1]
    assert not mask[:20].any()
    assert mask[40, 10:40].all()


def test_floats_are_masked_like_bytes():
    frames = video(None, 16, 20)
    assert np.array_equal(motion_masks(frames / 255), motion_masks(frames))


def test_a_shifted_square_by_hand():
    # at a quarter of the size 5 x 5 cells each, 3 x 5 of them in common
    found = physics_iq(video(None, 16), video(None, 24))
    assert found.spatial_iou == pytest.approx(15 / 35)
    assert found.spatiotemporal_iou == pytest.approx((1 + 15 / 35) / 2)
    assert found.weighted_spatial_iou == pytest.approx(15 / 35)
    assert found.mse == pytest.approx((0 + 20 / 256 * (100 / 255) ** 2) / 2)


def test_a_late_square_by_hand():
    found = physics_iq(video(None, 16, 16), video(None, None, 16))
    assert found.spatial_iou == 1
    assert found.spatiotemporal_iou == pytest.approx((1 + 0 + 1) / 3)
    assert found.weighted_spatial_iou == pytest.approx(1 / 2)
    assert found.mse == pytest.approx(25 / 256 * (100 / 255) ** 2 / 3)


def test_where_nothing_moves_in_either_they_agree():
    assert physics_iq(video(16, 16), video(24, 24)) == PhysicsIQ(1.0, 1.0, 1.0, pytest.approx(20 / 256 * (100 / 255) ** 2))
    tiny = np.zeros((1, 2, 3, 3), np.uint8)
    assert physics_iq(tiny, tiny) == PhysicsIQ(1.0, 1.0, 1.0, 0.0)


def test_motion_in_one_of_them_alone_is_no_overlap():
    found = physics_iq(video(None, 16), video(None, None))
    assert (found.spatial_iou, found.weighted_spatial_iou) == (0, 0)


def test_score_by_hand():
    measures = [PhysicsIQ(0.2, 0.1, 0.3, 0.02), PhysicsIQ(0.4, 0.3, 0.1, 0.04)]
    variances = [PhysicsIQ(0.6, 0.8, 0.5, 0.01)]
    assert physics_iq_score(measures, variances) == pytest.approx(100 * ((0.3 / 0.6 + 0.2 / 0.8 + 0.2 / 0.5) / 3 - (0.03 - 0.01)))


def test_score_of_reality_is_the_best_and_no_score_is_below_none():
    nature = PhysicsIQ(0.6, 0.8, 0.5, 0.01)
    assert physics_iq_score([nature], [nature]) == pytest.approx(100)
    assert physics_iq_score([PhysicsIQ(1.0, 1.0, 1.0, 0.0)], [nature]) == 100
    assert physics_iq_score([PhysicsIQ(0.0, 0.0, 0.0, 0.5)], [nature]) == 0


def test_what_has_no_score_is_named():
    nature = PhysicsIQ(0.6, 0.8, 0.5, 0.01)
    with pytest.raises(UsageError, match="a score of 0 clips"):
        physics_iq_score([], [nature])
    with pytest.raises(UsageError, match="no motion in common"):
        physics_iq_score([nature], [PhysicsIQ(0.0, 0.8, 0.5, 0.01)])
    with pytest.raises(UsageError, match="without frames"):
        motion_masks([])
    with pytest.raises(UsageError, match="2 real frames and 1 predicted"):
        physics_iq(video(None, 16), video(None))
