"""Splitting what a user asks for into objects, their synonyms and thresholds: "cart | trolley, red ball: 0.4"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from kinescribe.errors import UsageError

__all__ = ["PICTURE_MARK", "Prompt", "parse_prompts", "prompts_of"]

LONGEST_NAME, LONGEST_PATH, MOST_OBJECTS = 80, 1024, 64
PICTURE_MARK = "@"
"""First character of a name that is a picture of the object, "@cart.png", for detectors that search by example."""

EXAMPLE = '"red ball, black cart"'
JOINERS = "\u200c\u200d"  # hold letters of Persian and Indic words, and emoji, together; all other invisible characters are left out
COMMAS, BARS, COLONS = ",;，、；،؛", "|｜", ":："
CLOSING = {'"': '"', "“": "”", "„": "“”", "«": "»", "「": "」", "『": "』", "＂": "＂"}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?%?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One kind of object that was asked for, as words for a detector.

    Attributes:
        label: what the object is called: the first synonym, as the user wrote it, spaces tidied.
        synonyms: all names of it, the label first; what goes by any of them is such an object.
        threshold: least confidence at which a detector's find counts, in (0, 1); None: the detector's own.
    """

    label: str
    synonyms: tuple[str, ...]
    threshold: float | None = None

    def __str__(self) -> str:
        """The prompt as a user could have written it; `parse_prompts` reads the same from it."""
        names = " | ".join(_quoted(name) for name in self.synonyms)
        return names if self.threshold is None else f"{names}: {self.threshold}"


def parse_prompts(text: str) -> list[Prompt]:
    """The objects in a text that separates them by commas or semicolons, synonyms by "|", and ends one in ": 0.4" to set its threshold.

    Any script; full-width and Arabic separators count as such. A name in double quotes may hold separators. A name that begins with "@" is
    the path of a picture. Raises UsageError for an empty, repeated or over-long name, for control characters, for more than 64 objects and
    for a threshold that is no number in (0, 1).
    """
    return prompts_of([text])


def prompts_of(texts: Iterable[str]) -> list[Prompt]:
    """The objects in several such texts, no name of which may occur twice. Raises as `parse_prompts`."""
    seen: set[str] = set()
    parts = [(part, whole) for whole in map(_tidy, texts) for part in _split(whole, COMMAS)]
    if len(parts) > MOST_OBJECTS:
        raise UsageError(f"{len(parts)} objects are asked for; name at most {MOST_OBJECTS}")
    return [_prompt(part, whole, seen) for part, whole in parts]


def _tidy(text: str) -> str:
    bad = next((c for c in text if unicodedata.category(c) in ("Cc", "Cs")), None)
    if bad is not None:
        raise UsageError(f"objects hold the unprintable character U+{ord(bad):04X}; write words separated by commas, such as {EXAMPLE}")
    visible = "".join(c for c in text if c in JOINERS or unicodedata.category(c) != "Cf")
    return " ".join(unicodedata.normalize("NFC", visible).split())


def _prompt(part: str, whole: str, seen: set[str]) -> Prompt:
    names: list[str] = []
    threshold: float | None = None
    for option in _split(part, BARS):
        name, number = _threshold(option)
        if number is not None:
            value = _fraction(number, name)
            if threshold not in (None, value):
                raise UsageError(f'"{_cut(part)}" has two thresholds; give one for all names of an object')
            threshold = value
        name = _unquoted(name)
        if not any(unicodedata.category(c)[0] in "LNPS" for c in name):
            raise UsageError(f'empty object name in "{_cut(part or whole)}"; write words separated by single commas, such as {EXAMPLE}')
        is_picture = name.startswith(PICTURE_MARK)
        most = LONGEST_PATH if is_picture else LONGEST_NAME
        if len(name) > most:
            raise UsageError(f'object name "{_cut(name)}" has {len(name)} characters; use at most {most}, and a comma between objects')
        key = name if is_picture else unicodedata.normalize("NFKC", name).casefold()
        if key in seen:
            raise UsageError(f'object "{name}" is named twice; name each kind once: every object that looks like it gets its own number')
        seen.add(key)
        names.append(name)
    return Prompt(names[0], tuple(names), threshold)


def _split(text: str, separators: str) -> list[str]:
    """The parts between separators, stripped; separators inside a quoted name don't count."""
    parts, start, i, opens = [], 0, 0, True
    while i < len(text):
        end = _end_of_quote(text, i) if opens else None
        if end is not None:
            i = end
        elif text[i] in separators:
            parts.append(text[start:i].strip())
            start = i + 1
        opens = text[i] in COMMAS + BARS or (opens and text[i] == " ")
        i += 1
    return [*parts, text[start:].strip()]


def _end_of_quote(text: str, start: int) -> int | None:
    """Where the quote that opens at `start` closes, if a separator or nothing follows; None where none opens or it is part of a word."""
    closing = CLOSING.get(text[start], "")
    for i in range(start + 1, len(text) if closing else 0):
        if text[i] in closing:
            after = text[i + 1 :].lstrip()
            return i if not after or after[0] in COMMAS + BARS + COLONS else None
    return None


def _unquoted(name: str) -> str:
    return name[1:-1].strip() if name and _end_of_quote(name, 0) == len(name) - 1 else name


def _quoted(name: str) -> str:
    if not any(c in COMMAS + BARS + COLONS for c in name) and name[0] not in CLOSING:
        return name
    opening = next((o for o, c in CLOSING.items() if not any(q in name for q in c)), "")
    return f"{opening}{name}{CLOSING[opening][0]}" if opening else name


def _threshold(option: str) -> tuple[str, str | None]:
    """A name and the number after its last colon, if that is all that stands there.

    Raises UsageError for something else that stands where a threshold would: a word by itself, or whatever follows a colon and a space.
    """
    place = max(option.rfind(colon) for colon in COLONS)
    number = unicodedata.normalize("NFKC", option[place + 1 :]).strip()
    if place >= 0 and NUMBER.fullmatch(number):
        return option[:place].strip(), number
    meant = number and (option[place + 1] == " " or " " not in number)  # "ratio 3:2 card" is a name
    if place > 0 and meant and not option.startswith(PICTURE_MARK) and _unquoted(option) == option:
        raise UsageError(
            f'after the colon in "{_cut(option)}" a threshold between 0 and 1 is expected, not "{_cut(number)}"; '
            f'write it such as "{_cut(option[:place].strip())}: 0.4", or put a name that holds a colon in double quotes'
        )
    return option, None


def _fraction(number: str, name: str) -> float:
    value = float("nan") if number.endswith("%") else float(number)
    if not 0 < value < 1:
        raise UsageError(f'threshold {_cut(number)} of "{_cut(name)}" does not lie between 0 and 1; write it such as "red ball: 0.4"')
    return value


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
