"""Draws every instant, and writes the video."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.foretelling.course import Course
from kinescribe.foretelling.measuring import Measures, Meter
from kinescribe.foretelling.timeline import Moment, Plan, moments
from kinescribe.renderers.captions import CHANGED, PREDICTED, REAL, Caption, in_corner
from kinescribe.renderers.compositor import layer_of
from kinescribe.renderers.panels import beside, wiped
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.protocols import Renderer
from kinescribe.renderers.rendering import GHOST
from kinescribe.renderers.scene import Scene
from kinescribe.renderers.trails import Style, Trails, colors_in
from kinescribe.video import Video, VideoWriter

__all__ = ["Filmed", "Look", "film"]

Picture = NDArray[np.uint8]
Float32 = NDArray[np.float32]
OVER = 0.45  # brightness of the last picture once the video is over
WIPE_S, SWAY = (1.5, 4.0), 0.46  # seconds from side to side and back, at least and at most; how far to each side of the middle


@dataclass(frozen=True, slots=True)
class Look:
    """What the video shows.

    Attributes:
        compare: "", "side" or "wipe". share: where the wipe's line stands, in [0, 1]; None: it sways.
        ghost: the factual course half transparent. trails: paths. captions: words.
        changes: what was changed, in words; "" where nothing was.
    """

    compare: str = ""
    share: float | None = None
    ghost: bool = False
    trails: bool = False
    captions: bool = True
    changes: str = ""


@dataclass(frozen=True, slots=True)
class Filmed:
    """What was written.

    Attributes:
        frames: how many. foretold: how many of them are foretold.
        begins_s, ends_s: first foretold frame and the last one, seconds in the video's time.
        measures: how near they come to the real ones; None for what is changed, and where the video has nothing to compare.
    """

    frames: int
    foretold: int
    begins_s: float
    ends_s: float
    measures: Measures | None


def film(
    video: Video,
    scene: Scene,
    drawer: Renderer,
    course: Course,
    plan: Plan,
    look: Look,
    path: Path,
    *,
    crf: int,
    progress: Callable[[str, int, int | None], None] | None,
) -> Filmed:
    """Write the video. Raises UsageError where it can't be written; nothing is left of it then."""
    artist, meter = _Artist(scene, drawer, course, plan, look), Meter()
    rate = 1.0 / plan.interval_s if plan.interval_s > 0 else None
    if plan.foretold is not None and len(plan.foretold) > 1:
        rate = 1.0 / (plan.foretold[1] - plan.foretold[0])
    written = foretold = 0
    begins = math.nan
    with VideoWriter(path, frame_rate_hint=rate, crf=crf) as writer:
        for moment in moments(video, plan):
            picture, plain = artist.draw(moment)
            if plain is not None and moment.filmed and moment.last_seen is not None and not look.changes:
                meter.add(moment.real, plain, moment.last_seen)
            writer.write(picture, moment.time_s)
            written += 1
            foretold += moment.foretold
            begins = moment.time_s if moment.foretold and math.isnan(begins) else begins
            if progress is not None:
                progress("render", written, None)
    return Filmed(written, foretold, begins, moment.time_s, meter.result())


class _Artist:
    """Draws one instant after the other; paths grow as it goes."""

    def __init__(self, scene: Scene, drawer: Renderer, course: Course, plan: Plan, look: Look) -> None:
        self._scene, self._drawer, self._course, self._plan, self._look = scene, drawer, course, plan, look
        height, width = scene.plate.shape[:2]
        self._size = (width, height)
        colors = colors_in(scene) if look.trails else None
        self._trails = Trails(width, height, colors) if look.trails else None
        self._ghosts = Trails(width, height, colors) if look.trails and look.ghost else None
        what = Caption(f"what if: {look.changes}", CHANGED) if look.changes else Caption("predicted", PREDICTED)
        self._words = {"seen": Caption("seen", REAL), "real": Caption("real", REAL), "over": Caption("not filmed", REAL), "told": what}

    def draw(self, moment: Moment) -> tuple[Picture, Picture | None]:
        """The picture, and what is foretold without anything drawn over it, None for an instant that isn't foretold."""
        if not moment.foretold:
            return self._arranged(self._seen(moment), moment), None
        poses = self._course.foretold(moment.time_s)
        plain = self._drawer.draw(poses)
        return self._arranged(self._foretold(moment.time_s, poses, plain), moment), plain

    def _seen(self, moment: Moment) -> Picture:
        if self._trails is None:
            return moment.real.copy()
        poses = self._course.observed(moment.time_s)
        self._trails.follow(poses, "solid", moment.time_s)
        picture = moment.real.copy()
        self._trails.over(picture, self._covered(poses))
        return picture

    def _foretold(self, time_s: float, poses: tuple[Pose, ...], plain: Picture) -> Picture:
        ghosts = self._course.otherwise(time_s) if self._look.ghost else ()
        if self._trails is None and not ghosts:
            return plain.copy()
        ground = self._scene.picture.copy()
        if self._ghosts is not None:
            self._ghosts.follow(ghosts, "faint", time_s)
            self._ghosts.over(ground)
        if self._trails is not None:
            styles: dict[int, Style] = {p.object_id: "dashed" if p.object_id in self._course.covered else "solid" for p in poses}
            self._trails.follow(poses, styles, time_s)
            self._trails.over(ground)
        if ghosts:
            ground = self._drawer.draw(ghosts, onto=ground, opacity=GHOST)
        return self._drawer.draw(poses, onto=ground)

    def _covered(self, poses: tuple[Pose, ...]) -> Float32:
        """(H, W) how much objects cover of the picture: a path runs beneath them."""
        width, height = self._size
        out = np.zeros((height, width), np.float32)
        for pose in poses:
            thing = self._scene.objects.get(pose.object_id)
            layer = None if thing is None else layer_of(thing, pose, self._size)
            if layer is not None:
                h, w = layer.alpha.shape
                view = out[layer.y : layer.y + h, layer.x : layer.x + w]
                np.maximum(view, layer.alpha, out=view)
        return out

    def _arranged(self, mine: Picture, moment: Moment) -> Picture:
        """With the real picture beside it, and words."""
        look, words = self._look, self._words
        own = words["told"] if moment.foretold else words["seen"]
        if not look.compare:
            if look.captions:
                in_corner(mine, own)
            return mine
        real = moment.real if not moment.over else cv2.convertScaleAbs(moment.real, alpha=OVER).astype(np.uint8)
        captions = (words["over"] if moment.over else words["real"], own) if look.captions else None
        if look.compare == "side":
            return beside(real, mine, captions)
        if not moment.foretold:
            if look.captions:
                in_corner(mine, own)
            return mine
        if self._trails is not None:
            # one path on both sides, so that the real object is seen to keep to it or to leave it
            real = real.copy()
            self._trails.over(real, self._covered(self._course.foretold(moment.time_s)))
        return wiped(real, mine, self._share(moment.time_s), captions)

    def _share(self, time_s: float) -> float:
        """Of the width, left of the wipe's line."""
        if self._look.share is not None:
            return self._look.share
        period = min(max(self._plan.until_s - self._plan.begins_s, WIPE_S[0]), WIPE_S[1])
        # to the left first, so that more is seen of the prediction
        return 0.5 - SWAY * math.sin(2 * math.pi * (time_s - self._plan.begins_s) / period)
