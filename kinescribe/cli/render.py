"""``kinescribe render``: states back to video."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from kinescribe.errors import UsageError

__all__ = ["depths_of", "render"]


def render(
    table: Annotated[Path, typer.Argument(metavar="STATES.CSV", help="States, seen or predicted.")],
    scene: Annotated[Path, typer.Option(metavar="FOLDER", help="What 'kinescribe scene' wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="MP4", help="The video.")],
    ghost: Annotated[
        Path | None, typer.Option(metavar="STATES.CSV", help="Other states, half transparent beneath: what really happened.")
    ] = None,
    depth: Annotated[
        list[str] | None, typer.Option(metavar="ID=NUMBER", help="Who hides whom: the greater, the nearer. May be repeated.")
    ] = None,
    renderer: Annotated[str, typer.Option(metavar="NAME", help="sprites, shapes (no pixels of the video), or a plug-in.")] = "sprites",
    frame_rate: Annotated[float | None, typer.Option(metavar="HZ", help="Frames a second. [default: the table's times]")] = None,
    crf: Annotated[int, typer.Option(metavar="0..51", help="x264's quality: 0 loses nothing, larger is smaller.")] = 18,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON on stdout.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 on any warning.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Draw the states of STATES.CSV with the plate and the sprites of a scene.

    Exit codes: 0 done, 2 usage, 3 input unreadable, 4 nothing found, 5 warnings under --strict, 130 interrupted.
    """
    from kinescribe.cli.outputs import check
    from kinescribe.cli.progress import progress_bar
    from kinescribe.cli.running import NOT_WHOLE

    if output.suffix.lower() != ".mp4":
        raise UsageError(f"the video '{output}' must end in .mp4; no other container is written")
    check([output], overwrite=overwrite, source=table.resolve())

    from kinescribe.renderers import Scene
    from kinescribe.renderers import render as draw
    from kinescribe.states import read

    depths = depths_of(depth)
    states, beneath = read(table), None if ghost is None else read(ghost)
    with progress_bar(quiet) as progress:
        made = draw(
            states,
            Scene.read(scene).with_depths(depths),
            output,
            ghost=beneath,
            renderer=renderer,
            frame_rate=frame_rate,
            crf=crf,
            progress=progress,
        )
    if as_json:
        told = {
            "video": str(output),
            "rows_drawn": made.rows,
            "rows_outside": made.outside,
            "drawn_from_shape": made.from_shape,
            "left_out": made.left_out,
            "warnings": made.warnings(),
        }
        print(json.dumps(told, indent=2, ensure_ascii=False))
    for line in made.warnings():
        print(f"kinescribe: warning: {line}", file=sys.stderr)
    if not quiet:
        print(f"{made.rows} rows drawn\nwrote {output}", file=sys.stderr)
    return NOT_WHOLE if strict and made.warnings() else 0


def depths_of(texts: list[str] | None) -> dict[int, int]:
    """Depths by object from ID=NUMBER. Raises `UsageError` for what isn't that."""
    out = {}
    for text in texts or []:
        found = re.fullmatch(r"\s*(\d{1,9})\s*=\s*(-?\d{1,9})\s*", text)
        if found is None:
            raise UsageError(f"--depth '{text}' must be an object's id and a whole number, such as 2=10")
        out[int(found[1])] = int(found[2])
    return out
