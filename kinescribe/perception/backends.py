"""Which detectors, segmenters and trackers work together under one name, and what of it can run here.

A backend is no branch of the program: it names, for each stage, the plug-ins that may do it, in order of preference. What the chosen ones
can do is told by their own attributes, and a stage that another one has done already is skipped.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kinescribe import plugins
from kinescribe.errors import InputError, UsageError, unknown_value

__all__ = ["BACKENDS", "NONE", "ON_DEVICE", "ROLES", "Backend", "Choice", "Stack", "available", "choose", "missing", "own_parts", "resolve"]

ROLES = {
    "detector": "detectors",
    "segmenter": "segmenters",
    "propagator": "propagators",
    "concept_tracker": "concept_trackers",
    "verifier": "verifiers",
}
"""What a backend is made of, and the kind of plug-in that does it."""
NONE = "none"
OPTIONAL = {
    "segmenter": "--segmenter none, with things as large as their boxes",
    "propagator": "--propagator none, which detects in every frame",
    "verifier": "--verifier none, with labels unchecked",
}
"""Roles that nothing need play, and how to say so."""
NEEDS = {
    "verifier": "'vlm' needs an OpenAI-compatible endpoint: --vlm-model and --vlm-url, or KINESCRIBE_MODEL and KINESCRIBE_BASE_URL",
}
ON_DEVICE = {"classical": "classical-torch"}
"""Detectors of the CPU, and the same ones for a device that was asked for by name."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A combination of plug-ins.

    Attributes:
        name: what the user calls it.
        summary: one line for people.
        parts: names of plug-ins by role, the preferred one first; a role that isn't named is left out.
    """

    name: str
    summary: str
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


AFTER_BOXES = {"segmenter": ("sam2", "sam", "segment-anything"), "propagator": ("sam2-video", "flow"), "verifier": ("vlm", "rules")}
"""What comes after a detector that draws boxes around things that it was told."""

BACKENDS = {
    backend.name: backend
    for backend in (
        Backend("classical", "a static camera, no weights, no GPU", {"detector": ("classical",)}),
        Backend(
            "grounded-sam",
            "things named in words, in any video: text to boxes, boxes to masks, masks through the video",
            {"detector": ("grounding-dino", "mm-grounding-dino", "owlv2"), **AFTER_BOXES},
        ),
        Backend(
            "sam3",
            "things named in words, detected and followed by one model",
            {"concept_tracker": ("sam3-video",), "verifier": ("vlm", "rules")},
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One part of a stack.

    Attributes:
        role: key of `ROLES`.
        name: of the plug-in.
        weights: what the user gave after the name's colon, None for the plug-in's own default.
        passed_over: plug-ins that were preferred, and why they can't run here.
    """

    role: str
    name: str
    weights: str | None = None
    passed_over: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return self.name if self.weights is None else f"{self.name}:{self.weights}"


@dataclass(slots=True)
class Stack:
    """The parts of a backend, built; None for a stage that isn't there."""

    detector: Any = None
    segmenter: Any = None
    propagator: Any = None
    concept_tracker: Any = None
    verifier: Any = None

    @property
    def learned(self) -> bool:
        """Whether pictures go through models, that is, whether batches pay."""
        draws_boxes = not getattr(self.detector, "segments", True)
        return self.concept_tracker is not None or draws_boxes or hasattr(self.detector, "detect_batch")

    @property
    def reads_phrases(self) -> bool:
        """Whether things are found by the words that they are asked for."""
        return self.concept_tracker is not None or bool(getattr(self.detector, "reads_phrases", False))

    def parts(self) -> list[tuple[str, Any]]:
        """Role and object of the parts that are there."""
        return [(role, part) for role in ROLES if (part := getattr(self, role)) is not None]


def available() -> dict[str, Backend]:
    """All backends by name: the combinations, and every installed detector and concept tracker by itself."""
    out = dict(BACKENDS)
    for role in ("detector", "concept_tracker"):
        for plugin in plugins.plugins(ROLES[role]):
            out.setdefault(plugin.name, Backend(plugin.name, f"{role.replace('_', ' ')} of {plugin.package}", {role: (plugin.name,)}))
    return out


def own_parts(backend: str, role: str) -> set[str]:
    """The plug-ins that a backend takes for a role by itself, on whatever device; empty where it leaves the role out."""
    names = available()[backend].parts.get(role, ())
    return {*names, *(ON_DEVICE[name] for name in names if name in ON_DEVICE)}


def missing(role: str, name: str, weights: str | None = None) -> str | None:
    """Why a plug-in can't run here, in one line, None where it can. Raises `UsageError` for an unknown name."""
    installed = [plugin for plugin in plugins.plugins(ROLES[role]) if plugin.name == name]
    broken = plugins.failure(installed[0]) if len(installed) == 1 else None  # an unknown name is told by `load`
    if broken is not None:
        return f"it does not import: {broken}"
    part = plugins.load(ROLES[role], name)
    tell = getattr(part, "missing", None)
    if tell is None:
        return None
    reason = tell(weights) if len(inspect.signature(tell).parameters) else tell()
    return None if reason is None else str(reason)


def choose(
    backend: str,
    asked: Mapping[str, str | None],
    given: Collection[str] = (),
    *,
    ready: Collection[str] = (),
    on_device: bool = False,
    boxes: bool = False,
) -> dict[str, Choice]:
    """One plug-in for each role of a backend: what was asked for, else the first preference that can run here.

    Args:
        backend: name.
        asked: by role, `NAME` or `NAME:WEIGHTS`, "none" to leave the stage out, None for the backend's own preference.
        given: roles that ready-made objects play, for which nothing is chosen.
        ready: plug-ins that can run here, whatever they say, for the caller brings what they lack.
        on_device: whether a device other than the CPU was asked for by name: then detectors have their counterparts there.
        boxes: whether the detector among `given` draws boxes only: then what comes after one that was named comes after it too.

    Raises:
        UsageError: an unknown backend or plug-in.
        InputError: parts that can't run here, all of them, each with what it lacks: what was named, or the first preference of a role.
    """
    known = available()
    if backend not in known:
        name, colon, _ = backend.partition(":")
        if colon and name in known:
            role = next((role for role in ("concept_tracker", "detector") if known[name].parts.get(role) == (name,)), None)
            way = f"--detector NAME:WEIGHTS with --backend {name}" if role is None else f"--{role.replace('_', '-')} {backend}"
            raise UsageError(f"backend '{backend}' names weights, which go with a part; try: {way}")
        raise unknown_value("backend", backend, known)
    out: dict[str, Choice] = {}
    lacking: list[str] = []
    parts = dict(known[backend].parts)
    for role in _left_out(asked, given):
        parts.pop(role, None)
    if on_device:
        parts["detector"] = tuple(ON_DEVICE.get(name, name) for name in parts.get("detector", ()))
    for role in ROLES:
        spec = asked.get(role)
        if role != "detector" and (boxes or ("detector" in out and _draws_boxes(out["detector"].name))):
            parts.setdefault(role, AFTER_BOXES.get(role, ()))
        preferred = parts.get(role, ())
        if spec == NONE or role in given:
            continue
        if spec is not None:
            name, _, weights = spec.partition(":")
            if not name.strip():
                raise UsageError(f"--{role.replace('_', '-')} '{spec}' names no plug-in; write NAME or NAME:WEIGHTS, or 'none'")
            out[role] = Choice(role, name, weights or None)
            reason = None if name in ready else _lack(role, name, weights or None)  # told before anything is read
            if reason is not None:
                lacking.append(f"{role.replace('_', ' ')} '{name}' can't run here: {reason}")
        elif preferred:
            out[role], lack = _first_ready(role, preferred, ready)
            lacking += [lack] if lack is not None else []
    if not {"detector", "concept_tracker"} & {*out, *given}:
        raise UsageError(f"backend '{backend}' without a detector finds nothing; leave out --detector none")
    if len(lacking) == 1:
        raise InputError(lacking[0])
    if lacking:
        numbered = "; ".join(f"({k}) {lack}" for k, lack in enumerate(lacking, 1))
        raise InputError(f"{len(lacking)} parts are missing: {numbered}")
    return out


def _left_out(asked: Mapping[str, str | None], given: Collection[str]) -> tuple[str, ...]:
    """Roles that the backend need not fill: a concept tracker does what three others do, and a detector that was named comes before one."""
    named = {role for role, spec in asked.items() if spec not in (None, NONE)} | set(given)
    if "concept_tracker" in named:
        return ("detector", "segmenter", "propagator")
    return ("concept_tracker",) if "detector" in named else ()


def _draws_boxes(detector: str) -> bool:
    if any(plugins.failure(plugin) for plugin in plugins.plugins(ROLES["detector"]) if plugin.name == detector):
        return False  # which is told with the rest
    return not getattr(plugins.load(ROLES["detector"], detector), "segments", True)


def _lack(role: str, name: str, weights: str | None) -> str | None:
    """As `missing`; among the names to choose from is that of no part at all, where there may be none."""
    installed = [plugin.name for plugin in plugins.plugins(ROLES[role])]
    if name in installed or role not in OPTIONAL:
        return missing(role, name, weights)
    unknown = str(unknown_value(role, name, [*installed, NONE]))
    needs = f"; {NEEDS[role]}" if role in NEEDS else ""
    raise UsageError(f"{unknown}{needs}")


def _first_ready(role: str, preferred: Sequence[str], ready: Collection[str]) -> tuple[Choice, str | None]:
    """The first preference that can run here; else the very first, and one line on what it lacks."""
    lacks: list[tuple[str, str]] = []
    for name in preferred:
        reason = None if name in ready else missing(role, name)
        if reason is None:
            return Choice(role, name, None, tuple(lacks)), None
        lacks.append((name, reason))
    ways = [f"one of: {', '.join(name for name, _ in lacks[1:])}"] if len(lacks) > 1 else []
    ways += [OPTIONAL[role]] if role in OPTIONAL else []
    others = "".join(f"; or {way}" for way in ways)
    return Choice(role, lacks[0][0]), f"{role.replace('_', ' ')} '{lacks[0][0]}' can't run here: {lacks[0][1]}{others}"


def resolve(choices: Mapping[str, Choice], given: Mapping[str, Any], **options: Callable[[], Any]) -> Stack:
    """Build the parts that were chosen; objects that were handed in take their place.

    Args:
        choices: by role.
        given: by role, ready-made objects.
        options: makers of the keyword arguments that a plug-in gets if it lists them: `runtime`, `settings`, ….
    """
    stack = Stack()
    for role, choice in choices.items():
        setattr(stack, role, _build(plugins.load(ROLES[role], choice.name), choice.weights, options))
    for role, part in given.items():
        setattr(stack, role, part)
    return stack


def _build(part: Any, weights: str | None, options: Mapping[str, Callable[[], Any]]) -> Any:
    """The plug-in, called with those of the options that it lists."""
    listed = inspect.signature(part).parameters
    if weights is not None and "weights" not in listed:
        name = getattr(part, "__name__", str(part))
        raise UsageError(f"{name} takes no weights, but '{weights}' was given after its name's colon; leave it out")
    arguments = {name: make() for name, make in options.items() if name in listed}
    with plugins.blaming(part, "while it was set up"):
        return part(**arguments, **({"weights": weights} if "weights" in listed else {}))
