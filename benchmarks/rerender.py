"""Clips re-rendered from their own states: how much of each object the scene's sprites explain, beside an oracle that knows the truth.

For every object with truth, in a square of 1.5 times its largest extent about its true position: the mean squared difference between the
video and the re-rendered picture ("residual"), how much less that is than the difference to the plate alone ("gain"), and its ratio to an
oracle's. The oracle is the median of the object's own cut-outs, registered by the true positions to a fraction of a pixel and laid back
there; of two oracles, one that lays back the whole square and one that lays back only what differs from the plate, the better one counts.
Clips: DIR/real with their marks, DIR/phyworld's evaluation clips with their exact positions, gymnasium's Cart Pole.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import Record, finish, load_extract_states, need_folder, number, parallel, parser, print_table
from numpy.typing import NDArray
from phyworld_data import EXTENT, SETS, pick, read_clips
from real_clips import source_of

from kinescribe.evaluation import Truth, read_truth, score_states
from kinescribe.renderers.compositor import compose
from kinescribe.renderers.poses import PoseTable
from kinescribe.renderers.scene import Scene
from kinescribe.states import States
from kinescribe.video import Video, open_video

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
GOAL_RATIO, GOAL_GAIN = 1.2, 10.0  # of the oracle's residual; dB over the plate where the object stands out
STANDS_OUT = 40.0  # grey levels between object and background
SIDE = 1.5  # of the object's largest extent
OWN = 0.5  # share of cut-outs that must differ from the plate for a pixel to be the object's


@dataclass(frozen=True, slots=True)
class Job:
    """A clip to re-render: of `real` a folder, of `phyworld` a file and its place, of `cart_pole` a seed."""

    kind: str
    name: str
    source: Path | None = None
    place: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """A clip: what `extract_states` takes, the keywords for it, and the truth by object in image pixels."""

    video: Any
    options: dict[str, Any]
    truth: Mapping[str, Truth]


@dataclass(frozen=True, slots=True)
class Score:
    """An object re-rendered. residual, oracle, plate: mean squared differences; contrast: grey levels between object and background."""

    case: str
    residual: float
    oracle: float
    plate: float
    contrast: float

    @property
    def gain(self) -> float:
        return 10.0 * float(np.log10(self.plate / self.residual)) if np.isfinite(self.residual) else -np.inf

    @property
    def ratio(self) -> float:
        return self.residual / self.oracle


def material_of(job: Job) -> Material:
    if job.kind == "real":
        assert job.source is not None
        clip = json.loads((job.source / "clip.json").read_text(encoding="utf-8"))
        return Material(source_of(job.source), {"frame_interval": float(clip["frame_interval_s"])}, read_truth(job.source / "truth.csv"))
    if job.kind == "phyworld":
        assert job.source is not None
        one = read_clips(job.source)[job.place]
        images = one.images()
        height, width = images.shape[1:3]
        pixels = one.positions * [(width - 1) / EXTENT, -(height - 1) / EXTENT] + [0.0, height - 1]
        frames = np.arange(len(images))
        # the measure's scored frames begin anywhere, but a ball that the edge cuts off has no cut-out
        half = (one.radii * (width - 1) / EXTENT)[None, :, None]
        whole = ((pixels - half >= 0) & (pixels + half <= [width - 1, height - 1])).all(axis=2)
        truth = {f"ball {b + 1}": _truth(frames[whole[:, b]], pixels[whole[:, b], b]) for b in range(pixels.shape[1]) if whole[:, b].any()}
        return Material(images, {"times": one.times, "ends": False}, truth)
    images, positions = cart_pole_clip(job.place)
    frames = np.arange(len(images))
    return Material(images, {"times": 0.02 * frames, "ends": False}, {name: _truth(frames, at) for name, at in positions.items()})


def _truth(frames: NDArray[np.int64], positions: Float) -> Truth:
    return Truth(frames, positions, np.full(len(frames), np.nan))


def cart_pole_clip(seed: int, steps: int = 60) -> tuple[NDArray[np.uint8], dict[str, Float]]:
    """Frames (steps + 1, 400, 600, 3), BGR, under random actions, and where the middles of cart and pole are, px."""
    import gymnasium

    world = gymnasium.make("CartPole-v1", render_mode="rgb_array").unwrapped
    state, _ = world.reset(seed=seed)
    actions = np.random.default_rng(seed).integers(0, 2, steps)
    images, states = [world.render()], [np.asarray(state, float)]
    for action in actions:
        state, *_ = world.step(int(action))
        images.append(world.render())
        states.append(np.asarray(state, float))
    world.close()
    x, angle = np.array(states)[:, 0] * 125.0 + 300.0, np.array(states)[:, 2]
    cart = np.stack([x, np.full_like(x, 300.0)], axis=1)
    pole = np.stack([x + 57.5 * np.sin(angle), 292.5 - 57.5 * np.cos(angle)], axis=1)
    axle = np.stack([x, np.full_like(x, 292.5)], axis=1)
    return np.stack(images)[..., ::-1].copy(), {"cart": cart, "pole": pole, "axle": axle}


def states_of(material: Material, job: Job, kept: Path | None) -> States:
    """Perceived with default settings, or read from where an earlier run kept them."""
    from kinescribe.states import read

    path = None if kept is None else kept / f"{job.kind}_{job.name.replace('/', '_')}.csv"
    if path is not None and path.exists():
        return read(path)
    states: States = load_extract_states()(material.video, **material.options)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        states.to_csv(path)
    return states


def video_of(material: Material) -> Video:
    options = {name: value for name, value in material.options.items() if name in ("frame_interval", "times")}
    return open_video(material.video, **options)


def scores_of(job: Job, kept: Path | None, pictures: Path | None) -> list[Score]:
    """Every object of a clip that perception found."""
    material = material_of(job)
    states = states_of(material, job, kept)
    scene = Scene.from_video(video_of(material), states)
    table = PoseTable.of(states)
    at = dict(zip(table.frames.tolist(), table.poses, strict=True))
    count = int(states["frame"].max()) + 1
    found = score_states(states["frame"], states["object_id"], states["x_px"], states["y_px"], material.truth, count)
    frames: list[NDArray[np.uint8]] = []
    drawn: list[NDArray[np.uint8]] = []
    for frame in video_of(material):
        frames.append(frame.image)
        drawn.append(compose(scene, at.get(frame.index, ())))
    out = []
    for name, truth in material.truth.items():
        best = found.objects[name]
        object_id = (best.object_id if best.coverage > 0.5 else None) if job.kind == "real" else _nearest(truth, states)
        if object_id in states.meta.objects:
            # a mark at a long body's end
            whole = states.meta.objects[object_id].part_of
            object_id = object_id if whole is None else whole
        if object_id is None or object_id not in scene.objects:
            # a thing that wasn't found is explained by nothing
            print(f"{job.name}/{name}: no object to draw", file=sys.stderr)
            out.append(Score(f"{job.name}/{name}", np.inf, 1.0, 1.0, np.inf))
            continue
        extent = float(max(np.nanmedian(states[side][states["object_id"] == object_id]) for side in ("bbox_w", "bbox_h")))
        places = _centred(truth, states, object_id)
        side = round(SIDE * extent)
        out.append(_score(f"{job.name}/{name}", frames, drawn, scene.plate, truth.frames, places, side))
    if pictures is not None:
        _write_pictures(pictures / job.name.replace("/", "_"), frames, drawn)
    return out


def _nearest(truth: Truth, states: States) -> int | None:
    """The object whose place is the true one itself, without an offset."""
    away = {}
    for object_id in states.object_ids:
        rows = np.flatnonzero(states["object_id"] == object_id)
        _, mine, theirs = np.intersect1d(states["frame"][rows], truth.frames, return_indices=True)
        places = np.stack([states["x_px"], states["y_px"]], axis=1)[rows[mine]]
        if len(mine) > len(truth.frames) // 2:
            away[object_id] = float(np.nanmedian(np.hypot(*(places - truth.positions[theirs]).T)))
    return min(away, key=lambda one: away[one]) if away and min(away.values()) < 5.0 else None


def _centred(truth: Truth, states: States, object_id: int) -> Float:
    """True positions of the object's middle: a mark may lie at a constant offset from it."""
    rows = np.flatnonzero(states["object_id"] == object_id)
    _, mine, theirs = np.intersect1d(states["frame"][rows], truth.frames, return_indices=True)
    offset = np.stack([states["x_px"], states["y_px"]], axis=1)[rows[mine]] - truth.positions[theirs]
    return np.asarray(truth.positions + np.nanmedian(offset, axis=0))


def _score(
    case: str,
    frames: Sequence[NDArray[np.uint8]],
    drawn: Sequence[NDArray[np.uint8]],
    plate: Float32,
    numbers: NDArray[np.int64],
    places: Float,
    side: int,
) -> Score:
    windows = list(_windows(numbers, places, side, plate.shape, len(frames)))
    oracle = Oracle.of(frames, plate, windows, side)
    energies = np.zeros(4)
    pixels = 0
    for number_, place, view in windows:
        real = frames[number_][view].astype(np.float32)
        own, whole = oracle.laid(plate, place, view)
        others = (drawn[number_][view], own, whole, plate[view])
        energies += [float(((real - other) ** 2).sum()) for other in others]
        pixels += real.size
    ours, own_energy, whole_energy, plate_energy = energies / pixels
    return Score(case, ours, min(own_energy, whole_energy), plate_energy, oracle.contrast)


def _windows(
    numbers: NDArray[np.int64], places: Float, side: int, shape: tuple[int, ...], count: int
) -> Iterator[tuple[int, Float, tuple[slice, slice]]]:
    for frame, place in zip(numbers.tolist(), places, strict=True):
        x0, y0 = np.round(place - side / 2.0).astype(int)
        view = (slice(max(y0, 0), min(y0 + side, shape[0])), slice(max(x0, 0), min(x0 + side, shape[1])))
        if frame < count and view[0].stop > view[0].start and view[1].stop > view[1].start:
            yield frame, place, view


@dataclass(frozen=True, slots=True, eq=False)
class Oracle:
    """The median cut-out (side, side, 3) and which of its pixels are the object's, as a share of the cut-outs (side, side)."""

    patch: Float32
    own: Float32
    contrast: float

    @classmethod
    def of(
        cls, frames: Sequence[NDArray[np.uint8]], plate: Float32, windows: Sequence[tuple[int, Float, tuple[slice, slice]]], side: int
    ) -> Oracle:
        patches, shares, levels = [], [], []
        for frame, place, _ in windows:
            at = (float(place[0]), float(place[1]))
            cut = cv2.getRectSubPix(frames[frame].astype(np.float32), (side, side), at)
            behind = cv2.getRectSubPix(plate, (side, side), at)
            difference = np.abs(cut - behind).max(axis=2)
            patches.append(cut)
            shares.append(difference > 12.0)
            middle = difference[side // 2 - side // 8 : side // 2 + side // 8 + 1, side // 2 - side // 8 : side // 2 + side // 8 + 1]
            levels.append(float(np.median(middle)))
        patch = np.median(np.stack(patches), axis=0).astype(np.float32)
        return cls(patch, np.mean(np.stack(shares), axis=0, dtype=np.float32), float(np.median(levels)))

    def laid(self, plate: Float32, place: Float, view: tuple[slice, slice]) -> tuple[Float32, Float32]:
        """The picture in a window with the object's pixels laid over the plate, and with the whole square."""
        side = len(self.own)
        shift = place - (side - 1) / 2.0 - [view[1].start, view[0].start]
        matrix = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]])
        size = (view[1].stop - view[1].start, view[0].stop - view[0].start)
        over = partial(cv2.warpAffine, M=matrix, dsize=size, flags=cv2.INTER_LINEAR)
        patch = over(self.patch, borderMode=cv2.BORDER_REPLICATE)
        own = over((self.own > OWN).astype(np.float32), borderMode=cv2.BORDER_CONSTANT)[..., None]
        return own * patch + (1.0 - own) * plate[view], np.asarray(patch, np.float32)


def _write_pictures(folder: Path, frames: Sequence[NDArray[np.uint8]], drawn: Sequence[NDArray[np.uint8]]) -> None:
    """Six frames, the real one, the drawn one, and four times their difference about grey, side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    for k in np.linspace(0, len(frames) - 1, 6).round().astype(int):
        difference = np.clip(128 + 4.0 * (frames[k].astype(float) - drawn[k]), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{k:05d}.png"), np.hstack([frames[k], drawn[k], difference]))


def jobs_of(data: Path, sets: Sequence[str], limit: int) -> list[Job]:
    out = []
    if "real" in sets:
        out += [Job("real", path.parent.name, path.parent) for path in sorted(need_folder(data / "real").glob("*/clip.json"))]
    if "phyworld" in sets:
        for kind in SETS:
            path = need_folder(data / "phyworld") / f"{kind}_eval.hdf5"
            out += [Job("phyworld", f"{kind}/{k}", path, k) for k in pick(range(len(read_clips(path))), limit)]
    if "cart_pole" in sets:
        out += [Job("cart_pole", f"cart_pole/{seed}", None, seed) for seed in range(limit)]
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    sets = ("real", "phyworld", "cart_pole")
    options = parser(__doc__)
    options.add_argument("--only", action="append", choices=sets, help="only these clips (may be repeated)")
    options.add_argument("--clip", action="append", metavar="NAME", help="only clips whose name contains this (may be repeated)")
    options.add_argument(
        "--limit", type=int, default=8, metavar="N", help="clips of each PhyWorld file, and Cart Pole episodes (default: %(default)s)"
    )
    options.add_argument("--states", type=Path, metavar="DIR", help="keep the perceived states there, and take them from there next time")
    options.add_argument("--pictures", type=Path, metavar="DIR", help="write frames beside their re-rendered ones")
    chosen = options.parse_args(arguments)
    jobs = [
        job for job in jobs_of(chosen.data, chosen.only or sets, chosen.limit) if not chosen.clip or any(c in job.name for c in chosen.clip)
    ]
    load_extract_states()
    scores = [
        score for found in parallel(partial(scores_of, kept=chosen.states, pictures=chosen.pictures), jobs, chosen.jobs) for score in found
    ]
    records = []
    for score in scores:
        make = partial(Record, "rerender", score.case)
        records += [
            make("ratio_to_oracle", number(score.ratio), "", "lower", GOAL_RATIO),
            make("gain", number(score.gain), "dB", "higher", GOAL_GAIN if score.contrast > STANDS_OUT else None),
            make("psnr", number(10.0 * float(np.log10(255.0**2 / score.residual))), "dB", "higher", None,
                 number(10.0 * float(np.log10(255.0**2 / score.oracle))), "oracle"),
        ]  # fmt: skip
    rows = [[s.case, s.residual, s.oracle, s.ratio, s.gain, s.contrast] for s in scores]
    print_table("Re-rendering", ["object", "residual", "oracle's", "ratio", "gain dB", "contrast"], rows)
    finish(records, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
