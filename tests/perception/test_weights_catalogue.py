from __future__ import annotations

import re

import pytest

from kinescribe.perception.weights import CATALOG, how_to_get
from kinescribe.perception.weights.catalogue import FAMILIES, called, of_families
from kinescribe.perception.weights.getting import command, size_text, target


def test_names_are_unique_and_no_files_or_hub_ids_of_others():
    names = [model.name for model in CATALOG]
    assert len({name.casefold() for name in names}) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z0-9][\w.-]*", name)] == []


@pytest.mark.parametrize("model", CATALOG, ids=lambda model: model.name)
def test_every_entry_can_be_got_and_used(model):
    assert set(model.families) <= FAMILIES.keys()
    assert len({FAMILIES[name].model_types == () for name in model.families}) == 1, "a file or a folder, not both"
    assert 10e6 < model.size_bytes < 10e9
    assert model.repo or model.url
    assert not model.repo or re.fullmatch(r"[\w.-]+/[\w.-]+", model.repo)
    if model.is_file:
        assert len(model.files) == 1
        assert model.url.endswith(f"/{model.files[0]}")
        assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
    else:
        assert "config.json" in model.files


@pytest.mark.parametrize("model", CATALOG, ids=lambda model: model.name)
def test_what_to_do_is_one_line_with_command_size_and_licence(model, monkeypatch, tmp_path):
    monkeypatch.setenv("KINESCRIBE_WEIGHTS", str(tmp_path / "here"))
    line = how_to_get(model)
    assert "\n" not in line
    assert size_text(model.size_bytes) in line
    assert model.licence in line
    assert (model.url or model.repo) in line
    assert str(target(model)) in line
    assert target(model).is_relative_to(tmp_path / "here")
    assert ("gated: accept the licence at https://huggingface.co/" in line) == model.gated


def test_only_sam_3_is_gated():
    assert [model.name for model in CATALOG if model.gated] == ["sam3"]
    assert "Apache" not in called("sam3").licence


def test_a_folder_with_spaces_is_quoted(monkeypatch, tmp_path):
    monkeypatch.setenv("KINESCRIBE_WEIGHTS", str(tmp_path / "my weights"))
    assert f"'{tmp_path / 'my weights' / 'sam-vit-base'}'" in command(called("sam-vit-base"))


def test_every_family_has_a_model():
    assert [name for name in FAMILIES if not of_families([name])] == []


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("sam3", "sam3"),
        ("SAM3", "sam3"),
        ("facebook/sam2.1-hiera-tiny", "sam2.1-hiera-tiny"),
        ("sam_vit_h_4b8939.pth", "sam_vit_h_4b8939"),
        ("google/owlv2-base-patch16-ensemble", "owlv2-base"),
    ],
)
def test_models_answer_to_name_hub_id_and_file(spec, name):
    assert called(spec).name == name


@pytest.mark.parametrize("spec", ["", "sam", "model.safetensors", "config.json", "facebook"])
def test_nothing_else_is_a_name(spec):
    assert called(spec) is None


def test_sam_2_serves_pictures_and_video():
    assert called("sam2.1-hiera-large").families == ("sam2", "sam2-video")


@pytest.mark.parametrize(("size", "text"), [(156_000_000, "156 MB"), (3_440_000_000, "3.44 GB"), (999_999_999, "1000 MB")])
def test_sizes_are_decimal(size, text):
    assert size_text(size) == text
