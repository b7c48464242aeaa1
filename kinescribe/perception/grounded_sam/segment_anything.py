"""Masks from boxes by the `segment-anything` package with its original checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinescribe.perception.grounded_sam._box_segmenter import BoxSegmenter, PromptableModel

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam.runtime import Runtime
    from kinescribe.perception.weights import Weights

__all__ = ["SegmentAnythingSegmenter"]


class SegmentAnythingSegmenter(BoxSegmenter):
    """SAM (Kirillov et al. 2023, arXiv 2304.02643), ViT-B, -L or -H: which of them is told from the checkpoint's tensors."""

    families = ("segment-anything",)
    default = "sam_vit_b_01ec64"
    packages = ("torch", "torchvision", "segment_anything")

    def _load(self, weights: Weights, runtime: Runtime) -> PromptableModel:
        from kinescribe.perception.grounded_sam._segment_anything_model import SegmentAnythingModel

        model = SegmentAnythingModel.load(weights, runtime)
        self.provenance["architecture"] = model.architecture
        return model
