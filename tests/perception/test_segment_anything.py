"""Original SAM checkpoints of any size, against the package's own predictor."""

from __future__ import annotations

import importlib
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.detections import SoftMask
from kinescribe.perception.grounded_sam._pillow_resize import pillow_resize
from kinescribe.perception.grounded_sam._segment_anything_model import Architecture
from kinescribe.perception.grounded_sam.masks import cleaned, coverage_of, cut_logits
from kinescribe.perception.grounded_sam.runtime import Runtime
from kinescribe.perception.grounded_sam.segment_anything import SegmentAnythingSegmenter
from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision
from kinescribe.video.frame import Frame

SIDE = 128
BOXES = np.array([[20.0, 14.5, 61.0, 50.0], [70.5, 30.0, 120.0, 90.25], [3.0, 2.0, 9.0, 8.0]])


def small_sam(seed: int = 0, window: int = 3, whole: tuple[int, ...] = (1,)) -> Any:
    """A network of the package with eight patches a side."""
    modeling = import_with_torchvision("segment_anything.modeling")
    torch.manual_seed(seed)
    sam = modeling.Sam(
        modeling.ImageEncoderViT(
            img_size=SIDE,
            patch_size=16,
            embed_dim=24,
            depth=3,
            num_heads=3,
            mlp_ratio=2,
            out_chans=32,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=window,
            global_attn_indexes=whole,
        ),
        modeling.PromptEncoder(embed_dim=32, image_embedding_size=(8, 8), input_image_size=(SIDE, SIDE), mask_in_chans=8),
        modeling.MaskDecoder(
            transformer_dim=32,
            transformer=modeling.TwoWayTransformer(depth=2, embedding_dim=32, mlp_dim=48, num_heads=8),
            iou_head_hidden_dim=16,
        ),
    ).eval()
    with torch.no_grad():
        for name, value in sam.named_parameters():
            if "rel_pos" in name or "pos_embed" in name:
                value.normal_(0, 0.3)
            elif value.ndim > 1:
                value.mul_(2)
    return sam


def picture(height: int, width: int, seed: int = 0) -> Frame:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    image = np.kron(coarse, np.ones((8, 8, 1), np.uint8))[:height, :width]
    return Frame(seed, seed / 30, np.ascontiguousarray(image))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sam") / "small.pth"
    torch.save(small_sam().state_dict(), path)
    return path


def segmenter(path: Path, **options: Any) -> SegmentAnythingSegmenter:
    return SegmentAnythingSegmenter(weights=str(path), runtime=Runtime.choose("cpu", precision="fp32", batch_size=4), **options)


def predictor() -> Any:
    import_with_torchvision("segment_anything")
    return importlib.import_module("segment_anything").SamPredictor(small_sam())


@pytest.mark.parametrize("size", [(96, 160), (150, 101), (40, 60), (128, 128)])
def test_logits_equal_the_predictor_s(checkpoint: Path, size: tuple[int, int]) -> None:
    frame = picture(*size)
    boxes = np.minimum(BOXES, [size[1], size[0]] * 2)
    boxes = boxes[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])]
    single, several = segmenter(checkpoint), segmenter(checkpoint, best_of_three=True)
    theirs = predictor()
    theirs.set_image(frame.image[..., ::-1])
    for several_masks, ours in ((False, single), (True, several)):
        logits, trust = ours.logits(frame, boxes)
        for k, box in enumerate(boxes):
            full, iou, low = theirs.predict(box=box, multimask_output=several_masks, return_logits=True)
            assert np.abs(low).max() > 0.1
            np.testing.assert_allclose(logits[k], low, atol=1e-4)
            np.testing.assert_allclose(trust[k], iou, atol=1e-4)
            square = (SIDE, (round(size[0] * SIDE / max(size)), round(size[1] * SIDE / max(size))))
            for mask, whole in zip(cut_logits(torch.from_numpy(logits[k]), size, square=square), full, strict=True):
                x, y, cut = mask
                np.testing.assert_allclose(cut, whole[y : y + cut.shape[0], x : x + cut.shape[1]], atol=1e-4)
                outside = np.ones(size, bool)
                outside[y : y + cut.shape[0], x : x + cut.shape[1]] = False
                assert not (whole[outside] > 0).any()


def test_masks_are_the_predictor_s_cleaned_within_the_box_s_surroundings(checkpoint: Path) -> None:
    frame, size = picture(96, 160), (96, 160)
    masks = segmenter(checkpoint).segment(frame, BOXES)
    theirs = predictor()
    theirs.set_image(frame.image[..., ::-1])
    for mask, box in zip(masks, BOXES, strict=True):
        full, iou, low = theirs.predict(box=box, multimask_output=False, return_logits=True)
        ((x, y, cut),) = cut_logits(torch.from_numpy(low), size, boxes=box[None], square=(SIDE, (77, 128)))
        window = np.s_[y : y + cut.shape[0], x : x + cut.shape[1]]
        expected = np.zeros(size, np.float32)
        expected[window] = cleaned(coverage_of(full[0][window]))
        assert mask.score == pytest.approx(float(np.clip(iou[0], 0, 1)), abs=1e-4)
        assert (expected >= 0.5).sum() > 20
        ours = np.zeros(size, np.float32)
        ours[mask.y : mask.y + mask.coverage.shape[0], mask.x : mask.x + mask.coverage.shape[1]] = mask.coverage
        np.testing.assert_allclose(ours, expected, atol=1e-3)
        reach = max(box[2] - box[0], box[3] - box[1]) / 2 + 2 * 160 / 32
        assert box[0] - reach - 1 <= mask.x
        assert mask.x + mask.coverage.shape[1] <= box[2] + reach + 1


def equal(first: SoftMask, second: SoftMask) -> bool:
    return (first.x, first.y) == (second.x, second.y) and np.allclose(first.coverage, second.coverage, atol=1e-4)


def test_a_batch_is_its_frames_one_by_one(checkpoint: Path) -> None:
    frames = [picture(96, 160, seed) for seed in range(8)]
    boxes = [BOXES[: k % 4] for k in range(8)]
    ours = segmenter(checkpoint)
    together = ours.segment_batch(frames, boxes)
    alone = [ours.segment(frame, rows) for frame, rows in zip(frames, boxes, strict=True)]
    assert [len(masks) for masks in together] == [len(rows) for rows in boxes]
    assert sum(not mask.empty for masks in together for mask in masks) >= 8
    for one, other in zip(together, alone, strict=True):
        assert all(equal(a, b) for a, b in zip(one, other, strict=True))


def test_pictures_of_several_sizes_in_one_call(checkpoint: Path) -> None:
    frames = [picture(96, 160), picture(60, 64, 1), picture(96, 160, 2)]
    ours = segmenter(checkpoint)
    together = ours.segment_batch(frames, [BOXES, BOXES[:1], BOXES])
    assert all(equal(a, b) for a, b in zip(together[1], ours.segment(frames[1], BOXES[:1]), strict=True))
    assert all(equal(a, b) for a, b in zip(together[2], ours.segment(frames[2], BOXES), strict=True))


def test_boxes_that_show_nothing_get_empty_masks(checkpoint: Path) -> None:
    frame = picture(96, 160)
    odd = np.array(
        [
            [30.0, 30.0, 30.0, 50.0],
            [50.0, 40.0, 30.0, 60.0],
            [200.0, 10.0, 260.0, 50.0],
            [np.nan, 1.0, 5.0, 5.0],
            [0.0, 0.0, np.inf, 20.0],
            *BOXES,
        ]
    )
    ours = segmenter(checkpoint)
    masks = ours.segment(frame, odd)
    assert [mask.empty for mask in masks[:5]] == [True] * 5
    assert all(mask.coverage.shape == (0, 0) for mask in masks[:5])
    assert all(equal(a, b) for a, b in zip(masks[5:], ours.segment(frame, BOXES), strict=True))
    assert ours.segment(frame, np.zeros((0, 4))) == []
    assert ours.segment_batch([], []) == []
    assert [len(masks) for masks in ours.segment_batch([frame, frame], [np.zeros((0, 4)), odd[:2]])] == [0, 2]


def test_a_box_that_juts_out_counts_as_far_as_the_picture(checkpoint: Path) -> None:
    frame, ours = picture(96, 160), segmenter(checkpoint)
    (out,), (cut,) = (ours.segment(frame, np.array([box])) for box in ([-30.0, 50.0, 60.0, 300.0], [0.0, 50.0, 60.0, 96.0]))
    assert not cut.empty
    assert equal(out, cut)


@pytest.mark.parametrize("boxes", [np.zeros((3, 5)), np.zeros(4), np.zeros((2, 2, 4))])
def test_boxes_of_another_shape_are_refused(checkpoint: Path, boxes: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"\(N, 4\)"):
        segmenter(checkpoint).segment(picture(96, 160), boxes)


def test_as_many_lists_of_boxes_as_frames(checkpoint: Path) -> None:
    with pytest.raises(UsageError, match="1 lists of boxes for 2 frames"):
        segmenter(checkpoint).segment_batch([picture(96, 160)] * 2, [BOXES])


def test_the_network_is_told_from_its_tensors() -> None:
    build = import_with_torchvision("segment_anything.build_sam")
    with torch.device("meta"):
        for name, make in (("vit_b", build.build_sam_vit_b), ("vit_l", build.build_sam_vit_l), ("vit_h", build.build_sam_vit_h)):
            sam = make()
            found = Architecture.of(sam.state_dict())
            assert found.name == name
            ours = found.build().state_dict()
            assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in sam.state_dict().items()}
            assert found.window == 14
            assert found.heads == sam.image_encoder.blocks[0].attn.num_heads
    assert Architecture.of(small_sam().state_dict()).name == "custom"


@pytest.mark.parametrize(("window", "whole"), [(3, ()), (0, (0, 1, 2)), (5, (0, 2))])
def test_any_windows(tmp_path: Path, window: int, whole: tuple[int, ...]) -> None:
    sam = small_sam(1, window, whole)
    torch.save(sam.state_dict(), tmp_path / "sam.pth")
    theirs = importlib.import_module("segment_anything").SamPredictor(sam)
    frame = picture(96, 160)
    theirs.set_image(frame.image[..., ::-1])
    logits, _ = segmenter(tmp_path / "sam.pth").logits(frame, BOXES[:1])
    np.testing.assert_allclose(logits[0], theirs.predict(box=BOXES[0], multimask_output=False)[2], atol=1e-4)


def test_provenance(checkpoint: Path) -> None:
    ours = segmenter(checkpoint)
    ours.segment(picture(96, 160), BOXES[:1])
    assert ours.provenance["path"] == "small.pth"
    assert ours.provenance["architecture"] == "custom"
    assert len(ours.provenance["sha256"]) == 64


def broken(kind: str) -> dict[str, torch.Tensor]:
    state = dict(small_sam().state_dict())
    if kind == "missing":
        del state["mask_decoder.iou_token.weight"]
    elif kind == "extra":
        state["memory_encoder.weight"] = torch.zeros(3)
    elif kind == "shape":
        state["image_encoder.blocks.1.attn.qkv.weight"] = torch.zeros(5, 5)
    elif kind == "layers":
        state["image_encoder.blocks.x.attn.rel_pos_h"] = torch.zeros(3, 3)
    elif kind == "transformers":
        state = {f"vision_encoder.{key}": value for key, value in state.items()}
    elif kind == "whole":
        state["mask_decoder.iou_token.weight"] = state["mask_decoder.iou_token.weight"].to(torch.int64)
    elif kind == "large":
        state["image_encoder.pos_embed"] = torch.zeros(1, 300, 300, 1)
    elif kind == "flat":
        state["image_encoder.patch_embed.proj.weight"] = torch.zeros(32)
    elif kind == "another":
        state = {"layer.weight": torch.zeros(4, 4)}
    return state


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "iou_token"),
        ("extra", "memory_encoder"),
        ("shape", "qkv"),
        ("whole", r"iou_token\.weight' is torch\.int64"),
        ("large", r"pictures of \d+ px a side are larger than the 2048 px"),
        ("flat", "segment-anything checkpoint"),
        ("layers", "segment-anything checkpoint"),
        ("transformers", "transformers"),
        ("another", "segment-anything checkpoint"),
    ],
)
def test_another_model_s_checkpoint_is_refused_in_one_line(tmp_path: Path, kind: str, said: str) -> None:
    torch.save(broken(kind), tmp_path / "odd.pth")
    with pytest.raises(InputError, match=said) as caught:
        segmenter(tmp_path / "odd.pth").segment(picture(96, 160), BOXES)
    assert "\n" not in str(caught.value)
    assert "odd.pth" in str(caught.value)


def test_what_is_missing_is_told_without_torch() -> None:
    code = (
        "import sys\n"
        "from kinescribe.perception.grounded_sam.segment_anything import SegmentAnythingSegmenter as A\n"
        "from kinescribe.perception.grounded_sam.sam import SamSegmenter as B, Sam2Segmenter as C\n"
        "print(*[one.missing('/no/such/folder') for one in (A, B, C)], sep='\\n')\n"
        "print('imported:', *{'torch', 'transformers', 'torchvision', 'segment_anything'} & set(sys.modules))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    *lines, imported = ran.stdout.splitlines()
    assert len(lines) == 3
    assert all("/no/such/folder" in line for line in lines)
    assert imported == "imported:"


@pytest.mark.parametrize(
    "sizes", [((240, 320), (768, 1024)), ((33, 57), (64, 111)), ((70, 50), (23, 50)), ((1, 5), (13, 64)), ((517, 300), (64, 37))]
)
def test_resizing_is_pillow_s_to_the_last_bit(sizes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    from PIL import Image

    (height, width), wanted = sizes
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    theirs = np.array(Image.fromarray(image).resize(wanted[::-1], Image.Resampling.BILINEAR))
    ours = pillow_resize(torch.from_numpy(image).permute(2, 0, 1)[None], wanted)[0].permute(1, 2, 0)
    np.testing.assert_array_equal(ours.numpy(), theirs)
