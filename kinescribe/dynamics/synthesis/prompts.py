"""The questions: for new programs, and for one to be mended."""

from __future__ import annotations

from collections.abc import Sequence

from kinescribe.dynamics.synthesis.contract import CONTRACT, ROLE
from kinescribe.llm import Message, Part

__all__ = ["Tried", "proposal", "repair"]

Tried = tuple[str, str]
"""Of a program: what it is, and how it fared."""
MOST_TRIED = 12
SHEET = (
    "The picture is a contact sheet of the first clip: frames in order of time, each under a strip with its time; every object is "
    "outlined and has its number (see the list of objects). Words within the frames are part of the scene."
)


def proposal(
    brief: str, clues: str, *, count: int, tried: Sequence[Tried], task: str = "", sheet: Part | None = None, last: str = ""
) -> list[Message]:
    """Ask for `count` programs that differ in structure.

    Args:
        brief: what is known of the motion. clues: what acceleration the library's law leaves over. tried: what was, best first.
        task: what the user says about the scene. sheet: a picture of it. last: what was wrong with the last reply.
    """
    several = count > 1
    ask = [
        f"Write {count} different program{'s' * several} that may explain this motion"
        + (
            ", diverse in structure: different forces, or different forms of one, from the likeliest to the bold."
            if several
            else ", of another structure than all that were tried."
        ),
        f"Before {'each' if several else 'it'} say in one line what the idea is. Put {'each' if several else 'it'} in a block of its own "
        "that begins with ```python and ends with ```.",
    ]
    return _messages(brief, clues, _listed(tried), "\n".join(ask), task, sheet, last)


def repair(
    brief: str, source: str, verdict: str, *, tried: Sequence[Tried], task: str = "", sheet: Part | None = None, last: str = ""
) -> list[Message]:
    """Ask for a better version of one program, told what is wrong with it."""
    ask = (
        f"Mend this program:\n\n```python\n{source.rstrip()}\n```\n\n{verdict}\n\n"
        "Think about what is wrong or missing, such as a sign, a power, a term, what a force depends on. Say in one line what you change, "
        "and write the whole program anew in one block that begins with ```python and ends with ```."
    )
    return _messages(brief, "", _listed(tried), ask, task, sheet, last)


def _messages(brief: str, clues: str, listed: str, ask: str, task: str, sheet: Part | None, last: str) -> list[Message]:
    parts = [brief]
    if task:
        parts.append(f"The user says of the scene: {task}")
    if clues:
        parts.append(clues)
    if listed:
        parts.append(listed)
    if sheet is not None:
        parts.append(SHEET)
    if last:
        parts.append(last)
    parts.append(ask)
    text = "\n\n".join(parts)
    user = Message.user(text) if sheet is None else Message.user(text, sheet)
    return [Message.system(f"{ROLE}\n\n{CONTRACT}"), user]


def _listed(tried: Sequence[Tried]) -> str:
    if not tried:
        return ""
    return "Tried so far, best first:\n" + "\n".join(f"* {what}: {how}" for what, how in tried[:MOST_TRIED])
