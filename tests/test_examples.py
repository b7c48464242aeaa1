"""The example runs repeat from their records, without a model."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from kinescribe.cli import main
from kinescribe.dynamics.sandbox import isolation
from kinescribe.dynamics.synthesis.records import read_record

EXAMPLES = Path(__file__).parents[1] / "examples"
RUNS = sorted(path.parent.name for path in EXAMPLES.glob("*/law.run.json"))
WITHOUT_SANDBOX = pytest.mark.skipif(isolation().level == "none", reason="programs of a model run in the sandbox alone")
# what another machine may compute otherwise in the last digits
CLOSE = 1e-3
LOOSE = (".bic", ".sigma", ".covariance", ".noise")  # of what the data hardly tell


def assert_alike(mine: Any, theirs: Any, where: str = "") -> None:
    """The same but for digits that depend on the machine; what was computed from them into words has its numbers taken out."""
    if isinstance(mine, dict):
        assert mine.keys() == theirs.keys(), where
        for name in mine:
            assert_alike(mine[name], theirs[name], f"{where}.{name}")
    elif isinstance(mine, list):
        assert len(mine) == len(theirs), where
        for k, (a, b) in enumerate(zip(mine, theirs, strict=True)):
            assert_alike(a, b, f"{where}[{k}]")
    elif isinstance(mine, float) and isinstance(theirs, float):
        assert math.isclose(mine, theirs, rel_tol=CLOSE, abs_tol=1e-9) or any(one in where for one in LOOSE), where
    elif isinstance(mine, str):
        assert re.sub(r"[-+]?[\d.]+(e[-+]?\d+)?", "#", mine) == re.sub(r"[-+]?[\d.]+(e[-+]?\d+)?", "#", theirs), where
    elif not where.endswith("rollouts"):
        assert mine == theirs, where


def test_there_are_three_of_them():
    assert RUNS == ["curved-puck", "escape", "wrong-sign"]


@WITHOUT_SANDBOX
@pytest.mark.parametrize("name", RUNS)
def test_a_run_repeats_from_its_record(name, tmp_path, monkeypatch, capsys):
    shutil.copytree(EXAMPLES / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert main(["synthesize", f"{name}/states.csv", "-o", "again.json", "--replay", f"{name}/law.run.json", "--quiet"]) == 0
    capsys.readouterr()
    for mine, theirs in (("again.json", "law.json"), ("again.run.json", "law.run.json")):
        made, kept = (json.loads(path.read_text()) for path in (tmp_path / mine, EXAMPLES / name / theirs))
        for one in (made, kept):
            # who made it, and where
            for word in ("made_with", "version", "versions"):
                one.pop(word, None)
        if theirs == "law.run.json":
            made["clips"][0]["name"] = kept["clips"][0]["name"]
        assert_alike(made, kept, theirs)


def test_the_records_hold_what_the_readme_says():
    kept = {name: json.loads((EXAMPLES / name / "law.run.json").read_text()) for name in RUNS}
    assert kept["curved-puck"]["sheet"].startswith("data:image/jpeg")
    assert kept["curved-puck"]["against"] == "auto"
    assert kept["curved-puck"]["library"]["residuals_sigma"] > 20
    assert kept["wrong-sign"]["programs"][kept["wrong-sign"]["outcome"]["program"] - 1]["mends"] == 1
    assert kept["escape"]["outcome"]["program"] is None
    assert all(one["rejected"] for one in kept["escape"]["programs"])
    for name in RUNS:
        assert read_record(EXAMPLES / name / "law.run.json").model == "scripted"
