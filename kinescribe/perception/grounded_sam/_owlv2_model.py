"""OWLv2 in parts: what is asked for is encoded once, and every picture once, however many names there are."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

__all__ = ["ExampleEncoder", "PatchEncoder", "PhraseEncoder"]


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
        """Logits (B, N, P) of pictures (B, 3, S, S) for queries (P, D), and boxes (B, N, 4): middle, width, height as shares of the side."""
        patches = self.detector.image_embedder(pixel_values=pixels)[0]
        features = patches.flatten(1, 2)
        logits, _ = self.detector.class_predictor(features, queries.expand(len(pixels), -1, -1))
        return logits, self.detector.box_predictor(features, patches)


