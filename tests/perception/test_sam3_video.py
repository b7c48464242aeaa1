from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_video_models import SAM3_SIZE, moving_video, tensor_bytes, write_sam3_video

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.detections import SoftMask
from kinescribe.perception.grounded_sam.sam3_video import Sam3VideoTracker, without_overlap
from kinescribe.perception.naming.prompts import prompts_of
from kinescribe.perception.protocols import ConceptTracker
from kinescribe.video import open_video

torch = pytest.importorskip("torch")

TOLERANCE = 1e-4
PLAIN = {"det_nms_thresh": 0.0, "fill_hole_area": 0}  # transformers leaves both out unless it has fetched compiled code for them
PHRASES = ["cart", "red ball"]
KINDS_OF_RUN = {  # what the random models make of the video
    "two things from the first frame on": {"seed": 3, "presence": 1.0, "queries": 3},
    "things that come later": {"seed": 4, "presence": 0.5, "queries": 1},
    "things that turn out to be none": {"seed": 7, "presence": 0.5, "queries": 1},
}


@pytest.fixture(scope="module")
def model_of(tmp_path_factory):
    made: dict[Any, Any] = {}

    def get(run: str, **changes: Any) -> tuple[Path, Any]:
        key = (run, *sorted(changes.items()))
        if key not in made:
            folder = tmp_path_factory.mktemp("sam3")
            made[key] = folder, write_sam3_video(folder, **KINDS_OF_RUN[run], **changes)
        return made[key]

    return get


def tracker(folder: Path, *, batch_size: int = 1, precision: str = "fp32", **options: Any) -> Sam3VideoTracker:
    from kinescribe.perception.grounded_sam.runtime import Runtime

    return Sam3VideoTracker(weights=str(folder), runtime=Runtime.choose("cpu", precision=precision, batch_size=batch_size), **options)


def video_of(count: int):
    images = moving_video(40)
    return open_video(images[np.arange(count) % 40], frame_interval=0.04)


def seen_by(found: Sam3VideoTracker, count: int, phrases: list[str] = PHRASES) -> list[Any]:
    return [seen for _, seen, _ in found.seen(video_of(count), prompts_of(phrases))]


def plain_run(folder: Path, model: Any, count: int) -> list[tuple[Any, set[int]]]:
    """The documented use of transformers: the whole video in a session, the phrases, then propagation."""
    import transformers

    picture = {"size": {"height": SAM3_SIZE, "width": SAM3_SIZE}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    processor = transformers.Sam3VideoProcessor(
        image_processor=transformers.Sam3ImageProcessor(**picture),
        video_processor=transformers.Sam2VideoVideoProcessor(**picture),
        tokenizer=transformers.CLIPTokenizer.from_pretrained(folder),
    )
    session = processor.init_video_session(video=[frame.image[..., ::-1].copy() for frame in video_of(count)])
    processor.add_text_prompt(session, PHRASES)
    return [(out, set(session.hotstart_removed_obj_ids)) for out in model.propagate_in_video_iterator(session)]


@pytest.mark.parametrize("run", KINDS_OF_RUN)
def test_streaming_equals_the_whole_video_in_plain_transformers(model_of, monkeypatch, run):
    folder, model = model_of(run, **PLAIN)
    found = tracker(folder, conditioning=100)
    found._load()
    # memories are rounded to bf16, where differences of 1e-7 can become such of 1 in 256: both sides do without it
    monkeypatch.setattr(torch, "bfloat16", torch.float32)
    ours = list(found.seen(video_of(24), prompts_of(PHRASES)))
    plain = plain_run(folder, model, 24)
    numbers, ends = set(), 0
    for (frame, seen, ended), (expected, removed) in zip(ours, plain, strict=True):
        assert frame.index == expected.frame_idx
        assert set(seen.logits) & ended == set(seen.logits) & removed
        numbers |= set(seen.logits)
        if seen.ended:  # there transformers gives things each other's masks
            ends += 1
            continue
        assert set(seen.logits) == set(expected.obj_id_to_mask)
        assert seen.hidden == expected.suppressed_obj_ids
        for number, logits in seen.logits.items():
            assert float((logits - expected.obj_id_to_mask[number][0]).abs().max()) < TOLERANCE
            assert seen.scores[number] == pytest.approx(expected.obj_id_to_score[number], abs=TOLERANCE)
            assert seen.presence[number] == pytest.approx(expected.obj_id_to_tracker_score[number], abs=TOLERANCE)
    assert len(numbers) == 2 if run.startswith("two") else len(numbers) > 2
    assert (ends > 3) == (run == "things that turn out to be none")


def test_a_thing_keeps_its_mask_when_another_one_ends(model_of, monkeypatch):
    from kinescribe.perception.grounded_sam import _sam3_step

    folder, _ = model_of("things that turn out to be none", **PLAIN, recondition_every_nth_frame=0)
    carry, carried = _sam3_step._carried, []

    def recorded(model, session, step):
        before = list(session.obj_ids)
        logits, presence = carry(model, session, step)
        carried.append((dict(zip(before, logits.clone(), strict=True)), dict(zip(before, presence.sigmoid().tolist(), strict=True))))
        return logits, presence

    monkeypatch.setattr(_sam3_step, "_carried", recorded)
    compared = 0
    for seen, (masks, presence) in zip(seen_by(tracker(folder), 24), carried, strict=True):
        assert not seen.ended & set(seen.logits)
        for number in set(masks) & set(seen.logits) if seen.ended else ():
            assert torch.equal(seen.logits[number], masks[number])
            assert seen.presence[number] == pytest.approx(presence[number])
            compared += 1
    assert compared > 3


def test_detections_and_ids_come_for_each_frame_in_order(model_of):
    folder, _ = model_of("two things from the first frame on", **PLAIN)
    found = tracker(folder, batch_size=4)
    assert isinstance(found, ConceptTracker)
    out = list(found.track(video_of(12), ["cart | trolley", "red ball"]))
    assert [detections.frame for detections, _ in out] == list(range(12))
    assert [detections.time_s for detections, _ in out] == pytest.approx([0.04 * k for k in range(12)])
    total = 0
    for detections, ids in out:
        assert ids.dtype == np.int64
        assert len(set(ids.tolist())) == len(ids) == len(detections) == len(detections.masks)
        assert set(detections.phrases) <= {"cart", "red ball"}
        assert ((detections.scores > 0) & (detections.scores < 1)).all()
        assert all(mask.pixels.any() and mask.x + mask.pixels.shape[1] <= 60 for mask in detections.masks)
        total += len(detections)
    assert total >= 12
    assert found.provenance["family"] == "sam3-video"


def test_held_back_frames_hide_what_turns_out_to_be_none(model_of):
    folder, _ = model_of("things that turn out to be none", **PLAIN)
    found = tracker(folder)
    shown = {int(number) for _, ids in found.track(video_of(14), PHRASES) for number in ids}
    ended = {number for seen in seen_by(found, 14) for number in seen.ended}
    assert ended
    assert not shown & ended


def test_frames_encoded_in_batches_change_nothing(model_of, monkeypatch):
    folder, _ = model_of("things that come later", **PLAIN)
    one, four = tracker(folder), tracker(folder, batch_size=4)
    one._load(), four._load()
    monkeypatch.setattr(torch, "bfloat16", torch.float32)
    for alone, together in zip(seen_by(one, 18), seen_by(four, 18), strict=True):
        assert set(alone.logits) == set(together.logits)
        assert all(float((alone.logits[n] - together.logits[n]).abs().max()) < TOLERANCE for n in alone.logits)


def test_memory_does_not_grow_with_the_video(model_of):
    folder, _ = model_of("two things from the first frame on", **PLAIN)
    steps = tracker(folder, conditioning=3).seen(video_of(160), prompts_of(PHRASES))
    sizes, entries = [], []
    for _, seen, _ in steps:
        assert len(seen.logits) == 2
        session = steps.gi_frame.f_locals["session"]
        sizes.append(tensor_bytes(session))
        entries.append(count_entries(vars(session)))
        assert len(steps.gi_frame.f_locals["held"]) < 5
        kept = session.output_dict_per_obj[0]["cond_frame_outputs"]
        assert min(kept) == 0
        assert len(kept) <= 3
    assert max(sizes[120:]) == max(sizes[80:120]) > 0  # the video repeats itself after 40 frames; the third confirmation is in frame 80
    assert max(entries[120:]) == max(entries[80:120])


def count_entries(item: Any) -> int:
    """Entries of all containers inside containers."""
    if isinstance(item, dict):
        return len(item) + sum(count_entries(value) for value in item.values())
    return len(item) + sum(map(count_entries, item)) if isinstance(item, (list, tuple, set)) else 0


def test_no_code_is_fetched_and_suppression_works_all_the_same(model_of, monkeypatch):
    from transformers.models.sam3_video import modeling_sam3_video

    monkeypatch.setattr(modeling_sam3_video, "_load_cv_utils_kernel_once", lambda: pytest.fail("would fetch code"))
    without, _ = model_of("two things from the first frame on", **PLAIN)
    cleaned, _ = model_of("two things from the first frame on", det_nms_thresh=0.01, fill_hole_area=16)
    many, few = (seen_by(tracker(folder), 6, ["cart: 0.05"]) for folder in (without, cleaned))
    assert len(few[0].logits) == 1 < len(many[0].logits)


def test_a_threshold_of_its_own_lets_a_kind_in_or_keeps_it_out(model_of):
    folder, _ = model_of("two things from the first frame on", **PLAIN)
    found = tracker(folder)
    low, high = seen_by(found, 2, ["cart: 0.05", "red ball: 0.99"]), seen_by(found, 2, ["cart: 0.99", "red ball: 0.99"])
    assert not high[0].logits
    assert len(low[0].logits) == 3  # all queries
    assert set(low[0].kinds.values()) == {0}


def test_scores_are_reported_as_the_model_gave_them(model_of):
    folder, _ = model_of("two things from the first frame on", **PLAIN)
    found = tracker(folder)
    plain, low = (next(iter(found.track(video_of(6), phrases)))[0] for phrases in (["cart"], ["cart: 0.3"]))
    assert len(plain) == len(low) == 1
    assert low.scores[0] == pytest.approx(plain.scores[0], abs=TOLERANCE)
    assert 0.3 < low.scores[0] < 0.5


def test_synonyms_are_one_kind_and_found_once(model_of):
    folder, _ = model_of("two things from the first frame on", det_nms_thresh=0.1, fill_hole_area=0)
    found = tracker(folder)
    one, two = seen_by(found, 3, ["cart"]), seen_by(found, 3, ["cart | cart."])
    assert set(two[-1].kinds.values()) == {0}
    assert len(two[0].logits) <= 2 * len(one[0].logits)


def test_half_precision_runs(model_of):
    folder, _ = model_of("two things from the first frame on", **PLAIN)
    out = list(tracker(folder, precision="bf16").track(video_of(7), PHRASES))
    assert len(out) == 7


@pytest.mark.parametrize(
    ("phrases", "words"),
    [
        ([], "SAM 3 needs to know what to look for"),
        (["@cart.png"], r"searches by words, not by the picture '@cart.png'"),
        (["z" * 60], r"is 6\d tokens long, SAM 3 reads 32"),
    ],
)
def test_what_can_not_be_asked_for_is_told(model_of, phrases, words):
    folder, _ = model_of("two things from the first frame on", **PLAIN)
    with pytest.raises(UsageError, match=words):
        list(tracker(folder).track(video_of(2), phrases))


def test_a_folder_without_tokenizer_is_refused(tmp_path):
    write_sam3_video(tmp_path)
    for path in tmp_path.glob("*token*"):
        path.unlink()
    with pytest.raises(InputError, match="holds no tokenizer"):
        list(tracker(tmp_path).track(video_of(2), PHRASES))


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("config.json", {"low_res_mask_size": 100_000}, "low_res_mask_size = 100000"),
        ("config.json", {"hotstart_delay": 10**6}, "hotstart_delay = 1000000"),
        (
            "tokenizer_config.json",
            {"eos_token": None, "bos_token": None, "pad_token": None},
            "lacks the|doesn't load|does not fit|can't be run",
        ),
    ],
)
def test_a_folder_that_does_not_fit_itself_is_refused(tmp_path, file, change, words):
    write_sam3_video(tmp_path)
    content = json.loads((tmp_path / file).read_text())
    (tmp_path / file).write_text(json.dumps(content | change))
    with pytest.raises(InputError, match=words):
        list(tracker(tmp_path).track(video_of(2), PHRASES))


def test_too_few_conditioning_frames_are_refused():
    with pytest.raises(UsageError, match="conditioning 1 frames"):
        Sam3VideoTracker(conditioning=1)


@given(st.floats(0, 1), st.floats(0.01, 0.99), st.floats(0.05, 0.95))
def test_the_score_scale_puts_the_threshold_on_the_models_own_and_can_be_undone(score, threshold, own):
    from kinescribe.perception.grounded_sam._sam3_detection import as_model_score, as_own_score

    scaled = float(as_model_score(torch.tensor([score], dtype=torch.float64), threshold, own)[0])
    assert 0 <= scaled <= 1 + 1e-9
    assert (scaled >= own - 1e-9) == (score >= threshold - 1e-9) or abs(score - threshold) < 1e-6
    assert as_own_score(scaled, threshold, own) == pytest.approx(score, abs=1e-9)


def test_of_overlapping_masks_the_better_stays():
    from kinescribe.perception.grounded_sam._mask_cleaning import kept_of_overlapping

    masks = torch.full((4, 10, 10), -1.0)
    masks[0, :, :5] = masks[1, :, 1:6] = 1  # 40 of 60 in common
    masks[2, :, 6:] = masks[3, :, 2:7] = 1  # the third shares 10 of 80 with the fourth; the fourth 40 of 60 with the second
    scores = torch.tensor([0.5, 0.9, 0.3, 0.8])
    assert kept_of_overlapping(masks, scores, 0.6).tolist() == [1, 2]
    assert kept_of_overlapping(masks, scores, 0.7).tolist() == [0, 1, 2, 3]
    assert kept_of_overlapping(masks[:0], scores[:0], 0.5).tolist() == []
    chain = kept_of_overlapping(masks[[0, 1, 3]], torch.tensor([0.9, 0.5, 0.8]), 0.6)
    assert chain.tolist() == [0, 2]  # one that is suppressed suppresses none


def test_holes_and_specks_go_and_small_things_stay():
    from kinescribe.perception.grounded_sam._mask_cleaning import fill_specks

    masks = torch.full((2, 12, 12), -5.0)
    masks[0, 1:9, 1:9] = 5
    masks[0, 4, 4] = masks[0, 5, 5] = -5  # a hole of two cells, over a corner
    masks[0, 11, 11] = 5  # a speck
    masks[1, 3, 3:5] = 5  # all there is
    out = fill_specks(masks, 3)
    assert (out[0] > 0).sum() == 64
    assert out[0, 4, 4] == pytest.approx(0.1)
    assert out[0, 11, 11] == pytest.approx(-0.1)
    assert torch.equal(out[1], masks[1])
    assert float(masks[0, 4, 4]) == -5
    assert (fill_specks(masks, 1)[0] > 0).sum() == 62
    assert fill_specks(masks, 0) is masks


def test_things_of_one_kind_share_no_pixel():
    square = np.ones((4, 4), np.float32)
    masks = [SoftMask(0, 0, square, 0.5), SoftMask(2, 0, square, 0.9), SoftMask(1, 1, square, 0.7)]
    one, two, other = without_overlap(masks, [0, 0, 1], (8, 8))
    assert one.coverage[:, 2:].sum() == 0
    assert one.coverage[:, :2].all()
    assert two.coverage.all()
    assert other.coverage.all()
    assert masks[0].coverage.all()
