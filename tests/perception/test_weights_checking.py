from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from weight_files import COMMIT, safetensors_bytes, small_sam, write_folder, write_snapshot

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
    assert found.unchecked is None
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


def sized(monkeypatch, share: float) -> None:
    """The catalogue's sam-vit-base weighs as much as the small file divided by `share`."""
    size = round(len(safetensors_bytes()) / share)
    changed = [replace(model, size_bytes=size) if model.name == "sam-vit-base" else model for model in catalogue.CATALOG]
    monkeypatch.setattr(catalogue, "CATALOG", tuple(changed))


@pytest.mark.parametrize("share", [1.0, 1.015, 0.985, 0.5])
def test_a_folder_of_the_right_size_is_the_catalogue_s(places, monkeypatch, share: float):
    sized(monkeypatch, share)
    write_folder(places / "weights" / "sam-vit-base")
    found, facts = check("sam-vit-base"), find("sam-vit-base", families=("sam",), default="sam-vit-base").provenance()
    assert (found.problem, found.licence, facts["licence"]) == (None, "Apache-2.0", "Apache-2.0")
    assert "warning" not in facts
    assert ("re-saved" in facts.get("precision", "")) == (share == 0.5)


@pytest.mark.parametrize("share", [0.003, 0.9, 0.55, 2.0])
def test_a_folder_of_another_size_is_another_model(places, monkeypatch, share: float):
    sized(monkeypatch, share)
    write_folder(places / "weights" / "sam-vit-base")
    found, facts = check("sam-vit-base"), find("sam-vit-base", families=("sam",), default="sam-vit-base").provenance()
    assert (found.state, found.licence, found.revision) == ("ok", None, None)
    assert "is not the model that the catalogue knows as 'sam-vit-base'" in found.problem
    assert facts["warning"] == found.problem
    assert (facts["licence"], facts["revision"]) == ("unknown", "unknown")


def test_a_detector_needs_to_know_how_pictures_are_prepared(places):
    folder = write_folder(places / "mine", "grounding-dino")
    (folder / "tokenizer.json").write_text("{}")
    assert check(str(folder)).state == "ok"
    (folder / "preprocessor_config.json").rename(folder / "processor_config.json")
    assert check(str(folder)).state == "ok"
    (folder / "processor_config.json").unlink()
    found = check(str(folder))
    assert found.state == "broken"
    assert "has no preprocessor_config.json or processor_config.json" in found.problem


def test_a_configuration_of_another_width_is_broken(places):
    folder = places / "mine"
    small_sam().save_pretrained(folder)
    assert check(str(folder)).state == "ok"
    config = json.loads((folder / "config.json").read_text())
    config["vision_config"]["mlp_dim"] = 24
    (folder / "config.json").write_text(json.dumps(config))
    found = check(str(folder))
    assert found.state == "broken"
    assert "tensors of another shape" in found.problem
    assert "config.json and weights don't belong together" in found.problem


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
