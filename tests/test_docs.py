"""The documentation names what there is, its links lead somewhere, and its commands and Python run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

import kinescribe
from kinescribe import evaluation
from kinescribe.cli import main
from kinescribe.evaluation.scenes import two_pucks_collision
from kinescribe.plugins import KINDS
from kinescribe.states import (
    COLUMNS,
    STATUSES,
    ContactEvent,
    LeftOutMeta,
    Metadata,
    ObjectMeta,
    TimeMeta,
    VerificationMeta,
    VideoMeta,
    VoteMeta,
)
from kinescribe.states.schema import unit_of

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
COMMANDS = (
    "extract",
    "annotate",
    "import",
    "fit",
    "synthesize",
    "predict",
    "predict-video",
    "ask",
    "program",
    "scene",
    "render",
    "review",
    "compare",
    "validate",
    "demo",
    "doctor",
    "list",
)
GROUPS = {"weights": ("list", "check", "path")}
EVERY = (*COMMANDS, *(f"{group} {name}" for group, names in GROUPS.items() for name in names))
OPTION = re.compile(r"(?<![\w-])(--?[a-z][a-z-]*)")
BLOCK = re.compile(r"^```([a-z]+)(?: file=(\S+))?\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
MOST_PICTURE_BYTES = 400_000


def runnable(page: Path) -> list[tuple[str, str, str]]:
    """Kind, file name and text of a page's blocks that are run, or written to a file. README's commands have a test of their own."""
    kinds = ("python",) if page.name == "README.md" else ("python", "sh")
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [(kind, name, text) for kind, name, text in found if name or (kind in kinds and "pip install" not in text)]


RUNNABLE = [page for page in PAGES if runnable(page)]


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section(command: str) -> str:
    """What cli.md says of one command."""
    return text_of("reference/cli.md").split(f"## kinescribe {command}\n")[1].split("\n## ")[0]


def in_help(text: str) -> set[str]:
    """The options that a help text lists."""
    listed = re.findall(r"^ {2}(-.*?)(?: {2,}|$)", text, flags=re.MULTILINE)
    return {option for line in listed for option in OPTION.findall(line)}


def in_table(text: str) -> set[str]:
    """The options in the first cells of a page's tables."""
    return {option for line in text.splitlines() if line.startswith("| `-") for option in OPTION.findall(line.split("|")[1])}


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main([*command.split(), "--help"]) == 0
    return capsys.readouterr().out


def test_finder_sees_pages_with_blocks_to_run():
    assert {DOCS / "tutorial.md", DOCS / "howto" / "write-a-detector.md", ROOT / "README.md"} <= set(RUNNABLE)


def test_finders_see_options():
    listed = (
        "Options:\n  -o, --output CSV  The table; --unit.\n  --ends / --no-ends  Ends.\n  --pixels-per-unit NUMBER\n      more --other\n"
    )
    assert in_help(listed) == {"-o", "--output", "--ends", "--no-ends", "--pixels-per-unit"}
    assert in_table("| `-o CSV`, `--output CSV` | – | not --this |\n| `x` | `--nor-this` |\n") == {"-o", "--output"}


@pytest.mark.parametrize("command", EVERY)
def test_every_option_is_documented(command: str, capsys: pytest.CaptureFixture[str]):
    described = in_table(section(command)) | in_table(
        text_of("reference/cli.md").split("## Options of every command\n")[1].split("\n## ")[0]
    )
    if "All options of [extraction](#kinescribe-extract)" in section(command):
        described |= in_table(section("extract"))
    assert in_help(help_of(command, capsys)) - described == set()


@pytest.mark.parametrize("command", EVERY)
def test_every_documented_option_exists(command: str, capsys: pytest.CaptureFixture[str]):
    assert in_table(section(command)) - in_help(help_of(command, capsys)) == set()


def test_all_commands_are_documented(capsys: pytest.CaptureFixture[str]):
    assert main(["--help"]) == 0
    listed = re.findall(r"^  ([a-z-]+) {2,}\S", capsys.readouterr().out.split("Commands:")[1], flags=re.MULTILINE)
    assert tuple(listed) == (*COMMANDS, *GROUPS)
    assert "--version" in text_of("reference/cli.md")
    assert [kind for kind in KINDS if f"`{kind}`" not in section("list")] == []


def rows_of_columns() -> dict[str, list[str]]:
    """The cells of the row of each column, by its name."""
    table = text_of("reference/states-table.md").split("## Columns\n")[1].split("\n## ")[0]
    rows = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows.update(dict.fromkeys(re.findall(r"`(\w+)`", cells[0]), cells))
    return rows


def test_every_column_is_documented_with_type_and_unit():
    rows = rows_of_columns()
    assert set(rows) == {column.name for column in COLUMNS}
    world = kinescribe.Calibration.from_scale(10.0, "U")
    for column in COLUMNS:
        _, dtype, unit, meaning = rows[column.name]
        expected = unit_of(column, world) or ("0 to 1" if column.kind == "probability" else "–")
        assert (dtype, unit) == ("text" if column.dtype == "string" else column.dtype, expected), column.name
        if column.name != "status":  # has its own section
            assert [word for word in column.allowed if f"`{word}`" not in meaning] == []


def test_every_status_and_field_of_the_sidecar_is_documented():
    page = text_of("reference/states-table.md")
    assert [status for status in STATUSES if f"| `{status}` |" not in page] == []
    sidecar = page.split("## Sidecar\n")[1].split("\n## ")[0]
    models: tuple[type[BaseModel], ...] = (Metadata, VideoMeta, TimeMeta, ContactEvent, ObjectMeta, LeftOutMeta, VerificationMeta, VoteMeta)
    fields = {field for model in models for field in model.model_fields}
    assert {field for field in fields if f"`{field}`" not in sidecar} == set()


def test_every_exit_code_is_documented():
    from kinescribe import errors
    from kinescribe.cli.running import BROKEN_PIPE, INTERRUPTED, NOT_WHOLE

    own = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.KinescribeError)}
    listed = re.findall(r"^\| (\d+) \|", text_of("reference/cli.md").split("## Exit codes\n")[1], flags=re.MULTILINE)
    assert {int(code) for code in listed} == own | {0, NOT_WHOLE, INTERRUPTED, BROKEN_PIPE}


def test_every_measure_is_documented():
    page = text_of("reference/measures.md")
    assert [name for name in evaluation.__all__ if not re.search(rf"`{name}\b", page)] == []


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Relative targets of a page's links, and the anchors in them."""
    for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", page.read_text(encoding="utf-8"))):
        if not re.match(r"[a-z]+:", target):
            name, _, anchor = target.partition("#")
            yield name, anchor


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in links, as GitHub makes it of them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path):
    for name, anchor in links(page):
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), name
        assert not anchor or anchor in anchors(target), f"{name}#{anchor}"


def test_every_page_is_linked_from_the_index():
    linked = {(DOCS / name).resolve() for name, _ in links(DOCS / "index.md")}
    assert set(DOCS.rglob("*.md")) - linked == {DOCS / "index.md"}


def test_pictures_are_small():
    pictures = list((DOCS / "images").iterdir())
    assert pictures
    assert [picture.name for picture in pictures if picture.stat().st_size > MOST_PICTURE_BYTES] == []


def offer(folder: Path, project: str) -> None:
    """Make the plug-in of a pyproject.toml known in a folder, as installing it there would."""
    made = tomllib.loads(project)["project"]
    info = folder / f"{made['name'].replace('-', '_')}-{made['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {made['name']}\nVersion: {made['version']}\n")
    groups = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()) for group, points in made["entry-points"].items()]
    (info / "entry_points.txt").write_text("\n".join(groups))


def program_of(blocks: list[tuple[str, str]]) -> str:
    """One Python program that does what the blocks say, in their order; the Python of a page shares its names, as in one session."""
    return "\n".join(
        [
            "import subprocess, sys, matplotlib",
            "matplotlib.use('Agg')",
            "sys.path.insert(0, '')",
            "session = {}",
            f"for kind, text in {blocks!r}:",
            "    print('>>>', text, flush=True)",
            "    if kind == 'python':",
            "        exec(text, session)",
            "    elif subprocess.run(['bash', '-ec', text]).returncode:",
            "        sys.exit('failed: ' + text)",
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_and_python_of_a_page_run(page: Path, tmp_path: Path):
    """All blocks of a page, in a folder that holds a video.mp4, and two more in videos/."""
    scripts = Path(sys.executable).parent
    if shutil.which("bash") is None or not (scripts / "kinescribe").exists():
        pytest.skip("needs bash, and kinescribe installed beside this Python: pip install -e '.[test]'")
    folder, library = tmp_path / "work", tmp_path / "installed"
    folder.mkdir()
    library.mkdir()
    two_pucks_collision(frame_count=16).write(folder / "video.mp4")
    (folder / "videos" / "cam1").mkdir(parents=True)
    for count, name in ((14, "ball.mp4"), (15, "cam1/ball.mp4")):
        two_pucks_collision(frame_count=count).write(folder / "videos" / name)
    blocks = []
    for kind, name, text in runnable(page):
        if name == "pyproject.toml":
            offer(library, text)
        elif name:
            (library / name).write_text(text, encoding="utf-8")
        else:
            blocks.append((kind, text))
    environment = {
        **os.environ,
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(library), str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-c", program_of(blocks)]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr
