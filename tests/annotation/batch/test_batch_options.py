"""Options from Python: what makes no sense is a line before anything is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_videos import draw

from kinescribe.annotation.batch import DataSetOptions, RunOptions, annotate, annotating
from kinescribe.annotation.batch.options import products_of
from kinescribe.errors import UsageError


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (RunOptions(timeout=None), "timeout=None must be a number of seconds"),  # type: ignore[arg-type]
        (RunOptions(timeout="5"), "timeout='5'"),  # type: ignore[arg-type]
        (RunOptions(timeout=True), "timeout=True"),
        (RunOptions(max_memory="4GB"), "max_memory='4GB' must be bytes"),  # type: ignore[arg-type]
        (RunOptions(max_memory=float("nan")), "max_memory=nan"),
        (RunOptions(redo="no"), "redo='no' must be True or False"),  # type: ignore[arg-type]
        (RunOptions(retry_failed=1), "retry_failed=1"),  # type: ignore[arg-type]
        (RunOptions(only=[3]), r"only=\[3\]"),  # type: ignore[list-item]
        (RunOptions(only=None), "only=None"),  # type: ignore[arg-type]
        (RunOptions(engine="ray", exchange=Path("x")), "exchange=.*must be a text"),  # type: ignore[arg-type]
        (DataSetOptions(seed="x"), "seed='x' must be a whole number"),  # type: ignore[arg-type]
        (DataSetOptions(hidden="no"), "hidden='no' must be True or False"),  # type: ignore[arg-type]
        (DataSetOptions(verified_only=1), "verified_only=1"),  # type: ignore[arg-type]
        (DataSetOptions(labels="disc"), "labels='disc' must be a list"),
        (DataSetOptions(labels=["a", 2]), "labels="),  # type: ignore[list-item]
        (DataSetOptions(labels="two\nlines" * 50), "labels="),
        (DataSetOptions(pictures=["jpg"]), "picture format"),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_another_kind_of_value_is_refused_in_one_line(options: RunOptions | DataSetOptions, says: str):
    with pytest.raises(UsageError, match=says) as told:
        options.check()
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 200


@pytest.mark.parametrize("wrong", [{"overlay": "no", "report": None}, {"overlay": False, "report": "no"}])
def test_products_are_true_or_false(wrong: dict[str, Any]):
    with pytest.raises(UsageError, match="='no' must be True"):
        products_of(**wrong)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("worker", "did you mean 'workers'"),
        ("time_out", "did you mean 'timeout'"),
        ("verified_onl", "did you mean 'verified_only'"),
        ("objcts", "did you mean 'objects'"),
        ("overlays", "did you mean 'overlay'"),
        ("picture_stride", "'picture_stride' is 'stride' here"),
        ("progress", "'progress' is 'watch' here"),
        ("label", "'label' is 'labels' here"),
    ],
)
def test_an_unknown_option_is_compared_with_all_there_are(tmp_path: Path, name: str, says: str):
    with pytest.raises(UsageError, match=says):
        annotate(tmp_path, tmp_path / "out", **{name: 2})
    assert not (tmp_path / "out").exists()


def test_what_an_engine_warns_of_is_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Idle:
        workers = 1
        warnings = ("cannot remove 'x' from the exchange",)

        def run(self, jobs: Any, on_event: Any) -> None: ...

    monkeypatch.setattr(annotating, "_engine", lambda how, setups, names: Idle())
    draw(tmp_path / "a.mp4")
    assert annotate(tmp_path / "a.mp4", tmp_path / "out", report=False).warnings == ["cannot remove 'x' from the exchange"]
