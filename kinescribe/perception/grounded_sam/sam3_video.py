"""Detecting, segmenting and following by words in one model, SAM 3, in a memory that doesn't grow with the video."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.perception.detections import Detections, SoftMask
from kinescribe.perception.grounded_sam._availability import missing_to_run
from kinescribe.perception.grounded_sam._first_run import FirstRun
from kinescribe.perception.naming.prompts import Prompt, prompts_of
from kinescribe.perception.weights import find
from kinescribe.video.frame import Frame

if TYPE_CHECKING:
    from kinescribe.perception.background import Background
    from kinescribe.perception.grounded_sam._image_processor import ImageProcessor
    from kinescribe.perception.grounded_sam._sam3_step import Seen
    from kinescribe.perception.grounded_sam.runtime import Runtime
    from kinescribe.video.source import Video

__all__ = ["Sam3VideoTracker"]

STEPS_OF_A_FIRST_RUN = 2  # in the frames before, a thing has hardly a memory to attend to


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    model: Any
    tokenizer: Any
    processor: ImageProcessor
    runtime: Runtime


class Sam3VideoTracker:
    """SAM 3 video (Carion et al. 2025, arXiv 2511.16719), frame by frame.

    The names of one kind of object are looked for each on its own; what they find is joined. A threshold that comes with a kind of object
    takes the place of the model's threshold for new things. Frames are held back for as long as the model may still find that a thing was
    none (its hotstart delay, 15 frames in the public model). The results are those of a model that keeps the whole video, as long as no
    thing has more than `conditioning` frames in which the detector confirmed it; beyond that, the first and the latest of them are kept.

    Args:
        weights: see `kinescribe.perception.weights.find`; None is the default model.
        runtime: where and how precisely to compute; None chooses.
        conditioning: confirmed frames that are remembered for each thing, at least 2.

    Attributes:
        provenance: of the loaded weights.
        warnings: lines for the user.
    """

    families = ("sam3-video",)
    kept_between_videos = True
    default = "sam3"

    def __init__(self, *, weights: str | None = None, runtime: Runtime | None = None, conditioning: int = 8) -> None:
        if conditioning < 2:
            raise UsageError(f"conditioning {conditioning} frames is too few: the first and the latest are needed, so at least 2")
        self._spec, self._given_runtime, self._conditioning = weights, runtime, conditioning
        self._loaded: _Loaded | None = None
        self._folder: Path | None = None
        self._first_run = FirstRun()
        self.provenance: dict[str, str] = {}
        self.warnings: list[str] = []
        self._loading_warned = 0

    @classmethod
    def missing(cls, weights: str | None = None) -> str | None:
        """What is not here that this tracker needs, and how to get it; None where it can run."""
        return missing_to_run(("torch", "torchvision", "transformers"), weights, families=cls.families, default=cls.default)

    def track(self, video: Video, phrases: Sequence[str]) -> Iterator[tuple[Detections, NDArray[np.int64]]]:
        """Detections of each frame of the video, in order, and the (N,) ids of the things that they belong to.

        Detections bear the first name of the kind of object that they were found by, and the detector's score when it first saw the thing.

        Raises:
            UsageError: no phrases, or ones that the model can't read.
        """
        prompts = prompts_of(phrases)
        if not prompts:
            raise UsageError('SAM 3 needs to know what to look for; name it, such as --objects "red ball, black cart"')
        return self._track(video, prompts)

    def _track(self, video: Video, prompts: list[Prompt]) -> Iterator[tuple[Detections, NDArray[np.int64]]]:
        from kinescribe.perception.refinement import static_background

        self._load()
        del self.warnings[self._loading_warned :]  # those of another video
        background = static_background(video, self.warnings)
        for frame, seen, ended in self.seen(video, prompts):
            yield self._measured(frame, seen, ended, prompts, background)

    def seen(self, video: Video, prompts: list[Prompt]) -> Iterator[tuple[Frame, Seen, frozenset[int]]]:
        """The model's own answer for each frame, and the ids of things that had turned out to be none by the time it is given."""
        from kinescribe.perception.grounded_sam._sam3_detection import Queries
        from kinescribe.perception.grounded_sam._sam3_session import new_session
        from kinescribe.perception.grounded_sam._sam3_step import take_step

        loaded = self._load()
        with self._first_run.of(self._folder):
            queries = Queries.read(prompts, loaded.model, loaded.tokenizer, loaded.runtime)
        session = new_session(loaded.runtime.device, [prompt.label for prompt in prompts])
        held: deque[tuple[Frame, Seen]] = deque()
        delay = max(int(loaded.model.hotstart_delay), 1)
        ended: set[int] = set()
        for step, (frame, vision) in enumerate(self._encoded(video, loaded)):
            with self._first_run.of(self._folder, last=step >= STEPS_OF_A_FIRST_RUN):
                seen = take_step(loaded.model, session, step, vision, queries, loaded.runtime, self._conditioning)
            held.append((frame, seen))
            ended |= seen.ended
            if len(held) >= delay:
                yield *held.popleft(), frozenset(ended)
                ended &= {number for _, later in held for number in later.logits}
        for frame, seen in held:
            yield frame, seen, frozenset(ended)

    def _load(self) -> _Loaded:
        if self._loaded is None:
            from kinescribe.perception.grounded_sam._image_processor import ImageProcessor
            from kinescribe.perception.grounded_sam._tokens import check_tokenizer, read_tokenizer
            from kinescribe.perception.grounded_sam.runtime import Runtime
            from kinescribe.perception.grounded_sam.sam2_video import check_size
            from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision
            from kinescribe.perception.weights import load_pretrained

            weights = find(self._spec, families=self.families, default=self.default)
            transformers = import_with_torchvision("transformers")
            processor = ImageProcessor.read(weights.path)
            tokenizer = read_tokenizer(transformers.CLIPTokenizer, weights.path)
            model = load_pretrained(transformers.Sam3VideoModel, weights, model_types=("sam3_video",), warnings=self.warnings)
            words = int(model.config.detector_config.text_config.vocab_size)
            check_tokenizer(tokenizer, weights.path, words, needed=("bos_token", "eos_token", "pad_token"))
            check_size(processor, int(model.config.image_size), weights.path)
            runtime = Runtime.choose() if self._given_runtime is None else self._given_runtime
            self._loaded = _Loaded(runtime.place(model, ("detector_model.vision_encoder",)), tokenizer, processor, runtime)
            self._folder = weights.path
            self.provenance = weights.provenance()
            self.warnings += [self.provenance["warning"]] if "warning" in self.provenance else []
            self.warnings += [line for line in runtime.warnings if line not in self.warnings]
            self._loading_warned = len(self.warnings)
        return self._loaded

    def _encoded(self, video: Video, loaded: _Loaded) -> Iterator[tuple[Frame, Any]]:
        """Each frame with what the vision encoder makes of it, encoded a batch at a time."""
        from kinescribe.perception.grounded_sam._sam3_detection import split_frames

        runtime = loaded.runtime

        def encode(frames: list[Frame]) -> list[Any]:
            with runtime.autocast():
                pixels = loaded.processor.scaled(runtime.upload([frame.image for frame in frames]))
                return split_frames(loaded.model.detector_model.get_vision_features(pixel_values=pixels))

        source = iter(video)
        while batch := list(islice(source, runtime.batch_size)):
            with self._first_run.of(self._folder):
                encoded = deque(runtime.in_batches(encode, batch))
            for frame in batch:
                yield frame, encoded.popleft()

    def _measured(
        self, frame: Frame, seen: Seen, ended: frozenset[int], prompts: list[Prompt], background: Background | None
    ) -> tuple[Detections, NDArray[np.int64]]:
        import torch

        from kinescribe.perception.grounded_sam._sam3_detection import as_own_score
        from kinescribe.perception.grounded_sam.masks import masks_from_logits
        from kinescribe.perception.refinement import measure_masks

        loaded = self._load()
        ids = sorted(number for number in seen.logits if number not in seen.hidden | ended)
        masks: list[SoftMask] = []
        if ids:
            logits = torch.stack([seen.logits[number] for number in ids])
            masks = masks_from_logits(logits, frame.image.shape[:2], [seen.presence[number] for number in ids])
            masks = without_overlap(masks, [seen.kinds[number] for number in ids], frame.image.shape[:2])
        shown = [i for i, mask in enumerate(masks) if not mask.empty]
        kinds = [seen.kinds[ids[i]] for i in shown]
        own = float(loaded.model.new_det_thresh)
        scores = [as_own_score(seen.scores[ids[i]], prompts[kind].threshold, own) for i, kind in zip(shown, kinds, strict=True)]
        detections = measure_masks(
            frame, [masks[i] for i in shown], np.array(scores, np.float64), [prompts[kind].label for kind in kinds], background
        )
        return detections, np.array([ids[i] for i in shown], np.int64)


def without_overlap(masks: Sequence[SoftMask], kinds: Sequence[int], size: tuple[int, int]) -> list[SoftMask]:
    """Masks of things of one kind share no pixel: it belongs to the one with the higher score. `size`: height and width of the picture."""
    out = list(masks)
    taken: dict[int, NDArray[np.bool_]] = {}
    for i in sorted(range(len(masks)), key=lambda i: -masks[i].score):
        mask = masks[i]
        h, w = mask.coverage.shape
        claimed = taken.setdefault(kinds[i], np.zeros(size, bool))[mask.y : mask.y + h, mask.x : mask.x + w]
        out[i] = SoftMask(mask.x, mask.y, np.where(claimed, np.float32(0), mask.coverage), mask.score)
        claimed |= mask.coverage >= 0.5
    return out
