"""Sprites learned from a body's own frames, and the search for a body that was lost."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.blobs import FAINT, fill_holes, split_at_necks
from kinescribe.perception.classical.parts import PartId
from kinescribe.perception.classical.sprite import Pose, Sprite, register

__all__ = ["TURNS", "Cutout", "half_turn", "learn_sprite", "search"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]

WORTH_REGISTERING = 0.25  # gain at whole pixels; between them a small body's can be twice that
LEAST_GAIN = 0.5  # a cut-out joins the sprite only when the sprite explains at least half of it
TURN_INFORMATION = 0.15  # see `_turn_information`
SUSPECTED_TURN, SEEN_TURN = 0.05, 0.02  # the same: from where on turns are tried, and of a body that was seen to turn
LEAST_TURNING_PX = 4.0  # radius
LEAST_RATE, UNSTEADY = 0.02, 0.3  # radians a frame; of the usual rate, how far rates may be from it
TURNED = 0.6  # a body turns where that leaves less than this share of what it leaves unexplained upright
TURNS = np.linspace(-1.2, 1.2, 17).tolist()  # radians that a body may turn between two frames


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A window of one frame around a body.

    Attributes:
        image: uint8, (h, w, 3). plate: float32, the same window of the plate. sigma: float32, (h, w), noise there.
        offset: (3,), the frame's brightness offset.
        position: (2,), the body's detected centroid, in the window's own pixels.
        mask: bool, (h, w), its detected mask.
        part: which part of a jointed body it is, shown without the others; None for others.
        axis: of a part, direction of its long axis where that is sure, radians, clockwise on the screen; NaN elsewhere.
    """

    image: NDArray[np.uint8]
    plate: Float32
    sigma: Float32
    offset: Float32
    position: Float
    mask: NDArray[np.bool_]
    part: PartId | None = None
    axis: float = np.nan


_Placed = tuple[Cutout, Float, float]
"""A frame, the body's place in it, (2,), and its turn, radians."""


def learn_sprite(cutouts: list[Cutout], reference: int) -> Sprite | None:
    """The common look of a body in several frames.

    What moves along with the body belongs to it: a pixel of the moving window whose value is steadier than its difference from the
    background. So a body that the background difference shows in pieces is put together again.

    Args:
        cutouts: of frames close in time.
        reference: which of them to begin with.
    """
    first = cutouts[reference]
    sprite = _from_mask(first)
    if sprite is None:
        return None
    turning = None
    if not np.isfinite(first.axis) and _turn_information(sprite) > SUSPECTED_TURN:
        turning = _turning(replace(sprite, turns=True), cutouts, reference)
    poses = turning or _upright(sprite, cutouts, first)
    if len(poses) >= 3:
        sprite = _common(poses, first) or sprite
    return replace(sprite, turns=True, turning=True) if turning and _turn_information(sprite) > SEEN_TURN else sprite


def _upright(sprite: Sprite, cutouts: list[Cutout], first: Cutout) -> list[_Placed]:
    """Where the body is in the other frames, turned only by as much as a part's long axis is."""
    poses: list[_Placed] = []
    for cutout in cutouts:
        if cutout is first:
            poses.append((cutout, cutout.position, 0.0))
            continue
        turned = half_turn(cutout.axis - first.axis)
        known = sprite.turns and np.isfinite(turned)
        pose = register(sprite, cutout.image, cutout.plate, cutout.offset, cutout.position, turned if known else 0.0)
        if pose is not None and pose.gain > LEAST_GAIN:
            poses.append((cutout, pose.position, pose.turn if known else 0.0))
    return poses


def _turning(sprite: Sprite, cutouts: list[Cutout], reference: int) -> list[_Placed] | None:
    """Where the body is, and how turned, in frames before and after the reference, one after the other; None where it doesn't turn.

    Without that a rolling ball's pattern would be averaged away, and a triangle become a disc.
    """
    poses: list[_Placed] = [(cutouts[reference], cutouts[reference].position, 0.0)]
    rate, sense = 0.0, 1.0
    rates: list[float] = []
    for chain in (cutouts[reference + 1 :], cutouts[:reference][::-1]):
        turn = 0.0
        for cutout in chain:
            pose = _turned(sprite, cutout, [turn + rate] if rate else [])
            if pose is None:
                break
            turn, rate = pose.turn, pose.turn - turn
            rates.append(rate * sense)
            poses.append((cutout, pose.position, turn))
        rate, sense = -rate, -sense  # the other way in time
    return poses if len(poses) > len(cutouts) / 2 and _steady(rates) else None


def _steady(rates: list[float]) -> bool:
    """Whether turns from frame to frame are those of one motion: what noise seems to turn by has no sense to it."""
    if not rates:
        return False
    usual = float(np.median(rates))
    return abs(usual) > LEAST_RATE and float(np.median(np.abs(np.array(rates) - usual))) < UNSTEADY * abs(usual)


def _turned(sprite: Sprite, cutout: Cutout, expected: list[float]) -> Pose | None:
    """The body turned, where that explains it far better than upright: near the expected turns, else near any within some 70 degrees."""
    still = register(replace(sprite, turns=False), cutout.image, cutout.plate, cutout.offset, cutout.position)
    most = LEAST_GAIN if still is None else max(1 - TURNED * (1 - still.gain), LEAST_GAIN)
    for turns in (expected, TURNS):
        found = [register(sprite, cutout.image, cutout.plate, cutout.offset, cutout.position, turn) for turn in turns]
        best = max((pose for pose in found if pose is not None), key=lambda pose: pose.gain, default=None)
        if best is not None and best.gain > most:
            return best
    return None


def half_turn(angle: float) -> float:
    """The angle between two axes, radians, in [−π/2, π/2)."""
    return float((angle + np.pi / 2) % np.pi - np.pi / 2)


def _from_mask(cutout: Cutout) -> Sprite | None:
    delta = cutout.image.astype(np.float32) - cutout.offset - cutout.plate
    return _cut(delta, cutout.plate, _without_appendages(fill_holes(cutout.mask)), cutout.sigma)


def _without_appendages(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return split_at_necks(mask)[0]


def _cut(delta: Float32, plate: Float32, mask: NDArray[np.bool_], sigma: Float32) -> Sprite | None:
    """A sprite from a mean difference picture and a mask."""
    if mask.sum() < 4:
        return None
    difference = np.sqrt((delta**2).mean(-1))
    inside = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    rim = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    solid = inside if inside.sum() >= 4 else mask & (difference >= np.percentile(difference[mask], 60))
    # contrast near each rim pixel, not over all of the body: a white cart's black wheel has its own
    weight = cv2.GaussianBlur(solid.astype(np.float32), (0, 0), 2.0)
    contrast = cv2.GaussianBlur(difference * solid, (0, 0), 2.0) / np.maximum(weight, 1e-3)
    fallback = float(np.median(difference[solid]))
    contrast = np.where(weight > 0.02, contrast, fallback)
    alpha = np.where(rim, np.clip(difference / np.maximum(contrast, 1e-3), 0, 1), 0).astype(np.float32)
    alpha[solid] = 1.0
    alpha[rim & ~solid & (difference < 2 * sigma)] = 0.0
    alpha[[0, -1], :] = 0
    alpha[:, [0, -1]] = 0
    total = float(alpha.sum())
    if total < 3:
        return None
    ys, xs = np.indices(alpha.shape)
    anchor = np.array([(alpha * xs).sum(), (alpha * ys).sum()]) / total
    rendered = (delta + alpha[..., None] * plate) * (alpha > 0)[..., None]
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    y0, y1, x0, x1 = max(rows[0] - 2, 0), rows[-1] + 3, max(columns[0] - 2, 0), columns[-1] + 3
    cut = Sprite(np.ascontiguousarray(rendered[y0:y1, x0:x1]), np.ascontiguousarray(alpha[y0:y1, x0:x1]), anchor - [x0, y0])
    return Sprite(cut.rendered, cut.alpha, cut.anchor, _turn_information(cut) > TURN_INFORMATION)


def _turn_information(sprite: Sprite) -> float:
    """By what part of what shifting the sprite changes turning it by as many pixels does: some 0.003 for a disc; 0 for small ones."""
    if sprite.radius < LEAST_TURNING_PX:
        return 0.0
    gx = cv2.Sobel(sprite.rendered, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    gy = cv2.Sobel(sprite.rendered, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    h, w = sprite.alpha.shape
    ux = (np.arange(w) - sprite.anchor[0])[None, :, None]
    uy = (np.arange(h) - sprite.anchor[1])[:, None, None]
    turning = float(((gy * ux - gx * uy) ** 2).sum())
    shifting = float(((gx**2 + gy**2) * (ux**2 + uy**2)).sum())
    return turning / max(shifting, 1e-9)


def _common(poses: list[_Placed], first: Cutout) -> Sprite | None:
    """What stays the same when the frames are laid over each other body on body."""
    h, w = first.mask.shape
    images, plates = [], []
    for cutout, position, turn in poses:
        back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        shift = np.column_stack([back, first.position - back @ position])
        view = cutout.image.astype(np.float32) - cutout.offset
        images.append(cv2.warpAffine(view, shift, (w, h), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
        plates.append(cv2.warpAffine(cutout.plate, shift, (w, h), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
    stack, behind = np.stack(images), np.stack(plates)
    look = np.median(stack, axis=0)
    unsteady = np.median(np.sqrt(((stack - look) ** 2).mean(-1)), axis=0)
    apart = np.median(np.sqrt(((stack - behind) ** 2).mean(-1)), axis=0)
    noise = first.sigma
    contrast = float(np.percentile(apart[first.mask], 90))
    member = (apart > np.maximum(3 * noise, FAINT * contrast)) & (unsteady < 0.5 * apart)
    member = _without_specks(member) | (member & first.mask)
    member = _attached(member, first.mask)
    if member.sum() < 4:
        return None
    # strings and wires move along with a body and are not it
    member = _without_appendages(fill_holes(member))
    delta = np.median(stack - behind, axis=0).astype(np.float32)
    plate = behind.mean(0).astype(np.float32)
    return _cut(delta, plate, member, noise)


def _without_specks(member: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What is at least two pixels thick; an even kernel's anchor changes sides between erosion and dilation, so that nothing shifts."""
    square = np.ones((2, 2), np.uint8)
    return cv2.dilate(cv2.erode(member.astype(np.uint8), square), square, anchor=(0, 0)).astype(bool)


def _attached(member: NDArray[np.bool_], core: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The members that hang together with the detected mask, small gaps bridged."""
    reach = max(3, round(0.12 * np.sqrt(core.sum()))) | 1
    bridged = cv2.morphologyEx(member.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    _, labels = cv2.connectedComponents(bridged, connectivity=8)
    overlap = np.bincount(labels[core & member], minlength=int(labels.max()) + 1)
    overlap[0] = 0
    return member & (labels == int(overlap.argmax())) if overlap.any() else member & core


def search(
    sprite: Sprite,
    image: NDArray[np.uint8],
    plate: Float32,
    offset: Float32,
    expected: Float,
    reach: float,
    turn: float = 0.0,
    hidden: NDArray[np.bool_] | None = None,
) -> Pose | None:
    """Look for the sprite within `reach` px of where it is expected; the best fit, or None.

    Every whole-pixel shift is judged by how much better the body explains the picture than the background does, then the best is
    registered. `hidden`: (H, W), where something is known to be in front of the body.
    """
    h, w = sprite.alpha.shape
    height, width = image.shape[:2]
    pad = int(np.ceil(reach))
    x0, y0 = (np.round(expected - sprite.anchor).astype(int) - pad).tolist()
    x1, y1 = x0 + w + 2 * pad, y0 + h + 2 * pad
    cx0, cy0, cx1, cy1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if cx1 - cx0 < 3 or cy1 - cy0 < 3:
        return None
    view = np.zeros((y1 - y0, x1 - x0, 3), np.float32)
    behind = np.zeros_like(view)
    where = (slice(cy0 - y0, cy1 - y0), slice(cx0 - x0, cx1 - x0))
    np.subtract(image[cy0:cy1, cx0:cx1], offset, out=view[where])
    behind[where] = plate[cy0:cy1, cx0:cx1]
    open_window = hidden is None and (cx0, cy0, cx1, cy1) == (x0, y0, x1, y1)
    inside = np.ones((1, 1), np.float32)
    if not open_window:
        inside = np.zeros(view.shape[:2], np.float32)
        inside[where] = 1.0 if hidden is None else ~hidden[cy0:cy1, cx0:cx1]
        view *= inside[..., None]
        behind *= inside[..., None]
    alpha, rendered = sprite.alpha, sprite.rendered
    if abs(turn) > 0.05:
        c, s = np.cos(turn), np.sin(turn)
        rotation = np.array([[c, -s], [s, c]])
        matrix = np.column_stack([rotation, sprite.anchor - rotation @ sprite.anchor])
        alpha = np.asarray(cv2.warpAffine(alpha, matrix, (w, h)), np.float32)
        rendered = np.asarray(cv2.warpAffine(rendered, matrix, (w, h)), np.float32)
    solid = (alpha > 0.5).astype(np.float32)
    look = np.asarray(rendered / np.maximum(alpha, 0.5)[..., None] * solid[..., None], np.float32)
    # Σ solid·((view − behind)² − (view − look)²) over the pixels inside the picture, expanded into correlations
    ground = np.asarray(np.einsum("hwc,hwc->hw", behind, behind - 2 * view), np.float32)
    energy = np.asarray(np.einsum("hwc,hwc->hw", look, look), np.float32)
    better = _correlate(ground, solid)
    better += 2 * _correlate(view, look)
    better -= float(energy.sum()) if open_window else _correlate(inside, energy)
    # nearer is likelier: half of the evidence at the edge of the reach
    away = np.arange(-pad, pad + 1) ** 2
    better = np.where(better > 0, better * (1 - 0.5 * (away + away[:, None]) / (2 * pad**2 + 1)), better)
    row, column = np.unravel_index(int(better.argmax()), better.shape)
    apart = view[row : row + h, column : column + w] - behind[row : row + h, column : column + w]
    without = float(np.einsum("hwc,hwc,hw->", apart, apart, solid))
    if better[row, column] <= WORTH_REGISTERING * without:
        return None
    start = np.array([x0 + column, y0 + row], np.float64) + sprite.anchor
    return register(sprite, image, plate, offset, start, turn, hidden=hidden)


def _correlate(picture: Float32, kernel: Float32) -> Float32:
    """Sum of the picture under the kernel, channels together, wherever all of the kernel lies on it."""
    return np.asarray(cv2.matchTemplate(picture, kernel, cv2.TM_CCORR), np.float32)
