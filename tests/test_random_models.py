"""Every learned backend from end to end, small and with random weights: no error, the same columns, provenance kept."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from kinescribe.cli import extract
from kinescribe.evaluation import scenes
from kinescribe.states import COLUMNS

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "real"
ANYTHING = "red ball: 0.01, black cart | trolley: 0.01"  # random weights are sure of nothing
STACKS: dict[str, list[str]] = {
    "grounding-dino, sam2, sam2-video": [
        "--backend=grounded-sam",
        "--detector=grounding-dino:{gd}",
        "--segmenter=sam2:{sam2}",
        "--propagator=sam2-video:{sam2}",
    ],
    "mm-grounding-dino, sam, flow": [
        "--backend=grounded-sam",
        "--detector=mm-grounding-dino:{mm}",
        "--segmenter=sam:{sam}",
        "--propagator=flow",
        "--detect-every=6",
    ],
    "owlv2, segment-anything, none": [
        "--backend=owlv2",
        "--detector=owlv2:{owl}",
        "--segmenter=segment-anything:{original}",
        "--propagator=none",
    ],
    "boxes alone": ["--backend=owlv2", "--detector=owlv2:{owl}", "--segmenter=none", "--propagator=none"],
    "sam3": ["--backend=sam3", "--concept-tracker=sam3-video:{sam3}"],
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    import small_models
    import small_video_models
    import test_sam_segmenters
    import test_segment_anything
    import torch

    root = tmp_path_factory.mktemp("weights")
    makers: dict[str, Callable[[Path], Any]] = {
        "gd": small_models.write_grounding_dino,
        "mm": lambda folder: small_models.write_grounding_dino(folder, mm=True),
        "owl": small_models.write_owlv2,
        "sam": test_sam_segmenters.write_sam,
        "sam2": small_video_models.write_sam2_video,
        "sam3": lambda folder: small_video_models.write_sam3_video(folder, seed=3),
    }
    for name, make in makers.items():
        (root / name).mkdir()
        make(root / name)
    torch.save(test_segment_anything.small_sam().state_dict(), root / "original.pth")
    return {**{name: str(root / name) for name in makers}, "original": str(root / "original.pth")}


def run(words: list[str], folders: dict[str, str], video: Path, output: Path) -> dict[str, Any]:
    """The sidecar of a run that must end well."""
    options = [word.format(**folders) for word in words]
    code = extract.main(
        [str(video), "-o", str(output), "--objects", ANYTHING, "--verifier", "rules", "--device", "cpu", "--quiet", "--masks", *options]
    )
    assert code == 0
    with output.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [column.name for column in COLUMNS]
    assert {row["label"].rstrip(" 0123456789") for row in rows} <= {"red ball", "black cart"}
    return json.loads(output.with_name(output.stem + ".meta.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("stack", STACKS)
def test_every_backend_runs_and_says_whose_weights_it_used(stack: str, folders: dict[str, str], tmp_path: Path):
    video = tmp_path / "video.mp4"
    scenes.two_pucks_collision(frame_count=14, width=160, height=120).write(video)
    meta = run(STACKS[stack], folders, video, tmp_path / "states.csv")
    named = {word.split("=")[0][2:].replace("-", "_") for word in STACKS[stack] if "{" in word}
    assert set(meta["models"]) >= named
    assert all(len(meta["models"][role]["sha256"]) == 64 for role in named)
    assert all(item["verification"]["by"] == "rules" for item in meta["objects"].values() if item["part_of"] is None)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("stack", STACKS)
def test_every_backend_runs_on_a_real_clip(stack: str, folders: dict[str, str], tmp_path: Path):
    if not DATA.is_dir():
        pytest.skip(f"no clips in {DATA}")
    from kinescribe.video import VideoWriter, open_video

    short = tmp_path / "short.mp4"
    with VideoWriter(short) as writer:
        for frame, _ in zip(open_video(DATA / "balltoss" / "video.mp4"), range(8), strict=False):
            writer.write(frame.image, frame.time_s)
    run(STACKS[stack], folders, short, tmp_path / "states.csv")
