"""GroundingDINO and MM-GroundingDINO: boxes for anything that words name, by `transformers`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.grounded_sam._phrase_detector import Found, PhraseDetector, Query, checked_share
from kinescribe.perception.naming.prompts import PICTURE_MARK

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam._grounding_dino_model import EncodedPhrases
    from kinescribe.perception.grounded_sam.runtime import Runtime
    from kinescribe.perception.weights import Weights

__all__ = ["GroundingDinoDetector", "MMGroundingDinoDetector"]

DIVIDERS = str.maketrans({".": " ", "?": " "})  # the model takes what stands between them for separate phrases


class GroundingDinoDetector(PhraseDetector):
    """Boxes for phrases, by GroundingDINO (Liu et al., arXiv 2303.05499).

    Every name is a forward pass of its own, in lower case and with a final dot, as the model was trained; a picture is encoded once for all.

    Args:
        weights: name, folder or hub id of weights in the format of `transformers`.
        runtime: where to run; chosen automatically if not given.
        box_threshold: least score of a box, in (0, 1), for phrases without a threshold of their own.
        text_threshold: least score of the best of a phrase's own words, in (0, 1), where the box's threshold isn't lower.
        nms_iou: overlap from which on the lower of two boxes of one object goes, in (0, 1).
    """

    families = ("grounding-dino",)
    default = "grounding-dino-tiny"
    called = "GroundingDINO"
    _architecture: ClassVar[str] = "GroundingDinoForObjectDetection"

    def __init__(
        self,
        *,
        weights: str | None = None,
        runtime: Runtime | None = None,
        box_threshold: float = 0.3,
        text_threshold: float = 0.25,
        nms_iou: float = 0.7,
    ) -> None:
        super().__init__(weights, runtime, box_threshold, nms_iou)
        self._text_threshold = checked_share("text_threshold", text_threshold)
        self._phrases: EncodedPhrases | None = None

    def _load(self, weights: Weights) -> None:
        from kinescribe.perception.grounded_sam import _grounding_dino_model as steps
        from kinescribe.perception.grounded_sam._image_processor import ImageProcessor
        from kinescribe.perception.grounded_sam._tokens import read_tokenizer
        from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision
        from kinescribe.perception.weights import load_pretrained

        transformers = import_with_torchvision("transformers")
        self._processor = ImageProcessor.read(weights.path)
        self._tokenizer = read_tokenizer(transformers.BertTokenizer, weights.path)
        model = load_pretrained(getattr(transformers, self._architecture), weights, model_types=self.families)
        if not model.config.two_stage:
            raise InputError(f"{weights.path} is a one-stage {self.called}, which isn't supported; use one with two_stage = true")
        self._longest = min(model.config.max_text_len, model.config.text_config.max_position_embeddings)
        self._pictures = self.runtime.place(steps.PictureEncoder(model))
        self._texts = self.runtime.place(steps.PhraseEncoder(model))
        self._fusion = self.runtime.place(steps.Fusion(model))

    def _learn(self, queries: Sequence[Query]) -> None:
        import torch

        rows = [self._tokens(query.name) for query in queries]
        width = max(map(len, rows))
        tokens = torch.full((len(rows), width), self._tokenizer.pad_token_id)
        present, words = torch.zeros((2, len(rows), width), dtype=torch.bool)
        for i, row in enumerate(rows):
            tokens[i, : len(row)] = torch.tensor(row)
            present[i, : len(row)] = True
            words[i, 1 : len(row) - 1] = True
        device = self.runtime.device
        with self.runtime.autocast():
            self._phrases = self._texts(tokens.to(device), present.to(device), words.to(device))
        own = words.clone()
        own[torch.arange(len(rows)), [len(row) - 2 for row in rows]] = False  # the dot is no word of the phrase
        self._own_words = own.to(device)
        self._least = torch.tensor([query.threshold for query in queries], device=device)
        self._least_words = self._least.clamp(max=self._text_threshold)

    def _tokens(self, name: str) -> list[int]:
        if name.startswith(PICTURE_MARK):
            raise UsageError(f'{self.called} finds words, not pictures such as "{name}"; use --detector owlv2')
        text = " ".join(name.translate(DIVIDERS).lower().split())
        words = self._tokenizer(text, add_special_tokens=False).input_ids if text else []
        if not words or set(words) & (set(self._tokenizer.all_special_ids) - {self._tokenizer.unk_token_id}):
            raise UsageError(f'"{name}" holds no words that {self.called} could look for; name the object, such as "red ball"')
        if set(words) == {self._tokenizer.unk_token_id}:
            line = f'{self.called} knows no word or letter of "{name}" and may find anything; add a name in English: "{name} | red ball"'
            self._warn(f"unknown {name}", line)
        if len(words) + 3 > self._longest:
            raise UsageError(
                f'"{name}" takes {len(words) + 3} tokens, {self.called} reads {self._longest}; use fewer words, and commas between objects'
            )
        tokenizer = self._tokenizer
        return [tokenizer.cls_token_id, *words, tokenizer.convert_tokens_to_ids("."), tokenizer.sep_token_id]

    def _find(self, images: list[NDArray[np.uint8]]) -> list[Found]:
        with self.runtime.autocast():
            pictures = self._pictures(self._processor.scaled(self.runtime.upload(images)))
        pairs = [(i, j) for i in range(len(images)) for j in range(len(self._queries))]
        parts = self.runtime.in_batches(lambda some: self._meet(pictures, some), pairs)
        height, width = images[0].shape[:2]
        found = []
        for i in range(len(images)):
            here = parts[i * len(self._queries) : (i + 1) * len(self._queries)]
            boxes = np.concatenate([boxes for boxes, _ in here]).reshape(-1, 4)
            middle, half = boxes[:, :2], boxes[:, 2:] / 2
            corners = np.hstack([middle - half, middle + half]) * [width, height, width, height]
            queries = np.repeat(np.arange(len(here)), [len(scores) for _, scores in here])
            found.append(Found(corners, np.concatenate([scores for _, scores in here]), queries))
        return found

    def _meet(self, pictures: Any, pairs: list[tuple[int, int]]) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Boxes (M, 4), as shares of the picture, and scores (M,) above the thresholds, of each pair of a picture and a query."""
        import torch

        assert self._phrases is not None
        device = self.runtime.device
        which, query = torch.tensor(pairs, device=device).T
        with self.runtime.autocast():
            logits, boxes = self._fusion(pictures._replace(features=pictures.features[which]), self._phrases.take(query))
            shares = logits.float().sigmoid()
            scores = shares.amax(-1)
            own = torch.where(self._own_words[query][:, None], shares, 0).amax(-1)
            good = (scores > self._least[query, None]) & (own > self._least_words[query, None])
            good |= ~(scores.isfinite() & boxes.isfinite().all(-1))  # reported later
            row = good.nonzero()[:, 0]
            flat = torch.cat([row[:, None], scores[good][:, None], boxes[good].float()], 1).double().cpu().numpy()
        cuts = np.searchsorted(flat[:, 0], np.arange(1, len(pairs)))
        return [(part[:, 2:], part[:, 1]) for part in np.split(flat, cuts)]


class MMGroundingDinoDetector(GroundingDinoDetector):
    """Boxes for phrases, by MM-GroundingDINO (Zhao et al., arXiv 2401.02361): the same model trained anew on more data, openly.

    Arguments as for `GroundingDinoDetector`.
    """

    families = ("mm-grounding-dino",)
    default = "mm-grounding-dino-tiny"
    called = "MM-GroundingDINO"
    _architecture = "MMGroundingDinoForObjectDetection"
