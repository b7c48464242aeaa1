"""The names that a source declares itself, which it may then use as names and attributes."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from kinescribe.dynamics.sandbox.allowed import NEVER

__all__ = ["declared"]


def declared(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Variables, functions, classes, arguments, imports, attributes that are set, inputs by name; less those that nobody may use."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Name) and one.id == "inputs" for one in targets):
                found |= {part.value for part in ast.walk(node.value) if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    return frozenset(name for name in found if name not in NEVER and not name.startswith("__"))
