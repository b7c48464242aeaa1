"""GroundingDINO on one device: what is asked for is kept there, pictures go in, boxes come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from kinescribe.perception.grounded_sam._grounding_dino_model import EncodedPhrases, EncodedPictures, Fusion, PhraseEncoder, PictureEncoder
from kinescribe.perception.grounded_sam._phrase_detector import Found

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam._image_processor import ImageProcessor
    from kinescribe.perception.grounded_sam.runtime import Runtime

__all__ = ["DeviceModel"]


class _Asked(NamedTuple):
    """Features of P phrases; which of their tokens are their own words, (P, T) bool; least score of a box and of its best word, (P, 2)."""

    features: EncodedPhrases
    words: torch.Tensor
    least: torch.Tensor


class DeviceModel:
    """The three steps, placed. `learn` comes before `find`."""

    def __init__(self, detector: Any, processor: ImageProcessor, runtime: Runtime) -> None:
        self._runtime, self._processor = runtime, processor
        self._pictures = runtime.place(PictureEncoder(detector))
        self._phrases = runtime.place(PhraseEncoder(detector))
        self._fusion = runtime.place(Fusion(detector))
        self._asked: _Asked | None = None

    def learn(self, rows: Sequence[Sequence[int]], least: NDArray[np.float64]) -> None:
        """Encode phrases: token ids of each, [CLS] first, then words, dot, [SEP]; thresholds (P, 2) for a box and for its best word."""
        width = max(map(len, rows))
        tokens = torch.zeros((len(rows), width), dtype=torch.long)
        present, inner, words = torch.zeros((3, len(rows), width), dtype=torch.bool)
        for i, row in enumerate(rows):
            tokens[i, : len(row)] = torch.tensor(row)
            present[i, : len(row)] = True
            inner[i, 1 : len(row) - 1] = True
            words[i, 1 : len(row) - 2] = True
        device = self._runtime.device
        with self._runtime.autocast():
            features = self._phrases(tokens.to(device), present.to(device), inner.to(device))
        self._asked = _Asked(features, words.to(device), torch.from_numpy(least).to(device, torch.float32))

    def find(self, images: Sequence[NDArray[np.uint8]]) -> list[Found]:
        """What each phrase finds in each of these pictures, all of one size: every pair of them is an item of a batch."""
        assert self._asked is not None
        with self._runtime.autocast():
            pictures = self._pictures(self._processor.scaled(self._runtime.upload(images)))
        count = len(self._asked.least)
        pairs = [(i, j) for i in range(len(images)) for j in range(count)]

        def meet(some: list[tuple[int, int]]) -> list[NDArray[np.float64]]:
            return self._meet(pictures, some)

        met = self._runtime.in_batches(meet, pairs)
        height, width = images[0].shape[:2]
        found = []
        for i in range(len(images)):
            here = met[i * count : (i + 1) * count]
            rows = np.concatenate(here)
            middle, half = rows[:, 1:3], rows[:, 3:] / 2
            corners = np.hstack([middle - half, middle + half]) * [width, height, width, height]
            found.append(Found(corners, rows[:, 0], np.repeat(np.arange(count), [len(part) for part in here])))
        return found

    def _meet(self, pictures: EncodedPictures, pairs: list[tuple[int, int]]) -> list[NDArray[np.float64]]:
        """Of each pair of a picture and a phrase what exceeds its thresholds, (M, 5): score, then middle, width, height as shares."""
        assert self._asked is not None
        which, query = torch.tensor(pairs, device=self._runtime.device).T
        least, own = self._asked.least[query], self._asked.words[query]
        with self._runtime.autocast():
            logits, boxes = self._fusion(pictures._replace(features=pictures.features[which]), self._asked.features.take(query))
            shares = logits.float().sigmoid()
            scores = shares.amax(-1)
            good = (scores > least[:, :1]) & (torch.where(own[:, None], shares, 0).amax(-1) > least[:, 1:])
            good |= ~(scores.isfinite() & boxes.isfinite().all(-1))  # the detector warns of them
            pair = good.nonzero()[:, 0]
            rows = torch.cat([pair[:, None], scores[good][:, None], boxes[good].float()], 1).double().cpu().numpy()
        return np.split(rows[:, 1:], np.searchsorted(rows[:, 0], np.arange(1, len(pairs))))
