import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.perception.naming import (
    Candidate,
    assign_phrases,
    clashes,
    describe,
    match_phrase,
    match_shape,
    number_labels,
    parse_objects,
)
from kinescribe.perception.naming.color_space import lab_from_rgb

RED, DARK_RED, BLUE, BLACK, GREY = (
    lab_from_rgb(np.array(levels) / 255) for levels in ((200, 40, 40), (110, 30, 30), (40, 80, 190), (30, 30, 32), (150, 150, 150))
)


def names(text: str, candidates: list[Candidate]) -> tuple[list[str | None], list[str]]:
    named, scores, unmatched = assign_phrases(parse_objects(text), candidates)
    assert [score > 0 for score in scores] == [phrase is not None for phrase in named]
    return [phrase.text if phrase else None for phrase in named], [phrase.text for phrase in unmatched]


def test_each_gets_its_own() -> None:
    seen = [Candidate(BLACK, "box", (60, 20)), Candidate(RED, "disc", (20, 20)), Candidate(GREY, "rod", (90, 6))]
    assert names("red ball, black cart", seen) == (["black cart", "red ball", None], [])


def test_alike_things_share_a_phrase() -> None:
    seen = [Candidate(RED, "disc"), Candidate(BLUE, "disc"), Candidate(DARK_RED, "disc")]
    assert names("red ball", seen) == (["red ball", None, "red ball"], [])


def test_what_matches_nothing_is_said() -> None:
    assert names("red ball, green stick, fluffy thing", [Candidate(RED, "disc")]) == (["red ball"], ["green stick", "fluffy thing"])
    assert names("red ball", []) == ([], ["red ball"])
    assert assign_phrases([], [Candidate(RED, "disc")]).phrases == [None]


def test_the_more_telling_phrase_takes_its_thing() -> None:
    assert names("ball, red ball", [Candidate(RED, "disc"), Candidate(BLUE, "disc")]) == (["red ball", "ball"], [])


def test_a_long_cart_seen_as_a_rod_is_still_the_cart() -> None:
    assert names("black cart | trolley, red ball", [Candidate(BLACK, "rod", (120, 24)), Candidate(RED, "blob", (21, 17))]) == (
        ["black cart", "red ball"],
        [],
    )


def test_a_shape_word_alone_is_not_given_to_what_plainly_has_another_shape() -> None:
    pucks = [Candidate(RED, "disc", (24, 24), 1.0), Candidate(BLUE, "disc", (24, 24), 0.95)]
    assert names("box", pucks) == ([None, None], ["box"])
    assert names("ball, box", pucks) == (["ball", "ball"], ["box"])
    assert names("ball", [Candidate(RED, "box", (24, 22), 1.0)]) == ([None], ["ball"])


def test_a_shape_that_is_not_plain_and_a_colour_or_threshold_forgive_the_word() -> None:
    for doubtful in (Candidate(RED, "disc", (24, 24), 0.5), Candidate(RED, "disc", (7, 7), 1.0), Candidate(RED, "disc", (24, 24))):
        assert names("box", [doubtful]) == (["box"], [])
    plain = Candidate(RED, "disc", (24, 24), 1.0)
    assert names("red box", [plain]) == (["red box"], [])
    assert names("box: 0.3", [plain]) == (["box"], [])
    assert clashes(*parse_objects("red box"), plain)
    assert not clashes(*parse_objects("red thing"), plain)
    assert not clashes(*parse_objects("pendulum"), plain)
    assert not clashes(*parse_objects("box | ball"), plain)


def test_alternatives_take_the_best() -> None:
    (either,) = parse_objects("red ball | blue box")
    assert match_phrase(either, RED, "disc") > 0.8
    assert match_phrase(either, BLUE, "box") > 0.8
    assert match_phrase(either, BLUE, "disc") < 0.5


def test_shape_follows_the_silhouette() -> None:
    assert match_shape("disc", "disc", (10, 10)) == 1
    assert match_shape("rod", "disc") < 0.1
    assert match_shape("disc", "blob", (80, 8)) < 0.2
    assert match_shape("rod", "rod", (80, 8)) == 1 > match_shape("rod", "rod", (12, 10))


@given(
    st.sampled_from(["red ball", "cart", "blue", "dog", "pendulum"]), st.tuples(st.floats(0, 100), st.floats(-90, 90), st.floats(-90, 90))
)
def test_scores_stay_in_range(text: str, lab: tuple[float, float, float]) -> None:
    (phrase,) = parse_objects(text)
    assert all(0 <= match_phrase(phrase, lab, shape, (30.0, 10.0)) <= 1 for shape in ("disc", "box", "rod", "blob"))


def test_labels() -> None:
    assert describe(RED, "disc") == "red disc"
    assert number_labels(["red disc", "blue box", "red disc"]) == ["red disc 1", "blue box 1", "red disc 2"]


@given(st.lists(st.sampled_from(["ball", "ball 1", "ball 1 1", "red ball", "1"])))
def test_numbered_labels_are_unique(labels: list[str]) -> None:
    numbered = number_labels(labels)
    assert len(set(numbered)) == len(labels)
    assert all(new.startswith(f"{old} ") for old, new in zip(labels, numbered, strict=True))
