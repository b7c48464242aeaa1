"""Shards of one data set that run beside each other, each in a process of its own, as on a cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tiny_videos import draw_folder, leftovers

from kinescribe import extract_states
from kinescribe.annotation.batch import annotate, status

CODE = "import sys; from kinescribe.cli import main; sys.exit(main())"


def test_two_shards_beside_each_other_come_to_one_data_set(tmp_path: Path):
    videos, out = draw_folder(tmp_path / "videos", 4), tmp_path / "out"
    command = [sys.executable, "-c", CODE, "annotate", str(videos), "-o", str(out), "--no-report", "--json", "--workers", "1", "--shard"]
    running = [subprocess.Popen([*command, f"{k}/2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for k in (1, 2)]
    ended = [(*process.communicate(timeout=120), process.returncode) for process in running]
    assert [code for _, _, code in ended] == [0, 0], ended
    told: list[dict[str, Any]] = [json.loads(printed) for printed, _, _ in ended]
    assert [(one["videos"], one["done"], one["failed"]) for one in told] == [(2, 2, 0)] * 2
    found = status(out)
    assert (dict(found.states), found.running, found.whole) == ({"done": 4}, False, True)
    assert leftovers(out) == []
    beside = {path.name for path in (out / ".kinescribe").iterdir()}
    assert beside == {"run.lock"} | {kind for k in (1, 2) for kind in (f"manifest-{k}-of-2.sqlite", f"shard-{k}-of-2.lock")}
    # a run over all finds all done, and each as it is by itself
    whole = annotate(videos, out, report=False)
    assert (whole.videos, whole.done, whole.unchanged) == (4, 0, 4)
    for name in ("clip-000.mp4", "clip-001.mp4"):
        extract_states(videos / name, masks=tmp_path / "alone.masks.jsonl.gz").to_csv(tmp_path / "states.csv")
        assert (out / "states" / name / "states.csv").read_bytes() == (tmp_path / "states.csv").read_bytes()
