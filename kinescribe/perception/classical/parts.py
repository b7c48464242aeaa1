"""Parts of one body that differ in colour and move differently, such as a cart and its pole: each is a body of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.color_regions import REACH, body_regions, color_labels, palette, spread_labels, to_lab
from kinescribe.perception.classical.foreground import Foreground, ForegroundModel
from kinescribe.perception.classical.relative_motion import Pose, joints_by_look, moving_apart, pose_of, side_by_side
from kinescribe.perception.naming import Phrase, match_phrase, parse_objects

__all__ = ["PART", "Part", "PartId", "Parts"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Window = tuple[slice, slice]

PART = "part"  # given to their detections as a phrase, so that later stages don't join them again
MOST_FRAMES = 16  # that are looked at
MOST_BLOBS = 12  # a frame
LEAST_BLOB_PX = 150
LEAST_TOGETHER = 0.5  # of the frames: what touches now and then are bodies that meet
LEAST_PRESENT = 0.6  # of the frames of a body: a colour that comes and goes is a reflex
LEAST_SEEN = 2  # frames
LEAST_MATCH = 0.5  # of a phrase: named parts need not have moved
SEEN_AREA = 0.25  # of its usual area, from which on a part is in sight
OWN_COLORS = 0.5  # of a mask's pixels that have a part's colour
CLEAR = 20.0  # grey levels from the background: surely a part's own colour, not the ground's


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part in one window of a frame, and the window as it would look without the other parts.

    Attributes:
        mask: bool, (h, w), with what other parts hide of it.
        image: uint8, (h, w, 3). delta: float32, (h, w, 3), its difference from the background. difference: (h, w), that one's RMS.
    """

    mask: NDArray[np.bool_]
    image: NDArray[np.uint8]
    delta: Float32
    difference: Float32


@dataclass(frozen=True, slots=True)
class PartId:
    """Which part of which kind of body, by number."""

    kind: int
    part: int


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """What one jointed body consists of.

    Attributes:
        colors: (K, 3), CIELAB. owners: (K,), which part has the colour; −1 for none.
        areas: (P,), px², usual ones of the parts.
        pins: (P,) bool, joints, which go through the parts that they join.
    """

    colors: Float
    owners: NDArray[np.int64]
    areas: Float
    pins: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """A blob in one frame: CIELAB of its window, (h, w, 3), its mask and what of it isn't the ground's colour, (h, w); its even colours."""

    lab: Float32
    blob: NDArray[np.bool_]
    clear: NDArray[np.bool_]
    colors: Float


@dataclass(slots=True, eq=False)
class _Chain:
    """One blob over the frames, and where it was last, (2,)."""

    looks: list[_Look]
    at: Float


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The parts of jointed bodies, told by colour."""

    kinds: list[_Kind]

    @classmethod
    def find(
        cls,
        images: NDArray[np.uint8],
        model: ForegroundModel,
        windows: Callable[[Foreground], list[tuple[int, Window]]],
        phrases: Sequence[str] = (),
    ) -> Parts | None:
        """Learn from frames spread over a video which colours of a blob move differently; None without any.

        Args:
            images: (S, H, W, 3). windows: the blobs of a foreground and the part of the picture about each.
            phrases: parts that two of these name need not move differently.
        """
        chosen = np.unique(np.linspace(0, len(images) - 1, MOST_FRAMES).round().astype(int))
        chains: list[_Chain] = []
        for index in chosen:
            _extend(chains, _looks(images[index], model, windows))
        wanted = parse_objects(", ".join(phrases)) if phrases else []
        kinds: list[_Kind] = []
        for chain in chains:
            if len(chain.looks) < max(LEAST_SEEN, LEAST_TOGETHER * len(chosen)):
                continue
            kind = _kind(chain, wanted)
            if kind is not None and not any(_alike(kind.colors, other.colors) for other in kinds):
                kinds.append(kind)
        return cls(kinds) if kinds else None

    def cut(self, image: NDArray[np.uint8], delta: Float32, blob: NDArray[np.bool_]) -> list[Part]:
        """The parts that a blob consists of; empty where it isn't such a body.

        Args:
            image: (h, w, 3), a window of the frame. delta: (h, w, 3), its difference from the background. blob: bool, (h, w).
        """
        lab = to_lab(image)
        for kind in self.kinds:
            labels = color_labels(lab, blob & (_rms(delta) > CLEAR), kind.colors, kind.owners)
            counts = np.bincount(labels.ravel(), minlength=len(kind.areas) + 1)[1:]
            if (counts >= SEEN_AREA * kind.areas).sum() >= 2:
                filled = spread_labels(labels, blob)
                return [_alone(image, delta, labels, filled, *body) for body in body_regions(labels, filled, np.flatnonzero(kind.pins) + 1)]
        return []

    def identify(self, image: NDArray[np.uint8], delta: Float32, mask: NDArray[np.bool_]) -> PartId | None:
        """Which part is under `mask`, (h, w); None where there is no part of a jointed body. Other arguments as of `cut`."""
        lab = to_lab(image)
        for number, kind in enumerate(self.kinds):
            labels = color_labels(lab, mask & (_rms(delta) > CLEAR), kind.colors, kind.owners)
            under = np.bincount(labels[mask], minlength=2)[1:]
            if under.any() and under.sum() >= OWN_COLORS * mask.sum():
                return PartId(number, int(under.argmax()))
        return None

    def without_others(self, image: NDArray[np.uint8], delta: Float32, mask: NDArray[np.bool_], which: PartId) -> Part:
        """A part under `mask`, (h, w), as it looks without the others; other arguments as of `cut`."""
        there = mask | (_rms(delta) > CLEAR)
        kind = self.kinds[which.kind]
        labels = color_labels(to_lab(image), there, kind.colors, kind.owners)
        return _alone(image, delta, labels, spread_labels(labels, there), which.part + 1, mask)

    def others(self, image: NDArray[np.uint8], delta: Float32, which: PartId) -> NDArray[np.bool_]:
        """(h, w), where other parts of the same kind of body are, and the mixed pixels about them; arguments as of `cut`."""
        kind = self.kinds[which.kind]
        labels = color_labels(to_lab(image), _rms(delta) > CLEAR, kind.colors, kind.owners)
        theirs = (labels > 0) & (labels != which.part + 1)
        return cv2.dilate(theirs.view(np.uint8), np.ones((3, 3), np.uint8)).view(bool)


def _alone(
    image: NDArray[np.uint8],
    delta: Float32,
    labels: NDArray[np.int32],
    filled: NDArray[np.int32],
    label: int,
    mask: NDArray[np.bool_],
) -> Part:
    """What lies before the part takes its colour, what lies beside it that of the background."""
    beside, before = (filled > 0) & ~mask, mask & (filled != label)
    alone, picture = delta.copy(), image.copy()
    alone[beside] = 0.0
    sure = mask & (labels == label)
    alone[before] = np.median(delta[sure if sure.any() else mask & (filled == label)], axis=0)
    changed = beside | before
    picture[changed] = np.clip((image - delta + alone)[changed].round(), 0, 255).astype(np.uint8)
    return Part(mask, picture, alone, _rms(alone))


def _rms(delta: Float32) -> Float32:
    """Over channels."""
    return np.asarray(np.sqrt(np.einsum("hwc,hwc->hw", delta, delta) / 3), np.float32)


def _looks(
    image: NDArray[np.uint8], model: ForegroundModel, windows: Callable[[Foreground], list[tuple[int, Window]]]
) -> list[tuple[_Look, Float]]:
    """The blobs of a frame that show several even colours, and where each is, (2,)."""
    image = model.level(image)
    foreground = model.segment(image)
    plate = model.background.plate
    out = []
    for label, window in windows(foreground)[:MOST_BLOBS]:
        x, y, w, h, area = (int(v) for v in foreground.stats[label])
        if area < LEAST_BLOB_PX:
            continue
        blob = foreground.labels[window] == label
        lab = to_lab(image[window])
        # a blob's rim and thin lines show the ground beside them
        clear = blob & (_rms(image[window] - foreground.offset - plate[window]) > CLEAR)
        colors = palette(lab, clear)
        if len(colors) >= 2:
            out.append((_Look(lab, blob, clear, colors), np.array([x + w / 2, y + h / 2])))
    return out


def _extend(chains: list[_Chain], looks: list[tuple[_Look, Float]]) -> None:
    """Give each look to the nearest chain that shows two of its colours; begin a chain with what is left."""
    free = list(chains)
    for look, at in looks:
        fitting = [chain for chain in free if _shared(chain.looks[0].colors, look.colors) >= 2]
        if fitting:
            chain = min(fitting, key=lambda chain: float(np.hypot(*(chain.at - at))))
            free.remove(chain)
            chain.looks.append(look)
            chain.at = at
        else:
            chains.append(_Chain([look], at))


def _shared(a: Float, b: Float) -> int:
    return int((np.linalg.norm(a[:, None] - b[None], axis=2).min(axis=1) < REACH).sum())


def _kind(chain: _Chain, wanted: Sequence[Phrase]) -> _Kind | None:
    """Which of a blob's colours are parts; None where they are one body."""
    colors = _steady_colors(chain)
    if len(colors) < 2:
        return None
    poses = _poses(chain, colors, None)
    owners, joints = moving_apart(poses, [_poses(chain, colors, pin) for pin in range(len(colors))])
    if not owners.any() and side_by_side(poses):
        # one that rolls about another turns with it as if the two were one piece: two balls are likelier than that
        owners = np.arange(len(colors))
    if wanted:
        named = _named(owners, colors, poses, wanted)
        if not joints.any() and (named != owners).any():
            # these didn't move, so that only their look can tell
            joints = joints_by_look(poses)
        owners = named
    count = int(owners.max()) + 1
    if count < 2:
        return None
    areas = [[pose.area for k in np.flatnonzero(owners == part) for pose in poses[k] if pose is not None] for part in range(count)]
    pins = np.array([bool(joints[owners == part].all()) for part in range(count)])
    return _Kind(colors, owners, np.array([np.median(of_part) for of_part in areas]), pins)


def _poses(chain: _Chain, colors: Float, pin: int | None) -> list[list[Pose | None]]:
    """The largest region of each colour in every frame, None where it isn't in sight as a whole; `pin`: a colour taken for a pin's."""
    poses: list[list[Pose | None]] = [[] for _ in colors]
    for look in chain.looks:
        labels = color_labels(look.lab, look.clear, colors, np.arange(len(colors)))
        filled = spread_labels(labels, look.blob)
        largest: dict[int, NDArray[np.bool_]] = {}
        for label, mask in body_regions(labels, filled, None if pin is None else np.array([pin + 1])):
            if label - 1 not in largest or mask.sum() > largest[label - 1].sum():
                largest[label - 1] = mask
        for k, of_color in enumerate(poses):
            mask = largest.get(k, np.zeros((1, 1), bool))
            # a blob's window ends with the blob only at the picture's edge
            cut_off = mask[[0, -1]].any() or mask[:, [0, -1]].any() or not mask.any()
            of_color.append(None if cut_off else pose_of(mask))
    return poses


def _steady_colors(chain: _Chain) -> Float:
    """The colours, (K, 3), that a blob shows in most of its frames."""
    every = np.concatenate([look.colors for look in chain.looks])
    found: list[Float] = []
    while len(every):
        near = np.linalg.norm(every[:, None] - every[None], axis=2) < REACH
        most = near[near.sum(axis=1).argmax()]
        if most.sum() < max(LEAST_SEEN, LEAST_PRESENT * len(chain.looks)):
            break
        color = np.median(every[most], axis=0)
        every = every[np.linalg.norm(every - color, axis=1) >= REACH]
        found.append(color)
    return np.stack(found) if found else np.zeros((0, 3))


def _named(owners: NDArray[np.int64], colors: Float, poses: list[list[Pose | None]], wanted: Sequence[Phrase]) -> NDArray[np.int64]:
    """Colours that go by different phrases are different parts, whether they moved or not."""
    phrase_of = np.full(len(colors), -1)
    for k, color in enumerate(colors):
        seen = [pose for pose in poses[k] if pose is not None]
        if len(seen) < LEAST_PRESENT * len(poses[k]):
            continue
        typical = seen[len(seen) // 2]
        scores = [match_phrase(p, color, typical.shape, typical.size) for p in wanted]
        if max(scores) >= max(LEAST_MATCH, wanted[int(np.argmax(scores))].threshold or 0.0):
            phrase_of[k] = int(np.argmax(scores))
    named = np.flatnonzero(phrase_of >= 0)
    if len(np.unique(phrase_of[named])) < 2:
        return owners
    out = owners.copy()
    for k in named.tolist():
        if any(owners[j] in (owners[k], -1) and phrase_of[j] != phrase_of[k] for j in named if j != k):
            out[k] = len(colors) + phrase_of[k]
    _, renumbered = np.unique(out[out >= 0], return_inverse=True)
    out[out >= 0] = renumbered
    return out


def _alike(a: Float, b: Float) -> bool:
    return _shared(a, b) == len(a) or _shared(b, a) == len(b)
