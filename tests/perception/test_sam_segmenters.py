"""SAM and SAM 2 of transformers, against its plain recipe: processor, model, post-processing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kinescribe.errors import InputError
from kinescribe.perception.detections import SoftMask
from kinescribe.perception.grounded_sam.masks import cut_logits
from kinescribe.perception.grounded_sam.runtime import Runtime
from kinescribe.perception.grounded_sam.sam import Sam2Segmenter, SamSegmenter
from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision
from kinescribe.video.frame import Frame

SIDE = 128
BOXES = np.array([[20.0, 14.5, 61.0, 50.0], [70.5, 30.0, 120.0, 90.25], [3.0, 2.0, 9.0, 8.0]])
SIZES = [(96, 160), (150, 131), (128, 128)]
DECODER = {"hidden_size": 32, "mlp_dim": 48, "num_attention_heads": 4, "num_hidden_layers": 2, "iou_head_hidden_dim": 16}
PROMPTS = {"hidden_size": 32, "image_size": SIDE, "patch_size": 16, "mask_input_channels": 8}


def stirred(model: Any) -> Any:
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "rel_pos" in name or "pos_embed" in name:
                value.normal_(0, 0.3)
            elif value.ndim > 1:
                value.normal_(0, value[0].numel() ** -0.5 * 1.2)
    return model.eval()


def write_sam(folder: Path) -> Path:
    transformers = import_with_torchvision("transformers")
    torch.manual_seed(0)
    config = transformers.SamConfig(
        vision_config={
            "hidden_size": 24,
            "output_channels": 32,
            "num_hidden_layers": 3,
            "num_attention_heads": 3,
            "image_size": SIDE,
            "patch_size": 16,
            "window_size": 3,
            "global_attn_indexes": [1],
            "mlp_dim": 48,
            "num_pos_feats": 16,
        },
        prompt_encoder_config=PROMPTS | {"image_embedding_size": 8},
        mask_decoder_config=DECODER,
    )
    stirred(transformers.SamModel(config)).save_pretrained(folder)
    square = {"height": SIDE, "width": SIDE}
    processor = transformers.SamImageProcessor(
        size={"longest_edge": SIDE}, pad_size=square, mask_size={"longest_edge": 32}, mask_pad_size={"height": 32, "width": 32}
    )
    transformers.SamProcessor(processor).save_pretrained(folder)
    return folder


def write_sam2(folder: Path, *, video: bool = False) -> Path:
    transformers = import_with_torchvision("transformers")
    torch.manual_seed(1)
    vision = transformers.Sam2VisionConfig(
        backbone_config=transformers.Sam2HieraDetConfig(
            hidden_size=8,
            image_size=[SIDE, SIDE],
            blocks_per_stage=[1, 1, 2, 1],
            embed_dim_per_stage=[8, 16, 32, 64],
            num_attention_heads_per_stage=[1, 1, 2, 4],
            window_size_per_stage=[4, 2, 4, 2],
            global_attention_blocks=[3],
            window_positional_embedding_background_size=[4, 4],
        ),
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
        fpn_hidden_size=32,
    )
    if video:
        config = transformers.Sam2VideoConfig(
            vision_config=vision,
            prompt_encoder_config=PROMPTS,
            mask_decoder_config=DECODER,
            image_size=SIDE,
            memory_attention_hidden_size=32,
            memory_attention_feed_forward_hidden_size=32,
            memory_attention_num_layers=1,
            memory_attention_downsample_rate=1,
            memory_attention_rope_feat_sizes=[8, 8],
            memory_encoder_hidden_size=32,
            memory_encoder_output_channels=16,
            mask_downsampler_embed_dim=32,
            memory_fuser_embed_dim=32,
            memory_fuser_intermediate_dim=32,
            memory_fuser_num_layers=1,
        )
        model = transformers.Sam2VideoModel(config)
    else:
        config = transformers.Sam2Config(vision_config=vision, prompt_encoder_config=PROMPTS, mask_decoder_config=DECODER)
        model = transformers.Sam2Model(config)
    stirred(model).save_pretrained(folder)
    transformers.Sam2Processor(transformers.Sam2ImageProcessor(size={"height": SIDE, "width": SIDE})).save_pretrained(folder)
    return folder


KINDS = {"sam": (SamSegmenter, write_sam, "Sam"), "sam2": (Sam2Segmenter, write_sam2, "Sam2")}


@pytest.fixture(scope="module", params=list(KINDS))
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    return request.param, KINDS[request.param][1](tmp_path_factory.mktemp(request.param))


def segmenter(kind: str, folder: Path, **options: Any) -> Any:
    return KINDS[kind][0](weights=str(folder), runtime=Runtime.choose("cpu", precision="fp32", batch_size=4), **options)


def picture(height: int, width: int, seed: int = 0) -> Frame:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    image = np.kron(coarse, np.ones((8, 8, 1), np.uint8))[:height, :width]
    return Frame(seed, seed / 30, np.ascontiguousarray(image))


def recipe(kind: str, folder: Path, frame: Frame, boxes: np.ndarray, several: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits (N, K, h, w), trust (N, K) and upsampled logits (N, K, H, W) as transformers' documentation has it."""
    transformers = import_with_torchvision("transformers")
    name = KINDS[kind][2]
    model = getattr(transformers, f"{name}Model").from_pretrained(folder).eval()
    processor = getattr(transformers, f"{name}Processor").from_pretrained(folder)
    inputs = processor(images=frame.image[..., ::-1].copy(), input_boxes=[boxes.tolist()], return_tensors="pt")
    if kind == "sam":
        inputs["input_boxes"] = inputs["input_boxes"].float()
    with torch.no_grad():
        out = model(**{k: inputs[k] for k in ("pixel_values", "input_boxes")}, multimask_output=several)
    sizes = [inputs["reshaped_input_sizes"]] if kind == "sam" else []
    full = processor.post_process_masks(out.pred_masks, inputs["original_sizes"], *sizes, binarize=False)
    return out.pred_masks[0].numpy(), out.iou_scores[0].numpy(), full[0].numpy()


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_equal_to_the_plain_recipe(stored: tuple[str, Path], size: tuple[int, int], several: bool) -> None:
    kind, folder = stored
    frame = picture(*size)
    low, trust, full = recipe(kind, folder, frame, BOXES, several)
    ours, trusted = segmenter(kind, folder, best_of_three=several).logits(frame, BOXES)
    assert low.std() > 0.05
    np.testing.assert_allclose(ours, low, atol=1e-4)
    np.testing.assert_allclose(trusted, trust, atol=1e-4)
    square = (SIDE, (int(size[0] * SIDE / max(size) + 0.5), int(size[1] * SIDE / max(size) + 0.5))) if kind == "sam" else None
    for k in range(len(BOXES)):
        for (x, y, cut), whole in zip(cut_logits(torch.from_numpy(ours[k]), size, square=square), full[k], strict=True):
            np.testing.assert_allclose(cut, whole[y : y + cut.shape[0], x : x + cut.shape[1]], atol=1e-4)
            outside = np.ones(size, bool)
            outside[y : y + cut.shape[0], x : x + cut.shape[1]] = False
            assert not (whole[outside] > 0).any()


def equal(first: SoftMask, second: SoftMask) -> bool:
    return (first.x, first.y) == (second.x, second.y) and np.allclose(first.coverage, second.coverage, atol=1e-4)


def test_a_batch_is_its_frames_one_by_one(stored: tuple[str, Path]) -> None:
    ours = segmenter(*stored)
    frames = [picture(96, 160, seed) for seed in range(8)]
    boxes = [BOXES[: k % 4] for k in range(8)]
    together = ours.segment_batch(frames, boxes)
    alone = [ours.segment(frame, rows) for frame, rows in zip(frames, boxes, strict=True)]
    assert [len(masks) for masks in together] == [len(rows) for rows in boxes]
    assert sum(not mask.empty for masks in together for mask in masks) >= 6
    for one, other in zip(together, alone, strict=True):
        assert all(equal(a, b) for a, b in zip(one, other, strict=True))


def test_best_of_three_takes_the_mask_that_the_model_trusts_most(stored: tuple[str, Path]) -> None:
    ours, frame = segmenter(*stored, best_of_three=True), picture(96, 160)
    _, trust = ours.logits(frame, BOXES)
    masks = ours.segment(frame, BOXES)
    seen = [(mask.score, float(np.clip(row.max(), 0, 1))) for mask, row in zip(masks, trust, strict=True) if not mask.empty]
    assert seen
    assert all(score == pytest.approx(best, abs=1e-4) for score, best in seen)


def test_masks_know_their_place(stored: tuple[str, Path]) -> None:
    ours, frame = segmenter(*stored), picture(96, 160)
    for mask in ours.segment(frame, BOXES):
        assert mask.coverage.dtype == np.float32
        height, width = mask.coverage.shape
        assert 0 <= mask.x <= mask.x + width <= 160
        assert 0 <= mask.y <= mask.y + height <= 96
        assert 0 <= mask.score <= 1
        if not mask.empty:
            assert mask.coverage.any(1)[[0, -1]].all()
            assert mask.coverage.any(0)[[0, -1]].all()
            assert mask.coverage.min() >= 0
            assert mask.coverage.max() <= 1


def test_odd_boxes(stored: tuple[str, Path]) -> None:
    ours, frame = segmenter(*stored), picture(96, 160)
    odd = np.array([[5.0, 5.0, 5.0, 9.0], [np.nan] * 4, [500.0, 5.0, 600.0, 9.0]])
    assert all(mask.empty for mask in ours.segment(frame, odd))
    assert ours.segment(frame, np.zeros((0, 4))) == []


def test_folders_of_the_video_model_serve(tmp_path: Path) -> None:
    folder = write_sam2(tmp_path, video=True)
    assert json.loads((folder / "config.json").read_text())["model_type"] == "sam2_video"
    ours = segmenter("sam2", folder)
    frame = picture(96, 160)
    low, _, _ = recipe("sam2", folder, frame, BOXES, False)
    np.testing.assert_allclose(ours.logits(frame, BOXES)[0], low, atol=1e-4)
    assert ours.provenance["name"] == tmp_path.name


def test_half_precision_is_near(stored: tuple[str, Path]) -> None:
    kind, folder = stored
    frame = picture(96, 160)
    rough = KINDS[kind][0](weights=str(folder), runtime=Runtime.choose("cpu", precision="bf16"))
    exact, _ = segmenter(kind, folder).logits(frame, BOXES)
    ours, _ = rough.logits(frame, BOXES)
    assert ours.dtype == np.float32
    assert np.abs(ours - exact).max() < 0.15 * np.abs(exact).max()
    assert len(rough.segment(frame, BOXES)) == 3


@pytest.mark.parametrize(("kind", "other"), [("sam", "sam2"), ("sam2", "sam")])
def test_the_other_model_s_folder_is_refused(tmp_path: Path, kind: str, other: str) -> None:
    folder = KINDS[other][1](tmp_path)
    with pytest.raises((InputError, ValueError)) as caught:
        segmenter(kind, folder).segment(picture(96, 160), BOXES)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [{"image_mean": [0.5]}, {"image_mean": None}, {"image_std": [0.0, 0.2, 0.2]}, {"rescale_factor": "a lot"}, {"rescale_factor": -1}],
)
def test_preprocessing_that_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = write_sam(tmp_path)
    path = folder / "processor_config.json"
    content = json.loads(path.read_text())
    content["image_processor"] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"processor_config.json gives .* for {min(change)}; it must be"):
        segmenter("sam", folder).segment(picture(96, 160), BOXES)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("prompt_encoder_config", {"image_size": 1}),
        ("mask_decoder_config", {"num_attention_heads": 3}),
        ("vision_config", {"patch_size": 7}),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(tmp_path: Path, part: str, change: dict[str, Any]) -> None:
    folder = write_sam(tmp_path)
    content = json.loads((folder / "config.json").read_text())
    content[part] |= change
    (folder / "config.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"prompts on|can't be run|does not fit|makes no SamModel"):
        segmenter("sam", folder).segment(picture(96, 160), BOXES)
