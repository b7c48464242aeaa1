import io
import json
import math

import cv2
import numpy as np
import pandas
import pytest

from kinescribe.errors import InputError, NothingFoundError, UsageError
from kinescribe.evaluation import compare_videos, physics_iq, pixel_errors, structural_similarity, temporal_coherence_ratio
from kinescribe.video import VideoWriter, open_video

RNG = np.random.default_rng(6)


def moving(count=8, height=40, width=48, step=3, noise=0):
    """A bright disc that goes right."""
    frames = np.full((count, height, width, 3), 60, np.uint8)
    for k, frame in enumerate(frames):
        cv2.circle(frame, (10 + step * k, 20), 7, (30, 90, 220), -1, cv2.LINE_AA)
    return np.clip(frames + RNG.normal(0, noise, frames.shape), 0, 255).astype(np.uint8)


REAL, PREDICTED = moving(), moving(noise=4)


def compared(real=REAL, predicted=PREDICTED, **options):
    return compare_videos(real, predicted, **{"frame_interval": 0.1, **options})


def written(path, frames, interval=0.1):
    with VideoWriter(path, crf=0) as writer:
        for k, frame in enumerate(frames):
            writer.write(frame, k * interval)
    return path


def test_gives_what_the_functions_give():
    found, errors = compared(), pixel_errors(REAL, PREDICTED)
    similar = structural_similarity(REAL, PREDICTED)
    assert [frame.mae for frame in found.frames] == errors.mae_by_frame.tolist()
    assert [frame.psnr for frame in found.frames] == errors.psnr_by_frame.tolist()
    assert [frame.ssim for frame in found.frames] == similar.tolist()
    assert (found.mae, found.mse, found.psnr, found.ssim) == pytest.approx((errors.mae, errors.mse, errors.psnr, similar.mean()))
    assert found.temporal_coherence_ratio == temporal_coherence_ratio(REAL, PREDICTED)
    assert found.physics_iq == physics_iq(REAL, PREDICTED)
    assert np.mean([frame.motion_iou for frame in found.frames]) == pytest.approx(found.physics_iq.spatiotemporal_iou)
    assert (found.lpips, found.warnings, found.partial) == (None, (), None)


def test_gaussian_ssim_is_that_of_wang():
    expected = structural_similarity(REAL, PREDICTED, gaussian_weights=True, use_sample_covariance=False).mean()
    assert compared(gaussian_ssim=True).ssim == pytest.approx(expected)
    assert compared().ssim != pytest.approx(expected, abs=1e-4)


def test_equal_videos():
    found = compared(predicted=REAL)
    assert (found.mae, found.mse, found.ssim, found.temporal_coherence_ratio) == (0, 0, pytest.approx(1), 1)
    assert found.psnr == math.inf
    told = found.as_dict()
    assert told["measures"]["psnr"] is None
    json.dumps(told, allow_nan=False)


def test_files_are_matched_by_their_time_stamps(tmp_path):
    real = written(tmp_path / "real.mp4", moving(12))
    late = written(tmp_path / "late.mp4", moving(12)[4:9])
    found = compare_videos(real, late, offset=0.4)
    assert [(frame.real_frame, frame.predicted_frame) for frame in found.frames] == [(k, k - 4) for k in range(4, 9)]
    assert found.psnr > 45
    assert compare_videos(real, late).psnr < 25
    assert any("'real.mp4': 7 of 12 frames have no partner" in line for line in found.warnings)
    assert (found.real_frames, found.predicted_frames) == (12, 5)


def test_another_rate_is_matched_in_time(tmp_path):
    real = written(tmp_path / "real.mp4", moving(9))
    half = written(tmp_path / "half.mp4", moving(9)[::2], interval=0.2)
    found = compare_videos(real, half)
    assert [frame.real_frame for frame in found.frames] == [0, 2, 4, 6, 8]
    assert found.psnr > 45


def test_pairs_that_are_far_apart_in_time_are_told():
    found = compare_videos(open_video(REAL, frame_interval=0.1), open_video(PREDICTED, frame_interval=0.1), offset=0.03)
    assert found.max_lag_s == pytest.approx(0.03)
    assert any("8 of 8 pairs are over 5% of a frame interval apart" in line for line in found.warnings)


def test_some_frames_alone():
    found = compared(frames=(3, 6))
    assert [frame.real_frame for frame in found.frames] == [3, 4, 5]
    assert found.mse == pytest.approx(pixel_errors(REAL[3:6], PREDICTED[3:6]).mse)
    assert found.physics_iq == physics_iq(REAL[3:6], PREDICTED[3:6])
    assert (found.real_frames, found.predicted_frames, found.warnings) == (3, 3, ())


def test_the_line_that_an_encoder_adds_is_left_out(tmp_path):
    odd = moving(height=41, width=47)
    even = written(tmp_path / "even.mp4", odd)
    found = compare_videos(open_video(odd, frame_interval=0.1), even)
    assert (found.width, found.height) == (47, 41)
    stored = np.stack([frame.image for frame in open_video(even)])
    assert stored.shape == (8, 42, 48, 3)
    assert found.mse == pytest.approx(pixel_errors(odd, stored[:, :41, :47]).mse)
    assert any("'even.mp4': its last column and row is left out" in line for line in found.warnings)


@pytest.mark.parametrize("shape", [(42, 48), (40, 49), (40, 46), (20, 24)])
def test_other_sizes_are_refused(shape):
    with pytest.raises(UsageError, match=f"'array' has 48 x 40 pixels and 'array' {shape[1]} x {shape[0]}"):
        compared(predicted=moving(height=shape[0], width=shape[1]))


def test_one_frame():
    found = compared(REAL[:1], PREDICTED[:1])
    assert len(found.frames) == 1
    assert math.isnan(found.temporal_coherence_ratio)
    assert found.as_dict()["measures"]["temporal_coherence_ratio"] is None
    assert found.physics_iq.spatial_iou == 1


def test_what_can_not_be_compared_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no\.mp4"):
        compare_videos(tmp_path / "no.mp4", tmp_path / "no.mp4")
    with pytest.raises(UsageError, match="without frames"):
        compared(REAL[:0], PREDICTED[:0])
    with pytest.raises(UsageError, match="float64: give uint8"):
        compared(predicted=np.full(REAL.shape, np.nan))
    with pytest.raises(UsageError, match="no time stamps"):
        compared(frame_interval=None)
    with pytest.raises(UsageError, match="open already"):
        compared(open_video(REAL, frame_interval=0.2))
    with pytest.raises(UsageError, match="offset nan"):
        compared(offset=math.nan)
    with pytest.raises(NothingFoundError, match="with the latter starting at 9 s: --offset SECONDS"):
        compared(offset=9.0)
    with pytest.raises(NothingFoundError, match="ends before frame 30"):
        compared(frames=(30, None))
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(InputError, match=r"text\.mp4"):
        compare_videos(tmp_path / "text.mp4", tmp_path / "text.mp4")


def test_a_video_that_breaks_off_is_compared_up_to_there(tmp_path):
    noise = RNG.integers(0, 256, (24, 64, 64, 3), np.uint8)
    whole = written(tmp_path / "whole.mp4", noise)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    found = compare_videos(whole, cut)
    assert 0 < len(found.frames) < 24
    assert found.partial is not None
    assert "cut.mp4" in found.partial
    assert found.mse == 0


def test_lpips_is_asked_for_every_pair():
    class Distance:
        def distance(self, real, predicted):
            return float(np.abs(real.astype(float) - predicted).max())

    found = compared(lpips=Distance())
    expected = [float(np.abs(a.astype(float) - b).max()) for a, b in zip(REAL, PREDICTED, strict=True)]
    assert [frame.lpips for frame in found.frames] == expected
    assert found.lpips == pytest.approx(np.mean(expected))


def test_progress_is_told():
    told = []
    compared(progress=lambda *words: told.append(words))
    assert told == [("comparing", k + 1, 8) for k in range(8)]


def test_csv_is_read_back():
    predicted = PREDICTED.copy()
    predicted[2] = REAL[2]
    found = compared(predicted=predicted)
    text = io.StringIO(newline="")
    found.to_csv(text)
    text.seek(0)
    table = pandas.read_csv(text)
    assert table["real_frame"].tolist() == list(range(8))
    assert table["time_s"].tolist() == pytest.approx([k * 0.1 for k in range(8)])
    assert table["mae"].tolist() == pytest.approx([frame.mae for frame in found.frames], rel=1e-8)
    assert table["psnr"][2] == math.inf
    assert table["lpips"].isna().all()
