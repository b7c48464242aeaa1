"""Expressions of constants that would grow beyond all measure before anything runs."""

from __future__ import annotations

import ast

__all__ = ["too_big"]

MOST_POWER = 64
MOST_REPEATS = 10_000


def too_big(node: ast.BinOp) -> list[str]:
    """What is wrong with a power, a product or a remainder."""
    if isinstance(node.op, ast.Pow):
        constant = _numbers(node.right)
        if constant is not None and (any(abs(value) > MOST_POWER for value in constant) or _has_power(node.right)):
            return [f"a power above {MOST_POWER} is not allowed"]
        if constant is not None and _numbers(node.left) is not None and _has_power(node.left):
            return ["a power of a power of constants is not allowed; write the number"]
    if isinstance(node.op, ast.Mult):
        for one, other in ((node.left, node.right), (node.right, node.left)):
            count = _numbers(other)
            if _is_sequence(one) and count is not None and (_has_power(other) or any(abs(value) > MOST_REPEATS for value in count)):
                return [f"a list or a text repeated more than {MOST_REPEATS} times is not allowed"]
    if isinstance(node.op, ast.Mod) and _is_text(node.left):
        return ["% on a text is not allowed"]
    return []


def _numbers(node: ast.expr) -> list[float] | None:
    """The numbers of an expression of nothing else; None for any other."""
    found: list[float] = []
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, int | float):
            found.append(part.value)
        elif not isinstance(part, ast.BinOp | ast.UnaryOp | ast.operator | ast.unaryop):
            return None
    return found


def _has_power(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Pow) for part in ast.walk(node))


def _is_sequence(node: ast.expr) -> bool:
    return isinstance(node, ast.List | ast.Tuple) or _is_text(node)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
