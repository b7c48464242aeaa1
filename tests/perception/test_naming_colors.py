import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.errors import UsageError
from kinescribe.perception.naming import BASIC_COLORS, color_lab, is_color, match_color, name_color
from kinescribe.perception.naming.color_space import color_difference, lab_from_rgb

LABS = st.tuples(st.floats(0, 100), st.floats(-110, 110), st.floats(-110, 110))


def rgb(*levels: int) -> np.ndarray:
    return lab_from_rgb(np.array(levels) / 255)


def test_lab_of_primaries() -> None:
    np.testing.assert_allclose(rgb(255, 255, 255), [100, 0, 0], atol=0.02)
    np.testing.assert_allclose(rgb(255, 0, 0), [53.24, 80.09, 67.20], atol=0.02)
    np.testing.assert_allclose(rgb(0, 0, 255), [32.30, 79.19, -107.86], atol=0.02)


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [  # the formula's published test pairs, which probe the hue's wrap-around and the blue rotation
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000(one: tuple, other: tuple, difference: float) -> None:
    assert float(color_difference(one, other)) == pytest.approx(difference, abs=5e-5)


@given(LABS, LABS)
def test_difference_is_symmetric_and_zero_for_equals(one: tuple, other: tuple) -> None:
    assert float(color_difference(one, other)) == pytest.approx(float(color_difference(other, one)), abs=1e-6)
    assert float(color_difference(one, one)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("levels", "word"),
    [
        ((200, 30, 30), "red"),
        ((150, 60, 60), "red"),  # washed out
        ((90, 20, 25), "red"),  # in shade
        ((235, 130, 40), "orange"),
        ((110, 70, 35), "brown"),
        ((240, 220, 130), "yellow"),
        ((60, 150, 60), "green"),
        ((80, 120, 80), "green"),
        ((20, 140, 140), "teal"),
        ((30, 220, 230), "cyan"),
        ((40, 90, 200), "blue"),
        ((90, 110, 150), "blue"),
        ((150, 190, 225), "blue"),
        ((120, 50, 160), "purple"),
        ((244, 150, 185), "pink"),
        ((38, 36, 42), "black"),
        ((120, 121, 118), "grey"),
        ((236, 235, 228), "white"),
    ],
)
def test_names_of_colours_on_film(levels: tuple[int, int, int], word: str) -> None:
    assert name_color(rgb(*levels)) == word
    assert match_color(rgb(*levels), word) > 0.5
    assert match_color(rgb(*levels), word) >= max(match_color(rgb(*levels), other) for other in BASIC_COLORS)


@pytest.mark.parametrize(
    ("levels", "word"), [((200, 30, 30), "blue"), ((40, 90, 200), "red"), ((38, 36, 42), "white"), ((40, 160, 50), "purple")]
)
def test_other_colours_do_not_match(levels: tuple[int, int, int], word: str) -> None:
    assert match_color(rgb(*levels), word) < 0.02


def test_most_named_colours_go_by_their_last_word() -> None:
    from matplotlib.colors import XKCD_COLORS

    plain = [name.removeprefix("xkcd:") for name in XKCD_COLORS]
    known = [
        name for name in plain if name.split()[-1] in BASIC_COLORS and not any(w.rstrip("yish") in BASIC_COLORS for w in name.split()[:-1])
    ]
    right = sum(match_color(color_lab(name), name.split()[-1]) > 0.3 for name in known)
    assert len(known) > 200
    assert right / len(known) > 0.9


@pytest.mark.parametrize(
    "name", ["red", "Light Blue", "lightblue", "baby blue", "sky-blue", "rebeccapurple", "dark crimson", "pale dark red"]
)
def test_any_css_or_xkcd_name_is_a_colour(name: str) -> None:
    assert is_color(name)
    assert match_color(color_lab(name), name) > 0.5


def test_modifiers_shift_a_colour() -> None:
    assert color_lab("light crimson")[0] > color_lab("crimson")[0] > color_lab("dark crimson")[0]
    assert np.hypot(*color_lab("pale crimson")[1:]) < np.hypot(*color_lab("vivid crimson")[1:])
    assert match_color(color_lab("light blue"), "light blue") > match_color(color_lab("dark blue"), "light blue")


def test_bare_shades_are_judged_by_lightness() -> None:
    assert match_color((20, 30, -20), "dark") > 0.5 > match_color((20, 30, -20), "light")


def test_unknown_colour_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown colour 'bleu'; did you mean 'blue'\?") as caught:
        color_lab("bleu")
    assert "\n" not in str(caught.value)
    assert not is_color("bleu")
    assert not is_color("")


@given(LABS, st.sampled_from([*BASIC_COLORS, "light blue", "dark red", "rust", "dark"]))
def test_scores_stay_in_range(lab: tuple, name: str) -> None:
    assert 0 <= match_color(lab, name) <= 1
    assert name_color(lab) in BASIC_COLORS
