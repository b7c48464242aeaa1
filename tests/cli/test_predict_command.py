from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from predicted import SEEN, bouncing, bouncing_fit, bouncing_table

from kinescribe.dynamics import Clip
from kinescribe.dynamics.fitting import fit_law
from kinescribe.dynamics.saving import save
from kinescribe.states import read, validate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and its fit."""
    folder = tmp_path_factory.mktemp("predict")
    states = bouncing_table()
    states.to_csv(folder / "ball.states.csv")
    save(bouncing_fit(states), folder / "law.json", clips=[Clip.from_states(states)])
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to work in."""
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


BASE = ("predict", "ball.states.csv", "--law", "law.json", "--until")


def test_a_future_is_written(run, folder):
    ran = run(*BASE, "4.0")
    assert (ran.code, ran.out) == (0, "")
    assert "wrote ball.future.csv" in ran.err
    future = read(folder / "ball.future.csv")
    assert validate(folder / "ball.future.csv") == []
    assert np.abs(future["y"] - bouncing().data[1, 0, SEEN:, 0]).max() < 0.02
    assert set(future["status"]) == {"predicted"}


def test_a_start_like_those_of_the_fit_must_be_asked_for_and_told(run, folder):
    clips = [Clip.from_states(bouncing_table(seed=seed)) for seed in range(4)]
    save(fit_law(bouncing_fit().law, clips, fixed={"friction": 0.0}), folder / "four.json")
    few = run(*BASE, "4", "--start-prior")
    assert few.code == 2
    assert "fit 4 or more" in few.err
    asked = ("predict", "ball.states.csv", "--law", "four.json", "--until", "4")
    assert run(*asked, "-o", "plain.csv").code == run(*asked, "-o", "prior.csv", "--start-prior").code == 0
    plain, prior = (read(folder / name) for name in ("plain.csv", "prior.csv"))
    assert prior["sigma_x"][0] < plain["sigma_x"][0]


def test_what_if_by_options(run, folder):
    ran = run(*BASE, "4", "--do", "gravity=5", "--do", "restitution-=0.1", "--at", "0.1", "-o", "f.csv", "--plot", "f.png", "--json")
    assert ran.code == 0
    told = json.loads(ran.out)
    assert told["changes"] == ["gravity=5", "restitution-=0.1"]
    assert told["outputs"] == {"states": "f.csv", "plot": "f.png"}
    assert told["difference"]["moved"][0]["partners"] == ["ball", "floor"]
    assert told["ends"][0]["name"] == "ball"
    assert "later by" in ran.err
    assert (folder / "f.png").read_bytes().startswith(b"\x89PNG")
    future = read(folder / "f.csv")
    assert future["time_s"][0] == pytest.approx(0.1)


def test_a_wall_is_removed_and_the_table_goes_to_stdout(run, folder):
    ran = run(*BASE, "3", "--remove", "floor", "-o", "-", "-q")
    rows = list(csv.DictReader(ran.out.splitlines()))
    assert float(rows[-1]["y"]) < -30
    assert list(folder.glob("*.future.csv")) == []


def test_a_sweep_leaves_a_table_a_value_and_a_summary(run, folder):
    ran = run(*BASE, "2", "--sweep", "gravity=5:15:3", "-o", "s.csv", "--json")
    assert ran.code == 0
    rows = list(csv.DictReader((folder / "s.csv").open(newline="")))
    assert [row["do"] for row in rows] == ["gravity=5", "gravity=10", "gravity=15"]
    assert [row["states"] for row in rows] == ["s.1.csv", "s.2.csv", "s.3.csv"]
    for row in rows:
        table = read(folder / row["states"])
        assert float(row["y"]) == pytest.approx(table["y"][-1])
        assert int(row["contacts"]) == len(table.meta.events)
        true = bouncing(gravity=float(row["value"])).data[1, 0, : len(table), 0]
        assert np.abs(table["y"] - true).max() < 0.03
    assert [value["value"] for value in json.loads(ran.out)["sweep"]] == [5.0, 10.0, 15.0]


def test_warnings_are_lines_and_strict_ends_with_5(run, folder):
    ran = run(*BASE, "2.5", "--do", "gravity=1.62", "--strict", "-q")
    assert ran.code == 5
    assert "kinescribe: warning: gravity is changed from 9.7" in ran.err
    assert (folder / "ball.future.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("3", "--do", "gravty=2"), 2, "did you mean 'gravity'"),
        (("3", "--do", "restitution=2"), 2, "outside its bounds (0, 1)"),
        (("3", "--remove", "flor"), 2, "did you mean 'floor'"),
        (("3", "--sweep", "gravity=1:2"), 2, "FIRST:LAST:COUNT"),
        (("3", "--sweep", "gravity=1:2:3", "--sweep", "floor=0:1:3"), 2, "--sweep is given 2 times"),
        (("3", "--sweep", "gravity=1:2:3", "--do", "gravity=5"), 2, "takes the place of --do gravity=5"),
        (("1",), 2, "must lie after the last sighting"),
        (("1",), 2, "--from-start"),
        (("x",), 2, "--until"),
        (("3", "--objects", "car"), 2, "no object 'car'"),
        (("3", "--objects", "ball,"), 2, "lacks a name"),
        (("3", "--inputs", "none.csv"), 3, "none.csv"),
        (("3", "-o", "ball.states.csv"), 2, "is the table that is read"),
        (("3", "-o", "f.txt"), 2, "must end in .csv"),
        (("3", "-o", "-", "--json"), 2, "don't go together"),
        (("3", "--plot", "f.bmp"), 2, "must end in"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(run, folder, arguments, code, words):
    before = sorted(path.name for path in folder.iterdir())
    ran = run(*BASE, *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == before


def test_broken_files_are_one_line(run, folder):
    (folder / "law.json").write_text("{")
    ran = run(*BASE, "3")
    assert (ran.code, ran.err.count("\n")) == (3, 1)
    assert run("predict", "none.csv", "--law", "law.json", "--until", "3").code == 3


def test_outputs_that_exist_stay_without_overwrite(run, folder):
    (folder / "ball.future.csv").write_text("mine")
    ran = run(*BASE, "3")
    assert (ran.code, "exists" in ran.err) == (2, True)
    assert (folder / "ball.future.csv").read_text() == "mine"
    assert run(*BASE, "3", "--overwrite").code == 0


def test_the_table_stays_when_the_plot_fails(run, folder, monkeypatch):
    from kinescribe.dynamics.prediction import plot

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr(plot, "plot_prediction", fail)
    assert run(*BASE, "3", "--plot", "f.png").code == 1
    assert len(read(folder / "ball.future.csv")) == 30


def test_an_edited_law_is_used_and_told(run, folder):
    data = json.loads((folder / "law.json").read_text())
    data["parameters"]["gravity"]["value"] = 5.0
    (folder / "law.json").write_text(json.dumps(data))
    ran = run(*BASE, "2.5", "-q")
    assert ran.code == 0
    assert "gravity was edited from 9.7" in ran.err
    np.testing.assert_allclose(read(folder / "ball.future.csv")["ay"], -5.0, atol=1e-9)


def test_a_law_in_a_file_runs_in_the_sandbox_or_is_handed_over(run, folder):
    from kinescribe.dynamics.finding import find_law
    from kinescribe.dynamics.fitting import fit_law

    (folder / "mine.py").write_text(
        "from kinescribe.dynamics import Law, Parameter\n"
        "class Mine(Law):\n"
        "    pull = Parameter(5.0, (0, 100), 'length/time^2')\n"
        "    def acceleration(self, t, state, parameters, inputs):\n"
        "        return 0.0, -parameters.pull\n"
    )
    save(fit_law(find_law("mine.py"), [Clip.from_states(read("ball.states.csv")).first(15)]), folder / "law.json")
    made = []
    for options in ((), ("--law-source", "mine.py"), ("--trust",)):
        assert run(*BASE, "2.5", *options, "--overwrite").code == 0
        made.append((folder / "ball.future.csv").read_bytes())
    assert made[0] == made[1] == made[2]
    saved = (folder / "law.json").read_text(encoding="utf-8")
    (folder / "law.json").write_text(saved.replace('"from kinescribe.dynamics', '"import os", "from kinescribe.dynamics'), encoding="utf-8")
    ran = run(*BASE, "2.5", "--overwrite")
    assert (ran.code, "line 1: import of os" in ran.err, "--law-source mine.py" in ran.err) == (2, True, True)


def test_a_law_that_ends_the_program_is_an_error_of_the_law(run, folder):
    source = (
        "import sys\nfrom kinescribe.dynamics import Law, Parameter\n\n\nclass Quits(Law):\n    name = 'quits'\n"
        "    gravity = Parameter(9.8, (0, 100), 'length/time^2')\n\n    def acceleration(self, t, state, parameters, inputs):\n"
        "        return 0.0, -parameters.gravity\n"
    )
    Path("quits.py").write_text(source, encoding="utf-8")
    assert run("fit", "ball.states.csv", "--law", "quits.py", "-o", "quits.json", "-q").code in (0, 5)
    Path("quits.py").write_text(source.replace("return", "sys.exit(3); return"), encoding="utf-8")
    ran = run("predict", "ball.states.csv", "--law", "quits.json", "--law-source", "quits.py", "--until", "9", "-o", "f.csv")
    assert ran.code == 2
    assert "quits.py:10: raises SystemExit: 3" in ran.err


def test_a_law_that_failed_or_misses_something_is_warned_of_in_sidecar_and_on_stderr(run, folder):
    assert run("fit", "ball.states.csv", "--law", "free-fall", "-o", "poor.json", "-q").code in (0, 5)
    ran = run("predict", "ball.states.csv", "--law", "poor.json", "--until", "3", "-o", "f.csv")
    assert ran.code == 0
    told = read(folder / "f.csv").meta.warnings
    assert any("misses something of what it was fitted to" in line or "the fit failed" in line for line in told)
    assert all(f"kinescribe: warning: {line}" in ran.err for line in told)


def test_changes_and_counts_read_well(run, folder):
    ran = run(*BASE, "3.1", "--remove", "floor")
    assert "without floor:" in ran.err
    assert "with without" not in ran.err
    one = run(*BASE, "3.2", "-o", "one.csv")
    assert ", 1 contact, to 3.2 s" in one.err
    same = run(*BASE, "2.5", "--do", "restitution*=1", "-o", "same.csv")
    assert "with restitution*=1:" in same.err
    assert "ball ends where it did, at 2.5 s" in same.err


def test_a_time_of_nothing_is_told(run, folder):
    assert "--at says here but where rows begin" in run(*BASE, "2.5", "--at", "1").err
    assert "--at" not in run(*BASE, "2.5", "--at", "1", "--do", "gravity=9", "-o", "f.csv").err


def test_a_sweep_by_factors_goes_with_a_change_of_the_same(run, folder):
    ran = run(*BASE, "2", "--sweep", "gravity*=1:2:2", "--do", "gravity=9", "-o", "s.csv", "--json")
    assert ran.code == 0
    assert [end["difference"]["ends"][0]["distance"] > 0.01 for end in json.loads(ran.out)["sweep"]] == [True, True]
