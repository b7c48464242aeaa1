"""From a law to words that say where it comes from."""

from __future__ import annotations

import hashlib
import inspect
import sys
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from kinescribe.dynamics.affordances import Affordances
from kinescribe.dynamics.affordances.constrained import Constrained
from kinescribe.dynamics.composition import Restricted, Sum
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Parameter
from kinescribe.dynamics.sandbox.law import SandboxedLaw
from kinescribe.dynamics.saving.model import LawModel, ParameterModel
from kinescribe.plugins import plugins

__all__ = ["FILE_MODULE", "RULES", "declaration", "reference"]

FILE_MODULE = "_kinescribe_law_"  # how the modules of law files are called
RULES = "affordance rules"  # key of settings that are rules
OWN = ("parameters", "kind")


def reference(law: Law) -> LawModel:
    """What to write of a law. One that can't be made again from a file becomes an "object", which the reader must hand over."""
    if isinstance(law, Sum):
        made = LawModel(kind="sum", terms=[reference(term) for term in law.terms])
        return _declared(made, law, Sum(*law.terms))
    if isinstance(law, Restricted):
        made = LawModel(kind="restricted", law=reference(law.law), objects=list(law.names))
        return _declared(made, law, Restricted(law.law, law.names))
    if isinstance(law, Constrained):
        made = LawModel(kind="constrained", law=reference(law.law), rules=law.rules.to_dict())
        return _declared(made, law, Constrained(law.law, law.rules))
    if isinstance(law, SandboxedLaw):
        return _sandboxed(law)
    cls = type(law)
    try:
        plain = cls()
    except Exception:  # foreign code may fail in any way; then the law can't be made by name
        return _by_object(law)
    settings = _settings(law, plain)
    if settings is None:
        return _by_object(law)
    entry = _entry(cls)
    if entry is not None:
        return _declared(LawModel(kind="installed", name=entry, settings=settings), law, plain)
    path = _file_of(cls)
    if path is None:
        return _by_object(law)
    content = path.read_bytes()
    made = LawModel(
        kind="file",
        name=cls.__name__,
        file=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        settings=settings,
        source=content.decode("utf-8", errors="replace").splitlines(),
    )
    return _declared(made, law, plain)


def _sandboxed(law: SandboxedLaw) -> LawModel:
    """Its text, which a reader runs in the sandbox again."""
    told = law.session.declared
    made = LawModel(
        kind="file",
        name=told.class_name,
        file=law.file,
        sha256=hashlib.sha256(law.source.encode()).hexdigest(),
        source=law.source.splitlines(),
    )
    if list(law.parameters.items()) != list(told.parameters.items()):
        made.parameters = {name: declaration(parameter) for name, parameter in law.parameters.items()}
    return made


def declaration(parameter: Parameter) -> ParameterModel:
    """A parameter's declaration as it is written."""
    return ParameterModel(
        start=parameter.start, bounds=parameter.bounds, unit=parameter.unit, meaning=parameter.meaning, per=parameter.per,
        fixed=parameter.fixed, revealed_by=parameter.revealed_by,
    )  # fmt: skip


def _entry(cls: type) -> str | None:
    """The entry point that leads to a class, by its own module or by a package that hands it out."""
    for plugin in plugins("laws"):
        module, _, attribute = plugin.target.partition(":")
        if attribute != cls.__qualname__:
            continue
        if module == cls.__module__ or (cls.__module__.startswith(f"{module}.") and plugin.load() is cls):
            return plugin.name
    return None


def _declared(made: LawModel, law: Law, plain: Law) -> LawModel:
    if list(law.parameters.items()) != list(plain.parameters.items()):
        made.parameters = {name: declaration(parameter) for name, parameter in law.parameters.items()}
    return made


def _by_object(law: Law) -> LawModel:
    cls = type(law)
    try:
        source = inspect.getsource(cls).splitlines()
    except (OSError, TypeError):  # typed at a prompt: there is no text
        source = []
    parameters = {name: declaration(parameter) for name, parameter in law.parameters.items()}
    return LawModel(kind="object", name=f"{cls.__module__}.{cls.__qualname__}", parameters=parameters, source=source)


def _file_of(cls: type) -> Path | None:
    """The file that `find_law` took a class from."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    known = cls.__module__.startswith(FILE_MODULE) and "." not in cls.__qualname__ and file is not None
    return Path(file) if known and file is not None and Path(file).is_file() else None


def _settings(law: Law, plain: Law) -> dict[str, JsonValue] | None:
    """Attributes that differ from a new law's; None where one of them is nothing that JSON can carry."""
    standard = vars(plain)
    found: dict[str, JsonValue] = {}
    for name, value in vars(law).items():
        if name in OWN:
            continue
        ours, carried = _encoded(value)
        theirs, comparable = _encoded(standard.get(name))
        if carried and comparable and name in standard and ours == theirs:
            continue
        if not carried or name not in standard:
            return None
        found[name] = ours
    return found


def _encoded(value: Any) -> tuple[Any, bool]:
    """A JSON value, and whether there is one."""
    if isinstance(value, Affordances):
        return {RULES: value.to_dict()}, True
    if value is None or isinstance(value, bool | int | float | str):
        return value, True
    if isinstance(value, tuple | list):
        parts = [_encoded(part) for part in value]
        return [part for part, _ in parts], all(good for _, good in parts)
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        encoded = {name: _encoded(part) for name, part in value.items()}
        return {name: part for name, (part, _) in encoded.items()}, all(good for _, good in encoded.values())
    return None, False
