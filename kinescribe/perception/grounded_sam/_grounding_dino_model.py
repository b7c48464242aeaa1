"""GroundingDINO in three steps: pictures and phrases are encoded once each, then every picture meets every phrase.

`transformers` offers the model as one call on a picture and a text, which encodes both anew. Here its parts are called one by one; text and
picture don't know of each other before the fusion, so that the results are the same (Liu et al., arXiv 2303.05499, section 3).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["EncodedPhrases", "EncodedPictures", "Fusion", "PhraseEncoder", "PictureEncoder"]


class EncodedPictures(NamedTuple):
    """Features (B, L, D) of all levels one after another, places (1, L, D), and height and width of each level's map."""

    features: Tensor
    places: Tensor
    shapes: list[tuple[int, int]]


class EncodedPhrases(NamedTuple):
    """Features (P, T, D) of tokens; which are there at all, (P, T) bool; which are words or dot, (P, T) bool; positions (P, T)."""

    features: Tensor
    present: Tensor
    words: Tensor
    positions: Tensor

    def take(self, index: Tensor) -> EncodedPhrases:
        """Some of them, in the order of `index`."""
        return EncodedPhrases(*(item[index] for item in self))


def attention_of(words: Tensor) -> tuple[Tensor, Tensor]:
    """Which tokens of a phrase see each other, (P, T, T) bool, and their positions (P, T): words and dot do, marks and filling don't.

    `words` (P, T) holds for the words and the dot, which stand from the second token on.
    """
    seen = (words[:, :, None] & words[:, None, :]) | torch.eye(words.shape[1], dtype=torch.bool, device=words.device)
    places = torch.arange(words.shape[1], device=words.device) - 1
    return seen, places * words


class PhraseEncoder(nn.Module):  # type: ignore[misc]
    """Tokens of phrases to features."""

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.backbone = detector.model.text_backbone
        self.projection = detector.model.text_projection

    def forward(self, tokens: Tensor, present: Tensor, words: Tensor) -> EncodedPhrases:
        """Features of token ids (P, T), [CLS] first, then words and dot, [SEP], filling."""
        seen, positions = attention_of(words)
        encoded = self.backbone(
            input_ids=tokens,
            attention_mask=seen[:, None],
            token_type_ids=torch.zeros_like(tokens),
            position_ids=positions,
            return_dict=True,
        )
        return EncodedPhrases(self.projection(encoded.last_hidden_state), present, words, positions)


class PictureEncoder(nn.Module):  # type: ignore[misc]
    """Pictures to features at several scales."""

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.backbone = detector.model.backbone.conv_encoder.model
        self.place = detector.model.backbone.position_embedding
        self.projections = detector.model.input_proj_vision
        self.level = detector.model.level_embed

    def forward(self, pixels: Tensor) -> EncodedPictures:
        """Features of pictures (B, 3, H, W), all of one size, so that nothing is filled up and masked."""
        maps = list(self.backbone(pixels, return_dict=True).feature_maps)
        projected = [projection(source) for projection, source in zip(self.projections, maps, strict=False)]
        for projection in self.projections[len(maps) :]:  # coarser levels: the first from the backbone's last map, others from each other
            projected.append(projection(maps[-1] if len(projected) == len(maps) else projected[-1]))
        places = []
        for number, source in enumerate(projected):
            all_there = torch.ones((1, *source.shape[-2:]), dtype=torch.bool, device=source.device)
            place = self.place(source[:1], all_there).to(source.dtype)
            places.append(place.flatten(2).transpose(1, 2) + self.level[number])
        features = torch.cat([source.flatten(2).transpose(1, 2) for source in projected], 1)
        shapes = [(int(source.shape[-2]), int(source.shape[-1])) for source in projected]
        return EncodedPictures(features, torch.cat(places, 1), shapes)


class Fusion(nn.Module):  # type: ignore[misc]
    """Pairs of a picture and a phrase to boxes."""

    def __init__(self, detector: Any) -> None:
        super().__init__()
        model = detector.model
        self.encoder, self.decoder = model.encoder, model.decoder
        self.proposals_of = model.generate_encoder_output_proposals
        self.proposal_class, self.proposal_box = model.encoder_output_class_embed, model.encoder_output_bbox_embed
        self.proposal_layers = nn.ModuleList(
            [model.enc_output, model.enc_output_norm]
        )  # used by `proposals_of`; here so that they move along
        self.own_queries = model.query_position_embeddings.weight if model.config.embedding_init_target else None
        self.queries = model.config.num_queries
        self.box, self.classes = detector.bbox_embed[-1], detector.class_embed[-1]

    def forward(self, pictures: EncodedPictures, phrases: EncodedPhrases) -> tuple[Tensor, Tensor]:
        """Logits (B, Q, T) of each token, −∞ for filling, and boxes (B, Q, 4): middle, width and height as shares of the picture."""
        features, shapes = pictures.features, pictures.shapes
        batch, length = features.shape[:2]
        filled = torch.zeros((batch, length), dtype=torch.bool, device=features.device)
        sizes = torch.tensor(shapes, device=features.device)
        where = {
            "spatial_shapes": sizes,
            "spatial_shapes_list": shapes,
            "level_start_index": torch.cat([sizes.new_zeros(1), sizes.prod(1).cumsum(0)[:-1]]),
            "valid_ratios": features.new_ones((batch, len(shapes), 2), dtype=torch.float32),  # reference points are computed in its format
        }
        seen, _ = attention_of(phrases.words)
        encoded = self.encoder(
            vision_features=features,
            vision_attention_mask=filled,
            vision_position_embedding=pictures.places.expand(batch, -1, -1),
            text_features=phrases.features,
            text_attention_mask=~phrases.present,
            text_self_attention_masks=~seen,
            text_position_ids=phrases.positions,
            return_dict=True,
            **where,
        )
        seen_picture, seen_text = encoded.last_hidden_state_vision, encoded.last_hidden_state_text
        targets, anchors = self._best(seen_picture, seen_text, filled, phrases.present, shapes)
        decoded = self.decoder(
            inputs_embeds=targets,
            vision_encoder_hidden_states=seen_picture,
            vision_encoder_attention_mask=~filled,
            text_encoder_hidden_states=seen_text,
            text_encoder_attention_mask=~phrases.present,
            reference_points=anchors,
            return_dict=True,
            **where,
        )
        last, before = decoded.intermediate_hidden_states[:, -1], decoded.intermediate_reference_points
        anchors = before[:, -2] if before.shape[1] > 1 else anchors
        logits = self.classes(last, seen_text, phrases.present)[..., : phrases.present.shape[1]]
        boxes = (self.box(last) + torch.special.logit(anchors, eps=1e-5)).sigmoid()
        return logits[:, :length], boxes[:, :length]

    def _best(self, picture: Tensor, text: Tensor, filled: Tensor, present: Tensor, shapes: list[tuple[int, int]]) -> tuple[Tensor, Tensor]:
        """Start of the decoder: the places of the picture that go with the text best, (B, Q, D), and their boxes (B, Q, 4)."""
        candidates, proposals = self.proposals_of(picture, filled, shapes)
        fit = self.proposal_class(candidates, text, present).amax(-1)
        best = fit.topk(min(self.queries, fit.shape[1]), dim=1).indices[..., None]
        if best.shape[1] < self.queries:  # a tiny picture: the decoder wants its number, and the repeated ones are dropped afterwards
            best = torch.cat([best, best[:, :1].expand(-1, self.queries - best.shape[1], -1)], 1)
        boxes = (self.proposal_box(candidates) + proposals).gather(1, best.expand(-1, -1, 4)).sigmoid()
        if self.own_queries is not None:
            return self.own_queries.expand(len(picture), -1, -1), boxes
        return candidates.gather(1, best.expand(-1, -1, candidates.shape[-1])), boxes
