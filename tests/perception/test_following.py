"""Detection every few frames: numbers are kept, drift is mended, what isn't confirmed goes, what was lost comes back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scripted import ScriptedDetector, ScriptedPropagator, ScriptedSegmenter, soft_mask

from kinescribe.evaluation import scenes
from kinescribe.evaluation.scenes import Scene
from kinescribe.evaluation.scenes.paths import still
from kinescribe.perception.finding import Finder
from kinescribe.perception.following import AUTO_MOST, MaskFollower
from kinescribe.perception.overlap import iou
from kinescribe.video import Frame


def frames_of(scene: Scene) -> list[Frame]:
    return [Frame(k, time_s, image) for k, (image, time_s) in enumerate(scene.frames())]


def follow(scene: Scene, every: int | str = 10, *, detector: ScriptedDetector | None = None, propagator: ScriptedPropagator | None = None):
    """The follower after the whole scene, its frames, and the detector."""
    detector = detector or ScriptedDetector(scene)
    if not detector.asked:
        detector.prepare(None, [*scene.truth, *detector.ghosts])
    follower = MaskFollower(Finder(detector, ScriptedSegmenter(scene)), propagator or ScriptedPropagator(scene), every=every)
    return follower, list(follower.follow(frames_of(scene))), detector


def owners(scene: Scene, followed, least: float = 0.6) -> dict[int, set[str]]:
    """For each id the bodies on which its masks lie."""
    out: dict[int, set[str]] = {}
    for one in followed:
        for number, mask in zip(one.ids.tolist(), one.masks, strict=True):
            for name in scene.truth:
                if iou(mask.binary(), soft_mask(scene, name, one.frame.index).binary()) >= least:
                    out.setdefault(number, set()).add(name)
    return out


@pytest.fixture(scope="module")
def pucks() -> Scene:
    return scenes.two_pucks_collision()


def test_every_body_has_one_number(pucks):
    follower, followed, detector = follow(pucks)
    found = owners(pucks, followed)
    assert sorted(map(sorted, found.values())) == [[name] for name in sorted(pucks.truth)]
    assert not follower.dropped
    assert detector.looked_at == list(range(0, pucks.frame_count, 10)) == follower.detected
    assert [one.frame.index for one in followed] == list(range(pucks.frame_count))


def test_names_stand_only_where_the_detector_looked(pucks):
    _, followed, _ = follow(pucks)
    for one in followed:
        assert all(bool(phrase) == (one.frame.index % 10 == 0) for phrase in one.phrases)


def test_drift_is_mended_by_confident_detections(pucks):
    propagator = ScriptedPropagator(pucks, drift=0.6)
    _, followed, _ = follow(pucks, propagator=propagator)
    overlaps = [
        max(iou(mask.binary(), soft_mask(pucks, name, one.frame.index).binary()) for name in pucks.truth)
        for one in followed
        for mask in one.masks
    ]
    assert min(overlaps) > 0.5
    assert len({frame for frame, _ in propagator.prompts}) > 3
    assert len(owners(pucks, followed)) == len(pucks.truth)


def test_what_is_rarely_confirmed_is_dropped(pucks):
    detector = ScriptedDetector(pucks, ghosts={"bird": 0.5}, seed=3)
    follower, followed, _ = follow(pucks, 3, detector=detector)
    found = owners(pucks, followed)
    everything = {number for one in followed for number in one.ids.tolist()}
    ghosts = everything - set(found)
    late = {number for one in followed[:-9] for number in one.ids.tolist()} & ghosts  # the last had no three chances
    assert late
    assert late <= follower.dropped
    assert not follower.dropped & set(found)


def test_a_detector_that_misses_often_loses_nothing(pucks):
    detector = ScriptedDetector(pucks, missed=0.4, seed=1)
    follower, followed, _ = follow(pucks, 4, detector=detector)
    found = owners(pucks, followed)
    assert sorted(map(sorted, found.values())) == [[name] for name in sorted(pucks.truth)]
    assert not follower.dropped


def test_what_is_lost_gets_its_number_back(pucks):
    name = next(iter(pucks.truth))
    gone = range(12, 17)
    propagator = ScriptedPropagator(pucks, loses={name: range(12, 1000)})
    prompt = propagator.prompt

    def found_again(frame, masks):
        prompt(frame, masks)
        if frame.index >= gone.stop:
            propagator.loses = {}

    propagator.prompt = found_again
    detector = ScriptedDetector(pucks, hidden={name: gone})
    _, followed, _ = follow(pucks, 5, detector=detector, propagator=propagator)
    found = owners(pucks, followed)
    assert len([number for number, names in found.items() if name in names]) == 1
    seen = [one.frame.index for one in followed if any(name in found.get(n, ()) for n in one.ids.tolist())]
    assert not set(seen) & set(gone)
    assert set(range(20, pucks.frame_count)) <= set(seen)


def test_a_thing_in_view_lends_its_number_to_nobody():
    word, late = "red disc", "red disc 1"
    discs = [scenes.Body(f"red disc {k}", "disc", (24.0, 24.0), still((120.0 + 50 * k, 120.0)), "red") for k in range(3)]
    scene = Scene("discs in a row", scenes.Camera(frame_count=14), discs)
    detector = ScriptedDetector(scene, called=dict.fromkeys(scene.truth, word), hidden={late: range(3)})
    detector.asked = [word]
    _, followed, _ = follow(scene, 4, detector=detector)
    found = owners(scene, followed)
    assert sorted(map(sorted, found.values())) == [[name] for name in sorted(scene.truth)]


def test_a_large_thing_with_small_ones_on_it_is_found_too():
    body = scenes.Body("black cart", "box", (120.0, 60.0), still((150.0, 120.0)), "black")
    wheels = [scenes.Body(f"red wheel {k}", "disc", (30.0, 30.0), still((120.0 + 60 * k, 120.0)), "red") for k in range(2)]
    scene = Scene("cart with wheels", scenes.Camera(frame_count=12), [body, *wheels])
    detector = ScriptedDetector(scene, called={"red wheel 0": "red wheel", "red wheel 1": "red wheel"}, hidden={"black cart": range(1)})
    detector.asked = ["black cart", "red wheel"]
    _, followed, _ = follow(scene, 2, detector=detector)
    assert {name for names in owners(scene, followed).values() for name in names} == set(scene.truth)


def test_a_mask_that_slipped_onto_another_is_taken_back(pucks):
    first, second = pucks.truth

    class Slipping(ScriptedPropagator):
        """From frame 20 on the second body's mask is the first's, until it is prompted again."""

        def step(self, frame):
            out = super().step(frame)
            for number, (name, _, since) in self._followed.items():
                if name == second and since < 20 <= frame.index:
                    out[number] = soft_mask(pucks, first, frame.index)
            return out

    follower, followed, _ = follow(pucks, 4, propagator=Slipping(pucks))
    kept = []
    taken_back = {(one.number, k) for one in follower.withdrawn for k in range(one.first, one.last + 1)}
    for one in followed:
        keep = [k for k, number in enumerate(one.ids.tolist()) if (number, one.frame.index) not in taken_back]
        kept.append(replace(one, ids=one.ids[keep], masks=[one.masks[k] for k in keep]))
    found = owners(pucks, kept)
    assert sorted(map(sorted, found.values())) == sorted([[first], [second]])


def test_a_follower_begins_anew_with_each_video(pucks):
    detector = ScriptedDetector(pucks)
    detector.prepare(None, list(pucks.truth))
    follower = MaskFollower(Finder(detector, ScriptedSegmenter(pucks)), ScriptedPropagator(pucks), every=10)
    once, again = ([one.ids.tolist() for one in follower.follow(frames_of(pucks))] for _ in range(2))
    assert once == again


def test_few_frames_are_held_however_seldom_the_detector_looks(pucks, monkeypatch):
    monkeypatch.setattr("kinescribe.perception.following.WINDOW_BYTES", 3 * pucks.images()[0].nbytes)
    read = []

    def counted():
        for frame in frames_of(pucks):
            read.append(frame.index)
            yield frame

    detector = ScriptedDetector(pucks)
    detector.prepare(None, list(pucks.truth))
    follower = MaskFollower(Finder(detector, ScriptedSegmenter(pucks)), ScriptedPropagator(pucks), every=25)
    ahead = [read[-1] - one.frame.index for one in follower.follow(counted())]
    assert max(ahead) <= 3
    assert detector.looked_at == [0, 25, 50]


def test_new_things_are_found_mid_clip():
    scene = scenes.thrown_small_ball()  # flies in after some empty frames
    _, followed, _ = follow(scene, 2)
    assert not len(followed[0].ids)
    assert owners(scene, followed, 0.3) == {1: set(scene.truth)}


def test_two_names_of_one_thing_make_one_thing_with_two_votes(pucks):
    first = next(iter(pucks.truth))

    class Doubling(ScriptedDetector):
        def detect(self, frame):
            once = super().detect(frame)
            again = once.take(np.arange(len(once)))
            again.phrases = ["thing"] * len(again)
            again.scores = again.scores * 0.5
            return once.joined(again)

    detector = Doubling(pucks)
    detector.asked = [*pucks.truth, "thing"]
    found = Finder(detector, ScriptedSegmenter(pucks)).find(frames_of(pucks)[:1])[0]
    assert sorted(found.phrases) == sorted(pucks.truth)
    assert found.votes[found.phrases.index(first)] == {first: 0.8, "thing": 0.4}


def test_auto_looks_less_often_while_nothing_is_new():
    scene = scenes.crossing_discs(frame_count=90)
    _, followed, detector = follow(scene, "auto")
    steps = np.diff(detector.looked_at)
    assert steps.max() == AUTO_MOST
    assert len(detector.looked_at) < 90 / 5
    assert len(owners(scene, followed)) == 2


def test_results_do_not_depend_on_how_many_are_detected_at_once(pucks):
    results = []
    for batch in (1, 8):
        detector = ScriptedDetector(pucks, missed=0.3, seed=2)
        detector.prepare(None, list(pucks.truth))
        follower = MaskFollower(Finder(detector, ScriptedSegmenter(pucks)), ScriptedPropagator(pucks), every=4, batch_size=batch)
        results.append([(one.ids.tolist(), one.phrases, one.scores.tolist()) for one in follower.follow(frames_of(pucks))])
    assert results[0] == results[1]
