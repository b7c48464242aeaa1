"""Laws and functions that a model or a stranger wrote, run where they can do nothing but compute."""

from __future__ import annotations

from kinescribe.dynamics.sandbox.functions import SandboxedFunction
from kinescribe.dynamics.sandbox.isolation import Isolation, isolation
from kinescribe.dynamics.sandbox.law import SandboxedLaw
from kinescribe.dynamics.sandbox.limits import Limits
from kinescribe.dynamics.sandbox.refusal import SandboxError
from kinescribe.dynamics.sandbox.source import check_source, complaints
from kinescribe.dynamics.sandbox.trusting import law_of_file, law_of_source

__all__ = [
    "Isolation",
    "Limits",
    "SandboxError",
    "SandboxedFunction",
    "SandboxedLaw",
    "check_source",
    "complaints",
    "isolation",
    "law_of_file",
    "law_of_source",
]
