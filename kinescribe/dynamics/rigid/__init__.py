"""Rigid bodies in two dimensions, with friction and joints, on Box2D (``pip install 'kinescribe[rigid]'``, imported when one runs)."""

from __future__ import annotations

from kinescribe.dynamics.rigid.law import RigidWorld

__all__ = ["RigidWorld"]
