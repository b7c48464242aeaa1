"""What the page on writing a law says runs, and gives what it says."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path
from typing import Any

import pytest

from kinescribe.dynamics.checks import check_law

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "write-a-law.md"
BLOCK = re.compile(r"^```([a-z]*)(?: file=(\S+))?\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    """The names that the page's Python leaves, and all that it printed."""
    original = importlib.metadata.entry_points

    def entry_points(**selected: str):
        points = original(**selected)
        if selected.get("group") != "kinescribe.laws":
            return points
        return [*points, importlib.metadata.EntryPoint("projectile", "projectile:Projectile", "kinescribe.laws")]

    monkeypatch.setattr("kinescribe.plugins.entry_points", entry_points)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    for kind, name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if name:
            (tmp_path / name).write_text(text, encoding="utf-8")
        elif kind == "python":
            exec(compile(text, "write-a-law.md", "exec"), names)
    return names, capsys.readouterr().out


def test_the_page_runs_and_says_what_comes_out(session: tuple[dict[str, Any], str]):
    names, printed = session
    assert names["gravity"].value == pytest.approx(420, rel=0.01)
    page = PAGE.read_text(encoding="utf-8")
    for said in ("projectile(gravity=9.8)", "['gravity', 'drag']", "['free-fall']", " px/s²"):
        assert said in printed
        assert said in page
    shown = [
        line for kind, _, text in BLOCK.findall(page) if not kind for line in text.splitlines() if line.startswith(("warning", "energy"))
    ]
    assert len(shown) == 3
    assert [line for line in shown if line not in printed.splitlines()] == []


def test_all_laws_of_the_page_pass_the_checks(session: tuple[dict[str, Any], str]):
    names, _ = session
    for name in ("Bouncing", "Bead", "Pushed", "Started"):
        assert [str(one) for one in check_law(names[name]()) if one.severity != "note"] == []
