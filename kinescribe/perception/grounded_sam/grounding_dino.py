"""GroundingDINO and MM-GroundingDINO: boxes for anything that words name, by `transformers`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.grounded_sam._phrase_detector import TRANSFORMERS, Found, PhraseDetector, Query, checked_share
from kinescribe.perception.naming.prompts import PICTURE_MARK

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam._grounding_dino_device import DeviceModel
    from kinescribe.perception.grounded_sam.runtime import Replicas, Runtime
    from kinescribe.perception.weights import Weights

__all__ = ["GroundingDinoDetector", "MMGroundingDinoDetector"]

DIVIDERS = str.maketrans({".": " ", "?": " "})  # the model takes what stands between them for separate phrases


class GroundingDinoDetector(PhraseDetector):
    """Boxes for phrases, by GroundingDINO (Liu et al., arXiv 2303.05499).

    Every name is a forward pass of its own, in lower case and with a final dot, as the model was trained; a picture is encoded once for all
    names.

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
    packages = TRANSFORMERS
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
        self._models: Replicas[DeviceModel] | None = None

    def _load(self, weights: Weights) -> None:
        from kinescribe.perception.grounded_sam._image_processor import ImageProcessor
        from kinescribe.perception.grounded_sam._tokens import check_tokenizer, read_tokenizer
        from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision
        from kinescribe.perception.weights import load_pretrained

        transformers = import_with_torchvision("transformers")
        self._tokenizer = read_tokenizer(transformers.BertTokenizer, weights.path)
        processor = ImageProcessor.read(weights.path)
        architecture = getattr(transformers, self._architecture)

        def build(runtime: Runtime) -> DeviceModel:
            from kinescribe.perception.grounded_sam._grounding_dino_device import DeviceModel

            model = load_pretrained(architecture, weights, model_types=self.families, warnings=self.warnings)
            if not model.config.two_stage:
                raise InputError(f"{weights.path} is a one-stage {self.called}, which isn't supported; use one with two_stage = true")
            words = int(model.config.text_config.vocab_size)
            check_tokenizer(self._tokenizer, weights.path, words, needed=("cls_token", "sep_token", "unk_token"), symbols=(".",))
            self._longest = min(model.config.max_text_len, model.config.text_config.max_position_embeddings)
            return DeviceModel(model, processor, runtime)

        self._models = self.runtime.replicate(build)

    def _learn(self, queries: Sequence[Query]) -> None:
        assert self._models is not None
        rows = [self._tokens(query.name) for query in queries]
        least = np.array([[query.threshold, min(query.threshold, self._text_threshold)] for query in queries])
        for model in self._models.models:
            model.learn(rows, least)

    def _search(self, images: list[NDArray[np.uint8]]) -> list[Found]:
        assert self._models is not None
        return self._models.in_batches(_find, images)

    def _tokens(self, name: str) -> list[int]:
        if name.startswith(PICTURE_MARK):
            raise UsageError(f'{self.called} finds words, not pictures such as "{name}"; use --detector owlv2')
        text = " ".join(name.translate(DIVIDERS).lower().split())
        words = self._tokenizer(text, add_special_tokens=False).input_ids if text else []
        if not words:
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


def _find(model: DeviceModel, runtime: Runtime, images: list[NDArray[np.uint8]]) -> list[Found]:
    return model.find(images)


class MMGroundingDinoDetector(GroundingDinoDetector):
    """Boxes for phrases, by MM-GroundingDINO (Zhao et al., arXiv 2401.02361): the same model trained anew on more data, openly.

    Arguments as for `GroundingDinoDetector`.
    """

    families = ("mm-grounding-dino",)
    default = "mm-grounding-dino-tiny"
    called = "MM-GroundingDINO"
    _architecture = "MMGroundingDinoForObjectDetection"
