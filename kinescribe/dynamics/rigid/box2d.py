"""Box2D, imported when a rigid world runs."""

from __future__ import annotations

from typing import Any

from kinescribe.errors import UsageError, pip_install

__all__ = ["box2d"]


def box2d() -> Any:
    """The module. Raises UsageError with the line that installs it."""
    try:
        import Box2D
    except ImportError as error:
        raise UsageError(f"rigid worlds need Box2D ({error}): {pip_install('rigid')}") from error
    return Box2D
