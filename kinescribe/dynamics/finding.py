"""From what a user calls a law to the law: an object, an installed name, a sum of names, or a file of his own."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from kinescribe.dynamics.arguments import a_kind
from kinescribe.dynamics.composition import Sum
from kinescribe.dynamics.law import Law
from kinescribe.errors import InputError, UsageError, unknown_value
from kinescribe.plugins import load

__all__ = ["LawSpec", "file_and_name", "find_law", "law_from_text", "law_in"]

LawSpec = Law | type[Law] | Callable[[], Law] | str | Path
"""Whatever `find_law` makes a law of."""

_FILE = re.compile(r"^(?P<path>.+\.py)(?::(?P<name>[^\W\d]\w*))?$", flags=re.DOTALL)
MOST_BYTES = 10 * 2**20


def find_law(spec: LawSpec) -> Law:
    """The law that `spec` stands for.

    Args:
        spec: a law; a class of laws or a function that makes one, called without arguments; a name of the entry-point group
            ``kinescribe.laws``; several with plus signs between, ``"uniform-motion + discs"``; or the path of a Python file,
            ``my_law.py``, that holds one class of laws (or one law), ``my_law.py:Name`` where it holds several.

    A file that is named here is trusted like any script: it is run, anew each time. Source that a model wrote, or that came with somebody's
    results, does not belong here.

    Raises:
        UsageError: an unknown name, a law that can't be made, terms that don't add up, or something that is no law.
        InputError: a file that is missing, does not run, or holds no law, with its line.
    """
    if isinstance(spec, Path):
        return _from_file(spec, "")
    if isinstance(spec, str):
        return _from_words(spec)
    return _made(spec, getattr(spec, "__name__", None) or repr(spec))


def _from_words(words: str) -> Law:
    file = _FILE.match(words.strip())
    # a plus sign may be part of a path
    if file and ("+" not in words or Path(file["path"]).exists()):
        return _from_file(Path(file["path"]), file["name"] or "")
    terms = [term.strip() for term in words.split("+")]
    if not all(terms):
        raise UsageError(f"law '{words}' lacks a name; write a name, a path that ends in .py, or names with + between")
    if len(terms) > 1:
        return Sum(*(_from_words(term) for term in terms))
    try:
        plugin = load("laws", terms[0])
    except UsageError as error:
        beside = Path(f"{terms[0]}.py")
        if beside.is_file():
            raise UsageError(f"{error}, and there is the file {beside}: name it with its ending") from None
        raise
    return _made(plugin, terms[0])


def file_and_name(words: str) -> tuple[Path, str] | None:
    """Path and class of ``"my_law.py:Name"``, with "" for no class; None for words that are no path of a Python file."""
    file = _FILE.match(words.strip())
    return (Path(file["path"]), file["name"] or "") if file else None


def _made(source: Any, name: str) -> Law:
    """A law of an instance, a class or a factory. Raises UsageError, in one line, for all else and for what its constructor raises."""
    if isinstance(source, Law):
        return _ready(source, name)
    if not callable(source):
        raise UsageError(f"law {name} is {a_kind(source)}; hand over a Law, a class of laws, a name or a path")
    try:
        law = source()
    except (Exception, SystemExit) as error:  # foreign code may fail in any way; the reason is handed on
        raise UsageError(f"law {name} can't be made without arguments: {_where(error)}{_reason(error)}") from error
    if not isinstance(law, Law):
        raise UsageError(f"'{name}' makes {a_kind(law)}, not a law; return an object whose class inherits from Law")
    return _ready(law, name)


def _ready(law: Law, name: str) -> Law:
    if not hasattr(law, "parameters") or not hasattr(law, "kind"):
        raise UsageError(f"law {name} was not set up: its __init__ must call super().__init__()")
    return law


def _from_file(path: Path, name: str) -> Law:
    """The law in a file, by name where one is given."""
    return law_in(_imported(path), name, str(path))


def law_in(module: ModuleType, name: str, origin: str) -> Law:
    """The law that a module makes, by name where one is given; `origin` is what messages call the module.

    Raises:
        UsageError: several laws and no name, a name of none, or a law that can't be made.
        InputError: no law.
    """
    if name:
        if name not in vars(module):
            raise unknown_value(f"law in {origin}", name, _laws_in(module) or {"none"})
        return _made(vars(module)[name], f"{name} of {origin}")
    found = _laws_in(module)
    if not found:
        raise InputError(f"{origin} holds no law: write a class that inherits from kinescribe.dynamics.Law")
    if len(found) > 1:
        raise UsageError(f"{origin} holds {len(found)} laws: {', '.join(found)}; say which: {origin}:{next(iter(found))}")
    only, source = next(iter(found.items()))
    return _made(source, f"{only} of {origin}")


def _laws_in(module: ModuleType) -> dict[str, Any]:
    """By name the laws that a module itself makes: classes, or, where there are none, objects. Names with an underscore are its own."""
    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    classes = {
        value.__name__: value
        for value in public.values()
        if isinstance(value, type) and issubclass(value, Law) and value.__module__ == module.__name__
    }
    if len(classes) > 1:
        # common bases of others can't run by themselves
        classes = {name: value for name, value in classes.items() if any(_defines(value, kind) for kind in _KINDS)}
    return classes or {name: value for name, value in public.items() if isinstance(value, Law)}


_KINDS = ("acceleration", "step", "rollout")


def _defines(cls: type[Law], kind: str) -> bool:
    return getattr(cls, kind) is not getattr(Law, kind)


def _imported(path: Path) -> ModuleType:
    """The file as a module of a private name, which no other module can have."""
    try:
        real = path.resolve(strict=True)
        if real.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: {real.stat().st_size} bytes are too many for a law")
        source = real.read_bytes()
    except OSError as error:
        raise error if isinstance(error, InputError) else InputError(f"{path}: {error.strerror or error}") from None
    return _ran(source, real, path)


def law_from_text(source: str, name: str, file: str) -> Law:
    """The law in a source that the user trusts like a script of his own: it is run here. `file` is what messages call it.

    Raises:
        UsageError, InputError: as `law_in`; a source that does not run, with its line.
    """
    return law_in(_ran(source.encode(), Path(file).absolute(), Path(file)), name, file)


def _ran(source: bytes, real: Path, path: Path) -> ModuleType:
    """The module that a source makes; `real` is where it stands, `path` what messages call it."""
    name = f"_kinescribe_law_{hashlib.sha256(str(real).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_loader(name, loader=None, origin=str(real))
    if spec is None:
        raise InputError(f"{path}: can't be imported")
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(real)
    before = sys.modules.get(name)
    sys.modules[name] = module  # dataclasses and pickles look their module up
    try:
        exec(compile(source, str(real), "exec"), vars(module))
    except SyntaxError as error:
        _forget(name, before)
        where = f": line {error.lineno}" if error.lineno and error.filename == str(real) else ""
        raise InputError(f"{path}{where}: {error.msg}") from None
    except (Exception, SystemExit) as error:  # foreign code may fail in any way; the reason is handed on
        _forget(name, before)
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(real)]
        raise InputError(f"{path}{f': line {lines[-1]}' if lines else ''}: {_reason(error)}") from error
    return module


def _forget(name: str, before: ModuleType | None) -> None:
    """Leave no half-made module behind."""
    if before is None:
        sys.modules.pop(name, None)
    else:
        sys.modules[name] = before


def _where(error: BaseException) -> str:
    """The innermost line of a failure, "my_law.py:12: "; "" where it is the call itself that fails."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}: " if frames else ""


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split()) or 'no message'}"
