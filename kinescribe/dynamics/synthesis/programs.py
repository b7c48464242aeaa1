"""Programs as a model writes them: found in its replies, and told apart by what they compute rather than how they are spelt."""

from __future__ import annotations

import ast
import copy
import re
import textwrap
import warnings
from dataclasses import dataclass

from kinescribe.dynamics.sandbox.allowed import ATTRIBUTES
from kinescribe.dynamics.sandbox.limits import MOST_SOURCE
from kinescribe.llm.text import one_line

__all__ = ["Draft", "drafts", "normalised", "size_of"]

MOST_DRAFTS = 8  # of one reply
LONGEST_IDEA = 200  # characters
MOST_REPLY = 400_000
THOUGHT = "</think>"  # what open models close their thinking with
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n]*$", re.MULTILINE)
_LAWS = re.compile(r"^class[ \t]+\w+[ \t]*\(", re.MULTILINE)
_ROWS = (ast.Tuple, ast.List, ast.ListComp)  # + puts one behind the other


@dataclass(frozen=True, slots=True)
class Draft:
    """A program in a reply.

    Attributes:
        source: its text, as it stands there.
        idea: the last line of words before it, for people.
    """

    source: str
    idea: str = ""


def drafts(reply: str) -> list[Draft]:
    """The programs in a reply, in order: fenced blocks that hold a class, or the whole where nothing is fenced and it is one.

    Whatever else stands there is left alone: prose, thoughts, blocks in other languages.
    """
    # half of a surrogate pair, which JSON can hold, could not be written, sent or run
    text = reply.rsplit(THOUGHT, 1)[-1][:MOST_REPLY].replace("\r\n", "\n").encode("utf-8", "replace").decode()
    found: list[Draft] = []
    opened: re.Match[str] | None = None
    before = 0
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif fence[1][0] == opened[1][0] and len(fence[1]) >= len(opened[1]) and not fence[2]:
            _keep(found, text[opened.end() + 1 : fence.start()], text[before : opened.start()], opened[2])
            opened, before = None, fence.end()
    if opened is not None:  # cut off at the longest reply, or never closed
        _keep(found, text[opened.end() + 1 :], text[before : opened.start()], opened[2])
    if not found and _LAWS.search(text):
        _keep(found, text, "", "")
    return found[:MOST_DRAFTS]


def _keep(found: list[Draft], block: str, words: str, language: str) -> None:
    block = textwrap.dedent(block)  # a block in a list is indented with it
    if language.lower() in ("", "python", "py", "python3") and _LAWS.search(block):
        lines = [line.strip(" \t#*-") for line in words.splitlines() if line.strip(" \t#*-")]
        found.append(Draft(block.strip("\n") + "\n", one_line(lines[-1], LONGEST_IDEA).rstrip(".:") if lines else ""))


def normalised(source: str) -> str:
    """What a program computes, spelt in one way: the same text for programs that differ in names, comments, texts for people, notes on
    types, unused imports, the order of definitions within a class, of sums and of products. What can't be parsed stays as it is.
    """
    tree = _parsed(source)
    if tree is None:
        return source.strip()
    kept = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom) and not _is_text(node)]
    try:
        module = ast.Module(body=copy.deepcopy(kept), type_ignores=[])
        own = _own_names(module)
        return f"{_imported(tree)}{ast.dump(_Renamed(own).visit(_Plain(own).visit(module)))}"
    except RecursionError:  # a sum of hundreds of terms
        return source.strip()


def size_of(source: str) -> int:
    """Number of parts of the normalised syntax tree: of two programs that foretell alike the smaller is the simpler."""
    tree = _parsed(source)
    try:
        return len(source) if tree is None else sum(1 for _ in ast.walk(_Plain(frozenset()).visit(tree)))
    except RecursionError:
        return len(source)


def _parsed(source: str) -> ast.Module | None:
    if len(source) > MOST_SOURCE:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
            ast.dump(tree)  # as deep as it will be walked
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree


def _imported(tree: ast.Module) -> list[tuple[str, str, str]]:
    """Where the names that are used come from: module, name there, name here."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            # laws are known by their names, whichever of our modules they are taken from
            module = "kinescribe" if module.startswith("kinescribe.") else module
            found += [(module, one.name, one.asname or one.name) for one in node.names if (one.asname or one.name) in used]
    return sorted(set(found))


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class _Plain(ast.NodeTransformer):
    """Without what is for people. Terms of sums and products are sorted by all but the program's `own` names, which may be any."""

    def __init__(self, own: frozenset[str]) -> None:
        self._own = own

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self.generic_visit(node)
        node.body = sorted((one for one in node.body if not _is_text(one) and not _names_itself(one)), key=_place)
        node.body = node.body or [ast.Pass()]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.returns = None
        node.body = [one for one in node.body if not _is_text(one)] or [ast.Pass()]
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        self.generic_visit(node)
        return node if node.value is None else ast.Assign(targets=[node.target], value=node.value)

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "Parameter":
            # start, bounds, unit, and whether it is each object's own; meaning is for people
            node.args = node.args[:3] + node.args[4:6]
            node.keywords = sorted(
                (one for one in node.keywords if one.arg not in ("meaning", "revealed_by")), key=lambda one: one.arg or ""
            )
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        inner = node.operand
        if isinstance(node.op, ast.USub) and isinstance(inner, ast.Constant) and isinstance(inner.value, int | float):
            return ast.Constant(value=-inner.value)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        if not isinstance(node.op, ast.Add | ast.Sub | ast.Mult):
            self.generic_visit(node)
            return node
        kind: type[ast.operator] = ast.Mult if isinstance(node.op, ast.Mult) else ast.Add
        chain, odd = _chain(node, kind)
        terms = [_less(self.visit(term)) if less else self.visit(term) for term, less in chain]
        if not any(isinstance(term, _ROWS) for term in terms):
            terms.sort(key=self._blind)
        out = terms[0]
        for term in terms[1:]:
            out = ast.BinOp(left=out, op=kind(), right=term)
        return _less(out) if odd else out

    def _blind(self, node: ast.expr) -> str:
        return ast.dump(_Masked(self._own).visit(copy.deepcopy(node)))


class _Masked(ast.NodeTransformer):
    """Own names made alike."""

    def __init__(self, own: frozenset[str]) -> None:
        self._own = own

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = "_" if node.id in self._own else node.id
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        self.generic_visit(node)
        node.attr = "_" if node.attr in self._own - ATTRIBUTES else node.attr
        return node


def _is_less(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def _less(node: ast.expr) -> ast.expr:
    """The negative of it."""
    return node.operand if isinstance(node, ast.UnaryOp) and _is_less(node) else ast.UnaryOp(op=ast.USub(), operand=node)


def _names_itself(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(one, ast.Name) and one.id in ("name", "equation") for one in targets)


def _place(node: ast.stmt) -> tuple[int, str]:
    """Assignments in their order, for that is what parameters are told apart by; functions by name."""
    return (1, node.name) if isinstance(node, ast.FunctionDef) else (0, "")


def _chain(node: ast.expr, kind: type[ast.operator]) -> tuple[list[tuple[ast.expr, bool]], bool]:
    """Terms of a sum, in order, each with whether it is taken away; or factors of a product, and whether an odd number of minus signs was
    taken out of them.
    """
    out: list[tuple[ast.expr, bool]] = []
    waiting, odd = [(node, False)], False
    while waiting:
        one, less = waiting.pop()
        if kind is ast.Mult and isinstance(one, ast.UnaryOp) and _is_less(one):
            waiting.append((one.operand, False))
            odd = not odd
        elif not less and isinstance(one, ast.BinOp) and isinstance(one.op, kind):
            waiting += [(one.right, False), (one.left, False)]
        elif not less and kind is ast.Add and isinstance(one, ast.BinOp) and isinstance(one.op, ast.Sub):
            waiting += [(one.right, True), (one.left, False)]
        else:
            out.append((one, less))
    return out, odd


def _own_names(tree: ast.AST) -> frozenset[str]:
    """Names that the program gives itself, but those that its contract does."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
    return frozenset(found - _GIVEN)


_GIVEN = {"inputs", "objects", "time_step", "turns", "steady", "difference_step", "array_library", "mass"}


class _Renamed(ast.NodeTransformer):
    """Own names by the order in which they come up."""

    def __init__(self, own: frozenset[str]) -> None:
        self._own = own
        self._names: dict[str, str] = {}

    def _new(self, name: str) -> str:
        return self._names.setdefault(name, f"n{len(self._names)}") if name in self._own else name

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._new(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self._new(node.arg)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        self.generic_visit(node)
        if node.attr not in ATTRIBUTES:  # those of a state, or of numpy, mean what they say, whatever the program's own names are
            node.attr = self._new(node.attr)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.name = self._new(node.name)
        self.generic_visit(node)
        return node
