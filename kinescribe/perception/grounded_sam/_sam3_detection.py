"""What SAM 3's detector finds of each kind of object in a frame: all names in one batch, each name's find on its own, then joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch

from kinescribe.errors import UsageError
from kinescribe.perception.grounded_sam._mask_cleaning import kept_of_overlapping
from kinescribe.perception.naming.prompts import PICTURE_MARK, Prompt

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam.runtime import Runtime

__all__ = ["Queries", "as_model_score", "as_own_score", "detect", "split_frames"]

NAMES_AT_ONCE = 4


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """All names of all kinds of objects, read by the model once.

    Attributes:
        kinds: for each name the position of its kind among the prompts.
        thresholds: for each kind the least score, None for the model's own.
        tokens: text features, shape (names, tokens, channels).
        used: which of the tokens are words, shape (names, tokens).
    """

    kinds: tuple[int, ...]
    thresholds: tuple[float | None, ...]
    tokens: Any
    used: Any

    @classmethod
    def read(cls, prompts: Sequence[Prompt], model: Any, tokenizer: Any, runtime: Runtime) -> Queries:
        """Raises `UsageError` for a name that is longer than the model reads, or that is a picture."""
        names = [(kind, name) for kind, prompt in enumerate(prompts) for name in prompt.synonyms]
        most = int(model.detector_model.config.text_config.max_position_embeddings)
        encoded = []
        for _, name in names:
            if name.startswith(PICTURE_MARK):
                raise UsageError(f"SAM 3 searches by words, not by the picture '{name}'; describe it, or use --detector owlv2")
            one = tokenizer(name, return_tensors="pt", padding="max_length", max_length=most)
            if one.input_ids.shape[1] > most:
                raise UsageError(f"'{name}' is {one.input_ids.shape[1]} tokens long, SAM 3 reads {most}; say it shorter")
            encoded.append(one)
        ids = torch.cat([one.input_ids for one in encoded]).to(runtime.device)
        used = torch.cat([one.attention_mask for one in encoded]).to(runtime.device)
        with runtime.autocast():
            tokens = model.detector_model.get_text_features(input_ids=ids, attention_mask=used, return_dict=True).pooler_output
        return cls(tuple(kind for kind, _ in names), tuple(prompt.threshold for prompt in prompts), tokens, used)


def split_frames(vision: Any) -> list[Any]:
    """What the vision encoder made of each frame of a batch."""
    count = len(vision.last_hidden_state)
    return [
        type(vision)(
            last_hidden_state=vision.last_hidden_state[i : i + 1],
            fpn_hidden_states=tuple(level[i : i + 1] for level in vision.fpn_hidden_states),
            fpn_position_encoding=tuple(level[min(i, len(level) - 1)][None] for level in vision.fpn_position_encoding),
        )
        for i in range(count)
    ]


def detect(model: Any, vision: Any, queries: Queries, runtime: Runtime, *, followed: bool) -> tuple[dict[str, Any], dict[int, int]]:
    """Finds in one frame, those of each kind without repetition.

    Args:
        model: the Sam3VideoModel.
        vision: what the vision encoder made of the frame.
        queries: what to look for.
        runtime: where to compute.
        followed: whether anything is followed already. Where nothing is, the model takes every find for a thing, also those below
            its threshold for new ones; a threshold that the user set holds nevertheless.

    Returns:
        Boxes ("bbox", (n, 4)), logits ("mask", (n, h, w)) and scores ("scores", (n,), on the model's scale, see `as_model_score`),
        and the kind of each find by its position.
    """

    def look(names: list[int]) -> list[tuple[Any, Any, Any]]:
        with runtime.autocast():
            found = model.detector_model(
                vision_embeds=_repeated(vision, len(names)),
                text_embeds=SimpleNamespace(pooler_output=queries.tokens[names]),
                attention_mask=queries.used[names],
            )
            scores = found.pred_logits.float().sigmoid() * found.presence_logits.float().sigmoid()
        return list(zip(found.pred_boxes, found.pred_masks, scores, strict=True))

    answers = runtime.in_batches(look, list(range(len(queries.kinds))), size=min(len(queries.kinds), NAMES_AT_ONCE))
    least, new = float(model.score_threshold_detection), float(model.new_det_thresh)
    boxes, masks, scores = [], [], []
    kinds: dict[int, int] = {}
    for kind, threshold in enumerate(queries.thresholds):
        mine = [answer for answer, of in zip(answers, queries.kinds, strict=True) if of == kind]
        score = as_model_score(torch.cat([scored for _, _, scored in mine]), threshold, new)
        counts = score > least
        if threshold is not None and not followed:
            counts &= score >= new
        above = torch.nonzero(counts)[:, 0]
        logits = torch.cat([mask for _, mask, _ in mine])[above].float()
        if model.det_nms_thresh > 0:
            kept = kept_of_overlapping(logits, score[above], float(model.det_nms_thresh))
            above, logits = above[kept], logits[kept]
        kinds |= dict.fromkeys(range(len(kinds), len(kinds) + len(above)), kind)
        boxes.append(torch.cat([box for box, _, _ in mine])[above].float())
        masks.append(logits)
        scores.append(score[above])
    return {"bbox": torch.cat(boxes), "mask": torch.cat(masks), "scores": torch.cat(scores)}, kinds


def as_model_score(scores: Any, threshold: float | None, own: float) -> Any:
    """Scores such that the user's threshold comes to lie on the model's own for new things, with 0 and 1 where they are.

    The model holds scores against several thresholds, that belong together; so they all move with the one that a user sets.
    """
    if threshold is None:
        return scores
    return torch.where(scores < threshold, scores * (own / threshold), 1 - (1 - scores) * ((1 - own) / (1 - threshold)))


def as_own_score(score: float, threshold: float | None, own: float) -> float:
    """The inverse of `as_model_score`, for one number."""
    if threshold is None:
        return score
    return score * threshold / own if score < own else 1 - (1 - score) * (1 - threshold) / (1 - own)


def _repeated(vision: Any, count: int) -> Any:
    return type(vision)(
        last_hidden_state=vision.last_hidden_state.expand(count, *vision.last_hidden_state.shape[1:]),
        fpn_hidden_states=tuple(level.expand(count, -1, -1, -1) for level in vision.fpn_hidden_states),
        fpn_position_encoding=tuple(level.expand(count, -1, -1, -1) for level in vision.fpn_position_encoding),
    )
