"""Carrying masks without weights: on drawn scenes with exact truth, and on filmed clips where they are at hand."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.errors import InputError, UsageError
from kinescribe.evaluation import scenes
from kinescribe.evaluation.scenes import Scene
from kinescribe.evaluation.scenes.drawing import disc_coverage
from kinescribe.perception.classical.propagating.camera import pair_of, small_of
from kinescribe.perception.classical.propagating.cut import edge_cost, least_energy
from kinescribe.perception.classical.propagating.edges import edge_coverage
from kinescribe.perception.classical.propagating.look import Look
from kinescribe.perception.classical.propagating.search import Portrait
from kinescribe.perception.classical.propagating.windows import Window, box_of, lab_of, signed_distance
from kinescribe.perception.classical.propagation import FlowPropagator
from kinescribe.perception.detections import MaskCrop, SoftMask
from kinescribe.perception.protocols import Propagator
from kinescribe.plugins import load
from kinescribe.video.frame import Frame

DAVIS = Path(__file__).parents[3] / "shared" / "data" / "davis"
SMALL: dict[str, Any] = {"width": 240, "height": 180}


def visible_coverage(scene: Scene) -> dict[str, np.ndarray]:
    """What is seen of each tracked body, (T, H, W) by name: from front to back each takes what is still free."""
    motions = {body.name: body.path(scene.times) for body in scene.bodies}
    out = {name: np.zeros((scene.frame_count, scene.height, scene.width)) for name in scene.truth}
    for t in range(scene.frame_count):
        free = np.ones((scene.height, scene.width))
        for body in reversed(scene.bodies):
            motion = motions[body.name]
            rows, columns, alpha = body.coverage(motion.positions[t], float(motion.angles[t]), scene.height, scene.width)
            if body.name in out:
                out[body.name][t, rows, columns] = alpha * free[rows, columns]
            free[rows, columns] *= 1 - alpha
    return out


def crop_of(coverage: np.ndarray) -> MaskCrop:
    return SoftMask(0, 0, coverage.astype(np.float32)).binary()


def full(mask: SoftMask, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(shape[:2])
    height, width = mask.coverage.shape
    out[mask.y : mask.y + height, mask.x : mask.x + width] = mask.coverage
    return out


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two coverages."""
    return float(np.minimum(one, other).sum() / np.maximum(one, other).sum())


class Followed:
    """A scene whose bodies were all prompted where first seen in full, and followed to its end."""

    def __init__(self, scene: Scene, last: int | None = None) -> None:
        self.scene, self.true = scene, visible_coverage(scene)
        self.names = list(scene.truth)
        self.found: dict[str, dict[int, SoftMask]] = {name: {} for name in self.names}
        first = {name: int(np.argmax(truth.visible_fraction > 0.99)) for name, truth in scene.truth.items()}
        propagator = FlowPropagator()
        for t, (image, time_s) in enumerate(scene.frames()):
            if t == last:
                break
            frame = Frame(t, time_s, image)
            for key, mask in propagator.step(frame).items():
                self.found[self.names[key]][t] = mask
            new = {key: crop_of(self.true[name][t]) for key, name in enumerate(self.names) if first[name] == t}
            if new:
                propagator.prompt(frame, new)

    def in_full(self, name: str) -> list[int]:
        """The frames in which the body is wholly visible."""
        return [t for t in self.found[name] if self.scene.truth[name].visible_fraction[t] > 0.99]

    def overlaps(self, name: str) -> list[float]:
        shape = (self.scene.height, self.scene.width)
        return [overlap(full(self.found[name][t], shape), self.true[name][t]) for t in self.in_full(name)]

    def centroid_errors(self, name: str) -> np.ndarray:
        """Distances of the coverage's centroid from the true position, px."""
        out = []
        for t in self.in_full(name):
            mask = self.found[name][t]
            y, x = np.indices(mask.coverage.shape)
            middle = np.array([((x + mask.x) * mask.coverage).sum(), ((y + mask.y) * mask.coverage).sum()]) / mask.coverage.sum()
            out.append(np.hypot(*(middle - self.scene.truth[name].positions[t])))
        return np.array(out)


def test_it_is_a_propagator_that_is_never_missing() -> None:
    assert load("propagators", "flow") is FlowPropagator
    assert isinstance(FlowPropagator(), Propagator)
    assert FlowPropagator.missing() is None


@pytest.mark.parametrize(
    ("scene", "least"),
    [
        (scenes.falling_ball(**SMALL, frame_count=16), 0.97),
        (scenes.falling_ball(**SMALL, frame_count=16, noise=6.0, texture=10.0), 0.93),
        (scenes.low_contrast_ball(**SMALL, frame_count=20), 0.9),
        (scenes.swinging_rod(frame_count=24), 0.95),
        (scenes.slow_cart(frame_count=16), 0.95),
    ],
    ids=lambda value: value.name if isinstance(value, Scene) else None,
)
def test_what_moves_is_followed_to_its_outline(scene: Scene, least: float) -> None:
    followed = Followed(scene)
    for name in followed.names:
        assert len(followed.overlaps(name)) >= 10
        assert min(followed.overlaps(name)) >= least


def test_coverage_along_the_outline_gives_the_centre_to_a_fraction_of_a_pixel() -> None:
    followed = Followed(scenes.bouncing_ball(**SMALL, frame_count=30))
    errors = followed.centroid_errors("blue ball")
    assert len(errors) >= 25
    assert np.max(errors) < 0.1


def test_a_small_ball_that_jumps_by_several_of_its_sizes_is_found_in_each_frame() -> None:
    scene = scenes.thrown_small_ball(frame_count=24)
    followed = Followed(scene)
    steps = np.hypot(*np.diff(scene.truth["white ball"].positions, axis=0).T)
    assert steps.min() > 3 * 8  # px, beyond three diameters
    assert len(followed.overlaps("white ball")) >= 15
    assert min(followed.overlaps("white ball")) >= 0.8


def test_what_is_hidden_has_an_empty_mask_and_is_found_when_it_comes_back() -> None:
    scene = scenes.ball_behind_occluder()
    followed = Followed(scene)
    seen = scene.truth["red ball"].visible_fraction
    hidden = [t for t in followed.found["red ball"] if seen[t] < 0.01]
    assert len(hidden) >= 3
    assert all(followed.found["red ball"][t].empty and followed.found["red ball"][t].score == 0 for t in hidden)
    after = [t for t in followed.in_full("red ball") if t > max(hidden)]
    assert len(after) >= 10
    assert min(followed.overlaps("red ball")) >= 0.9
    assert all(followed.found["red ball"][t].score > 0.5 for t in after)


def test_two_that_pass_each_other_keep_their_masks_apart() -> None:
    scene = scenes.crossing_discs(frame_count=56)
    followed = Followed(scene)
    for name in followed.names:
        assert min(followed.overlaps(name)) >= 0.9
    shape = (scene.height, scene.width)
    one, other = (followed.found[name] for name in followed.names)
    assert any(scene.truth[name].visible_fraction[t] < 0.5 for name in followed.names for t in one)
    assert all((full(one[t], shape) + full(other[t], shape)).max() < 1 + 1e-6 for t in one)


class Filmed:
    """A mottled disc before a mottled wall, both moving as the camera shakes; another disc of the same look stands in the way."""

    RADIUS = 16.0

    def __init__(self, count: int = 24) -> None:
        random = np.random.default_rng(7)
        self.wall = self._mottled(random, (260, 340), (110, 120, 125), 30)
        self.skin = self._mottled(random, (41, 41), (60, 90, 200), 30)
        self.count = count
        self.camera = np.cumsum(random.normal(0, 2.0, (count, 2)), axis=0) + [3.0, 0.0] * np.arange(count)[:, None] / 2
        self.ball = np.array([60.0, 110.0]) + np.array([6.0, 0.6]) * np.arange(count)[:, None]

    @staticmethod
    def _mottled(random: np.random.Generator, shape: tuple[int, int], color: tuple[int, int, int], strength: float) -> np.ndarray:
        noise = cv2.GaussianBlur(random.standard_normal((*shape, 3)), (0, 0), 3)
        return np.asarray(color + strength * noise / noise.std(), np.float32)

    def mask(self, t: int) -> np.ndarray:
        x, y = self.ball[t] - self.camera[t]
        rows, columns, alpha = disc_coverage((x, y), self.RADIUS, 200, 280)
        out = np.zeros((200, 280))
        out[rows, columns] = alpha
        return out

    def frames(self) -> Iterator[Frame]:
        for t in range(self.count):
            shift = np.array([[1, 0, -self.camera[t][0] - 10], [0, 1, -self.camera[t][1] - 20]])
            image = cv2.warpAffine(self.wall, shift, (280, 200), borderMode=cv2.BORDER_REFLECT)
            standing = disc_coverage(tuple(np.array([150.0, 165.0]) - self.camera[t]), self.RADIUS, 200, 280)
            moving = disc_coverage(tuple(self.ball[t] - self.camera[t]), self.RADIUS, 200, 280)
            for (rows, columns, alpha), middle in ((standing, [150.0, 165.0]), (moving, self.ball[t])):
                place = np.array(middle) - self.camera[t] - 20
                skin = cv2.warpAffine(
                    self.skin, np.array([[1, 0, place[0]], [0, 1, place[1]]]), (280, 200), borderMode=cv2.BORDER_REPLICATE
                )
                image[rows, columns] += alpha[..., None].astype(np.float32) * (skin - image)[rows, columns]
            yield Frame(t, t / 30, np.clip(np.rint(image), 0, 255).astype(np.uint8))


def test_a_moving_camera_and_a_thing_of_the_same_look_nearby_do_not_mislead_it() -> None:
    film = Filmed()
    propagator = FlowPropagator()
    overlaps = []
    for frame in film.frames():
        found = propagator.step(frame)
        if frame.index == 0:
            propagator.prompt(frame, {5: crop_of(film.mask(0))})
        else:
            overlaps.append(overlap(full(found[5], (200, 280)), film.mask(frame.index)))
    assert np.hypot(*(film.ball[-1] - film.ball[0])) > 4 * film.RADIUS
    assert min(overlaps) >= 0.85


def masks_of(scene: Scene, propagator: FlowPropagator, count: int = 6) -> list[Mapping[int, SoftMask]]:
    truth = visible_coverage(scene)
    out = []
    for t, (image, time_s) in enumerate(scene.frames()):
        if t == count:
            break
        frame = Frame(t, time_s, image)
        out.append(propagator.step(frame))
        if t == 0:
            propagator.prompt(frame, {key: crop_of(values[0]) for key, values in enumerate(truth.values())})
    return out


def same(one: list[Mapping[int, SoftMask]], other: list[Mapping[int, SoftMask]]) -> bool:
    if [list(masks) for masks in one] != [list(masks) for masks in other]:
        return False
    pairs = [(a[key], b[key]) for a, b in zip(one, other, strict=True) for key in a]
    return all((a.x, a.y, a.score) == (b.x, b.y, b.score) and np.array_equal(a.coverage, b.coverage) for a, b in pairs)


def test_the_same_video_gives_the_same_masks_also_after_a_reset() -> None:
    scene = scenes.falling_ball(**SMALL)
    propagator = FlowPropagator()
    once = masks_of(scene, propagator)
    assert once[0] == {}
    assert not once[-1][0].empty
    propagator.reset()
    assert same(masks_of(scene, propagator), once)
    assert same(masks_of(scene, FlowPropagator()), once)


def test_dropped_things_are_followed_no_longer() -> None:
    scene = scenes.two_pucks_collision(**SMALL)
    propagator = FlowPropagator()
    assert list(masks_of(scene, propagator, 2)[-1]) == [0, 1]
    propagator.drop([0, 77])
    image, time_s = list(scene.frames())[2]
    assert list(propagator.step(Frame(2, time_s, image))) == [1]


def test_a_better_mask_replaces_what_was_followed() -> None:
    scene = scenes.two_pucks_collision(**SMALL)
    frames = [Frame(t, time_s, image) for t, (image, time_s) in enumerate(scene.frames())][:4]
    truth = visible_coverage(scene)
    propagator = FlowPropagator()
    propagator.step(frames[0])
    propagator.prompt(frames[0], {3: crop_of(truth["red puck"][0])})
    propagator.step(frames[1])
    propagator.prompt(frames[1], {3: crop_of(truth["blue puck"][1])})
    propagator.step(frames[2])
    shape = (scene.height, scene.width)
    assert overlap(full(propagator.step(frames[3])[3], shape), truth["blue puck"][3]) >= 0.9


def test_its_memory_does_not_grow_with_the_video() -> None:
    def held(value: object, seen: set[int]) -> int:
        if id(value) in seen:
            return 0
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            return value.nbytes
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return sum(held(getattr(value, item.name), seen) for item in dataclasses.fields(value))
        if isinstance(value, dict | list | tuple):
            return sum(held(item, seen) for item in (value.values() if isinstance(value, dict) else value))
        return sum(held(item, seen) for item in vars(value).values()) if hasattr(value, "__dict__") else 0

    scene = scenes.pendulum_with_string(frame_count=30)
    truth = visible_coverage(scene)["blue ball"]
    propagator = FlowPropagator()
    sizes = []
    for t, (image, time_s) in enumerate(scene.frames()):
        frame = Frame(t, time_s, image)
        propagator.step(frame)
        if t == 0:
            propagator.prompt(frame, {0: crop_of(truth[0])})
        sizes.append(held(propagator, set()))
    assert sizes[5] > 100_000
    assert max(sizes[20:]) < 1.05 * max(sizes[1:10])


def test_a_picture_of_another_size_is_refused() -> None:
    propagator = FlowPropagator()
    propagator.step(Frame(0, 0.0, np.zeros((60, 80, 3), np.uint8)))
    with pytest.raises(InputError, match=r"80x60 to 80x40 at frame 1; call reset\(\)"):
        propagator.step(Frame(1, 0.1, np.zeros((40, 80, 3), np.uint8)))


def test_only_the_last_frame_can_be_prompted() -> None:
    propagator = FlowPropagator()
    frame = Frame(0, 0.0, np.zeros((60, 80, 3), np.uint8))
    mask = MaskCrop(5, 5, np.ones((9, 9), bool))
    with pytest.raises(RuntimeError, match="stepped to last"):
        propagator.prompt(frame, {1: mask})
    propagator.step(frame)
    with pytest.raises(RuntimeError, match="stepped to last"):
        propagator.prompt(dataclasses.replace(frame, index=1), {1: mask})


@pytest.mark.parametrize("mask", [MaskCrop(5, 5, np.zeros((9, 9), bool)), MaskCrop(500, 5, np.ones((9, 9), bool))])
def test_a_mask_without_a_pixel_is_refused(mask: MaskCrop) -> None:
    propagator = FlowPropagator()
    frame = Frame(0, 0.0, np.zeros((60, 80, 3), np.uint8))
    propagator.step(frame)
    with pytest.raises(UsageError, match="thing 4 has no pixel"):
        propagator.prompt(frame, {4: mask})


@pytest.mark.parametrize("shape", [(5, 7), (12, 200), (60, 80)])
@pytest.mark.parametrize("pixels", [(1, 1), (3, 40), (60, 80)])
def test_tiny_pictures_and_masks_of_any_size_are_no_error(shape: tuple[int, int], pixels: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    propagator = FlowPropagator()
    for t in range(4):
        frame = Frame(t, t / 30, random.integers(0, 256, (*shape, 3), dtype=np.uint8))
        for mask in propagator.step(frame).values():
            height, width = mask.coverage.shape
            assert mask.x >= 0
            assert mask.y >= 0
            assert mask.x + width <= shape[1]
            assert mask.y + height <= shape[0]
            assert np.isfinite(mask.coverage).all()
            assert 0 <= mask.score <= 1
        if t == 0:
            propagator.prompt(
                frame, {1: MaskCrop(-1, -1, np.ones((pixels[0] + 2, pixels[1] + 2), bool)), 2: MaskCrop(1, 1, np.ones((2, 3), bool))}
            )


def test_nothing_of_torch_is_imported() -> None:
    code = "import sys, kinescribe.perception.classical.propagation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(max_examples=20)
@given(
    x=st.floats(20, 24),
    y=st.floats(20, 24),
    radius=st.floats(4, 14),
    wrong=st.integers(-1, 1),
    color=st.sampled_from([(20, 30, 200), (240, 240, 235)]),
)
def test_edge_coverage_mends_an_outline_that_is_off_by_a_pixel(
    x: float, y: float, radius: float, wrong: int, color: tuple[int, int, int]
) -> None:
    rows, columns, alpha = disc_coverage((x, y), radius, 48, 48)
    true = np.zeros((48, 48))
    true[rows, columns] = alpha
    image = 120 * (1 - true[..., None]) + np.array(color) * true[..., None]
    rough = (true >= 0.5).astype(np.uint8)
    change = {-1: cv2.erode, 0: lambda mask, _: mask, 1: cv2.dilate}[wrong]
    membership = change(rough, np.ones((3, 3), np.uint8)).astype(np.float32)
    found = edge_coverage(lab_of(np.rint(image).astype(np.uint8)), membership)
    assert found.min() >= 0
    assert found.max() <= 1
    assert abs(found.sum() - true.sum()) < 0.06 * true.sum()


def test_edge_coverage_leaves_a_mask_alone_that_colour_does_not_tell() -> None:
    membership = np.zeros((30, 30), np.float32)
    membership[10:20, 8:22] = 1
    assert np.array_equal(edge_coverage(np.full((30, 30, 3), 50, np.float32), membership), membership)


@settings(max_examples=15)
@given(seed=st.integers(0, 1000))
def test_the_least_energy_is_no_higher_than_that_of_other_masks(seed: int) -> None:
    random = np.random.default_rng(seed)
    evidence = cv2.GaussianBlur(random.standard_normal((24, 30)), (0, 0), 1.5).astype(np.float32) * 4
    cost = edge_cost(random.uniform(0, 100, (24, 30, 3)).astype(np.float32))

    def energy(mask: np.ndarray) -> float:
        across, down = np.zeros_like(mask), np.zeros_like(mask)
        across[:, :-1], down[:-1] = np.diff(mask, axis=1), np.diff(mask, axis=0)
        return float((cost * np.hypot(across, down)).sum() - (evidence * mask).sum())

    solution = least_energy(evidence, cost, np.zeros_like(evidence))
    assert solution.min() >= 0
    assert solution.max() <= 1
    others = [np.zeros_like(evidence), np.ones_like(evidence), (evidence > 0).astype(np.float32)]
    others += [(cv2.GaussianBlur(evidence, (0, 0), sigma) > 0).astype(np.float32) for sigma in (0.7, 1.5, 3)]
    slack = 0.02 * abs(energy(solution)) + 0.5  # the rounds are few
    assert all(energy(solution) <= energy(other) + slack for other in others)


@settings(max_examples=20)
@given(dx=st.integers(-30, 30), dy=st.integers(-20, 20), side=st.integers(6, 40))
def test_a_portrait_is_found_where_its_thing_went(dx: int, dy: int, side: int) -> None:
    random = np.random.default_rng(11)
    wall = np.clip(90 + cv2.GaussianBlur(random.standard_normal((160, 200, 3)), (0, 0), 2) * 80, 0, 255).astype(np.uint8)
    thing = np.clip([40, 60, 190] + cv2.GaussianBlur(random.standard_normal((side, side, 3)), (0, 0), 2) * 60, 0, 255).astype(np.uint8)
    before, after = wall.copy(), wall.copy()
    before[60 : 60 + side, 80 : 80 + side] = thing
    after[60 + dy : 60 + dy + side, 80 + dx : 80 + dx + side] = thing
    portrait = Portrait.of(before, 80, 60, np.ones((side, side), np.float32))
    costs = portrait.costs(after, np.zeros(2), 60.0)
    best, cost = costs.best(np.zeros(2), 200.0)
    assert np.abs(best - [dx, dy]).max() <= costs.step.max() + 1
    assert cost < 0.5 * costs.chance


def test_the_camera_is_told_from_what_moves_before_it() -> None:
    random = np.random.default_rng(2)
    wall = np.clip(120 + cv2.GaussianBlur(random.standard_normal((240, 320, 3)), (0, 0), 2.5) * 250, 0, 255).astype(np.uint8)
    truth = np.array([[0.995, 0.02, 4.0], [-0.02, 0.995, -3.0], [0, 0, 1]])
    before, after = wall, cv2.warpPerspective(wall, truth, (320, 240), borderMode=cv2.BORDER_REFLECT)
    after[80:160, 120:200] = before[80:160, 130:210]
    covered = np.zeros(small_of(before).shape, bool)
    covered[70:170, 110:220] = True
    camera = pair_of(before, after, small_of(before), small_of(after), covered).camera
    corners = np.array([[40.0, 40.0, 1], [280, 40, 1], [40, 200, 1], [280, 200, 1]])
    found, true = ((corners @ matrix.T)[:, :2] / (corners @ matrix.T)[:, 2:] for matrix in (camera, truth))
    assert np.abs(found - true).max() < 0.5
    still = pair_of(before, before, small_of(before), small_of(before), covered).camera
    assert np.array_equal(still, np.eye(3))


def test_the_look_tells_a_thing_from_its_surroundings_and_keeps_the_first_sight() -> None:
    random = np.random.default_rng(4)
    colors = np.full((60, 80, 3), (60, 0, 0), np.float32) + random.normal(0, 2, (60, 80, 3)).astype(np.float32)
    mask = np.zeros((60, 80), np.float32)
    mask[20:40, 30:50] = 1
    colors[mask > 0] += (0, 40, 20)
    look = Look()
    look.learn(colors, mask)
    moved_colors, moved_mask = np.roll(colors, 12, axis=1), np.roll(mask, 12, axis=1)
    sight = look.see(moved_colors, moved_mask)
    assert sight.now[moved_mask > 0].mean() > 0.7
    assert sight.now[moved_mask == 0].mean() < -0.7
    for _ in range(30):  # a lying sequence: the mask is said to lie beside the thing
        look.learn(colors, np.roll(mask, 30, axis=1), np.ones_like(mask))
    assert np.array_equal(look.see(moved_colors, moved_mask).first, sight.first)
    assert look.see(moved_colors, moved_mask).now[moved_mask > 0].mean() > 0.2


@given(x=st.integers(-40, 240), y=st.integers(-40, 180), width=st.integers(1, 120), height=st.integers(1, 90), margin=st.integers(0, 50))
@settings(max_examples=60)
def test_windows_lie_in_the_picture_and_carry_masks_there_and_back(x: int, y: int, width: int, height: int, margin: int) -> None:
    window = Window.around((x, y, x + width, y + height), margin, (150, 200))
    assert window.x >= 0
    assert window.y >= 0
    assert window.x + window.width <= 200
    assert window.y + window.height <= 150
    assert window.columns * window.rows <= 31_000
    if x >= window.x and y >= window.y and x + width <= 200 and y + height <= 150 and min(width, height) >= 8:
        back = window.grown(window.mask(x, y, np.ones((height, width), np.float32)))
        assert back.shape == (window.height, window.width)
        assert abs(float(back.sum()) - width * height) < 0.1 * width * height
        box = box_of(back)
        assert box is not None
        assert np.abs(np.array(box) + [window.x, window.y] * 2 - [x, y, x + width, y + height]).max() <= 1
    point = window.matrix @ [(window.columns - 1) / 2, (window.rows - 1) / 2, 1]
    assert np.allclose(point[:2], [window.x + (window.width - 1) / 2, window.y + (window.height - 1) / 2])


def test_distances_change_sign_half_way_between_pixels() -> None:
    mask = np.zeros((9, 12), np.float32)
    mask[:, 5:] = 1
    assert np.allclose(signed_distance(mask)[4], np.arange(12) - 4.5, atol=0.05)


@pytest.mark.data
@pytest.mark.skipif(not DAVIS.is_dir(), reason=f"the DAVIS clips are not at {DAVIS}")
@pytest.mark.parametrize(("name", "least"), [("blackswan", 0.93), ("libby", 0.82), ("drift-straight", 0.85)])
def test_the_first_frames_of_filmed_clips_are_followed(name: str, least: float) -> None:
    paths = sorted((DAVIS / name / "frames").iterdir())[:13]
    masks = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0 for path in sorted((DAVIS / name / "masks").iterdir())[:13]]
    propagator = FlowPropagator()
    scores = []
    for t, path in enumerate(paths):
        frame = Frame(t, t / 24, np.asarray(cv2.imread(str(path)), np.uint8))
        found = propagator.step(frame)
        if t == 0:
            propagator.prompt(frame, {1: crop_of(masks[0])})
        else:
            scores.append(overlap(full(found[1], masks[t].shape) >= 0.5, masks[t]))
    assert np.mean(scores) >= least
