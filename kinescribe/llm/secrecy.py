"""Blotting a key out of whatever an endpoint sends back: some repeat it in their errors, in one spelling or another."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from functools import lru_cache

__all__ = ["HIDDEN", "begun_in", "hider"]

HIDDEN = "(key)"
SHORTEST = 4  # characters; what is shorter ("x", "no") stands in for a key that a local server doesn't look at
SHORTEST_ANYWHERE = 12  # shorter ones ("ollama", "EMPTY") are hidden as words of their own only, for they may be parts of others
LONGEST_RUN = 8  # backslashes before a character, of texts that were escaped several times; bounded, or hostile runs of them take for ever


@lru_cache(maxsize=8)
def hider(key: str | None) -> Callable[[str], str]:
    """A function that puts "(key)" in the place of a key in a text; one that changes nothing where there is no key.

    Each character of the key may stand for itself or be escaped as in JSON, a URL or HTML; or the key may be in base64, with what stood
    before and after it.
    """
    if key is None or len(key) < SHORTEST:
        return lambda text: text
    spelled = "".join(_spellings(part) for part in re.findall(r"\\+|.", key))
    whole_word = rf"(?<!\w){spelled}(?!\w)"
    pattern = re.compile("|".join([spelled, *map(re.escape, _in_base64(key))]) if len(key) >= SHORTEST_ANYWHERE else whole_word)
    return lambda text: pattern.sub(HIDDEN, text)


def begun_in(text: str, key: str | None) -> int:
    """How many characters at the end of a text may be the beginning of the key, whose rest is still to come."""
    if key is None or len(key) < SHORTEST:
        return 0
    return next((count for count in range(min(len(key) - 1, len(text)), 0, -1) if text.endswith(key[:count])), 0)


def _spellings(part: str) -> str:
    """A pattern of the ways to write a character, or a run of backslashes."""
    character, code = part[0], ord(part[0])
    digits = "".join(f"[{digit}{digit.upper()}]" for digit in f"{code:02x}")
    escaped = rf"(?:u00|x|%(?:25){{0,2}}){digits}|&#0{{0,4}}{code};|&#[xX]0{{0,4}}{digits};"
    before = rf"\\{{0,{LONGEST_RUN}}}+"
    if character == "\\":
        return rf"(?:{before}(?:{escaped})|\\{{1,{LONGEST_RUN}}}+){{1,{len(part)}}}+"
    named = {"&": "|&amp;", "<": "|&lt;", ">": "|&gt;", '"': "|&quot;", "'": "|&apos;"}.get(character, "")
    return rf"{before}(?:{re.escape(character)}{named}|{escaped})"


def _in_base64(key: str) -> set[str]:
    """What base64 makes of the key, wherever it begins in what is encoded, without the digits that its neighbours enter into."""
    found = set()
    for before in range(3):
        data = bytes(before) + key.encode()
        whole = base64.b64encode(data).decode()[-(-before * 8 // 6) : len(data) * 8 // 6]
        found |= {whole, whole.replace("+", "-").replace("/", "_")}
    return found
