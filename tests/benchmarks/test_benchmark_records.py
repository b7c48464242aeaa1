import json
from pathlib import Path

import pytest


@pytest.fixture
def common(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import common

    return common


def test_records_are_written_with_the_documented_keys(common, tmp_path: Path):
    case = "uniform_motion/ood/k3"
    record = common.Record("phyworld", case, "velocity_error", 0.0039, "world/s", "lower", 0.004, 0.0165, "ProgGen")
    target = tmp_path / "figures.json"
    common.write_records([record, common.Record("t", "c", "m", None, "", "higher")], target)
    first, second = json.loads(target.read_text())
    assert first == {
        "table": "phyworld",
        "case": "uniform_motion/ood/k3",
        "measure": "velocity_error",
        "value": 0.0039,
        "unit": "world/s",
        "better": "lower",
        "goal": 0.004,
        "reference": 0.0165,
        "reference_name": "ProgGen",
    }
    assert (second["value"], second["goal"], second["reference"]) == (None, None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["figures.json"]


def test_json_holds_no_nan(common, tmp_path: Path):
    assert common.number(float("nan")) is None
    assert common.number(float("inf")) is None
    assert common.number(1.23456789) == 1.23457
    with pytest.raises(ValueError, match="JSON"):
        common.write_records([common.Record("t", "c", "m", float("nan"), "", "lower")], tmp_path / "bad.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "better", "goal", "met"),
    [
        (1.0, "lower", 1.0, True),
        (1.1, "lower", 1.0, False),
        (0.95, "higher", 0.95, True),
        (0.9, "higher", 0.95, False),
        (None, "lower", 1.0, False),
    ],
)
def test_goals_are_judged_in_their_direction(common, value, better, goal, met):
    assert common.Record("t", "c", "m", value, "", better, goal).met is met


def test_missed_goals_are_named(common, capsys):
    common.print_goals(
        [common.Record("t", "a", "error", 2.0, "px", "lower", 1.0), common.Record("t", "b", "error", 0.5, "px", "lower", 1.0)]
    )
    printed = capsys.readouterr().out
    assert "1 of 2 goals met" in printed
    assert "a error 2 px (goal 1)" in printed


def test_tables_are_markdown_with_numbers_to_the_right(common, capsys):
    common.print_table("Title", ["name", "px"], [["a", 0.123456], ["long name", None], ["b", 12.0]])
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0] == "Title"
    assert lines[2:] == [
        "| name      |     px |",
        "|-----------|-------:|",
        "| a         | 0.1235 |",
        "| long name |      – |",
        "| b         |     12 |",
    ]


def test_parallel_keeps_the_order(common):
    assert list(common.parallel(abs, [-3, 2, -1], jobs=1)) == [3, 2, 1]
    assert list(common.parallel(abs, [-3, 2, -1], jobs=2)) == [3, 2, 1]


def test_missing_data_ends_with_one_line(common, tmp_path: Path):
    with pytest.raises(SystemExit, match=r"no folder '.*nowhere'; name the data with --data DIR"):
        common.need_folder(tmp_path / "nowhere")
