"""Reading what objects a user asks for: "red ball, black cart | trolley"."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace

from kinescribe.errors import UsageError
from kinescribe.perception.naming.colors import BASIC_COLORS, is_color
from kinescribe.perception.naming.shapes import SHAPE_NOUNS, shapes_of

__all__ = ["Phrase", "parse_objects", "unknown_words"]

LONGEST_PHRASE, MOST_PHRASES = 80, 64
EXAMPLE = '"red ball, black cart"'
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
    """

    text: str
    color: str | None = None
    shape: str | None = None
    unknown: tuple[str, ...] = ()
    alternatives: tuple[Phrase, ...] = ()

    @property
    def readings(self) -> tuple[Phrase, ...]:
        """The phrase and its alternatives."""
        return (self, *self.alternatives)

    @property
    def is_visual(self) -> bool:
        """Whether some reading names a colour or a shape, by which the object can be told without a language model."""
        return any(reading.color or reading.shape for reading in self.readings)


def parse_objects(text: str) -> list[Phrase]:
    """The phrases in a text that separates objects by commas (or semicolons) and words for the same object by "|".

    A phrase is a colour (any CSS4 or xkcd name, also after light, dark, pale …) and a noun, either of which may be left out; articles are
    skipped. What an alternative leaves out, colour or shape, is that of the first: "black cart | trolley" is a black trolley too.
    Raises UsageError for an empty, repeated or over-long phrase, for control characters and for more than 64 phrases.
    """
    bad = next((c for c in text if unicodedata.category(c) in ("Cc", "Cs")), None)
    if bad is not None:
        raise UsageError(f"objects hold the unprintable character U+{ord(bad):04X}; write words separated by commas, such as {EXAMPLE}")
    text = " ".join(unicodedata.normalize("NFC", text).split())
    parts = [part.strip() for part in text.replace(";", ",").split(",")]
    if len(parts) > MOST_PHRASES:
        raise UsageError(f"{len(parts)} objects are asked for; name at most {MOST_PHRASES}")
    seen: dict[str, str] = {}
    return [_phrase(part, text, seen) for part in parts]


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


def _phrase(part: str, text: str, seen: dict[str, str]) -> Phrase:
    readings: list[Phrase] = []
    for option in part.split("|"):
        words = option.strip()
        if not words:
            where = f'"{_cut(part)}"' if part else f'"{_cut(text)}"'
            raise UsageError(f"empty object name in {where}; write words separated by single commas, such as {EXAMPLE}")
        if len(words) > LONGEST_PHRASE:
            raise UsageError(
                f'object name "{_cut(words)}" has {len(words)} characters; use at most {LONGEST_PHRASE}, and a comma between objects'
            )
        key = words.casefold()
        if key in seen:
            raise UsageError(f'object "{words}" is named twice; name each kind once: every object that looks like it gets its own number')
        seen[key] = words
        readings.extend(_read(words))
    first, *others = readings
    filled = tuple(replace(other, color=other.color or first.color, shape=other.shape or first.shape) for other in others)
    return replace(first, alternatives=filled)


def _read(text: str) -> list[Phrase]:
    """The readings of one description: one, or one for each shape that its noun may stand for."""
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


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
