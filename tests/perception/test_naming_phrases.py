import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.errors import UsageError
from kinescribe.perception.naming import BASIC_COLORS, SHAPE_NOUNS, Phrase, parse_objects, shapes_of, unknown_words

COLORS = st.sampled_from([None, *BASIC_COLORS, "light blue", "dark red", "rust"])
NOUNS = st.sampled_from([(noun, shape) for shape, nouns in SHAPE_NOUNS.items() for noun in nouns] + [(None, None)])


def read(text: str) -> tuple[list[Phrase], str]:
    """The phrases, or why there are none."""
    try:
        return parse_objects(text), ""
    except UsageError as error:
        return [], str(error)


def test_colours_and_shapes() -> None:
    ball, cart, stick = parse_objects("red ball,  black   cart , Light-Blue STICK")
    assert (ball.text, ball.color, ball.shape, ball.unknown) == ("red ball", "red", "disc", ())
    assert (cart.text, cart.color, cart.shape) == ("black cart", "black", "box")
    assert (stick.text, stick.color, stick.shape) == ("Light-Blue STICK", "light blue", "rod")


@given(
    st.lists(st.tuples(COLORS, NOUNS).filter(lambda pair: pair[0] or pair[1][0]), min_size=1, max_size=8, unique=True),
    st.sampled_from([",", " , ", ";", ",  "]),
)
def test_what_is_written_is_read(objects: list, separator: str) -> None:
    texts = [" ".join(word for word in (color, noun) if word) for color, (noun, _) in objects]
    phrases = parse_objects(separator.join(texts))
    assert [phrase.text for phrase in phrases] == texts
    assert [(phrase.color, phrase.shape) for phrase in phrases] == [(color, shape) for color, (_, shape) in objects]
    assert all(unknown_words(phrase) is None for phrase in phrases)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    phrases, refusal = read(text)
    assert len(refusal.splitlines()) == (0 if phrases else 1)
    keys = [reading.text.casefold() for phrase in phrases for reading in phrase.readings]
    assert len(keys) == len(set(keys)) or any("pendulum" in key for key in keys)
    for phrase in phrases:
        assert phrase.text
        assert phrase.is_visual or unknown_words(phrase)


def test_alternatives_share_what_they_leave_out() -> None:
    (phrase,) = parse_objects("black cart | trolley | dark grey stick")
    assert [(reading.color, reading.shape) for reading in phrase.readings] == [("black", "box"), ("black", "box"), ("dark grey", "rod")]
    assert phrase.text == "black cart"


def test_a_pendulum_is_rod_or_bob() -> None:
    (phrase,) = parse_objects("pendulum")
    assert {reading.shape for reading in phrase.readings} == {"rod", "disc"}


def test_plurals_articles_and_endings() -> None:
    one, two, three = parse_objects("the red balls, a rust-coloured box, boxes")
    assert (one.color, one.shape) == ("red", "disc")
    assert (two.color, two.shape, two.unknown) == ("rust", "box", ())
    assert three.shape == "box"
    assert shapes_of("dogs") == ()


def test_free_words_are_kept_and_said() -> None:
    dog, thing, ball = parse_objects("brown dog, fluffy thing, fluffy red ball")
    assert (dog.color, dog.shape, dog.unknown) == ("brown", None, ("dog",))
    assert not thing.is_visual
    message = unknown_words(thing)
    assert message is not None
    assert message.startswith('no colour or shape word in "fluffy thing"; the classical backend knows colours (black')
    assert "disc" in message
    assert '"fluffy" in "fluffy red ball"' in (unknown_words(ball) or "")


@pytest.mark.parametrize("text", ["красный мяч", "红色的球", "كرة حمراء", "🔴 ball", "balle d’été"])
def test_other_scripts_are_free_words(text: str) -> None:
    (phrase,) = parse_objects(text)
    assert phrase.text == text
    assert phrase.unknown


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty object name"),
        ("   ", "empty object name"),
        ("red ball,", 'empty object name in "red ball,"'),
        ("red ball,,cart", "empty object name"),
        ("ball | | puck", "empty object name"),
        ("red ball, Red  Ball", '"Red Ball" is named twice'),
        ("cart | cart", '"cart" is named twice'),
        ("x" * 81, "has 81 characters; use at most 80"),
        ("red\x00ball", r"U\+0000"),
        ("red\nball", r"U\+000A"),
        ("red \udcff", r"U\+DCFF"),
        (",".join(f"thing {i}" for i in range(65)), "65 objects"),
    ],
)
def test_nonsense_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        parse_objects(text)
    assert "\n" not in str(caught.value)
