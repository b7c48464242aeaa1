"""GroundingDINO as the package `groundingdino-py` runs it, with the original checkpoints, in an environment of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import InputError, KinescribeError, UsageError
from kinescribe.perception.grounded_sam._groundingdino_process import WorkerProcess, cleaned, find_python, python_missing
from kinescribe.perception.grounded_sam._phrase_detector import Found, PhraseDetector, Query, checked_share
from kinescribe.perception.naming.prompts import PICTURE_MARK

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam.runtime import Runtime
    from kinescribe.perception.weights import Weights

__all__ = ["GroundingDinoPyDetector", "find_vocabulary"]

DIVIDERS = str.maketrans({".": " ", "?": " "})  # the model takes what stands between them for separate phrases
MOST_TOKENS = 100_000  # of a caption; models read 256
MOST_SHARE = 1e3  # of the picture's sides, that a box may reach
VOCABULARY = "KINESCRIBE_BERT"
VOCABULARY_FILES = ("vocab.txt", "tokenizer.json")
BERT = ("google-bert/bert-base-uncased", "bert-base-uncased")


def find_vocabulary(named: str | None = None) -> Path:
    """The file with the words of BERT, which the checkpoints lack: vocab.txt, else tokenizer.json.

    Looked for in the folder (or file) that is named, else in $KINESCRIBE_BERT; if neither is given in ``bert-base-uncased`` of the weights
    folder, then in the Hugging Face cache. Raises `InputError` for a place without it, `MissingWeightsError` where there is none.
    """
    from kinescribe.perception.weights import MissingWeightsError, weights_folder
    from kinescribe.perception.weights.places import hub_snapshots

    text = named or os.environ.get(VOCABULARY)
    if text:
        try:
            place = Path(text).expanduser().absolute()
            if place.is_file() and place.suffix in (".txt", ".json"):
                return place
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"the text encoder '{cleaned(text, 80)}' can't be looked at ({cleaned(error)}); name another folder"
            ) from error
        folders = [place]
    else:
        folders = [weights_folder() / name for name in reversed(BERT)]
        folders += [folder for repo in BERT for folder, _ in hub_snapshots(repo)]
    for folder in folders:
        for name in VOCABULARY_FILES:
            if (folder / name).is_file():
                return folder / name
    if text:
        raise InputError(f"the text encoder '{text}' has no {' or '.join(VOCABULARY_FILES)}; name a folder with those of bert-base-uncased")
    raise MissingWeightsError(
        "groundingdino-py needs the vocabulary of bert-base-uncased (0.2 MB, licence Apache-2.0); get it with: "
        f'hf download {BERT[0]} vocab.txt --local-dir "{weights_folder() / BERT[1]}"; or name a folder that has it by ${VOCABULARY}'
    )


class GroundingDinoPyDetector(PhraseDetector):
    """Boxes for phrases, by the authors' GroundingDINO (Liu et al., arXiv 2303.05499) with their checkpoints, Swin-T or Swin-B.

    The package can't be installed beside kinescribe, whose transformers is too new for it: another Python that has it is started and asked.
    Every name is a forward pass of its own, in float32; a picture is encoded once for all names.

    Args:
        weights: name of the catalogue, or a checkpoint file.
        runtime: whose first device and batch size are used; chosen automatically if not given.
        box_threshold: least score of a box, in (0, 1), for phrases without a threshold of their own.
        text_threshold: least score of the best of a phrase's own words, in (0, 1), where the box's threshold isn't lower.
        nms_iou: overlap from which on the lower of two boxes of one object goes, in (0, 1).
        python: interpreter of the environment with groundingdino-py; $KINESCRIBE_GROUNDINGDINO_PYTHON if not given.
        text_encoder: folder with the vocabulary of bert-base-uncased; see `find_vocabulary`.
        timeout_s: longest wait for the other Python to load the model, or to find what is asked for in one batch; positive.
    """

    families = ("groundingdino-py",)
    default = "groundingdino_swint_ogc"
    called = "GroundingDINO"

    def __init__(
        self,
        *,
        weights: str | None = None,
        runtime: Runtime | None = None,
        box_threshold: float = 0.3,
        text_threshold: float = 0.25,
        nms_iou: float = 0.7,
        python: str | None = None,
        text_encoder: str | None = None,
        timeout_s: float = 600.0,
    ) -> None:
        super().__init__(weights, runtime, box_threshold, nms_iou)
        self._text_threshold = checked_share("text_threshold", text_threshold)
        if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or not 0 < timeout_s < 1e6:
            raise UsageError(f"timeout_s {timeout_s!r} is no number of seconds above 0; use such as timeout_s=600")
        self._timeout_s = float(timeout_s)
        self._python = python
        self._text_encoder = text_encoder
        self._worker: WorkerProcess | None = None
        self._facts: dict[str, str] = {}
        self._asked: list[str] = []
        self._least: NDArray[np.float64] = np.zeros((0, 2))
        self._tokens: NDArray[np.int64] = np.zeros(0, np.int64)

    @classmethod
    def missing(cls, weights: str | None = None) -> str | None:
        """What is missing here to run it and how to get it, in one line; None if it can run."""
        reason = python_missing()
        if reason is not None:
            return reason
        try:
            find_vocabulary()
        except KinescribeError as error:
            return str(error)
        return super().missing(weights)

    def close(self) -> None:
        """End the other Python; `prepare` starts it again."""
        self._queries = []
        self._loaded = False
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _load_once(self) -> None:
        if self._worker is not None and not self._worker.alive:
            self.close()
        super()._load_once()
        self.provenance |= self._facts

    def _load(self, weights: Weights) -> None:
        vocabulary = find_vocabulary(self._text_encoder)
        worker = WorkerProcess(find_python(self._python), self._timeout_s)
        try:
            reply, _ = worker.ask("load", checkpoint=str(weights.path), vocabulary=str(vocabulary), device=str(self.runtime.device))
            longest, architecture, installed, unused = _loaded(reply)
        except BaseException:
            worker.close()
            raise
        self._worker, self._longest = worker, longest
        self._facts = {"architecture": architecture, "vocabulary": vocabulary.parent.name, **installed}
        if unused:
            self._warn(
                "unused", f"{weights.path.name}: {len(unused)} tensors have no place in the model, such as '{cleaned(unused[0], 60)}'"
            )

    def _learn(self, queries: Sequence[Query]) -> None:
        assert self._worker is not None
        names = [self._words(query.name) for query in queries]
        reply, _ = self._worker.ask("read", names=names)
        known = _read(reply, len(queries))
        for query, (count, has_words, unknown) in zip(queries, known, strict=True):
            if not has_words:
                raise self._wordless(query.name)
            if unknown:
                line = f'{self.called} knows no word or letter of "{query.name}" and may find anything'
                self._warn(f"unknown {query.name}", f'{line}; add a name in English: "{query.name} | red ball"')
            if count > self._longest:
                raise UsageError(f'"{query.name}" takes {count} tokens, {self.called} reads {self._longest}; use fewer words')
        self._asked = names
        self._tokens = np.array([count for count, _, _ in known])
        boxes = np.array([query.threshold for query in queries])
        self._least = np.stack([boxes, np.minimum(boxes, self._text_threshold)], 1)

    def _words(self, name: str) -> str:
        if name.startswith(PICTURE_MARK):
            raise UsageError(f'{self.called} finds words, not pictures such as "{name}"; use --detector owlv2')
        text = " ".join(name.translate(DIVIDERS).lower().split())
        if not text:
            raise self._wordless(name)
        return text

    def _wordless(self, name: str) -> UsageError:
        return UsageError(f'"{name}" holds no words that {self.called} could look for; name the object, such as "red ball"')

    def _find(self, images: list[NDArray[np.uint8]]) -> list[Found]:
        assert self._worker is not None
        self._worker.ask("encode", {"images": np.stack(images)})
        # names of one length next to each other, for they share a batch
        pairs = [(i, int(j)) for j in np.argsort(self._tokens, kind="stable") for i in range(len(images))]
        parts = dict(zip(pairs, self.runtime.in_batches(self._meet, pairs), strict=True))
        height, width = images[0].shape[:2]
        found = []
        for i in range(len(images)):
            here = [parts[i, j] for j in range(len(self._queries))]
            boxes = np.concatenate([boxes for boxes, _ in here])
            middle, half = boxes[:, :2], boxes[:, 2:] / 2
            corners = np.hstack([middle - half, middle + half]) * [width, height, width, height]
            queries = np.repeat(np.arange(len(here)), [len(scores) for _, scores in here])
            found.append(Found(corners, np.concatenate([scores for _, scores in here]), queries))
        return found

    def _meet(self, pairs: list[tuple[int, int]]) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Boxes (M, 4), as shares of the picture, and scores (M,) above the thresholds, of each pair of a picture and a query."""
        assert self._worker is not None
        asked = np.array(pairs, "<i8").reshape(-1, 2)
        _, results = self._worker.ask("meet", {"pairs": asked, "least": self._least[asked[:, 1]]}, names=self._asked)
        boxes, scores, which = _checked(results, len(pairs))
        return [(boxes[which == k], scores[which == k]) for k in range(len(pairs))]


def _loaded(reply: dict[str, Any]) -> tuple[int, str, dict[str, str], list[str]]:
    """What an answer to "load" says: most tokens, architecture, versions, tensors without a place. Raises `InputError` for another one."""
    longest, architecture, installed, unused = (reply.get(name) for name in ("longest", "architecture", "versions", "unused"))
    if not (
        type(longest) is int
        and 0 < longest <= MOST_TOKENS
        and isinstance(architecture, str)
        and isinstance(installed, dict)
        and isinstance(unused, list)
    ):
        raise InputError(f"the program of groundingdino-py answered 'load' with {cleaned(reply, 100)}")
    versions = {cleaned(name, 60): cleaned(version, 60) for name, version in installed.items()}
    return longest, cleaned(architecture, 60), versions, [cleaned(name, 60) for name in unused]


def _read(reply: dict[str, Any], count: int) -> list[tuple[int, bool, bool]]:
    """Tokens, whether there are words, whether all are unknown, of each of so many names. Raises `InputError` for another answer."""
    names = reply.get("names")
    known = [tuple(item) if isinstance(item, list) else () for item in names] if isinstance(names, list) else []
    if len(known) != count or not all(
        len(item) == 3 and type(item[0]) is int and 0 < item[0] <= MOST_TOKENS and type(item[1]) is type(item[2]) is bool for item in known
    ):
        raise InputError(f"the program of groundingdino-py answered 'read' of {count} names with {cleaned(reply, 100)}")
    return [(item[0], item[1], item[2]) for item in known]


def _checked(results: dict[str, Any], pairs: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Boxes, scores and their pairs out of an answer; NaN stays. Raises `InputError` for an answer that holds something else."""
    try:
        boxes, scores, which = (np.asarray(results[name]) for name in ("boxes", "scores", "pairs"))
    except KeyError as error:
        raise InputError(f"the program of groundingdino-py answered without {error}") from error
    shaped = boxes.shape == (which.size, 4) and scores.shape == which.shape == (which.size,)
    kinds = "".join(array.dtype.kind for array in (boxes, scores, which))
    if not shaped or kinds != "ffi" or not ((which >= 0) & (which < pairs)).all():
        raise InputError(f"the program of groundingdino-py answered boxes {boxes.shape} with scores {scores.shape} for {pairs} questions")
    if (np.abs(boxes[np.isfinite(boxes)]) > MOST_SHARE).any() or not ((scores >= 0) & (scores <= 1) | np.isnan(scores)).all():
        raise InputError("the program of groundingdino-py answered boxes far outside the picture, or scores that aren't between 0 and 1")
    return boxes.astype(np.float64), scores.astype(np.float64), which.astype(np.int64)
