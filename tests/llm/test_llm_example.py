"""The example of the page on vision-language models runs as it stands, but for the address of its endpoint."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fake_server import FakeServer

from kinescribe.evaluation.scenes import two_pucks_collision

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "use-a-vlm.md"


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    (code,) = re.findall(r"^```py\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    two_pucks_collision(frame_count=12).write(tmp_path / "video.mp4")
    with FakeServer({"objects": [{"phrase": "red disc", "why": "it moves"}]}, {"motion": "sliding"}) as server:
        assert code.count("http://localhost:11434/v1") == 1
        space: dict[str, object] = {"__name__": "example"}
        exec(compile(code.replace("http://localhost:11434/v1", server.url), "example", "exec", dont_inherit=True), space)
        assert server.requests[-1].images
    assert "sliding" in capsys.readouterr().out
    assert list((tmp_path / "answers").iterdir())
