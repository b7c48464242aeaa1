from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from weight_files import COMMIT, safetensors_bytes, write_folder, write_snapshot

from kinescribe.errors import UsageError
from kinescribe.perception.weights import catalogue, check, find


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("KINESCRIBE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "weights").mkdir()
    return tmp_path


def test_sound_weights_are_described(places):
    folder = write_folder(places / "weights" / "sam-vit-base")
    found = check("sam-vit-base")
    assert (found.state, found.family, found.path, found.source) == ("ok", "sam", folder, "weights folder")
    assert found.size_bytes == len(safetensors_bytes())
    assert found.sha256 == hashlib.sha256(safetensors_bytes()).hexdigest()
    assert found.verified is None
    assert found.problem is None
    assert json.loads(json.dumps(found.record()))["path"] == str(folder)


def test_missing_weights_say_how_to_get_them():
    found = check("sam3")
    assert (found.state, found.path) == ("missing", None)
    assert "hf download facebook/sam3" in found.problem


def test_an_unknown_name_is_a_mistake_of_the_user():
    with pytest.raises(UsageError, match="did you mean 'sam3'"):
        check("sam33")


def test_the_cache_states_its_hash(places):
    folder = write_snapshot(places / "hub", "facebook/sam-vit-base")
    found = check("sam-vit-base")
    assert (found.state, found.verified, found.revision) == ("ok", True, COMMIT)
    (folder / "model.safetensors").resolve().write_bytes(safetensors_bytes({"other": (16,)}))
    found = check("sam-vit-base")
    assert (found.state, found.verified) == ("broken", False)
    assert "where the hub states" in found.problem


@pytest.fixture
def known(monkeypatch):
    """The catalogue's hash and size of sam_vit_b, as if its file were a small one."""
    content = safetensors_bytes()
    changed = [
        replace(model, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content)) if model.name == "sam_vit_b_01ec64" else model
        for model in catalogue.CATALOG
    ]
    monkeypatch.setattr(catalogue, "CATALOG", tuple(changed))
    return content


def test_the_catalogue_states_a_hash(places, known):
    path = places / "weights" / "sam_vit_b_01ec64.pth"
    path.write_bytes(known)
    found = check("sam_vit_b_01ec64")
    assert (found.state, found.verified, found.family, found.licence) == ("ok", True, "segment-anything", "Apache-2.0")
    path.write_bytes(safetensors_bytes({"a.weight": (3, 4), "b": (1,)}))
    found = check("sam_vit_b_01ec64")
    assert (found.state, found.verified) == ("broken", False)
    assert f"bytes and the hash {found.sha256[:12]}…, where the catalogue states" in found.problem
    assert f"of {len(known)} bytes" in found.problem


def test_a_named_file_of_a_known_name_is_held_to_its_hash(places, known):
    path = places / "sam_vit_b_01ec64.pth"
    path.write_bytes(known)
    assert check(str(path)).verified is True
    other = places / "mine.pth"
    other.write_bytes(known)
    assert (check(str(other)).verified, check(str(other)).family) == (None, None)


def test_a_cut_off_file_is_broken(places):
    folder = write_folder(places / "mine")
    (folder / "model.safetensors").write_bytes(safetensors_bytes()[:-1])
    found = check(str(folder))
    assert found.state == "broken"
    assert "cut off" in found.problem


def test_a_detector_needs_its_tokenizer(places):
    folder = write_folder(places / "mine", "grounding-dino")
    assert "no tokenizer" in check(str(folder)).problem
    for names in (["vocab.txt"], ["vocab.json", "merges.txt"], ["tokenizer.json"]):
        for name in names:
            (folder / name).write_text("{}")
        assert check(str(folder)).state == "ok"
        for name in names:
            (folder / name).unlink()


def test_a_model_that_no_family_takes_is_broken(places):
    found = check(str(write_folder(places / "mine", "bert")))
    assert found.state == "broken"
    assert "'bert'" in found.problem


def test_another_file_under_a_known_name_is_told_and_takes_no_licence(places, known):
    path = places / "weights" / "sam_vit_b_01ec64.pth"
    path.write_bytes(known)
    sound = find("sam_vit_b_01ec64", families=("segment-anything",), default="sam_vit_b_01ec64")
    assert sound.mismatch() is None
    assert "warning" not in sound.provenance()
    assert sound.provenance()["licence"] == "Apache-2.0"
    path.write_bytes(safetensors_bytes({"a.weight": (3, 4), "b": (4,)}))
    odd = find("sam_vit_b_01ec64", families=("segment-anything",), default="sam_vit_b_01ec64")
    facts = odd.provenance()
    assert "not the file that the catalogue knows as 'sam_vit_b_01ec64'" in facts["warning"]
    assert (facts["licence"], facts["revision"]) == ("unknown", "unknown")
    assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_changed_file_of_the_cache_is_told(places):
    folder = write_snapshot(places / "hub", "facebook/sam-vit-base")
    weights = find("sam-vit-base", families=("sam",), default="sam-vit-base")
    assert weights.mismatch() is None
    (folder / "model.safetensors").resolve().write_bytes(safetensors_bytes({"other": (16,)}))
    assert "not the file that the hub had under that name" in weights.mismatch()
    assert weights.provenance()["revision"] == "unknown"
