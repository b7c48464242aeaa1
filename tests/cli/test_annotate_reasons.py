"""Why a video of a data set isn't whole: told with options as they were typed, wherever it is told."""

from __future__ import annotations

import json
from html import unescape

import pytest

START = "--start 99 is beyond the end of 'video.mp4': its last frame is 11"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--start", "99"], START),
        (["--start", "2f", "--end", "3f"], "frame 2 alone of video.mp4 is looked at (--start 2f, --end 3f); motion"),
    ],
)
def test_reasons_name_options_as_they_were_typed(run, drawn, tmp_path, words, told):
    folder = tmp_path / "data set"
    ran = run("annotate", drawn, "-o", folder, "--json", *words)
    assert ran.code == 5
    (line,) = [line for line in ran.err.splitlines() if line.startswith("[1/1]")]
    assert line.startswith(f"[1/1] video.mp4: settings: {told}")
    assert f"{words[0][2:]}=" not in ran.err
    assert json.loads(ran.out)["not_whole"][0]["reason"].startswith(told)
    asked = run("annotate", "status", folder, "--json")
    assert json.loads(asked.out)["wanting"][0]["reason"].startswith(told)
    assert f"{words[0][2:]}=" not in run("annotate", "status", folder).out
    page = unescape((folder / "report.html").read_text(encoding="utf-8"))
    assert f"settings: {told}" in page
    assert f"settings: {words[0][2:]}=" not in page
    assert "start=…" not in page
