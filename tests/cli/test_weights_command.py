from __future__ import annotations

import json
import os
import struct
import subprocess
import sys

import pytest

from kinescribe.cli.running import run as run_application
from kinescribe.cli.running import single
from kinescribe.cli.weights import weights
from kinescribe.perception.weights import CATALOG


@pytest.fixture
def call(run, tmp_path, monkeypatch):
    """Run ``kinescribe weights …`` with a weights folder and a hub cache of the test's own."""
    monkeypatch.setenv("KINESCRIBE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    application = single()
    application.callback()(lambda: None)
    application.add_typer(weights, name="weights")
    return lambda *arguments: run("weights", *arguments, entry=lambda argv: run_application(application, "kinescribe", argv))


def put(folder, model_type="sam"):
    """A folder that holds a configuration and one tensor."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    return folder


@pytest.mark.parametrize("command", ["list", "check", "path"])
def test_help(call, command):
    ran = call(command, "--help")
    assert ran.code == 0
    assert f"Usage: kinescribe weights {command}" in ran.out


def test_without_a_command_the_commands_are_named(call):
    assert call().code == 2
    ran = call("--help")
    assert ran.code == 0
    assert all(f"\n  {command} " in ran.out for command in ("list", "check", "path"))


def test_list_shows_every_model_and_where_it_is(call, tmp_path):
    folder = put(tmp_path / "weights" / "sam-vit-base")
    ran = call("list")
    assert ran.code == 0
    rows = {line.split()[0]: line for line in ran.out.splitlines()[1:]}
    assert rows.keys() == {model.name for model in CATALOG}
    assert rows["sam-vit-base"].endswith(str(folder))
    assert rows["sam3"].endswith("gated missing")
    assert "3.44 GB" in rows["sam3"]


def test_list_as_json(call, tmp_path):
    put(tmp_path / "weights" / "sam-vit-base")
    put(tmp_path / "weights" / "sam-vit-large", "owlv2")
    records = {record["name"]: record for record in json.loads(call("list", "--json").out)}
    assert records.keys() == {model.name for model in CATALOG}
    assert records["sam-vit-base"]["state"] == "here"
    assert records["sam-vit-large"]["state"] == "broken"
    assert "'owlv2', where 'sam' is needed" in records["sam-vit-large"]["problem"]
    assert records["sam3"]["state"] == "missing"
    assert records["sam3"]["gated"] is True
    assert records["sam_vit_b_01ec64"]["command"].startswith("curl -L ")


def test_check_of_everything_is_content_with_what_is_missing(call, tmp_path):
    put(tmp_path / "weights" / "sam-vit-base")
    ran = call("check")
    assert (ran.code, ran.err) == (0, "")
    assert "ok       sam-vit-base" in ran.out
    assert ran.out.count("missing  ") == len(CATALOG) - 1
    put(tmp_path / "weights" / "sam3", "sam")
    ran = call("check")
    assert ran.code == 3
    assert "broken   sam3" in ran.out
    assert ran.err.startswith("kinescribe: 1 of ")


def test_check_says_what_to_do_about_missing_weights(call, tmp_path):
    ran = call("check", "sam3")
    assert ran.code == 3
    for text in ("missing  sam3", "3.44 GB", "SAM License", "accept the licence at https://huggingface.co/facebook/sam3", "hf download"):
        assert text in ran.out
    assert str(tmp_path / "weights" / "sam3") in ran.out


def test_check_of_a_folder(call, tmp_path):
    folder = put(tmp_path / "mine")
    ran = call("check", folder)
    assert ran.code == 0
    assert str(folder) in ran.out
    record = json.loads(call("check", folder, "--json").out)[0]
    assert (record["state"], record["family"], record["path"]) == ("ok", "sam", str(folder))
    assert record["sha256"] in ran.out
    (folder / "model.safetensors").write_bytes(b"<!DOCTYPE html><title>404</title>")
    ran = call("check", folder, "--json")
    assert ran.code == 3
    assert "web page" in json.loads(ran.out)[0]["problem"]


def test_check_of_an_unknown_name(call):
    ran = call("check", "sam33")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean 'sam3'" in ran.err
    assert ran.err.count("\n") == 1


def test_every_name_is_checked_and_the_worst_counts(call, tmp_path):
    folder = put(tmp_path / "mine")
    ran = call("check", "sam33", folder)
    assert ran.code == 2
    assert "ok       mine" in ran.out
    assert "did you mean 'sam3'" in ran.err
    ran = call("check", "sam33", "sam3", folder)
    assert ran.code == 3
    assert "missing  sam3" in ran.out
    assert "1 of 3 not usable" in ran.err


@pytest.mark.parametrize(
    "variables",
    [
        {"KINESCRIBE_WEIGHTS": "~nosuchuser/x"},
        {"KINESCRIBE_WEIGHTS": "/tmp/" + "a" * 300},
        {"KINESCRIBE_WEIGHTS": "/tmp/\udcff"},
        {"KINESCRIBE_WEIGHTS": "/tmp/\x1b[31mX\nY"},
        {"HF_HUB_CACHE": "~nosuchuser/x"},
        {"HF_HUB_CACHE": "/tmp/" + "a" * 5000},
        {"XDG_CACHE_HOME": "~nosuchuser/x", "KINESCRIBE_WEIGHTS": "", "HF_HUB_CACHE": ""},
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="names that no variable can hold there")
def test_odd_places_crash_nothing(call, monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ran = call("list")
    assert ran.code == 0
    assert ran.out.count("missing") == len(CATALOG)
    assert all(line.isprintable() for line in (ran.out + ran.err).splitlines())
    if variables.get("KINESCRIBE_WEIGHTS"):
        assert "$KINESCRIBE_WEIGHTS names '" in ran.err
        assert "which is no folder" in ran.err
    ran = call("check", "sam3")
    assert (ran.code, "\x1b" in ran.out) == (3, False)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="needs file names that are no text")
def test_a_path_that_is_no_text_is_printed_as_it_is():
    code = "import sys; from kinescribe.cli import main; sys.exit(main(['weights', 'path']))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, env={**os.environb, b"KINESCRIBE_WEIGHTS": b"/tmp/\xff"})
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"/tmp/\xff\n", b"")


def test_odd_things_in_the_cache_are_passed_over(call, tmp_path):
    snapshots = tmp_path / "hub" / "models--facebook--sam3" / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / ("a" * 40)).symlink_to("/nonexistent")
    (snapshots / ("b" * 40)).symlink_to("b" * 40)
    ran = call("list")
    assert (ran.code, ran.out.count("missing")) == (0, len(CATALOG))


def test_path(call, tmp_path):
    assert call("path").out == f"{tmp_path / 'weights'}\n"
    folder = put(tmp_path / "weights" / "sam-vit-base")
    assert call("path", "sam-vit-base").out == f"{folder}\n"
    ran = call("path", "sam3")
    assert (ran.code, ran.out) == (3, "")
    assert "the weights 'sam3' are not here" in ran.err
    assert ran.err.count("\n") == 1


LIGHT = """
import sys
from kinescribe.cli.running import run, single
from kinescribe.cli.weights import weights
light = {"torch", "transformers", "huggingface_hub", "safetensors", "httpx"}
assert not {"numpy", *light} & {name.split(".")[0] for name in sys.modules}
application = single()
application.callback()(lambda: None)
application.add_typer(weights, name="weights")
for arguments in (["list"], ["check"], ["path"], ["path", "sam3"]):
    run(application, "kinescribe", ["weights", *arguments])
print("heavy:", *light & {name.split(".")[0] for name in sys.modules})
"""


def test_the_commands_need_nothing_heavy():
    ran = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "heavy:"


def test_only_what_is_here_is_listed_as_here(run, tmp_path, monkeypatch):
    from weight_files import write_folder

    monkeypatch.setenv("KINESCRIBE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    write_folder(tmp_path / "sam-vit-huge")
    records = {record["name"]: record for record in json.loads(run("weights", "list", "--json").out)}
    assert [name for name, record in records.items() if record["state"] == "here"] == ["sam-vit-huge"]
