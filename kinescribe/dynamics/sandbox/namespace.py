"""What a law's source finds around it in the worker: allowed names alone."""

from __future__ import annotations
import __future__ as future

import builtins
import collections.abc
import math
import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import kinescribe.dynamics as dynamics
from kinescribe.dynamics.sandbox.allowed import ABSTRACT, BUILTINS, LAW_MODULES, LAW_NAMES, LINALG, MATH, NUMPY, TYPING

__all__ = ["MODULE", "module"]

MODULE = "law"


def module(bare: bool) -> types.ModuleType:
    """An empty module to run a source in. `bare`: with everything that Python has, for tests of the walls behind this one."""
    made = types.ModuleType(MODULE)
    if not bare:
        vars(made)["__builtins__"] = _builtins()
    return made


def _builtins() -> dict[str, Any]:
    found = {name: getattr(builtins, name) for name in BUILTINS}
    found["__build_class__"] = builtins.__build_class__
    found["__import__"] = _Importer()
    return found


class _Importer:
    """``import`` among what there is."""

    def __init__(self) -> None:
        linalg = _facade("numpy.linalg", {name: getattr(np.linalg, name) for name in LINALG})
        law = {name: getattr(dynamics, name) for name in LAW_NAMES}
        self.modules = {
            "__future__": _facade("__future__", {"annotations": future.annotations}),
            "collections.abc": _facade("collections.abc", {name: getattr(collections.abc, name) for name in ABSTRACT}),
            "math": _facade("math", {name: getattr(math, name) for name in MATH}),
            "numpy": _facade("numpy", {**{name: getattr(np, name) for name in NUMPY}, "linalg": linalg}),
            "typing": _facade("typing", dict.fromkeys(TYPING, Any)),
            "kinescribe": _facade("kinescribe", {"dynamics": _facade("kinescribe.dynamics", law)}),
            **{name: _facade(name, law) for name in LAW_MODULES},
        }

    def __call__(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> types.ModuleType:
        if type(fromlist) is list and name in sys.modules:
            # numpy's C code, which takes what it needs from the table of modules by itself; an import statement has a tuple, or nothing
            return types.ModuleType(name)
        if level or name not in self.modules or name == "kinescribe":
            raise ImportError(f"import of {name} is not allowed")
        # "import kinescribe.dynamics" binds its first part
        return self.modules[name if fromlist or name.partition(".")[0] not in self.modules else name.partition(".")[0]]


def _facade(name: str, content: Mapping[str, Any]) -> types.ModuleType:
    made = types.ModuleType(name)
    vars(made).update(content)
    return made
