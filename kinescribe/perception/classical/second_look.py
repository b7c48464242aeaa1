"""The second look: every track's body is cut out, learned, and looked for where the first look lost it.

The video is read again, in order: some frames that the sprites are learned from, and to follow those of which more is needed than the
first look kept. Only a bounded number of frames is held, for following backwards from where a track begins.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.background import Background
from kinescribe.perception.classical.appearance import TURNS, Cutout, learn_sprite, search
from kinescribe.perception.classical.covering import fit_what_is_beneath
from kinescribe.perception.classical.follower import ACCEPT_GAIN, Follower, end_parts, expected_position, search_reach, sightings
from kinescribe.perception.classical.following_parts import see_part, sure_axis
from kinescribe.perception.classical.foreground import ForegroundModel
from kinescribe.perception.classical.panes import OutOfSightError, Panes
from kinescribe.perception.classical.parts import PartId, Parts
from kinescribe.perception.classical.recent import MOST_FRAMES, RecentFrames
from kinescribe.perception.classical.rereading import Rereading
from kinescribe.perception.classical.shared import shared_sightings
from kinescribe.perception.classical.sprite import Pose, Sprite, register, registered_within
from kinescribe.perception.sightings import Path, Sightings
from kinescribe.perception.threads import SideBySide
from kinescribe.video.frame import Frame

if TYPE_CHECKING:
    from kinescribe.video.source import Video

__all__ = ["second_look"]

Float = NDArray[np.float64]

CUTOUTS = 11  # frames that a sprite is learned from
MARGIN = 0.35  # of a body's size, about its box: parts that the first look missed
SURE_GAIN, CERTAIN_GAIN = 0.8, 0.9
CLEARLY_TURNED = 0.05  # radians
ALL_TURNS = np.linspace(-np.pi, np.pi, 25).tolist()
FIRST_FRAMES, LAZY = 3, 0.02  # a square is the same after a quarter turn: of equal fits the smallest turn is it
FOUND_GAIN = 0.6  # where only the sprite sees it
PIECE = 1.6  # a body whose radius is so many times larger may be what a piece belongs to
COVERED_ENOUGH = 8  # frames on a larger body after which a piece of it isn't followed any farther than it was seen
AWRY_PX = 2  # by which the sprite's middle may lie off the first look's
LONGEST_LOSS = 12  # frames without a sighting after which a body that left its track is given up


def second_look(
    video: Video,
    background: Background,
    paths: list[Path],
    progress: Callable[[int], None] | None = None,
    parts: Parts | None = None,
    panes: Panes | None = None,
) -> list[Sightings | None]:
    """Follow each path's body through the video; None where no sprite could be learned.

    `parts`: of jointed bodies, where there are any. `panes`: what the first look kept of every frame of this video, if it did.
    """
    model = ForegroundModel(background)
    shared = shared_sightings(paths)
    paths = [replace(path, usable=path.usable & ~np.isin(path.frames, list(of_two))) for path, of_two in zip(paths, shared, strict=True)]
    sprites, which = _learn(video, background, model, paths, parts)
    followers = {
        k: Follower(path, sprite, dict(zip(path.frames.tolist(), path.positions, strict=True)), part=which[k], ends=end_parts(sprite))
        for k, (path, sprite) in enumerate(zip(paths, sprites, strict=True))
        if sprite is not None
    }
    for k, follower in followers.items():
        follower.shared = shared[k]
    largest = sorted(followers.values(), key=lambda f: -f.sprite.radius)
    recent = RecentFrames(follower.first for follower in largest)
    frames = Rereading(video, model, panes, [] if panes is None else _needed_whole(largest, panes))
    with SideBySide() as both, closing(iter(frames)) as given:
        for frame, offset in given:
            begun = [follower for follower in largest if frame.index >= follower.first]
            missed = _look_at(frame, offset, begun, begun, background, parts, both)
            if missed is not None:
                seen = frames.whole()
                if seen is None:
                    break
                frame, offset = seen
                _look_at(frame, offset, missed, begun, background, parts, both)
            for follower in begun:
                if frame.index in follower.found:
                    where = follower.found[frame.index].position
                    larger = itertools.takewhile(partial(_larger, follower), largest)
                    on_another = any(other.covers(where, frame.index) for other in larger)
                    follower.covered = follower.covered + 1 if on_another else 0
                if frame.index == follower.first:
                    _backwards(follower, recent, background)
                    for earlier, its_offset in recent.newest_first():
                        if earlier.index in follower.found:  # others were found there before it was known
                            fit_what_is_beneath(_not_given_up(begun, earlier.index), earlier, background, its_offset)
            recent.add(frame, offset)
            if progress is not None:
                progress(frame.index + 1)
    return [sightings(followers[k]) if k in followers else None for k in range(len(paths))]


def _needed_whole(followers: list[Follower], panes: Panes) -> set[int]:
    """The frames of which more will be needed than there is."""
    out: set[int] = set()
    for f in followers:
        # before it was seen it is followed backwards, and where it wasn't seen it is looked for
        out.update(range(max(f.first - MOST_FRAMES, 0) if f.first else 0, f.first))
        out.update(set(range(f.first, f.last + LONGEST_LOSS + 2)) - f.seen.keys())
        out |= f.shared
        if f.part is not None:
            out.update(f.seen)
            continue
        reach = max([registered_within(f.sprite), *(registered_within(end) + float(np.hypot(*arm)) for end, arm in f.ends)]) + AWRY_PX
        for index, (x, y) in f.seen.items():
            if index not in out and not panes.hold(index, (floor(x - reach), floor(y - reach), ceil(x + reach) + 1, ceil(y + reach) + 1)):
                out.add(index)
    return out.intersection(panes.indices)


def _look_at(
    frame: Frame,
    offset: NDArray[np.float32],
    bodies: list[Follower],
    begun: list[Follower],
    background: Background,
    parts: Parts | None,
    both: SideBySide,
) -> list[Follower] | None:
    """Find bodies in a frame, then those of all that lie beneath others. Where not enough of the frame is there, the bodies that must
    be looked for again, which may be none of them; None where all is done.
    """
    blind: list[Follower] = []
    both.each(partial(_look, frame=frame, background=background, offset=offset, parts=parts, blind=blind), bodies)
    if blind:
        return blind
    try:
        fit_what_is_beneath(_not_given_up(begun, frame.index), frame, background, offset)
    except OutOfSightError:
        return []
    return None


def _not_given_up(followers: list[Follower], index: int) -> list[Follower]:
    """Those that were found in a frame, or are still looked for."""
    return [f for f in followers if index in f.found or f.covered < COVERED_ENOUGH]


def _look(
    f: Follower, frame: Frame, background: Background, offset: NDArray[np.float32], parts: Parts | None, blind: list[Follower]
) -> None:
    """Find one body in a frame; no other body has a say in that. It joins those that are `blind` where not enough of the frame is there."""
    try:
        _find(f, frame, background, offset, parts)
    except OutOfSightError:
        f.forget(frame.index)
        blind.append(f)


def _find(f: Follower, frame: Frame, background: Background, offset: NDArray[np.float32], parts: Parts | None) -> None:
    if frame.index in f.shared and f.part is None:
        # what was seen is this body and another: where its own motion points to, each is found by itself
        _lost(f, frame, background, offset)
        if frame.index in f.found:
            return
    if frame.index in f.seen:
        _observed(f, frame, background, offset, parts)
    elif f.covered < COVERED_ENOUGH:
        _lost(f, frame, background, offset)


def _larger(follower: Follower, other: Follower) -> bool:
    return other.sprite.radius > PIECE * follower.sprite.radius


def _learn(
    video: Video, background: Background, model: ForegroundModel, paths: list[Path], parts: Parts | None
) -> tuple[list[Sprite | None], list[PartId | None]]:
    """One sprite a path, from the frames in which it was seen whole, and which part of a jointed body it is."""
    wanted: dict[int, list[tuple[int, int]]] = {}
    chosen: list[tuple[list[int], int]] = []
    for k, path in enumerate(paths):
        rows, reference = _references(path)
        chosen.append((rows, reference))
        for row in rows:
            wanted.setdefault(int(path.frames[row]), []).append((k, row))
    cutouts: list[dict[int, Cutout]] = [{} for _ in paths]
    sprites: list[Sprite | None] = [None] * len(paths)
    which: list[PartId | None] = [None] * len(paths)
    for unlevelled in video.sample(sorted(wanted)):
        frame = replace(unlevelled, image=model.level(unlevelled.image))
        offset = model.exposure_offset(frame.image)
        for k, row in wanted[frame.index]:
            rows, reference = chosen[k]
            size = paths[k].boxes[rows]
            extent = np.max(size[:, 2:] - size[:, :2], axis=0)
            cutouts[k][row] = _cutout(frame, background, offset, paths[k], row, extent, parts)
            if len(cutouts[k]) == len(rows):  # at once, so that no more than a few bodies' windows are held
                held = [cutouts[k][each] for each in rows]
                cutouts[k] = {}
                sprites[k] = learn_sprite(held, rows.index(reference))
                which[k] = next((cutout.part for cutout in held if cutout.part is not None), None)
    return sprites, which


def _references(path: Path) -> tuple[list[int], int]:
    """Rows to learn from, neighbours in time, and the one to begin with: whole, and as large as the body gets when it's steady."""
    n = len(path.frames)
    log_area = np.log(np.maximum(path.areas, 1.0))
    around = [slice(max(i - 2, 0), i + 3) for i in range(n)]
    steady = np.array([np.ptp(log_area[w]) for w in around])
    level = np.array([np.median(log_area[w]) for w in around])
    usable = path.usable if path.usable.any() else np.ones(n, bool)
    target = np.percentile(level[usable], 75)
    cost = np.abs(level - target) + steady + np.where(usable, 0.0, 2.0) + np.abs(log_area - level)
    reference = int(cost.argmin())
    near = np.argsort(np.abs(path.frames - path.frames[reference]), kind="stable")
    fit = [int(i) for i in near if abs(log_area[i] - log_area[reference]) < 0.5 and usable[i]][: CUTOUTS - 1]
    rows = sorted({reference, *fit})
    return rows, reference


def _cutout(
    frame: Frame, background: Background, offset: NDArray[np.float32], path: Path, row: int, extent: Float, parts: Parts | None
) -> Cutout:
    """A window of fixed size around the body; beyond the picture's edge the edge is repeated and doesn't differ from the plate.

    A part of a jointed body is shown without the others.
    """
    half = np.ceil(extent * (0.5 + MARGIN)).astype(int) + 4
    centre = np.round(path.positions[row]).astype(int)
    height, width = frame.image.shape[:2]
    ys = np.clip(np.arange(centre[1] - half[1], centre[1] + half[1] + 1), 0, height - 1)
    xs = np.clip(np.arange(centre[0] - half[0], centre[0] + half[0] + 1), 0, width - 1)
    grid = np.ix_(ys, xs)
    mask = np.zeros((len(ys), len(xs)), bool)
    crop = path.masks[row]
    pixels = crop.pixels
    y0, x0 = crop.y - (centre[1] - half[1]), crop.x - (centre[0] - half[0])
    h, w = pixels.shape
    ya, yb, xa, xb = max(y0, 0), min(y0 + h, len(ys)), max(x0, 0), min(x0 + w, len(xs))
    mask[ya:yb, xa:xb] = pixels[ya - y0 : yb - y0, xa - x0 : xb - x0]
    image, plate = frame.image[grid], background.plate[grid]
    position = path.positions[row] - (centre - half)
    cutout = Cutout(image, plate, background.sigma[grid], offset, position, mask)
    if parts is None:
        return cutout
    delta = (image - offset - plate).astype(np.float32)
    which = parts.identify(image, delta, mask)
    if which is None:
        return cutout
    return replace(cutout, image=parts.without_others(image, delta, mask, which).image, part=which, axis=sure_axis(mask))


def _observed(f: Follower, frame: Frame, background: Background, offset: NDArray[np.float32], parts: Parts | None) -> None:
    """The first look saw the body here: fit the sprite there, or where its motion points to."""
    where = f.seen[frame.index]
    expected = expected_position(f, frame.index)
    # a piece of the body may have been all that the first look saw; but elsewhere is elsewhere
    farthest = 3.0 + 0.5 * max(f.sprite.alpha.shape)

    def acceptable(pose: Pose | None, least: float) -> Pose | None:
        if pose is None or pose.gain <= least or np.hypot(*(pose.position - where)) > farthest:
            return None
        return pose

    image, plate = frame.image, background.plate
    if f.part is not None and parts is not None:
        see_part(f, frame, background, offset, parts)
        return
    turn = f.expected_turn(frame.index)
    best = acceptable(register(f.sprite, image, plate, offset, where + f.offset(), turn), ACCEPT_GAIN)
    if f.sprite.turning and len(f.found) < FIRST_FRAMES:  # how fast it turns isn't known yet
        starts = TURNS if f.found else ALL_TURNS
        tried = [acceptable(register(f.sprite, image, plate, offset, where, turn + by), ACCEPT_GAIN) for by in starts]
        best = max((pose for pose in (best, *tried) if pose is not None), key=lambda p: p.gain - LAZY * abs(p.turn - turn), default=None)
    if (best is None or best.gain < SURE_GAIN) and abs(turn - f.turn) > CLEARLY_TURNED:
        other = acceptable(register(f.sprite, image, plate, offset, where + f.offset(), f.turn), ACCEPT_GAIN)
        best, turn = (other, f.turn) if other is not None and (best is None or other.gain > best.gain) else (best, turn)
    if expected is not None and (best is None or best.gain < SURE_GAIN) and np.hypot(*(expected - where)) > 1.0:
        other = acceptable(register(f.sprite, image, plate, offset, expected, turn), ACCEPT_GAIN)
        if other is not None and (best is None or other.gain > best.gain):
            best = other
    if best is None and expected is not None:
        # the first look may have taken something else for it; where its motion points to, beyond doubt, it is itself
        pose = search(f.sprite, image, plate, offset, expected, 3.0 + 0.25 * f.sprite.radius, turn)
        best = pose if pose is not None and pose.gain > CERTAIN_GAIN else None
    if best is None:
        middle = where if expected is None else expected
        best = acceptable(search(f.sprite, image, plate, offset, middle, 3.0 + 0.5 * f.sprite.radius, turn), FOUND_GAIN)
    if best is not None:
        f.see(frame, best, background, offset)
        f.turn = best.turn
        if np.hypot(*(best.position - where)) <= farthest:
            f.bias.append(best.position - where)


def _lost(f: Follower, frame: Frame, background: Background, offset: NDArray[np.float32]) -> None:
    """Between two sightings of the first look, or after the last: look where the body should be."""
    misses = 0
    while frame.index - 1 - misses not in f.found and misses <= LONGEST_LOSS:
        misses += 1
    pose: Pose | None = None
    if misses <= LONGEST_LOSS and len(f.found) >= 3:
        expected = expected_position(f, frame.index)
        if expected is None:
            expected = f.found[frame.index - 1 - misses].position
        pose = _sought(f, frame, background, offset, expected, search_reach(f, misses))
    if pose is None and frame.index < f.last:
        # both sides of the gap are known; a bounce may lie in it, so that no extrapolation from one side holds
        after = int(np.searchsorted(f.path.frames, frame.index))
        before, behind = f.path.positions[after - 1], f.path.positions[after]
        share = (frame.index - f.path.frames[after - 1]) / (f.path.frames[after] - f.path.frames[after - 1])
        middle = before + share * (behind - before) + f.offset()
        pose = _sought(f, frame, background, offset, middle, min(search_reach(f, 1) + 0.5 * float(np.hypot(*(behind - before))), 60.0))
    if pose is not None:
        f.see(frame, pose, background, offset)
        f.turn = pose.turn


def _sought(f: Follower, frame: Frame, background: Background, offset: NDArray[np.float32], expected: Float, reach: float) -> Pose | None:
    # where its motion points to it is mostly found at once; to look all about takes three times as long
    turn = f.expected_turn(frame.index)
    pose = register(f.sprite, frame.image, background.plate, offset, expected, turn)
    if pose is not None and pose.gain > CERTAIN_GAIN:
        return pose
    pose = search(f.sprite, frame.image, background.plate, offset, expected, reach, turn)
    return pose if pose is not None and pose.gain > FOUND_GAIN else None


def _backwards(f: Follower, recent: RecentFrames, background: Background) -> None:
    """Where was the body before the first look saw it?"""
    if f.first not in f.found:
        return
    # the path's own first positions tell its velocity, for no later frame has been looked at yet
    n = min(4, len(f.path.frames))
    velocity = (f.path.positions[n - 1] - f.path.positions[0]) / max(float(f.path.frames[n - 1] - f.path.frames[0]), 1.0)
    if n >= 3:
        a, b = f.path.frames[:3], f.path.positions[:3]
        early, late = (b[1] - b[0]) / (a[1] - a[0]), (b[2] - b[1]) / (a[2] - a[1])
        velocity = early - 0.7 * (late - early)
    turn, misses, position, since = f.found[f.first].turn, 0, f.found[f.first].position, f.first
    for frame, offset in recent.newest_first():
        if misses > LONGEST_LOSS:
            break
        step = since - frame.index
        expected = position - velocity * step
        speed = float(np.hypot(*velocity))
        reach = min(3.0 + 0.25 * f.sprite.radius + 0.3 * speed + misses * (1.0 + 0.2 * speed), 3 * f.sprite.radius + 30)
        pose = search(f.sprite, frame.image, background.plate, offset, expected, reach, turn)
        if pose is None or pose.gain <= FOUND_GAIN:
            misses += 1
            continue
        velocity = 0.3 * velocity + 0.7 * (position - pose.position) / step
        turn, misses, position, since = pose.turn, 0, pose.position, frame.index
        f.see(frame, pose, background, offset)
