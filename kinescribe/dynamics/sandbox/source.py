"""The first layer: a law's source may hold nothing but arithmetic on arrays within classes of laws.

It is lint, and not the wall: it tells a model in one line what to write instead, and keeps what is odd from being run at all. What would
get past it stands in a process that can do nothing but compute.
"""

from __future__ import annotations

import ast
import re
import warnings

from kinescribe.dynamics.sandbox.allowed import ATTRIBUTES, BUILTINS, MODULES, NEVER
from kinescribe.dynamics.sandbox.limits import MOST_SOURCE
from kinescribe.dynamics.sandbox.names import declared
from kinescribe.dynamics.sandbox.powers import too_big
from kinescribe.dynamics.sandbox.refusal import SandboxError

__all__ = ["check_source", "complaints"]

MOST_NODES = 20_000
MOST_DEPTH = 100
MOST_TEXT = 4_000  # characters of a constant
MOST_TOLD = 5
_SPEC = re.compile(r"[<>^=+-]{0,2}\d{0,2}(?:\.\d{1,2})?[a-z%]?")

_PLAIN = (
    ast.Module, ast.Return, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For, ast.While, ast.If, ast.Raise, ast.Assert, ast.Expr,
    ast.Pass, ast.Break, ast.Continue, ast.BoolOp, ast.NamedExpr, ast.UnaryOp, ast.Lambda, ast.IfExp, ast.Dict, ast.Set, ast.ListComp,
    ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Compare, ast.Call, ast.JoinedStr, ast.Subscript, ast.Starred, ast.List,
    ast.Tuple, ast.Slice, ast.comprehension, ast.arguments, ast.arg, ast.keyword, ast.alias, ast.expr_context, ast.boolop,
    ast.unaryop, ast.cmpop, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult, ast.BitAnd, ast.BitOr,
    ast.BitXor, ast.withitem,
)  # fmt: skip
_NAMED = {
    ast.Try: "try", ast.Global: "global", ast.Nonlocal: "nonlocal", ast.Delete: "del", ast.Match: "match", ast.Await: "await",
    ast.Yield: "yield", ast.YieldFrom: "yield from", ast.AsyncFunctionDef: "async", ast.AsyncFor: "async", ast.AsyncWith: "async",
    ast.LShift: "<<", ast.RShift: ">>",
}  # fmt: skip


def check_source(source: str, name: str = "law") -> None:
    """Raise SandboxError, in one line, where a law's source has what laws in the sandbox may not have. `name` is for the message."""
    found = complaints(source)
    if found:
        told = "; ".join(f"line {line}: {what}" if line else what for line, what in found[:MOST_TOLD])
        more = f" (and {len(found) - MOST_TOLD} more)" if len(found) > MOST_TOLD else ""
        raise SandboxError(f"{name} may not run in the sandbox: {told}{more}", "refused")


def complaints(source: str) -> list[tuple[int, str]]:
    """Line (0: the whole) and what is not allowed, for all of it, in the order of lines; empty where nothing is wrong."""
    try:
        size = len(source.encode())
    except UnicodeEncodeError:
        return [(0, "it is no text in UTF-8")]
    if size > MOST_SOURCE:
        return [(0, f"{size} bytes are too many; a law takes {MOST_SOURCE} at most")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the parser says of odd escapes is no answer
            tree = ast.parse(source)
    except SyntaxError as error:
        return [(error.lineno or 0, f"not Python: {error.msg}")]
    except (ValueError, RecursionError, MemoryError) as error:
        return [(0, f"not Python that can be read: {type(error).__name__}")]
    nodes = _flat(tree)
    if isinstance(nodes, str):
        return [(0, nodes)]
    ours = declared(nodes)
    found = {(getattr(node, "lineno", 0), what) for node in nodes for what in _wrong(node, ours)}
    return sorted(found)


def _flat(tree: ast.Module) -> list[ast.AST] | str:
    """All nodes, without recursion; or why there are too many."""
    nodes: list[ast.AST] = []
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        nodes.append(node)
        if depth > MOST_DEPTH:
            return f"it is nested deeper than {MOST_DEPTH} levels; write intermediate results"
        if len(nodes) > MOST_NODES:
            return f"it has more than {MOST_NODES} parts; a law is shorter"
        waiting += [(child, depth + 1) for child in ast.iter_child_nodes(node)]
    return nodes


def _wrong(node: ast.AST, ours: frozenset[str]) -> list[str]:
    """What is wrong with one node alone."""
    if isinstance(node, ast.Name):
        return _name(node.id, ours)
    if isinstance(node, ast.Attribute):
        return _attribute(node, ours)
    if isinstance(node, ast.Constant):
        return _constant(node.value)
    if isinstance(node, ast.Import | ast.ImportFrom):
        return _imported(node)
    if isinstance(node, ast.FunctionDef):
        return _function(node)
    if isinstance(node, ast.ClassDef):
        odd = bool(node.keywords or node.decorator_list) or not all(isinstance(base, ast.Name | ast.Attribute) for base in node.bases)
        return _own_name(node.name) + (["a class has bases by name, and no metaclass or decorator"] if odd else [])
    if isinstance(node, ast.With):
        quiet = all(
            isinstance(item.context_expr, ast.Call)
            and isinstance(item.context_expr.func, ast.Attribute)
            and item.context_expr.func.attr == "errstate"
            for item in node.items
        )
        return [] if quiet else ["with is not allowed, but for np.errstate"]
    if isinstance(node, ast.FormattedValue):
        spec = node.format_spec
        plain = spec is None or (isinstance(spec, ast.JoinedStr) and _short(spec))
        return [] if plain else ["a format within { } may only be short and fixed, such as .3f"]
    if isinstance(node, ast.BinOp):
        return too_big(node)
    if isinstance(node, ast.arg | ast.keyword):
        return _own_name(node.arg or "")
    if isinstance(node, _PLAIN):
        return []
    word = _NAMED.get(type(node), type(node).__name__)
    return [f"'{word}' is not allowed"] if type(node) in _NAMED else [f"{word} is not allowed"]


def _short(spec: ast.JoinedStr) -> bool:
    return all(isinstance(part, ast.Constant) and isinstance(part.value, str) and _SPEC.fullmatch(part.value) for part in spec.values)


def _name(word: str, ours: frozenset[str]) -> list[str]:
    if word.startswith("__"):
        return [f"the name '{word}' is not allowed"]
    if word not in ours and word not in BUILTINS:
        return [f"there is no '{word}' here; laws use numpy, math and what they define"]
    return []


def _own_name(word: str) -> list[str]:
    return [f"the name '{word}' is not allowed"] if word.startswith("__") or word in NEVER else []


def _attribute(node: ast.Attribute, ours: frozenset[str]) -> list[str]:
    word = node.attr
    if word == "__init__" and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name) and node.value.func.id == "super":
        return []
    if word.startswith("__") or word in NEVER or (word not in ATTRIBUTES and word not in ours):
        return [f"'.{word}' is not allowed"]
    return []


def _constant(value: object) -> list[str]:
    if isinstance(value, str):
        return [f"a text of {len(value)} characters is too long"] if len(value) > MOST_TEXT else []
    if isinstance(value, bool | float | None.__class__ | type(...)):
        return []
    if isinstance(value, int):
        return [] if abs(value) <= 10**18 else ["an integer of more than 18 digits; write it as 1e20"]
    return [f"a {type(value).__name__} constant is not allowed"]


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    can = ", ".join(sorted(name for name in MODULES if name.count(".") < 2 and name != "__future__"))
    found = []
    if isinstance(node, ast.Import):
        for one in node.names:
            if one.name not in MODULES:
                found.append(f"import of {one.name}; a law may import {can}")
            found += _own_name(one.asname or "")
        return found
    names = MODULES.get(node.module or "") if not node.level else None
    if names is None:
        return [f"import from {node.module or '.'}; a law may import from {can}"]
    for one in node.names:
        if one.name not in names:
            found.append(f"import of {one.name} from {node.module} is not allowed")
        found += _own_name(one.asname or "")
    return found


def _function(node: ast.FunctionDef) -> list[str]:
    found = [] if node.name == "__init__" else _own_name(node.name)
    plain = {"property", "staticmethod"}
    if not all(isinstance(one, ast.Name) and one.id in plain for one in node.decorator_list):
        found.append("a function may be decorated with property and staticmethod alone")
    return found
