"""``kinescribe fit`` on tables of known motion, and on everything that may be wrong with what it is given."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kinescribe.states import Calibration, ContactEvent, Metadata, States

GRAVITY = 9.81
FALL = ("--law", "free-fall")


def table(path: Path, *, objects: int = 1, frames: int = 24, seed: int = 0, unit: str = "m", keep=None, labels=None, events=()) -> Path:
    """Things thrown under gravity, seen with errors of 2 mm; `keep` says which frames of which object are there."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[object]] = {}
    for i in range(objects):
        for frame in range(frames):
            t = frame * 0.03
            if keep is not None and not keep(i, frame):
                continue
            row = {
                "frame": frame, "time_s": t, "object_id": i + 1, "label": labels[i] if labels else f"ball {i + 1}",
                "x": i + (1.0 + 0.3 * i) * t + 0.002 * rng.normal(), "y": 2.0 - GRAVITY / 2 * t**2 + 0.002 * rng.normal(),
                "sigma_x": 0.002, "sigma_y": 0.002, "width": 0.2, "height": 0.2, "shape": "disc", "status": "observed",
            }  # fmt: skip
            for column, value in row.items():
                rows.setdefault(column, []).append(value)
    world = Calibration.pixels() if unit == "px" else Calibration.from_scale(100.0, unit)
    States.from_columns(rows, Metadata(calibration=world, events=list(events))).to_csv(path)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fall(here: Path) -> Path:
    return table(here / "fall.csv")


def law_file(text: str) -> str:
    """A law of the user's own, `push`, with this body of its acceleration."""
    Path("my_law.py").write_text(
        "import numpy as np\nfrom kinescribe.dynamics import Law, Parameter\n\n\nclass Push(Law):\n    name = 'push'\n"
        "    equation = 'a = (0, push)'\n    push = Parameter(-5.0, (-100, 100), 'length/time^2', 'upward acceleration')\n\n"
        "    def acceleration(self, t, state, parameters, inputs):\n" + "".join(f"        {line}\n" for line in text.splitlines()),
        encoding="utf-8",
    )
    return "my_law.py"


def one_line(err: str) -> str:
    """The error, which is a single line."""
    lines = [line for line in err.splitlines() if line.startswith("kinescribe: error: ")]
    assert len(lines) == 1, err
    return lines[0].removeprefix("kinescribe: error: ")


def test_the_report_goes_to_stdout_and_talk_to_stderr(run, fall):
    ran = run("fit", fall, *FALL, "-o", "law.json", "--plot", "fit.png")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("free-fall, fitted to 1 clip of 1 object\n  a = (0, -gravity)\n")
    assert "gravity = 9." in ran.out
    assert ran.err.splitlines() == ["kinescribe: wrote law.json", "kinescribe: wrote fit.png"]
    assert json.loads(Path("law.json").read_text(encoding="utf-8"))["parameters"]["gravity"]["value"] == pytest.approx(GRAVITY, abs=0.1)
    assert Path("fit.png").read_bytes().startswith(b"\x89PNG")


def test_quiet_leaves_the_report_alone(run, fall):
    ran = run("fit", fall, *FALL, "-o", "law.json", "-q")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("free-fall, fitted")


def test_without_a_file_it_says_that_nothing_was_kept(run, fall):
    ran = run("fit", fall, *FALL)
    assert "-o law.json" in ran.err
    assert sorted(path.name for path in fall.parent.iterdir()) == ["fall.csv", "fall.meta.json"]


def test_json_is_all_of_stdout(run, fall):
    ran = run("fit", fall, *FALL, "--json")
    made = json.loads(ran.out)
    (gravity,) = made["parameters"]
    assert (made["law"], made["status"], made["exit_code"], gravity["unit"]) == ("free-fall", "fitted", 0, "m/s²")
    assert abs(gravity["value"] - GRAVITY) < 4 * gravity["sigma"]
    assert made["outputs"] == {"fit": None, "plot": None}


def test_several_tables_share_a_law_whatever_the_order_of_their_ids(run, here):
    first = table(here / "a.csv", objects=2, labels=("red ball", "blue ball"))
    second = table(here / "b.csv", objects=2, labels=("blue ball", "red ball"), seed=1)
    ran = run("fit", first, second, *FALL, "--json")
    made = json.loads(ran.out)
    assert ([one["name"] for one in made["clips"]], made["warnings"]) == (["a.csv", "b.csv"], [])
    assert made["objects"] == ["red ball", "blue ball"]
    # speeds differ by 30 %: balls that were mixed up would not start where they are
    assert made["fit"]["residuals_sigma"] < 1.5


def test_tables_of_one_name_are_told_apart(run, here):
    paths = []
    for k in range(2):
        (here / str(k)).mkdir()
        paths.append(table(here / str(k) / "states.csv", seed=k))
    made = json.loads(run("fit", *paths, *FALL, "--json").out)
    assert [one["name"] for one in made["clips"]] == [str(path) for path in paths]


def test_objects_are_chosen_by_label_or_id(run, here):
    path = table(here / "two.csv", objects=2, labels=("ball", "cart"))
    for words, name in (("cart", "cart"), ("1", "ball"), (" ball , ", "ball")):
        assert json.loads(run("fit", path, *FALL, "--objects", words, "--json").out)["objects"] == [name]


def test_known_and_freed_values(run, fall):
    made = json.loads(run("fit", fall, "--law", "free-fall + linear-drag", "--fix", "gravity=9.81", "--json").out)
    gravity, drag = made["parameters"]
    assert (gravity["value"], gravity["fixed"], drag["fixed"]) == (9.81, True, False)
    made = json.loads(run("fit", fall, "--law", "free-fall + floor", "--free", "restitution", "--json").out)
    assert not next(one for one in made["parameters"] if one["name"] == "restitution")["fixed"]


def test_a_law_from_a_file(run, fall):
    ran = run("fit", fall, "--law", law_file("return 0.0, parameters.push"), "--json")
    made = json.loads(ran.out)
    assert ran.code == 0
    assert made["warnings"] == []
    assert made["parameters"][0]["value"] == pytest.approx(-GRAVITY, abs=0.1)


def test_auto_says_what_else_was_tried(run, here):
    path = table(here / "fall.csv", frames=14)
    ran = run("fit", path, "--json")
    made = json.loads(ran.out)
    assert ran.code == 0, ran.err
    assert made["selection"]["candidates"][0]["law"] == made["law"]
    assert len(made["selection"]["candidates"]) > 5
    text = run("fit", path).out
    assert "Other laws\n" in text


def test_inputs_reach_the_law(run, fall):
    Path("my_law.py").write_text(
        "from kinescribe.dynamics import Law, Parameter\n\nclass Driven(Law):\n    name = 'driven'\n    inputs = ('push',)\n"
        "    gain = Parameter(1.0, (-100, 100), 'length/time^2')\n"
        "    def acceleration(self, t, state, parameters, inputs):\n        return 0.0, parameters.gain * inputs.push\n",
        encoding="utf-8",
    )
    Path("actions.csv").write_text("time_s,push\n0,-2\n2,-2\n", encoding="utf-8")
    made = json.loads(run("fit", fall, "--law", "my_law.py", "--inputs", "actions.csv", "--json").out)
    assert made["parameters"][0]["value"] == pytest.approx(GRAVITY / 2, abs=0.1)
    Path("short.csv").write_text("time_s,push\n0,-2\n0.3,-2\n", encoding="utf-8")
    for words, said in (
        (["--inputs", "short.csv"], "fall.csv: the inputs end at 0.3 s and the motion runs to 0.69 s"),
        ([], "needs the input 'push'"),
        (["--inputs", "missing.csv"], "missing.csv"),
        (["--inputs", "actions.csv", "--inputs", "short.csv"], "2 files of inputs for 1 table:"),
    ):
        ran = run("fit", fall, "--law", "my_law.py", *words)
        assert ran.code == (3 if "missing.csv" in words else 2)
        assert said in one_line(ran.err)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--law", "fre-fall"], "did you mean 'free-fall'?"),
        ([*FALL, "--optimizer", "ml"], "unknown optimizer 'ml'; did you mean 'lm'?"),
        (["--optimizer", "cma"], "--optimizer belongs to one law"),
        (["--free", "mass"], "--free belongs to one law"),
        ([*FALL, "--fix", "gravity"], "--fix 'gravity' must be a parameter and its value"),
        ([*FALL, "--fix", "gravity=much"], "'much' is not a number"),
        ([*FALL, "--fix", "gravity=nan"], "'nan' is not a number"),
        ([*FALL, "--fix", "gravity=1", "--fix", "gravity=2"], "--fix gives gravity twice: 1 and 2"),
        ([*FALL, "--fix", "gravty=1"], "did you mean 'gravity'?"),
        ([*FALL, "--fix", "gravity=-1"], "gravity = -1 is outside its bounds"),
        ([*FALL, "--fix", "gravity=9", "--free", "gravity"], "--fix gravity=9 and --free gravity contradict"),
        ([*FALL, "--free", "mass"], "unknown parameter of free-fall 'mass'"),
        ([*FALL, "--objects", "cart"], "no object 'cart' in the states table; it has: ball 1 (id 1)"),
        ([*FALL, "--objects", " , "], "--objects names nothing"),
        ([*FALL, "--seed", "-1"], "--seed -1 must be 0 or more"),
        ([*FALL, "--max-rollouts", "0"], "--max-rollouts 0 leaves nothing"),
        ([*FALL, "--max-seconds", "0"], "--max-seconds 0 leaves no time"),
        ([*FALL, "-o", "law.txt"], "must end in .json"),
        ([*FALL, "--plot", "fit.bmp"], "must end in .png"),
        ([*FALL, "-o", "nowhere/law.json"], "does not exist"),
        (["--law", "cart-pole"], "is about 2 objects, and fall.csv has 1"),
    ],
)
def test_options_that_make_no_sense(run, fall, words, said):
    ran = run("fit", fall, *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in one_line(ran.err)


def test_outputs_that_exist_are_kept(run, fall):
    Path("law.json").write_text("mine", encoding="utf-8")
    ran = run("fit", fall, *FALL, "-o", "law.json")
    assert ran.code == 2
    assert "--overwrite" in one_line(ran.err)
    assert Path("law.json").read_text(encoding="utf-8") == "mine"
    assert run("fit", fall, *FALL, "-o", "law.json", "--overwrite").code == 0


def test_unreadable_files_end_with_3(run, fall):
    Path("bad.csv").write_text("frame,time_s,object_id,x\n0,0,1,2\n", encoding="utf-8")
    Path("rules.json").write_text('{"static": ["ball 1"], "dynamic": ["ball 1"]}', encoding="utf-8")
    for words, said in (
        (["missing.csv", *FALL], "cannot read 'missing.csv'"),
        (["bad.csv", *FALL], "no column 'y'"),
        ([fall, "--law", "missing.py"], "missing.py: No such file"),
        ([fall, *FALL, "--rules", "rules.json"], "'ball 1' can't be both static and dynamic"),
    ):
        ran = run("fit", *words)
        assert (ran.code, ran.out) == (3, "")
        assert said in one_line(ran.err)


def test_a_table_with_one_row_has_nothing_to_fit(run, here):
    ran = run("fit", table(here / "one.csv", frames=1), *FALL)
    assert ran.code == 4
    assert "one.csv: no object was seen at 2 times or more" in one_line(ran.err)


def test_mixed_units_and_frames_are_refused_by_name(run, here):
    metres, inches, pixels = (table(here / f"{unit}.csv", unit=unit) for unit in ("m", "in", "px"))
    said = one_line(run("fit", metres, inches, *FALL).err)
    assert "m.csv is in m, in.csv is in in" in said
    States.from_columns(
        dict(States.from_columns(_columns(pixels)).columns), Metadata(calibration=Calibration.from_scale(1.0, "px"))
    ).to_csv(here / "up.csv")
    said = one_line(run("fit", pixels, here / "up.csv", *FALL).err)
    assert "y points down in px.csv and up in up.csv" in said


def _columns(path: Path) -> dict[str, np.ndarray]:
    from kinescribe.states import read

    return dict(read(path).columns)


def test_tables_with_other_objects_are_refused_by_name(run, here):
    one, two = table(here / "one.csv"), table(here / "two.csv", objects=2)
    said = one_line(run("fit", one, two, *FALL).err)
    assert "one.csv has 1 (ball 1), two.csv 2 (ball 1, ball 2); choose with --objects" in said
    assert run("fit", one, two, *FALL, "--objects", "ball 1").code == 0


def test_objects_of_other_names_are_paired_with_a_warning(run, here):
    ran = run("fit", table(here / "a.csv", labels=["ball"]), table(here / "b.csv", labels=["puck"]), *FALL)
    assert ran.code == 0
    assert "in b.csv 'ball' is 'puck'" in ran.err
    assert run("fit", here / "a.csv", here / "b.csv", *FALL, "--strict").code == 5


def test_gaps_and_empty_cells_are_no_hindrance(run, here):
    path = table(here / "gaps.csv", keep=lambda i, frame: frame not in (3, 4, 5, 11))
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    for row in rows[6:9]:
        row[rows[0].index("x")] = row[rows[0].index("y")] = ""
    path.write_text("\r\n".join(",".join(row) for row in rows) + "\r\n", encoding="utf-8")
    made = json.loads(run("fit", path, *FALL, "--json").out)
    assert made["fit"]["samples"] == 2 * (24 - 4 - 3)
    assert made["parameters"][0]["value"] == pytest.approx(GRAVITY, abs=0.2)


def test_ids_that_change_are_told(run, here):
    path = table(here / "ids.csv", objects=2, labels=("ball 1", "ball 2"), keep=lambda i, frame: (frame < 12) == (i == 0))
    ran = run("fit", path, *FALL)
    assert "'ball 1' is last seen at 0.33 s, 'ball 2' first at 0.36 s: one thing under two ids?" in ran.err
    assert run("fit", path, *FALL, "--objects", "ball 2", "--strict").code == 0


def test_objects_seen_too_seldom_are_told(run, here):
    path = table(here / "seldom.csv", objects=2, keep=lambda i, frame: i == 0 or frame == 3)
    ran = run("fit", path, *FALL)
    assert "left out 'ball 2' (id 2), seen in 1 frame;" in ran.err
    assert run("fit", path, *FALL, "--strict").code == 0  # nobody asked for it
    ran = run("fit", path, *FALL, "--objects", "ball 1, ball 2", "--strict")
    assert ran.code == 5
    assert "warning: seldom.csv: left out 'ball 2'" in ran.err


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ZeroDivisionError('no ground')", "my_law.py:11: raises ZeroDivisionError: no ground"),
        ("return 0.0, parameters.pull", "no value named 'pull'"),
        ("return parameters.push", "must return (ax, ay)"),
        ("return np.zeros(7), parameters.push", "has the shape (7,)"),
    ],
)
def test_laws_that_break_their_contract(run, fall, body, said):
    ran = run("fit", fall, "--law", law_file(body))
    assert (ran.code, ran.out) == (2, "")
    assert said in one_line(ran.err)
    assert "law push" in one_line(ran.err)


def test_a_law_that_loops_is_stopped(run, fall, monkeypatch):
    from kinescribe.dynamics.checks.check import check_law

    monkeypatch.setattr("kinescribe.dynamics.checks.check_law", lambda law, clip: check_law(law, clip, seconds=0.5))
    ran = run("fit", fall, "--law", law_file("while True:\n    pass"))
    assert ran.code == 2
    assert "did not come to an end within 0.5 s" in one_line(ran.err)


def test_a_law_that_ignores_its_parameters_is_warned_of(run, fall):
    file = law_file("return 0.0, -9.81 + 0.0 * parameters.push")
    ran = run("fit", fall, "--law", file)
    assert ran.code == 0
    assert "warning: law push: " in ran.err
    assert "push" in ran.out
    assert run("fit", fall, "--law", file, "--strict").code == 5


def test_a_law_that_raises_only_during_the_fit_is_blamed(run, fall):
    ran = run(
        "fit", fall, "--law", law_file("if (state.y < 1.0).any():\n    raise ValueError('below the table')\nreturn 0.0, parameters.push")
    )
    assert ran.code == 2
    assert "raises ValueError: below the table" in one_line(ran.err)
    assert "this is a defect" not in ran.err


def test_a_defect_of_ours_is_not_blamed_on_the_law(run, fall, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr("kinescribe.dynamics.api.fit", broken)
    ran = run("fit", fall, *FALL)
    assert ran.code == 1
    assert "this is a defect" in ran.err


def test_rules_that_the_motion_contradicts_are_warned_of(run, fall):
    Path("rules.json").write_text('{"walls": [{"name": "shelf", "normal": [0, 1], "offset": 1.0}]}', encoding="utf-8")
    ran = run("fit", fall, *FALL, "--rules", "rules.json")
    assert "beyond the wall 'shelf'" in ran.err
    Path("rules.json").write_text('{"static": ["cart"]}', encoding="utf-8")
    ran = run("fit", fall, *FALL, "--rules", "rules.json")
    assert ran.code == 2
    assert "cart" in one_line(ran.err)


def test_a_failed_fit_ends_with_5_and_is_kept(run, fall):
    ran = run("fit", fall, "--law", "rest", "-o", "law.json")
    assert ran.code == 5
    assert ran.out.startswith("FAILED: rest")
    assert "kinescribe: failed: rest explains nothing of this motion" in ran.err
    assert json.loads(Path("law.json").read_text(encoding="utf-8"))["status"] == "failed"


def test_a_weak_fit_is_a_warning_under_strict(run, fall):
    assert run("fit", fall, "--law", "uniform-motion").code == 0
    assert run("fit", fall, "--law", "uniform-motion", "--strict").code == 5


def test_nothing_is_lost_when_one_output_fails(run, fall, monkeypatch):
    from kinescribe.errors import UsageError

    def full(*_: object, **__: object) -> None:
        raise UsageError("cannot write 'law.json': no space left on device")

    monkeypatch.setattr("kinescribe.dynamics.saving.save", full)
    ran = run("fit", fall, *FALL, "-o", "law.json", "--plot", "fit.png")
    assert ran.code == 2
    assert "no space left" in one_line(ran.err)
    assert "gravity = 9." in ran.out
    assert Path("fit.png").exists()


def test_contacts_are_told(run, here):
    path = table(here / "hit.csv", objects=2, events=[ContactEvent(time_s=0.3, frame=10, partners=[1], position=(0, 0))])
    ran = run("fit", path, *FALL)
    assert "hit.csv: 1 seen, 0 predicted, NOT in the order seen" in ran.out


def test_a_code_page_without_our_signs_costs_no_report(fall):
    code = f"from kinescribe.cli import main; sys_exit = main(['fit', {str(fall)!r}, '--law', 'free-fall']); raise SystemExit(sys_exit)"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert ran.returncode == 0, ran.stderr
    assert b"gravity = 9." in ran.stdout


def test_help_is_light():
    code = "from kinescribe.cli import main; main(['fit', '--help']); import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.splitlines()[-1].split()
    assert not {"numpy", "scipy", "matplotlib", "pandas", "torch"} & set(loaded)


def by_hand(path: Path, *, x: str = "x", y: str = "y") -> Path:
    """A table that somebody typed: a ball that falls down a picture, y down, without a sidecar."""
    rng = np.random.default_rng(3)
    rows = [f"{k},{k / 30:.5f},1,{50 + 4 * k + rng.normal():.3f},{20 + 0.5 * k**2 + rng.normal():.3f}" for k in range(24)]
    path.write_text("\n".join([f"frame,time_s,object_id,{x},{y}", *rows]) + "\n", encoding="utf-8")
    return path


def test_a_table_of_pixels_made_by_hand_falls_downwards(run, here):
    ran = run("fit", by_hand(here / "a.csv", x="x_px", y="y_px"), by_hand(here / "b.csv", x="x_px", y="y_px"), *FALL, "--json")
    made = json.loads(ran.out)
    assert made["parameters"][0]["value"] == pytest.approx(900, abs=60)
    assert made["unit"] == "px"
    # said once, not once a table
    (line,) = made["warnings"]
    assert line == "a.csv and 1 more: no sidecar .meta.json and no sigma_x, sigma_y: positions are taken as image pixels, y down"


def test_gravity_at_its_bound_hints_at_y_that_points_down(run, here):
    ran = run("fit", by_hand(here / "a.csv"), *FALL)
    assert ran.err.count("no sidecar") == 1
    assert "warning: gravity would go below 0, as if things fell upwards: does the table's y point down?" in ran.err


@pytest.mark.parametrize("body", ["sys.exit(3)", "raise SystemExit(3) if len(state.x) == 1 else ValueError('odd')"])
def test_a_law_that_ends_the_program_is_an_error_of_the_law(run, fall, body):
    path = law_file(f"import sys\n{body}")
    ran = run("fit", fall, "--law", path)
    assert ran.code == 2
    assert "law push: my_law.py:12: raises" in one_line(ran.err)


def test_what_a_law_returns_wrong_is_told_with_its_line_and_its_name_once(run, fall):
    said = one_line(run("fit", fall, "--law", law_file("return np.zeros(7), parameters.push")).err)
    assert said.startswith("law push: my_law.py:10: an acceleration has the shape (7,)")
    assert "; that is a number for each object of each clip" in said


def test_a_law_that_takes_other_arguments_is_told_where_and_what_to_write(run, fall):
    path = Path(law_file("return 0.0, -9.8"))
    path.write_text(path.read_text().replace("(self, t, state, parameters, inputs)", "(self, state)"), encoding="utf-8")
    said = one_line(run("fit", fall, "--law", path).err)
    assert said.startswith("law push: my_law.py:10: raises TypeError")
    assert said.endswith("; write def acceleration(self, t, state, parameters, inputs)")


def test_a_pair_of_one_object_is_refused(run, fall):
    Path("rules.json").write_text('{"touch": [["ball 1", "ball 1"]]}', encoding="utf-8")
    ran = run("fit", fall, *FALL, "--rules", "rules.json")
    assert ran.code == 2
    assert "that is one object, ball 1" in one_line(ran.err)


def test_odd_inputs_are_warned_of(run, fall):
    path = law_file("return 0.0, parameters.push * inputs.force")
    Path(path).write_text(
        Path(path).read_text(encoding="utf-8").replace("    equation", "    inputs = ('force',)\n    equation"), encoding="utf-8"
    )
    Path("ms.csv").write_text("time_s,force,wind\n" + "".join(f"{k * 30},1,0\n" for k in range(24)), encoding="utf-8")
    ran = run("fit", fall, "--law", path, "--inputs", "ms.csv", "--strict")
    assert ran.code == 5
    assert "warning: law push has no use for the input wind" in ran.err
    assert "so that 1 of 24 values act: are their times in milliseconds?" in ran.err
