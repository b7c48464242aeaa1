from pathlib import Path

import numpy as np
import pytest

from kinescribe.errors import InputError, UsageError
from kinescribe.evaluation import Truth, read_truth, score_states


def marks(frames, positions):
    return Truth(np.asarray(frames, np.int64), np.asarray(positions, float), np.full(len(frames), np.nan))


def path(frames):
    frames = np.asarray(frames, float)
    return np.stack([10.0 + 4.0 * frames, 50.0 + 0.0 * frames], axis=1)


def table(*tracks):
    """Columns of (id, frames, positions) tracks."""
    frames = np.concatenate([f for _, f, _ in tracks])
    ids = np.concatenate([np.full(len(f), i) for i, f, _ in tracks])
    positions = np.concatenate([p for _, _, p in tracks])
    return frames, ids, positions[:, 0], positions[:, 1]


ALL = np.arange(20)
MARKED = np.arange(0, 20, 2)
TRUTH = {"ball": marks(MARKED, path(MARKED))}


def test_constant_offset_is_removed_and_reported():
    score = score_states(*table((3, ALL, path(ALL) + np.array([12.0, -5.0]))), TRUTH).objects["ball"]
    assert (score.object_id, score.coverage, score.marks, score.present) == (3, 1.0, 10, 10)
    assert score.median_px == pytest.approx(0.0, abs=1e-12)
    assert score.offset_px == pytest.approx((12.0, -5.0))


def test_offset_over_25_px_does_not_count():
    near = score_states(*table((1, ALL, path(ALL) + np.array([24.9, 0.0]))), TRUTH).objects["ball"]
    far = score_states(*table((1, ALL, path(ALL) + np.array([18.0, 18.0]))), TRUTH)
    assert near.coverage == 1.0
    assert (far.objects["ball"].object_id, far.objects["ball"].coverage) == (None, 0.0)
    assert np.isnan(far.objects["ball"].median_px)


def test_a_track_that_breaks_in_two_loses_coverage():
    score = score_states(*table((1, ALL[:12], path(ALL[:12])), (2, ALL[12:], path(ALL[12:]))), TRUTH).objects["ball"]
    assert (score.object_id, score.coverage) == (1, 0.6)


def test_hits_lie_nearer_than_10_px_of_the_offset_path():
    positions = path(ALL)
    positions[0] += [0.0, 9.99]
    positions[2] += [0.0, 10.0]
    score = score_states(*table((1, ALL, positions)), TRUTH).objects["ball"]
    assert score.coverage == pytest.approx(0.9)


def test_of_ids_with_equal_coverage_the_nearer_wins():
    wobble = np.where(ALL % 4 == 0, 3.0, -3.0)[:, None] * [0.0, 1.0]
    score = score_states(*table((1, ALL, path(ALL) + wobble), (2, ALL, path(ALL) + 0.2 * wobble)), TRUTH).objects["ball"]
    assert score.object_id == 2
    assert score.median_px < 1.3


def test_median_is_over_marked_frames_only():
    positions = path(ALL)
    positions[1::2] += 200.0
    assert score_states(*table((1, ALL, positions)), TRUTH).objects["ball"].median_px == pytest.approx(0.0, abs=1e-12)


def test_spurious_ids_are_present_in_over_half_of_the_frames_and_best_for_nothing():
    elsewhere = np.full((20, 2), 300.0)
    columns = table(
        (1, ALL, path(ALL)), (2, ALL[:10], elsewhere[:10]), (3, ALL[:11], elsewhere[:11]), (4, ALL, path(ALL) + np.array([0.0, 9.0]))
    )
    assert score_states(*columns, TRUTH, frame_count=20).spurious == (3, 4)
    assert score_states(*columns, TRUTH, frame_count=22).spurious == (4,)


def test_rows_without_a_position_are_no_output():
    positions = path(ALL)
    positions[10:] = np.nan
    score = score_states(*table((1, ALL, positions)), TRUTH, frame_count=20)
    assert (score.objects["ball"].coverage, score.objects["ball"].present) == (0.5, 5)


def test_an_empty_table_scores_zero():
    score = score_states([], [], [], [], TRUTH)
    assert (score.objects["ball"].coverage, score.spurious, score.frame_count) == (0.0, (), 19)


def test_refuses_columns_that_do_not_belong_together():
    with pytest.raises(UsageError, match="one length"):
        score_states([0, 1], [1], [0.0], [0.0], TRUTH)
    with pytest.raises(UsageError, match="two rows in one frame"):
        score_states([0, 0], [1, 1], [0.0, 1.0], [0.0, 1.0], TRUTH)


def test_truth_is_read_by_object_in_frame_order(tmp_path: Path):
    file = tmp_path / "truth.csv"
    file.write_text("frame,object,x_px,y_px,heading_deg\n4,a,1.5,2.5,90\n2,a,1,2,\n0,b,3,4,-45\n")
    truth = read_truth(file)
    assert list(truth) == ["a", "b"]
    assert truth["a"].frames.tolist() == [2, 4]
    assert truth["a"].positions.tolist() == [[1.0, 2.0], [1.5, 2.5]]
    assert truth["b"].headings == pytest.approx([-np.pi / 4])
    assert np.isnan(truth["a"].headings[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frame,object,x_px,y_px\n0,a,left,2\n", "line 2 .* is no mark"),
        ("frame,x_px,y_px\n0,1,2\n", "line 2 .* is no mark"),
        ("frame,object,x_px,y_px\n0,a,1\n", "line 2 .* is no mark"),
        ("frame,object,x_px,y_px\n0,a,1,2\n0,a,1,2\n", "marks 'a' twice in frame 0"),
        ("frame,object,x_px,y_px\n", "holds no marks"),
    ],
)
def test_bad_truth_is_refused_in_one_line(tmp_path: Path, text: str, message: str):
    file = tmp_path / "truth.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_truth(file)
    assert "\n" not in str(caught.value)


def test_missing_truth_names_the_file(tmp_path: Path):
    with pytest.raises(InputError, match=r"cannot read marks from '.*none\.csv'"):
        read_truth(tmp_path / "none.csv")
