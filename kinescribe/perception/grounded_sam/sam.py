"""Masks from boxes by SAM and SAM 2 as `transformers` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinescribe.perception.grounded_sam._box_segmenter import BoxSegmenter, PromptableModel

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam.runtime import Runtime
    from kinescribe.perception.weights import Weights

__all__ = ["Sam2Segmenter", "SamSegmenter"]


class SamSegmenter(BoxSegmenter):
    """SAM (Kirillov et al. 2023, arXiv 2304.02643)."""

    families = ("sam",)
    default = "sam-vit-base"
    packages = ("torch", "torchvision", "transformers")

    def _load(self, weights: Weights, runtime: Runtime) -> PromptableModel:
        from kinescribe.perception.grounded_sam._sam_model import SamParts

        return SamParts(weights, runtime, self.warnings)


class Sam2Segmenter(BoxSegmenter):
    """SAM 2 and 2.1 on single pictures (Ravi et al. 2024, arXiv 2408.00714); the folders of its video models serve too."""

    families = ("sam2",)
    default = "sam2.1-hiera-tiny"
    packages = ("torch", "torchvision", "transformers")

    def _load(self, weights: Weights, runtime: Runtime) -> PromptableModel:
        from kinescribe.perception.grounded_sam._sam_model import Sam2Parts

        return Sam2Parts(weights, runtime, self.warnings)
