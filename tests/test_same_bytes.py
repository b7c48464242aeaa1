"""The same video and settings give the same files, byte for byte, whatever the process, its threads, its folder and the outputs' names."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from kinescribe.evaluation.scenes import falling_ball, two_pucks_collision
from kinescribe.video import VideoWriter

# What glibc fills fresh memory with, so that whoever reads what nobody wrote reads something else; other systems pass over it.
DIRTY = {"MALLOC_PERTURB_": "1", "MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TOP_PAD_": "100000000"}
FORMATS = ("coco", "yolo", "mot", "voc", "cvat")
WORK = textwrap.dedent(
    """
    import os, sys
    video, out, threads, formats = sys.argv[1:]
    if int(threads) == 1 and hasattr(os, "sched_setaffinity"):  # what decoders and encoders count as this machine's cores
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import cv2
    cv2.setNumThreads(int(threads))
    import kinescribe as ks
    from kinescribe.annotation import export
    from kinescribe.renderers import draw_overlay
    os.mkdir(out)
    masks = f"{out}/{os.path.basename(out)}.masks.jsonl.gz"
    states = ks.extract_states(video, objects="red ball | blue ball", masks=masks, review=True)
    states.to_csv(f"{out}/{os.path.basename(out)}.csv")
    draw_overlay(ks.open_video(video), states, f"{out}/{os.path.basename(out)}.mp4")
    export([(states, video, masks)], f"{out}/set", formats.split(","), stride=4, hidden=True)
    """
)


def _files(folder: Path) -> dict[str, bytes]:
    """All files under a folder, by name; names that begin with the folder's own, without it."""
    return {
        str(path.relative_to(folder)).removeprefix(folder.name): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The outputs of two processes that have nothing in common but the video's name and content."""
    base = tmp_path_factory.mktemp("bytes")
    near, far = base / "film.mp4", base / "ä b" / "film.mp4"
    far.parent.mkdir()
    two_pucks_collision(frame_count=10, width=320, height=240).write(near)
    far.write_bytes(near.read_bytes())
    formats = ",".join(FORMATS)
    settings = (
        (base, ["film.mp4", "one", "1", formats], {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **DIRTY}),
        (
            far.parent,
            [str(far), str(base / "another"), "3", formats],
            {"PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "TZ": "Asia/Tokyo"},
        ),
    )
    source = str(Path(__file__).parents[1])
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WORK, *words],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": source, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        for cwd, words, environment in settings
    ]
    for process in running:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
    return [base / "one", base / "another"]


def test_two_processes_write_the_same_bytes(written: list[Path]) -> None:
    one, another = (_files(folder) for folder in written)
    assert {".csv", ".meta.json", ".masks.jsonl.gz", ".mp4", "set/export.json"} <= set(one)
    assert set(one) == set(another)
    assert [name for name in one if one[name] != another[name]] == []


def test_compressed_masks_tell_neither_file_name_nor_time(written: list[Path]) -> None:
    for folder in written:
        data = (folder / f"{folder.name}.masks.jsonl.gz").read_bytes()
        flags, stamp = data[3], data[4:8]
        assert (flags, stamp) == (0, bytes(4))
        assert gzip.decompress(data).startswith(b'{"frame": 0, ')


def test_the_encoder_is_set_alike_on_any_machine(tmp_path: Path) -> None:
    # x264 writes its settings into the file: the number of this machine's cores mustn't be among them.
    scene = falling_ball(frame_count=3)
    with VideoWriter(tmp_path / "film.mp4") as writer:
        for image, time_s in scene.frames():
            writer.write(image, time_s)
    assert b" threads=4 lookahead_threads=1 sliced_threads=0 " in (tmp_path / "film.mp4").read_bytes()
