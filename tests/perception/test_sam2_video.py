from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_video_models import SAM2_SIZE, moving_video, tensor_bytes, write_sam2_video

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.detections import MaskCrop
from kinescribe.perception.grounded_sam.sam2_video import Sam2VideoPropagator
from kinescribe.perception.protocols import Propagator
from kinescribe.video.frame import Frame

torch = pytest.importorskip("torch")

TOLERANCE = 1e-4
MASKS = {
    7: MaskCrop(4, 5, np.ones((14, 12), bool)),
    3: MaskCrop(40, 20, np.ones((15, 18), bool)),
    5: MaskCrop(20, 8, np.ones((9, 21), bool)),
}


@pytest.fixture(scope="module")
def sam2(tmp_path_factory) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("sam2")
    return folder, write_sam2_video(folder)


def frames_of(images) -> list[Frame]:
    return [Frame(k, k / 25, image) for k, image in enumerate(images)]


def propagator(folder: Path, *, batch_size: int = 1, precision: str = "fp32", **options: Any) -> Sam2VideoPropagator:
    from kinescribe.perception.grounded_sam.runtime import Runtime

    return Sam2VideoPropagator(weights=str(folder), runtime=Runtime.choose("cpu", precision=precision, batch_size=batch_size), **options)


def keep_memories_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers rounds memories to bf16: numbers that differ by 1e-7 may be rounded to such that differ by 1 in 256, and what comes of
    them by some 1e-4. So that differences of another kind show, both sides do without the rounding. To be called with all models loaded."""
    monkeypatch.setattr(torch, "bfloat16", torch.float32)


class Recorder:
    """Keeps the logits and presence that a propagator's model gave for each id in each step."""

    def __init__(self, followed: Sam2VideoPropagator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.logits: list[dict[int, Any]] = []
        self.presence: list[dict[int, float]] = []
        self.batches: list[int] = []
        propagation = followed._load()[0]
        carry, step = propagation.carry, followed.step

        def carried(features, things, number):
            out = carry(features, things, number)
            self.batches.append(len(things))
            self._now += [(masks.logits[0, 0], float(masks.presence[0])) for masks, _ in out]
            return out

        def stepped(frame):
            self._now: list[Any] = []
            masks = step(frame)
            self.logits.append({number: logits for number, (logits, _) in zip(masks, self._now, strict=True)})
            self.presence.append({number: presence for number, (_, presence) in zip(masks, self._now, strict=True)})
            return masks

        monkeypatch.setattr(propagation, "carry", carried)
        monkeypatch.setattr(followed, "step", stepped)


def plain_processor() -> Any:
    import transformers

    size = {"height": SAM2_SIZE, "width": SAM2_SIZE}
    return transformers.Sam2VideoProcessor(transformers.Sam2ImageProcessor(size=size), transformers.Sam2VideoVideoProcessor(size=size))


def plain_run(model: Any, images, prompts: dict[int, dict[int, MaskCrop]]) -> list[dict[int, tuple[Any, float]]]:
    """The documented use of transformers: the whole video in a session, masks by frame and id, then propagation.

    One session for each thing: in a session, a prompt for one thing changes what is remembered of the others in that frame.
    """
    out: list[dict[int, tuple[Any, float]]] = [{} for _ in images]
    processor = plain_processor()
    for number in {number for masks in prompts.values() for number in masks}:
        session = processor.init_video_session(video=[image[..., ::-1].copy() for image in images])
        shown = {frame: masks[number] for frame, masks in prompts.items() if number in masks}
        for k in range(min(shown), len(images)):
            if k in shown:
                processor.add_inputs_to_inference_session(session, k, [number], input_masks=[shown[k].full(*images[0].shape[:2])])
            answer = model(session, frame_idx=k)
            out[k][number] = (answer.pred_masks[0, 0], float(answer.object_score_logits[0, 0]))
    return out


def together_run(model: Any, images, prompts: dict[int, MaskCrop]) -> list[dict[int, tuple[Any, float]]]:
    """The same with all things in one session, prompted in the first frame."""
    processor = plain_processor()
    session = processor.init_video_session(video=[image[..., ::-1].copy() for image in images])
    crops = [mask.full(*images[0].shape[:2]) for mask in prompts.values()]
    processor.add_inputs_to_inference_session(session, 0, list(prompts), input_masks=crops)
    return [
        {n: (answer.pred_masks[i, 0], float(answer.object_score_logits[i, 0])) for i, n in enumerate(answer.object_ids)}
        for answer in model.propagate_in_video_iterator(session, start_frame_idx=0)
    ]


def follow(followed: Sam2VideoPropagator, frames: list[Frame], prompts: dict[int, dict[int, MaskCrop]]) -> list[dict[int, Any]]:
    out = []
    for frame in frames:
        out.append(followed.step(frame))
        if frame.index in prompts:
            followed.prompt(frame, prompts[frame.index])
    return out


def assert_equal(record: Recorder, plain: list[dict[int, tuple[Any, float]]], prompts: dict[int, dict[int, MaskCrop]]) -> None:
    compared = 0
    for k, expected in enumerate(plain):
        for number, (logits, presence) in expected.items():
            if number in prompts.get(k, {}):
                continue  # there transformers gives the prompt back
            assert abs(record.presence[k][number] - presence) < TOLERANCE, (k, number)
            assert float((record.logits[k][number] - logits).abs().max()) < TOLERANCE, (k, number)
            compared += 1
    assert compared > 20


def test_streaming_equals_the_whole_video_for_several_things_at_once(sam2, monkeypatch):
    folder, model = sam2
    images = moving_video(24)
    followed = propagator(folder)
    record = Recorder(followed, monkeypatch)
    keep_memories_exact(monkeypatch)
    follow(followed, frames_of(images), {0: MASKS})
    plain = together_run(model, images, MASKS)
    assert_equal(record, plain, {0: MASKS})
    assert set(record.batches) == {3}
    views = [presence > 0 for seen in record.presence for presence in seen.values()]
    assert 0.1 < np.mean(views) < 0.95  # both branches were compared
    moved = [float((plain[k][7][0] - plain[k][3][0]).abs().max()) for k in range(1, 24)]
    assert max(moved) > 100 * TOLERANCE  # and the things differ


def test_rounded_memories_stay_close_to_plain_transformers(sam2, monkeypatch):
    folder, model = sam2
    images = moving_video(24)
    followed = propagator(folder)
    record = Recorder(followed, monkeypatch)
    follow(followed, frames_of(images), {0: MASKS})
    plain = together_run(model, images, MASKS)
    errors = [float((record.logits[k][n] - plain[k][n][0]).abs().max()) for k in range(1, 24) for n in MASKS]
    assert np.median(errors) < TOLERANCE
    assert max(errors) < 20 * TOLERANCE
    held = next(iter(followed._things.values())).shown.values()
    assert {memory.features.dtype for memory in held} == {torch.bfloat16}


def test_memory_matters_in_the_small_model(sam2, monkeypatch):
    folder, _ = sam2
    records = []
    for mask in (MASKS[7], MASKS[3]):
        followed = propagator(folder)
        records.append(Recorder(followed, monkeypatch))
        follow(followed, frames_of(moving_video(10)), {0: {1: mask}})
    assert max(abs(a[1] - b[1]) for a, b in zip(*(r.presence[1:] for r in records), strict=True)) > 10 * TOLERANCE


def test_things_that_come_later_and_prompts_that_are_repeated(sam2, monkeypatch):
    folder, model = sam2
    images = moving_video(30)
    shifted = MaskCrop(12, 6, np.ones((12, 12), bool))
    prompts = {0: {7: MASKS[7]}, 5: {3: MASKS[3]}, 9: {7: shifted}, 10: {7: MASKS[7], 5: MASKS[5]}, 22: {3: shifted}}
    followed = propagator(folder)
    record = Recorder(followed, monkeypatch)
    keep_memories_exact(monkeypatch)
    follow(followed, frames_of(images), prompts)
    assert_equal(record, plain_run(model, images, prompts), prompts)


def test_a_prompt_in_the_same_frame_replaces_what_was_carried(sam2, monkeypatch):
    folder, _ = sam2
    frames = frames_of(moving_video(8))
    once, twice = propagator(folder), propagator(folder)
    records = Recorder(once, monkeypatch), Recorder(twice, monkeypatch)
    follow(once, frames, {0: {1: MASKS[7]}, 4: {1: MASKS[5]}})
    for frame in frames:
        twice.step(frame)
        if frame.index == 0:
            twice.prompt(frame, {1: MASKS[7]})
        if frame.index == 4:
            twice.prompt(frame, {1: MASKS[3]})
            twice.prompt(frame, {1: MASKS[5]})
    for one, two in zip(*(record.logits for record in records), strict=True):
        assert one.keys() == two.keys()
        assert all(torch.equal(one[number], two[number]) for number in one)


@pytest.mark.parametrize("attended", [1, 2])
def test_a_model_that_attends_to_few_conditioning_frames(tmp_path, monkeypatch, attended):
    model = write_sam2_video(tmp_path, seed=4, max_cond_frame_num=attended)
    images = moving_video(20)
    prompts = {k: {7: MASKS[7 if k % 2 else 5]} for k in (0, 3, 6, 7, 12)}
    followed = propagator(tmp_path, conditioning=10)
    record = Recorder(followed, monkeypatch)
    keep_memories_exact(monkeypatch)
    follow(followed, frames_of(images), prompts)
    plain = plain_run(model, images, prompts)
    compared = [float((record.logits[k][7] - seen[7][0]).abs().max()) for k, seen in enumerate(plain) if 7 in seen and k not in prompts]
    assert len(compared) == 15
    assert max(compared) < TOLERANCE


def test_features_made_ahead_and_in_batches_change_nothing(sam2, monkeypatch):
    folder, _ = sam2
    frames = frames_of(moving_video(14))
    alone, ahead = propagator(folder), propagator(folder, batch_size=4)
    records = Recorder(alone, monkeypatch), Recorder(ahead, monkeypatch)
    keep_memories_exact(monkeypatch)
    follow(alone, frames, {0: MASKS})
    sizes = []
    encode = ahead._load()[0].encode
    monkeypatch.setattr(ahead._load()[0], "encode", lambda pixels: sizes.append(len(pixels)) or encode(pixels))
    for start in (0, 7):
        ahead.encode_ahead(frames[start : start + 7])
        for frame in frames[start : start + 7]:
            ahead.step(frame)
            if frame.index == 0:
                ahead.prompt(frame, MASKS)
    assert sizes == [4, 3, 4, 3]
    for one, two in zip(*(record.logits for record in records), strict=True):
        assert all(float((one[number] - two[number]).abs().max()) < TOLERANCE for number in one)
        assert one.keys() == two.keys()


def test_nothing_is_encoded_while_nothing_is_followed(sam2, monkeypatch):
    folder, _ = sam2
    followed = propagator(folder)
    monkeypatch.setattr(followed, "_features", lambda frame: pytest.fail("encoded"))
    assert all(followed.step(frame) == {} for frame in frames_of(moving_video(3)))


def test_masks_are_those_of_the_logits_and_score_presence_times_overlap(sam2, monkeypatch):
    from kinescribe.perception.grounded_sam.masks import masks_from_logits

    folder, _ = sam2
    followed = propagator(folder)
    record = Recorder(followed, monkeypatch)
    out = follow(followed, frames_of(moving_video(20)), {0: MASKS})
    empty = 0
    for masks, logits, presence in zip(out[1:], record.logits[1:], record.presence[1:], strict=True):
        for number, mask in masks.items():
            expected = masks_from_logits(logits[number][None], (40, 60), [0.5])[0]
            assert (mask.x, mask.y, mask.coverage.shape) == (expected.x, expected.y, expected.coverage.shape)
            assert np.array_equal(mask.coverage, expected.coverage)
            share = 1 / (1 + np.exp(-presence[number]))
            assert 0 < mask.score <= share + 1e-6
            if presence[number] <= 0:
                assert mask.empty
                empty += 1
    assert 0 < empty < 3 * 19


def test_memory_is_as_large_after_240_frames_as_after_60(sam2):
    folder, _ = sam2
    followed = propagator(folder)
    images = moving_video(40)
    frames = (Frame(k, k / 25, images[k % 40]) for k in range(241))
    sizes = {}
    for frame in frames:
        followed.step(frame)
        if frame.index % 20 == 0:  # a prompt each 20 frames, and one thing that comes and goes
            followed.prompt(frame, {1: MASKS[7], 100 + frame.index: MASKS[5]})
            followed.drop([100 + frame.index])
        if frame.index in (60, 79, 239, 240):
            held = {name: value for name, value in vars(followed).items() if name != "_loaded"}
            sizes[frame.index] = tensor_bytes(held, followed._load()[0]._spatial)
    assert sizes[60] > 0
    assert sizes[240] == sizes[60]
    assert sizes[239] == sizes[79]


def test_first_and_latest_prompts_are_kept(sam2):
    folder, _ = sam2
    followed = propagator(folder, conditioning=3)
    follow(followed, frames_of(moving_video(12)), {k: {1: MASKS[7]} for k in range(0, 12, 2)})
    assert sorted(followed._things[1].shown) == [1, 9, 11]  # numbered by step, from 1


def test_dropped_things_are_followed_no_longer(sam2):
    folder, _ = sam2
    followed = propagator(folder)
    frames = frames_of(moving_video(4))
    followed.step(frames[0])
    followed.prompt(frames[0], MASKS)
    followed.drop([3])
    assert set(followed.step(frames[1])) == {7, 5}
    with pytest.raises(UsageError, match=r"thing 3 .* 7, 5 is followed"):
        followed.drop([3])
    followed.reset()
    assert followed.step(frames[0]) == {}
    assert isinstance(followed, Propagator)


def test_a_thing_smaller_than_a_pixel_of_the_model_is_still_shown(sam2):
    from kinescribe.perception.grounded_sam.sam2_video import _prompts

    frame = Frame(0, 0.0, np.zeros((640, 960, 3), np.uint8))
    small, large = MaskCrop(500, 300, np.ones((3, 3), bool)), MaskCrop(100, 100, np.ones((200, 300), bool))
    masks = _prompts([small, large], frame, 64, "cpu")
    assert 1 <= float(masks[0].sum()) <= 4
    assert masks[0, 0, 30, 33] == 1
    assert float(masks[1].sum()) == pytest.approx(200 * 300 / 150, rel=0.1)


def test_prompts_are_scaled_as_transformers_scales_them(sam2):
    from kinescribe.perception.grounded_sam.sam2_video import _prompts

    frame = Frame(0, 0.0, np.zeros((90, 130, 3), np.uint8))
    rng = np.random.default_rng(0)
    crop = MaskCrop(10, 20, rng.random((50, 60)) < 0.7)
    processor = plain_processor()
    session = processor.init_video_session()
    processor.add_inputs_to_inference_session(session, 0, [1], input_masks=[crop.full(90, 130)], original_size=(90, 130))
    assert torch.equal(_prompts([crop], frame, 64, "cpu"), session.mask_inputs_per_obj[0][0])


def test_half_precision_runs_and_stays_close(sam2):
    folder, _ = sam2
    frames = frames_of(moving_video(4))
    out = follow(propagator(folder, precision="bf16"), frames, {0: MASKS})
    exact = follow(propagator(folder), frames, {0: MASKS})
    assert [list(masks) for masks in out] == [list(masks) for masks in exact]
    assert all(abs(out[1][n].score - exact[1][n].score) < 0.1 for n in MASKS)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda p, f: p.step(f[0]), r"frame 0 after frame 1: step through a video in order"),
        (lambda p, f: p.prompt(f[0], MASKS), r"prompts for frame 0, but the last step was to 1"),
        (lambda p, f: p.prompt(f[1], {4: MaskCrop(0, 0, np.zeros((3, 3), bool))}), r"the mask of thing 4 in frame 1 has no pixel"),
        (lambda p, f: p.drop([9]), r"thing 9 can't be dropped: nothing is followed"),
    ],
)
def test_misuse_is_told(sam2, act, words):
    followed = propagator(sam2[0])
    frames = frames_of(moving_video(2))
    for frame in frames:
        followed.step(frame)
    with pytest.raises(UsageError, match=words):
        act(followed, frames)


def test_too_few_conditioning_frames_are_refused():
    with pytest.raises(UsageError, match="conditioning 1 frames"):
        Sam2VideoPropagator(conditioning=1)


def test_a_processor_that_does_not_fit_the_model_is_refused(tmp_path):
    write_sam2_video(tmp_path)
    path = tmp_path / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"size": {"height": 96, "width": 96}}))
    followed = propagator(tmp_path)
    frame = Frame(0, 0.0, moving_video(1)[0])
    followed.step(frame)
    with pytest.raises(InputError, match="96 x 96 px, and its model takes 64 x 64 px"):
        followed.prompt(frame, MASKS)


def test_provenance_is_known_once_loaded(sam2):
    followed = propagator(sam2[0])
    assert followed.provenance == {}
    follow(followed, frames_of(moving_video(2)), {0: MASKS})
    assert followed.provenance["family"] == "sam2-video"
    assert len(followed.provenance["sha256"]) == 64


def test_importing_and_asking_what_is_missing_needs_no_torch(tmp_path):
    code = (
        "import sys\n"
        "from kinescribe.perception.grounded_sam.sam2_video import Sam2VideoPropagator as A\n"
        "from kinescribe.perception.grounded_sam.sam3_video import Sam3VideoTracker as B\n"
        "print(A.missing(), '|', B.missing()); A(); B()\n"
        "assert not {'torch', 'transformers', 'torchvision', 'httpx'} & set(sys.modules)\n"
    )
    environment = {"PATH": "", "HOME": str(tmp_path), "HF_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "sam2.1-hiera-tiny" in done.stdout
    assert "gated" in done.stdout


def test_a_configuration_that_only_fails_with_memories_is_told(tmp_path):
    write_sam2_video(tmp_path, memory_attention_rope_feat_sizes=[1, 1])
    with pytest.raises(InputError, match=r"the model in .* can't be run \(RuntimeError"):
        follow(propagator(tmp_path), frames_of(moving_video(6)), {0: MASKS})
