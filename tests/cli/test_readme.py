"""The README's commands use options that exist, and those that can run here do run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from kinescribe.cli import extract, main

README = Path(__file__).parents[2] / "README.md"
PROGRAMS = ("kinescribe", "extract-states")


def commands(text: str) -> list[list[str]]:
    """The words of each of our command lines in the fenced ``sh`` blocks, in order; without prompts, comments and redirections."""
    found = []
    for block in re.findall(r"^```(?:sh|bash|shell|console)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.shlex(line.strip().removeprefix("$ "), posix=True, punctuation_chars=True)
            words.whitespace_split = True
            parts: list[list[str]] = [[]]
            for word in words:
                if set(word) <= set(";&|<>()"):
                    parts.append([])
                else:
                    parts[-1].append(word)
            found += [part for part in parts if part and part[0] in PROGRAMS]
    return found


def test_finds_commands_in_fenced_blocks():
    text = (
        "```sh\npip install . && kinescribe demo\n$ kinescribe extract video.mp4 \\\n  --scale '1 m: 1,2 3,4'  # a stick\n```\n"
        "kinescribe list\n```python\nkinescribe doctor\n```\n```sh\nextract-states video.mp4 -o - | head > out.csv\n"
        "pip install '.[a;b]' && kinescribe list\n```\n"
    )
    assert commands(text) == [
        ["kinescribe", "demo"],
        ["kinescribe", "extract", "video.mp4", "--scale", "1 m: 1,2 3,4"],
        ["extract-states", "video.mp4", "-o", "-"],
        ["kinescribe", "list"],
    ]


def readme_commands() -> list[list[str]]:
    return commands(README.read_text(encoding="utf-8")) if README.exists() else []


@pytest.mark.parametrize("words", [pytest.param(words, id=" ".join(words)) for words in readme_commands()])
def test_options_in_readme_exist(run, words):
    if words[0] == "kinescribe" and len(words) > 1 and not words[1].startswith("-"):
        help_text = run(words[1], "--help")
    else:
        help_text = run("--help", entry=main if words[0] == "kinescribe" else extract.main)
    assert help_text.code == 0, help_text.err
    options = {word.split("=")[0] for word in words if re.fullmatch(r"--?[a-z][a-z-]*(=.*)?", word)}
    missing = {option for option in options if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_text.out)}
    assert not missing


def test_readme_commands_run_in_order(run, drawn, tmp_path, monkeypatch):
    """Those on video.mp4, and those on what the ones before them wrote; each ends well, or finds nothing where it names objects."""
    monkeypatch.chdir(tmp_path)
    Path("video.mp4").write_bytes(drawn.read_bytes())
    Path("videos").mkdir()
    Path("videos/ball.mp4").write_bytes(drawn.read_bytes())
    ran_any = False
    for words in readme_commands():
        inputs = [word for word in words[1:3] if word.endswith((".mp4", ".csv", ".mov", ".avi"))]
        if words[1:2] in (["demo"], ["doctor"]) or not all(Path(word).exists() for word in inputs):
            continue  # the demo has its own test, the doctor's answer depends on the machine, other videos are the reader's
        extra = [] if words[1:2] in (["list"], ["validate"], ["annotate"]) or "--help" in words or "--version" in words else ["--overwrite"]
        ran = run(*words[1:], *extra, entry=main if words[0] == "kinescribe" else extract.main)
        assert ran.code in ((0, 4) if "--objects" in words else (0,)), f"{' '.join(words)}: {ran.err}"
        ran_any = True
    if not ran_any:
        pytest.skip("no command of the README can run here")
