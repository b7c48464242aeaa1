"""``kinescribe render``: states back to video."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from kinescribe.errors import UsageError

__all__ = ["render"]


def render(
    table: Annotated[Path, typer.Argument(metavar="STATES.CSV", help="States, seen or predicted.")],
    scene: Annotated[Path, typer.Option(metavar="FOLDER", help="What 'kinescribe scene' wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="MP4", help="The video.")],
    ghost: Annotated[
        Path | None, typer.Option(metavar="STATES.CSV", help="Other states, half transparent beneath: what really happened.")
    ] = None,
    frame_rate: Annotated[float | None, typer.Option(metavar="HZ", help="Frames a second. [default: the table's times]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON on stdout.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Draw the states of STATES.CSV with the plate and the sprites of a scene.

    Exit codes: 0 done, 2 usage, 3 input unreadable, 4 nothing found, 130 interrupted.
    """
    from kinescribe.cli.outputs import check
    from kinescribe.cli.progress import progress_bar

    if output.suffix.lower() != ".mp4":
        raise UsageError(f"the video '{output}' must end in .mp4; no other container is written")
    check([output], overwrite=overwrite, source=table.resolve())

    from kinescribe.renderers import Scene
    from kinescribe.renderers import render as draw
    from kinescribe.states import read

    states, beneath = read(table), None if ghost is None else read(ghost)
    with progress_bar(quiet) as progress:
        drawn = draw(states, Scene.read(scene), output, ghost=beneath, frame_rate=frame_rate, progress=progress)
    if as_json:
        print(json.dumps({"video": str(output), "rows_drawn": drawn}, indent=2, ensure_ascii=False))
    if not quiet:
        print(f"{drawn} rows drawn\nwrote {output}", file=sys.stderr)
    return 0
