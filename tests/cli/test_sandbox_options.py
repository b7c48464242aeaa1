"""``fit --sandbox``, ``predict`` of a stranger's fit, and what ``doctor`` says of the sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kinescribe.cli import doctor
from kinescribe.dynamics.sandbox import worker
from kinescribe.dynamics.sandbox.syscalls import machine
from kinescribe.states import Calibration, Metadata, States

pytestmark = pytest.mark.skipif(machine() is None, reason="the sandbox needs 64-bit Linux")
LAW = """
from kinescribe.dynamics import Law, Parameter


class Push(Law):
    name = "push"
    push = Parameter(-5.0, (-100, 100), "length/time^2", "upward acceleration")

    def acceleration(self, t, state, parameters, inputs):
        return 0.0, parameters.push
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = {
        "frame": list(range(24)), "time_s": [k / 30 for k in range(24)], "object_id": [1] * 24, "label": ["ball"] * 24,
        "x": [k / 30 for k in range(24)], "y": [2.0 - 3.5 * (k / 30) ** 2 for k in range(24)],
        "sigma_x": [0.002] * 24, "sigma_y": [0.002] * 24,
        "width": [0.2] * 24, "height": [0.2] * 24, "shape": ["disc"] * 24, "status": ["observed"] * 24,
    }  # fmt: skip
    States.from_columns(rows, Metadata(calibration=Calibration.from_scale(100.0, "m"))).to_csv(tmp_path / "fall.csv")
    (tmp_path / "push.py").write_text(LAW, encoding="utf-8")
    return tmp_path


def test_a_strangers_law_is_fitted_and_foretells(run, here: Path):
    ran = run("fit", "fall.csv", "--law", "push.py", "--sandbox", "-o", "law.json", "--json")
    assert ran.code == 0, ran.err
    assert json.loads((here / "law.json").read_text())["parameters"]["push"]["value"] == pytest.approx(-7.0, abs=0.01)
    # the file itself is not needed any more
    (here / "push.py").unlink()
    assert run("predict", "fall.csv", "--law", "law.json", "--until", "2").code == 0
    assert run("predict", "fall.csv", "--law", "law.json", "--until", "2", "--trust", "--overwrite").code == 0


def test_what_a_sandboxed_law_may_not_is_a_line_with_exit_code_2(run, here: Path):
    (here / "push.py").write_text("import os\n" + LAW.replace("return", "open('/etc/passwd'); return"), encoding="utf-8")
    ran = run("fit", "fall.csv", "--law", "push.py:Push", "--sandbox")
    assert ran.code == 2
    assert "push.py may not run in the sandbox: line 1: import of os" in ran.err
    assert "there is no 'open' here" in ran.err
    assert "Traceback" not in ran.err


def test_a_law_that_fails_in_the_sandbox_is_blamed_with_its_line(run, here: Path):
    (here / "push.py").write_text(LAW.replace("return 0.0, parameters.push", "return 1 / 0, parameters.push"), encoding="utf-8")
    ran = run("fit", "fall.csv", "--law", "push.py", "--sandbox")
    assert ran.code == 2
    assert "law push: line 10: raises ZeroDivisionError: division by zero" in ran.err


@pytest.mark.parametrize(("law", "said"), [("free-fall", "'free-fall' is none"), ("auto", "name it with --law FILE.py")])
def test_the_sandbox_is_for_files(run, here: Path, law: str, said: str):
    ran = run("fit", "fall.csv", "--law", law, "--sandbox")
    assert (ran.code, said in ran.err) == (2, True)


def test_without_isolation_a_strangers_law_needs_trust(run, here: Path, monkeypatch: pytest.MonkeyPatch):
    assert run("fit", "fall.csv", "--law", "push.py", "--sandbox", "-o", "law.json").code == 0
    monkeypatch.setattr(worker, "machine", lambda: None)
    ran = run("predict", "fall.csv", "--law", "law.json", "--until", "2")
    assert (ran.code, "no isolation here" in ran.err, "--trust" in ran.err) == (2, True, True)
    assert run("predict", "fall.csv", "--law", "law.json", "--until", "2", "--trust").code == 0


def test_doctor_says_which_level_is_active(monkeypatch: pytest.MonkeyPatch):
    (found,) = [one for one in doctor.examine() if one.name == "sandbox"]
    assert found.state in ("ok", "note")
    assert "seccomp" in found.text
    monkeypatch.setattr(worker, "machine", lambda: None)
    (found,) = [one for one in doctor.examine() if one.name == "sandbox"]
    assert found.state == "note"
    assert "no isolation here" in found.text
    assert "--trust" in found.text
