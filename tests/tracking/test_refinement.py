"""The better of both looks at a track."""

from dataclasses import replace

import numpy as np
import pytest
from drawn import line, track_of

from kinescribe.perception.sightings import Sightings
from kinescribe.tracking.refinement import refine, roughness
from kinescribe.tracking.tracks import Track

SIZE = (320, 240)
RADIUS = 8.0
TRUTH = line((40, 60), (4, 1), 60, (0, 0.02))


def first_look(frames: list[int], noise: float = 0.3, seed: int = 0) -> Track:
    rng = np.random.default_rng(seed)
    return track_of(1, TRUTH[frames] + rng.normal(0, noise, (len(frames), 2)), RADIUS, frames=frames)


def found(frames: list[int], noise: float = 0.05, offset: tuple[float, float] = (0.0, 0.0), seed: int = 1) -> Sightings:
    n = len(frames)
    body = np.hypot(*np.mgrid[-10:11, -10:11]) <= RADIUS
    return Sightings(
        frames=np.array(frames),
        positions=TRUTH[frames] + offset + np.random.default_rng(seed).normal(0, noise, (n, 2)),
        covariances=np.tile(np.eye(2) * noise**2, (n, 1, 1)),
        turns=np.full(n, np.nan),
        turn_sigmas=np.full(n, np.nan),
        gains=np.full(n, 0.95),
        visible=np.ones(n),
        ends=np.full((n, 2, 2), np.nan),
        end_covariances=np.full((n, 2, 2, 2), np.nan),
        body=body,
        anchor=np.array([10.0, 10.0]),
    )


def errors(track: Track) -> np.ndarray:
    return np.hypot(*(track.positions - TRUTH[track.frames]).T)


def test_the_surer_look_is_taken() -> None:
    frames = list(range(50))
    better, confirmed = refine(first_look(frames), found(frames), SIZE)
    assert confirmed
    assert better.frames.tolist() == frames
    assert np.sqrt((errors(better) ** 2).mean()) < 0.1


def test_a_rougher_second_look_is_not() -> None:
    frames = list(range(50))
    track = first_look(frames, noise=0.03)
    better, confirmed = refine(track, found(frames, noise=0.6), SIZE)
    assert confirmed
    np.testing.assert_array_equal(better.positions, track.positions)


@pytest.mark.parametrize("surer", ["first", "second"])
def test_what_changes_slowly_between_the_looks_is_known_as_drift(surer: str) -> None:
    frames = list(range(50))
    wave = 0.3 * np.sin(np.arange(50) / 5)
    track, sightings = first_look(frames, noise=0.02 if surer == "first" else 0.1), found(frames)
    assert refine(track, sightings, SIZE)[0].drift < 0.04
    better, _ = refine(track, replace(sightings, positions=sightings.positions + np.stack([wave, wave], 1)), SIZE)
    assert better.drift == pytest.approx(0.3 / 2, rel=0.2)
    assert better.drift_rate == pytest.approx(0.3 / 5 / 2, rel=0.3)


def test_a_few_misses_are_no_drift() -> None:
    frames = list(range(50))
    sightings = found(frames)
    sightings.positions[20:23] += 3.0
    better, _ = refine(first_look(frames, noise=0.05), sightings, SIZE)
    assert better.drift < 0.1


def test_gaps_are_closed_and_ends_extended() -> None:
    seen = [*range(10, 20), *range(26, 45)]
    better, confirmed = refine(first_look(seen), found(list(range(5, 52))), SIZE)
    assert confirmed
    assert better.frames.tolist() == list(range(5, 52))
    assert errors(better).max() < 0.3
    assert better.gaps == {}
    assert len(better.masks) == len(better.shapes) == len(better.phrases) == len(better.scores) == len(better) == 47
    for row, mask in enumerate(better.masks):
        ys, xs = np.nonzero(mask.pixels)
        assert np.hypot(*(np.array([mask.x + xs.mean(), mask.y + ys.mean()]) - better.positions[row])) < 1.0


def test_frames_that_only_the_first_look_saw_stay_without_a_jump() -> None:
    frames = list(range(50))
    better, _ = refine(first_look(frames, noise=0.1), found([f for f in frames if f % 7], offset=(1.5, 0.0)), SIZE)
    assert better.frames.tolist() == frames
    # a body's sprite may have another centre than its blob: whichever is taken, it's one
    difference = better.positions - TRUTH[:50]
    assert np.abs(difference - np.median(difference, axis=0)).max() < 0.5


def test_a_hair_of_roughness_does_not_cost_the_frames_that_only_the_sprite_saw() -> None:
    track = first_look(list(range(20, 40)), noise=0.001)
    better, confirmed = refine(track, found(list(range(60)), noise=0.01), SIZE)
    assert confirmed
    assert better.frames.tolist() == list(range(60))
    assert errors(better).max() < 0.1


def test_what_was_seen_as_one_with_another_body_is_put_where_the_sprite_was_found() -> None:
    frames, together = list(range(60)), list(range(25, 45))
    track = first_look(frames)
    track.positions[together] += (0.0, 9.0)
    track.areas[together] *= 1.8
    other = replace(found(frames), shared=np.array(together))
    rough = replace(other, positions=other.positions + np.random.default_rng(3).normal(0, 1.0, (60, 2)))  # the first look is kept
    for second, most in ((other, 0.3), (rough, 4.0)):
        better, confirmed = refine(track, second, SIZE)
        assert confirmed
        assert errors(better)[together].max() < most
    assert np.abs(np.log(better.areas[together] / better.areas[0])).max() < 0.1


def test_what_was_hardly_found_confirms_nothing() -> None:
    track = first_look(list(range(50)))
    for sightings in (None, found([3, 4]), found(list(range(10)))):
        same, confirmed = refine(track, sightings, SIZE)
        assert not confirmed
        assert same is track


def test_boxes_hold_the_masks_within_the_picture() -> None:
    frames = list(range(50))
    better, _ = refine(first_look(frames), found(frames), SIZE)
    assert (better.boxes[:, :2] >= 0).all()
    assert (better.boxes[:, 2:] <= SIZE).all()
    np.testing.assert_allclose(better.boxes[:, 2] - better.boxes[:, 0], 2 * RADIUS, atol=2)


@pytest.mark.parametrize("sigma", [0.05, 0.4, 2.0])
def test_roughness_is_the_measurement_noise(sigma: float) -> None:
    noise = np.random.default_rng(3).normal(0, sigma, (400, 2))
    path = line((40, 60), (4, 1), 400, (0.01, 0.02)) + noise
    assert roughness(np.arange(400), path) == pytest.approx(sigma, rel=0.15)


def test_roughness_of_a_smooth_path_is_nil_and_of_a_short_one_unknown() -> None:
    assert roughness(np.arange(60), TRUTH) < 1e-9
    assert np.isnan(roughness(np.arange(2), TRUTH[:2]))


def test_roughness_does_not_count_gaps() -> None:
    frames = np.array([*range(20), *range(30, 60)])
    jump = TRUTH[frames] + np.where(frames < 25, 0, 40)[:, None]
    assert roughness(frames, jump) < 1e-9


def test_a_disc_keeps_the_size_that_its_outline_tells() -> None:
    frames = list(range(50))
    track = first_look(frames)
    fine = replace(track, sizes=np.full((50, 2), 16.37))  # the sprite's pixels span 17
    better, _ = refine(fine, found(frames), SIZE)
    assert (better.positions != fine.positions).any()
    np.testing.assert_array_equal(better.sizes, 16.37)


def test_sides_that_come_from_how_it_is_spread_do_not_count() -> None:
    """Blur and halo widen a soft body's moments."""
    spread = replace(first_look(list(range(50))), sizes=np.tile([16.9, 16.4], (50, 1)))
    better, _ = refine(spread, found(list(range(50))), SIZE)
    np.testing.assert_array_equal(better.sizes, better.sizes[:1].repeat(len(better), axis=0))
    assert (better.sizes[0] != [16.9, 16.4]).all()


def test_a_piece_does_not_tell_the_size_of_the_whole() -> None:
    frames = list(range(50))
    piece = replace(first_look(frames), sizes=np.full((50, 2), 11.0))
    better, _ = refine(piece, found(frames), SIZE)
    np.testing.assert_allclose(better.sizes, 16.0, atol=1.5)
