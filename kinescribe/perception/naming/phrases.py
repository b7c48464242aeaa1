"""What the objects that a user asks for look like: "red ball, black cart | trolley"."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kinescribe.perception.naming.colors import BASIC_COLORS, is_color
from kinescribe.perception.naming.prompts import PICTURE_MARK, Prompt, parse_prompts
from kinescribe.perception.naming.shapes import SHAPE_NOUNS, shapes_of

__all__ = ["Phrase", "parse_objects", "unknown_words"]

SKIPPED = ("a", "an", "the", "coloured", "colored")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One kind of object that was asked for.

    Attributes:
        text: as the user wrote it, spaces tidied; of the first alternative. It becomes the label.
        color: a name that `match_color` knows, or None.
        shape: "disc", "box", "rod", or None.
        unknown: words that are neither a colour nor a shape, in the order of the text; detectors with a language model may know them.
        alternatives: further descriptions of the same thing; each has none itself.
        threshold: least score at which a thing goes by this phrase, in (0, 1); None where the user didn't say.
    """

    text: str
    color: str | None = None
    shape: str | None = None
    unknown: tuple[str, ...] = ()
    alternatives: tuple[Phrase, ...] = ()
    threshold: float | None = None

    @property
    def readings(self) -> tuple[Phrase, ...]:
        """The phrase and its alternatives."""
        return (self, *self.alternatives)

    @property
    def is_visual(self) -> bool:
        """Whether some reading names a colour or a shape, by which the object can be told without a language model."""
        return any(reading.color or reading.shape for reading in self.readings)


def parse_objects(text: str) -> list[Phrase]:
    """The phrases in a text that `parse_prompts` can split: objects, synonyms of each, thresholds.

    A phrase is a colour (any CSS4 or xkcd name, also after light, dark, pale …) and a noun, either of which may be left out; articles are
    skipped. What a synonym leaves out, colour or shape, is that of the first: "black cart | trolley" is a black trolley too. Of a picture,
    "@cart.png", neither is known. Raises as `parse_prompts`.
    """
    return [_phrase(prompt) for prompt in parse_prompts(text)]


def unknown_words(phrase: Phrase) -> str | None:
    """One line on the words of a phrase that say nothing of colour or shape, for backends that know nothing else; None without any."""
    words = [word for reading in phrase.readings for word in reading.unknown]
    if phrase.is_visual and not words:
        return None
    nouns = ", ".join(noun for group in SHAPE_NOUNS.values() for noun in group[:4])
    knows = f"the classical backend knows colours ({', '.join(BASIC_COLORS)}, any CSS4 or xkcd name) and shapes ({nouns} …)"
    if not phrase.is_visual:
        return f'no colour or shape word in "{phrase.text}"; {knows}'
    return f'"{" ".join(words)}" in "{phrase.text}" is no colour or shape and was left out; {knows}'


def _phrase(prompt: Prompt) -> Phrase:
    first, *others = [reading for name in prompt.synonyms for reading in _read(name)]
    filled = tuple(replace(other, color=other.color or first.color, shape=other.shape or first.shape) for other in others)
    return replace(first, alternatives=filled, threshold=prompt.threshold)


def _read(text: str) -> list[Phrase]:
    """The readings of one description: one, or one for each shape that its noun may stand for."""
    if text.startswith(PICTURE_MARK):
        return [Phrase(text, unknown=(text,))]
    words = [word for word in text.replace("-", " ").split() if word.casefold() not in SKIPPED]
    shapes: tuple[str, ...] = ()
    if words and (shapes := shapes_of(words[-1])):
        words = words[:-1]
    color, unknown = _split_color(words)
    return [Phrase(text, color, shape, unknown) for shape in shapes or (None,)]


def _split_color(words: list[str]) -> tuple[str | None, tuple[str, ...]]:
    """The longest run of words that is a colour name (of several the last one), and the words around it."""
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length, -1, -1):
            name = " ".join(words[start : start + length]).casefold()
            if is_color(name):
                return name, (*words[:start], *words[start + length :])
    return None, tuple(words)
