"""OWLv2 in parts: what is asked for is encoded once, and every picture once, however many names there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kinescribe.perception.grounded_sam._phrase_detector import Found

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam._image_processor import ImageProcessor
    from kinescribe.perception.grounded_sam.runtime import Runtime

__all__ = ["DeviceModel", "ExampleEncoder", "PatchEncoder", "PhraseEncoder"]


class PhraseEncoder(nn.Module):  # type: ignore[misc]
    """Tokens of phrases to queries."""

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.text, self.projection = detector.owlv2.text_model, detector.owlv2.text_projection

    def forward(self, tokens: Tensor) -> Tensor:
        """Queries (P, D) of token ids (P, T) without filling: the text tower sees only what stands before a token."""
        encoded = self.projection(self.text(input_ids=tokens, return_dict=True).pooler_output)
        return nn.functional.normalize(encoded.float(), dim=-1)


class ExampleEncoder(nn.Module):  # type: ignore[misc]
    """Example pictures to queries: of each, the class features of the patch that looks most like an object."""

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, pixels: Tensor) -> Tensor:
        """Queries (B, D) of pictures (B, 3, S, S)."""
        patches = self.detector.image_embedder(pixel_values=pixels)[0]
        queries = self.detector.embed_image_query(patches.flatten(1, 2), patches)[0]
        return nn.functional.normalize(queries[:, 0].float(), dim=-1)


class PatchEncoder(nn.Module):  # type: ignore[misc]
    """Pictures and queries to boxes."""

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, pixels: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, N, P) of pictures (B, 3, S, S) for queries (P, D); boxes (B, N, 4): middle, width, height as shares of the side."""
        patches = self.detector.image_embedder(pixel_values=pixels)[0]
        features = patches.flatten(1, 2)
        logits, _ = self.detector.class_predictor(features, queries.expand(len(pixels), -1, -1))
        return logits, self.detector.box_predictor(features, patches)


class DeviceModel:
    """The parts on one device, and what is asked for there. `learn` comes before `find`."""

    def __init__(self, detector: Any, processor: ImageProcessor, runtime: Runtime) -> None:
        self._runtime, self._processor = runtime, processor
        self._patches = runtime.place(PatchEncoder(detector))
        self._phrases = runtime.place(PhraseEncoder(detector))
        self._examples = runtime.place(ExampleEncoder(detector))
        self._asked: tuple[Tensor, Tensor] | None = None

    def learn(self, asked: Sequence[list[int] | NDArray[np.uint8]], least: Sequence[float]) -> None:
        """Encode what is asked for, token ids or a picture (H, W, 3), BGR, each with its least score."""
        device = self._runtime.device
        rows = []
        with self._runtime.autocast():
            for one in asked:
                if isinstance(one, list):
                    rows.append(self._phrases(torch.tensor([one], device=device)))
                else:
                    rows.append(self._examples(self._processor.squared(self._runtime.upload([one]))))
        self._asked = torch.cat(rows), torch.tensor(least, device=device)

    def find(self, images: Sequence[NDArray[np.uint8]]) -> list[Found]:
        """What is found in each of these pictures, all of one size."""
        assert self._asked is not None
        queries, least = self._asked
        with self._runtime.autocast():
            logits, boxes = self._patches(self._processor.squared(self._runtime.upload(images)), queries)
            scores = logits.float().sigmoid()
            good = (scores > least) | ~scores.isfinite() | ~boxes.isfinite().all(-1, keepdim=True)  # the detector warns of the latter
            picture, patch, query = good.nonzero(as_tuple=True)
            columns = [picture[:, None], query[:, None], scores[good][:, None], boxes[picture, patch].float()]
            flat = torch.cat(columns, 1).double().cpu().numpy()
        side = max(images[0].shape[:2])  # the model sees the picture in the upper left corner of a square
        middle, half = flat[:, 3:5] * side, flat[:, 5:] * side / 2
        corners = np.hstack([middle - half, middle + half])
        parts = np.split(np.arange(len(flat)), np.searchsorted(flat[:, 0], np.arange(1, len(images))))
        return [Found(corners[part], flat[part, 2], flat[part, 1].astype(np.int64)) for part in parts]
