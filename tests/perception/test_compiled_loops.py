"""What is compiled on the first run, and said so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kinescribe import pipeline
from kinescribe.perception import looking
from kinescribe.pipeline import extract_states


def film() -> np.ndarray:
    rng = np.random.default_rng(0)
    out = 120 + rng.normal(0, 2, (12, 60, 90, 3))
    for k, image in enumerate(out):
        image[20:34, 8 + 5 * k : 22 + 5 * k] = (40, 60, 220)
    return np.clip(out, 0, 255).round().astype(np.uint8)


def test_whether_the_loops_are_kept_is_known_before_they_run(tmp_path: Path) -> None:
    code = "from kinescribe.perception.classical.compiled import are_kept; print(are_kept())"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
    extract_states(film(), times=np.arange(12) / 10)
    from kinescribe.perception.classical.compiled import are_kept

    assert are_kept()


@pytest.mark.parametrize("kept", [True, False])
def test_the_first_run_says_that_it_compiles(monkeypatch: pytest.MonkeyPatch, kept: bool) -> None:
    monkeypatch.setattr(looking, "are_kept", lambda: kept)
    monkeypatch.setattr(pipeline, "_smoother_is_kept", lambda: True)
    stages: list[str] = []
    extract_states(film(), times=np.arange(12) / 10, progress=lambda stage, done, total: stages.append(stage))
    assert (looking.COMPILING in stages) is not kept
    assert "detect" in stages


@pytest.mark.parametrize("kept", [True, False])
def test_the_smoother_is_compiled_after_the_video_was_seen(monkeypatch: pytest.MonkeyPatch, kept: bool) -> None:
    monkeypatch.setattr(looking, "are_kept", lambda: True)
    monkeypatch.setattr(pipeline, "_smoother_is_kept", lambda: kept)
    stages: list[str] = []
    extract_states(film(), times=np.arange(12) / 10, progress=lambda stage, done, total: stages.append(stage))
    assert (looking.COMPILING in stages) is not kept
    assert kept or stages.index(looking.COMPILING) > stages.index("detect")
    from kinescribe.tracking.compiled_smoother import are_kept

    assert are_kept()
