"""A curve has the colour that its object's words say."""

from __future__ import annotations

import pytest

from kinescribe.dynamics.report.colors import PLAIN, WORDS, curve_colors
from kinescribe.renderers.colors import color_of


def test_an_object_has_the_colour_that_its_words_say():
    made = curve_colors({1: "blue disc 1", 2: "the Red ball", 3: "cart"}, [1, 2, 3], color_of)
    assert (made[1], made[2]) == (WORDS["blue"], WORDS["red"])
    assert made[3] not in (made[1], made[2])


def test_where_two_are_of_one_colour_neither_has_it():
    made = curve_colors({1: "red disc 1", 2: "red disc 2", 3: "grey rod", 4: "gray rod"}, [1, 2, 3, 4], color_of)
    assert [made[i] for i in (1, 2)] == [color_of(1), color_of(2)]
    assert len(set(made.values())) == 4


def test_words_that_contain_a_colour_are_none():
    assert curve_colors({1: "bored redhead", 2: ""}, [1, 2]) == {1: PLAIN[0], 2: PLAIN[1]}


@pytest.mark.parametrize("word", WORDS)
def test_others_keep_clear_of_a_colour_that_is_meant(word):
    made = curve_colors({9: f"{word} ball"}, [1, 2, 3, 9, 4, 5, 6, 7], color_of)
    assert made[9] == WORDS[word]
    assert list(made.values()).count(made[9]) == 1
    assert len(set(made.values())) == 8


def test_of_more_objects_than_colours_every_one_has_one():
    assert len(curve_colors({}, range(1, 40), color_of)) == 39
