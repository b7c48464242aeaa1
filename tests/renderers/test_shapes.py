"""Shapes on the pixel grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_scenes import H, W, covered, disc, rod

from kinescribe.errors import UsageError
from kinescribe.renderers import Scene, SceneObject
from kinescribe.renderers.compositor import compose
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.shapes import coverage, outline_of


def test_coverage_is_that_of_fine_sub_pixels():
    for shape, sides, angle, inside in (
        ("disc", (18.0, 18.0), 0.0, disc(70.3, 60.7)),
        ("rod", (44.0, 8.0), 0.7, rod(70.3, 60.7, 0.7)),
    ):
        made = coverage(shape, (70.3, 60.7), angle, sides, (W, H))
        assert np.abs(made - covered(inside)).max() < 0.25
        assert made.sum() == pytest.approx(covered(inside).sum(), rel=0.01)
    ellipse = coverage("disc", (70.0, 60.0), 0.4, (40.0, 20.0), (W, H))
    assert ellipse.sum() == pytest.approx(np.pi * 20 * 10, rel=0.02)


def test_what_is_thinner_than_a_pixel_is_fainter():
    for shape, sides, area in (("rod", (20.0, 0.5), 10.0), ("rod", (20.0, 0.1), 2.0), ("disc", (0.5, 0.5), 0.2)):
        assert coverage(shape, (70.0, 60.0), 0.0, sides, (W, H)).sum() == pytest.approx(area, rel=0.1, abs=0.05)


def test_a_polygon_covers_its_area():
    corners = np.array([[-10.0, -6.0], [12.0, -6.0], [0.0, 14.0]])
    made = coverage("blob", (70.4, 60.2), 0.5, (1.0, 1.0), (W, H), corners)
    assert made.sum() == pytest.approx(220.0, rel=0.015)
    y, x = np.mgrid[:H, :W]
    middle = ((made * x).sum() / made.sum(), (made * y).sum() / made.sum())
    turned = corners.mean(axis=0) @ np.array([[np.cos(0.5), np.sin(0.5)], [-np.sin(0.5), np.cos(0.5)]])
    assert middle == pytest.approx((70.4 + turned[0], 60.2 + turned[1]), abs=0.1)


def test_an_outline_is_found_again():
    alpha = covered(rod(70.4, 60.2, 0.5))
    corners = np.array(outline_of(alpha, (70.4, 60.2), 0.5, 1))
    assert np.abs(corners[:, 0]).max() == pytest.approx(22, abs=1)
    assert np.abs(corners[:, 1]).max() == pytest.approx(4, abs=1)
    assert outline_of(np.zeros((5, 5), np.float32), (0, 0), 0.0, 1) == ()


@pytest.fixture
def empty() -> Scene:
    return Scene(np.zeros((H, W, 3), np.float32), np.ones((H, W), np.float32), {})


def test_objects_without_sprites(empty):
    ball = SceneObject(1, "ball", "disc", (), 0, False, (18.0, 18.0), color=(10.0, 20.0, 200.0))
    drawn = compose(empty.with_objects([ball]), [Pose(1, 70.0, 60.0, np.nan, 36.0, 36.0, True)])
    assert drawn[60, 70].tolist() == [10, 20, 200]
    assert (drawn[..., 2] > 100).sum() == pytest.approx(np.pi * 18**2, rel=0.02)  # the pose's size, not the object's
    unknown = compose(empty.with_objects([ball]), [Pose(1, 70.0, 60.0, np.nan, np.nan, np.nan, True)])
    assert (unknown[..., 2] > 100).sum() == pytest.approx(np.pi * 9**2, rel=0.05)
    hard = compose(empty.with_objects([replace(ball, edges="whole")]), [Pose(1, 70.3, 60.0, np.nan, 36.0, 36.0, True)])
    assert set(np.unique(hard[..., 2])) == {0, 200}
    star = SceneObject(2, "", "blob", (), 1, True, (0.0, 0.0), color=(255.0, 255.0, 255.0), outline=((-5.0, -5.0), (5.0, -5.0), (0.0, 8.0)))
    assert compose(empty.with_objects([star]), [Pose(2, 30.0, 30.0, 0.0, np.nan, np.nan, True)])[30, 30, 0] == 255
    for far in (1e12, np.inf, np.nan):
        assert not compose(empty.with_objects([ball]), [Pose(1, far, 60.0, np.nan, 36.0, 36.0, True)]).any()
    assert not compose(empty.with_objects([ball]), [Pose(1, 70.0, 60.0, np.nan, 1e9, 36.0, True)]).any()


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(UsageError, match="no sprite, and no colour and shape"):
        SceneObject(1, "", "disc", (), 0, False, (0.0, 0.0), color=(1.0, 1.0, 1.0))
    with pytest.raises(UsageError, match="an outline of three corners"):
        SceneObject(1, "", "blob", (), 0, False, (9.0, 9.0), color=(1.0, 1.0, 1.0), outline=((0.0, 0.0), (1.0, 1.0)))
    with pytest.raises(UsageError, match="no sprite"):
        SceneObject(1, "", "disc", (), 0, False, (9.0, 9.0))
    with pytest.raises(UsageError, match="no sprite"):
        SceneObject(1, "", "disc", (), 0, False, (9.0, np.nan), color=(1.0, 1.0, 1.0))
