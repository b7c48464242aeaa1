"""The page on what goes wrong quotes the code's own words, leaves no word of the reader out, and its examples do what it says."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from kinescribe.cli.extract import main

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "howto" / "when-extraction-goes-wrong.md"
TELLING = (
    "video/reader.py",
    "video/timing.py",
    "video/continuity.py",
    "video/images.py",
    "perception/standing.py",
    "perception/steadiness.py",
    "labelling/naming.py",
)
HOLE = "…"
LEAST_LETTERS = 10  # of a quote, so that it can't fit just anything
SAYING = ("video", "perception", "labelling", "renderers/reviewing")  # packages that have a say in what extraction tells
QUICK = ("nothing", "interlaced", "doubled", "lamp", "panned", "broken")


def template(node: ast.expr) -> str | None:
    """A text of the source, with a hole for each value that is filled in; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(template(part) or HOLE for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return f"{template(node.left) or HOLE}{template(node.right) or HOLE}"
    return None


@cache
def texts() -> list[str]:
    """All texts of what extraction runs."""
    package = ROOT / "kinescribe"
    modules = [path for name in SAYING for path in sorted((package / name).rglob("*.py"))]
    trees = [ast.parse(path.read_text("utf-8")) for path in (package / "assembly.py", package / "pipeline.py", *modules)]
    found = [template(node) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant | ast.JoinedStr)]
    return [text for text in found if text]


def told(module: str) -> list[str]:
    """The lines that a module adds to a list, or sets as `partial`."""
    out = []
    for node in ast.walk(ast.parse((ROOT / "kinescribe" / module).read_text(encoding="utf-8"))):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append":
            given = node.args
        elif isinstance(node, ast.Assign) and any(isinstance(one, ast.Attribute) and one.attr == "partial" for one in node.targets):
            given = [node.value]
        out += [text for one in given if (text := template(one))]
    return out


def longest(text: str) -> str:
    return max(text.split(HOLE), key=len).strip("'\":;( ")


def quotes() -> list[str]:
    """What stands in the first cells of the tables of what it says, and in the tables of reviews."""
    out = []
    for table in re.findall(
        r"^\| (?:it says|`review`) \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE
    ):
        out += [quote for row in table.splitlines() for quote in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    return out


def occurs(quote: str, text: str) -> bool:
    """Whether the pieces of a quote stand in a text in their order."""
    at = 0
    for piece in quote.split(HOLE):
        at = text.find(piece.strip(), at)
        if at < 0:
            return False
        at += len(piece.strip())
    return True


@cache
def examples() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wrong_examples", ROOT / "docs" / "wrong_examples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_finders_see_texts_and_quotes():
    assert longest("'…': interlaced; …") == "interlaced"
    assert occurs("… b …: c", "a b 7: c")
    assert not occurs("… c: b", "a b 7: c")
    assert len(quotes()) >= 30
    assert {module: bool(told(module)) for module in TELLING} == dict.fromkeys(TELLING, True)


@pytest.mark.parametrize("quote", quotes())
def test_every_quote_stands_in_the_code(quote: str):
    assert len(quote.replace(HOLE, "").strip()) >= LEAST_LETTERS
    assert any(occurs(quote, text) for text in texts())


@pytest.mark.parametrize("module", TELLING)
def test_every_line_that_is_told_stands_on_the_page(module: str):
    page = PAGE.read_text(encoding="utf-8")
    assert [line for line in told(module) if longest(line) not in page] == []


def test_every_example_that_is_told_is_quoted_by_the_page():
    page = PAGE.read_text(encoding="utf-8")
    assert {name for name, one in examples().EXAMPLES.items() if one.told and re.split(r" \(| at frame", one.told)[0] not in page} == set()


@pytest.mark.parametrize("name", QUICK)
def test_an_example_tells_what_is_wrong(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    example = examples().EXAMPLES[name]
    example.write(tmp_path / f"{name}.mp4")
    assert main([str(tmp_path / f"{name}.mp4"), "-o", str(tmp_path / "out.csv"), "-q"]) == example.exit_code
    assert example.told in capsys.readouterr().err


def test_every_picture_is_shown():
    shown = set(re.findall(r"\]\(\.\./images/(wrong-[^)]+)\)", PAGE.read_text(encoding="utf-8")))
    assert shown == {path.name for path in (ROOT / "docs" / "images").glob("wrong-*")}
