"""Confidence that a track goes on with the same thing: less after long gaps, and where something else looks like it."""

import numpy as np
import pytest
from drawn import line, track_of

from kinescribe.tracking.corrections import merge_tracks
from kinescribe.tracking.identity import after_gap, with_identity
from kinescribe.tracking.tracks import Track

PATH = line((40, 60), (2, 0), 400)


def with_gap(number: int, first: int, last: int, end: int = 400, shift: tuple[float, float] = (0.0, 0.0)) -> Track:
    """A track that is unseen from frame `first` to before `last`."""
    frames = [frame for frame in range(end) if not first <= frame < last]
    return track_of(number, PATH[frames] + np.array(shift), 10.0, frames=frames)


def late(track: Track) -> float:
    return float(with_identity([track])[0].identity_scores[-1])


def test_a_track_without_long_gaps_is_as_sure_as_before():
    assert (with_identity([with_gap(1, 100, 103), with_gap(2, 100, 130)])[0].identity_scores == 1).all()


@pytest.mark.parametrize("unseen", [4, 30, 153, 300])
def test_it_falls_with_the_length_of_the_gap(unseen: int):
    track = with_gap(1, 50, 50 + unseen)
    (doubted,) = with_identity([track])
    assert (doubted.identity_scores[:50] == 1).all()
    assert doubted.identity_scores[50:] == pytest.approx(after_gap(unseen))
    assert after_gap(unseen) < after_gap(unseen - 1)
    assert (track.identity_scores == 1).all()
    assert after_gap(153) == 0.5
    assert after_gap(3) == 1


def test_gaps_add_up():
    frames = [frame for frame in range(100) if not (20 <= frame < 40 or 60 <= frame < 80)]
    assert late(track_of(1, PATH[frames], 10.0, frames=frames)) == pytest.approx(after_gap(20) ** 2)


def test_what_looks_like_it_and_was_gone_as_well_shares_it():
    track = with_gap(1, 50, 70)
    alone = late(track)
    beside, far = with_gap(2, 50, 70, shift=(0, 25)), with_gap(3, 50, 70, shift=(0, 5000))
    in_view = with_gap(4, 0, 0, shift=(0, 25))
    came_up = track_of(5, PATH[60:] + np.array([0, 25]), 10.0, frames=range(60, 400))
    assert 0.4 * alone < with_identity([track, beside])[0].identity_scores[-1] < 0.75 * alone
    assert 0.4 * alone < with_identity([track, came_up])[0].identity_scores[-1] < 0.75 * alone
    assert with_identity([track, far])[0].identity_scores[-1] == pytest.approx(alone)
    assert with_identity([track, in_view])[0].identity_scores[-1] == pytest.approx(alone)


def test_another_colour_or_size_is_no_rival():
    track, other = with_gap(1, 50, 70), with_gap(2, 50, 70, shift=(0, 25))
    other.colors = other.colors + np.array([0.0, 60.0, 60.0])
    assert with_identity([track, other])[0].identity_scores[-1] == pytest.approx(after_gap(20))
    large = with_gap(2, 50, 70, shift=(0, 25))
    large.areas = large.areas * 6
    assert with_identity([track, large])[0].identity_scores[-1] == pytest.approx(after_gap(20))


def test_what_is_joined_after_a_gap_is_no_surer_than_what_it_goes_on_from():
    first, second = track_of(1, PATH[:20], 10.0), track_of(2, PATH[60:80], 10.0, frames=range(60, 80))
    for both in (merge_tracks(first, second), merge_tracks(second, first)):
        assert (both.identity_scores[:20] == 1).all()
        assert both.identity_scores[20:] == pytest.approx(after_gap(40))
