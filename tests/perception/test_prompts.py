import math
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.errors import UsageError
from kinescribe.perception.naming import Candidate, Prompt, assign_phrases, parse_objects, parse_prompts, prompts_of
from kinescribe.perception.naming.color_space import lab_from_rgb

WORDS = [
    "red ball",
    "black cart",
    "trolley",
    "Мяч",
    "红球",
    "كرة حمراء",
    "כדור",
    "गेंद",
    "🔴",
    "👩‍🚀 astronaut",
    "balle d’été",
    'a 5" pipe',
    "3/4 view",
]
NAMES = st.sampled_from(WORDS) | st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=12)
THRESHOLDS = st.none() | st.floats(1e-6, 1, exclude_max=True)


def read(text: str) -> list[Prompt] | str:
    """The prompts, or why there are none."""
    try:
        return parse_prompts(text)
    except UsageError as error:
        return str(error)


def test_the_grammar_at_a_glance() -> None:
    assert parse_prompts("cart | trolley, red ball: 0.4; Pole|stick |rod :.25") == [
        Prompt("cart", ("cart", "trolley")),
        Prompt("red ball", ("red ball",), 0.4),
        Prompt("Pole", ("Pole", "stick", "rod"), 0.25),
    ]


@given(
    st.lists(st.tuples(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3), THRESHOLDS), min_size=1, max_size=4).filter(
        lambda objects: len({name for names, _ in objects for name in names}) == sum(len(names) for names, _ in objects)
    ),
    st.sampled_from([",", ", ", " ; ", "，", "、", "；", "،", "؛ "]),
    st.sampled_from(["|", " | ", "｜"]),
    st.sampled_from([":", ": ", " : ", "："]),
)
def test_what_is_written_is_read(objects: list, comma: str, bar: str, colon: str) -> None:
    text = comma.join(bar.join(names) + ("" if threshold is None else f"{colon}{threshold}") for names, threshold in objects)
    assert parse_prompts(text) == [Prompt(names[0], tuple(names), threshold) for names, threshold in objects]


@given(st.text(max_size=60) | st.text('ab"“”«»:|,.0149 ;：｜，@', max_size=24))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    prompts = read(text)
    if isinstance(prompts, str):
        assert len(prompts.splitlines()) == 1
        return
    assert prompts
    names = [name for prompt in prompts for name in prompt.synonyms]
    assert len({unicodedata.normalize("NFKC", name).casefold() for name in names if name[0] != "@"}) == sum(n[0] != "@" for n in names)
    for prompt in prompts:
        assert prompt.label == prompt.synonyms[0]
        assert all(name == name.strip() and len(name) <= (1024 if name[0] == "@" else 80) for name in prompt.synonyms)
        assert prompt.threshold is None or 0 < prompt.threshold < 1


@given(st.text(max_size=60) | st.text('ab"“”«»:|,.0149 ;：｜，@', max_size=24))
def test_written_again_it_reads_the_same(text: str) -> None:
    prompts = read(text)
    if not isinstance(prompts, str):
        assert parse_prompts(", ".join(str(prompt) for prompt in prompts)) == prompts
        assert prompts_of([str(prompt) for prompt in prompts]) == prompts


@given(st.text(max_size=40) | NAMES)
def test_phrases_and_prompts_agree(text: str) -> None:
    prompts = read(text)
    if isinstance(prompts, str):
        with pytest.raises(UsageError, match=re.escape(prompts)):
            parse_objects(text)
        return
    phrases = parse_objects(text)
    assert [(phrase.text, phrase.threshold) for phrase in phrases] == [(prompt.label, prompt.threshold) for prompt in prompts]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('"a ball, red"', ("a ball, red",)),
        ('"ball: 0.4"', ("ball: 0.4",)),
        ("“this | that”|«other»", ("this | that", "other")),
        ('5" pipe', ('5" pipe',)),
        ('"unclosed', ('"unclosed',)),
        ("「赤い、ボール」", ("赤い、ボール",)),
        ("the ratio 3:2 card", ("the ratio 3:2 card",)),
        ('"ball: big"', ("ball: big",)),
        ('"ball: big" | trolley', ("ball: big", "trolley")),
        ("@my pictures/cart.png", ("@my pictures/cart.png",)),
        ('"@a,b.png" | cart', ("@a,b.png", "cart")),
    ],
)
def test_quotes_and_colons(text: str, names: tuple[str, ...]) -> None:
    assert parse_prompts(text) == [Prompt(names[0], names)]


def test_quoted_names_take_thresholds() -> None:
    assert parse_prompts('"a, b" | c: 0.3, d') == [Prompt("a, b", ("a, b", "c"), 0.3), Prompt("d", ("d",))]


def test_full_width_numbers() -> None:
    assert parse_prompts("赤いボール：０．４") == [Prompt("赤いボール", ("赤いボール",), 0.4)]


def test_invisible_characters_go_and_joiners_stay() -> None:
    assert [prompt.label for prompt in parse_prompts("ba\u200bll, \u202ered\u202c cart, می\u200cخواهم, 👩\u200d🚀")] == [
        "ball",
        "red cart",
        "می\u200cخواهم",
        "👩\u200d🚀",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty object name"),
        ("ball,", 'empty object name in "ball,"'),
        ("ball | , cart", r'empty object name in "ball \|"'),
        (": 0.4", "empty object name"),
        ('ball, ""', "empty object name"),
        ("\u200b\u200d", "empty object name"),
        ("ball: abc", 'after the colon in "ball: abc" a threshold between 0 and 1 is expected, not "abc"; write it such as "ball: 0.4"'),
        ("red ball:abc", 'threshold between 0 and 1 is expected, not "abc"'),
        ("ball: very big", 'expected, not "very big"'),
        ("ball: 0.4.1", 'expected, not "0.4.1"'),
        ("ball: 0", "threshold 0 .*0 and 1"),
        ("ball: 1", "threshold 1 "),
        ("ball: -0.2", "threshold -0.2 "),
        ("ball: 1e400", "threshold 1e400 "),
        ("ball: 40%", 'threshold 40% of "ball" .* "red ball: 0.4"'),
        ("red ball: 0,4", "threshold 0 "),
        ("cart: 0.3 | trolley: 0.4", "two thresholds"),
        ("cart, CART", '"CART" is named twice'),
        ("cart, ｃａｒｔ", "is named twice"),
        ("cart | trolley, trolley", '"trolley" is named twice'),
        ("straße, STRASSE", "is named twice"),
        ("x" * 81, "81 characters; use at most 80"),
        ("@" + "x" * 1024, "1025 characters; use at most 1024"),
        ("a\x07b", r"U\+0007"),
        (",".join(f"thing {i}" for i in range(65)), "65 objects"),
    ],
)
def test_nonsense_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        parse_prompts(text)
    assert "\n" not in str(caught.value)


def test_names_may_not_repeat_between_texts() -> None:
    assert [prompt.label for prompt in prompts_of(["cart | trolley", "ball: 0.4"])] == ["cart", "ball"]
    with pytest.raises(UsageError, match="named twice"):
        prompts_of(["cart | trolley", "Trolley"])


def test_one_threshold_for_all_synonyms() -> None:
    assert parse_prompts("cart: 0.3 | trolley") == parse_prompts("cart | trolley: 0.3") == parse_prompts("cart: .3 | trolley: 0.30")


RED, BLUE, DULL = (lab_from_rgb(np.array(levels) / 255) for levels in ((200, 40, 40), (40, 80, 190), (150, 105, 100)))


def named(text: str, *candidates: Candidate) -> list[str | None]:
    return [phrase.text if phrase else None for phrase in assign_phrases(parse_objects(text), candidates).phrases]


def test_any_synonym_may_match() -> None:
    assert named("fluffy thing | red ball, blue ball", Candidate(RED, "disc"), Candidate(BLUE, "disc")) == ["fluffy thing", "blue ball"]
    assert named("@ball.png | red ball", Candidate(RED, "disc")) == ["@ball.png"]


def test_a_phrase_s_own_threshold_is_its_least_score() -> None:
    (plain,) = assign_phrases(parse_objects("red ball"), [Candidate(DULL, "disc")]).scores
    assert 0.25 < plain < 0.95
    seen = Candidate(DULL, "disc")
    assert named(f"red ball: {math.ceil(100 * plain) / 100}", seen) == [None]
    assert named(f"red ball: {math.floor(100 * plain) / 100}", seen) == ["red ball"]
    weak = Candidate(RED, "rod")
    assert named("red ball", weak) == [None]
    assert named("red ball: 0.01", weak) == ["red ball"]
