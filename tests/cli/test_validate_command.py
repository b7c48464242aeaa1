"""Every problem of a table by file, row, column and value; a few, or all of them."""

from __future__ import annotations

import json

import pytest

from kinescribe.states import States, validate

HEAD = "frame,time_s,object_id,x,y,label,status\n"


@pytest.fixture
def wrong(tmp_path):
    """A table in which 50 rows have an unknown status, and one no number; its path."""
    rows = [f"{k},{k / 10},1,{'far' if k == 3 else k},0,ball,{'seen' if k < 50 else 'observed'}" for k in range(60)]
    path = tmp_path / "wrong.csv"
    path.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_a_problem_names_file_row_column_value_and_what_is_allowed(run, wrong):
    ran = run("validate", wrong)
    assert ran.code == 3
    lines = ran.err.splitlines()
    assert lines[0] == f"{wrong}: error: row 5, column 'x': 'far' is not a number; leave the cell empty where it is unknown"
    assert lines[1].startswith(f"{wrong}: error: row 2, column 'status': 'seen': allowed: observed, ")
    assert len(lines) == 21
    assert lines[-1] == f"{wrong}: 32 more; --all prints every one, --limit 40 twice as many"
    assert ran.out == f"{wrong}: 51 errors, 1 warning\n"


def test_how_many_are_told_is_the_users_choice(run, wrong):
    assert len(run("validate", wrong, "--limit", "1").err.splitlines()) == 2
    ran = run("validate", wrong, "--all")
    assert len(ran.err.splitlines()) == 52
    assert "more" not in ran.err
    rows = [one.row for one in validate(wrong, every_row=True) if one.column == "status"]
    assert rows == list(range(2, 52))
    ran = run("validate", wrong, "--limit", "0")
    assert (ran.code, ran.err) == (2, "kinescribe: error: --limit 0 must be 1 or more; --all prints every problem\n")


def test_json_counts_all_of_them(run, wrong):
    told = json.loads(run("validate", wrong, "--json").out)
    assert (told["valid"], told["errors"], told["warnings"]) == (False, 51, 1)
    assert sum(one["count"] for one in told["problems"]) == 52
    assert told["problems"][0] == {
        "severity": "error", "row": 5, "line": 5, "column": "x", "count": 1,
        "message": "'far' is not a number; leave the cell empty where it is unknown",
    }  # fmt: skip
    assert len(json.loads(run("validate", wrong, "--json", "--all").out)["problems"]) == 52


def test_lines_are_an_editors_where_cells_hold_line_breaks(run, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(HEAD + '0,0,1,0,0,"two\nlines",observed\n1,0.1,1,no,0,b,observed\n', encoding="utf-8")
    assert f"{path}: error: row 3 (line 4), column 'x': 'no' is not a number" in run("validate", path).err
    path.write_text(HEAD + '0,0,1,0,0,"two\r\n\r\nlines",observed\n1,0.1,1\n', encoding="utf-8", newline="")
    assert "row 3 (line 5) has 3 cells, the header 7" in run("validate", path).err


def test_what_strangers_wrote_can_make_no_line_of_its_own(run, tmp_path):
    path = tmp_path / "a.csv"
    evil = "\x1b[2Ja\nkinescribe: all is well\u202e"
    path.write_text(HEAD.replace("\n", f',"{evil}"\n') + f'0,0,1,0,0,a,"{evil}",{"y" * 20_000}\n', encoding="utf-8")
    ran = run("validate", path)
    assert ran.code == 3
    assert not any(mark in ran.err + ran.out for mark in ("\x1b", "\u202e"))
    assert all(line.startswith(f"{path}: ") for line in (ran.err + ran.out).splitlines())


def test_tables_in_memory_have_no_lines(table_of):
    from kinescribe.evaluation.scenes import demo_scene

    table = table_of(demo_scene(frame_count=5))
    columns = {**table.columns, "status": table["status"].copy()}
    columns["status"][2] = "seen"
    (problem,) = validate(States.from_checked(columns, table.meta))
    assert (problem.row, problem.line, str(problem)[:25]) == (4, None, "row 4, column 'status': '")
