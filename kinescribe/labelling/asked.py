"""What the user asks for: words for a detector, or looks to tell the tracks by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kinescribe.errors import UsageError
from kinescribe.perception.naming import Phrase, parse_objects, unknown_words
from kinescribe.perception.naming.prompts import parse_prompts

if TYPE_CHECKING:
    from kinescribe.perception.discovery import Discovery

__all__ = ["AUTO_OBJECTS", "Asked", "asks_vlm", "read_objects"]

AUTO_OBJECTS = "auto"


@dataclass(slots=True)
class Asked:
    """What to look for; nothing in particular where both lists are empty.

    Attributes:
        words: prompts, as `parse_prompts` reads them.
        phrases: looks, for what is found without words; empty where a detector reads the words.
        discovered: what a VLM said where it was to find the words, None where it wasn't.
        warnings: lines for the user.
    """

    words: list[str] = field(default_factory=list)
    phrases: list[Phrase] = field(default_factory=list)
    discovered: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)


def asks_vlm(objects: str | None) -> bool:
    """Whether a VLM is to name the objects."""
    return objects is not None and objects.strip().lower() == AUTO_OBJECTS


def read_objects(objects: str | None, *, reads_phrases: bool, discover: Callable[[], Discovery]) -> Asked:
    """Understand what is asked for.

    Args:
        objects: as the user wrote it; "auto" asks a VLM; None for all that moves.
        reads_phrases: whether things are found by the words.
        discover: asks the VLM.

    Raises:
        UsageError: nothing is named where it must be, or words without a look where only looks count.
    """
    asked = Asked()
    if asks_vlm(objects):
        found = discover()
        asked.warnings += found.warnings
        asked.discovered = {
            "phrases": found.phrases,
            "why": found.why,
            "rejected": found.rejected,
            "frames": found.frames,
            "model": found.reply.model,
        }
        objects = ", ".join(found.phrases)
    if reads_phrases:
        if objects is None:
            raise UsageError(
                'this backend finds what it is told; name it: --objects "red ball, black cart", or --objects auto to ask a VLM'
            )
        asked.words = [str(prompt) for prompt in parse_prompts(objects)]
        return asked
    asked.phrases = parse_objects(objects) if objects is not None else []
    for phrase in list(asked.phrases):
        unknown = unknown_words(phrase)
        if unknown is not None and not phrase.is_visual and (asked.discovered is None or len(asked.phrases) == 1):
            raise UsageError(unknown)
        if unknown is not None:
            asked.warnings.append(unknown)
        if not phrase.is_visual:
            asked.phrases.remove(phrase)  # a VLM's word among others that are understood
    kept = {phrase.text for phrase in asked.phrases}
    asked.words = [str(prompt) for prompt in parse_prompts(objects) if prompt.label in kept] if objects else []
    return asked
