import json
from pathlib import Path

import numpy as np
import pytest
import torch

from kinescribe.perception.detections import SoftMask

STAGES = {
    "detect",
    "segment, SAM",
    "segment, SAM 2",
    "segment, segment-anything",
    "propagate, SAM 2 video",
    "pipeline, detection in every frame",
    "pipeline, detection in every 10th",
}


@pytest.fixture(scope="module")
def benchmark():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
        import gpu

        yield gpu


@pytest.fixture(scope="module")
def bench(benchmark, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    models = benchmark.write_models(folder, small=True)
    video = benchmark.write_video(folder / "video.mp4", 11, 160, 96)
    options = {"device": "cpu", "precision": "fp32", "compile": False}
    frames = list(benchmark.open_video(video))
    return benchmark.Bench(models, video, frames, benchmark.fixed_boxes(160, 96), ["ball"], 1, 2, True, options, False)


def lies_in(mask: SoftMask, box) -> bool:
    rows, columns = np.nonzero(mask.binary().pixels)
    cut = mask.binary()
    edges = [cut.x + columns.min(), cut.y + rows.min(), cut.x + columns.max() + 1, cut.y + rows.max() + 1]
    return bool(np.abs(np.array(edges) - box).max() <= 2)


def test_boxes_lie_apart_and_inside(benchmark):
    boxes = benchmark.fixed_boxes(1280, 720)
    assert boxes.shape == (10, 4)
    assert boxes.min() > 0
    assert (boxes[:, 2:] < [1280, 720]).all()
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            assert one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]


def test_discs_fill_their_boxes(benchmark):
    boxes = torch.tensor([[8.0, 16.0, 40.0, 56.0]])
    inside = benchmark.disc_logits(boxes, 64, 64, 64)[0] > 0
    rows, columns = torch.nonzero(inside, as_tuple=True)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (8, 16, 39, 55)
    assert inside.sum().item() == pytest.approx(torch.pi / 4 * 32 * 40, rel=0.02)


def test_every_frame_passes_the_pipelines_with_ten_masks_in_their_boxes(benchmark, bench, monkeypatch):
    parts = benchmark.Parts(bench, 4)
    counted, detected = [], []
    monkeypatch.setattr(benchmark, "count_pixels", lambda masks: counted.append(list(masks)) or 0)
    detect = parts.detector.detect_batch
    monkeypatch.setattr(parts.detector, "detect_batch", lambda frames: detected.extend(f.index for f in frames) or detect(frames))
    for side_by_side in (True, False):
        assert parts.pipeline(1, side_by_side=side_by_side) == 11
        assert parts.pipeline(10, side_by_side=side_by_side) == 11
        assert detected == [*range(11), 0, 10]
        assert [len(masks) for masks in counted] == [10] * 11 + [0] + [10] * 10
        for masks in counted:
            assert all(lies_in(mask, box) for mask, box in zip(masks, bench.boxes, strict=False))
        counted.clear()
        detected.clear()


def test_segmenters_work_on_ten_boxes(benchmark, bench):
    parts = benchmark.Parts(bench, 2)
    assert set(parts.segmenters) == {"SAM", "SAM 2", "segment-anything"}
    for segmenter in parts.segmenters.values():
        for masks in segmenter.segment_batch(bench.frames[:3], [bench.boxes] * 3):
            assert all(lies_in(mask, box) for mask, box in zip(masks, bench.boxes, strict=True))


def test_recipes_run_the_same_work(benchmark, bench):
    benchmark.load_recipes(bench)
    assert set(bench.recipes) == STAGES
    from gpu_recipes import SamRecipe, SessionRecipe

    cpu = torch.device("cpu")
    for second in (False, True):
        assert SamRecipe(bench.models, cpu, second=second)(bench.frames[0].image, bench.boxes).shape == (10, 96, 160)
    masks = list(SessionRecipe(bench.models, cpu)([frame.image for frame in bench.frames[:2]], bench.boxes))
    assert [mask.shape for mask in masks] == [(10, 96, 160)] * 2
    assert {run() for run in bench.recipes.values()} == {2}


def test_speeds_are_medians_of_what_ran_after_the_warm_up(benchmark, bench, monkeypatch):
    clock = iter(np.cumsum([0, 9, 0, 9, 0, 2, 0, 1, 0, 4, 0, 1, 0, 8, 0, 1]).tolist())
    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: next(clock))
    three = benchmark.replace(bench, repeats=3)
    assert three.speeds(lambda: 8, lambda: 8, bench.runtime(1)) == (2.0, 8.0, 4.0)


@pytest.mark.slow
def test_one_command_prints_the_table_and_writes_the_records(benchmark, tmp_path, capsys):
    out = tmp_path / "gpu.json"
    assert benchmark.main(["--quick", "--batches", "2", "--frames", "10", "--repeats", "1", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "160×96, ten boxes a frame" in printed
    assert "cpu, float32" in printed
    records = json.loads(out.read_text())
    assert {record["table"] for record in records} == {"gpu"}
    figures = {(record["case"], record["measure"]): record for record in records}
    for stage in STAGES:
        fps, ratio = figures[f"{stage}/batch 2", "frames_per_second"], figures[f"{stage}/batch 2", "speed_ratio"]
        assert stage in printed
        assert ratio["value"] == pytest.approx(fps["value"] / fps["reference"], rel=1e-4)
        assert fps["reference_name"] == ("per-frame segment-anything" if "anything" in stage else "per-frame transformers")
    effects = {case for case, _ in figures if case.startswith("effect: ")}
    assert len(effects) == 6
    assert {record["goal"] for record in records} == {None}  # they are for full models on a GPU
    for stage in ("pipeline, detection in every frame", "pipeline, detection in every 10th"):
        assert figures[stage, "best_speed_ratio"]["value"] == figures[f"{stage}/batch 2", "speed_ratio"]["value"]


def test_goals_are_judged_on_a_gpu_only(benchmark, bench):
    judged = benchmark.replace(bench, judged=True, records=[])
    for ratio, size in ((2.5, 1), (3.5, 8)):
        case = f"pipeline, detection in every frame/batch {size}"
        judged.records.append(benchmark.Record("gpu", case, "speed_ratio", ratio, "", "higher"))
    benchmark.judge(judged)
    best, none = judged.records[-2:]
    assert (best.value, best.goal, best.met) == (3.5, 3.0, True)
    assert (none.value, none.goal, none.met) == (None, 8.0, False)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--size", "big"],
        ["--size", "8x8"],
        ["--batches", "0"],
        ["--batches", "1;2"],
        ["--names", "0"],
        ["--frames", "0"],
        ["--repeats", "0"],
    ],
)
def test_options_that_make_no_sense(benchmark, arguments, capsys):
    with pytest.raises(SystemExit) as raised:
        benchmark.main(["--quick", *arguments])
    assert raised.value.code == 2
    assert "--" in capsys.readouterr().err


def test_a_device_that_is_not_there(benchmark):
    with pytest.raises(SystemExit, match="unknown device 'gpu'"):
        benchmark.main(["--quick", "--device", "gpu"])
