"""Compiled code that is kept on the disk is renewed whenever what it was compiled from changes."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

from kinescribe.dynamics.simulation import contact_events

HERE = Path(contact_events.__file__)


def called() -> list[Path]:
    """Modules of the package that the compiled loop imports."""
    tree = ast.parse(HERE.read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return [HERE.parent / f"{name.rpartition('.')[2]}.py" for name in sorted(modules) if name.startswith("kinescribe.")]


def test_the_loop_changes_with_what_it_calls() -> None:
    assert len(called()) >= 4
    found = hashlib.sha256(b"".join(path.read_bytes() for path in called())).hexdigest()[:12]
    assert found == contact_events.CALLED, f"write CALLED = {found!r} into {HERE.name}: else numba goes on with what it compiled before"
