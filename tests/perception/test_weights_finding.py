from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from weight_files import COMMIT, safetensors_bytes, write_folder, write_snapshot

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.weights import CATALOG, MissingWeightsError, find, missing, weights_folder
from kinescribe.perception.weights.places import hub_cache

SAM = {"families": ("sam",), "default": "sam-vit-base"}
FILES = {"families": ("segment-anything",), "default": "sam_vit_b_01ec64"}


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """A weights folder and a hub cache of the test's own, both empty; the working folder too."""
    monkeypatch.setenv("KINESCRIBE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "weights").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def test_nothing_there_says_how_to_get_the_default():
    with pytest.raises(MissingWeightsError) as caught:
        find(None, **SAM)
    line = str(caught.value)
    assert "'sam-vit-base'" in line
    assert "hf download facebook/sam-vit-base" in line
    assert "375 MB" in line
    assert "Apache-2.0" in line
    assert line == missing(None, **SAM)
    assert caught.value.exit_code == 3


def test_a_gated_model_says_so_first():
    line = missing(None, families=("sam3-video",), default="sam3")
    assert line.index("accept the licence at https://huggingface.co/facebook/sam3") < line.index("hf download")


@pytest.mark.parametrize("model", CATALOG, ids=lambda model: model.name)
def test_every_missing_model_is_one_line(model):
    line = missing(model.name, families=model.families, default=model.name)
    assert "\n" not in line
    assert model.name in line


def test_order_is_named_folder_then_weights_folder_then_hub_cache(places):
    cached = write_snapshot(places / "hub", "facebook/sam-vit-base")
    found = find("sam-vit-base", **SAM)
    assert (found.path, found.source, found.revision) == (cached, "hub cache", COMMIT)
    own = write_folder(places / "weights" / "sam-vit-base")
    found = find("sam-vit-base", **SAM)
    assert (found.path, found.source, found.licence) == (own, "weights folder", "Apache-2.0")
    named = write_folder(places / "work" / "sam-vit-base")
    found = find("sam-vit-base", **SAM)
    assert (found.path, found.source, found.licence) == (named, "folder", None)
    assert find(None, **SAM).path == own, "a folder of that name in the working folder is taken only where it is named"


def test_hub_ids_find_the_same(places):
    own = write_folder(places / "weights" / "facebook" / "sam-vit-base")
    assert find("facebook/sam-vit-base", **SAM).path == own
    assert find("sam-vit-base", **SAM).name == "sam-vit-base"


def test_hub_cache_agrees_with_huggingface_hub(places):
    from huggingface_hub import try_to_load_from_cache

    write_snapshot(places / "hub", "facebook/sam-vit-base", commit="f" * 40, main=False)
    write_snapshot(places / "hub", "facebook/sam-vit-base")
    theirs = try_to_load_from_cache("facebook/sam-vit-base", "model.safetensors", cache_dir=places / "hub")
    assert find(None, **SAM).files == [Path(theirs)]


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"HF_HUB_CACHE": "/x/a"}, "/x/a"),
        ({"HUGGINGFACE_HUB_CACHE": "/x/b"}, "/x/b"),
        ({"HF_HOME": "/x/c"}, "/x/c/hub"),
        ({"HF_HOME": "$HOME/c"}, "/home/u/c/hub"),
        ({"XDG_CACHE_HOME": "/x/d"}, "/x/d/huggingface/hub"),
        ({}, "/home/u/.cache/huggingface/hub"),
    ],
)
def test_place_of_the_hub_cache_is_huggingface_hubs(variables, folder, monkeypatch):
    clean = {"PATH": "/usr/bin", "HOME": "/home/u", **variables}
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in clean.items():
        monkeypatch.setenv(name, value)
    assert str(hub_cache()) == folder
    code = "from huggingface_hub import constants; print(constants.HF_HUB_CACHE)"
    theirs = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True).stdout.strip()
    assert theirs == folder


def test_weights_folder_without_a_variable_is_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("KINESCRIBE_WEIGHTS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert weights_folder() == tmp_path / "kinescribe" / "weights"


def test_a_variable_that_names_no_folder_is_said(monkeypatch):
    monkeypatch.setenv("KINESCRIBE_WEIGHTS", "/no/such/folder")
    assert "$KINESCRIBE_WEIGHTS names '/no/such/folder', which is no folder" in missing(None, **SAM)


def test_a_part_of_a_model_in_the_cache_is_not_taken(places):
    part = write_snapshot(places / "hub", "facebook/sam-vit-base")
    (part / "model.safetensors").unlink()
    line = missing(None, **SAM)
    assert "not here as a whole" in line
    assert str(part) in line
    own = write_folder(places / "weights" / "sam-vit-base")
    assert find(None, **SAM).path == own


def test_files_are_found_in_the_weights_folder(places):
    for place in ("sam_vit_b_01ec64.pth", "sam_vit_b_01ec64/sam_vit_b_01ec64.pth"):
        path = places / "weights" / place
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(safetensors_bytes())
        for spec in (None, "sam_vit_b_01ec64", "sam_vit_b_01ec64.pth"):
            found = find(spec, **FILES)
            assert (found.path, found.family, found.source) == (path, "segment-anything", "weights folder")
        path.unlink()


def test_a_file_of_the_hub_cache(places):
    folder = write_snapshot(places / "hub", "ShilongLiu/GroundingDINO")
    (folder / "groundingdino_swint_ogc.pth").write_bytes(safetensors_bytes())
    found = find(None, families=("groundingdino-py",), default="groundingdino_swint_ogc")
    assert (found.source, found.revision, found.name) == ("hub cache", COMMIT, "groundingdino_swint_ogc")


def test_a_named_file(places):
    path = places / "mine.pth"
    path.write_bytes(safetensors_bytes())
    found = find(str(path), **FILES)
    assert (found.path, found.source, found.name, found.licence) == (path, "file", "mine", None)
    assert find(str(places), **FILES).path == path, "the only weights file of a folder"
    (places / "other.safetensors").write_bytes(safetensors_bytes())
    with pytest.raises(InputError, match="2 weights files"):
        find(str(places), **FILES)


def test_a_file_that_only_borrows_a_known_name_has_no_licence(places):
    path = places / "sam_vit_b_01ec64.pth"
    path.write_bytes(safetensors_bytes())
    assert find(str(path), **FILES).licence is None


def test_a_file_where_a_folder_is_needed_names_the_folder(places):
    folder = write_folder(places / "mine")
    with pytest.raises(UsageError, match=f"name its folder '{folder}'"):
        find(str(folder / "model.safetensors"), **SAM)


def test_the_revision_of_a_download_into_a_folder(places):
    folder = write_folder(places / "mine")
    notes = folder / ".cache" / "huggingface" / "download"
    notes.mkdir(parents=True)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    (notes / "config.json.metadata").write_text(f"{COMMIT}\nabc\n1.0\n")
    (notes / "model.safetensors.metadata").write_text(f"{COMMIT}\n{digest}\n1.0\n")
    found = find(str(folder), **SAM)
    assert found.revision == COMMIT
    assert found.stated_sha256() == digest == found.sha256()


def test_provenance_is_text_and_names_no_folder_of_the_user(places):
    folder = write_folder(places / "weights" / "sam-vit-base")
    told = find(None, **SAM).provenance()
    assert told["name"] == "sam-vit-base"
    assert told["family"] == "sam"
    assert "is not the model that the catalogue knows as 'sam-vit-base'" in told["warning"]
    assert told["licence"] == told["revision"] == "unknown"
    assert told["sha256"] == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert all(isinstance(value, str) and str(places) not in value for value in told.values())


def test_the_hash_follows_the_file(places):
    folder = write_folder(places / "mine")
    before = find(str(folder), **SAM).sha256()
    (folder / "model.safetensors").write_bytes(safetensors_bytes({"b": (5,)}))
    assert find(str(folder), **SAM).sha256() != before


def test_a_model_in_parts_has_one_hash_of_all(places):
    folder = write_folder(places / "mine")
    (folder / "model.safetensors").unlink()
    for name in ("one.safetensors", "two.safetensors"):
        (folder / name).write_bytes(safetensors_bytes({name: (2,)}))
    index = {"weight_map": {"a": "two.safetensors", "b": "one.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    found = find(str(folder), **SAM)
    assert [file.name for file in found.files] == ["one.safetensors", "two.safetensors"]
    before = found.sha256()
    (folder / "two.safetensors").write_bytes(safetensors_bytes({"two.safetensors": (3,)}))
    assert find(str(folder), **SAM).sha256() != before
    (folder / "two.safetensors").unlink()
    with pytest.raises(InputError, match=r"lacks 1 of 2 parts, such as 'two\.safetensors'"):
        find(str(folder), **SAM)


@pytest.mark.parametrize("name", ["../outside.safetensors", "/etc/passwd", "model.pkl", "a/b.safetensors"])
def test_parts_outside_the_folder_are_refused(places, name):
    folder = write_folder(places / "mine")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(InputError, match="refused"):
        find(str(folder), **SAM)


def test_safetensors_come_before_pickles(places):
    folder = write_folder(places / "mine")
    (folder / "pytorch_model.bin").write_bytes(b"not looked at")
    assert [file.name for file in find(str(folder), **SAM).files] == ["model.safetensors"]


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'sam-vit-base'"):
        find("sam-vit-bas", **SAM)


def test_a_model_of_another_family_is_named():
    with pytest.raises(UsageError, match=r"'owlv2-base' are a detector \(owlv2\), not sam; available: sam-vit-base"):
        find("owlv2-base", **SAM)


def test_a_folder_of_another_model_is_named(places):
    folder = write_folder(places / "mine", "bert")
    with pytest.raises(InputError, match="type 'bert', where 'sam' is needed"):
        find(str(folder), **SAM)


def test_the_video_models_folder_serves_the_picture_model(places):
    folder = write_folder(places / "mine", "sam2_video")
    for family in ("sam2", "sam2-video"):
        assert find(str(folder), families=(family,), default="sam2.1-hiera-tiny").family == family


def test_a_folder_without_a_configuration(places):
    (places / "mine").mkdir()
    with pytest.raises(InputError, match=r"no config\.json"):
        find(str(places / "mine"), **SAM)


@pytest.mark.parametrize("spec", ["./nowhere", "/no/such/folder", "~nobody/x", "mine.pth", "a/b/c", "x" * 3000 + ".pth"])
def test_a_path_to_nothing(spec):
    with pytest.raises(MissingWeightsError, match="no weights folder or file"):
        find(spec, **SAM)


def test_an_uncatalogued_hub_model(places):
    line = missing("someone/sam-vit-base", **SAM)
    assert "did you mean 'facebook/sam-vit-base'" in line
    assert "https://huggingface.co/someone/sam-vit-base" in line
    assert "hf download someone/sam-vit-base" in line
    cached = write_snapshot(places / "hub", "someone/fine-tuned")
    found = find("someone/fine-tuned", **SAM)
    assert (found.path, found.name, found.family, found.licence) == (cached, "someone/fine-tuned", "sam", None)
    write_snapshot(places / "hub", "someone/else", "owlv2")
    with pytest.raises(InputError, match="'owlv2', where 'sam' is needed"):
        find("someone/else", **SAM)


def test_an_uncatalogued_hub_model_where_a_file_is_needed():
    with pytest.raises(UsageError, match="needs a single file"):
        find("someone/fine-tuned", **FILES)


def test_what_is_found_is_looked_into(places):
    path = places / "weights" / "sam_vit_b_01ec64.pth"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 3\n")
    assert "git-lfs pointer" in missing(None, **FILES)


@given(st.text(max_size=60))
def test_any_text_is_answered_in_one_line(spec):
    line = missing(spec, families=("sam",), default="sam-vit-base")
    assert line is None or (line and "\n" not in line)


CODE = """
import sys
from kinescribe.perception import weights
line = weights.missing(None, families=("sam3-video",), default="sam3")
assert "not here" in line, line
found = weights.find(sys.argv[1], families=("sam",), default="sam-vit-base")
sys.modules["torch"] = None
from importlib.machinery import PathFinder
whole = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name in ("torch", "safetensors") else whole(name, *rest)
del sys.modules["torch"]
checked = weights.check(sys.argv[1])
assert checked.state == "ok"
assert "torch, safetensors is not installed" in checked.unchecked, checked.unchecked
heavy = {"torch", "transformers", "huggingface_hub", "safetensors", "httpx", "requests"}
print(*sorted(heavy & {name.split(".")[0] for name in sys.modules}))
"""


def test_finding_needs_nothing_heavy_and_checking_only_what_is_there(places):
    folder = write_folder(places / "mine")
    ran = subprocess.run([sys.executable, "-c", CODE, str(folder)], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


OFFLINE = """
import socket, sys
def refuse(*args, **kwargs):
    raise SystemExit("reached for the network")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from kinescribe.perception import weights
for model in weights.CATALOG:
    print(weights.missing(None, families=model.families, default=model.name) is not None)
"""


def test_finding_never_reaches_for_the_network():
    ran = subprocess.run([sys.executable, "-c", OFFLINE], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["True"] * len(CATALOG)


def test_without_a_name_any_of_the_family_will_do(places):
    with pytest.raises(MissingWeightsError, match="sam-vit-base"):
        find(None, **SAM)
    write_folder(places / "weights" / "sam-vit-huge")
    assert find(None, **SAM).name == "sam-vit-huge"
    with pytest.raises(MissingWeightsError):
        find("sam-vit-base", **SAM)
    write_folder(places / "weights" / "sam-vit-base")
    assert find(None, **SAM).name == "sam-vit-base"
