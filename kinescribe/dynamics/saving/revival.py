"""From the words of a file back to the law. What the file holds as source text runs in the sandbox, unless the user hands the law over."""

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
from kinescribe.dynamics.sandbox import SandboxError, law_of_source
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
        trust: run source text that the file holds here, and not in the sandbox.
        notes: what is worth knowing about the result.
    """

    path: Path
    source: Source | None = None
    trust: bool = False
    notes: list[str] = field(default_factory=list)

    def law(self, model: LawModel) -> Law:
        """The law of the whole file.

        Raises:
            UsageError: a law that is not installed, was not handed over, and whose text is not there, or may not run in the sandbox.
            InputError: one that has changed.
        """
        foreign = list(_foreign(model))
        given = _listed(self.source)
        if given and not foreign:
            self.notes.append(f"{self.path.name}: its law is installed; the source that was handed over is not used")
        if foreign and not given:
            for node in foreign:
                if node.kind == "object":
                    raise UsageError(
                        f"{self.path}: its law {node.name} was made in a program: hand it over, load(path, source=law), "
                        "or save its class to a file and hand that over with --law-source"
                    )
            return self._made(model, None)
        if len(foreign) > 1 and len(given) != len(foreign):
            names = ", ".join(node.file or node.name for node in foreign)
            raise UsageError(
                f"{self.path}: its law has {len(foreign)} parts that are not installed ({names}): "
                "hand over each, in this order, with --law-source (source)"
            )
        chosen = dict(zip((id(node) for node in foreign), given, strict=False))
        return self._made(model, lambda node: chosen[id(node)])

    def _made(self, model: LawModel, chosen: Callable[[LawModel], LawSpec] | None) -> Law:
        """One part; `chosen` gives what the user handed over for it, and is None where its own text is to run."""
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
            law = self._own_text(model) if chosen is None else self._handed(model, chosen(model))
        self._set(law, model.settings)
        if model.parameters is not None:
            law.parameters = {name: _parameter(one) for name, one in model.parameters.items()}
        return law

    def _own_text(self, model: LawModel) -> Law:
        """The law of the text that the file holds: a stranger's, as far as anybody knows."""
        way_out = f"hand over the file itself, --law-source {model.file}, or load(path, source='{model.file}')"
        if not model.source:
            raise UsageError(f"{self.path}: its law stands in {model.file}, whose text is not here: {way_out}")
        if model.settings and not self.trust:
            raise UsageError(f"{self.path}: a law in the sandbox has no settings, and this one has {', '.join(model.settings)}: {way_out}")
        text = "\n".join(model.source) + "\n"
        if model.sha256 and model.sha256 not in _hashes(model.source):
            changed = f"the text of {model.file} in {self.path.name} has changed since the fit"
            self.notes.append(f"{changed}: the values may no longer belong to it")
        try:
            return law_of_source(text, name=model.name, file=model.file or "law.py", trust=self.trust)
        except SandboxError as error:
            more = "" if error.reason == "unavailable" else f"; if you trust it, {way_out}"
            raise SandboxError(f"{self.path}: {error}{more}", error.reason) from None

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


def _hashes(lines: Sequence[str]) -> set[str]:
    """Of a text in these lines, however they end."""
    texts = [end.join(lines) + last for end in ("\n", "\r\n") for last in ("", end)]
    return {hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() for text in texts}


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
