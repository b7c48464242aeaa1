"""The command line in this process, and a stand-in for the work that it starts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kinescribe.cli import main
from kinescribe.evaluation.scenes import two_pucks_collision
from kinescribe.states import States


@dataclass(frozen=True)
class Ran:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


@dataclass
class StandIn:
    """Takes the place of the extraction: hands out a table, or raises, and remembers how it was called."""

    table: States
    error: BaseException | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)

    def extract_states(self, source: object, **options: Any) -> States:
        self.calls.append({"source": source, **options})
        if self.error is not None:
            raise self.error
        if options.get("masks") is not None:
            Path(options["masks"]).write_bytes(b"masks")
        return self.table


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the command line with some arguments."""

    def call(*arguments: object, entry: Callable[[list[str]], int] = main) -> Ran:
        capsys.readouterr()
        code = entry([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return call


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short video of two pucks that collide."""
    path = tmp_path_factory.mktemp("drawn") / "video.mp4"
    two_pucks_collision(frame_count=12).write(path)
    return path


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, table_of: Callable[..., States], tmp_path: Path) -> StandIn:
    """Replace the extraction, and work in an empty folder."""
    made = StandIn(table_of(two_pucks_collision(frame_count=12)))
    module = ModuleType("kinescribe.pipeline")
    module.extract_states = made.extract_states  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kinescribe.pipeline", module)
    monkeypatch.chdir(tmp_path)
    return made
