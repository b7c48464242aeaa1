"""Who does what in a run: the parts of its backend, chosen and built before a frame is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kinescribe.llm import Client, Settings
from kinescribe.perception.backends import Choice, Stack, choose, own_parts, resolve
from kinescribe.perception.coherence import idle_options
from kinescribe.perception.kept import KeptParts
from kinescribe.perception.looking import resolve_every
from kinescribe.perception.on_demand import RuntimeOnDemand

__all__ = ["Parts", "choose_parts", "stand_ins"]


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Who does what.

    Attributes:
        stack: the parts.
        choices, given: by role, the plug-in that was chosen, or the object that was handed in.
        client: of the VLM's endpoint; None without one.
        every: frames from one detection to the next, or "auto".
        warnings: lines on options without effect, and on parts that stand in for others.
    """

    stack: Stack
    choices: dict[str, Choice]
    given: dict[str, Any]
    client: Client | None
    every: int | str
    warnings: list[str]

    def describe(self) -> dict[str, str]:
        """By role, which part it is, for the sidecar."""
        chosen = {role: str(choice) for role, choice in self.choices.items()}
        return chosen | {role: type(part).__name__ for role, part in self.given.items()}

    def backend_that_ran(self, backend: str) -> str:
        """The backend, if what it looks with ran; else the name of what ran in its place."""
        for role in ("concept_tracker", "detector"):
            if role in self.given:
                return type(self.given[role]).__name__
            if role in self.choices and self.choices[role].name not in own_parts(backend, role):
                return self.choices[role].name
        return backend

    def told(self) -> list[str]:
        """What the parts have to say so far."""
        return [line for _, part in self.stack.parts() for line in getattr(part, "warnings", [])]

    def provenance(self) -> dict[str, dict[str, str]]:
        """By role, where the weights of a learned part come from."""
        return {role: dict(source) for role, part in self.stack.parts() if (source := getattr(part, "provenance", None))}


def choose_parts(
    backend: str,
    asked: dict[str, Any],
    runtime: RuntimeOnDemand,
    vlm: Settings | None,
    *,
    detect_every: int | str | None,
    asks_vlm: bool,
    kept: KeptParts | None = None,
) -> Parts:
    """Who does what, chosen and built, or taken from what is kept; options that nothing has a use for are refused, or told in a warning."""
    choices, given = _choose(backend, asked, vlm, runtime.device)
    client = None if vlm is None else Client(vlm)  # one for all that ask, so that the caps hold for them together
    again = {} if kept is None else kept.fitting(choices, runtime)
    new = {role: choice for role, choice in choices.items() if role not in again}
    stack = resolve(new, given | again, runtime=runtime.choose, settings=lambda: client)
    idle = idle_options(stack, detect_every=detect_every, models=runtime.idle(), vlm=vlm is not None, asks_vlm=asks_vlm)
    every = resolve_every(detect_every, stack)
    if every == 1:
        stack.propagator = None  # nothing is to be carried: ids are the tracker's
        choices.pop("propagator", None)
    return Parts(stack, choices, given, client, every, [*idle, *stand_ins(choices)])


def _choose(backend: str, asked: dict[str, Any], vlm: Settings | None, device: str) -> tuple[dict[str, Choice], dict[str, Any]]:
    """Plug-ins by role, and the objects that were handed in instead."""
    given = {role: part for role, part in asked.items() if part is not None and not isinstance(part, str)}
    names = {role: part for role, part in asked.items() if isinstance(part, str)}
    boxes = "detector" in given and not getattr(given["detector"], "segments", True)
    ready = () if vlm is None else ("vlm",)
    return choose(backend, names, given, ready=ready, on_device=device not in ("auto", "cpu"), boxes=boxes), given


def stand_ins(choices: dict[str, Choice]) -> list[str]:
    """One line on the parts that aren't those that the backend prefers, each reason once; verifiers say for themselves what they did."""
    told: set[str] = set()
    parts = []
    for choice in choices.values():
        if not choice.passed_over or choice.role == "verifier":
            continue
        others = [f"{name} (likewise)" if why in told else f"{name} ({why})" for name, why in choice.passed_over]
        told |= {why for _, why in choice.passed_over}
        parts.append(f"{choice.role.replace('_', ' ')} '{choice.name}' stands in for {', '.join(others)}")
    return ["; ".join(parts)] if parts else []
