"""OWLv2: boxes for anything that words name or one picture shows, by `transformers`."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.grounded_sam._phrase_detector import TRANSFORMERS, Found, PhraseDetector, Query, checked_share
from kinescribe.perception.naming.prompts import PICTURE_MARK, Prompt, prompts_of
from kinescribe.perception.weights.regular import read_bytes

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam._owlv2_model import DeviceModel
    from kinescribe.perception.grounded_sam.runtime import Replicas, Runtime
    from kinescribe.perception.weights import Weights

__all__ = ["Owlv2Detector"]

MOST_PICTURE_BYTES, MOST_SIDE = 256 * 2**20, 8000
ARTICLES = ("a ", "an ", "the ")


class Owlv2Detector(PhraseDetector):
    """Boxes for phrases or one-shot examples, by OWLv2 (Minderer et al., arXiv 2306.09683).

    A name such as "@cart.png" is a picture of one such object, on any background: the model takes the most object-like box in it as the
    example. In a picture every name is judged on its own, by its similarity to the features of each patch.

    Args:
        weights: name, folder or hub id of weights in the format of `transformers`.
        runtime: where to run; chosen automatically if not given.
        box_threshold: least score of a box, in (0, 1), for phrases without a threshold of their own.
        exemplar_threshold: the same for pictures, to which scores run higher.
        nms_iou: overlap from which on the lower of two boxes of one object goes, in (0, 1).
        exemplars: a picture each for some of the labels that are asked for, instead of the words.
        template: sentence that words are put into, with "{}" for them; an article at their beginning goes.
    """

    families = ("owlv2",)
    default = "owlv2-base"
    called = "OWLv2"
    packages = TRANSFORMERS

    def __init__(
        self,
        *,
        weights: str | None = None,
        runtime: Runtime | None = None,
        box_threshold: float = 0.2,
        exemplar_threshold: float = 0.9,
        nms_iou: float = 0.7,
        exemplars: Mapping[str, str | Path] | None = None,
        template: str = "a photo of a {}",
    ) -> None:
        super().__init__(weights, runtime, box_threshold, nms_iou)
        self._exemplar_threshold = checked_share("exemplar_threshold", exemplar_threshold)
        self._exemplars = {label.casefold(): str(path) for label, path in (exemplars or {}).items()}
        if template.count("{}") != 1:
            raise UsageError(f'template "{template}" must hold {{}} once, where the words go, such as "a photo of a {{}}"')
        self._template = template
        self._models: Replicas[DeviceModel] | None = None

    def _prompts(self, phrases: Sequence[str]) -> list[Prompt]:
        prompts = prompts_of(phrases) or [Prompt(label, (label,)) for label in self._exemplars]
        strange = set(self._exemplars) - {prompt.label.casefold() for prompt in prompts}
        if strange:
            asked = ", ".join(prompt.label for prompt in prompts)
            raise UsageError(f'there is a picture for "{min(strange)}", which is not asked for; the objects are: {asked}')
        return prompts

    def _names(self, prompt: Prompt) -> Sequence[str]:
        path = self._exemplars.get(prompt.label.casefold())
        return prompt.synonyms if path is None else (f"{PICTURE_MARK}{path}",)

    def _threshold(self, name: str) -> float:
        return self._exemplar_threshold if name.startswith(PICTURE_MARK) else self._box_threshold

    def _load(self, weights: Weights) -> None:
        from kinescribe.perception.grounded_sam._image_processor import ImageProcessor
        from kinescribe.perception.grounded_sam._tokens import check_tokenizer, read_tokenizer
        from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision
        from kinescribe.perception.weights import load_pretrained

        transformers = import_with_torchvision("transformers")
        self._tokenizer = read_tokenizer(transformers.CLIPTokenizer, weights.path)
        processor = ImageProcessor.read(weights.path)

        def build(runtime: Runtime) -> DeviceModel:
            from kinescribe.perception.grounded_sam._owlv2_model import DeviceModel

            model = load_pretrained(transformers.Owlv2ForObjectDetection, weights, model_types=self.families, warnings=self.warnings)
            side = model.config.vision_config.image_size
            if processor.fixed != (side, side):
                raise InputError(
                    f"{weights.path} scales pictures to {processor.fixed}, but its model sees {side}×{side}; download it again"
                )
            words = int(model.config.text_config.vocab_size)
            check_tokenizer(self._tokenizer, weights.path, words, needed=("bos_token", "eos_token"))
            self._longest = model.config.text_config.max_position_embeddings
            return DeviceModel(model, processor, runtime)

        self._models = self.runtime.replicate(build)

    def _learn(self, queries: Sequence[Query]) -> None:
        assert self._models is not None
        asked = [_read_picture(query.name) if query.name.startswith(PICTURE_MARK) else self._tokens(query.name) for query in queries]
        for model in self._models.models:
            model.learn(asked, [query.threshold for query in queries])

    def _tokens(self, name: str) -> list[int]:
        words = name.lower()
        words = next((words.removeprefix(article) for article in ARTICLES if words.startswith(article)), words)
        tokens: list[int] = self._tokenizer(self._template.format(words)).input_ids
        if len(tokens) > self._longest:
            raise UsageError(
                f'"{name}" takes {len(tokens)} tokens with the sentence around it, {self.called} reads {self._longest}; '
                'use fewer words, and commas between objects, or the template "{}"'
            )
        return tokens

    def _search(self, images: list[NDArray[np.uint8]]) -> list[Found]:
        assert self._models is not None
        return self._models.in_batches(_find, images)


def _find(model: DeviceModel, runtime: Runtime, images: list[NDArray[np.uint8]]) -> list[Found]:
    return model.find(images)


def _read_picture(name: str) -> NDArray[np.uint8]:
    """The picture "@…", (H, W, 3), BGR. Raises `InputError` for files that are missing, too large, or no pictures."""
    path = Path(name.removeprefix(PICTURE_MARK))
    try:
        data = read_bytes(path, MOST_PICTURE_BYTES)
    except InputError as error:
        raise InputError(f"the example picture {error}; give an existing file after '@'") from error
    side = _longer_side(data)
    if side > MOST_SIDE:
        raise InputError(f"the example picture {path} is over {MOST_SIDE} px high or wide; scale it down")
    image: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if side else None
    if image is None:
        raise InputError(f"the example {path} is not a picture; use a PNG or JPEG file")
    return np.asarray(image, np.uint8)


def _longer_side(data: bytes) -> int:
    """Of a picture, px, by its header, 0 for what is none: a file of some bytes may claim to hold gigabytes, and it is made square."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return int(max(Image.open(io.BytesIO(data)).size))
    except Image.DecompressionBombError:
        return sys.maxsize
    except (OSError, ValueError, SyntaxError, OverflowError):
        return 0
