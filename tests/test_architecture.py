"""Imports run one way, and what starts the command line stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "kinescribe"
ALL_BUT_CLI = {
    "annotation",
    "assembly",
    "dynamics",
    "evaluation",
    "foretelling",
    "labelling",
    "llm",
    "logs",
    "perception",
    "pipeline",
    "plugins",
    "renderers",
    "settings",
    "states",
    "tracking",
    "video",
}
# What each part may import of ours, beside itself and `errors`. A dotted name allows one module of a package.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "logs": set(),
    "plugins": set(),
    "video": set(),
    "llm": set(),
    "perception": {"video", "llm", "plugins"},
    "tracking": {"perception.detections", "perception.sightings"},
    "states": set(),
    "dynamics": {"states", "llm", "plugins"},
    "renderers": {"states", "video", "plugins", "perception.background"},
    "labelling": {"video", "perception", "plugins", "tracking", "states"},
    "assembly": {"labelling", "video", "tracking", "states"},
    "pipeline": {"assembly", "labelling", "llm", "video", "perception", "tracking", "states", "plugins", "renderers.reviewing"},
    "settings": {"states", "llm", "perception", "labelling", "plugins", "video.selection"},
    "evaluation": ALL_BUT_CLI - {"evaluation", "annotation", "foretelling"},
    "foretelling": {"pipeline", "dynamics", "renderers", "states", "video", "plugins", "llm", "perception", "evaluation.video"},
    "annotation": ALL_BUT_CLI - {"annotation", "foretelling"},
    "cli": ALL_BUT_CLI,
}


def imported(source: str, module: str, is_package: bool) -> Iterator[str]:
    """Dotted names, without the leading ``kinescribe.``, of all our modules that a module's source imports, at any depth."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{stem}.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("kinescribe."):
                yield name.removeprefix("kinescribe.")


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("kinescribe", *path.relative_to(ROOT).with_suffix("").parts)
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def edges() -> Iterator[tuple[str, str]]:
    """Pairs of importing module and imported name."""
    for module, path in modules():
        if module == "kinescribe":
            continue  # the front door hands out names from everywhere
        own = module.removeprefix("kinescribe.")
        for name in imported(path.read_text(encoding="utf-8"), module, path.name == "__init__.py"):
            yield own, name


def test_finder_sees_every_form_of_import():
    source = (
        "import kinescribe.cli.app\nfrom kinescribe.video import Frame\nfrom ..errors import InputError\nfrom . import frame\n"
        "def f():\n    from kinescribe import states\nimport numpy\n"
    )
    assert set(imported(source, "kinescribe.video.reader", False)) == {
        "cli.app",
        "video.Frame",
        "errors.InputError",
        "video.frame",
        "states",
    }
    assert set(imported("from .frame import Frame", "kinescribe.video", True)) == {"video.frame.Frame"}


def test_every_part_has_its_rule():
    parts = {module.split(".")[1] for module, _ in modules() if "." in module}
    assert parts <= ALLOWED.keys(), "a new package needs its line in ALLOWED, and in the architecture"


def test_imports_run_one_way():
    wrong = []
    for module, name in edges():
        part, target = module.split(".")[0], name.split(".")[0]
        if target in (part, "errors") or target.startswith("__"):
            continue
        if not any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED[part]):
            wrong.append(f"kinescribe.{module} imports kinescribe.{name}")
    assert not wrong


def test_nothing_imports_the_command_line():
    assert not [module for module, name in edges() if name.split(".")[0] == "cli" and module.split(".")[0] != "cli"]


def test_allowed_imports_make_no_circle():
    graph = {part: {name.split(".")[0] for name in names} - {part} for part, names in ALLOWED.items()}
    while graph:
        free = [part for part, names in graph.items() if not names & graph.keys()]
        assert free, f"a circle among {sorted(graph)}"
        for part in free:
            del graph[part]


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.splitlines()[-1].split())


HEAVY = {"av", "cv2", "matplotlib", "numba", "numpy", "pandas", "scipy", "supervision", "torch"}


@pytest.mark.parametrize(
    "statement", ["import kinescribe", "import kinescribe.cli", "from kinescribe.cli import main; main(['extract', '--help'])"]
)
def test_start_is_light(statement: str):
    assert not loaded_by(statement) & HEAVY


@pytest.mark.parametrize("name", ["video", "states", "renderers", "tracking", "pipeline"])
def test_packages_leave_the_heaviest_until_needed(name: str):
    assert not loaded_by(f"import kinescribe.{name}") & {"matplotlib", "pandas", "supervision", "torch"}


LEARNED = {"torch", "torchvision", "transformers", "segment_anything", "httpx", "huggingface_hub"}


def test_the_default_backend_needs_nothing_learned(tmp_path: Path):
    run = (
        "from kinescribe.evaluation.scenes import falling_ball\nfrom kinescribe import extract_states\n"
        "scene = falling_ball(frame_count=12)\nstates = extract_states(scene.images(), times=scene.times)\nassert len(states)"
    )
    assert not loaded_by(run) & LEARNED


@pytest.mark.parametrize(
    "words", [["list", "backends"], ["list"], ["weights", "list"], ["weights", "check", "sam3"], ["extract", "x.mp4", "--backend=sam3"]]
)
def test_telling_what_is_there_needs_nothing_learned(words: list[str]):
    assert not loaded_by(f"from kinescribe.cli import main; main({words!r})") & LEARNED


def test_public_names_exist():
    import kinescribe

    missing = [name for name in kinescribe.__all__ if not hasattr(kinescribe, name)]
    assert not missing
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = kinescribe.no_such_name
