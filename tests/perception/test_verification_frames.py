import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.perception.detections import MaskCrop
from kinescribe.perception.evidence import Other, View
from kinescribe.perception.verification import choose_views, frames_to_show


def track(n: int = 100) -> dict[str, np.ndarray]:
    return {
        "frames": np.arange(n),
        "areas": np.full(n, 400.0),
        "positions": np.tile([50.0, 50.0], (n, 1)),
        "boxes": np.tile([40.0, 40.0, 60.0, 60.0], (n, 1)),
        "partial": np.zeros(n, bool),
        "scores": np.full(n, 0.8),
    }


def test_spread_over_the_whole_track_from_the_first_few_on():
    shown = frames_to_show(**track(), most=8)
    assert len(set(shown)) == 8
    gaps = np.diff(sorted(shown))
    assert gaps.min() >= 5
    assert gaps.max() <= 34
    assert abs(shown[0] - shown[1]) >= 45
    assert max(np.diff(sorted([-1, *shown[:4], 100]))) <= 55


def test_cut_off_small_hidden_and_fast_frames_are_passed_over():
    for spoil in ("partial", "areas", "boxes", "positions"):
        kept = track(60)
        others = []
        spoiled = np.arange(60) % 2 == 1
        if spoil == "partial":
            kept["partial"] = spoiled
        elif spoil == "areas":
            kept["areas"][spoiled] = 20.0
        elif spoil == "boxes":
            others = [(np.flatnonzero(spoiled), np.tile([38.0, 38.0, 58.0, 62.0], (30, 1)))]
        else:
            spoiled = np.arange(60) >= 30
            kept["positions"][30:, 0] += 60.0 * np.arange(30)
        shown = frames_to_show(**kept, most=6, others=others)
        assert len(shown) == 6
        assert not spoiled[shown[:3]].any(), spoil
        assert spoiled[shown].sum() <= (2 if spoil == "positions" else 0), spoil


def test_poor_frames_are_better_than_none():
    kept = track(3) | {"partial": np.ones(3, bool)}
    assert sorted(frames_to_show(**kept)) == [0, 1, 2]


def test_frames_without_the_thing_are_never_shown():
    kept = track(10)
    kept["areas"][[0, 4]] = [np.nan, 0.0]
    assert set(frames_to_show(**kept, most=20)) == {1, 2, 3, 5, 6, 7, 8, 9}
    assert frames_to_show(**{name: values[:0] for name, values in kept.items()}) == []


def test_frame_numbers_are_given_not_rows():
    kept = track(4) | {"frames": np.array([7, 90, 300, 1000])}
    assert sorted(frames_to_show(**kept)) == [7, 90, 300, 1000]


@settings(max_examples=50)
@given(
    st.lists(st.integers(0, 5000), min_size=1, max_size=60, unique=True),
    st.integers(1, 12),
    st.randoms(use_true_random=False),
)
def test_any_track_gives_as_many_different_frames_of_its_own(frames, most, chance):
    n = len(frames)
    kept = track(n) | {
        "frames": np.array(sorted(frames)),
        "areas": np.array([chance.choice([np.nan, 1.0, 300.0, 1e6]) for _ in range(n)]),
        "positions": np.array([[chance.uniform(-9, 900), chance.choice([np.nan, 5.0])] for _ in range(n)]),
        "partial": np.array([chance.random() < 0.5 for _ in range(n)]),
        "scores": np.array([chance.choice([np.nan, 0.0, 1.0]) for _ in range(n)]),
    }
    shown = frames_to_show(**kept, most=most)
    assert len(shown) == len(set(shown)) == min(most, int(np.isfinite(kept["areas"]).sum()))
    assert set(shown) <= set(frames)


def view(frame: int, *, blur: float = 0.0, x: int = 40, covered: bool = False) -> View:
    image = np.full((100, 120, 3), 90, np.uint8)
    cv2.putText(image, "E", (x, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (250, 250, 250), 2)
    if blur:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    mask = MaskCrop(x, 36, np.ones((26, 20), bool))
    others = (Other(9, MaskCrop(x - 2, 34, np.ones((30, 10), bool))),) if covered else ()
    return View(frame, frame / 25, image, mask, others)


def test_the_sharp_free_and_whole_view_comes_first():
    best = view(50)
    for worse in (view(51, blur=4.0), view(51, x=0), view(51, covered=True)):
        assert choose_views([worse, best])[0] is best
    shown = choose_views([view(k, blur=3.0 if k % 2 else 0.0) for k in range(20)], most=4)
    assert [item.frame % 2 for item in shown] == [0, 0, 0, 0]
    assert choose_views([View(0, 0.0, best.image, MaskCrop(0, 0, np.zeros((0, 0), bool)))]) == ()
