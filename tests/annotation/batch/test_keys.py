"""The key of a result changes with whatever the result depends on, and with nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from weight_files import safetensors_bytes, write_folder

from kinescribe import plugins
from kinescribe.annotation.batch.keys import revisions_of
from kinescribe.perception.grounded_sam import _availability
from kinescribe.settings import ExtractionSettings

FOLDERS = {
    "detector": {"grounding-dino": "grounding-dino", "mm-grounding-dino": "mm-grounding-dino", "owlv2": "owlv2"},
    "segmenter": {"sam": "sam", "sam2": "sam2_video"},
    "propagator": {"sam2-video": "sam2_video"},
    "concept_tracker": {"sam3-video": "sam3_video"},
}
FILES = {"detector": ["groundingdino-py"], "segmenter": ["segment-anything"]}
OF_FOLDERS = [(role, name, model_type) for role, named in FOLDERS.items() for name, model_type in named.items()]
OF_FILES = [(role, name) for role, names in FILES.items() for name in names]
BESIDE = ("config.json", "preprocessor_config.json", "tokenizer_config.json", "vocab.txt")


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As if all packages were here; no weights but those of the test."""
    from kinescribe.perception.grounded_sam import groundingdino_py

    monkeypatch.setattr(_availability, "find_spec", lambda name: name)
    monkeypatch.setattr(groundingdino_py, "python_missing", lambda: None)
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "vocab.txt").write_text("[PAD]\nball\n", encoding="utf-8")
    monkeypatch.setenv(groundingdino_py.VOCABULARY, str(tmp_path / "bert"))


def settings(role: str, part: str, **more: str) -> ExtractionSettings:
    backend = "sam3" if role == "concept_tracker" else "grounded-sam"
    others = {"propagator": "none", "segmenter": "none"} if role != "concept_tracker" else {}
    first = {} if role in ("detector", "concept_tracker") else {"detector": "classical"}
    return ExtractionSettings.of({"objects": "red ball", "backend": backend, "verifier": "rules", **others, **first, role: part, **more})


def folder(path: Path, model_type: str) -> Path:
    write_folder(path, model_type)
    (path / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    (path / "vocab.txt").write_text("[PAD]\nball\n", encoding="utf-8")
    return path


def spoil(path: Path) -> None:
    """Another content of the same size, of a later date, however coarse the file system's clock is."""
    content, written = bytearray(path.read_bytes()), path.stat().st_mtime_ns
    content[-2] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, ns=(written + 10**9, written + 10**9))


@pytest.mark.parametrize(("role", "name", "model_type"), OF_FOLDERS)
def test_the_revision_of_a_folder_changes_with_each_of_its_files(role: str, name: str, model_type: str, tmp_path: Path):
    place = folder(tmp_path / "weights", model_type)
    asked = settings(role, f"{name}:{place}")
    before = revisions_of(asked)[role]
    assert revisions_of(asked)[role] == before
    seen = {before}
    for beside in BESIDE:
        path = place / beside
        content = path.read_text(encoding="utf-8")
        path.write_text(f"{content}\n", encoding="utf-8")
        seen.add(revisions_of(asked)[role])
        path.write_text(content, encoding="utf-8")
    spoil(place / "model.safetensors")
    seen.add(revisions_of(asked)[role])
    assert len(seen) == len(BESIDE) + 2
    spoil(place / "model.safetensors")
    (place / "README.md").write_text("nothing that is read", encoding="utf-8")
    assert revisions_of(asked)[role] == before


@pytest.mark.parametrize(("role", "name"), OF_FILES)
def test_the_revision_of_a_file_changes_with_it(role: str, name: str, tmp_path: Path):
    path = tmp_path / "own.safetensors"
    path.write_bytes(safetensors_bytes())
    asked = settings(role, f"{name}:{path}")
    before = revisions_of(asked)[role]
    spoil(path)
    assert revisions_of(asked)[role] != before


def test_the_words_of_groundingdino_py_lie_elsewhere_and_count(tmp_path: Path):
    path = tmp_path / "own.safetensors"
    path.write_bytes(safetensors_bytes())
    asked = settings("detector", f"groundingdino-py:{path}")
    before = revisions_of(asked)["detector"]
    (tmp_path / "bert" / "vocab.txt").write_text("[PAD]\ncart\n", encoding="utf-8")
    assert revisions_of(asked)["detector"] != before


def test_every_part_with_weights_is_tested_here():
    named = {(role, name) for role, name, _ in OF_FOLDERS} | set(OF_FILES)
    ours = {
        (role, plugin.name)
        for role in FOLDERS
        for plugin in plugins.plugins(f"{role}s")
        if plugin.package.startswith("kinescribe ") and hasattr(plugin.load(), "families")
    }
    assert ours == named


def test_the_place_of_the_weights_and_their_dates_do_not_count(tmp_path: Path):
    here = folder(tmp_path / "here" / "weights", "owlv2")
    there = tmp_path / "there" / "weights"
    shutil.copytree(here, there, copy_function=shutil.copyfile)
    assert revisions_of(settings("detector", f"owlv2:{here}")) == revisions_of(settings("detector", f"owlv2:{there}"))


def test_a_model_in_parts_changes_with_any_of_them(tmp_path: Path):
    place = folder(tmp_path / "weights", "owlv2")
    (place / "model.safetensors").unlink()
    for part in ("a", "b"):
        (place / f"{part}.safetensors").write_bytes(safetensors_bytes({f"{part}.weight": (3, 4)}))
    index = '{"weight_map": {"a.weight": "a.safetensors", "b.weight": "b.safetensors"}}'
    (place / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    asked = settings("detector", f"owlv2:{place}")
    before = revisions_of(asked)["detector"]
    spoil(place / "b.safetensors")
    assert revisions_of(asked)["detector"] != before


def test_an_example_picture_counts_by_what_is_in_it(tmp_path: Path):
    place, picture = folder(tmp_path / "weights", "owlv2"), tmp_path / "cart.png"
    picture.write_bytes(bytes(np.arange(40, dtype=np.uint8)))
    asked = settings("detector", f"owlv2:{place}", objects=f"@{picture}, red ball")
    before = revisions_of(asked)
    assert "pictures" not in revisions_of(settings("detector", f"owlv2:{place}"))
    spoil(picture)
    after = revisions_of(asked)
    assert after.pop("pictures") != before.pop("pictures")
    assert after == before
