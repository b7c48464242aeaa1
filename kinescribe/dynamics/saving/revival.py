"""From the words of a file back to the law. What the file holds as source text is never run: the user hands the law over."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from kinescribe.dynamics.affordances import Affordances
from kinescribe.dynamics.affordances.constrained import Constrained
from kinescribe.dynamics.composition import Restricted, Sum
from kinescribe.dynamics.finding import LawSpec, find_law
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Parameter
from kinescribe.dynamics.saving.model import LawModel, ParameterModel
from kinescribe.dynamics.saving.reference import RULES
from kinescribe.errors import InputError, UsageError

__all__ = ["Reviver", "Source"]

Source = LawSpec | Sequence[LawSpec]
"""What stands for the laws that are not installed: a law, a class, a file; several where a sum has several."""


@dataclass(slots=True)
class Reviver:
    """Makes laws of what a file says.

    Attributes:
        path: of the saved fit, for messages.
        source: what the user handed over.
        notes: what is worth knowing about the result.
    """

    path: Path
    source: Source | None = None
    notes: list[str] = field(default_factory=list)

    def law(self, model: LawModel) -> Law:
        """The law of the whole file. Raises UsageError where one that is not installed was not handed over, InputError where it changed."""
        foreign = list(_foreign(model))
        given = _listed(self.source)
        if given and not foreign:
            self.notes.append(f"{self.path.name}: its law is installed; the source that was handed over is not used")
        if foreign and not given:
            node = foreign[0]
            if node.kind == "file":
                raise UsageError(
                    f"{self.path}: its law stands in {node.file}, and text inside a saved fit is never run: "
                    f"hand over the file itself, --law-source {node.file}, or load(path, source='{node.file}')"
                )
            raise UsageError(
                f"{self.path}: its law {node.name} was made in a program: hand it over, load(path, source=law), "
                "or save its class to a file and hand that over with --law-source"
            )
        if len(foreign) > 1 and len(given) != len(foreign):
            names = ", ".join(node.file or node.name for node in foreign)
            raise UsageError(
                f"{self.path}: its law has {len(foreign)} parts that are not installed ({names}): "
                "hand over each, in this order, with --law-source (source)"
            )
        chosen = dict(zip((id(node) for node in foreign), given, strict=False))
        return self._made(model, lambda node: chosen[id(node)])

    def _made(self, model: LawModel, chosen: Callable[[LawModel], LawSpec]) -> Law:
        if model.kind == "sum":
            law: Law = Sum(*(self._made(term, chosen) for term in model.terms))
        elif model.kind in ("restricted", "constrained"):
            if model.law is None:
                raise InputError(f"{self.path}: law: a {model.kind} law needs the law that it restricts, under 'law'")
            inner = self._made(model.law, chosen)
            law = Restricted(inner, model.objects) if model.kind == "restricted" else Constrained(inner, Affordances.of(model.rules or {}))
        elif model.kind == "installed":
            if not model.name or any(mark in model.name for mark in "/\\+") or model.name.endswith(".py"):
                raise InputError(f"{self.path}: law: '{model.name}' is no name of an installed law")
            law = find_law(model.name)
        else:
            law = self._handed(model, chosen(model))
        self._set(law, model.settings)
        if model.parameters is not None:
            law.parameters = {name: _parameter(one) for name, one in model.parameters.items()}
        return law

    def _handed(self, model: LawModel, spec: LawSpec) -> Law:
        """What the user handed over for one part."""
        if isinstance(spec, Path) or (isinstance(spec, str) and spec.endswith(".py")):
            path = Path(spec)
            law = find_law(f"{path}:{model.name}" if model.kind == "file" else str(path))
            if model.sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != model.sha256:
                self.notes.append(f"{path} has changed since {self.path.name} was fitted with it: the values may no longer belong to it")
        else:
            law = find_law(spec)
        missing = set(model.parameters or {}) ^ set(law.parameters) if model.parameters is not None and model.kind == "object" else set()
        if missing:
            raise InputError(
                f"{self.path}: the law that was handed over has the parameters {', '.join(law.parameters) or 'none'}, "
                f"the saved one {', '.join(model.parameters or {}) or 'none'}"
            )
        return law

    def _set(self, law: Law, settings: dict[str, JsonValue]) -> None:
        for name, value in settings.items():
            if name not in vars(law) or name in ("parameters", "kind"):
                known = ", ".join(sorted(set(vars(law)) - {"parameters", "kind"})) or "none"
                raise InputError(f"{self.path}: law: {law.title} has no setting '{name}'; there are: {known}")
            setattr(law, name, _decoded(value, vars(law)[name]))


def _foreign(model: LawModel) -> Iterator[LawModel]:
    """Parts that are not installed, in order."""
    if model.kind in ("file", "object"):
        yield model
    for part in (*model.terms, *([model.law] if model.law else [])):
        yield from _foreign(part)


def _listed(source: Source | None) -> list[LawSpec]:
    if source is None:
        return []
    return list(source) if isinstance(source, Sequence) and not isinstance(source, str) else [source]


def _parameter(model: ParameterModel) -> Parameter:
    return Parameter(**model.model_dump())


def _decoded(value: Any, standard: Any) -> Any:
    if isinstance(value, dict) and set(value) == {RULES}:
        return Affordances.of(value[RULES])
    return tuple(value) if isinstance(value, list) and isinstance(standard, tuple) else value
