"""Laws that a model or a stranger wrote, run where they can do nothing but compute."""

from __future__ import annotations

from kinescribe.dynamics.sandbox.law import SandboxedLaw
from kinescribe.dynamics.sandbox.limits import Limits
from kinescribe.dynamics.sandbox.refusal import SandboxError
from kinescribe.dynamics.sandbox.source import check_source, complaints

__all__ = ["Limits", "SandboxError", "SandboxedLaw", "check_source", "complaints"]
