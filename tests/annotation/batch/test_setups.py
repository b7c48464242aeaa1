"""What the videos' settings mean for a run: of those that it is about, and of no others."""

from __future__ import annotations

import pytest

from kinescribe.annotation.batch import annotating, setups
from kinescribe.annotation.batch.engines import LocalEngine
from kinescribe.annotation.batch.jobs import Products
from kinescribe.annotation.batch.options import RunOptions
from kinescribe.annotation.batch.setups import Setups
from kinescribe.errors import InputError
from kinescribe.settings import ExtractionSettings, Overrides

NAMES = ["cam1/a.mp4", "cam1/b.mp4", "cam2/a.mp4", "cam2/b.mp4", "cam2/c.mp4"]


def revisions(settings: ExtractionSettings) -> dict[str, str]:
    """As if 'grounded-sam' were here with its weights, and 'sam3' without them."""
    if settings.backend == "sam3":
        raise InputError("no weights for sam3")
    return {"detector": "grounding-dino of kinescribe, weights abc" if settings.backend == "grounded-sam" else "classical of kinescribe"}


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setups, "revisions_of", revisions)
    monkeypatch.setattr(annotating, "cores", lambda: 8)


def made(base: str, cam2: str | None = None, **more: str) -> Setups:
    tables = [] if cam2 is None else [{"match": "cam2/*", "backend": cam2, **more}]
    return Setups(Overrides.read(ExtractionSettings.of({"backend": base, "objects": "ball"}), tables), Products(report=False))


def engine(some: Setups, names: list[str], monkeypatch: pytest.MonkeyPatch, devices: list[str] | None, **how: int) -> LocalEngine:
    monkeypatch.setattr(annotating, "gpus", lambda: pytest.fail("no model runs on a GPU") if devices is None else devices)
    built = annotating._engine(RunOptions(**how), some, names)
    assert isinstance(built, LocalEngine)
    return built


def test_only_the_videos_that_are_to_be_done_count():
    assert made("classical", "grounded-sam").learned(NAMES) == {"auto"}
    assert made("classical", "grounded-sam").learned(NAMES[:2]) == set()
    assert made("grounded-sam", "classical").learned(NAMES[2:]) == set()
    assert made("classical", "grounded-sam", device="cpu").learned(NAMES) == {"cpu"}


def test_a_base_that_no_video_uses_is_not_asked_for_its_weights(monkeypatch: pytest.MonkeyPatch):
    some = made("sam3", "classical")
    some.check(NAMES[2:])
    assert engine(some, NAMES[2:], monkeypatch, None).workers == 3
    with pytest.raises(InputError, match="no weights"):
        some.learned(NAMES)


def test_without_models_there_is_a_worker_a_core_and_no_more_than_videos(monkeypatch: pytest.MonkeyPatch):
    assert engine(made("classical"), NAMES, monkeypatch, None).workers == 5
    assert engine(made("classical"), NAMES * 2, monkeypatch, None).workers == 8
    assert engine(made("classical"), NAMES, monkeypatch, None, workers=2).workers == 2


def test_models_of_single_videos_get_a_gpu_each(monkeypatch: pytest.MonkeyPatch):
    built = engine(made("classical", "grounded-sam"), NAMES, monkeypatch, ["0", "1"])
    assert built.workers == 2
    assert [one._more for one in built._processes] == [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]
    assert {one._threads for one in built._processes} == {4}


def test_models_on_the_cpu_get_all_cores_and_nobody_looks_for_gpus(monkeypatch: pytest.MonkeyPatch):
    built = engine(made("classical", "grounded-sam", device="cpu"), NAMES, monkeypatch, None)
    assert (built.workers, built._processes[0]._threads) == (1, 8)
    built = engine(made("classical", "grounded-sam", device="cpu"), NAMES, monkeypatch, None, threads=3)
    assert (built.workers, built._processes[0]._threads) == (1, 3)


def test_a_device_by_its_number_stays_in_sight(monkeypatch: pytest.MonkeyPatch):
    built = engine(made("grounded-sam", "grounded-sam", device="cuda:1"), NAMES, monkeypatch, ["0", "1"])
    assert [one._more for one in built._processes] == [{}]
