from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from kinescribe import __version__, plugins
from kinescribe.cli import demo, doctor
from kinescribe.evaluation.scenes import demo_scene
from kinescribe.states import Calibration, States

COMMANDS = [
    "extract",
    "import",
    "fit",
    "synthesize",
    "predict",
    "predict-video",
    "ask",
    "program",
    "scene",
    "render",
    "review",
    "compare",
    "validate",
    "demo",
    "doctor",
    "list",
]


def test_help_names_every_command(run):
    ran = run("--help")
    assert ran.code == 0
    assert all(f"\n  {name} " in ran.out for name in COMMANDS)
    assert run().out == ran.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run, command):
    ran = run(command, "--help")
    assert ran.code == 0
    assert f"Usage: kinescribe {command}" in ran.out
    assert "--debug" in ran.out


def test_version(run):
    assert run("--version").out == f"kinescribe {__version__}\n"


def test_unknown_command_suggests_the_nearest(run):
    ran = run("extrct", "v.mp4")
    assert ran.code == 2
    assert "'extract'" in ran.err
    assert ran.err.count("\n") == 1


def test_installed_scripts_answer():
    for script in ("kinescribe", "extract-states", "predict-video"):
        path = Path(sys.executable).with_name(script)
        if not path.exists():
            pytest.skip("the package is not installed in this environment")
        assert "Usage: " in subprocess.run([path, "--help"], check=True, capture_output=True, text=True).stdout


def test_validate_a_sound_table(run, table_of, tmp_path):
    table_of(demo_scene(frame_count=5)).to_csv(tmp_path / "s.csv")
    ran = run("validate", tmp_path / "s.csv")
    assert (ran.code, ran.err) == (0, "")
    assert "a sound states table" in ran.out


def test_validate_names_what_is_wrong(run, table_of, tmp_path):
    path = tmp_path / "s.csv"
    table_of(demo_scene(frame_count=5)).to_csv(path)
    path.write_text(path.read_text(encoding="utf-8").replace("observed", "seen", 1), encoding="utf-8")
    ran = run("validate", path)
    assert ran.code == 3
    assert "seen" in ran.err
    problems = json.loads(run("validate", path, "--json").out)
    assert problems["valid"] is False
    assert problems["problems"][0]["column"] == "status"


def test_validate_a_missing_file(run):
    ran = run("validate", "no.csv")
    assert ran.code == 3
    assert "no.csv" in ran.err
    assert "Traceback" not in ran.err


def test_list_shows_the_built_ins(run):
    ran = run("list", "detectors")
    assert ran.code == 0
    assert "classical" in ran.out
    assert {record["name"] for record in json.loads(run("list", "trackers", "--json").out)} >= {"offline"}


def test_list_backends_says_what_runs_here_and_what_is_missing(run, tmp_path, monkeypatch):
    monkeypatch.setenv("KINESCRIBE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("KINESCRIBE_BASE_URL", raising=False)
    ran = run("list", "backends")
    assert ran.code == 0
    lines = {line.split()[0]: line for line in ran.out.splitlines()}
    assert all(len(line) <= 100 for line in lines.values())
    assert lines["classical"].split(maxsplit=1)[1].startswith("runs here  a static camera")
    assert lines["grounded-sam"].endswith("lacks detector, such as grounding-dino; segmenter, such as sam2")
    assert lines["sam3"].endswith("the weights 'sam3' are not here")
    assert "kinescribe list backends grounded-sam" in ran.err
    records = {record["name"]: record for record in json.loads(run("list", "backends", "--json").out)}
    assert records["classical"]["runs_here"]
    assert not records["grounded-sam"]["runs_here"]
    parts = records["grounded-sam"]["parts"]
    assert "hf download IDEA-Research/grounding-dino-tiny" in parts["detector"]["grounding-dino"]
    assert parts["propagator"]["flow"] is None
    assert parts["verifier"]["rules"] is None
    assert "KINESCRIBE_BASE_URL" in parts["verifier"]["vlm"]
    assert set(records) == set(lines)


def test_list_backends_says_of_one_what_each_part_lacks(run, tmp_path, monkeypatch):
    monkeypatch.setenv("KINESCRIBE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    ran = run("list", "backends", "grounded-sam")
    assert ran.code == 0
    assert "(cannot run here yet)" in ran.out
    assert "hf download IDEA-Research/grounding-dino-tiny" in ran.out
    assert "flow               ready" in ran.out
    assert "sam3" not in ran.out
    (record,) = json.loads(run("list", "backends", "classical", "--json").out)
    assert record["lacks"] == []
    wrong = run("list", "backends", "grounded_sma")
    assert wrong.code == 2
    assert "did you mean 'grounded-sam'?" in wrong.err
    assert run("list", "detectors", "classical").code == 2


def test_a_backend_that_can_not_run_here_says_so_before_the_video_is_opened(run, tmp_path, monkeypatch):
    monkeypatch.setenv("KINESCRIBE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    ran = run("extract", "no-such-video.mp4", "--backend", "grounded-sam", "--objects", "ball")
    assert ran.code == 3
    assert "grounding-dino-tiny" in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    named = run("extract", "no-such-video.mp4", "--backend", "grounded-sam", "--objects", "ball", "--detector", "owlv2:/no/such/folder")
    assert named.code == 3
    assert "/no/such/folder" in named.err


def test_list_unknown_kind(run):
    ran = run("list", "detector")
    assert ran.code == 2
    assert "did you mean 'detectors'?" in ran.err


def test_list_leads_to_no_command_that_fails(run):
    ran = run("list", "verifiers", "vlm")
    assert (ran.code, ran.err) == (2, "kinescribe: error: only backends are shown one by one; leave out 'vlm'\n")
    other = run("list", "detectors", "classical").err.rsplit("try: kinescribe ", 1)[1].split()
    assert run(*other).code == 0


def test_list_says_that_a_kind_without_plugins_is_open_for_them(run, monkeypatch):
    monkeypatch.setattr("kinescribe.cli.listing.plugins", lambda kind: [])
    assert "open for plug-ins (entry points kinescribe.renderers)" in run("list", "renderers").out


@pytest.mark.parametrize(
    ("backend", "way"),
    [
        ("classical:foo", "--detector classical:foo"),
        ("sam3-video:foo", "--concept-tracker sam3-video:foo"),
        ("grounded-sam:foo", "--detector NAME:WEIGHTS with --backend grounded-sam"),
    ],
)
def test_weights_after_a_backend_are_shown_their_place(run, tmp_path, monkeypatch, backend, way):
    monkeypatch.chdir(tmp_path)
    ran = run("extract", "v.mp4", "--backend", backend)
    assert ran.code == 2
    assert ran.err == f"kinescribe: error: backend '{backend}' names weights, which go with a part; try: {way}\n"


def test_a_broken_plugin_is_reported_not_fatal(run, monkeypatch):
    broken = plugins.Plugin("laws", "mine", "no_such_module:Law", "someone 1.0")
    monkeypatch.setattr("kinescribe.cli.listing.plugins", lambda kind: [broken] if kind == "laws" else [])
    ran = run("list", "laws")
    assert ran.code == 0
    assert "mine of someone 1.0 does not import: ModuleNotFoundError" in ran.err


def test_doctor_reports_what_a_run_needs(run):
    ran = run("doctor")
    names = {line.split()[1] for line in ran.out.splitlines()}
    assert {"python", "numpy", "av", "opencv-python-headless"} <= names
    assert "H.264" in ran.out
    assert ran.code == (1 if "\nbroken" in ran.out else 0)


@pytest.mark.parametrize(("loads", "state"), [(True, "ok"), (False, "note")])
def test_doctor_notes_a_torchvision_without_its_compiled_half(monkeypatch, loads, state):
    pytest.importorskip("torch")

    def nms(*_):
        if not loads:
            raise RuntimeError("operator torchvision::nms does not exist")

    vision = SimpleNamespace(ops=SimpleNamespace(nms=nms))
    monkeypatch.setattr("kinescribe.perception.grounded_sam.torchvision.import_torchvision", lambda: vision)
    monkeypatch.setattr(doctor, "_installed", lambda name: "1.0")
    (finding,) = [finding for finding in doctor.examine() if finding.name == "torchvision"]
    assert finding.state == state
    assert "torchvision 1.0 and torch" in finding.text


def test_doctor_finds_duplicated_opencv():
    assert doctor.duplicated_opencv(["opencv-python-headless"]).state == "ok"
    finding = doctor.duplicated_opencv(["opencv-python", "opencv-python-headless"])
    assert finding.state == "broken"
    assert "pip uninstall -y opencv-python opencv-python-headless && pip install opencv-python-headless" in finding.text


def test_doctor_names_missing_extras_and_packages(monkeypatch):
    monkeypatch.setattr(doctor, "_installed", lambda name: None if name in ("pyarrow", "numpy") else "1.0")
    findings = {finding.name: finding for finding in doctor.examine()}
    assert "pip install 'kinescribe[parquet]'" in findings["extra [parquet]"].text
    assert findings["numpy"].state == "broken"


def test_demo_scores_a_perfect_table(table_of):
    scene = demo_scene(seed=0, frame_count=40)
    table = table_of(scene, Calibration.from_scale(150, "m"))
    scores = demo.score(table, scene)
    assert [item.name for item in scores] == list(scene.truth)
    for item in scores:
        assert item.found
        assert item.coverage == 1
        assert item.median_px == pytest.approx(0, abs=1e-9)
        assert item.velocity_error == pytest.approx(0, abs=1e-9)


def test_demo_scores_what_is_off(table_of):
    scene = demo_scene(seed=0, frame_count=40)
    table = table_of(scene, Calibration.from_scale(150, "m"))
    columns = {name: values.copy() for name, values in table.columns.items()}
    columns["vx"][columns["object_id"] == 1] += 0.25
    kept = columns["object_id"] != 2
    scores = {item.name: item for item in demo.score(States.from_columns({n: v[kept] for n, v in columns.items()}, table.meta), scene)}
    assert scores["red ball"].velocity_error == pytest.approx(0.25)
    assert not scores["blue ball"].found


def test_demo_leaves_everything_in_its_folder(run, stand_in, table_of, monkeypatch):
    monkeypatch.setattr("kinescribe.evaluation.scenes.demo_scene", lambda seed: demo_scene(seed=seed, frame_count=20))
    stand_in.table = table_of(demo_scene(seed=0, frame_count=20), Calibration.from_scale(150, "m"))
    ran = run("demo", "-o", "out")
    assert ran.code == 0, ran.err
    assert {path.name for path in Path("out").iterdir()} == {"video.mp4", "states.csv", "states.meta.json", "plot.png", "overlay.mp4"}
    assert ran.out.count("100.0%") == 4
    assert run("demo", "-o", "out").code == 2
    assert run("demo", "-o", "out", "--overwrite", "--quiet").code == 0


def test_demo_fails_where_an_object_is_missed(run, stand_in, table_of, monkeypatch):
    monkeypatch.setattr("kinescribe.evaluation.scenes.demo_scene", lambda seed: demo_scene(seed=seed, frame_count=20))
    stand_in.table = table_of(demo_scene(seed=0, frame_count=20), Calibration.from_scale(150, "m")).of(1)
    ran = run("demo", "-o", "out", "--quiet")
    assert ran.code == 4
    assert "not find blue ball and green ball and orange rod" in ran.err
