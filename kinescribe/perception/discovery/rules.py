"""What a model may say about a video: short noun phrases, and nothing else."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from kinescribe.errors import UsageError
from kinescribe.llm.text import one_line
from kinescribe.perception.naming.prompts import parse_prompts

__all__ = ["MOST_PHRASES", "checked_phrases", "fault", "tidied"]

MOST_PHRASES, MOST_WORDS, LONGEST_PHRASE = 12, 6, 40
ARTICLES = ("a", "an", "the")
JOINERS = "\u200c\u200d"  # within words of some scripts
SIGNS = "-'’ "
EMPTY_WORDS = {"background", "frame", "item", "motion", "object", "objects", "scene", "something", "text", "thing", "things", "video"}
"""Say nothing of a thing: a detector finds everything by them, or nothing."""


def checked_phrases(wanted: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The phrases that hold to the rules, each from the text that it came from, in order; and the others with what is wrong with them."""
    good: dict[str, str] = {}
    bad: dict[str, str] = {}
    seen: set[str] = set()
    for text in wanted:
        phrase = tidied(text)
        key = unicodedata.normalize("NFKC", phrase).casefold()
        wrong = fault(phrase)
        if wrong is None and key in seen:
            wrong = "it is named twice"
        if wrong is None and len(good) == MOST_PHRASES:
            wrong = f"there are {MOST_PHRASES} already"
        if wrong is None:
            seen.add(key)
            good[phrase] = text
        else:
            bad[one_line(text, LONGEST_PHRASE)] = wrong
    return good, bad


def tidied(text: str) -> str:
    """Without articles, quotation marks and a full stop around it, spaces made one."""
    words = unicodedata.normalize("NFC", text[: 20 * LONGEST_PHRASE]).strip(" \t\r\n\"'`“”‘’.").split(" ")
    words = [word for word in words if word]
    while len(words) > 1 and words[0].casefold() in ARTICLES:
        words = words[1:]
    return " ".join(words)


def fault(phrase: str) -> str | None:
    """What keeps a tidied text from being a phrase, None where nothing does."""
    if not any(unicodedata.category(c)[0] == "L" for c in phrase):
        return "it holds no word"
    odd = next((c for c in phrase if unicodedata.category(c)[0] not in "LM" and not c.isdecimal() and c not in SIGNS + JOINERS), None)
    if odd is not None:
        return f"it holds the character U+{ord(odd):04X}"
    if len(phrase) > LONGEST_PHRASE or len(phrase.split()) > MOST_WORDS:
        return f"it is longer than {MOST_WORDS} words or {LONGEST_PHRASE} characters"
    if all(word in EMPTY_WORDS for word in phrase.casefold().split()):
        return "it says nothing of what the thing is"
    try:
        prompts = parse_prompts(phrase)
    except UsageError as error:
        return str(error)
    if [(prompt.synonyms, prompt.threshold) for prompt in prompts] != [((prompts[0].label,), None)]:
        return "it is more than one name"
    return None
