"""Names for things: colour and shape words, the phrases that users write, and labels."""

from kinescribe.perception.naming.colors import BASIC_COLORS, color_lab, is_color, match_color, name_color
from kinescribe.perception.naming.labels import describe, number_labels
from kinescribe.perception.naming.matching import Assignment, Candidate, assign_phrases, clashes, match_phrase
from kinescribe.perception.naming.phrases import Phrase, parse_objects, unknown_words
from kinescribe.perception.naming.prompts import PICTURE_MARK, Prompt, parse_prompts, prompts_of
from kinescribe.perception.naming.shapes import SHAPE_NOUNS, match_shape, shapes_of

__all__ = [
    "BASIC_COLORS",
    "PICTURE_MARK",
    "SHAPE_NOUNS",
    "Assignment",
    "Candidate",
    "Phrase",
    "Prompt",
    "assign_phrases",
    "clashes",
    "color_lab",
    "describe",
    "is_color",
    "match_color",
    "match_phrase",
    "match_shape",
    "name_color",
    "number_labels",
    "parse_objects",
    "parse_prompts",
    "prompts_of",
    "shapes_of",
    "unknown_words",
]
