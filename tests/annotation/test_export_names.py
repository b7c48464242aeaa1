"""Classes, parts of the split, and names of files."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_scene import row, table

from kinescribe.annotation import Item, export
from kinescribe.annotation.exporting.classes import classes_of
from kinescribe.annotation.exporting.items import named
from kinescribe.annotation.exporting.splits import split_of
from kinescribe.annotation.slugs import slug_of
from kinescribe.errors import UsageError

FOUND = {"red ball 1": "'a', object 1", "red ball 2": "'a', object 2", "cart": "'b', object 1", "": "'b', object 7"}


def by_name(classes):
    return {label: None if k is None else classes.names[k] for label, k in classes.of_label.items()}


def test_without_a_map_every_label_is_a_class():
    assert by_name(classes_of(FOUND, None, None)) == {"red ball 1": "red ball 1", "red ball 2": "red ball 2", "cart": "cart", "": "object"}
    assert classes_of(FOUND, None, None).names == ("cart", "object", "red ball 1", "red ball 2")


def test_a_map_joins_names_numbers_and_leaves_out():
    made = classes_of(FOUND, {"red ball*": ["ball", 1], "cart": ["cart", 0], "": None, "cat": ["cat", 2]}, None)
    assert made.names == ("cart", "ball", "cat")
    assert by_name(made) == {"red ball 1": "ball", "red ball 2": "ball", "cart": "cart", "": None}


def test_the_label_itself_counts_before_a_pattern_and_the_first_pattern_before_others():
    made = classes_of(FOUND, {"*": "rest", "red*": "never", "cart": "cart"}, None)
    assert by_name(made) == {"red ball 1": "rest", "red ball 2": "rest", "cart": "cart", "": "rest"}


def test_labels_alone_go_in():
    assert by_name(classes_of(FOUND, ["cart"], ["cart"])) == {"red ball 1": None, "red ball 2": None, "cart": "cart", "": None}
    assert classes_of(FOUND, None, ["red*", "cart"]).names == ("cart", "red ball 1", "red ball 2")


@pytest.mark.parametrize(
    ("classes", "labels", "told"),
    [
        ({"red*": "ball", "": None}, None, "'b', object 1: the classes say nothing of the label 'cart'; add it"),
        ({"red*": "ball", "c*": "cart"}, None, "'b', object 7: the classes say nothing of what has no label"),
        (["cart"], None, "say nothing of the label 'red ball 1'"),
        ({"*": ["a", 0], "b": ["b", 2]}, None, r"the numbers \[0, 2\] must count from 0, each once; no class has number 1"),
        ({"*": ["a", 1]}, None, "no class has number 0"),
        ({"*": ["a", 0], "b": ["b", 0]}, None, "each once"),
        ({"*": ["a", 0], "b": "b"}, None, "'b' has no number, though others have"),
        ({"*": ["a", 0], "b": ["a", 1]}, None, "'a' has the numbers 0 and 1"),
        ({"*": 3}, None, "3 is no class"),
        ({"*": ["a", True]}, None, "is no class"),
        ({"*": " \n"}, None, "a class needs a name"),
        ("cart", None, "classes='cart' must map"),
        (7, None, "classes=7 must map"),
        (None, "cart", "labels='cart' must be a list"),
        (None, ["crat"], "unknown label 'crat'; did you mean 'cart'"),
    ],
)
def test_gaps_and_slips_are_refused_in_one_line(classes, labels, told):
    with pytest.raises(UsageError, match=told) as caught:
        classes_of(FOUND, classes, labels)
    assert "\n" not in str(caught.value)


def test_more_videos_move_none_to_another_part():
    split = {"train": 0.6, "val": 0.2, "test": 0.2}
    names = [f"film {k}" for k in range(2000)]
    counts = {part: sum(split_of(name, split) == part for name in names) for part in split}
    assert all(counts[part] == pytest.approx(2000 * split[part], abs=80) for part in split)
    assert any(split_of(name, split, 1) != split_of(name, split) for name in names)
    # a smaller test part takes from its end alone
    fewer = {"train": 0.6, "val": 0.3, "test": 0.1}
    assert all(split_of(name, fewer) == "train" for name in names if split_of(name, split) == "train")


def test_an_empty_part_is_told(tmp_path):
    done = export([Item(table([row(0, 1)]), name="a")], tmp_path / "out", ["mot"], split={"train": 0.5, "val": 0.5})
    empty = "train" if done.videos["val"] else "val"
    assert done.warnings == (f"no video fell into '{empty}': give more videos, or other fractions",)


@given(st.text(min_size=1, max_size=120))
@settings(max_examples=150)
def test_any_name_makes_a_safe_file_name(name):
    slug = slug_of(name)
    assert slug
    assert slug == Path(slug).name
    assert not slug.startswith((".", "-"))
    assert not set(slug) & set('/\\:*?"<>|\n\r\t\0 ')
    assert len(slug.encode()) <= 90


@given(st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=2, unique=True))
@settings(max_examples=150)
def test_other_names_make_other_file_names_or_are_refused(names):
    items = [Item("a.csv", name=name) for name in names]
    if slug_of(names[0]).casefold() == slug_of(names[1]).casefold():
        with pytest.raises(UsageError, match="would both be called"):
            named(items)
    else:
        assert [one.name for one in named(items)] == names


@pytest.mark.parametrize("name", ["film", "GOPR0012", "a.b-c_d", "фильм"])
def test_a_harmless_name_stays_as_it_is(name):
    assert slug_of(name) == name


@pytest.mark.parametrize("name", ["con", "NUL", "COM1.x", "two words", "../up", "line\nbreak", "=cmd"])
def test_others_get_their_hash_behind(name):
    assert slug_of(name) != slug_of(name + " ")
    assert slug_of(name)[-9] == "-"


def test_two_of_one_name_are_refused_with_the_way_out():
    with pytest.raises(UsageError, match=r"two videos would both be called 'film'.*Item\(\.\.\., name="):
        named([Item("x/film.csv"), Item("y/film.csv")])
    with pytest.raises(UsageError, match="two videos would both be called 'film'"):  # on many file systems they would be
        named([Item("x/Film.csv"), Item("y/film.csv")])
    with pytest.raises(UsageError, match="has no name"):
        named([Item(table([row(0, 1)]), name="")])


def test_names_come_from_the_video_or_the_table():
    items = [Item("x/states.csv", "y/film.mp4"), Item(table([row(0, 1)])), "z/other.csv"]
    with pytest.raises(UsageError, match="would both be called 'film'"):
        named(items)
    assert [one.name for one in named(items[1:])] == ["film", "other"]
