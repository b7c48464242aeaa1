"""Things that never move: asked for by name, found in the plate, reported with the box that they fill."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kinescribe.evaluation.scenes.drawing import COLORS, disc_coverage, paint, rectangle_coverage, textured
from kinescribe.perception.background import Background
from kinescribe.perception.classical.detector import detections_from
from kinescribe.perception.classical.foreground import Foreground
from kinescribe.perception.classical.still import StillObjects
from kinescribe.perception.detections import Detections
from kinescribe.perception.naming import Candidate, assign_phrases, parse_objects
from kinescribe.tracking.offline import OfflineTracker
from kinescribe.tracking.pieces import join_pieces
from kinescribe.video.frame import Frame

HEIGHT, WIDTH = 120, 160
Thing = tuple[str, str, tuple[float, float], tuple[float, float]]
"""Shape, colour, centre, length and width."""


def drawn(*things: Thing, mottling: float = 1.0, seed: int = 0) -> Background:
    """A plate with these things on light, mottled ground."""
    image = textured(HEIGHT, WIDTH, (205, 210, 214), mottling, seed)
    for shape, color, center, size in things:
        if shape == "disc":
            paint(image, disc_coverage(center, size[0] / 2, HEIGHT, WIDTH), COLORS[color])
        else:
            paint(image, rectangle_coverage(center, size, 0.0, 0.0, HEIGHT, WIDTH), COLORS[color])
    sigma = np.ones((HEIGHT, WIDTH), np.float32)
    return Background(image, sigma, sigma, sigma)


def seen(plate: Background, phrases: str) -> Detections:
    """What is found in a frame in which nothing moves."""
    frame = Frame(0, 0.0, np.clip(plate.plate.round(), 0, 255).astype(np.uint8))
    still = StillObjects.find(plate, [phrases])
    nothing = np.zeros((HEIGHT, WIDTH), np.uint8)
    foreground = Foreground.of(nothing, nothing.astype(bool), np.zeros(3, np.float32))
    return detections_from(frame, still.seen(frame, foreground) if still is not None else [], "still")


@pytest.mark.parametrize("center", [(60.0, 50.0), (60.4, 50.7), (24.5, 16.0)])
@pytest.mark.parametrize(("shape", "size"), [("disc", (24.0, 24.0)), ("box", (40.0, 24.0))])
def test_the_box_is_as_large_as_the_thing(shape: str, size: tuple[float, float], center: tuple[float, float]) -> None:
    found = seen(drawn((shape, "blue", center, size)), "blue")
    assert len(found) == 1
    np.testing.assert_allclose(found.sizes[0], size, atol=0.5)
    np.testing.assert_allclose(found.centroids[0], center, atol=0.1)
    np.testing.assert_allclose((found.boxes[0, 2:] - found.boxes[0, :2]), size, atol=2.0)
    np.testing.assert_allclose((found.boxes[0, :2] + found.boxes[0, 2:] - 1) / 2, center, atol=1.0)
    assert found.masks[0].full(HEIGHT, WIDTH).sum() == pytest.approx(found.areas[0], rel=0.16)
    assert not found.truncated.any()


def test_a_thing_at_the_edge_is_told_to_be_cut() -> None:
    assert seen(drawn(("box", "blue", (10.0, 60.0), (40.0, 24.0))), "blue").truncated.all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("phrase", ["grey", "box: 0.1", "ball: 0.1", "purple rod: 0.1", "white"])
@pytest.mark.parametrize("mottling", [1.0, 4.0, 6.0])
def test_the_grounds_own_mottling_is_no_object(phrase: str, mottling: float, seed: int) -> None:
    plate = drawn(("disc", "orange", (60.0, 50.0), (24.0, 24.0)), mottling=mottling, seed=seed)
    assert len(seen(plate, f"{phrase}, orange ball")) == 1


def test_of_a_thing_and_a_piece_of_it_the_better_match_stays() -> None:
    """What lies in the box of something much larger counts as a piece of it later on, whichever was meant."""
    bracket: list[Thing] = [("box", "red", (60.0, 90.0), (60.0, 6.0)), ("box", "red", (33.0, 60.0), (6.0, 66.0))]
    ball: Thing = ("disc", "blue", (65.0, 58.0), (16.0, 16.0))
    plate = drawn(*bracket, ball)
    assert seen(plate, "dark red").shapes == ["blob"]
    assert seen(plate, "dark red, blue ball").shapes == ["disc"]


def reported(plate: Background, phrase: str) -> int:
    """How many objects a table would hold: still things in a few frames, tracked, joined and named as the pipeline does it."""
    found = seen(plate, phrase)
    frames = [Detections(k, 0.1 * k, **{name: getattr(found, name) for name in COLUMNS}) for k in range(3)]
    tracks = join_pieces(OfflineTracker().track(frames, (WIDTH, HEIGHT)))
    looks = [Candidate(track.colors[0], track.shape, (float(track.sizes[0, 0]), float(track.sizes[0, 1]))) for track in tracks]
    return sum(name is not None for name in assign_phrases(parse_objects(phrase), looks).phrases)


COLUMNS = [name for name in Detections.__dataclass_fields__ if name not in ("frame", "time_s")]
things = st.tuples(
    st.sampled_from(["disc", "box"]),
    st.sampled_from(["blue", "orange", "green", "grey"]),
    st.tuples(st.floats(10, WIDTH - 10), st.floats(10, HEIGHT - 10)),
    st.tuples(st.floats(12, 40), st.floats(8, 20)),
)


@settings(max_examples=60)
@given(
    st.lists(things, min_size=1, max_size=5),
    st.sampled_from(["ball", "box", "blue", "blue box", "grey ball"]),
    st.lists(st.floats(0.01, 0.99), min_size=2, max_size=2).map(sorted),
    st.sampled_from([1.0, 4.0]),
    st.integers(0, 5),
)
@example(  # beside the disc two that touch, which go by "box" a little, and swallowed it at a low threshold
    [("disc", "blue", (10.0, y), (12.0, 8.0)) for y in (10.0, 14.0)]
    + [("disc", "blue", (25.0, 10.0), (12.0, 8.0)), ("disc", "blue", (46.0, 10.0), (25.0, 8.0))],
    "box",
    [0.25, 0.5],
    1.0,
    0,
)
def test_a_lower_threshold_never_finds_fewer(shown: list[Thing], phrase: str, thresholds: list[float], mottling: float, seed: int) -> None:
    plate = drawn(*shown, mottling=mottling, seed=seed)
    low, high = (reported(plate, f"{phrase}: {threshold:.3f}") for threshold in thresholds)
    assert low >= high


def test_a_thing_in_whose_place_the_bare_ground_shows_is_not_seen() -> None:
    plate = drawn(("rod", "red", (80.0, 60.5), (60.0, 3.0)), mottling=0.0)
    still = StillObjects.find(plate, ["red rod"])
    assert still is not None
    nothing_moves = Foreground(
        np.zeros((HEIGHT, WIDTH), np.int32), np.zeros((1, 5), np.int32), np.zeros(0, np.int64), np.zeros(3, np.float32)
    )
    there, bare = (Frame(0, 0.0, np.clip(image.round(), 0, 255).astype(np.uint8)) for image in (plate.plate, still.plain.plate))
    assert len(still.seen(there, nothing_moves)) == 1
    assert still.seen(bare, nothing_moves) == []
